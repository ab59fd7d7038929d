package handlers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
	"github.com/ml-connector/ml-connector/trace"
)

// Chore is work that a lane does at the start of each turn besides its marks,
// such as polling. It returns when it next wants a turn; zero means never.
type Chore func(ctx context.Context, j Job) (next time.Time, err error)

// Job is what a Chore works with. The lane is held for as long as it runs.
type Job struct {
	Tenant   *tenant.Tenant
	NetSuite *netsuite.Client
	Records  *state.Records
	Fence    int64
	Now      time.Time
	// Cin7 waits for the shared budget for as long as it takes, and sends
	// nothing once the lane is lost.
	Cin7       *cin7.Client
	Watermarks map[string]string // as the turn began
}

// Options set the limits of a Worker; zero values take the defaults.
type Options struct {
	Owner       string           // names this process in lane hashes; required
	Concurrency int              // lanes held at once, default 32
	Batch       int              // marks taken at once, default 50
	Settle      time.Duration    // quarantine after an uncertain write, default 180 s
	Idle        time.Duration    // pause between looks for a due lane, default 100 ms
	Heartbeat   time.Duration    // lease renewal, default 8 s
	Now         func() time.Time // default time.Now
	// At is told of every step of the write protocol as it is reached; tests of
	// crashes die in it. nil in a service.
	At      func(op, step string)
	Version string // of this program; what killed another version is tried again
	// Flags makes the worker heed other deployments that write to the same Cin7
	// company, and tell them of itself; see flag.go.
	Flags bool
	// AllowPrivate and Transport serve the clients; see service.
	Transport Transports
	Tracer    oteltrace.Tracer // default: no spans
}

// Worker drains lanes.
type Worker struct {
	queue   *queue.Queue
	states  *state.Store
	tenants *tenant.Store
	budget  *Budget
	chores  []Chore
	log     *zap.Logger
	m       *metrics
	o       Options

	mu       sync.Mutex
	sessions map[string]*session // tenant id -> what outlives a turn
}

// NewWorker returns a worker; Run starts it.
func NewWorker(q *queue.Queue, states *state.Store, tenants *tenant.Store, b *Budget, chores []Chore, log *zap.Logger, reg prometheus.Registerer, o Options) *Worker {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	after := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Concurrency, 32)
	def(&o.Batch, 50)
	after(&o.Settle, 180*time.Second)
	after(&o.Idle, 100*time.Millisecond)
	after(&o.Heartbeat, 8*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tracer == nil {
		o.Tracer = trace.Off()
	}
	return &Worker{queue: q, states: states, tenants: tenants, budget: b, chores: chores, log: log, m: newMetrics(reg), o: o,
		sessions: map[string]*session{}}
}

func (w *Worker) now() time.Time { return w.o.Now() }

// Run claims lanes until ctx is done, then finishes the calls in hand, gives
// the lanes back and returns. It returns an error only when it could not stop
// in order.
func (w *Worker) Run(ctx context.Context) error {
	slots := make(chan struct{}, w.o.Concurrency)
	var turns sync.WaitGroup
	defer turns.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case slots <- struct{}{}:
		}
		lane, err := w.queue.Claim(ctx, w.o.Owner)
		if lane == nil {
			<-slots
			if err != nil && ctx.Err() == nil {
				w.log.Warn("claim a lane", zap.Error(err))
			}
			pause := w.o.Idle
			if err != nil {
				pause = time.Second
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		turns.Go(func() {
			defer func() { <-slots }()
			w.turn(ctx, lane)
		})
	}
}

// turn serves one lane and gives it back.
func (w *Worker) turn(ctx context.Context, lane *queue.Turn) {
	log := w.log.With(zap.String("tenant", lane.Tenant))
	// What must happen after a stop: settling and giving back.
	last := context.WithoutCancel(ctx)
	beat, stopBeat := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat(beat, lane, stopBeat, log) })
	next, held, panicked := w.serve(beat, lane, log)
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
	if err := lane.Release(end, next, held); err != nil && !errors.Is(err, queue.ErrStale) {
		log.Warn("give the lane back: it becomes free when its lease ends", zap.Error(err))
	}
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
// and until when it must be left alone.
func (w *Worker) serve(ctx context.Context, lane *queue.Turn, log *zap.Logger) (next, held time.Time, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a turn panicked; its marks are taken again, one at a time", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			panicked = true
		}
	}()
	t, err := w.open(ctx, lane, log)
	if err != nil {
		if errors.Is(err, tenant.ErrNotFound) {
			log.Warn("marks of a tenant that does not exist; they stay until it is applied or removed")
			return time.Time{}, w.now().Add(time.Hour), false
		}
		log.Error("open the tenant", zap.Error(err))
		return time.Time{}, w.now().Add(holdUnavailable), false
	}
	if lane.Reread {
		if err := t.reread(ctx); err != nil {
			log.Error("order the reading again after a loss", zap.Error(err))
			return time.Time{}, w.now().Add(holdUnavailable), false
		}
	}
	patient, err := w.patient(t)
	if err != nil {
		log.Error("open the tenant", zap.Error(err))
		return time.Time{}, w.now().Add(holdUnavailable), false
	}
	// Before the first poll: what another company's account says must not
	// become marks of this one. Polls do not need Cin7, so that it does not
	// answer stops only the writes.
	var wrong *tenant.WrongCompany
	if err := t.company(ctx); errors.As(err, &wrong) {
		log.Warn("the lane is held", zap.String("reason", WaitUpstream), zap.Error(err))
		t.noteHold(ctx, err.Error())
		return next, w.now().Add(holdCredentials), false
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
			return next, held, false
		}
		if len(entries) == 0 {
			if err := t.sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("look for stray drafts; goes on in a later turn", zap.Error(err))
			}
			return next, held, false
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
			return next, h.until, false
		case errors.Is(err, errYield):
			return next, held, false
		case errors.Is(err, errStopping), errors.Is(err, queue.ErrStale), ctx.Err() != nil:
			return next, held, false
		case err != nil:
			log.Error("a batch failed; its marks are taken again", zap.Error(err))
			return next, w.now().Add(holdUnavailable), false
		}
		t.noteHold(ctx, "")
		if lane.Spent(ctx) {
			return next, held, false
		}
	}
	return next, held, false
}

// reread makes the next poll read all of NetSuite, because Redis has lost
// something of the tenant: marks that were acknowledged may be among it.
func (t *turn) reread(ctx context.Context) error {
	fields := map[string]string{state.PollNow: "1"}
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

// session is what outlives a turn of a tenant in this process: the NetSuite
// client with its token, and Cin7's reference lists for a while.
type session struct {
	version   int64
	ns        *netsuite.Client
	creds     tenant.Credentials
	met       bool // the companies are the ones that the tenant is bound to
	refs      *reference
	refsAt    time.Time
	strangers strangers
}

// turn is one turn of a lane.
type turn struct {
	w    *Worker
	lane *queue.Turn
	t    *tenant.Tenant
	s    *session
	recs *state.Records
	ns   *netsuite.Client
	c7   *cin7.Client
	log  *zap.Logger
	bulk bool // the marks in hand are bulk ones: they stand back for live work

	suppliers []cin7.Supplier // all of Cin7's, read when first needed; kept up to date with our own writes
	listed    bool
	vendors   map[netsuite.ID]vendorResult // vendors served in this turn
	steps     map[queue.Ref][]queue.Step   // timeline not yet written
	heldNote  string                       // what people are told of a hold
	wm        map[string]string            // watermarks as the turn began
	again     map[string]bool              // lists that were read again for what they lacked; see lookAgain
	absent    map[string]bool              // upper-case SKUs that Cin7 did not have in this turn
	refused   map[string]string            // operation and hash of a body -> Cin7's words, when a look-up has shown that they count; of the batch
	rehearsal *rehearsal                   // set: nothing is written to Cin7
	script    *script                      // set: only the calls of a plan are made
	pay       func(context.Context) error  // takes the next call from the budget, once
	paid      bool                         // it is taken
}

// open reads the tenant and builds its clients.
func (w *Worker) open(ctx context.Context, lane *queue.Turn, log *zap.Logger) (*turn, error) {
	return w.openAs(ctx, lane, log, nil, nil)
}

// openAs is open for a plan, which r notes, or for applying one, which s
// allows. A tenant in plan_only mode is always rehearsed, unless a plan is
// applied.
func (w *Worker) openAs(ctx context.Context, lane *queue.Turn, log *zap.Logger, r *rehearsal, s *script) (*turn, error) {
	tn, err := w.tenants.Get(ctx, lane.Tenant)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	ses := w.sessions[tn.ID]
	w.mu.Unlock()
	if ses == nil || ses.version != tn.Version {
		creds, err := w.tenants.Open(ctx, tn)
		if err != nil {
			return nil, err
		}
		ns, err := NetSuiteClient(tn, creds, w.o.Transport, w.now, w.m.observe("netsuite"))
		if err != nil {
			return nil, err
		}
		ses = &session{version: tn.Version, ns: ns, creds: creds, strangers: strangers{}}
		w.mu.Lock()
		w.sessions[tn.ID] = ses
		w.mu.Unlock()
	}
	t := &turn{w: w, lane: lane, t: tn, s: ses, rehearsal: r, script: s, recs: w.states.Tenant(tn.ID), ns: ses.ns, log: log,
		again: map[string]bool{}, absent: map[string]bool{}, vendors: map[netsuite.ID]vendorResult{}, steps: map[queue.Ref][]queue.Step{}, refused: map[string]string{}}
	if r == nil && s == nil && tn.PlanOnly() {
		t.rehearsal = &rehearsal{known: map[string]bool{}}
	}
	tr := w.o.Transport
	if t.rehearsal != nil {
		tr.Cin7 = cin7.ReadOnly(tr.Cin7)
	}
	budget := func(ctx context.Context) error {
		if t.bulk {
			return w.budget.waitBulk(ctx, ses.creds.Cin7Key, tn.Cin7.CallsPerMinute, w.now)
		}
		return w.budget.wait(ctx, ses.creds.Cin7Key, tn.Cin7.CallsPerMinute, w.now)
	}
	if r != nil || s != nil {
		budget = w.budget.Patient(ses.creds.Cin7Key, tn.Cin7.CallsPerMinute, w.now) // a person waits
	}
	t.pay = func(ctx context.Context) error {
		if t.paid {
			return nil
		}
		if err := budget(ctx); err != nil {
			return err
		}
		t.paid = true
		return nil
	}
	gate := func(ctx context.Context) error {
		if err := t.pay(ctx); err != nil {
			return err
		}
		t.paid = false
		if !t.offline() && !lane.Valid(gateMargin) {
			return queue.ErrStale
		}
		return nil
	}
	t.c7, err = Cin7Client(tn, ses.creds, tr, w.now, gate, w.refused(ses.creds.Cin7Key, log), w.m.observe("cin7"))
	if err != nil {
		return nil, err
	}
	t.wm, err = t.recs.Watermarks(ctx)
	if err != nil {
		return nil, err
	}
	t.heldNote = t.wm[state.Held]
	return t, nil
}

// patient is a client for chores.
func (w *Worker) patient(t *turn) (*cin7.Client, error) {
	budget := w.budget.Patient(t.s.creds.Cin7Key, t.t.Cin7.CallsPerMinute, w.now)
	gate := func(ctx context.Context) error {
		if err := budget(ctx); err != nil {
			return err
		}
		if !t.lane.Valid(gateMargin) {
			return queue.ErrStale
		}
		return nil
	}
	return Cin7Client(t.t, t.s.creds, w.o.Transport, w.now, gate, w.refused(t.s.creds.Cin7Key, t.log), w.m.observe("cin7"))
}

// refused counts a refusal of Cin7 over its limit and pauses all processes.
func (w *Worker) refused(key secret.String, log *zap.Logger) func(time.Duration) {
	return func(after time.Duration) {
		w.m.limited.WithLabelValues("cin7").Inc()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.budget.Refused(ctx, key, after); err != nil {
			log.Warn("pause the calls to Cin7", zap.Error(err))
		}
	}
}

// gateMargin is how long the lease must still hold right before a request.
const gateMargin = 2 * time.Second

// step keeps a line for a record's timeline; it is written when the record
// settles.
func (t *turn) step(r queue.Ref, name, text string) {
	t.steps[r] = append(t.steps[r], queue.Step{At: t.w.now(), Name: name, Text: text})
}

// failing keeps since when a record fails or its writes end in nobody knows
// what, and parks it after three days of that: then time is no remedy.
func (t *turn) failing(ctx context.Context, s *queue.Settlement) error {
	if s.Facts == nil {
		s.Facts = map[string]string{}
	}
	switch {
	case s.State == queue.Waiting && !s.Failed && s.Reason != WaitSettling:
		return nil // the count goes on
	case s.State != queue.Waiting:
		s.Facts[state.FactFailing] = ""
		return nil
	}
	recs, err := t.recs.Get(ctx, s.Ref)
	if err != nil {
		return fmt.Errorf("read record %s: %w", s.Ref, err)
	}
	known := recs[0].Facts[state.FactFailing]
	if known == "" {
		s.Facts[state.FactFailing] = t.w.now().UTC().Format(time.RFC3339)
		return nil
	}
	since, err := time.Parse(time.RFC3339, known)
	if err != nil {
		return fmt.Errorf("record %s: since when it fails: %w", s.Ref, err)
	}
	if t.w.now().Sub(since) < retryFor {
		return nil
	}
	p := problem(ParkStillFailing, "look at what the message names, then retry this record", "it has failed since %s: %s", since.UTC().Format(time.RFC3339), s.Message)
	s.State, s.Reason, s.Message, s.Fix, s.Failed, s.NextAt = queue.Parked, p.Reason, p.Message, p.Fix, false, time.Time{}
	s.Facts[state.FactFailing] = ""
	return nil
}

// settleRecord writes one outcome and its log line.
func (t *turn) settleRecord(ctx context.Context, s queue.Settlement) error {
	if t.offline() {
		t.rehearsal.outcome(s)
		delete(t.steps, s.Ref)
		return nil
	}
	if t.script != nil {
		s.Entry = nil // its marks, if any, are settled by the lane
		if s.State != queue.Completed {
			t.script.trouble = fmt.Sprintf("%s is %s: %s: %s", s.Ref, s.State, s.Reason, s.Message)
		}
	}
	if err := t.failing(ctx, &s); err != nil {
		return err
	}
	s.Steps = append(t.steps[s.Ref], s.Steps...)
	delete(t.steps, s.Ref)
	if s.State == queue.Parked && s.Entry != nil && s.Entry.Source == queue.SourceRecheck {
		before, err := t.recs.Get(ctx, s.Ref)
		if err != nil {
			return fmt.Errorf("read record %s: %w", s.Ref, err)
		}
		s.Quiet = before[0].Reason == s.Reason && before[0].Message == s.Message
	}
	if err := t.lane.Settle(context.WithoutCancel(ctx), s); err != nil {
		return fmt.Errorf("settle %s: %w", s.Ref, err)
	}
	outcome := string(s.State)
	if s.Failed {
		outcome = "retried"
	}
	fields := []zap.Field{zap.String("record_type", s.Type), zap.String("record_id", s.ID), zap.String("outcome", outcome), zap.String("reason", s.Reason)}
	if s.Entry != nil {
		lag := t.w.now().Sub(s.Entry.MarkedAt)
		observe(ctx, t.w.m.lag.WithLabelValues(s.Type), lag.Seconds())
		fields = append(fields, zap.String("source", s.Entry.Source), zap.Int64("duration_ms", lag.Milliseconds()), zap.Int("attempt", s.Entry.Attempts+1))
	}
	if s.State == queue.Parked || s.State == queue.Waiting {
		fields = append(fields, zap.String("message", s.Message))
	}
	if id := trace.ID(ctx); id != "" {
		fields = append(fields, zap.String("trace_id", id))
	}
	t.w.m.outcomes.WithLabelValues(s.Type, outcome).Inc()
	t.log.Info("record settled", fields...)
	return nil
}
