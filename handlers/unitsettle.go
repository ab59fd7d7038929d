package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// unchanged settles a unit whose sources are what was applied last: no call.
func (u *unit) unchanged(ctx context.Context) error {
	for _, r := range u.docs {
		e := u.b.entries[r]
		if e == nil || u.b.settled[r] {
			continue
		}
		u.b.settled[r] = true
		s := queue.Settlement{Ref: r, Entry: e, State: queue.Completed, Message: "nothing has changed", Facts: u.facts[r]}
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// skip settles a unit that is left out by rule.
func (u *unit) skip(ctx context.Context, reason, message string) error {
	for _, r := range u.docs {
		u.b.settled[r] = true
		s := queue.Settlement{Ref: r, Entry: u.b.entries[r], State: queue.Skipped, Reason: reason, Message: message, Facts: u.facts[r]}
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settleAll writes the outcome of every document of the unit.
func (u *unit) settleAll(ctx context.Context, verdict func(queue.Ref) error, w *want, stage, hash string) error {
	// Those without a mark in hand come first: if the process dies on the way,
	// a mark is left, it is taken again, and everything is settled again.
	marked := func(r queue.Ref) bool { return u.b.entries[r] != nil }
	docs := append(slices.DeleteFunc(slices.Clone(u.docs), marked), slices.DeleteFunc(slices.Clone(u.docs), func(r queue.Ref) bool { return !marked(r) })...)
	for _, r := range docs {
		s := queue.Settlement{Ref: r, Entry: u.b.entries[r], State: queue.Completed, Facts: u.facts[r]}
		s.Facts[state.FactStage] = stage
		if r == u.owner {
			s.Facts[state.FactHash] = hash
		}
		if u.have != nil {
			s.Facts[state.FactCin7Number] = u.have.OrderNumber
			s.Message = "purchase " + u.have.OrderNumber + " matches"
		} else if n := u.journals[r]; n != "" {
			s.Facts[state.FactCin7Number], s.Message = n, "journal "+n+" matches"
		} else {
			s.Message = "not in Cin7, as it should be"
		}
		if w != nil {
			if r == u.owner {
				u.factsOfProducts(s, w)
			}
			for _, inv := range w.Invoices {
				if inv.Ref == r {
					u.factsOfAccounts(s, inv.Accounts, sentInvoice(inv))
				}
			}
			for _, c := range w.Credits {
				if c.Ref == r {
					u.factsOfAccounts(s, c.Accounts, sentCredit(c))
				}
			}
		}
		if text := u.older[r]; text != "" {
			s.Message += ", " + text
		}
		err := verdict(r)
		if errors.Is(err, errDead) {
			err, s.Message = nil, errDead.Error()
		}
		if p, ok := asProblem(err); ok {
			s.State, s.Reason, s.Message, s.Fix = queue.Parked, p.Reason, p.Message, p.Fix
		} else if wait, ok := asWait(err); ok {
			u.waiting(&s, wait, s.Entry)
		}
		u.b.settled[r] = true
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// factsOfProducts says of an order which products its lines went to. One that
// stands otherwise keeps what was said when it was posted, and of one that is
// void nothing is said.
func (u *unit) factsOfProducts(s queue.Settlement, w *want) {
	if w.Void != "" {
		s.Facts[state.FactProducts] = ""
		return
	}
	if was := u.ties()[s.Ref].As[orderPart]; w.Products != "" && (was == "" || was == orderText(w.Order.Lines, w.Order.AdditionalCharges)) {
		s.Facts[state.FactProducts] = w.Products
	}
}

// factsOfAccounts says of a document which accounts it goes to. One that is
// posted otherwise keeps what was said when it was posted; of one whose posting
// is not remembered, its answer having been lost, nothing was said then.
func (u *unit) factsOfAccounts(s queue.Settlement, a []postingAccount, sent string) {
	if t := u.ties()[s.Ref]; t.Source == "" || t.Sent == sent {
		s.Facts[state.FactAccounts], s.Facts[state.FactPosted] = accountCodes(a), accountPairs(a)
	}
}
