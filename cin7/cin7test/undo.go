package cin7test

import "net/http"

// Undo puts what is AUTHORISED back to DRAFT and keeps its lines; void ends it
// and empties it. Later stages that hung on an undone one must be authorised
// again (7.8). What was posted leaves the ledger.

func (s *Sim) undoInvoice(c *call, p *Purchase, g *Group, void bool) {
	var kind string
	switch {
	case void && g.Invoice.Status != Voided && g.Invoice.Status != NotAvailable:
		kind = "invoice_voided"
		g.Invoice.Status, g.Invoice.Lines, g.Invoice.Charges = Voided, nil, nil
	case !void && g.invoiced():
		kind = "invoice_undone"
		g.Invoice.Status = Draft
	default:
		return // 200 and no change
	}
	g.Invoice.Posted = nil
	c.tell(Effect{Kind: kind, ID: p.ID, TaskID: g.TaskID, Number: g.Invoice.Number})
	if p.Approach == "INVOICE" && g.receiving() {
		s.undoStock(c, p, g, false)
	}
}

func (g *Group) receiving() bool {
	return g.Stock.Status == Authorised || g.Stock.Status == PartiallyReceived || g.PutAway.Status == Authorised
}

// undoStock does nothing to a DRAFT, and says 200 all the same (7.8).
func (s *Sim) undoStock(c *call, p *Purchase, g *Group, void bool) {
	if !g.receiving() {
		return
	}
	kind, to := "stock_undone", Draft
	if void {
		kind, to = "stock_voided", Voided
	}
	for _, t := range []*Stock{&g.Stock, &g.PutAway} {
		if t.Status == NotAvailable {
			continue
		}
		t.Status = to
		if void {
			t.Lines = nil
		}
	}
	c.tell(Effect{Kind: kind, ID: p.ID, TaskID: g.TaskID, Number: p.OrderNumber})
	if p.Approach == "STOCK" && g.invoiced() {
		s.undoInvoice(c, p, g, false)
	}
}

// deleteTask answers DELETE of the invoice or stock of a group.
func (s *Sim) deleteTask(c *call, undo func(*call, *Purchase, *Group, bool)) (*Purchase, error) {
	id, void := c.param("TaskID"), c.flag("Void")
	p := s.purchaseOfTask(id)
	switch {
	case id == "":
		return nil, missing("TaskID")
	case p == nil || p.group(id) == nil:
		return nil, &refusal{status: http.StatusNotFound, text: textNoTask}
	case p.Type == simpleType:
		return nil, no("Simple Purchase does not support this operation")
	}
	return c.edit(p.ID, func(p *Purchase) error {
		undo(c, p, p.group(id), void)
		return nil
	})
}

func (s *Sim) deleteInvoice(c *call) (any, error) {
	p, err := s.deleteTask(c, s.undoInvoice)
	if err != nil {
		return nil, err
	}
	return s.answerInvoices(p), nil
}

func (s *Sim) deleteStock(c *call) (any, error) {
	p, err := s.deleteTask(c, s.undoStock)
	if err != nil {
		return nil, err
	}
	return s.answerStock(p), nil
}

// deletePurchase undoes or voids the purchase with all its tasks.
func (s *Sim) deletePurchase(c *call, simpleOnly bool) (*Purchase, error) {
	void := c.flag("Void")
	p, err := s.named(c, "ID")
	if err != nil {
		return nil, err
	}
	if simpleOnly && p.Type != simpleType {
		return nil, no(textDeprecated)
	}
	return c.edit(p.ID, func(p *Purchase) error {
		if p.Voided {
			return nil
		}
		for i := range p.Groups {
			g := &p.Groups[i]
			s.undoInvoice(c, p, g, void)
			s.undoStock(c, p, g, void)
			g.Manual.Posted = nil
			for _, st := range []*string{&g.Invoice.Status, &g.Stock.Status, &g.PutAway.Status, &g.Manual.Status} {
				*st = ended(*st, void)
			}
		}
		for i := range p.CreditNotes {
			n := &p.CreditNotes[i]
			n.Status, n.Posted = ended(n.Status, void), nil
		}
		kind := "purchase_undone"
		p.Order.Status = ended(p.Order.Status, void)
		if void {
			kind, p.Voided, p.Order.Status = "purchase_voided", true, Voided
		}
		c.tell(Effect{Kind: kind, ID: p.ID, Number: p.OrderNumber, Marker: p.marker()})
		return nil
	})
}

// ended is the state of a task after its purchase was undone or voided.
func ended(status string, void bool) string {
	switch {
	case status == NotAvailable || status == Voided:
		return status
	case void:
		return Voided
	}
	return Draft
}

func (s *Sim) deleteAdvancedPurchase(c *call) (any, error) {
	p, err := s.deletePurchase(c, false)
	if err != nil {
		return nil, err
	}
	return s.answerPurchase(p), nil
}
