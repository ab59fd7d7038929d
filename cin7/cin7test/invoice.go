package cin7test

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

type invoiceBody struct {
	PurchaseID, TaskID, InvoiceNumber, Status *string
	InvoiceDate, InvoiceDueDate               *date
	CombineAdditionalCharges                  *bool
	Lines                                     *[]lineBody
	AdditionalCharges                         []chargeBody

	TotalBeforeTax, Tax, Total                number // need not be sent, not looked at (9)
	InvoiceTotalAmount, InvoiceTotalTaxAmount number
}

func (s *Sim) postInvoice(c *call) (any, error) {
	var b invoiceBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("PurchaseID", deref(b.PurchaseID) != ""); err != nil {
		return nil, err
	}
	p, err := s.writeInvoice(c, b)
	if err != nil {
		return nil, err
	}
	return s.answerInvoices(p), nil
}

// writeInvoice replaces the invoice of a group while it is open (7.5, 7.7).
func (s *Sim) writeInvoice(c *call, b invoiceBody) (*Purchase, error) {
	if err := require("TaskID", deref(b.TaskID) != "", "CombineAdditionalCharges", b.CombineAdditionalCharges != nil, "Status", deref(b.Status) != "", "Lines", b.Lines != nil); err != nil {
		return nil, err
	}
	if err := writable(*b.Status); err != nil {
		return nil, err
	}
	if err := atMost("InvoiceNumber", deref(b.InvoiceNumber), 256); err != nil {
		return nil, err
	}
	return c.edit(*b.PurchaseID, func(p *Purchase) error {
		g := p.group(*b.TaskID)
		if g == nil && (*b.TaskID != zeroID || !s.o.ZeroGroupInvoice) {
			return no(textNoTask)
		}
		if err := s.gateInvoice(p, g); err != nil {
			return err
		}
		var stored Invoice
		if g != nil {
			stored = g.Invoice
		}
		inv, err := s.readInvoice(p, b, stored)
		if err != nil {
			return err
		}
		if g == nil {
			g = s.openGroup(p, Draft)
			c.tell(Effect{Kind: "group_opened", ID: p.ID, TaskID: g.TaskID})
		}
		inv.Number = s.invoiceNumber(p, g, inv.Number)
		if inv.Status == Authorised {
			inv.Posted = s.postDocument(p, g.TaskID, inv.Number, inv.Date, inv.Lines, inv.Charges)
		}
		g.Invoice = inv
		c.tellDocument("invoice_"+verb(inv.Status), p, g.TaskID, inv.Number, inv.Lines, inv.Charges)
		return nil
	})
}

func (s *Sim) readInvoice(p *Purchase, b invoiceBody, stored Invoice) (Invoice, error) {
	lines, charges, err := s.document(p, *b.Lines, b.AdditionalCharges, invoiceLines, stored.Lines, stored.Charges, *b.Status)
	if err != nil {
		return Invoice{}, err
	}
	inv := Invoice{Number: stored.Number, Status: *b.Status, Lines: lines, Charges: charges, Date: s.today()}
	if n := deref(b.InvoiceNumber); n != "" {
		inv.Number = n
	}
	// The dates are marked required, yet described with defaults (7.5).
	if b.InvoiceDate != nil && *b.InvoiceDate != "" {
		inv.Date = string(*b.InvoiceDate)
	}
	inv.DueDate = s.due(p.Terms, inv.Date)
	if b.InvoiceDueDate != nil && *b.InvoiceDueDate != "" {
		inv.DueDate = string(*b.InvoiceDueDate)
	}
	return inv, s.unlocked(inv.Date)
}

// due counts a term's days; the other methods are not simulated.
func (s *Sim) due(term, from string) string {
	t := find(s.terms, func(t Term) bool { return same(t.Name, term) })
	d, err := time.Parse(time.DateOnly, from)
	if t == nil || err != nil {
		return from
	}
	return d.AddDate(0, 0, t.Duration).Format(time.DateOnly)
}

// invoiceNumber generates one where none was sent, with a suffix in later
// groups such as INV-00103/2 (7.5).
func (s *Sim) invoiceNumber(p *Purchase, g *Group, sent string) string {
	at := 1
	taken := false
	for i := range p.Groups {
		if p.Groups[i].TaskID == g.TaskID {
			at = i + 1
		} else if same(p.Groups[i].Invoice.Number, sent) {
			taken = true
		}
	}
	switch {
	case sent == "":
		s.invoices++
		sent = fmt.Sprintf("INV-%05d", s.invoices)
		taken = at > 1
	case !s.o.SuffixInvoiceNumbers:
		return sent
	}
	if taken {
		return fmt.Sprintf("%s/%d", sent, at)
	}
	return sent
}

func (s *Sim) getInvoices(c *call) (any, error) {
	c.param("CombineAdditionalCharges")
	p, err := s.named(c, "PurchaseID")
	if err != nil {
		return nil, err
	}
	return s.answerInvoices(p), nil
}

// quantities sums products: product ID -> quantity.
func quantities(lines []Line) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range lines {
		out[l.ProductID] = out[l.ProductID].Add(l.Quantity)
	}
	return out
}

func stockQuantities(lines []StockLine) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range lines {
		out[l.ProductID] = out[l.ProductID].Add(l.Quantity)
	}
	return out
}
