// Package poller finds what changed in NetSuite since the last look: it is
// the guarantee behind the webhooks, and the only door for tenants without.
//
// Per record type a watermark W is kept, in NetSuite's own text form and
// session zone; it is never parsed into a local time. One round:
//
//	U    = MAX(lastmodifieddate)              asked first
//	rows = modified at or after W - overlap   by id, no upper bound
//	mark every row that is not applied so, and W = U with the last of them
//
// The overlap covers what is stamped before it is committed, and an hour that
// the clock goes back: 75 minutes each round, 26 hours once an hour. Lines
// have stamps of their own and are read too. Once a day everything is compared
// with what we know: ids, versions, totals, running numbers, records per day.
//
// Deletions come from deletedrecord where the role may read it, and otherwise
// from two comparisons that both missed a record; never from an answer that
// failed or is empty.
//
// A scan that is longer than a turn of the lane may be is kept among the
// watermarks and gone on with in the next, by whichever process.
package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

const (
	// overlap of each round, and of the wider one that is due once an hour.
	overlap      = 75 * time.Minute
	sweepOverlap = 26 * time.Hour
	sweepEvery   = time.Hour
	// pagesPerTurn is how many pages of 1,000 rows one turn of the lane reads
	// before the marks that wait get their time.
	pagesPerTurn = 25
)

// families are the types that one statement reads: vendors, and documents.
var families = [...][]netsuite.RecordType{
	{netsuite.TypeVendor},
	{netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit},
}

// Round is what one call of Run works with. The lane of the tenant is held.
type Round struct {
	Tenant   *tenant.Tenant
	NetSuite *netsuite.Client
	Records  *state.Records
	Queue    *queue.Queue
	Fence    int64
	Now      time.Time
	Pages    int // a turn may read, default 25
}

// Result is what a call of Run did.
type Result struct {
	Polled  bool
	Why     string                      // it polled
	Seen    map[netsuite.RecordType]int // records read by the walks that ended
	Marked  map[netsuite.RecordType]int // of them not applied yet
	Deleted int                         // deletions marked
	Open    int                         // walks that go on in the next turn
	Next    time.Time                   // when the next poll is due
}

// round is a Round under way.
type round struct {
	Round
	wm     map[string]string
	notes  map[string]string // fields to write at its end
	res    Result
	pages  int // left in this turn
	missed map[netsuite.RecordType]map[int64]int64
	// backfilling: a backfill reads what a first look or a comparison would.
	backfilling bool
}

func (r *round) note(field, value string) { r.notes[field], r.wm[field] = value, value }

// Run polls if a poll is due: by schedule, at first sight of the tenant,
// because one was asked for (state.RequestPoll), because webhooks fell silent,
// or because a scan of an earlier turn has not ended. A type that fails does
// not stop the others; the errors are returned joined, and its watermark stays.
func Run(ctx context.Context, in Round) (Result, error) {
	wm, err := in.Records.Watermarks(ctx)
	if err != nil {
		return Result{}, err
	}
	r := &round{Round: in, wm: wm, notes: map[string]string{}, pages: in.Pages, missed: map[netsuite.RecordType]map[int64]int64{},
		res: Result{Seen: map[netsuite.RecordType]int{}, Marked: map[netsuite.RecordType]int{}}}
	if r.pages <= 0 {
		r.pages = pagesPerTurn
	}
	hooks, silentFrom, err := r.hooks(ctx)
	if err != nil {
		return Result{}, err
	}
	schedule, err := scheduleOf(r.Tenant, hooks.Before(r.time(fieldHooksLost)))
	if err != nil {
		return Result{}, err
	}
	open, err := openWalks(wm)
	if err != nil {
		return Result{}, err
	}
	why, next := due(wm, schedule, silentFrom, r.Now)
	if why == "" && len(open) == 0 {
		return Result{Next: next}, nil
	}
	r.res.Polled, r.res.Why = true, why
	var errs []error
	failed := func(types []netsuite.RecordType, err error) {
		for _, t := range types {
			r.note(fieldError(t), r.Now.UTC().Format(time.RFC3339)+" "+err.Error())
		}
		errs = append(errs, fmt.Errorf("poll %v: %w", types, err))
	}
	for _, w := range open {
		ended, err := r.walk(ctx, w)
		if stops(ctx, err) {
			return r.res, err
		}
		if err != nil {
			// It may be the range that it stands in: the next begins anew.
			failed(w.Types, err)
			r.note(w.field(), "")
		} else if !ended {
			r.res.Open++
		}
	}
	polled := why != "" && r.res.Open == 0
	if polled {
		if err := r.poll(ctx, failed); err != nil {
			return r.res, err
		}
	}
	if why == "webhooks fell silent" && r.changed() > 0 {
		r.note(fieldHooksLost, r.Now.UTC().Format(time.RFC3339Nano))
	}
	if !polled {
		why = ""
	}
	return r.res, errors.Join(append(errs, r.end(ctx, why, schedule, len(errs) > 0))...)
}

// stops reports whether an error ends the whole round.
func stops(ctx context.Context, err error) bool {
	return err != nil && (errors.Is(err, queue.ErrStale) || ctx.Err() != nil)
}

func (r *round) changed() int {
	n := r.res.Deleted
	for _, m := range r.res.Marked {
		n += m
	}
	return n
}

// hooks says when the last webhook came, and from when on their absence is
// silence.
func (r *round) hooks(ctx context.Context) (last, silentFrom time.Time, err error) {
	if !r.Tenant.Subscriptions() {
		return r.Now, time.Time{}, nil
	}
	hooks, err := r.Records.Hooks(ctx, 200)
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	last, silentFrom = silence(hooks)
	return last, silentFrom, nil
}

// poll starts the walks that are due.
func (r *round) poll(ctx context.Context, failed func([]netsuite.RecordType, error)) error {
	wide := r.Now.Sub(r.time(fieldWide)) >= sweepEvery
	if wide {
		if err := r.zone(ctx); err != nil {
			if stops(ctx, err) {
				return err
			}
			failed(r.types(families[0]), err)
		}
	}
	var err error
	if r.backfilling, err = backfilling(ctx, r.Tenant, r.Records); err != nil {
		return err
	}
	allWell := true
	for _, family := range families {
		types := r.types(family)
		if len(types) == 0 {
			continue
		}
		high, err := r.NetSuite.HighWater(netsuite.Background(ctx), types...)
		if stops(ctx, err) {
			return err
		}
		if err != nil {
			failed(types, err)
			allWell = false
			continue
		}
		for _, w := range r.plan(types, high, wide) {
			if err := r.start(ctx, w, failed); err != nil {
				return err
			}
		}
	}
	if err := r.deletions(ctx, wide); err != nil {
		if stops(ctx, err) {
			return err
		}
		failed([]netsuite.RecordType{typeDeletions}, err)
	}
	if wide && allWell {
		r.note(fieldWide, r.Now.UTC().Format(time.RFC3339))
	}
	return nil
}

// start runs a walk; what its answer breaks for several types is tried again
// for each alone, so that one of them does not keep the others.
func (r *round) start(ctx context.Context, w *walk, failed func([]netsuite.RecordType, error)) error {
	if r.pages <= 0 {
		r.res.Open++ // its time comes in the next turn
		return r.flush(ctx, w)
	}
	ended, err := r.walk(ctx, w)
	switch {
	case stops(ctx, err):
		return err
	case err == nil && !ended:
		r.res.Open++
		return nil
	case err == nil:
		return nil
	}
	var e *netsuite.Error
	if len(w.Types) == 1 || !errors.As(err, &e) || e.Status != 200 && !errors.Is(err, netsuite.ErrQuery) {
		failed(w.Types, err)
		r.note(w.field(), "")
		return nil
	}
	r.note(w.field(), "")
	for _, t := range w.Types {
		alone := *w
		alone.Types, alone.After, alone.Lines, alone.held = []netsuite.RecordType{t}, 0, false, nil
		alone.Seen, alone.Marked, alone.Found, alone.Numbers = nil, nil, nil, nil
		if err := r.start(ctx, &alone, failed); err != nil {
			return err
		}
	}
	return nil
}

// plan groups types by where they must be read from.
func (r *round) plan(types []netsuite.RecordType, high string, wide bool) []*walk {
	var out []*walk
	add := func(kind, since string, t netsuite.RecordType, sweep int64) {
		for _, w := range out {
			if w.Kind == kind && w.Since == since && w.Sweep == sweep {
				w.Types = append(w.Types, t)
				return
			}
		}
		out = append(out, &walk{Kind: kind, Types: []netsuite.RecordType{t}, Since: since, High: high, Began: r.Now, Sweep: sweep})
	}
	for _, t := range types {
		mark := r.wm[fieldWatermark(t)]
		switch {
		case mark == "" && r.backfilling && high != "":
			add(kindWide, before(high, sweepOverlap), t, 0)
			continue
		case mark == "":
			add(kindFirst, "", t, 0)
			continue
		case wide:
			add(kindWide, before(mark, sweepOverlap), t, 0)
		default:
			add(kindRound, before(mark, overlap), t, 0)
		}
		if !r.backfilling && r.compareDue(t) {
			n, err := strconv.ParseInt(r.wm[fieldSweepNumber(t)], 10, 64)
			if err != nil {
				n = 0
			}
			add(kindCompare, "", t, n+1)
		}
	}
	return out
}

// compareDue reports whether a type must be compared: a day after the last
// time, or at once when somebody asked or the time zone changed.
func (r *round) compareDue(t netsuite.RecordType) bool {
	last := r.time(fieldCompared(t))
	if last.IsZero() {
		last = r.time(fieldFirst(t))
	}
	return r.wm[CompareNow] != "" || !last.IsZero() && r.Now.Sub(last) >= compareEvery
}

// types are those of a family that the tenant syncs.
func (r *round) types(family []netsuite.RecordType) []netsuite.RecordType {
	return slices.DeleteFunc(slices.Clone(family), func(t netsuite.RecordType) bool { return !r.Tenant.Syncs(string(t)) })
}

// end writes what the round leaves behind and says when the next is due.
func (r *round) end(ctx context.Context, why string, schedule func(time.Time) time.Time, failed bool) error {
	next := r.time(fieldNext)
	if why != "" {
		next = schedule(r.Now)
		r.note(fieldLast, r.Now.UTC().Format(time.RFC3339))
		r.note(fieldWhy, why)
		r.note(state.PollDone, r.wm[state.PollNow])
		r.note(CompareNow, "")
	}
	if soon := r.Now.Add(time.Minute); failed && (next.IsZero() || soon.Before(next)) {
		next = soon // not on time, but not at once either: the first to know of the end of an outage
	}
	r.note(fieldNext, next.UTC().Format(time.RFC3339))
	if r.res.Next = next; r.res.Open > 0 && !failed {
		r.res.Next = r.Now // the lane comes again after the marks that wait
	}
	return r.Records.SetWatermarks(ctx, r.Fence, r.notes)
}

// time reads a time among the watermarks; zero when there is none.
func (r *round) time(field string) time.Time { return timeOf(r.wm, field) }

func timeOf(wm map[string]string, field string) time.Time {
	t, err := time.Parse(time.RFC3339, wm[field])
	if err != nil {
		return time.Time{}
	}
	return t
}

// hiddenColumn reports whether an account does not have a column that a
// statement is about.
func hiddenColumn(err error) bool { return errors.Is(err, netsuite.ErrHidden) }
