// Package poller finds what changed in NetSuite since the last look: it is
// the safety net behind the webhooks, and the only door for tenants without.
//
// Per record type a watermark W is kept, in NetSuite's own text form and
// session zone; it is never parsed into a local time. One round:
//
//	U    = MAX(lastmodifieddate)              asked first
//	rows = modified at or after W - overlap   by id, no upper bound
//	mark every row whose version differs from the applied one     (durable)
//	W    = U                                  only then
//
// The overlap covers what is stamped before it is committed, and an hour that
// the clock goes back: 75 minutes each round, 26 hours once an hour.
package poller

import (
	"context"
	"errors"
	"fmt"
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
	// The default schedules, with and without webhooks.
	everyWithHooks    = "15m"
	everyWithoutHooks = "2m"
	// markBatch is how many marks go out in one script.
	markBatch = 500
)

// The fields of the watermarks hash.
const (
	fieldNext = "next_poll" // RFC 3339
	fieldLast = "last_poll" // RFC 3339
)

func fieldWatermark(t netsuite.RecordType) string { return "wm:" + string(t) }
func fieldSweep(t netsuite.RecordType) string     { return "sweep:" + string(t) }
func fieldPolled(t netsuite.RecordType) string    { return "polled:" + string(t) }

// types are polled in this order, so that vendors are marked first.
var types = [...]netsuite.RecordType{
	netsuite.TypeVendor, netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit,
}

// Round is what one call of Run works with. The lane of the tenant is held.
type Round struct {
	Tenant   *tenant.Tenant
	NetSuite *netsuite.Client
	Records  *state.Records
	Queue    *queue.Queue
	Fence    int64
	Now      time.Time
}

// Result is what a call of Run did.
type Result struct {
	Polled bool
	Seen   map[netsuite.RecordType]int // rows read
	Marked map[netsuite.RecordType]int // of them not applied yet
	Next   time.Time                   // when the next poll is due
}

// Run polls if a poll is due: by schedule, at first sight of the tenant, or
// because one was asked for (state.RequestPoll). A type that fails does not
// stop the others; the errors are returned joined, and its watermark stays.
func Run(ctx context.Context, r Round) (Result, error) {
	wm, err := r.Records.Watermarks(ctx)
	if err != nil {
		return Result{}, err
	}
	schedule, err := scheduleOf(r.Tenant)
	if err != nil {
		return Result{}, err
	}
	if next, ok := dueLater(wm, schedule, r.Now); ok {
		return Result{Next: next}, nil
	}
	res := Result{Polled: true, Seen: map[netsuite.RecordType]int{}, Marked: map[netsuite.RecordType]int{}}
	var errs []error
	for _, t := range types {
		if !r.Tenant.Syncs(string(t)) {
			continue
		}
		if err := r.poll(ctx, t, wm, &res); err != nil {
			if errors.Is(err, queue.ErrStale) || ctx.Err() != nil {
				return res, err
			}
			errs = append(errs, fmt.Errorf("poll %s: %w", t, err))
		}
	}
	res.Next = schedule(r.Now)
	if len(errs) > 0 {
		// Not on time, but not at once either.
		res.Next = r.Now.Add(min(res.Next.Sub(r.Now), time.Minute))
	}
	fields := map[string]string{fieldNext: res.Next.UTC().Format(time.RFC3339), fieldLast: r.Now.UTC().Format(time.RFC3339), state.PollNow: ""}
	if err := r.Records.SetWatermarks(ctx, r.Fence, fields); err != nil {
		errs = append(errs, err)
	}
	return res, errors.Join(errs...)
}

// scheduleOf is the tenant's schedule.
func scheduleOf(t *tenant.Tenant) (func(time.Time) time.Time, error) {
	every := t.Poll.Every
	switch {
	case every != "":
	case t.Subscriptions():
		every = everyWithHooks
	default:
		every = everyWithoutHooks
	}
	return tenant.ParseSchedule(every)
}

// dueLater says when the next poll is due; ok is false when it is due now. A
// schedule that was shortened counts from the last poll.
func dueLater(wm map[string]string, schedule func(time.Time) time.Time, now time.Time) (time.Time, bool) {
	if wm[state.PollNow] != "" {
		return time.Time{}, false
	}
	next, err := time.Parse(time.RFC3339, wm[fieldNext])
	if err != nil {
		return time.Time{}, false
	}
	if last, err := time.Parse(time.RFC3339, wm[fieldLast]); err == nil {
		if s := schedule(last); s.Before(next) {
			next = s
		}
	}
	return next, now.Before(next)
}

// poll does one round of one type.
func (r Round) poll(ctx context.Context, t netsuite.RecordType, wm map[string]string, res *Result) error {
	old := wm[fieldWatermark(t)]
	high, err := r.NetSuite.HighWater(ctx, t)
	if err != nil {
		return err
	}
	since, sweeps := window(old, wm[fieldSweep(t)], r.Now)
	var batch []netsuite.Change
	flush := func() error {
		n, err := r.mark(ctx, batch)
		res.Marked[t] += n
		batch = batch[:0]
		return err
	}
	for ch, err := range r.NetSuite.Changed(ctx, t, since) {
		if err != nil {
			return err
		}
		res.Seen[t]++
		if batch = append(batch, ch); len(batch) == markBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	fields := map[string]string{fieldPolled(t): r.Now.UTC().Format(time.RFC3339)}
	if high > old { // text in one form and zone: order is time
		fields[fieldWatermark(t)] = high
	}
	if sweeps {
		fields[fieldSweep(t)] = r.Now.UTC().Format(time.RFC3339)
	}
	return r.Records.SetWatermarks(ctx, r.Fence, fields)
}

// window is where to read from, and whether this is the hourly wide look. An
// empty watermark reads everything.
func window(watermark, lastSweep string, now time.Time) (since string, sweeps bool) {
	if watermark == "" {
		return "", true
	}
	if at, err := time.Parse(time.RFC3339, lastSweep); err != nil || now.Sub(at) >= sweepEvery {
		return before(watermark, sweepOverlap), true
	}
	return before(watermark, overlap), false
}

// before subtracts from a text of the form YYYY-MM-DD HH:MM:SS as if every
// day had 24 hours. It is arithmetic on a label, not a conversion: which zone
// the label is in does not matter.
func before(label string, d time.Duration) string {
	t, err := time.Parse(time.DateTime, label)
	if err != nil {
		return ""
	}
	return t.Add(-d).Format(time.DateTime)
}

// mark marks the changes whose version is not the applied one.
func (r Round) mark(ctx context.Context, changes []netsuite.Change) (int, error) {
	refs := make([]queue.Ref, len(changes))
	for i, c := range changes {
		refs[i] = queue.Ref{Type: string(c.Type), ID: c.ID.String()}
	}
	known, err := r.Records.Get(ctx, refs...)
	if err != nil {
		return 0, err
	}
	var marks []queue.Mark
	for i, rec := range known {
		if rec.State != "" && rec.Facts[state.FactVersion] == changes[i].ModifiedAt {
			continue // settled as it is in NetSuite now
		}
		marks = append(marks, queue.Mark{Ref: refs[i], Source: "poll", Note: "modified " + changes[i].ModifiedAt})
	}
	if len(marks) == 0 {
		return 0, nil
	}
	if _, err := r.Queue.Mark(ctx, r.Tenant.ID, queue.Live, marks...); err != nil {
		return 0, err
	}
	return len(marks), nil
}
