package cin7test

// edit changes a purchase as a whole or not at all: a refusal in the middle
// leaves it as it was.
func (c *call) edit(id string, change func(p *Purchase) error) (*Purchase, error) {
	p := c.s.purchase(id)
	if p == nil {
		return nil, no(textNoPurchase)
	}
	q := p.clone()
	if err := change(q); err != nil {
		return nil, err
	}
	q.Updated = c.s.o.Now()
	*p = *q
	return p, nil
}

// tell adds to the journal of effects, once the call has succeeded.
func (c *call) tell(e Effect) {
	e.At, e.Application = c.s.o.Now(), c.app
	c.effects = append(c.effects, e)
}

// tellDocument tells of a document with lines.
func (c *call) tellDocument(kind string, p *Purchase, taskID, number string, lines []Line, charges []Charge) {
	e := Effect{Kind: kind, ID: p.ID, TaskID: taskID, Number: number, Marker: marker(p.Note)}
	for _, l := range lines {
		e.Lines = append(e.Lines, EffectLine{Product: l.SKU, Account: l.Account, Quantity: l.Quantity, Total: l.Total, Tax: l.Tax})
	}
	for _, l := range charges {
		e.Lines = append(e.Lines, EffectLine{Product: l.Description, Account: l.Account, Quantity: l.Quantity, Total: l.Total, Tax: l.Tax})
	}
	e.Total = c.s.totals(p, lines, charges).total
	c.tell(e)
}
