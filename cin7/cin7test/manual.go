package cin7test

import "slices"

type manualBody struct {
	PurchaseID, TaskID, Status *string
	Lines                      []manualLineBody
}

type manualLineBody struct {
	Reference, Debit, Credit *string
	Date                     *date
	Amount                   number
	IsSystem                 *bool // not for callers to set
}

// postManualJournal replaces the lines of a group's journal that are not
// Cin7's own; no stage stands in its way, not even AUTHORISED (10).
func (s *Sim) postManualJournal(c *call) (any, error) {
	var b manualBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("PurchaseID", deref(b.PurchaseID) != ""); err != nil {
		return nil, err
	}
	p, err := s.writeManual(c, b)
	if err != nil {
		return nil, err
	}
	return s.answerManual(p), nil
}

func (s *Sim) writeManual(c *call, b manualBody) (*Purchase, error) {
	if err := require("TaskID", deref(b.TaskID) != "", "Status", deref(b.Status) != ""); err != nil {
		return nil, err
	}
	if err := writable(*b.Status); err != nil {
		return nil, err
	}
	return c.edit(*b.PurchaseID, func(p *Purchase) error {
		g := p.group(*b.TaskID)
		switch {
		case p.Voided:
			return no("Purchase %s is voided", p.OrderNumber)
		case g == nil:
			return no(textNoTask)
		}
		lines, err := s.readManualLines(b.Lines)
		if err != nil {
			return err
		}
		keep := slices.DeleteFunc(g.Manual.Lines, func(l ManualLine) bool { return !l.System && !s.o.ManualJournalAppends })
		g.Manual = ManualJournal{Status: *b.Status, Lines: append(keep, lines...)}
		e := Effect{Kind: "manual_journal_" + verb(*b.Status), ID: p.ID, TaskID: g.TaskID, Number: p.OrderNumber}
		for _, l := range g.Manual.Lines {
			if e.Marker == "" {
				e.Marker = marker(l.Reference)
			}
			e.Lines = append(e.Lines, EffectLine{Account: l.Debit + "/" + l.Credit, Total: l.Amount})
			e.Total = e.Total.Add(l.Amount)
			if *b.Status == Authorised {
				g.Manual.Posted = append(g.Manual.Posted, Transaction{TaskID: g.TaskID, Type: "Purchase", Transaction: p.Supplier + " - manual journal",
					Reference: l.Reference, EffectiveDate: l.Date, DebitAccountCode: l.Debit, CreditAccountCode: l.Credit, Amount: l.Amount})
			}
		}
		c.tell(e)
		return nil
	})
}

func (s *Sim) readManualLines(in []manualLineBody) ([]ManualLine, error) {
	var out []ManualLine
	for _, l := range in {
		if err := require("Amount", l.Amount.set, "Date", l.Date != nil && *l.Date != "", "Debit", deref(l.Debit) != "", "Credit", deref(l.Credit) != ""); err != nil {
			return nil, err
		}
		if err := s.unlocked(string(*l.Date)); err != nil {
			return nil, err
		}
		for _, code := range []string{*l.Debit, *l.Credit} {
			if err := s.activeAccount(code); err != nil {
				return nil, err
			}
		}
		out = append(out, ManualLine{Reference: deref(l.Reference), Date: string(*l.Date), Debit: *l.Debit, Credit: *l.Credit, Amount: round2(l.Amount.Decimal)})
	}
	return out, nil
}

// activeAccount finds an account for a journal: any class will do.
func (s *Sim) activeAccount(code string) error {
	if a := s.account(code); a == nil || a.Status != "ACTIVE" {
		return notInBook("Account", code, "Chart of Accounts")
	}
	return nil
}

func (s *Sim) manualRows(lines []ManualLine) []obj {
	rows := []obj{}
	for _, l := range lines {
		rows = append(rows, obj{"Reference": l.Reference, "Amount": num(l.Amount), "Date": day(l.Date), "Debit": l.Debit, "Credit": l.Credit, "IsSystem": l.System})
	}
	return s.shuffled(rows)
}

func (s *Sim) answerManual(p *Purchase) obj {
	rows := []obj{}
	for _, g := range p.Groups {
		rows = append(rows, obj{"TaskID": loud(g.TaskID), "Status": g.Manual.Status, "Lines": s.manualRows(g.Manual.Lines)})
	}
	return obj{"PurchaseID": p.ID, "ManualJournals": rows}
}

func (s *Sim) getManualJournals(c *call) (any, error) {
	p, err := s.named(c, "PurchaseID")
	if err != nil {
		return nil, err
	}
	return s.answerManual(p), nil
}
