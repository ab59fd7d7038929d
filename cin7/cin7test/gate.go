package cin7test

import "slices"

// The stage rules (7.7). A cross gate looks at the group, or at the whole
// purchase when switched so, or when the call opens a new group: a receipt
// without TaskID was accepted next to an invoice authorised in the first group
// (7.6), so such a call cannot be judged by the group that it makes.

func (p *Purchase) ordered() error {
	switch {
	case p.Voided:
		return no("Purchase %s is voided", p.OrderNumber)
	case p.BlindReceipt: // has no order (7.1)
		return nil
	case p.Order.Status != Authorised:
		return no(textOrderFirst)
	}
	return nil
}

func open(status string) bool { return status == Draft || status == NotAvailable }

// invoiced says that an invoice counts as authorised; PAID does (7.7).
func (g Group) invoiced() bool { return g.Invoice.Status == Authorised || g.Invoice.Status == Paid }

// received says that the goods are in: with Use Put Away the stock task says
// so, without it the put-away (7.5).
func (s *Sim) received(g Group) bool {
	if s.o.NoPutAway {
		return g.PutAway.Status == Authorised
	}
	return g.Stock.Status == Authorised || g.Stock.Status == PartiallyReceived
}

// gate judges a cross gate for group g; nil is a group yet to be opened.
func (s *Sim) gate(p *Purchase, g *Group, passed func(Group) bool) bool {
	if g == nil || s.o.GatePerPurchase {
		return slices.ContainsFunc(p.Groups, passed)
	}
	return passed(*g)
}

func (s *Sim) gateInvoice(p *Purchase, g *Group) error {
	if err := p.ordered(); err != nil {
		return err
	}
	if g != nil && !open(g.Invoice.Status) {
		return no("Invoice status should be DRAFT or NOT AVAILABLE")
	}
	// A group opened for an invoice has received nothing, so the zero GUID
	// helps under INVOICE alone, unless gates look at the purchase.
	if p.Approach == "STOCK" && (g == nil && !s.o.GatePerPurchase || !s.gate(p, g, s.received)) {
		return no(textStock1st)
	}
	return nil
}

func (s *Sim) gateReceive(p *Purchase, g *Group) error {
	if p.Type == serviceType {
		return no("Service Purchase does not support receiving")
	}
	if err := p.ordered(); err != nil {
		return err
	}
	if p.Approach == "INVOICE" && !s.gate(p, g, Group.invoiced) {
		return no(textInvoice1st)
	}
	return nil
}

func (s *Sim) gateStock(p *Purchase, g *Group) error {
	if s.o.NoPutAway {
		return no("'Use Put Away' setting is off. Please use PutAway endpoint")
	}
	if err := s.gateReceive(p, g); err != nil {
		return err
	}
	if g != nil && !open(g.Stock.Status) && g.Stock.Status != PartiallyReceived {
		return no("Stock Received status should be DRAFT, NOT AVAILABLE or PARTIALLY RECEIVED")
	}
	return nil
}

func (s *Sim) gatePutAway(p *Purchase, g *Group) error {
	if err := s.gateReceive(p, g); err != nil {
		return err
	}
	if g != nil && !open(g.PutAway.Status) {
		return no("Put Away status should be DRAFT or NOT AVAILABLE")
	}
	var stocked bool
	if g == nil {
		stocked = slices.ContainsFunc(p.Groups, s.received)
	} else {
		stocked = s.received(*g)
	}
	if !s.o.NoPutAway && !stocked {
		return no(textStockFirst)
	}
	return nil
}

// unlocked refuses a document dated on or before the lock date (16).
func (s *Sim) unlocked(date string) error {
	if s.o.LockDate != "" && date != "" && date <= s.o.LockDate {
		return no("Date %s is on or before the lock date %s", date, s.o.LockDate)
	}
	return nil
}
