package cin7test

import "net/http"

// The deprecated resources serve simple purchases alone: one group, whose
// TaskID is the purchase ID, answered as one object (7.11).

// simpleOnly finds the purchase of a deprecated call, and refuses others.
func (s *Sim) simpleOnly(c *call, param string) (*Purchase, error) {
	p, err := s.named(c, param)
	if err == nil && p.Type != simpleType {
		return nil, no(textDeprecated)
	}
	return p, err
}

// onlySimple refuses a body that names another kind of purchase.
func (s *Sim) onlySimple(taskID string) error {
	if p := s.purchase(taskID); p != nil && p.Type != simpleType {
		return no(textDeprecated)
	}
	return nil
}

func (s *Sim) postPurchase(c *call) (any, error) {
	var b headerBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	p := s.newPurchaseDraft()
	p.Type = simpleType // PurchaseType and IsServiceOnly are not accepted
	v, err := s.create(c, p, b)
	if err != nil {
		return v, err
	}
	return s.answerSimple(p), nil
}

func (s *Sim) putPurchase(c *call) (any, error) { return s.putHeader(c, true) }

func (s *Sim) getPurchase(c *call) (any, error) {
	c.param("CombineAdditionalCharges")
	p, err := s.simpleOnly(c, "ID")
	if err != nil {
		return nil, err
	}
	return s.answerSimple(p), nil
}

func (s *Sim) deleteSimplePurchase(c *call) (any, error) {
	p, err := s.deletePurchase(c, true)
	if err != nil {
		return nil, err
	}
	return s.answerSimple(p), nil
}

// answerSimple is a purchase with its tasks as objects.
func (s *Sim) answerSimple(p *Purchase) obj {
	o, g := s.header(p), p.Groups[0]
	inv := s.invoiceBlock(p, g.Invoice)
	inv["InvocieNumber"] = inv["InvoiceNumber"] // as one published example spells it
	credit := obj{"Status": NotAvailable, "Lines": []obj{}}
	if len(p.CreditNotes) > 0 {
		credit = s.creditBlock(p, p.CreditNotes[0], p.ID)
		credit["Unstock"] = obj{"Status": p.CreditNotes[0].Status, "Lines": credit["Unstock"]}
	}
	o["Order"], o["Invoice"], o["CreditNote"] = s.orderBlock(p), inv, credit
	o["StockReceived"] = obj{"Status": g.PutAway.Status, "Lines": s.stockRows(g.PutAway.Lines)}
	o["ManualJournals"] = obj{"Status": g.Manual.Status, "Lines": s.manualRows(g.Manual.Lines)}
	return o
}

// task is the single task of a simple purchase, without the list around it.
func task(answer obj, list string) obj { return answer[list].([]obj)[0] }

func (s *Sim) postSimpleInvoice(c *call) (any, error) {
	var b invoiceBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := s.onlySimple(deref(b.TaskID)); err != nil {
		return nil, err
	}
	b.PurchaseID = b.TaskID
	if b.PurchaseID == nil {
		return nil, missing("TaskID")
	}
	if p := s.purchase(*b.TaskID); p != nil { // its group may have a TaskID of its own
		b.TaskID = &p.Groups[0].TaskID
	}
	p, err := s.writeInvoice(c, b)
	if err != nil {
		return nil, err
	}
	return s.simpleTask(s.answerInvoices(p), "Invoices", p), nil
}

// simpleTask answers with the purchase ID as TaskID.
func (s *Sim) simpleTask(answer obj, list string, p *Purchase) obj {
	o := task(answer, list)
	o["TaskID"] = p.ID
	return o
}

// postSimpleStock books stock in one step, in one place (7.11).
func (s *Sim) postSimpleStock(c *call) (any, error) {
	var b stockBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("TaskID", deref(b.TaskID) != "", "Status", deref(b.Status) != "", "Lines", b.Lines != nil); err != nil {
		return nil, err
	}
	if err := writable(*b.Status); err != nil {
		return nil, err
	}
	if err := s.onlySimple(*b.TaskID); err != nil {
		return nil, err
	}
	p, err := c.edit(*b.TaskID, func(p *Purchase) error {
		g := &p.Groups[0]
		if err := s.gateReceive(p, g); err != nil {
			return err
		}
		if !open(g.PutAway.Status) {
			return no("Stock Received status should be DRAFT, NOT AVAILABLE or PARTIALLY RECEIVED")
		}
		lines, err := s.readStockLines(*b.Lines, true)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.LocationID != lines[0].LocationID {
				return no(textLines)
			}
		}
		if g.PutAway.Lines, err = merge(g.PutAway.Lines, lines, *b.Status); err != nil {
			return err
		}
		g.PutAway.Status, g.Stock.Status = *b.Status, *b.Status
		c.tellStock("stock_"+verb(*b.Status), p, g, g.PutAway.Lines)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.simpleTask(s.answerPutAway(p), "PutAway", p), nil
}

func (s *Sim) postSimpleCreditNote(c *call) (any, error) {
	var b creditBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := s.onlySimple(deref(b.TaskID)); err != nil {
		return nil, err
	}
	p := s.purchase(deref(b.TaskID))
	if p == nil {
		return nil, no(textNoPurchase)
	}
	id, zero, number := p.ID, zeroID, p.Groups[0].Invoice.Number
	b.PurchaseID, b.TaskID, b.CreditNoteInvoiceNumber = &id, &zero, &number
	if len(p.CreditNotes) > 0 {
		b.TaskID = &p.CreditNotes[0].TaskID
	}
	p, err := s.writeCreditNote(c, b)
	if err != nil {
		return nil, err
	}
	return s.simpleTask(s.answerCredits(p), "CreditNotes", p), nil
}

func (s *Sim) postSimpleManualJournal(c *call) (any, error) {
	var b manualBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := s.onlySimple(deref(b.TaskID)); err != nil {
		return nil, err
	}
	b.PurchaseID = b.TaskID
	p := s.purchase(deref(b.TaskID))
	if p == nil {
		return nil, no(textNoPurchase)
	}
	b.TaskID = &p.Groups[0].TaskID
	p, err := s.writeManual(c, b)
	if err != nil {
		return nil, err
	}
	return s.simpleTask(s.answerManual(p), "ManualJournals", p), nil
}

// simpleGet reads one task of a simple purchase.
func (s *Sim) simpleGet(answer func(*Purchase) obj, list string) handler {
	return func(c *call) (any, error) {
		c.param("CombineAdditionalCharges")
		p, err := s.simpleOnly(c, "TaskID")
		if err != nil {
			return nil, err
		}
		a := answer(p)
		if len(a[list].([]obj)) == 0 {
			return nil, &refusal{status: http.StatusNotFound, text: textNoTask}
		}
		return s.simpleTask(a, list, p), nil
	}
}
