package netsuite_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/secret"
)

// clock is the time of the account and of its client.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// account is a simulated account and a client for it, over real HTTP.
type account struct {
	*netsuitetest.Sim
	*netsuite.Client
	clock *clock
}

func openAccount(t *testing.T, o netsuitetest.Options, key string) account {
	t.Helper()
	a := account{clock: &clock{t: time.Date(2026, 11, 10, 20, 0, 0, 0, time.UTC)}}
	o.Now = a.clock.now
	sim, err := netsuitetest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	tr := netsuite.NewTransport()
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		srv.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	pem, pub, err := netsuitetest.GenerateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sim.RegisterCertificate("client", "cert", pub)
	a.Sim = sim
	a.Client, err = netsuite.New(netsuite.Config{AccountID: "1234567_SB1", BaseURL: srv.URL, ClientID: "client", CertificateID: "cert",
		PrivateKeyPEM: secret.New(string(pem)), Transport: tr, Now: a.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shop is one of each: a vendor in euro, a PO with an item, an expense and a
// service line, a partial receipt, a bill with a discount and tax, a credit.
func shop(a account) {
	a.PutCurrency(netsuitetest.Currency{ID: 2, Symbol: "EUR", Name: "Euro", Rate: "1.1"})
	a.PutAccount(netsuitetest.Account{ID: 111, Number: "1200", Name: "Inventory Asset", Type: "OthCurrAsset"})
	a.PutAccount(netsuitetest.Account{ID: 112, Number: "1370", Name: "Tax Paid", Type: "OthCurrAsset"})
	a.PutAccount(netsuitetest.Account{ID: 121, Number: "2000", Name: "Accounts Payable", Type: "AcctPay"})
	a.PutAccount(netsuitetest.Account{ID: 151, Number: "5100", Name: "Freight In", Type: "COGS", Inactive: true})
	a.PutLocation(netsuitetest.Location{ID: 7, Name: "Main Warehouse"})
	a.PutUnit(netsuitetest.Unit{ID: 1, UnitsType: 1, Name: "Metre"})
	a.PutUnit(netsuitetest.Unit{ID: 2, UnitsType: 1, Name: "Roll", Rate: "50"})
	a.PutItem(netsuitetest.Item{ID: 2001, SKU: "WEB-25", Name: "Webbing", AssetAccount: 111, UnitsType: 1, StockUnit: 1})
	a.PutItem(netsuitetest.Item{ID: 2002, SKU: "SETUP", Name: "Set-up", Type: "Service", ExpenseAccount: 151})
	a.PutVendor(netsuitetest.Vendor{ID: 301, EntityID: "V-1001", CompanyName: "Cascade", Currency: "EUR", Terms: "Net 30", Email: "ap@cascade.example",
		Addresses: []netsuitetest.Address{{Key: 9001, DefaultBilling: true, Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Country: "US"}, {Key: 9002, DefaultShipping: true, Line1: "1 Dock"}}})
	a.PutVendor(netsuitetest.Vendor{ID: 302, EntityID: "V-1002 Ada Byron", Person: true, FirstName: "Ada", LastName: "Byron", Inactive: true})
	a.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: 4001, Number: "PO1041", Vendor: 301, Date: "2026-11-02", Location: 7, Tax: "20", Lines: []netsuitetest.OrderLine{
		{Item: 2001, Quantity: "2", Units: 2, Amount: "240", Memo: "black"}, {Account: 151, Memo: "freight", Amount: "60"}, {Item: 2002, Quantity: "1", Amount: "15"}}})
	a.PutReceipt(netsuitetest.Receipt{ID: 5001, PO: 4001, Date: "2026-11-05", Lines: []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "1", Units: 2}, {POLine: 3, Quantity: "1"}}})
	a.PutBill(netsuitetest.Bill{ID: 6001, Number: "CW-88121", Date: "2026-11-06", Due: "2026-12-06", Lines: []netsuitetest.BillLine{
		{PO: 4001, POLine: 1, Quantity: "2", Amount: "240"}, {PO: 4001, POLine: 2, Amount: "60.01", NoLink: true}, {Account: 151, Memo: "rebate", Amount: "-5"}},
		Taxes: []netsuitetest.TaxLine{{Account: 112, Amount: "20"}}})
	a.PutCredit(netsuitetest.Credit{Bill: netsuitetest.Bill{ID: 7001, Number: "CN-1", Date: "2026-11-08", Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "2", Amount: "4.80"}}}, AppliedTo: []int64{6001}})
	a.PutCredit(netsuitetest.Credit{Bill: netsuitetest.Bill{ID: 7002, Number: "CN-2", Vendor: 301, Lines: []netsuitetest.BillLine{{Account: 151, Amount: "1"}}}})
}

var (
	d = decimal.RequireFromString
	// Records are compared by what a reader sees: 0 and 0.00 are one amount.
	same = cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
)

const noon = "2026-11-10 12:00:00" // in the session's zone

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
			Document: doc(netsuite.Document{ID: 4001, Type: netsuite.TypePurchaseOrder, TranID: "PO1041", TransactionNumber: "PURCHORD4001", Status: "E",
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
			Document: doc(netsuite.Document{ID: 5001, Type: netsuite.TypeItemReceipt, TranID: "IR5001", TransactionNumber: "ITEMRCPT5001", Status: "Y", StatusText: got[5001].StatusText,
				Posting: true, Location: 7, Date: "2026-11-05", Total: d("0")}),
			Lines: []netsuite.ReceiptLine{
				{ID: 2, Item: 2001, SKU: "WEB-25", ItemType: "InvtPart", Quantity: d("50"), Units: 2, Location: 7, PO: 4001, PONumber: "PO1041", POLine: 1},
				{ID: 4, Item: 2002, SKU: "SETUP", ItemType: "Service", Quantity: d("1"), Location: 7, PO: 4001, PONumber: "PO1041", POLine: 3},
			}})
	})
	t.Run("bill", func(t *testing.T) {
		got, err := a.Bills(ctx, 6001)
		b := one(t, got, err, 6001)
		diff(t, b, netsuite.Bill{
			Document: doc(netsuite.Document{ID: 6001, Type: netsuite.TypeVendorBill, TranID: "CW-88121", TransactionNumber: "VENDBILL6001", Status: "A", StatusText: "Bill : Open",
				Approval: 2, Posting: true, Total: d("315.01"), TermsID: 1, Terms: "Net 30", Date: "2026-11-06", Due: "2026-12-06"}),
			Payable: payable,
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
