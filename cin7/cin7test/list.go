package cin7test

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// listPurchases answers with headers, ascending by number, without Note and
// lines; Note is not searched (7.10).
func (s *Sim) listPurchases(c *call) (any, error) { return s.purchaseRows(c, false) }

// listCreditNotes answers with the purchases that have a credit note, in the
// same shape.
func (s *Sim) listCreditNotes(c *call) (any, error) { return s.purchaseRows(c, true) }

func (s *Sim) purchaseRows(c *call, credits bool) (any, error) {
	f, err := c.listFilter(credits)
	if err != nil {
		return nil, err
	}
	var found []*Purchase
	for _, p := range s.purchases {
		if s.o.Now().Before(p.Created.Add(s.o.IndexLag)) || credits && len(p.CreditNotes) == 0 || !f.matches(p) {
			continue
		}
		found = append(found, p)
	}
	// Rows are costly: those of the page alone are made.
	page, from, to := c.bounds(len(found))
	rows := []any{}
	for _, p := range found[from:to] {
		rows = append(rows, s.purchaseRow(p))
	}
	return obj{"Total": len(found), "Page": page, "PurchaseList": rows}, nil
}

type listFilter struct {
	search, requiredBy                                 string
	since, until                                       time.Time
	order, stock, invoice, credit, unstock, status, dr string
}

func (c *call) listFilter(credits bool) (listFilter, error) {
	var f listFilter
	var err error
	if f.since, err = c.moment("UpdatedSince"); err != nil {
		return f, err
	}
	if f.until, err = c.moment("UpdatedUntil"); err != nil {
		return f, err
	}
	f.search, f.credit, f.status = strings.ToLower(c.param("Search")), c.param("CreditNoteStatus"), c.param("Status")
	if credits {
		return f, nil
	}
	by, err := c.moment("RequiredBy")
	if err != nil {
		return f, err
	}
	if !by.IsZero() {
		f.requiredBy = by.Format(time.DateOnly)
	}
	f.order, f.invoice, f.unstock, f.dr = c.param("OrderStatus"), c.param("InvoiceStatus"), c.param("UnstockStatus"), c.param("DropShipTaskID")
	// The documented RestockReceivedStatus was ignored live, the undocumented
	// StockReceivedStatus filtered (7.10).
	f.stock = c.param("StockReceivedStatus")
	return f, nil
}

func (f listFilter) matches(p *Purchase) bool {
	if p.Updated.Before(f.since) || !f.until.IsZero() && p.Updated.After(f.until) {
		return false
	}
	// A status is computed from the whole purchase: only when it is asked for.
	is := func(want string, have func() string) bool { return want == "" || same(want, have()) }
	if f.search != "" && !f.found(p) {
		return false
	}
	return f.dr == "" && (f.requiredBy == "" || p.RequiredBy != "" && p.RequiredBy <= f.requiredBy) &&
		(f.order == "" || same(f.order, p.Order.Status)) && is(f.status, p.Status) && is(f.stock, p.stockStatus) && is(f.invoice, p.invoiceStatus) &&
		is(f.credit, p.creditStatus) && is(f.unstock, p.unstockStatus)
}

// found says whether a purchase has the text that is searched for.
func (f listFilter) found(p *Purchase) bool {
	texts := []string{p.OrderNumber, p.Status(), p.Supplier}
	for _, g := range p.Groups {
		texts = append(texts, g.Invoice.Number)
	}
	for _, n := range p.CreditNotes {
		texts = append(texts, n.Number)
	}
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), f.search) })
}

func (p *Purchase) stockStatus() string {
	return p.taskStatus(func(g Group) string {
		if g.Stock.Status == NotAvailable {
			return g.PutAway.Status
		}
		return g.Stock.Status
	})
}

func (p *Purchase) invoiceStatus() string {
	return p.taskStatus(func(g Group) string { return g.Invoice.Status })
}

func (p *Purchase) creditStatus() string {
	if len(p.CreditNotes) == 0 {
		return NotAvailable
	}
	return p.CreditNotes[len(p.CreditNotes)-1].Status
}

func (p *Purchase) unstockStatus() string {
	for _, n := range p.CreditNotes {
		if len(n.Unstock) > 0 {
			return n.Status
		}
	}
	return NotAvailable
}

// purchaseRow shows one invoice number, that of the first group that has one;
// amounts are in supplier currency (7.10).
func (s *Sim) purchaseRow(p *Purchase) obj {
	amount, paid := decimal.Zero, decimal.Zero
	var first Invoice
	for _, g := range p.Groups {
		if first.Number == "" {
			first = g.Invoice
		}
		if g.invoiced() {
			t := s.totals(p, g.Invoice.Lines, g.Invoice.Charges).total
			amount = amount.Add(t)
			if g.Invoice.Status == Paid {
				paid = paid.Add(t)
			}
		}
	}
	credit := ""
	if len(p.CreditNotes) > 0 {
		credit = p.CreditNotes[0].Number
	}
	return obj{"ID": p.ID, "BlindReceipt": p.BlindReceipt, "OrderNumber": p.OrderNumber, "Status": p.Status(), "OrderDate": day(p.OrderDate),
		"InvoiceDate": day(first.Date), "Supplier": p.Supplier, "SupplierID": p.SupplierID, "InvoiceNumber": first.Number, "InvoiceAmount": num(amount),
		"PaidAmount": num(paid), "InvoiceDueDate": day(first.DueDate), "RequiredBy": day(p.RequiredBy), "BaseCurrency": p.BaseCurrency,
		"SupplierCurrency": p.SupplierCurrency, "CreditNoteNumber": credit, "OrderStatus": p.Order.Status, "StockReceivedStatus": p.stockStatus(),
		"UnstockStatus": p.unstockStatus(), "InvoiceStatus": p.invoiceStatus(), "CreditNoteStatus": p.creditStatus(), "LastUpdatedDate": stamp(p.Updated),
		"Type": p.Type, "CombinedInvoiceStatus": p.CombinedInvoiceStatus(), "CombinedPaymentStatus": p.CombinedPaymentStatus(),
		"CombinedReceivingStatus": p.CombinedReceivingStatus(), "IsServiceOnly": p.IsServiceOnly, "DropShipTaskID": nil}
}
