package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Period is what to tie out.
type Period struct {
	From, To cin7.Date
	Deep     bool // see reconcile.Input
}

// Reconcile ties a tenant's books out with the stored credentials, within its
// budget of Cin7 calls. say is told how far it is; may be nil.
func Reconcile(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, p Period, say func(string, ...any)) (*reconcile.Report, error) {
	ns, c7, err := clients(ctx, c, rooms, t)
	if err != nil {
		return nil, err
	}
	before, err := rooms.Queue.Lane(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	recs := rooms.States.Tenant(t.ID)
	r, err := reconcile.Run(ctx, reconcile.Input{Tenant: t, NetSuite: ns, Cin7: c7, Records: recs, From: p.From, To: p.To, Deep: p.Deep, Say: say})
	if err != nil {
		return nil, err
	}
	after, err := rooms.Queue.Lane(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if now := time.Now(); standsFor(p, NightlyPeriod(t, now), now) && (r.OK || undisturbed(before, after)) {
		return r, keep(ctx, recs, r, now)
	}
	return r, nil
}

// standsFor says that a period covers the one that is tied out by itself: its
// report then takes the place of the nightly one. Today is enough for an end,
// which the nightly one puts a day ahead.
func standsFor(p, nightly Period, now time.Time) bool {
	return p.From <= nightly.From && string(p.To) >= now.UTC().Format(time.DateOnly)
}

// undisturbed says that the lane did nothing while the books were read: what
// it posts between the reading of the two systems looks like a difference.
func undisturbed(before, after queue.Lane) bool {
	return before.Owner == "" && after.Owner == "" && before.Fence == after.Fence
}

// nightlyLimit ends a tie-out that runs by itself: the lane does nothing else
// meanwhile.
const nightlyLimit = 20 * time.Minute

// nightlyRetry is when a tie-out that could not be made is tried again.
const nightlyRetry = time.Hour

// NightlyPeriod is what is tied out by itself on a day: the month before and
// this one so far, from sync.start at the earliest. Dates that are a day ahead
// elsewhere count.
func NightlyPeriod(t *tenant.Tenant, now time.Time) Period {
	now = now.UTC()
	from := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	to := now.AddDate(0, 0, 1).Format(time.DateOnly)
	if t.StartDate > from && t.StartDate <= to {
		from = t.StartDate
	}
	return Period{From: cin7.Date(from), To: cin7.Date(to)}
}

// NightlyChore ties the books out when the tenant's schedule says so. It runs
// in the lane, so that nothing of ours is posted between the reading of the
// two systems.
func NightlyChore(log *zap.Logger) handlers.Chore {
	return func(ctx context.Context, j handlers.Job) (time.Time, error) {
		schedule := j.Tenant.ReconcileSchedule()
		next := schedule(j.Now)
		planned, err := time.Parse(time.RFC3339, j.Watermarks[state.TieOutNext])
		switch {
		case next.IsZero():
			return next, nil
		case err != nil || planned.After(next): // never planned, or the schedule was changed
			return next, setNext(ctx, j, next)
		case planned.After(j.Now):
			return planned, nil
		}
		// Planned anew first: whatever happens to this one does not repeat at once.
		if err := setNext(ctx, j, j.Now.Add(min(nightlyRetry, next.Sub(j.Now)))); err != nil {
			return next, err
		}
		ctx, cancel := context.WithTimeout(ctx, nightlyLimit)
		defer cancel()
		p := NightlyPeriod(j.Tenant, j.Now)
		log := log.With(zap.String("tenant", j.Tenant.ID), zap.String("from", string(p.From)), zap.String("to", string(p.To)))
		r, err := reconcile.Run(ctx, reconcile.Input{Tenant: j.Tenant, NetSuite: j.NetSuite, Cin7: j.Cin7, Records: j.Records, From: p.From, To: p.To,
			Say: func(format string, args ...any) {
				log.Info("reconciling", zap.String("progress", fmt.Sprintf(format, args...)))
			}})
		if err != nil {
			return j.Now.Add(nightlyRetry), fmt.Errorf("tie the books out from %s to %s: %w", p.From, p.To, err)
		}
		if err := keep(ctx, j.Records, r, j.Now); err != nil {
			return j.Now.Add(nightlyRetry), err
		}
		log.Info("reconciled", zap.Bool("ok", r.OK), zap.Int("need_person", r.NeedPerson), zap.Int("differences", len(r.Differences)), zap.Int("documents", len(r.Documents)),
			zap.Int("cin7_calls", r.Calls.Lists+r.Calls.Documents))
		return next, setNext(ctx, j, next)
	}
}

func setNext(ctx context.Context, j handlers.Job, at time.Time) error {
	return j.Records.SetWatermarks(ctx, j.Fence, map[string]string{state.TieOutNext: at.UTC().Format(time.RFC3339)})
}

// keep keeps a report for the metric and for whoever asks for the last one.
func keep(ctx context.Context, recs *state.Records, r *reconcile.Report, at time.Time) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the reconciliation: %w", err)
	}
	return recs.SetTieOut(ctx, r.Figures(), at, b)
}

// reportFor is what the ops API answers with: the kept report, or a new one of
// a period.
func reportFor(ctx context.Context, c Config, rooms Rooms, reading *reads, t *tenant.Tenant, from, to, format string) (func(io.Writer) error, error) {
	if from == "" && to == "" {
		b, err := rooms.States.Tenant(t.ID).LastTieOut(ctx)
		if err != nil {
			return nil, err
		}
		if format == "json" {
			return func(w io.Writer) error { _, err := w.Write(b); return err }, nil
		}
		r, err := reconcile.Read(b)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer) error { return r.Write(w, format) }, nil
	}
	p := Period{From: cin7.Date(from), To: cin7.Date(to)}
	if err := reconcile.CheckPeriod(p.From, p.To, time.Now()); err != nil {
		return nil, fmt.Errorf("%w: %w", api.ErrInput, err)
	}
	r, err := reading.Reconcile(ctx, c, rooms, t, from, to, 0)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return r.Write(w, format) }, nil
}
