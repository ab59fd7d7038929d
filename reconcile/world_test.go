package reconcile_test

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

const tenantID = "cascade"

// The accounts and items of the company (internal/distributor), by NetSuite id.
const (
	inventory, taxPaid, freightIn, office = 111, 112, 151, 161
	webbing, buckle                       = 2001, 2002
)

// vendor is one of the test's vendors, in both systems.
type vendor struct {
	id             int64
	name, currency string
	rate           string
	taxed          bool
	supplier       string // GUID in Cin7
}

// item is a line of a made document, in cents.
type item struct {
	netsuiteItem, account int64
	sku, code, charge     string
	quantity, cents       int64
}

// doc is an order with its receipt and bill, as both systems have it.
type doc struct {
	n                 int
	vendor            *vendor
	po, bill, receipt int64
	number, date      string
	lines             []item
	tax               int64
	purchase          string // GUID in Cin7
	credit            int64
	creditNumber      string
}

// books is a pair of simulators with the same documents in both.
type books struct {
	t       testing.TB
	world   *distributor.World
	tenant  *tenant.Tenant
	file    string // the tenant file
	in      reconcile.Input
	rdb     redis.UniversalClient
	vendors []*vendor
	docs    []*doc
	next    int64
}

// newBooks makes n orders with receipts and bills, every fifth with a credit,
// in two currencies, equal in both systems.
func newBooks(t testing.TB, n int, edit ...func(*distributor.Options)) *books {
	t.Helper()
	o := distributor.Options{}
	o.Cin7.CallsPerMinute = -1
	for _, e := range edit {
		e(&o)
	}
	w, err := distributor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.NetSuite.Close() })
	ns, c7 := httptest.NewServer(w.NetSuite), httptest.NewServer(w.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	b := &books{t: t, world: w, next: 20_000, rdb: redistest.Embedded(t)}
	b.file = w.Tenant(tenantID, ns.URL, c7.URL, "INVOICE")
	var creds tenant.Credentials
	if b.tenant, creds, err = tenant.ParseYAML([]byte(b.file), tenant.Options{AllowPrivateEndpoints: true}); err != nil {
		t.Fatal(err)
	}
	nc, err := handlers.NetSuiteClient(b.tenant, creds, handlers.Transports{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := handlers.Cin7Client(b.tenant, creds, handlers.Transports{}, nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.in = reconcile.Input{Tenant: b.tenant, NetSuite: nc, Cin7: cc, Records: state.New(b.rdb).Tenant(tenantID), From: "2026-11-01", To: "2026-11-30",
		Now: func() time.Time { return time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC) }}
	for i, v := range []vendor{{name: "Acme Webbing", currency: "USD", rate: "1", taxed: true}, {name: "Bolt & Buckle Ltd", currency: "USD", rate: "1", taxed: true},
		{name: "Corda Textil GmbH", currency: "EUR", rate: "1.0875"}} {
		v.id = int64(9001 + i)
		w.NetSuite.PutVendor(netsuitetest.Vendor{ID: v.id, EntityID: fmt.Sprintf("V-%d", v.id), CompanyName: v.name, Currency: v.currency, Terms: "Net 30"})
		v.supplier = w.Cin7.AddSupplier(cin7test.Supplier{Name: v.name, Currency: v.currency, PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases",
			Comments: fmt.Sprintf("NS:vendor:%d@%s", v.id, distributor.NetSuiteAccount)}).ID
		b.vendors = append(b.vendors, &v)
	}
	w.NetSuite.InBulk(func() {
		for i := range n {
			b.add(i)
		}
	})
	return b
}

func (b *books) id() int64 { b.next++; return b.next }

// add makes one more order in both systems.
func (b *books) add(i int) *doc {
	v := b.vendors[i%len(b.vendors)]
	d := &doc{n: i, vendor: v, po: b.id(), receipt: b.id(), bill: b.id(), number: fmt.Sprintf("B-%05d", i), date: fmt.Sprintf("2026-11-%02d", 1+i%28)}
	q := int64(10 + i%7)
	d.lines = []item{
		{netsuiteItem: webbing, sku: "WEB-25-BLK", code: "1200", quantity: q, cents: q * 240},
		{netsuiteItem: buckle, sku: "BKL-25-ACT", code: "1200", quantity: q + 3, cents: (q + 3) * 72},
		{account: freightIn, code: "5100", charge: "Inbound freight", quantity: 1, cents: 1500 + int64(i%11)*25},
		{account: office, code: "429", charge: "Other charges", quantity: 1, cents: 895},
	}
	if v.taxed {
		for _, l := range d.lines {
			d.tax += l.cents / 10
		}
	} else { // amounts that the rate of 87/80 converts without rounding
		for k := range d.lines {
			d.lines[k].cents -= d.lines[k].cents % 80
		}
	}
	d.inNetSuite(b)
	d.inCin7(b)
	if i%5 == 4 {
		d.credit, d.creditNumber = b.id(), fmt.Sprintf("CR-%05d", i)
		d.creditInNetSuite(b)
		d.creditInCin7(b)
	}
	b.docs = append(b.docs, d)
	return d
}

func text(cents int64) string { return decimal.New(cents, -2).StringFixed(2) }

func (d *doc) inNetSuite(b *books) {
	po := netsuitetest.PurchaseOrder{ID: d.po, Number: fmt.Sprintf("PO%d", d.po), Vendor: d.vendor.id, Date: d.date, Rate: d.vendor.rate, Tax: text(d.tax), Location: 1}
	bill := netsuitetest.Bill{ID: d.bill, Number: d.number, Vendor: d.vendor.id, Date: d.date, Due: d.date, Rate: d.vendor.rate}
	for i, l := range d.lines {
		po.Lines = append(po.Lines, netsuitetest.OrderLine{Item: l.netsuiteItem, Account: l.account, Quantity: fmt.Sprint(l.quantity), Amount: text(l.cents)})
		bill.Lines = append(bill.Lines, netsuitetest.BillLine{Item: l.netsuiteItem, Account: l.account, Quantity: fmt.Sprint(l.quantity), Amount: text(l.cents), PO: d.po, POLine: int64(i + 1)})
	}
	if d.tax > 0 {
		bill.Taxes = []netsuitetest.TaxLine{{Account: taxPaid, Amount: text(d.tax)}}
	}
	b.world.NetSuite.PutPurchaseOrder(po)
	b.world.NetSuite.PutReceipt(netsuitetest.Receipt{ID: d.receipt, PO: d.po, Date: d.date})
	b.world.NetSuite.PutBill(bill)
}

func (d *doc) creditInNetSuite(b *books) {
	b.world.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{d.bill}, Bill: netsuitetest.Bill{ID: d.credit, Number: d.creditNumber, Vendor: d.vendor.id, Date: d.date, Rate: d.vendor.rate,
		Lines: []netsuitetest.BillLine{{Account: office, Amount: "8.00"}}}})
}

// invoice is the bill as Cin7 has it.
func (d *doc) invoice() cin7test.Invoice {
	inv := cin7test.Invoice{Number: d.number, Date: d.date, DueDate: d.date, Status: cin7test.Authorised}
	for _, l := range d.lines {
		total, tax := decimal.New(l.cents, -2), decimal.Zero
		if d.vendor.taxed {
			tax = decimal.New(l.cents/10, -2)
		}
		if l.sku == "" {
			inv.Charges = append(inv.Charges, cin7test.Charge{Description: l.charge, Quantity: decimal.NewFromInt(1), Price: total, Total: total, Tax: tax, TaxRule: "Tax on Purchases", Account: l.code})
			continue
		}
		inv.Lines = append(inv.Lines, cin7test.Line{SKU: l.sku, Name: l.sku, Quantity: decimal.NewFromInt(l.quantity), Price: total.Div(decimal.NewFromInt(l.quantity)), Total: total, Tax: tax, TaxRule: "Tax on Purchases", Account: l.code})
	}
	return inv
}

func (d *doc) goods() []cin7test.StockLine {
	var out []cin7test.StockLine
	for _, l := range d.lines {
		if l.sku != "" {
			out = append(out, cin7test.StockLine{Date: d.date, SKU: l.sku, Quantity: decimal.NewFromInt(l.quantity), Location: "Main Warehouse"})
		}
	}
	return out
}

func (d *doc) newPurchase() cin7test.Purchase {
	inv := d.invoice()
	return cin7test.Purchase{SupplierID: d.vendor.supplier, Approach: "INVOICE", Location: "Main Warehouse", TaxRule: "Tax on Purchases", TaxCalculation: "Exclusive",
		Note: fmt.Sprintf("NS:purchaseorder:%d@%s PO%d", d.po, distributor.NetSuiteAccount, d.po), CurrencyRate: decimal.RequireFromString(d.vendor.rate),
		Order: cin7test.Order{Status: cin7test.Authorised, Lines: inv.Lines, Charges: inv.Charges},
		Groups: []cin7test.Group{{Invoice: inv, Stock: cin7test.Stock{Status: cin7test.Authorised, Lines: d.goods()}, PutAway: cin7test.Stock{Status: cin7test.Authorised, Lines: d.goods()},
			Manual: cin7test.ManualJournal{Status: cin7test.NotAvailable}}}}
}

func (d *doc) inCin7(b *books) { d.purchase = b.world.Cin7.PutPurchase(d.newPurchase()).ID }

func (d *doc) creditInCin7(b *books) {
	eight := decimal.NewFromInt(8)
	b.edit(d, func(p *cin7test.Purchase) {
		p.CreditNotes = append(p.CreditNotes, cin7test.CreditNote{TaskID: "aaaaaaaa-0000-4000-8000-" + fmt.Sprintf("%012d", d.credit+int64(len(p.CreditNotes))*1_000_000), Number: d.creditNumber,
			InvoiceNumber: d.number, Date: d.date, Status: cin7test.Authorised,
			Charges: []cin7test.Charge{{Description: "Other charges", Quantity: decimal.NewFromInt(1), Price: eight, Total: eight, TaxRule: "Tax on Purchases", Account: "429"}}})
	})
}

// edit changes a purchase in Cin7 by hand, ledger included.
func (b *books) edit(d *doc, f func(*cin7test.Purchase)) {
	b.t.Helper()
	if !b.world.Cin7.EditPurchase(d.purchase, f) {
		b.t.Fatalf("no purchase %s", d.purchase)
	}
	b.world.Cin7.Repost(d.purchase)
}

// ledger changes a purchase in Cin7 by hand and leaves the rest of it as it is:
// its ledger when a document is changed, its documents when the ledger is.
func (b *books) ledger(d *doc, f func(*cin7test.Purchase)) {
	b.t.Helper()
	if !b.world.Cin7.EditPurchase(d.purchase, f) {
		b.t.Fatalf("no purchase %s", d.purchase)
	}
}

// note is what the service remembers of a record.
func (b *books) note(typ string, id int64, fields ...string) {
	b.t.Helper()
	key := queue.KeyRecord(tenantID, queue.Ref{Type: typ, ID: strconv.FormatInt(id, 10)})
	if err := b.rdb.HSet(b.t.Context(), key, fields).Err(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *books) run() *reconcile.Report {
	b.t.Helper()
	r, err := reconcile.Run(b.t.Context(), b.in)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// changeBill edits a bill in NetSuite.
func (b *books) changeBill(d *doc, f func(*netsuitetest.Bill)) {
	b.t.Helper()
	bill, ok := b.world.NetSuite.Bill(d.bill)
	if !ok {
		b.t.Fatalf("no bill %d", d.bill)
	}
	f(&bill)
	b.world.NetSuite.PutBill(bill)
}
