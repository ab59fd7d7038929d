package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// What Cin7 has not made yet has no GUID. In a plan these names stand for the
// ones that it will give.
func newPurchaseID(owner queue.Ref) string  { return "{purchase of " + owner.String() + "}" }
func newSupplierID(vendor queue.Ref) string { return "{supplier of " + vendor.String() + "}" }
func newJournalID(owner queue.Ref) string   { return "{journal of " + owner.String() + "}" }

func newGroupID(owner queue.Ref, place int) string {
	return fmt.Sprintf("{group %d of %s}", place+1, owner)
}

func newCreditID(owner queue.Ref, place int) string {
	return fmt.Sprintf("{credit note %d of %s}", place+1, owner)
}

// newCardID names a batch that will be put away: Cin7 keeps one line for each
// product, place and date in a group.
func newCardID(owner queue.Ref, place int, l cin7.StockLine) string {
	return fmt.Sprintf("{batch of %s, %s, in group %d of %s}", firstOf(l.SKU, l.ProductID), l.Date, place+1, owner)
}

// predict is the purchase as it will stand once an operation has taken effect
// as Cin7 documents it (contract cin7 7.2 to 7.8): what the planner needs in
// order to plan the call after it. task is the group, or the credit note, that
// the op's document goes to. It is pure and leaves p alone; nil is no
// purchase. An operation that it does not know ends the plan there.
func predict(p *cin7.Purchase, o op, owner queue.Ref) (after *cin7.Purchase, task string, err error) {
	if o.Kind == opCreatePurchase {
		return predictHeader(o, owner), "", nil
	}
	if p == nil {
		return nil, "", fmt.Errorf("%s for %s: there is no purchase to do it to", o.Kind, owner)
	}
	out := clonePurchase(*p)
	switch o.Kind {
	case opVoidPurchase:
		if o.Again {
			return nil, "", nil
		}
		out.Status = cin7.StatusVoided
	case opUndoPurchase:
		out.Status, out.Order.Status = cin7.StatusDraft, undone(out.Order.Status)
		for _, g := range groupsOf(&out) {
			undoGroup(&out, g.task, undone, true, true)
		}
	case opSetRate: // changes the rate alone (contract cin7 7.2)
		out.CurrencyRate = *o.Update.CurrencyRate
	case opPostOrder:
		out.Status = "ORDERED"
		out.Order = cin7.Order{TaskID: out.Order.TaskID, Memo: o.Order.Memo, Status: o.Order.Status, Lines: o.Order.Lines, AdditionalCharges: o.Order.AdditionalCharges}
	case opDraftInvoice, opAuthoriseInvoice:
		task = predictInvoice(&out, o.Invoice, owner)
	case opUndoInvoice, opVoidInvoice:
		// Under INVOICE the goods hang on the invoice, and are undone with it.
		undoGroup(&out, o.Task, endedBy(o.Kind == opVoidInvoice), true, false)
		if out.Approach == cin7.ApproachInvoice {
			undoGroup(&out, o.Task, undone, false, true)
		}
	case opVoidStock:
		undoGroup(&out, o.Task, endedBy(true), false, true)
		if out.Approach == cin7.ApproachStock {
			undoGroup(&out, o.Task, undone, true, false)
		}
	case opDraftStock, opPostStock, opReplaceStock:
		task = predictStock(&out, &out.StockReceived, o, owner)
	case opDraftPutAway, opPostPutAway:
		task = predictStock(&out, &out.PutAway, o, owner)
	case opDraftCredit, opAuthoriseCredit:
		task = predictCredit(&out, o.Credit, owner)
	case opVoidCredit:
		for i := range out.CreditNote {
			if cin7.SameID(out.CreditNote[i].TaskID, o.Task) {
				out.CreditNote[i].Status = cin7.StatusVoided
			}
		}
	default:
		return nil, "", fmt.Errorf("what %s does cannot be foreseen: apply the plan up to here and plan again", o.Kind)
	}
	return &out, task, nil
}

func clonePurchase(p cin7.Purchase) cin7.Purchase {
	p.Invoice, p.StockReceived, p.PutAway, p.CreditNote = slices.Clone(p.Invoice), slices.Clone(p.StockReceived), slices.Clone(p.PutAway), slices.Clone(p.CreditNote)
	return p
}

// predictHeader is a new purchase: a draft with one empty group.
func predictHeader(o op, owner queue.Ref) *cin7.Purchase {
	h, task := o.Header, newGroupID(owner, 0)
	p := &cin7.Purchase{ID: newPurchaseID(owner), SupplierID: h.SupplierID, Approach: h.Approach, Status: cin7.StatusDraft, Type: "Advanced Purchase",
		Location: h.Location, Note: h.Note, Terms: h.Terms, TaxRule: h.TaxRule, TaxCalculation: h.TaxCalculation, RequiredBy: h.RequiredBy,
		IsServiceOnly: h.IsServiceOnly, BlindReceipt: h.BlindReceipt, Order: cin7.Order{Status: cin7.StatusNotAvailable},
		Invoice:       []cin7.Invoice{{TaskID: task, Status: cin7.StatusNotAvailable}},
		StockReceived: []cin7.StockTask{{TaskID: task, Status: cin7.StatusNotAvailable}},
		PutAway:       []cin7.StockTask{{TaskID: task, Status: cin7.StatusNotAvailable}}}
	if h.CurrencyRate != nil {
		p.CurrencyRate = *h.CurrencyRate
	}
	return p
}

// openGroup adds a group with an empty draft invoice (contract cin7 7.6).
func openGroup(p *cin7.Purchase, owner queue.Ref) string {
	groups := groupsOf(p)
	task, number := newGroupID(owner, len(groups)), 0
	for _, g := range groups {
		number = max(number, g.number+1)
	}
	p.Invoice = append(p.Invoice, cin7.Invoice{TaskID: task, InvoicingAndReceivingNumber: number, Status: cin7.StatusDraft})
	p.StockReceived = append(p.StockReceived, cin7.StockTask{TaskID: task, InvoicingAndReceivingNumber: number, Status: cin7.StatusNotAvailable})
	p.PutAway = append(p.PutAway, cin7.StockTask{TaskID: task, InvoicingAndReceivingNumber: number, Status: cin7.StatusNotAvailable})
	return task
}

// undone is what a status becomes when its task is put back to DRAFT.
func undone(status string) string {
	if status == "" || status == cin7.StatusNotAvailable || status == cin7.StatusVoided {
		return status
	}
	return cin7.StatusDraft
}

// endedBy is what becomes of a status by an undo or a void.
func endedBy(void bool) func(string) string {
	if !void {
		return undone
	}
	return func(status string) string {
		if status == "" || status == cin7.StatusNotAvailable {
			return status
		}
		return cin7.StatusVoided
	}
}

// undoGroup ends the invoice, the goods or both of a group; what is voided
// loses its lines.
func undoGroup(p *cin7.Purchase, task string, ended func(string) string, invoice, goods bool) {
	for i := range p.Invoice {
		if x := &p.Invoice[i]; invoice && cin7.SameID(x.TaskID, task) {
			if x.Status = ended(x.Status); x.Status == cin7.StatusVoided {
				x.Lines, x.AdditionalCharges = nil, nil
			}
		}
	}
	for _, tasks := range [][]cin7.StockTask{p.StockReceived, p.PutAway} {
		for i := range tasks {
			if x := &tasks[i]; goods && cin7.SameID(x.TaskID, task) {
				if x.Status = ended(x.Status); x.Status == cin7.StatusVoided {
					x.Lines = nil
				}
			}
		}
	}
}

func predictInvoice(p *cin7.Purchase, body *cin7.NewInvoice, owner queue.Ref) (task string) {
	if task = body.TaskID; task == cin7.ZeroID {
		task = openGroup(p, owner)
	}
	i := slices.IndexFunc(p.Invoice, func(x cin7.Invoice) bool { return cin7.SameID(x.TaskID, task) })
	if i < 0 {
		p.Invoice = append(p.Invoice, cin7.Invoice{TaskID: task})
		i = len(p.Invoice) - 1
	}
	x := &p.Invoice[i]
	x.InvoiceNumber, x.InvoiceDate, x.InvoiceDueDate, x.Status = body.InvoiceNumber, body.InvoiceDate, body.InvoiceDueDate, body.Status
	if len(body.Lines)+len(body.AdditionalCharges) > 0 { // none authorises what is stored
		x.Lines, x.AdditionalCharges = body.Lines, body.AdditionalCharges
	}
	return task
}

// predictStock adds received lines to the receiving or put-away task of a
// group, in a new group when the body names none.
func predictStock(p *cin7.Purchase, tasks *[]cin7.StockTask, o op, owner queue.Ref) (task string) {
	if task = o.Stock.TaskID; task == "" || task == cin7.ZeroID {
		task = openGroup(p, owner)
	}
	i := slices.IndexFunc(*tasks, func(x cin7.StockTask) bool { return cin7.SameID(x.TaskID, task) })
	if i < 0 {
		*tasks = append(*tasks, cin7.StockTask{TaskID: task})
		i = len(*tasks) - 1
	}
	x := &(*tasks)[i]
	var lines []cin7.StockLine
	if o.Kind != opReplaceStock {
		lines = slices.Clone(x.Lines)
	}
	place := slices.IndexFunc(groupsOf(p), func(g *group) bool { return cin7.SameID(g.task, task) })
	for _, l := range o.Stock.Lines {
		if (o.Kind == opPostPutAway || o.Kind == opDraftPutAway) && l.CardID == "" {
			l.CardID = newCardID(owner, place, l)
		}
		lines = append(lines, l)
	}
	x.Lines, x.Status = lines, o.Stock.Status
	return task
}

func predictCredit(p *cin7.Purchase, body *cin7.NewCreditNote, owner queue.Ref) (task string) {
	if task = body.TaskID; task == cin7.ZeroID {
		task = newCreditID(owner, len(p.CreditNote))
		p.CreditNote = append(p.CreditNote, cin7.CreditNote{TaskID: task})
	}
	for i := range p.CreditNote {
		x := &p.CreditNote[i]
		if !cin7.SameID(x.TaskID, task) {
			continue
		}
		x.CreditNoteNumber, x.CreditNoteInvoiceNumber, x.CreditNoteDate, x.Status = body.CreditNoteNumber, body.CreditNoteInvoiceNumber, body.CreditNoteDate, body.Status
		if len(body.Lines)+len(body.AdditionalCharges) > 0 {
			x.Lines, x.AdditionalCharges = body.Lines, body.AdditionalCharges
		}
		x.Unstock = nil
		for _, u := range body.Unstock {
			l := cin7.StockLine{CardID: u.CardID, Date: u.Date, Quantity: u.Quantity}
			for _, t := range p.PutAway {
				for _, from := range t.Lines {
					if cin7.SameID(from.CardID, u.CardID) {
						l.ProductID, l.SKU, l.Name, l.Location, l.LocationID = from.ProductID, from.SKU, from.Name, from.Location, from.LocationID
					}
				}
			}
			x.Unstock = append(x.Unstock, l)
		}
	}
	return task
}

// predictJournals are the journals of a document once an operation has taken
// effect.
func predictJournals(have []cin7.Journal, o op) ([]cin7.Journal, error) {
	out := slices.Clone(have)
	at := slices.IndexFunc(out, func(j cin7.Journal) bool { return cin7.SameID(j.TaskID, o.Task) })
	switch {
	case o.Kind == opDraftJournal:
		j := *o.Journal
		j.TaskID = newJournalID(o.For)
		return append(out, j), nil
	case at < 0:
		return nil, fmt.Errorf("%s for %s: Cin7 has no journal %s", o.Kind, o.For, o.Task)
	case o.Kind == opReplaceJournal, o.Kind == opCompleteJournal:
		number := out[at].JournalNumber
		out[at] = *o.Journal
		out[at].JournalNumber = number
	case o.Kind == opUndoJournal:
		out[at].Status = cin7.StatusDraft
	case o.Kind == opVoidJournal:
		return slices.Delete(out, at, at+1), nil // voided ones are history
	default:
		return nil, fmt.Errorf("what %s does cannot be foreseen: apply the plan up to here and plan again", o.Kind)
	}
	return out, nil
}

// nameless says that an id is not one that Cin7 gives, or that stands for one.
func nameless(id string) bool { return strings.Trim(id, "0-") == "" }
