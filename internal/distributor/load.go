package distributor

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// The credentials of the company. They open simulators and nothing else.
const (
	NetSuiteAccount = "1234567_SB1"
	ClientID        = "3f8e1c0d9b7a46525f1e0c9d8b7a6543210fedcba98765433f8e1c0d9b7a4652"
	CertificateID   = "demoCertificate1"
	Cin7Account     = "704ef231-1111-4aaa-8bbb-000000000001"
	Cin7Key         = "0342a546-2222-4ccc-8ddd-000000000002"
	WebhookSecret   = "demo-only_Vq7xK2mR9tB4nW8cJ5hY3pL6s" //nolint:gosec // of the demo, printed in the docs
	// CallsPerMinute is far above Cin7's 60, so that the demo ends in seconds.
	CallsPerMinute = 6000
)

// Options change the ways of the two simulators.
type Options struct {
	NetSuite netsuitetest.Options
	Cin7     cin7test.Options
}

// World is the company in both systems: its lists, and the month as far as it
// has been told.
type World struct {
	NetSuite *netsuitetest.Sim
	Cin7     *cin7test.Sim
	// KeyPEM is the private key of the registered certificate.
	KeyPEM []byte
}

// New makes both systems with the company's lists and no documents.
func New(o Options) (*World, error) {
	o.NetSuite.Account = NetSuiteAccount
	if o.Cin7.CallsPerMinute == 0 {
		o.Cin7.CallsPerMinute = CallsPerMinute
	}
	o.Cin7.Company = "Cascade Trail Supply"
	o.Cin7.ZeroGroupInvoice = true // an account that takes several bills per order under INVOICE
	ns, err := netsuitetest.New(o.NetSuite)
	if err != nil {
		return nil, fmt.Errorf("start the NetSuite simulator: %w", err)
	}
	key, public, err := netsuitetest.GenerateKey("p256")
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	ns.RegisterCertificate(ClientID, CertificateID, public)
	w := &World{NetSuite: ns, Cin7: cin7test.New(o.Cin7), KeyPEM: key}
	w.Cin7.AddKey(Cin7Account, Cin7Key)
	w.lists()
	return w, nil
}

// lists fills the reference lists of both systems.
func (w *World) lists() {
	w.NetSuite.PutCurrency(netsuitetest.Currency{ID: 1, Symbol: "USD", Name: "US Dollar", Base: true})
	w.NetSuite.PutCurrency(netsuitetest.Currency{ID: 2, Symbol: "EUR", Name: "Euro", Rate: "1.0875"})
	for _, a := range accounts {
		w.NetSuite.PutAccount(netsuitetest.Account{ID: a.ID, Number: a.Number, Name: a.Name, Type: a.Type})
	}
	w.NetSuite.PutLocation(netsuitetest.Location{ID: 1, Name: "Main Warehouse"})
	for _, i := range items {
		w.NetSuite.PutItem(netsuitetest.Item{ID: i.ID, SKU: i.SKU, Name: i.Name, AssetAccount: inventory.ID, ExpenseAccount: freightIn.ID})
		w.Cin7.AddProduct(cin7test.Product{SKU: i.SKU, Name: i.Name, InventoryAccount: inventory.Cin7})
	}
	for _, a := range []cin7test.Account{
		{Code: "1200", Name: "Stock on Hand", Type: "CURRENT", Class: "ASSET"},
		{Code: "1370", Name: "Tax Receivable", Type: "CURRENT", Class: "ASSET"},
		{Code: "2000", Name: "Accounts Payable", Type: "CURRLIAB", Class: "LIABILITY", SystemAccount: "Accounts payable", SystemAccountCode: "CREDITORS"},
		{Code: "4000", Name: "Sales", Type: "REVENUE", Class: "REVENUE"},
		{Code: "429", Name: "General Expenses", Type: "EXPENSE", Class: "EXPENSE"},
		{Code: "465", Name: "Warehouse Rent", Type: "EXPENSE", Class: "EXPENSE"},
		{Code: "470", Name: "Subscriptions", DisplayName: "6300: Software Subscriptions", Type: "EXPENSE", Class: "EXPENSE"},
		{Code: "5100", Name: "Inbound Freight", Type: "EXPENSE", Class: "EXPENSE"},
	} {
		w.Cin7.AddAccount(a)
	}
	w.Cin7.AddTaxRule(cin7test.TaxRule{Name: "Tax on Purchases", Account: "1370", Percent: decimal.NewFromInt(10)})
	w.Cin7.AddLocation(cin7test.Location{Name: "Main Warehouse", Default: true})
	w.Cin7.AddTerm(cin7test.Term{Name: "30 days", Duration: 30, Default: true})
	w.Cin7.AddTerm(cin7test.Term{Name: "Net 60", Duration: 60})
	w.Cin7.AddTerm(cin7test.Term{Name: "Due on receipt"})
	for _, name := range []string{"Inbound freight", "Other charges"} {
		w.Cin7.AddProduct(cin7test.Product{SKU: strings.ToUpper(strings.ReplaceAll(name, " ", "-")), Name: name, Type: "Service", ExpenseAccount: "429"})
	}
	// One vendor is in Cin7 already, typed by hand: it must be adopted.
	w.Cin7.AddSupplier(cin7test.Supplier{Name: "Pacific Hardware Supply", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases", Status: "Active"})
}

// TellPast enters the vendors and everything that happened before the service
// came: the poller must find it.
func (w *World) TellPast() {
	for _, v := range vendors {
		w.enterVendor(v)
	}
	for _, o := range orders {
		if !o.Live {
			w.enter(o)
		}
	}
	w.enterLoose()
}

func (w *World) enterVendor(v Vendor) {
	nv := netsuitetest.Vendor{ID: v.ID, EntityID: v.EntityID, CompanyName: v.Company, FirstName: v.First, LastName: v.Last, Person: v.First != "",
		Currency: v.Currency, Terms: v.Terms, Email: v.Email, Phone: v.Phone, Inactive: v.Inactive}
	nv.Addresses = []netsuitetest.Address{{DefaultBilling: true, DefaultShipping: v.ID%2 == 0, Line1: v.Line1, City: v.City, State: v.State, Zip: v.Zip, Country: v.Cty}}
	w.NetSuite.PutVendor(nv)
	for i, p := range v.People {
		w.NetSuite.PutContact(netsuitetest.Contact{ID: p.ID, Vendor: v.ID, FirstName: p.First, LastName: p.Last, Title: p.Title, Email: p.Email, Mobile: p.Mobile, Inactive: p.Left, Primary: i == 0})
	}
}

func (w *World) enterLoose() {
	w.NetSuite.PutBill(netsuitetest.Bill{ID: loose.ID, Number: loose.Number, Vendor: loose.Vendor.ID, Date: loose.Date, Due: loose.Date, Lines: w.billLines(loose.Lines, 0)})
}

// TellLive enters what happens while the service runs, in the order of the
// documents' dates: orders, receipts and bills mixed.
func (w *World) TellLive() {
	type event struct {
		date string
		put  func()
	}
	var events []event
	for _, o := range orders {
		if !o.Live {
			continue
		}
		events = append(events, event{o.Date, func() { w.enterOrder(o) }})
		if o.ReceiptID != 0 {
			events = append(events, event{o.Received, func() { w.enterReceipt(o) }})
		}
		if o.BillID != 0 {
			events = append(events, event{o.Billed, func() { w.enterBill(o) }})
		}
		for _, p := range o.Parts {
			events = append(events, event{p.Received, func() { w.enterPartReceipt(o, p) }}, event{p.Billed, func() { w.enterPartBill(o, p) }})
		}
	}
	events = append(events, event{returned.Date, w.enterReturn})
	for day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); day.Month() == time.November; day = day.AddDate(0, 0, 1) {
		for _, e := range events {
			if e.date == day.Format(time.DateOnly) {
				e.put()
			}
		}
	}
}

func (w *World) enter(o Order) {
	w.enterOrder(o)
	if o.ReceiptID != 0 {
		w.enterReceipt(o)
	}
	if o.BillID != 0 {
		w.enterBill(o)
	}
}

func (w *World) enterOrder(o Order) {
	po := netsuitetest.PurchaseOrder{ID: o.ID, Number: o.Number, Vendor: o.Vendor.ID, Date: o.Date, Rate: o.Rate, Tax: o.Tax, Location: 1}
	if o.Pending {
		po.Status = "A"
	}
	for _, l := range o.Lines {
		po.Lines = append(po.Lines, netsuitetest.OrderLine{Item: l.Item.ID, Account: l.Account.ID, Memo: l.Memo, Quantity: l.Quantity, Amount: l.Amount})
	}
	w.NetSuite.PutPurchaseOrder(po)
}

func (w *World) enterReceipt(o Order) {
	w.NetSuite.PutReceipt(netsuitetest.Receipt{ID: o.ReceiptID, Number: "IR" + fmt.Sprint(o.ReceiptID), PO: o.ID, Date: o.Received})
}

func (w *World) enterBill(o Order) {
	b := netsuitetest.Bill{ID: o.BillID, Number: o.BillNumber, Vendor: o.Vendor.ID, Date: o.Billed, Due: o.Billed, Rate: o.Rate, Lines: w.billLines(o.Lines, o.ID)}
	if tax := decimal.RequireFromString(o.Tax); tax.IsPositive() {
		b.Taxes = []netsuitetest.TaxLine{{Account: taxPaid.ID, Amount: o.Tax}}
	}
	w.NetSuite.PutBill(b)
}

func (w *World) enterPartReceipt(o Order, p Part) {
	r := netsuitetest.Receipt{ID: p.ReceiptID, Number: "IR" + fmt.Sprint(p.ReceiptID), PO: o.ID, Date: p.Received}
	for i, l := range p.Lines {
		r.Lines = append(r.Lines, netsuitetest.ReceiptLine{POLine: int64(i + 1), Quantity: l.Quantity})
	}
	w.NetSuite.PutReceipt(r)
}

func (w *World) enterPartBill(o Order, p Part) {
	w.NetSuite.PutBill(netsuitetest.Bill{ID: p.BillID, Number: p.BillNumber, Vendor: o.Vendor.ID, Date: p.Billed, Due: p.Billed, Rate: o.Rate, Lines: w.billLines(p.Lines, o.ID)})
}

func (w *World) enterReturn() {
	w.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{returned.BillID}, Bill: netsuitetest.Bill{ID: returned.ID, Number: returned.Number, Vendor: returned.Vendor.ID, Date: returned.Date,
		Lines: w.billLines(returned.Lines, 0), Taxes: []netsuitetest.TaxLine{{Account: taxPaid.ID, Amount: returned.Tax}}}})
}

// billLines bills the lines of an order in full; order 0 is none.
func (w *World) billLines(lines []Line, order int64) []netsuitetest.BillLine {
	var out []netsuitetest.BillLine
	for i, l := range lines {
		b := netsuitetest.BillLine{Item: l.Item.ID, Account: l.Account.ID, Memo: l.Memo, Quantity: l.Quantity, Amount: l.Amount}
		if order != 0 {
			b.PO, b.POLine = order, int64(i+1)
		}
		out = append(out, b)
	}
	return out
}

// Tenant is the company as a tenant file. The base URLs are those of the
// running simulators.
func (w *World) Tenant(id, netsuiteURL, cin7URL, approach string) string {
	key := "    " + strings.ReplaceAll(strings.TrimSpace(string(w.KeyPEM)), "\n", "\n    ")
	return fmt.Sprintf(`id: %s
name: Cascade Trail Supply
netsuite:
  account_id: %q
  client_id: %q
  certificate_id: %q
  base_url: %s
  private_key: |
%s
cin7:
  account_id: %q
  application_key: %q
  base_url: %s/ExternalApi/v2
  calls_per_minute: %d
webhook:
  require: both
  secrets: [%q]
  allowlist: ["127.0.0.0/8", "::1"]
poll:
  every: 30s
sync:
  approach: %s
  start: "2026-11-01"
  location: Main Warehouse
  tax_rule: Tax on Purchases
  payment_term: 30 days
  mapping:
    accounts: {"6100": "429"}
    terms: {"Net 30": "30 days"}
    charges: {"5100": "Inbound freight", "*": "Other charges"}
`, id, NetSuiteAccount, ClientID, CertificateID, netsuiteURL, key, Cin7Account, Cin7Key, cin7URL, CallsPerMinute, WebhookSecret, approach)
}

// Event is something that happens in NetSuite: a record is entered.
type Event struct {
	Type  string
	ID    int64
	Order int64 // the PO that it belongs to, its own id for a PO, 0 for none
	Put   func()
}

// Events are all events of the month, causes before effects: the vendors, then
// each order with its receipts, bills and credit, then the bill without an order.
func (w *World) Events() []Event {
	var out []Event
	for _, v := range vendors {
		out = append(out, Event{"vendor", v.ID, 0, func() { w.enterVendor(v) }})
	}
	for _, o := range orders {
		out = append(out, Event{"purchaseorder", o.ID, o.ID, func() { w.enterOrder(o) }})
		if o.ReceiptID != 0 {
			out = append(out, Event{"itemreceipt", o.ReceiptID, o.ID, func() { w.enterReceipt(o) }})
		}
		if o.BillID != 0 {
			out = append(out, Event{"vendorbill", o.BillID, o.ID, func() { w.enterBill(o) }})
		}
		for _, p := range o.Parts {
			out = append(out, Event{"itemreceipt", p.ReceiptID, o.ID, func() { w.enterPartReceipt(o, p) }},
				Event{"vendorbill", p.BillID, o.ID, func() { w.enterPartBill(o, p) }})
		}
		if o.BillID == returned.BillID {
			out = append(out, Event{"vendorcredit", returned.ID, o.ID, w.enterReturn})
		}
	}
	return append(out, Event{"vendorbill", loose.ID, 0, w.enterLoose})
}
