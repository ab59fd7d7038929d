package api

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
	"github.com/ml-connector/ml-connector/trace"
)

// Config is what the two listeners need.
type Config struct {
	Queue         *queue.Queue
	States        *state.Store
	Tenants       *tenant.Store
	Door          *tenant.Door
	Audit         *audit.Log // of every change
	Trust         allowlist.Trust
	TenantOptions tenant.Options          // for PUT /tenants/{id}; ReadFile and Getenv are not used
	MaxBodyBytes  int64                   // of a webhook
	Tokens        Tokens                  // of /api/v1; empty: only this machine is answered, as owner
	Access        *atomic.Pointer[Access] // instead of Trust and Tokens, to exchange them while running
	Guesses       *Guesses                // of tokens; nil: a count of its own
	Spec          []byte                  // openapi.yaml
	Log           *zap.Logger
	Registry      *prometheus.Registry
	Tracer        oteltrace.Tracer // nil: no spans
	// Go starts what may outlast an answer, at most a second: usually the Go of
	// the group that the listeners run in, so that a stop waits for it. Nil
	// starts it without an owner.
	Go func(f func() error)
	// Console serves what is below /console on the ops listener; nil is nothing.
	Console http.Handler
	// Ready says what must hold for this process to be sent traffic.
	Ready func(ctx context.Context) []Check
	// StartBackfill counts what a backfill would read, says what it costs and,
	// unless dry, starts it.
	StartBackfill func(ctx context.Context, t *tenant.Tenant, in poller.BackfillRequest, dry bool) (poller.Backfill, error)
	// Shows asks NetSuite whether there is a record that was never seen.
	Shows func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error)
	// Ping calls both systems of a tenant with its stored credentials.
	Ping func(ctx context.Context, t *tenant.Tenant) []Check
	// Accounts are the NetSuite accounts in use since a date, "" for 90 days, as
	// JSON has them; MappingEffect is what another mapping would change, and
	// Mappings the one in force with its versions.
	Accounts      func(ctx context.Context, t *tenant.Tenant, since string) (any, error)
	MappingEffect func(ctx context.Context, t *tenant.Tenant, m tenant.Mapping) (any, error)
	Mappings      func(ctx context.Context, t *tenant.Tenant) (any, error)
	// Doctor examines the installation and a tenant.
	Doctor func(ctx context.Context, t *tenant.Tenant) []Check
	// Reasons are those that a record of this version may be parked or wait with.
	Reasons []string
	// Reconcile ties the books of a period out and returns what writes the
	// report; without a period the one that was kept last, state.ErrNotFound
	// when there is none. Errors of the period are ErrInput.
	Reconcile func(ctx context.Context, t *tenant.Tenant, from, to, format string) (write func(io.Writer) error, err error)
}

// Check is a line of a checklist.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Unknown says that it could not be checked: neither all right nor wrong.
	Unknown bool   `json:"unknown,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// Failed reports a check that found something wrong.
func (c Check) Failed() bool { return !c.OK && !c.Unknown }

// recordTypes are the types that paths may name.
var recordTypes = [...]netsuite.RecordType{
	netsuite.TypeVendor, netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit,
}

// public serves the public listener.
type public struct {
	c        Config
	m        *metrics
	traced   bool
	inFlight gauge
	hooks    hooks
	key      atomic.Pointer[[]byte] // of the installation; nil: not read yet
}

// ops serves the ops listener.
type ops struct {
	c        Config
	m        *metrics
	busy     sync.Map // tenant id -> a long answer is under way
	examined sync.Map // tenant id -> the doctor is at work
}

// Public is the handler of the public listener: a router behind the layer that
// hides secrets.
type Public struct {
	*chi.Mux
	front http.Handler
}

// ServeHTTP serves http.Handler.
func (p Public) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.front.ServeHTTP(w, r) }

// New returns the handlers of the public and the ops listener, which share
// their metrics.
func New(c Config) (pub Public, op *chi.Mux) {
	if c.Go == nil {
		c.Go = func(f func() error) { go func() { _ = f() }() }
	}
	// Whoever may PUT a tenant may not read the files and variables of the
	// machine that we run on.
	c.TenantOptions.ReadFile, c.TenantOptions.Getenv = nil, nil
	if c.Tracer == nil {
		c.Tracer = trace.Off()
	}
	if c.Guesses == nil {
		c.Guesses = NewGuesses(c.Log)
	}
	m := newMetrics(c.Registry)
	return newPublic(c, m), newOps(c, m)
}

func newPublic(c Config, m *metrics) Public {
	a := &public{c: c, m: m, traced: !trace.IsOff(c.Tracer), inFlight: gauge{perTenant: map[string]int{}}}
	r := chi.NewRouter()
	r.Use(
		withRequestID,
		recovered(c.Log, func() {
			m.panics.WithLabelValues(listenerPublic).Inc()
			m.requests[resultPanic].Inc()
		}),
		c.clientAddress,
	)
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed(r))
	r.Post("/webhooks/netsuite/{tenant}", a.webhook)
	return Public{r, hideSecret(r)} // nothing else ever sees the secret
}

func newOps(c Config, m *metrics) *chi.Mux {
	a := &ops{c: c, m: m}
	r := chi.NewRouter()
	r.Use(withRequestID, recovered(c.Log, m.panics.WithLabelValues(listenerOps).Inc))
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed(r))
	r.Get("/livez", a.livez)
	r.Get("/readyz", a.readyz)
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{Registry: c.Registry, EnableOpenMetrics: true}))
	r.Get("/openapi.yaml", a.openapi)
	if c.Console != nil {
		r.Method(http.MethodGet, "/", http.RedirectHandler("/console/", http.StatusSeeOther))
		r.Handle("/console", c.Console)
		r.Handle("/console/*", c.Console)
	}
	r.Route("/api/v1", func(r chi.Router) {
		r.Use(sameOrigin())
		for _, e := range a.table() {
			r.With(a.require(e.role)).Method(e.method, e.pattern, a.handle(e))
		}
	})
	return r
}

// endpoint is a row of the ops API. One without a role is closed to everybody.
type endpoint struct {
	method, pattern string
	role            Role
	serve           func(w http.ResponseWriter, r *http.Request) error
}

// table is the whole ops API.
func (a *ops) table() []endpoint {
	return []endpoint{
		{"GET", "/audit", Viewer, a.listAudit},
		{"GET", "/tenants", Viewer, a.listTenants},
		{"GET", "/tenants/{id}", Viewer, a.getTenant},
		{"PUT", "/tenants/{id}", Owner, a.putTenant},
		{"DELETE", "/tenants/{id}", Owner, a.deleteTenant},
		{"POST", "/tenants/{id}:ping", Operator, a.pingTenant},
		{"GET", "/tenants/{id}/doctor", Viewer, a.examineTenant},
		{"POST", "/tenants/{id}:pause", Operator, a.pauseTenant},
		{"POST", "/tenants/{id}:resume", Operator, a.resumeTenant},
		{"POST", "/tenants/{id}:poll", Operator, a.pollTenant},
		{"POST", "/tenants/{id}:rotate-secret", Owner, a.rotateSecret},
		{"GET", "/tenants/{id}/coverage", Viewer, a.getCoverage},
		{"GET", "/tenants/{id}/backfill", Viewer, a.getBackfill},
		{"POST", "/tenants/{id}/backfill", Operator, a.startBackfill},
		{"POST", "/tenants/{id}/backfill:pause", Operator, a.steerBackfill("pause")},
		{"POST", "/tenants/{id}/backfill:resume", Operator, a.steerBackfill("resume")},
		{"POST", "/tenants/{id}/backfill:cancel", Operator, a.steerBackfill("cancel")},
		{"POST", "/tenants/{id}:rebind", Owner, a.rebindTenant},
		{"GET", "/tenants/{id}/accounts", Viewer, a.getAccounts},
		{"GET", "/tenants/{id}/mapping", Viewer, a.getMapping},
		{"PUT", "/tenants/{id}/mapping", Owner, a.putMapping},
		{"GET", "/tenants/{id}/reconciliation", Viewer, a.getReconciliation},
		{"GET", "/tenants/{id}/events", Viewer, a.listHooks},
		{"GET", "/tenants/{id}/records", Viewer, a.listRecords},
		{"POST", "/tenants/{id}/records:retry", Operator, a.retryRecords},
		{"GET", "/tenants/{id}/records/{type}/{nsid}", Viewer, a.getRecord},
		{"POST", "/tenants/{id}/records/{type}/{nsid}:sync", Operator, a.syncRecord},
		{"POST", "/tenants/{id}/records/{type}/{nsid}:skip", Operator, a.skipRecord},
	}
}

// handle adapts a handler of the table; what changes something is audited.
func (a *ops) handle(e endpoint) http.Handler {
	serve := a.logged(e)
	if !e.changes() {
		return serve
	}
	return a.audited(e, serve)
}

// logged adapts a handler that returns an error, and logs who changed what.
func (a *ops) logged(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		err := checkQuery(e, r)
		if err == nil {
			err = e.serve(ww, r)
		}
		if err != nil {
			writeProblem(ww, r, opsProblem(err))
		}
		fields := []zap.Field{zap.String("request_id", requestID(r.Context())), zap.String("method", e.method), zap.String("route", e.pattern), zap.Int("status", ww.Status()),
			zap.Int64("duration_ms", time.Since(start).Milliseconds())}
		if id := chi.URLParam(r, "id"); id != "" && ww.Status() != http.StatusNotFound {
			fields = append(fields, zap.String("tenant", id))
		}
		switch {
		case ww.Status() >= 500:
			a.c.Log.Error("ops request", append(fields, zap.Error(err))...)
		case e.method != http.MethodGet:
			a.c.Log.Info("ops request", fields...)
		}
	})
}
