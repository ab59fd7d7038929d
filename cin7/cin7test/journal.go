package cin7test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Journal is an entry of the general ledger (10): DRAFT, COMPLETED or VOIDED.
type Journal struct {
	TaskID, Number, Status, Currency, Date, Narration, Notes string
	Rate                                                     decimal.Decimal
	Lines                                                    []JournalLine

	// Posted is what the ledger holds of it while it is completed, where that
	// is not what its lines say; nil: what they say.
	Posted []Transaction
}

// JournalLine moves an amount from Credit to Debit.
type JournalLine struct {
	Debit, Credit, Reference string
	Amount, BaseAmount       decimal.Decimal
}

const completed = "COMPLETED"

// Journals returns the journals, oldest first.
func (s *Sim) Journals() []Journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.journals)
	for i := range out {
		out[i].Lines, out[i].Posted = slices.Clone(out[i].Lines), slices.Clone(out[i].Posted)
	}
	return out
}

func (j Journal) posted() []Transaction {
	var out []Transaction
	if j.Posted != nil && j.Status == completed {
		return j.Posted
	}
	for _, l := range j.Lines {
		if j.Status == completed {
			out = append(out, Transaction{TaskID: j.TaskID, Type: "Journal", Transaction: j.Narration, Reference: j.Number, EffectiveDate: j.Date,
				DebitAccountCode: l.Debit, CreditAccountCode: l.Credit, Amount: l.BaseAmount})
		}
	}
	return out
}

func (j Journal) shape() obj {
	lines := []obj{}
	for _, l := range j.Lines {
		lines = append(lines, obj{"Debit": l.Debit, "Credit": l.Credit, "Reference": l.Reference, "Amount": num(l.Amount), "BaseAmount": num(l.BaseAmount)})
	}
	return obj{"TaskID": j.TaskID, "JournalNumber": j.Number, "Status": j.Status, "Currency": j.Currency, "CurrencyConversionRate": num(j.Rate),
		"EffectiveDate": day(j.Date), "Narration": j.Narration, "Notes": j.Notes, "Lines": lines, "Attachments": []obj{}}
}

func (s *Sim) listJournals(c *call) (any, error) {
	search := strings.ToLower(c.param("Search"))
	var rows []any
	for _, j := range s.journals {
		text := strings.ToLower(strings.Join([]string{j.Number, j.Status, j.Narration, j.Notes}, "\n"))
		if c.is("TaskID", j.TaskID) && c.is("Status", j.Status) && strings.Contains(text, search) {
			rows = append(rows, j.shape())
		}
	}
	return c.page("Journals", rows), nil
}

type journalBody struct {
	TaskID, Status, Currency, Narration, Notes *string
	CurrencyConversionRate                     number
	EffectiveDate                              *date
	Lines                                      []struct {
		Debit, Credit, Reference *string
		Amount, BaseAmount       number
	}
}

func (s *Sim) postJournal(c *call) (any, error) {
	var b journalBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	j, err := s.readJournal(b)
	if err != nil {
		return nil, err
	}
	s.jnumbers++
	j.TaskID, j.Number = s.newID(), fmt.Sprintf("JR-%05d", s.jnumbers)
	s.journals = append(s.journals, j)
	c.tellJournal(j)
	return one("Journals", j.shape()), nil
}

// putJournal replaces a draft; a completed journal is undone first (10).
func (s *Sim) putJournal(c *call) (any, error) {
	var b journalBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("TaskID", deref(b.TaskID) != ""); err != nil {
		return nil, err
	}
	stored := find(s.journals, func(j Journal) bool { return same(j.TaskID, *b.TaskID) })
	switch {
	case stored == nil:
		return nil, no(textNoTask)
	case stored.Status != Draft:
		return nil, no("Journal status should be DRAFT")
	}
	j, err := s.readJournal(b)
	if err != nil {
		return nil, err
	}
	j.TaskID, j.Number = stored.TaskID, stored.Number
	*stored = j
	c.tellJournal(j)
	return one("Journals", j.shape()), nil
}

func (s *Sim) readJournal(b journalBody) (Journal, error) {
	if err := require("Status", deref(b.Status) != "", "Currency", deref(b.Currency) != "", "CurrencyConversionRate", b.CurrencyConversionRate.set,
		"EffectiveDate", b.EffectiveDate != nil && *b.EffectiveDate != ""); err != nil {
		return Journal{}, err
	}
	j := Journal{Status: *b.Status, Currency: *b.Currency, Rate: b.CurrencyConversionRate.Round(4), Date: string(*b.EffectiveDate), Narration: deref(b.Narration), Notes: deref(b.Notes)}
	if j.Status != Draft && j.Status != completed {
		return j, no("attribute 'Status' must be DRAFT or COMPLETED")
	}
	if err := s.unlocked(j.Date); err != nil {
		return j, err
	}
	for _, l := range b.Lines {
		if err := require("Debit", deref(l.Debit) != "", "Credit", deref(l.Credit) != "", "Amount", l.Amount.set, "BaseAmount", l.BaseAmount.set); err != nil {
			return j, err
		}
		for _, code := range []string{*l.Debit, *l.Credit} {
			if err := s.activeAccount(code); err != nil {
				return j, err
			}
		}
		j.Lines = append(j.Lines, JournalLine{Debit: *l.Debit, Credit: *l.Credit, Reference: deref(l.Reference), Amount: round2(l.Amount.Decimal), BaseAmount: round2(l.BaseAmount.Decimal)})
	}
	if j.Status == completed && len(j.Lines) == 0 {
		return j, no(textLines)
	}
	return j, nil
}

// deleteJournal undoes to DRAFT, or voids.
func (s *Sim) deleteJournal(c *call) (any, error) {
	id, void := c.param("ID"), c.flag("Void")
	j := find(s.journals, func(j Journal) bool { return same(j.TaskID, id) })
	if j == nil {
		return nil, &refusal{status: http.StatusNotFound, text: textNoTask}
	}
	switch {
	case void && j.Status != Voided:
		j.Status = Voided
		c.tell(Effect{Kind: "journal_voided", ID: j.TaskID, Number: j.Number, Marker: marker(j.Notes)})
	case j.Status == completed:
		j.Status = Draft
		c.tell(Effect{Kind: "journal_undone", ID: j.TaskID, Number: j.Number, Marker: marker(j.Notes)})
	}
	return one("Journals", j.shape()), nil
}

func (c *call) tellJournal(j Journal) {
	kind := "journal_drafted"
	if j.Status == completed {
		kind = "journal_completed"
	}
	e := Effect{Kind: kind, ID: j.TaskID, Number: j.Number, Marker: marker(j.Notes, j.Narration)}
	for _, l := range j.Lines {
		e.Lines = append(e.Lines, EffectLine{Account: l.Debit + "/" + l.Credit, Total: l.BaseAmount})
		e.Total = e.Total.Add(l.BaseAmount)
	}
	c.tell(e)
}
