package cin7test

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// The states of tasks (7.9).
const (
	NotAvailable      = "NOT AVAILABLE"
	Draft             = "DRAFT"
	Authorised        = "AUTHORISED"
	PartiallyReceived = "PARTIALLY RECEIVED"
	Paid              = "PAID"
	Voided            = "VOIDED"
)

// The types of purchases as answers show them (7.1).
const (
	simpleType   = "Simple Purchase"
	advancedType = "Advanced Purchase"
	serviceType  = "Service Purchase"
)

// Purchase is one purchase with all its tasks. Dates are YYYY-MM-DD.
type Purchase struct {
	ID, OrderNumber                   string
	SupplierID, Supplier              string
	Contact, Phone                    string
	Type                              string // "Simple Purchase", "Advanced Purchase", "Service Purchase"
	Approach                          string // INVOICE or STOCK: which is authorised first
	Location, TaxRule, TaxCalculation string
	Terms, Note                       string
	RequiredBy, OrderDate             string
	BaseCurrency, SupplierCurrency    string
	CurrencyRate                      decimal.Decimal // base units per supplier unit
	BlindReceipt, IsServiceOnly       bool
	Voided                            bool
	Attributes                        [10]string
	BillingAddress, ShippingAddress   PostalAddress

	Order       Order
	Groups      []Group
	CreditNotes []CreditNote

	Created, Updated time.Time
}

// PostalAddress of a purchase.
type PostalAddress struct {
	Line1, Line2, City, State, Postcode, Country, Company string
	ShipToOther                                           bool
}

// Order is the order of a purchase.
type Order struct {
	Memo, Status string
	Lines        []Line
	Charges      []Charge
}

// Group is an invoicing and receiving group (7.6).
type Group struct {
	TaskID  string
	Number  int
	Invoice Invoice
	Stock   Stock
	PutAway Stock
	Manual  ManualJournal
}

// Invoice of a group.
type Invoice struct {
	Number, Date, DueDate, Status string
	Lines                         []Line
	Charges                       []Charge
	Posted                        []Transaction // its ledger rows while authorised or paid
}

// Stock is the receiving, or the put-away, of a group.
type Stock struct {
	Status string
	Lines  []StockLine
}

// Line of an order, invoice or credit note. Total is without tax unless the
// purchase says otherwise (9).
type Line struct {
	ProductID, SKU, Name                  string
	Quantity, Price, Discount, Tax, Total decimal.Decimal
	TaxRule, Account, Comment             string
	SupplierSKU                           string
	NonInventory                          bool // a service product
}

// Charge is an additional charge, named after a service product.
type Charge struct {
	Description, Reference                string
	Quantity, Price, Discount, Tax, Total decimal.Decimal
	TaxRule, Account                      string
}

// StockLine is a received or put-away quantity.
type StockLine struct {
	Date                string
	Quantity            decimal.Decimal
	ProductID, SKU      string
	Name                string
	Location            string // "" on stock lines: dropped (7.5)
	LocationID          string
	BatchSN, ExpiryDate string
	CardID              string // of put-away lines
}

// CreditNote of a purchase.
type CreditNote struct {
	TaskID, Number, InvoiceNumber, Date, Status string
	Lines                                       []Line
	Charges                                     []Charge
	Unstock                                     []StockLine
	Posted                                      []Transaction
}

// ManualJournal of a group (10).
type ManualJournal struct {
	Status string
	Lines  []ManualLine
	Posted []Transaction
}

// ManualLine moves an amount in base currency from Credit to Debit.
type ManualLine struct {
	Reference, Date, Debit, Credit string
	Amount                         decimal.Decimal
	System                         bool // Cin7's own: a POST leaves it alone
}

// clone copies a purchase deeply.
func (p *Purchase) clone() *Purchase {
	q := *p
	q.Order.Lines, q.Order.Charges = slices.Clone(p.Order.Lines), slices.Clone(p.Order.Charges)
	q.Groups = slices.Clone(p.Groups)
	for i := range q.Groups {
		g := &q.Groups[i]
		g.Invoice.Lines, g.Invoice.Charges, g.Invoice.Posted = slices.Clone(g.Invoice.Lines), slices.Clone(g.Invoice.Charges), slices.Clone(g.Invoice.Posted)
		g.Stock.Lines, g.PutAway.Lines = slices.Clone(g.Stock.Lines), slices.Clone(g.PutAway.Lines)
		g.Manual.Lines, g.Manual.Posted = slices.Clone(g.Manual.Lines), slices.Clone(g.Manual.Posted)
	}
	q.CreditNotes = slices.Clone(p.CreditNotes)
	for i := range q.CreditNotes {
		n := &q.CreditNotes[i]
		n.Lines, n.Charges, n.Unstock, n.Posted = slices.Clone(n.Lines), slices.Clone(n.Charges), slices.Clone(n.Unstock), slices.Clone(n.Posted)
	}
	return &q
}

func (p *Purchase) group(taskID string) *Group {
	return find(p.Groups, func(g Group) bool { return same(g.TaskID, taskID) })
}

// openGroup adds group n+1 (7.6).
func (s *Sim) openGroup(p *Purchase, invoice string) *Group {
	n := 0
	for _, g := range p.Groups {
		n = max(n, g.Number+1)
	}
	p.Groups = append(p.Groups, Group{TaskID: s.newID(), Number: n, Invoice: Invoice{Status: invoice},
		Stock: Stock{Status: NotAvailable}, PutAway: Stock{Status: NotAvailable}, Manual: ManualJournal{Status: NotAvailable}})
	return &p.Groups[len(p.Groups)-1]
}

func (s *Sim) purchase(id string) *Purchase {
	for _, p := range s.purchases {
		if same(p.ID, id) {
			return p
		}
	}
	return nil
}

// purchaseOfTask finds the purchase that has a group or credit note of this
// TaskID, for the calls that name no purchase.
func (s *Sim) purchaseOfTask(taskID string) *Purchase {
	for _, p := range s.purchases {
		if p.group(taskID) != nil || p.creditNote(taskID) != nil {
			return p
		}
	}
	return nil
}

// newPurchase numbers a purchase and gives it its first group, which has
// number 0 and the purchase's ID as TaskID unless switched (7.6).
func (s *Sim) newPurchase() *Purchase {
	s.numbers++
	p := &Purchase{ID: s.newID(), OrderNumber: fmt.Sprintf("PO-%05d", s.numbers), OrderDate: s.today(), BaseCurrency: s.o.Currency,
		Order: Order{Status: NotAvailable}, Created: s.o.Now(), Updated: s.o.Now()}
	g := s.openGroup(p, NotAvailable)
	g.TaskID = p.ID
	if s.o.FirstGroupOwnID {
		g.TaskID, g.Number = s.newID(), 1
	}
	return p
}
