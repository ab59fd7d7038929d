package cin7test

import (
	"net/http"

	"github.com/shopspring/decimal"
)

type creditBody struct {
	PurchaseID, TaskID, CreditNoteInvoiceNumber, CreditNoteNumber, Status *string
	CreditNoteDate                                                        *date
	CombineAdditionalCharges                                              *bool
	Lines                                                                 *[]lineBody
	AdditionalCharges                                                     []chargeBody
	Unstock                                                               *[]stockLineBody
	TotalBeforeTax, Tax, Total                                            number
}

// postCreditNote writes a credit note. All zeros as TaskID make a new one, as
// in the vendor's example; a TaskID of a credit note changes it while open.
func (s *Sim) postCreditNote(c *call) (any, error) {
	var b creditBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("PurchaseID", deref(b.PurchaseID) != "", "CreditNoteInvoiceNumber", deref(b.CreditNoteInvoiceNumber) != ""); err != nil {
		return nil, err
	}
	p, err := s.writeCreditNote(c, b)
	if err != nil {
		return nil, err
	}
	return s.answerCredits(p), nil
}

func (s *Sim) writeCreditNote(c *call, b creditBody) (*Purchase, error) {
	if err := require("TaskID", deref(b.TaskID) != "", "CombineAdditionalCharges", b.CombineAdditionalCharges != nil, "CreditNoteNumber", deref(b.CreditNoteNumber) != "",
		"CreditNoteDate", b.CreditNoteDate != nil && *b.CreditNoteDate != "", "Status", deref(b.Status) != "", "Lines", b.Lines != nil, "Unstock", b.Unstock != nil); err != nil {
		return nil, err
	}
	if err := writable(*b.Status); err != nil {
		return nil, err
	}
	if err := atMost("CreditNoteNumber", *b.CreditNoteNumber, 256, "CreditNoteInvoiceNumber", deref(b.CreditNoteInvoiceNumber), 50); err != nil {
		return nil, err
	}
	return c.edit(*b.PurchaseID, func(p *Purchase) error {
		if p.Voided {
			return no("Purchase %s is voided", p.OrderNumber)
		}
		n, err := s.openCreditNote(p, *b.TaskID)
		if err != nil {
			return err
		}
		// The invoice must be authorised or paid (7.7).
		g := find(p.Groups, func(g Group) bool { return same(g.Invoice.Number, deref(b.CreditNoteInvoiceNumber)) })
		if g == nil || !g.invoiced() {
			return no("Please authorise Invoice before Credit Note. (Invoice:%s)", deref(b.CreditNoteInvoiceNumber))
		}
		lines, charges, err := s.document(p, *b.Lines, b.AdditionalCharges, invoiceLines, n.Lines, n.Charges, *b.Status)
		if err != nil {
			return err
		}
		unstock, err := s.readUnstock(p, n, *b.Unstock)
		if err != nil {
			return err
		}
		n.Number, n.InvoiceNumber, n.Date, n.Status = *b.CreditNoteNumber, *b.CreditNoteInvoiceNumber, string(*b.CreditNoteDate), *b.Status
		n.Lines, n.Charges, n.Unstock = lines, charges, unstock
		if err := s.unlocked(n.Date); err != nil {
			return err
		}
		if n.Status == Authorised {
			n.Posted = reversed(s.postDocument(p, n.TaskID, n.Number, n.Date, n.Lines, n.Charges))
		}
		c.tellDocument("credit_note_"+verb(n.Status), p, n.TaskID, n.Number, n.Lines, n.Charges)
		return nil
	})
}

func (s *Sim) openCreditNote(p *Purchase, taskID string) (*CreditNote, error) {
	if taskID == zeroID {
		p.CreditNotes = append(p.CreditNotes, CreditNote{TaskID: s.newID(), Status: NotAvailable})
		return &p.CreditNotes[len(p.CreditNotes)-1], nil
	}
	n := p.creditNote(taskID)
	switch {
	case n == nil:
		return nil, no(textNoTask)
	case !open(n.Status):
		return nil, no("Credit Note status should be DRAFT or NOT AVAILABLE")
	}
	return n, nil
}

func (p *Purchase) creditNote(taskID string) *CreditNote {
	return find(p.CreditNotes, func(n CreditNote) bool { return same(n.TaskID, taskID) })
}

// readUnstock takes goods out again by the CardID of a put-away line, no more
// than is left of it (7.5).
func (s *Sim) readUnstock(p *Purchase, n *CreditNote, in []stockLineBody) ([]StockLine, error) {
	var out []StockLine
	for _, b := range in {
		if err := require("CardID", deref(b.CardID) != "", "Quantity", b.Quantity.set); err != nil {
			return nil, err
		}
		var card *StockLine
		for i := range p.Groups {
			if p.Groups[i].PutAway.Status == Authorised && card == nil {
				card = find(p.Groups[i].PutAway.Lines, func(l StockLine) bool { return same(l.CardID, *b.CardID) })
			}
		}
		if card == nil {
			return nil, no("Card with specified CardID not found")
		}
		left := card.Quantity
		take := func(lines []StockLine) {
			for _, u := range lines {
				if same(u.CardID, card.CardID) {
					left = left.Sub(u.Quantity)
				}
			}
		}
		for _, other := range p.CreditNotes {
			if other.TaskID != n.TaskID && other.Status == Authorised {
				take(other.Unstock)
			}
		}
		take(out)
		if !b.Quantity.IsPositive() || b.Quantity.GreaterThan(left) {
			return nil, no("Unstock quantity %s is not available. (Product:%s, Available:%s)", b.Quantity, card.SKU, left)
		}
		u := *card
		u.Quantity = b.Quantity.Decimal
		if b.Date != nil && *b.Date != "" {
			u.Date = string(*b.Date)
		}
		out = append(out, u)
	}
	return out, nil
}

func reversed(rows []Transaction) []Transaction {
	for i := range rows {
		rows[i].DebitAccountCode, rows[i].CreditAccountCode = rows[i].CreditAccountCode, rows[i].DebitAccountCode
	}
	return rows
}

func (s *Sim) creditBlock(p *Purchase, n CreditNote, taskID string) obj {
	o := withTotals(obj{"TaskID": taskID, "CreditNoteNumber": n.Number, "CreditNoteInvoiceNumber": n.InvoiceNumber, "CreditNoteDate": day(n.Date), "Status": n.Status,
		"Lines": s.lineRows(n.Lines, invoiceLines), "AdditionalCharges": s.chargeRows(n.Charges, invoiceLines)}, s.totals(p, n.Lines, n.Charges))
	unstock := []obj{}
	for _, l := range n.Unstock {
		unstock = append(unstock, obj{"CardID": l.CardID, "Date": day(l.Date), "Quantity": num(l.Quantity), "ProductID": l.ProductID, "SKU": l.SKU, "Name": l.Name,
			"Location": orNull(l.Location), "BatchSN": orNull(l.BatchSN), "ExpiryDate": day(l.ExpiryDate)})
	}
	o["Unstock"], o["Refunds"] = unstock, []obj{}
	return o
}

func (s *Sim) answerCredits(p *Purchase) obj {
	rows := []obj{}
	for _, n := range p.CreditNotes {
		o := s.creditBlock(p, n, loud(n.TaskID))
		delete(o, "Refunds")
		o["CombineAdditionalCharges"] = false
		rows = append(rows, o)
	}
	return obj{"PurchaseID": p.ID, "CreditNotes": rows}
}

func (s *Sim) getCreditNotes(c *call) (any, error) {
	c.param("CombineAdditionalCharges")
	p, err := s.named(c, "PurchaseID")
	if err != nil {
		return nil, err
	}
	return s.answerCredits(p), nil
}

// deleteCreditNote voids: a credit note has no undo (7.5).
func (s *Sim) deleteCreditNote(c *call) (any, error) {
	id := c.param("TaskID")
	p := s.purchaseOfTask(id)
	if p == nil || p.creditNote(id) == nil {
		return nil, &refusal{status: http.StatusNotFound, text: textNoTask}
	}
	p, err := c.edit(p.ID, func(p *Purchase) error {
		n := p.creditNote(id)
		if n.Status == Voided {
			return nil
		}
		n.Status, n.Lines, n.Charges, n.Unstock, n.Posted = Voided, nil, nil, nil, nil
		c.tell(Effect{Kind: "credit_note_voided", ID: p.ID, TaskID: n.TaskID, Number: n.Number, Total: decimal.Zero})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.answerCredits(p), nil
}
