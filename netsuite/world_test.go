package netsuite_test

import (
	"net/http/httptest"
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
