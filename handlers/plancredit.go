package handlers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// credits plans a credit note for each vendor credit, against the invoice of
// the bill that it names. A credit note is drafted, read back and authorised
// like an invoice; goods that went back leave by the batch they came in with.
func (b *builder) credits() {
	for _, c := range b.want.Credits {
		b.inStep(c.Ref)
		b.credit(c)
	}
}

func (b *builder) credit(c wantCredit) {
	number, settled := b.creditedInvoice(c)
	if !settled {
		b.hold(c.Ref, &Wait{Reason: WaitBill, Message: fmt.Sprintf("credit %s is against a bill that is not posted in Cin7 yet", c.Number)})
		return
	}
	have := b.creditNote(c)
	body := cin7.NewCreditNote{
		PurchaseID: b.have.ID, TaskID: cin7.ZeroID, CreditNoteInvoiceNumber: number, CreditNoteNumber: c.Number, CreditNoteDate: c.Date,
		Status: cin7.StatusDraft, Lines: c.Lines, AdditionalCharges: c.Charges,
	}
	if have != nil {
		body.TaskID = have.TaskID
	}
	if have != nil && have.Status == cin7.StatusAuthorised {
		b.postedCredit(c, have, body)
		return
	}
	var short string
	if body.Unstock, short = b.unstock(c, have); short != "" {
		b.hold(c.Ref, &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("credit %s returns %s that Cin7 has not received on this purchase", c.Number, short)})
		return
	}
	if have == nil || diffCredit(c, *have, number) != "" {
		b.add(op{Kind: opDraftCredit, For: c.Ref, Credit: &body, Why: "credit " + c.Number + " against invoice " + number + " is not in " + b.have.OrderNumber})
		return
	}
	b.add(b.authoriseCredit(c, body))
}

func (b *builder) authoriseCredit(c wantCredit, body cin7.NewCreditNote) op {
	body.Status = cin7.StatusAuthorised
	return op{Kind: opAuthoriseCredit, For: c.Ref, Credit: &body, Sent: sentCredit(c), Source: b.want.Sources[c.Ref], Why: "the draft of credit " + c.Number + " reads back as planned"}
}

// creditedInvoice is the number, in Cin7, of the invoice that a credit names.
func (b *builder) creditedInvoice(c wantCredit) (number string, ok bool) {
	for _, g := range b.groups {
		if g.billed == c.Bill && posted(g.invoice) {
			return g.invoice.InvoiceNumber, true
		}
	}
	return "", false
}

// creditNote finds the credit note of a credit: by our own memory, else by its
// number. Voided ones are history.
func (b *builder) creditNote(c wantCredit) *cin7.CreditNote {
	for _, byMemory := range []bool{true, false} {
		for i := range b.have.CreditNote {
			n := &b.have.CreditNote[i]
			tied := b.known[c.Ref].has(n.TaskID)
			named := n.CreditNoteNumber == c.Number && !b.noteTiedElsewhere(n.TaskID, c.Ref)
			if n.Status != cin7.StatusVoided && n.Status != cin7.StatusNotAvailable && (tied || !byMemory && named) {
				return n
			}
		}
	}
	return nil
}

func (b *builder) noteTiedElsewhere(task string, r queue.Ref) bool {
	for other, t := range b.known {
		if other != r && other.Type == r.Type && t.has(task) {
			return true
		}
	}
	return false
}

// postedCredit compares an authorised credit note. Cin7 has no undo for it, so
// a changed one is voided and written again, or parked.
func (b *builder) postedCredit(c wantCredit, have *cin7.CreditNote, body cin7.NewCreditNote) {
	number := body.CreditNoteInvoiceNumber
	diff := diffCredit(c, *have, number)
	if diff == "" {
		b.stands(b.authoriseCredit(c, body), have.TaskID)
		return
	}
	t := b.known[c.Ref]
	same := t.Source != "" && t.Source == b.want.Sources[c.Ref]
	switch {
	case t.Sent != sentCredit(c) && have.CreditNoteInvoiceNumber == number && b.creditAsPosted(c.Ref, have):
		b.older(c.Ref, diff)
	case t.Sent != "" && (t.Sent == sentCredit(c) || same):
		b.hold(c.Ref, problem(ParkEditedInCin7, "bring the credit note back in Cin7, or correct the credit in NetSuite, then retry this record",
			"credit note %s of %s was edited in Cin7: %s", c.Number, b.have.OrderNumber, diff))
	case !b.Repost || t.Sent == "" || t.Source == "":
		b.hold(c.Ref, problem(ParkBillChanged, "void the credit note in Cin7 and retry this record, or correct it there and skip this record",
			"credit %s and the posted credit note of %s differ: %s", c.Number, b.have.OrderNumber, diff))
	case b.locked(have.CreditNoteDate):
		b.hold(c.Ref, b.lockedCredit(have))
	default:
		b.add(op{Kind: opVoidCredit, For: c.Ref, Task: have.TaskID, Why: "credit " + c.Number + " changed after it was posted: " + diff + b.anew(t)})
	}
}

func (b *builder) creditAsPosted(r queue.Ref, n *cin7.CreditNote) bool {
	return b.asPosted(r, n.TaskID, textOf(n.CreditNoteNumber, n.CreditNoteDate, n.Lines, n.AdditionalCharges))
}

func (b *builder) lockedCredit(n *cin7.CreditNote) *Problem {
	return problem(ParkPeriodLocked, "move the lock date in Cin7, or correct the credit note there by a journal and skip this record",
		"credit note %s of purchase %s is dated %s; Cin7 is locked up to and including %s", n.CreditNoteNumber, b.have.OrderNumber, n.CreditNoteDate, b.Lock)
}

// unstock chooses the batches that returned goods leave from: those of the
// bill's own groups first, oldest first. short names what is not there.
func (b *builder) unstock(c wantCredit, own *cin7.CreditNote) (out []cin7.Unstock, short string) {
	out = []cin7.Unstock{}
	type card struct {
		cin7.StockLine
		number int
		ours   bool
	}
	var cards []card
	for _, g := range b.groups {
		if g.putAway.Status != cin7.StatusAuthorised {
			continue
		}
		for _, l := range g.putAway.Lines {
			cards = append(cards, card{l, g.number, g.billed == c.Bill})
		}
	}
	slices.SortFunc(cards, func(x, y card) int {
		if x.ours != y.ours {
			if x.ours {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(x.Date, y.Date), cmp.Compare(x.CardID, y.CardID))
	})
	gone := map[string]decimal.Decimal{} // lower-case CardID -> taken by other credit notes
	for _, n := range b.have.CreditNote {
		if own != nil && cin7.SameID(n.TaskID, own.TaskID) || n.Status == cin7.StatusVoided {
			continue
		}
		for _, u := range n.Unstock {
			k := strings.ToLower(u.CardID)
			gone[k] = gone[k].Add(u.Quantity.Decimal)
		}
	}
	for _, l := range c.Goods {
		left := l.Quantity.Decimal
		for _, k := range cards {
			id := strings.ToLower(k.CardID)
			q := decimal.Min(left, k.Quantity.Sub(gone[id]))
			if id == "" || !cin7.SameID(k.ProductID, l.ProductID) || !q.IsPositive() {
				continue
			}
			gone[id], left = gone[id].Add(q), left.Sub(q)
			out = append(out, cin7.Unstock{CardID: k.CardID, Date: c.Date, Quantity: cin7.NewNumber(q)})
		}
		if left.IsPositive() {
			return nil, what(left, l)
		}
	}
	return out, ""
}

// deadCredit: a vendor credit that NetSuite voided must not count in Cin7.
func (b *builder) deadCredit(d wantDead) {
	for i := range b.have.CreditNote {
		n := &b.have.CreditNote[i]
		named := d.Number != "" && n.CreditNoteNumber == d.Number && !b.noteTiedElsewhere(n.TaskID, d.Ref)
		if n.Status != cin7.StatusAuthorised && n.Status != cin7.StatusDraft || !b.known[d.Ref].has(n.TaskID) && !named {
			continue
		}
		switch {
		case n.Status == cin7.StatusAuthorised && !b.Repost:
			b.hold(d.Ref, problem(ParkVoidedAfterPost, "void the credit note in Cin7, then retry this record",
				"the vendor credit of credit note %s (purchase %s) was voided or deleted in NetSuite", n.CreditNoteNumber, b.have.OrderNumber))
		case n.Status == cin7.StatusAuthorised && b.locked(n.CreditNoteDate):
			b.hold(d.Ref, b.lockedCredit(n))
		default:
			b.add(op{Kind: opVoidCredit, For: d.Ref, Task: n.TaskID, Why: "credit " + n.CreditNoteNumber + " was voided or deleted in NetSuite"})
		}
	}
}

// diffCredit says in words how a credit note in Cin7 differs from the wanted one.
func diffCredit(c wantCredit, have cin7.CreditNote, number string) string {
	diff := diffInvoice(wantInvoice{Number: c.Number, Date: c.Date, Lines: c.Lines, Charges: c.Charges, Net: c.Net, Tax: c.Tax},
		cin7.Invoice{InvoiceNumber: have.CreditNoteNumber, InvoiceDate: have.CreditNoteDate, Lines: have.Lines, AdditionalCharges: have.AdditionalCharges})
	var out []string
	if diff != "" {
		out = append(out, diff)
	}
	if have.CreditNoteInvoiceNumber != number {
		out = append(out, fmt.Sprintf("the invoice is %s, should be %s", have.CreditNoteInvoiceNumber, number))
	}
	if missing, extra := missingLines(c.Goods, have.Unstock); len(missing) > 0 || extra != "" {
		out = append(out, fmt.Sprintf("the goods returned are %q, should be %q", stockText(have.Unstock), stockText(c.Goods)))
	}
	return strings.Join(out, "; ")
}
