package netsuite_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// one reads one record and complains when there is none.
func one[T any](t *testing.T, got map[netsuite.ID]T, err error, id netsuite.ID) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	r, ok := got[id]
	if !ok || len(got) != 1 {
		t.Fatalf("got %d records, want %s alone", len(got), id)
	}
	return r
}

func diff(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(got, want, same); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	shop(a)
	ctx := t.Context()

	freight := netsuite.Account{ID: 151, Number: "5100", Name: "Freight In", Type: "COGS", Inactive: true}
	stock := netsuite.Account{ID: 111, Number: "1200", Name: "Inventory Asset", Type: "OthCurrAsset"}
	payable := netsuite.Account{ID: 121, Number: "2000", Name: "Accounts Payable", Type: "AcctPay"}
	doc := func(d netsuite.Document) netsuite.Document {
		d.Vendor, d.VendorName, d.Currency, d.ExchangeRate, d.Subsidiary = 301, "V-1001 Cascade", "EUR", decimal.RequireFromString("1.1"), 1
		d.CreatedAt, d.ModifiedAt = noon, noon
		return d
	}

	t.Run("ping", func(t *testing.T) {
		if err := a.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("vendor", func(t *testing.T) {
		got, err := a.Vendors(ctx, 301, 301, 999, 0)
		diff(t, one(t, got, err, 301), netsuite.Vendor{ID: 301, EntityID: "V-1001", CompanyName: "Cascade", AltName: "Cascade", Email: "ap@cascade.example",
			TermsID: 1, Terms: "Net 30", Currency: "EUR", ModifiedAt: noon, Addresses: []netsuite.Address{
				{Key: 9001, DefaultBilling: true, Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Country: "US"}, {Key: 9002, DefaultShipping: true, Line1: "1 Dock"}}})
	})
	t.Run("contacts", func(t *testing.T) {
		a.PutContact(netsuitetest.Contact{ID: 311, Vendor: 301, FirstName: "Anna", LastName: "Berg", Email: "anna@cascade.example", Phone: "1", Mobile: "2", Title: "Buyer"})
		a.PutContact(netsuitetest.Contact{ID: 312, Vendor: 301, EntityID: "Front desk", Primary: true})
		a.PutContact(netsuitetest.Contact{ID: 313, Vendor: 301, FirstName: "Left", Inactive: true})
		read := func() map[netsuite.ID][]netsuite.Contact {
			t.Helper()
			vendors, err := a.Vendors(ctx, 301, 302)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Contacts(ctx, vendors[301], vendors[302])
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		diff(t, read(), map[netsuite.ID][]netsuite.Contact{302: nil, 301: {
			{ID: 311, Name: "Anna Berg", Email: "anna@cascade.example", Phone: "1", Mobile: "2"}, {ID: 312, Name: "Front desk", Primary: true}}})
		a.PutContact(netsuitetest.Contact{ID: 314, Vendor: 302, FirstName: "Other"})
		for range 1100 { // more than a page
			a.PutContact(netsuitetest.Contact{Vendor: 301, FirstName: "Clerk"})
		}
		if got := read(); len(got[301]) != 1102 || len(got[302]) != 1 {
			t.Errorf("got %d and %d contacts", len(got[301]), len(got[302]))
		}
	})
	t.Run("person", func(t *testing.T) {
		got, err := a.Vendors(ctx, 302)
		v := one(t, got, err, 302)
		if v.Name() != "Ada Byron" || !v.Inactive {
			t.Errorf("got %q, inactive %v", v.Name(), v.Inactive)
		}
	})
	t.Run("purchase order", func(t *testing.T) {
		got, err := a.PurchaseOrders(ctx, 4001, 6001)
		diff(t, one(t, got, err, 4001), netsuite.PurchaseOrder{
			Document: doc(netsuite.Document{ID: 4001, Type: netsuite.TypePurchaseOrder, TranID: "PO1041", TransactionNumber: "PURCHORD1", Status: "E",
				StatusText: "Purchase Order : Pending Billing/Partially Received", Approval: 2, Total: d("335"), TermsID: 1, Terms: "Net 30", Location: 7, Date: "2026-11-02"}),
			Lines: []netsuite.OrderLine{
				{ID: 1, Number: 1, Item: 2001, SKU: "WEB-25", ItemName: "Webbing", ItemType: "InvtPart", Memo: "black", Quantity: d("100"), Amount: d("240"),
					ReceivedQty: d("50"), BilledQty: d("100"), Units: 2, BaseUnits: 1, Location: 7},
				{ID: 2, Number: 2, Memo: "freight", Amount: d("60"), Account: freight, Location: 7},
				{ID: 3, Number: 3, Item: 2002, SKU: "SETUP", ItemName: "Set-up", ItemType: "Service", Quantity: d("1"), Amount: d("15"), ReceivedQty: d("1"), Location: 7},
			}})
	})
	t.Run("receipt", func(t *testing.T) {
		got, err := a.Receipts(ctx, 5001)
		diff(t, one(t, got, err, 5001), netsuite.Receipt{
			Document: doc(netsuite.Document{ID: 5001, Type: netsuite.TypeItemReceipt, TranID: "IR5001", TransactionNumber: "ITEMRCPT1", Status: "Y", StatusText: got[5001].StatusText,
				Posting: true, Location: 7, Date: "2026-11-05", Total: d("0")}),
			Lines: []netsuite.ReceiptLine{
				{ID: 2, Item: 2001, SKU: "WEB-25", ItemType: "InvtPart", Quantity: d("50"), Units: 2, BaseUnits: 1, Location: 7, PO: 4001, PONumber: "PO1041", POLine: 1},
				{ID: 4, Item: 2002, SKU: "SETUP", ItemType: "Service", Quantity: d("1"), Location: 7, PO: 4001, PONumber: "PO1041", POLine: 3},
			}})
	})
	t.Run("bill", func(t *testing.T) {
		got, err := a.Bills(ctx, 6001)
		b := one(t, got, err, 6001)
		diff(t, b, netsuite.Bill{
			Document: doc(netsuite.Document{ID: 6001, Type: netsuite.TypeVendorBill, TranID: "CW-88121", TransactionNumber: "VENDBILL1", Status: "A", StatusText: "Bill : Open",
				Approval: 2, Posting: true, Total: d("315.01"), TermsID: 1, Terms: "Net 30", Date: "2026-11-06", Due: "2026-12-06"}),
			Payable: payable, PayableBase: d("-346.51"),
			Lines: []netsuite.BillLine{
				{ID: 2, Number: 1, Kind: netsuite.LineItem, Item: 2001, SKU: "WEB-25", ItemName: "Webbing", ItemType: "InvtPart", Quantity: d("100"), Amount: d("240"),
					BaseAmount: d("264"), Posting: true, Units: 2, BaseUnits: 1, PO: 4001, POLine: 1, Account: stock},
				{ID: 3, Number: 2, Kind: netsuite.LineExpense, Amount: d("60.01"), BaseAmount: d("66.01"), Posting: true, PO: 4001, Account: freight},
				{ID: 4, Number: 3, Kind: netsuite.LineExpense, Memo: "rebate", Amount: d("-5"), BaseAmount: d("-5.5"), Posting: true, Account: freight},
				{ID: 5, Number: 4, Kind: netsuite.LineTax, Memo: "Tax", Amount: d("20"), BaseAmount: d("22"), Posting: true,
					Account: netsuite.Account{ID: 112, Number: "1370", Name: "Tax Paid", Type: "OthCurrAsset"}},
			}})
		diff(t, b.POs(), []netsuite.ID{4001})
	})
	t.Run("credit", func(t *testing.T) {
		got, err := a.Credits(ctx, 7001)
		c := one(t, got, err, 7001)
		diff(t, []any{c.Type, c.Total, c.CreatedFrom, c.Payable, c.Lines[0].Amount, c.Lines[0].Quantity}, []any{netsuite.TypeVendorCredit, d("4.8"), []netsuite.ID{6001}, payable, d("4.8"), d("2")})
	})
	t.Run("nothing asked", func(t *testing.T) {
		got, err := a.Bills(ctx)
		if err != nil || len(got) != 0 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
