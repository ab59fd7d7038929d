package handlers

import (
	"context"
	"fmt"
	"slices"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// send makes the one call of an op and takes its answer into the picture of
// the purchase. task is the group, or the credit note, that the op's document
// went to; "" when it has none. Nothing proves more than a fresh read.
func send(ctx context.Context, c *cin7.Client, have *cin7.Purchase, o op) (now *cin7.Purchase, task string, err error) {
	switch o.Kind {
	case opCreatePurchase:
		p, err := c.CreatePurchase(ctx, *o.Header)
		if err != nil {
			return have, "", err
		}
		return &p, "", nil
	case opVoidPurchase, opUndoPurchase:
		void := o.Kind == opVoidPurchase
		if err := c.DeletePurchase(ctx, o.Task, void); err != nil {
			return have, "", err
		}
		if void {
			have.Status = cin7.StatusVoided
		}
		return have, "", nil
	case opSetRate:
		p, err := c.UpdatePurchase(ctx, *o.Update)
		if err == nil {
			have.CurrencyRate = p.CurrencyRate
		}
		return have, "", err
	case opPostOrder:
		answer, err := c.PostOrder(ctx, *o.Order)
		if err == nil {
			have.Order = answer
		}
		return have, "", err
	case opDraftInvoice, opAuthoriseInvoice:
		task, err := sendInvoice(ctx, c, have, *o.Invoice)
		return have, task, err
	case opUndoInvoice, opVoidInvoice:
		return have, "", c.DeleteInvoice(ctx, o.Task, o.Kind == opVoidInvoice)
	case opVoidStock:
		return have, "", c.DeleteStock(ctx, o.Task, true)
	case opDraftStock, opDraftPutAway, opPostStock, opReplaceStock, opPostPutAway:
		task, err := sendStock(ctx, c, have, o)
		return have, task, err
	case opDraftCredit, opAuthoriseCredit:
		task, err := sendCredit(ctx, c, have, *o.Credit)
		return have, task, err
	case opVoidCredit:
		return have, "", c.VoidCreditNote(ctx, o.Task)
	}
	return have, "", fmt.Errorf("plan for %s: unknown operation %q", o.For, o.Kind)
}

func sendInvoice(ctx context.Context, c *cin7.Client, have *cin7.Purchase, i cin7.NewInvoice) (task string, err error) {
	before := groupsOf(have)
	answer, err := c.PostInvoice(ctx, i)
	if err != nil {
		return "", err
	}
	for k := range answer {
		answer[k].InvoicingAndReceivingNumber = numberOf(before, answer[k].TaskID, answer[k].InvoicingAndReceivingNumber)
	}
	have.Invoice = answer
	if i.TaskID != cin7.ZeroID {
		return i.TaskID, nil
	}
	for _, a := range answer {
		known := slices.ContainsFunc(before, func(g *group) bool { return cin7.SameID(g.task, a.TaskID) })
		if !known && a.InvoiceNumber == i.InvoiceNumber {
			task = a.TaskID
		}
	}
	return task, nil
}

func sendStock(ctx context.Context, c *cin7.Client, have *cin7.Purchase, o op) (task string, err error) {
	before := groupsOf(have)
	post, away := c.PostStock, false
	switch o.Kind {
	case opPostPutAway, opDraftPutAway:
		away = true
		post = c.PostPutAway
	case opReplaceStock:
		post = c.PutStock
	}
	answer, err := post(ctx, *o.Stock)
	if err != nil {
		return "", err
	}
	for k := range answer {
		answer[k].InvoicingAndReceivingNumber = numberOf(before, answer[k].TaskID, answer[k].InvoicingAndReceivingNumber)
	}
	if away {
		have.PutAway = answer
	} else {
		have.StockReceived = answer
	}
	task = o.Stock.TaskID
	for _, s := range answer {
		known := slices.ContainsFunc(before, func(g *group) bool { return cin7.SameID(g.task, s.TaskID) })
		if task == "" && !known {
			task = s.TaskID
		}
	}
	return task, nil
}

// numberOf is the number of an answered task's group: answers leave it out
// (contract cin7 8). A group of before keeps its own; a new one comes last, as
// Cin7 numbers them, else it would stand among the groups where none is.
func numberOf(before []*group, task string, answered int) int {
	last := -1
	for _, g := range before {
		if cin7.SameID(g.task, task) {
			return g.number
		}
		last = max(last, g.number)
	}
	return max(answered, last+1)
}

func sendCredit(ctx context.Context, c *cin7.Client, have *cin7.Purchase, n cin7.NewCreditNote) (task string, err error) {
	before := have.CreditNote
	answer, err := c.PostCreditNote(ctx, n)
	if err != nil {
		return "", err
	}
	have.CreditNote = answer
	if n.TaskID != cin7.ZeroID {
		return n.TaskID, nil
	}
	for _, a := range answer {
		if !slices.ContainsFunc(before, func(b cin7.CreditNote) bool { return cin7.SameID(a.TaskID, b.TaskID) }) {
			task = a.TaskID
		}
	}
	return task, nil
}

// tiesOf are the documents that are tied to the task that an op went to.
func tiesOf(o op) []queue.Ref {
	switch o.Kind {
	case opDraftInvoice, opAuthoriseInvoice, opDraftCredit, opAuthoriseCredit:
		return []queue.Ref{o.For}
	}
	return o.Receipts
}

// authorises is the task of the draft that an op makes count, "" of another op.
func (o op) authorises() string {
	switch o.Kind {
	case opAuthoriseInvoice:
		return o.Invoice.TaskID
	case opAuthoriseCredit:
		return o.Credit.TaskID
	}
	return ""
}

// mustRead says that an op is decided on a fresh read of Cin7 alone: money
// moves, or something is taken back.
func (o op) mustRead() bool {
	switch o.Kind {
	case opCreatePurchase, opPostOrder, opDraftInvoice, opDraftStock, opDraftPutAway, opReplaceStock:
		return false
	case opPostStock, opPostPutAway:
		return o.Stock != nil && len(o.Stock.Lines) == 0 // it authorises what is stored
	}
	return true
}

// answersNothing says that the answer does not show what became of the
// purchase: it is read again before anything else is planned (contract cin7 7.8).
func (o op) answersNothing() bool {
	switch o.Kind {
	case opUndoPurchase, opVoidPurchase, opUndoInvoice, opVoidInvoice, opVoidStock, opVoidCredit:
		return true
	}
	return false
}

// site is where converge works.
type site struct {
	owner  queue.Ref
	plan   func() outlook
	there  func() bool // a purchase is there, as far as we know
	fresh  func() bool // the picture of it was read after our last write
	reread func(context.Context) error
	// alone makes sure, before what counts, that no second purchase is there;
	// changed says that the picture is another one now.
	alone func(context.Context) (changed bool, err error)
	do    func(context.Context, op) error
}

// converge plans, makes the first missing call, and plans again, until nothing
// is missing. A call that leaves the plan as it was is not repeated.
func converge(ctx context.Context, s site) (outlook, error) {
	done := map[string]int{}
	failed := map[queue.Ref]error{} // documents of which Cin7 refused a call
	for {
		out := s.plan()
		for r, err := range failed {
			out.Verdicts[r] = err
			out.Ops = slices.DeleteFunc(out.Ops, func(o op) bool { return o.For == r })
		}
		if len(out.Ops) == 0 {
			if s.there() && !s.fresh() {
				// Prove it: what the answers said must be what is kept.
				if err := s.reread(ctx); err != nil {
					return outlook{}, err
				}
				continue
			}
			return out, nil
		}
		next := out.Ops[0]
		if next.mustRead() && !s.fresh() {
			if err := s.reread(ctx); err != nil {
				return outlook{}, err
			}
			continue
		}
		if k, _ := kindOf(next.Kind); k.counts {
			if changed, err := s.alone(ctx); err != nil {
				return outlook{}, err
			} else if changed {
				continue
			}
		}
		key := hashOf(next)
		var err error
		if done[key]++; done[key] > 1 {
			err = problem(ParkCin7Refused, "open the purchase in Cin7 and compare it with NetSuite, then retry this record",
				"Cin7 took %s for %s without keeping it (%s)", next.Kind, next.For, next.Why)
		} else {
			err = s.do(ctx, next)
		}
		_, refused := asProblem(err)
		switch {
		case err == nil:
		case refused && next.For != s.owner && failed[next.For] == nil:
			failed[next.For] = err // the others go on
		default:
			return outlook{}, err
		}
	}
}
