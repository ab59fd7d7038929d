package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A record that somebody left out on purpose is read, and that is all: nothing
// is made for it in Cin7, and what is there for it is left as it is. It stays
// on the reconciliation, and is taken up again when its time is over.

// leaveOut takes out of a unit what is left out on purpose, and settles it.
// With the order, or the bill that stands alone, the whole unit is out.
func (u *unit) leaveOut(ctx context.Context, s *sources) (all bool, err error) {
	if err := u.load(ctx); err != nil {
		return false, err
	}
	if err := u.keepGone(ctx); err != nil {
		return false, err
	}
	if skip, ok := u.records[u.owner].Skipped(u.w.now()); ok {
		return true, u.skip(ctx, state.ReasonSkip, skip.String())
	}
	out := func(t netsuite.RecordType, id netsuite.ID) bool {
		_, ok := u.records[ref(t, id)].Skipped(u.w.now())
		return ok
	}
	s.Bills = slices.DeleteFunc(s.Bills, func(b netsuite.Bill) bool { return out(b.Type, b.ID) })
	s.Credits = slices.DeleteFunc(s.Credits, func(b netsuite.Bill) bool { return out(b.Type, b.ID) })
	s.Receipts = slices.DeleteFunc(s.Receipts, func(r netsuite.Receipt) bool { return out(r.Type, r.ID) })
	var kept []queue.Ref
	for _, r := range u.docs {
		skip, ok := u.records[r].Skipped(u.w.now())
		if !ok {
			kept = append(kept, r)
			continue
		}
		u.b.settled[r] = true
		err := u.settleRecord(ctx, queue.Settlement{Ref: r, Entry: u.b.entries[r], State: queue.Skipped, Reason: state.ReasonSkip, Message: skip.String(), Facts: u.facts[r]})
		if err != nil {
			return false, err
		}
	}
	u.docs = kept
	return false, nil
}

// leaveOutVendor leaves the supplier as it is; what needs it can use the one
// that is there, and waits when there is none.
func (t *turn) leaveOutVendor(ctx context.Context, rec state.Record, v netsuite.Vendor, entry *queue.Entry, skip state.Skip) (string, error) {
	guid := rec.Links[slotSupplier]
	var err error
	if guid == "" {
		err = &Wait{Reason: WaitVendor, Message: "it is left out " + skip.String()}
	}
	t.vendors[v.ID] = vendorResult{guid, err}
	if entry != nil {
		out := queue.Settlement{Ref: rec.Ref, Entry: entry, State: queue.Skipped, Reason: state.ReasonSkip, Message: skip.String(),
			Facts: map[string]string{state.FactNumber: v.Name(), state.FactVersion: v.ModifiedAt}}
		if serr := t.settleRecord(ctx, out); serr != nil {
			return "", serr
		}
	}
	return guid, err
}

// fieldReopened is the watermark that says when ended skips were last looked
// for.
const fieldReopened = "reopened" // RFC 3339

// reopenEvery is how soon a skip that is over is noticed.
const reopenEvery = time.Hour

// reopen takes up again what was left out until a day that is over.
func (t *turn) reopen(ctx context.Context) error {
	if !t.due(fieldReopened, reopenEvery) {
		return nil
	}
	if _, err := t.recs.Reopen(ctx, t.w.queue, t.w.now()); err != nil {
		return err
	}
	return t.note(ctx, fieldReopened, t.w.now().UTC().Format(time.RFC3339))
}
