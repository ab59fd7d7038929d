package api

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Config is what the two listeners need.
type Config struct {
	Queue         *queue.Queue
	States        *state.Store
	Tenants       *tenant.Store
	Door          *tenant.Door
	Trust         allowlist.Trust
	TenantOptions tenant.Options // for PUT /tenants/{id}; its ReadFile and Getenv must be nil
	MaxBodyBytes  int64          // of a webhook
	Tokens        Tokens         // of /api/v1
	Spec          []byte         // openapi.yaml
	Log           *zap.Logger
	Registry      *prometheus.Registry
	// Ready says what must hold for this process to be sent traffic.
	Ready func(ctx context.Context) []Check
	// Ping calls both systems of a tenant with its stored credentials.
	Ping func(ctx context.Context, t *tenant.Tenant) []Check
}

// Check is a line of a checklist.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

// recordTypes are the types that paths may name.
var recordTypes = [...]netsuite.RecordType{
	netsuite.TypeVendor, netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit,
}

// public serves the public listener.
type public struct {
	c        Config
	m        *metrics
	inFlight gauge
}

// ops serves the ops listener.
type ops struct {
	c Config
	m *metrics
}

// New returns the handlers of the public and the ops listener.
func New(c Config) (pub, op *chi.Mux) {
	m := newMetrics(c.Registry)
	return newPublic(c, m), newOps(c, m)
}

func newPublic(c Config, m *metrics) *chi.Mux {
	a := &public{c: c, m: m, inFlight: gauge{perTenant: map[string]int{}}}
	r := chi.NewRouter()
	r.Use(hideSecret, withRequestID, recovered(c.Log, m.requests.WithLabelValues(resultPanic).Inc), c.Trust.Middleware())
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed)
	r.Post("/webhooks/netsuite/{tenant}", a.webhook)
	return r
}

func newOps(c Config, m *metrics) *chi.Mux {
	a := &ops{c: c, m: m}
	r := chi.NewRouter()
	r.Use(withRequestID, recovered(c.Log, func() {}))
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed)
	r.Get("/livez", a.livez)
	r.Get("/readyz", a.readyz)
	r.Handle("GET /metrics", promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{Registry: c.Registry}))
	r.Get("/openapi.yaml", a.openapi)
	r.Route("/api/v1", func(r chi.Router) {
		for _, e := range a.table() {
			r.With(a.require(e.role)).Method(e.method, e.pattern, a.handle(e.serve))
		}
	})
	return r
}

// endpoint is a row of the ops API. It cannot be written without a role.
type endpoint struct {
	method, pattern string
	role            Role
	serve           func(w http.ResponseWriter, r *http.Request) error
}

// table is the whole ops API.
func (a *ops) table() []endpoint {
	return []endpoint{
		{"GET", "/tenants", Viewer, a.listTenants},
		{"GET", "/tenants/{id}", Viewer, a.getTenant},
		{"PUT", "/tenants/{id}", Owner, a.putTenant},
		{"DELETE", "/tenants/{id}", Owner, a.deleteTenant},
		{"POST", "/tenants/{id}:ping", Operator, a.pingTenant},
		{"POST", "/tenants/{id}:pause", Operator, a.pauseTenant},
		{"POST", "/tenants/{id}:resume", Operator, a.resumeTenant},
		{"POST", "/tenants/{id}:poll", Operator, a.pollTenant},
		{"PUT", "/tenants/{id}/mapping", Owner, a.putMapping},
		{"GET", "/tenants/{id}/events", Viewer, a.listHooks},
		{"GET", "/tenants/{id}/records", Viewer, a.listRecords},
		{"POST", "/tenants/{id}/records:retry", Operator, a.retryRecords},
		{"GET", "/tenants/{id}/records/{type}/{nsid}", Viewer, a.getRecord},
		{"POST", "/tenants/{id}/records/{type}/{nsid}:sync", Operator, a.syncRecord},
	}
}

// handle adapts a handler that returns an error.
func (a *ops) handle(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := serve(w, r)
		if err == nil {
			return
		}
		p := problemOf(err)
		if p.Status >= 500 {
			a.c.Log.Error("ops request", zap.String("request_id", requestID(r.Context())), zap.String("route", chi.RouteContext(r.Context()).RoutePattern()), zap.Error(err))
		}
		writeProblem(w, r, p)
	})
}
