package netsuite_test

import (
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// The awkward sides of accounts read the same.
func TestReadVariants(t *testing.T) {
	t.Parallel()
	plain := openAccount(t, netsuitetest.Options{}, "p256")
	shop(plain)
	for _, c := range []struct {
		name string
		o    netsuitetest.Options
		// edit makes of the plain bill what this account shows.
		edit func(*netsuite.Bill)
	}{
		{"not OneWorld", netsuitetest.Options{NotOneWorld: true}, func(b *netsuite.Bill) { b.Subsidiary = 0 }},
		{"keys in upper case", netsuitetest.Options{UpperCaseKeys: true}, nil},
		{"numbers like Oracle's", netsuitetest.Options{OracleNumbers: true}, nil},
		{"status with its type", netsuitetest.Options{LongStatus: true}, func(b *netsuite.Bill) { b.StatusText = "" }},
		{"several books", netsuitetest.Options{MultiBook: true}, nil},
		{"one book, its column hidden", netsuitetest.Options{HideColumns: []string{"transactionaccountingline.accountingbook"}}, nil},
		{"no approvals", netsuitetest.Options{NoApprovals: true}, func(b *netsuite.Bill) { b.Approval = 0 }},
		{"no account numbers", netsuitetest.Options{NoAccountNumbers: true}, func(b *netsuite.Bill) {
			b.Payable.Number = ""
			for i := range b.Lines {
				b.Lines[i].Account.Number = ""
			}
		}},
		{"SuiteTax", netsuitetest.Options{SuiteTax: true}, func(b *netsuite.Bill) { b.Lines = b.Lines[:3] }},
		{"optional columns hidden", netsuitetest.Options{HideColumns: []string{"transaction.voided", "transaction.terms", "transactionline.subsidiary", "transactionline.units"}}, func(b *netsuite.Bill) {
			b.TermsID, b.Terms, b.Subsidiary = 0, "", 0
			for i := range b.Lines {
				b.Lines[i].Units = 0
			}
		}},
		{"expires_in as text", netsuitetest.Options{ExpiresInText: true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, c.o, "p256")
			shop(a)
			want, err := plain.Bills(t.Context(), 6001)
			if err != nil {
				t.Fatal(err)
			}
			b := want[6001]
			if c.edit != nil {
				c.edit(&b)
			}
			got, err := a.Bills(t.Context(), 6001)
			g := one(t, got, err, 6001)
			if c.o.LongStatus {
				g.StatusText = "" // looked up by the bare letter
			}
			diff(t, g, b)
		})
	}
	t.Run("several books, their column hidden", func(t *testing.T) {
		a := openAccount(t, netsuitetest.Options{MultiBook: true, HideColumns: []string{"transactionaccountingline.accountingbook"}}, "p256")
		shop(a)
		_, err := a.Bills(t.Context(), 6001)
		if err == nil || !strings.Contains(err.Error(), "several accounts of one book") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("expense accounts of orders hidden", func(t *testing.T) {
		a := openAccount(t, netsuitetest.Options{HideColumns: []string{"transactionline.expenseaccount", "transactionline.expectedreceiptdate", "item.stockunit", "transactionline.location"}}, "p256")
		shop(a)
		got, err := a.PurchaseOrders(t.Context(), 4001)
		po := one(t, got, err, 4001)
		if len(po.Lines) != 3 || po.Lines[1].Account != (netsuite.Account{}) || po.Lines[0].SKU != "WEB-25" {
			t.Errorf("got %+v", po.Lines)
		}
	})
	t.Run("links on the offset row", func(t *testing.T) {
		a := openAccount(t, netsuitetest.Options{LinksOnOffsetRow: true}, "p256")
		shop(a)
		got, err := a.Receipts(t.Context(), 5001)
		r := one(t, got, err, 5001)
		if len(r.Lines) != 2 || r.Lines[0].PO != 4001 || r.Lines[0].PONumber != "PO1041" || r.Lines[0].POLine != 0 {
			t.Errorf("got %+v", r.Lines)
		}
	})
}
