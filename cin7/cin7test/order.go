package cin7test

type orderBody struct {
	TaskID, Memo, Status       *string
	CombineAdditionalCharges   *bool
	Lines                      *[]lineBody
	AdditionalCharges          []chargeBody
	TotalBeforeTax, Tax, Total number // need not be sent, not looked at (9)
}

// postOrder writes the order of a purchase of any type: while it is DRAFT the
// lines are replaced, AUTHORISED saves and authorises at once (7.3).
func (s *Sim) postOrder(c *call) (any, error) {
	var b orderBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("TaskID", deref(b.TaskID) != "", "CombineAdditionalCharges", b.CombineAdditionalCharges != nil, "Memo", b.Memo != nil,
		"Status", deref(b.Status) != "", "Lines", b.Lines != nil); err != nil {
		return nil, err
	}
	if err := atMost("Memo", *b.Memo, 1024); err != nil {
		return nil, err
	}
	if err := writable(*b.Status); err != nil {
		return nil, err
	}
	p, err := c.edit(*b.TaskID, func(p *Purchase) error {
		switch {
		case p.Voided:
			return no("Purchase %s is voided", p.OrderNumber)
		case p.BlindReceipt:
			return no("Purchase %s is a blind receipt and has no order", p.OrderNumber)
		case p.Order.Status != Draft && p.Order.Status != NotAvailable:
			return no("Purchase Order status should be DRAFT or NOT AVAILABLE")
		}
		lines, charges, err := s.document(p, *b.Lines, b.AdditionalCharges, orderLines, p.Order.Lines, p.Order.Charges, *b.Status)
		if err != nil {
			return err
		}
		p.Order = Order{Memo: *b.Memo, Status: *b.Status, Lines: lines, Charges: charges}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.tellDocument("order_"+verb(p.Order.Status), p, "", p.OrderNumber, p.Order.Lines, p.Order.Charges)
	return s.answerOrder(p), nil
}

// document reads the lines and charges of a body. Empty ones with AUTHORISED
// keep what is stored (7.5).
func (s *Sim) document(p *Purchase, lines []lineBody, charges []chargeBody, kind lineKind, oldLines []Line, oldCharges []Charge, status string) ([]Line, []Charge, error) {
	if len(lines)+len(charges) == 0 && status == Authorised {
		if len(oldLines)+len(oldCharges) == 0 {
			return nil, nil, no(textLines)
		}
		return oldLines, oldCharges, nil
	}
	ls, err := s.readLines(lines, kind)
	if err != nil {
		return nil, nil, err
	}
	cs, err := s.readCharges(charges, kind)
	if err != nil {
		return nil, nil, err
	}
	if p.Type == serviceType {
		ls, cs = nil, append(toCharges(ls), cs...)
	}
	return ls, cs, nil
}

// writable refuses states that a write cannot ask for (7.9).
func writable(status string) error {
	if status != Draft && status != Authorised {
		return no("attribute 'Status' must be DRAFT or AUTHORISED")
	}
	return nil
}

// verb names the effect of reaching a state.
func verb(status string) string {
	if status == Draft {
		return "drafted"
	}
	return "authorised"
}

func (s *Sim) getOrder(c *call) (any, error) {
	c.param("CombineAdditionalCharges")
	p, err := s.named(c, "TaskID")
	if err != nil {
		return nil, err
	}
	return s.answerOrder(p), nil
}
