package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// rehearsal is a turn that sends nothing to Cin7: each operation is noted, and
// its effect foreseen instead (predict). Its Cin7 client refuses everything
// but GET on its own (cin7.ReadOnly).
type rehearsal struct {
	offline bool // nothing is kept in Redis either: a plan that a person asked for
	plan    Plan
	known   map[string]bool // lower-case ids that Cin7 had given before the plan
}

// errForeseen ends a write that a rehearsal did not intercept.
var errForeseen = errors.New("this call cannot be foreseen: apply the plan up to here and plan again")

// note adds a call.
func (r *rehearsal) note(c Call) {
	c.Number = len(r.plan.Calls) + 1
	r.plan.Calls = append(r.plan.Calls, c)
}

// planned are the calls noted for a unit.
func (r *rehearsal) planned(owner queue.Ref) []Call {
	var out []Call
	for _, c := range r.plan.Calls {
		if c.Record == owner.String() {
			out = append(out, c)
		}
	}
	return out
}

func (r *rehearsal) source(owner queue.Ref, netsuite, cin7 string) {
	r.plan.Sources = append(r.plan.Sources, Source{owner.String(), netsuite, cin7})
}

func (r *rehearsal) open(owner queue.Ref, why string) {
	r.plan.Open = append(r.plan.Open, OpenEnd{owner.String(), why})
}

// knows keeps the ids of a purchase that was there before.
func (r *rehearsal) knows(p *cin7.Purchase) {
	if p == nil {
		return
	}
	r.known[strings.ToLower(p.ID)] = true
	for _, g := range groupsOf(p) {
		r.known[strings.ToLower(g.task)] = true
		for _, l := range g.putAway.Lines {
			r.known[strings.ToLower(l.CardID)] = true
		}
	}
	for _, n := range p.CreditNote {
		r.known[strings.ToLower(n.TaskID)] = true
	}
}

// outcome keeps what becomes of a record; the last one counts.
func (r *rehearsal) outcome(s queue.Settlement) {
	o := Outcome{Record: s.Ref.String(), Number: s.Facts[state.FactNumber], Party: s.Facts[state.FactParty], State: s.State, Reason: s.Reason, Message: s.Message, Fix: s.Fix}
	if o.State == queue.Completed && strings.HasPrefix(o.Message, "purchase ") && len(r.planned(s.Ref)) > 0 {
		o.Message = "in step once the calls are made"
	}
	i := slices.IndexFunc(r.plan.Outcomes, func(x Outcome) bool { return x.Record == o.Record })
	if i < 0 {
		r.plan.Outcomes = append(r.plan.Outcomes, o)
		return
	}
	r.plan.Outcomes[i] = o
}

// offline reports whether nothing may be kept in Redis.
func (t *turn) offline() bool { return t.rehearsal != nil && t.rehearsal.offline }

// rehearse notes an operation and takes its foreseen effect into the picture.
func (u *unit) rehearse(ctx context.Context, o op) error {
	c, err := callOf(u.owner, o)
	if err != nil {
		return err
	}
	after, task, err := predict(u.have, o, u.owner)
	if err != nil {
		u.rehearsal.open(u.owner, err.Error())
		return errForeseen
	}
	c.Before, c.After = aspect(u.have, o, firstOf(task, o.Task)), aspect(after, o, firstOf(task, o.Task))
	u.rehearsal.note(c)
	u.step(o.For, "planned", "plan only: "+o.Why)
	if after == nil { // voided, to be made anew
		return u.forget(ctx, u.have.OrderNumber)
	}
	u.have, u.fresh = after, true
	for _, r := range tiesOf(o) {
		if err := u.tie(ctx, r, o, task); err != nil {
			return err
		}
	}
	if o.Kind == opPostOrder {
		return u.tie(ctx, u.owner, o, "")
	}
	return nil
}

// rehearseStray notes that a second purchase of the unit is voided.
func (u *unit) rehearseStray(o op, p cin7.Purchase) error {
	c, err := callOf(u.owner, o)
	if err != nil {
		return err
	}
	c.Before, c.After = "purchase "+p.Status, "purchase "+cin7.StatusVoided
	u.rehearsal.note(c)
	u.step(o.For, "planned", "plan only: "+o.Why)
	return nil
}

// rehearseJournal notes an operation on a journal and returns the journals as
// they will stand.
func (u *unit) rehearseJournal(have []cin7.Journal, o op) ([]cin7.Journal, error) {
	c, err := callOf(u.owner, o)
	if err != nil {
		return nil, err
	}
	after, err := predictJournals(have, o)
	if err != nil {
		u.rehearsal.open(u.owner, err.Error())
		return nil, &Wait{Reason: WaitPlanOnly, Message: err.Error()}
	}
	c.Before, c.After = journalAspect(have), journalAspect(after)
	u.rehearsal.note(c)
	u.step(o.For, "planned", "plan only: "+o.Why)
	return after, nil
}

// rehearseSupplier notes a write of a supplier and returns its id.
func (t *turn) rehearseSupplier(vendor queue.Ref, operation string, have, body cin7.Supplier) (guid string, err error) {
	why := "Cin7 has no supplier for vendor " + body.Name
	if operation == opUpdateSupplier {
		why = "supplier " + have.Name + " differs from the vendor"
	}
	c, err := supplierCall(vendor, operation, why, body)
	if err != nil {
		return "", fmt.Errorf("encode the supplier of %s: %w", vendor, err)
	}
	c.Before, c.After = supplierText(have), supplierText(body)
	t.rehearsal.note(c)
	t.step(vendor, "planned", "plan only: "+why)
	if operation == opUpdateSupplier {
		return have.ID, nil
	}
	return newSupplierID(vendor), nil
}

// holdBack says of a record of a tenant in plan_only mode what would be done.
func holdBack(calls []Call) *Wait {
	var parts []string
	for _, c := range calls {
		parts = append(parts, c.Operation+" ("+c.Why+")")
	}
	const most = 6
	if len(parts) > most {
		parts = append(parts[:most:most], fmt.Sprintf("and %d more", len(calls)-most))
	}
	calling := "1 call"
	if len(calls) != 1 {
		calling = fmt.Sprintf("%d calls", len(calls))
	}
	return &Wait{Reason: WaitPlanOnly, Message: "sync.mode is plan_only; " + calling + " to Cin7 would be made: " + strings.Join(parts, "; ")}
}

// planUnits plans records as the lane would serve them.
func (t *turn) planUnits(ctx context.Context, refs []queue.Ref) error {
	for part := range slices.Chunk(refs, planBatch) {
		entries := make([]queue.Entry, len(part))
		for i, r := range part {
			entries[i] = queue.Entry{Ref: r}
		}
		if err := t.batch(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}

// planBatch is how many records are read from NetSuite at once.
const planBatch = 50

// vendorsFirst orders records so that suppliers come before what names them.
func vendorsFirst(refs []queue.Ref) []queue.Ref {
	out := slices.Clone(refs)
	slices.SortStableFunc(out, func(a, b queue.Ref) int {
		order := []string{string(netsuite.TypeVendor), string(netsuite.TypePurchaseOrder), string(netsuite.TypeVendorBill), string(netsuite.TypeItemReceipt), string(netsuite.TypeVendorCredit)}
		return slices.Index(order, a.Type) - slices.Index(order, b.Type)
	})
	return slices.Compact(out)
}

// settleRehearsed settles a unit that was planned and not served.
func (u *unit) settleRehearsed(ctx context.Context, w *want, out outlook, err error) error {
	calls := u.rehearsal.planned(u.owner)
	if errors.Is(err, errForeseen) {
		err = nil
		out.Verdicts = map[queue.Ref]error{u.owner: holdBack(calls)}
	}
	switch {
	case stopsLane(err), err != nil && onlyLane(err) != nil:
		return err
	case err != nil:
		return u.settleAll(ctx, func(r queue.Ref) error {
			if r == u.owner {
				return err
			}
			return &Wait{Reason: WaitOrder, Message: "its purchase order cannot go: " + err.Error()}
		}, nil, "", "")
	case len(calls) == 0:
		hash := u.inputs
		if !inStep(out) {
			hash = ""
		}
		return u.settleAll(ctx, func(r queue.Ref) error { return out.Verdicts[r] }, w, out.Stage, hash)
	case u.rehearsal.offline:
		return u.settleAll(ctx, func(r queue.Ref) error { return out.Verdicts[r] }, nil, out.Stage, "")
	}
	return u.settleAll(ctx, func(r queue.Ref) error {
		if err := out.Verdicts[r]; err != nil {
			return err
		}
		return holdBack(calls)
	}, nil, "", "")
}

// settleRehearsedVendor settles a vendor whose supplier would be written.
func (t *turn) settleRehearsedVendor(out *queue.Settlement) {
	calls := t.rehearsal.planned(out.Ref)
	if len(calls) == 0 || t.rehearsal.offline {
		return
	}
	t.waiting(out, holdBack(calls), out.Entry)
	delete(out.Facts, state.FactHash)
}

// permitSupplier asks the plan, if one is applied, about a write of a supplier.
func (t *turn) permitSupplier(vendor queue.Ref, operation string, body cin7.Supplier) error {
	if t.script == nil {
		return nil
	}
	c, err := supplierCall(vendor, operation, "", body)
	if err != nil {
		return err
	}
	return t.script.permit(c)
}
