package cin7test

// writePutAway puts goods away in a group; with Use Put Away off this is the
// receipt itself (7.5).
func (s *Sim) writePutAway(c *call) (any, error) {
	b, err := s.readStockBody(c)
	if err != nil {
		return nil, err
	}
	p, err := c.edit(*b.PurchaseID, func(p *Purchase) error {
		g, err := s.receivingGroup(p, b)
		if err != nil {
			return err
		}
		if err := s.gatePutAway(p, g); err != nil {
			return err
		}
		lines, err := s.readStockLines(*b.Lines, true)
		if err != nil {
			return err
		}
		if g == nil {
			g = s.openGroup(p, Draft)
			c.tell(Effect{Kind: "group_opened", ID: p.ID, TaskID: g.TaskID})
		}
		if g.PutAway.Lines, err = merge(g.PutAway.Lines, lines, *b.Status); err != nil {
			return err
		}
		if *b.Status == Draft && g.invoiced() && matches(g.PutAway, g.Invoice) {
			return no("Put Away can only be AUTHORISED when received quantities match the invoice")
		}
		for i := range g.PutAway.Lines {
			if g.PutAway.Lines[i].CardID == "" {
				g.PutAway.Lines[i].CardID = s.newID()
			}
		}
		g.PutAway.Status = *b.Status
		c.tellStock("put_away_"+verb(*b.Status), p, g, g.PutAway.Lines)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.answerPutAway(p), nil
}

// matches says that quantities equal the invoice's, product by product.
func matches(st Stock, inv Invoice) bool {
	got, want := stockQuantities(st.Lines), quantities(inv.Lines)
	for id, q := range want {
		if !got[id].Equal(q) {
			return false
		}
	}
	return len(got) == len(want)
}

func (s *Sim) getPutAway(c *call) (any, error) {
	p, err := s.named(c, "PurchaseID")
	if err != nil {
		return nil, err
	}
	return s.answerPutAway(p), nil
}
