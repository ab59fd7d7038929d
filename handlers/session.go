package handlers

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

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
	strays    map[string]bool // drafts that Cin7 has refused to void
	purchases *purchaseList   // nil: not read, or not for a while
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
		var creds tenant.Credentials
		// Both of one moment: somebody may change the settings right now.
		if tn, creds, err = w.tenants.Load(ctx, lane.Tenant); err != nil {
			return nil, err
		}
		ns, err := NetSuiteClient(tn, creds, w.o.Transport, w.now, w.m.observe("netsuite"))
		if err != nil {
			return nil, err
		}
		ses = &session{version: tn.Version, ns: ns, creds: creds, strangers: strangers{}, strays: map[string]bool{}}
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
	t.ns.Refuse(refusedColumns(t.wm))
	t.dropList()
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
