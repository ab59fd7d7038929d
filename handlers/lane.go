package handlers

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// turn serves one lane and gives it back.
func (w *Worker) turn(ctx context.Context, lane *queue.Turn) {
	log := w.log.With(zap.String("tenant", lane.Tenant))
	// What must happen after a stop: settling and giving back.
	last := context.WithoutCancel(ctx)
	beat, stopBeat := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat(beat, lane, stopBeat, log) })
	next, held, panicked, asked := w.serve(beat, lane, log)
	stopBeat()
	beats.Wait()
	end, cancel := context.WithTimeout(last, 5*time.Second)
	defer cancel()
	if panicked {
		// What panicked is not known: it is found out like what kills a process.
		if err := lane.Abandon(end, time.Second); err != nil && !errors.Is(err, queue.ErrStale) {
			log.Warn("give the lane back: it becomes free when its lease ends", zap.Error(err))
		}
		return
	}
	if err := lane.Release(end, next, held); err != nil {
		if !errors.Is(err, queue.ErrStale) {
			log.Warn("give the lane back: it becomes free when its lease ends", zap.Error(err))
		}
		return
	}
	if !held.IsZero() {
		return
	}
	if err := w.comeAgain(end, lane.Tenant, asked); err != nil {
		log.Warn("look what was asked of the lane meanwhile: it comes with the next turn", zap.Error(err))
	}
}

// comeAgain wakes a lane of which a poll or a turn was asked while it was held.
// Whoever asks notes it before waking, and here it is looked for after the
// release, so one of the two wakes counts. asked is the request for a poll that
// was open when the turn began: it has had its chance.
func (w *Worker) comeAgain(ctx context.Context, tenant, asked string) error {
	poll, turn, err := w.states.Tenant(tenant).Requested(ctx)
	if err != nil {
		return err
	}
	if poll != "" && poll != asked || turn {
		return w.queue.Wake(ctx, tenant, time.Time{})
	}
	return nil
}

// heartbeat renews the lease and stops the turn when it is lost.
func (w *Worker) heartbeat(ctx context.Context, lane *queue.Turn, stop func(), log *zap.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(w.o.Heartbeat):
		}
		if err := lane.Extend(ctx); err != nil {
			if errors.Is(err, queue.ErrStale) || errors.Is(err, queue.ErrStuck) {
				log.Warn("the lane goes to another worker", zap.Error(err))
				stop()
				return
			}
			if ctx.Err() == nil {
				log.Warn("renew the lease", zap.Error(err))
			}
		}
	}
}

// serve does the chores and drains the lane until it is empty, its slice is
// spent, or the lane must be held. It returns when the lane next wants a turn
// and until when it must be left alone; asked is the request for a poll that was
// open when it began.
func (w *Worker) serve(ctx context.Context, lane *queue.Turn, log *zap.Logger) (next, held time.Time, panicked bool, asked string) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a turn panicked; its marks are taken again, one at a time", zap.String("panic", secret.PanicText(p)), zap.ByteString("stack", debug.Stack()))
			panicked = true
		}
	}()
	t, err := w.open(ctx, lane, log)
	if err != nil {
		if errors.Is(err, tenant.ErrNotFound) {
			log.Warn("marks of a tenant that does not exist; they stay until it is applied or removed")
			return time.Time{}, w.now().Add(time.Hour), false, asked
		}
		log.Error("open the tenant", zap.Error(err))
		return time.Time{}, w.now().Add(holdUnavailable), false, asked
	}
	defer func() { t.keepRefused(ctx) }()
	if t.wm[state.TurnNow] != "" {
		// Before the chores read what it was asked for.
		if err := t.note(ctx, state.TurnNow, ""); err != nil {
			log.Warn("note that the turn asked for has come; it comes again", zap.Error(err))
		}
	}
	if lane.Reread {
		if err := t.reread(ctx); err != nil {
			log.Error("order the reading again after a loss", zap.Error(err))
			return time.Time{}, w.now().Add(holdUnavailable), false, asked
		}
	}
	asked = state.PollAsked(t.wm)
	patient, err := w.patient(t)
	if err != nil {
		log.Error("open the tenant", zap.Error(err))
		return time.Time{}, w.now().Add(holdUnavailable), false, asked
	}
	// Before the first poll: what another company's account says must not
	// become marks of this one. Polls do not need Cin7, so that it does not
	// answer stops only the writes.
	var wrong *tenant.WrongCompany
	if err := t.company(ctx); errors.As(err, &wrong) {
		log.Warn("the lane is held", zap.String("reason", WaitUpstream), zap.Error(err))
		t.noteHold(ctx, err.Error())
		return next, w.now().Add(holdCredentials), false, asked
	}
	for _, chore := range w.chores {
		at, err := chore(ctx, Job{Tenant: t.t, NetSuite: t.ns, Cin7: patient, Records: t.recs, Fence: lane.Fence, Now: w.now(), Watermarks: t.wm})
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("a chore of the lane failed", zap.Error(err))
		}
	}
	if err := t.takeUp(ctx); err != nil && ctx.Err() == nil {
		log.Warn("look whether parked records can go on", zap.Error(err))
	}
	for ctx.Err() == nil {
		entries, err := lane.Take(ctx, w.o.Batch)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, queue.ErrStale) {
				log.Warn("take marks", zap.Error(err))
				held = w.now().Add(time.Second)
			}
			return next, held, false, asked
		}
		if len(entries) == 0 {
			if err := t.sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("look for stray drafts; goes on in a later turn", zap.Error(err))
			}
			return next, held, false, asked
		}
		t.bulk = entries[0].Class() == queue.Bulk
		clear(t.refused) // whoever marks a record after a refusal wants it asked again
		if err = t.company(ctx); err == nil {
			err = t.batch(ctx, entries)
		}
		var h *hold
		switch {
		case errors.As(err, &h):
			log.Warn("the lane is held", zap.String("reason", h.reason), zap.Time("until", h.until), zap.Error(h.cause))
			t.noteHold(ctx, h.reason+": "+h.cause.Error())
			return next, h.until, false, asked
		case errors.Is(err, errYield):
			return next, held, false, asked
		case errors.Is(err, errStopping), errors.Is(err, queue.ErrStale), ctx.Err() != nil:
			return next, held, false, asked
		case err != nil:
			log.Error("a batch failed; its marks are taken again", zap.Error(err))
			return next, w.now().Add(holdUnavailable), false, asked
		}
		t.noteHold(ctx, "")
		if lane.Spent(ctx) {
			return next, held, false, asked
		}
	}
	return next, held, false, asked
}

// reread makes the next poll read all of NetSuite, because Redis has lost
// something of the tenant: marks that were acknowledged may be among it.
func (t *turn) reread(ctx context.Context) error {
	fields := map[string]string{state.PollNow: state.NewRequest(), fieldListFrom: t.lane.CreatesFrom.Add(listOverlap).UTC().Format(time.RFC3339)}
	t.s.purchases = nil
	for name := range t.wm {
		if strings.HasPrefix(name, state.WatermarkPrefix) {
			fields[name] = ""
		}
	}
	if err := t.recs.SetWatermarks(ctx, t.lane.Fence, fields); err != nil {
		return err
	}
	for name, value := range fields {
		t.wm[name] = value
	}
	t.log.Warn("Redis has lost data of this tenant: all of NetSuite is read again, and nothing is created until no call of before can still take effect",
		zap.Time("creates_from", t.lane.CreatesFrom))
	return t.lane.HaveReread(ctx)
}

// noteHold tells people why a lane is held; "" that it is not.
func (t *turn) noteHold(ctx context.Context, why string) {
	if t.heldNote == why {
		return
	}
	t.heldNote = why
	if err := t.recs.SetWatermarks(context.WithoutCancel(ctx), t.lane.Fence, map[string]string{state.Held: why}); err != nil {
		t.log.Warn("note why the lane is held", zap.Error(err))
	}
}

// turn is one turn of a lane.
type turn struct {
	w       *Worker
	lane    *queue.Turn
	t       *tenant.Tenant
	s       *session
	recs    *state.Records
	ns      *netsuite.Client
	c7      *cin7.Client
	log     *zap.Logger
	bulk    bool // the marks in hand are bulk ones: they stand back for live work
	marks   int  // in hand
	listMet bool // the list of purchases has been brought up to date for them

	suppliers []cin7.Supplier // all of Cin7's, read when first needed; kept up to date with our own writes
	listed    bool
	vendors   map[netsuite.ID]vendorResult       // vendors served in this turn
	people    map[netsuite.ID][]netsuite.Contact // of the batch's vendors whose contacts were read
	steps     map[queue.Ref][]queue.Step         // timeline not yet written
	heldNote  string                             // what people are told of a hold
	wm        map[string]string                  // watermarks as the turn began
	again     map[string]bool                    // lists that were read again for what they lacked; see lookAgain
	absent    map[string]bool                    // upper-case SKUs that Cin7 did not have in this turn
	refused   map[string]string                  // operation and hash of a body -> Cin7's words, when a look-up has shown that they count; of the batch
	rehearsal *rehearsal                         // set: nothing is written to Cin7
	script    *script                            // set: only the calls of a plan are made
	pay       func(context.Context) error        // takes the next call from the budget, once
	paid      bool                               // it is taken
}
