package netsuite_test

import (
	"testing"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	shop(a)
	ctx := t.Context()
	bill := netsuite.Link{PO: 4001, Doc: 6001, Type: netsuite.TypeVendorBill}
	receipt := netsuite.Link{PO: 4001, Doc: 5001, Type: netsuite.TypeItemReceipt}
	credit := netsuite.Link{PO: 4001, Doc: 7001, Type: netsuite.TypeVendorCredit}
	// A credit that was only applied to the bill: no createdfrom, a link row.
	if err := a.Exec("UPDATE transactionline SET createdfrom = NULL WHERE transaction = 7001"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		read func() ([]netsuite.Link, error)
		want []netsuite.Link
	}{
		{"orders of a bill", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 6001) }, []netsuite.Link{bill}},
		{"orders of a receipt", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 5001) }, []netsuite.Link{receipt}},
		{"orders of a credit, through its bill", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 7001) }, []netsuite.Link{credit}},
		{"orders of a credit without a bill", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 7002) }, nil},
		{"orders of an order", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 4001) }, nil},
		{"orders of nothing", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx) }, nil},
		{"orders of several", func() ([]netsuite.Link, error) { return a.OrdersOf(ctx, 5001, 6001, 7001) }, []netsuite.Link{receipt, bill, credit}},
		{"documents of an order", func() ([]netsuite.Link, error) { return a.DocumentsOf(ctx, 4001) }, []netsuite.Link{receipt, bill, credit}},
		{"documents of a bill", func() ([]netsuite.Link, error) { return a.DocumentsOf(ctx, 6001) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			diff(t, got, c.want)
		})
	}
	t.Run("the credit names the bill it was applied to", func(t *testing.T) {
		got, err := a.Credits(ctx, 7001, 7002)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, [][]netsuite.ID{got[7001].CreatedFrom, got[7002].CreatedFrom}, [][]netsuite.ID{{6001}, nil})
	})
}
