package cin7test

// Purchases returns what is stored, oldest first.
func (s *Sim) Purchases() []Purchase {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Purchase, len(s.purchases))
	for i, p := range s.purchases {
		out[i] = *p.clone()
	}
	return out
}

// EditPurchase changes a purchase by hand, as a person in Cin7 would; no rule
// is checked. It reports whether there is such a purchase.
func (s *Sim) EditPurchase(id string, edit func(*Purchase)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.purchase(id)
	if p == nil {
		return false
	}
	edit(p)
	p.Updated = s.o.Now()
	return true
}

// Pay marks the authorised invoice of a group as paid, by hand.
func (s *Sim) Pay(taskID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.purchaseOfTask(taskID)
	if p == nil {
		return false
	}
	g := p.group(taskID)
	if g == nil || g.Invoice.Status != Authorised {
		return false
	}
	g.Invoice.Status, p.Updated = Paid, s.o.Now()
	s.effects = append(s.effects, Effect{At: p.Updated, Kind: "invoice_paid", ID: p.ID, TaskID: g.TaskID, Number: g.Invoice.Number})
	return true
}
