package console

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/console/idp"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Base is the path under which the console is mounted.
const Base = "/console"

// Config is what the console needs. The functions may call both systems; each
// ends within its context.
type Config struct {
	Queue    *queue.Queue
	States   *state.Store
	Tenants  *tenant.Store
	Audit    *audit.Log        // of every change; one that cannot be written down does not happen
	Tokens   func() api.Tokens // who may sign in; empty: this machine alone, as owner
	Guesses  *api.Guesses      // of tokens at the sign-in, shared with the API; nil: a count of its own
	Identity *idp.Provider     // who may sign in besides; nil: nobody
	Seal     *secret.Keyset    // seals the session cookie
	Reasons  string            // docs/parked.md, shown as help
	Log      *zap.Logger
	Now      func() time.Time // default time.Now

	// Shows asks NetSuite whether there is a record that was never seen.
	Shows    func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error)
	Ping     func(ctx context.Context, t *tenant.Tenant) []api.Check
	Doctor   func(ctx context.Context, t *tenant.Tenant) []api.Check // nil: none
	Budget   func(ctx context.Context, t *tenant.Tenant) (left int, err error)
	Sides    func(ctx context.Context, t *tenant.Tenant, rec state.Record) ([]handlers.Side, error)
	Accounts func(ctx context.Context, t *tenant.Tenant, m tenant.Mapping) (Accounts, error)
	Names    func(ctx context.Context, t *tenant.Tenant) (Names, error) // nil: nothing is suggested
	// StartBackfill counts first; unless dry it starts.
	StartBackfill func(ctx context.Context, t *tenant.Tenant, in poller.BackfillRequest, dry bool) (poller.Backfill, error)
	// Reconcile ties a period out afresh; without one it reads the report that
	// was kept last, state.ErrNotFound when there is none.
	Reconcile func(ctx context.Context, t *tenant.Tenant, from, to string) (*reconcile.Report, error)
	// Report is Reconcile for the file of a page that was just shown: one that
	// was made some minutes ago will do.
	Report func(ctx context.Context, t *tenant.Tenant, from, to string) (*reconcile.Report, error)
}

// console serves the pages.
type console struct {
	Config
	pages pages
}

// route is a page or an action. One without a role is closed to everybody.
type route struct {
	method, pattern string
	role            api.Role
	serve           func(w http.ResponseWriter, r *http.Request) error
}

// New returns the console, to be mounted at Base.
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Guesses == nil {
		c.Guesses = api.NewGuesses(c.Log)
	}
	a := &console{Config: c, pages: parsePages()}
	r := chi.NewRouter()
	r.Use(headers, crossOrigin(a), headToo)
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		a.fail(w, req, http.StatusNotFound, "There is no such page.")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		a.fail(w, req, http.StatusMethodNotAllowed, "This address does not take that.")
	})
	r.Get(Base+"/static/{file}", static)
	r.Get(Base+"/sign-in", a.signInPage)
	r.Post(Base+"/sign-in", a.signIn)
	r.Post(Base+"/sign-out", a.signOut)
	if a.Identity != nil {
		r.Get(flowPath+"/begin", a.begin)
		r.Get(flowPath+"/callback", a.callback)
	}
	r.Get(Base, func(w http.ResponseWriter, req *http.Request) { lead(w, req, Base+"/") })
	for _, e := range a.routes() {
		r.With(a.require(e.role)).Method(e.method, Base+e.pattern, a.handle(e))
	}
	return r
}

// routes is the whole console.
func (a *console) routes() []route {
	const one = "/t/{id}"
	return []route{
		{"GET", "/", api.Viewer, a.overview},
		{"GET", one, api.Viewer, a.tenantSlash},
		{"GET", one + "/", api.Viewer, a.tenantPage},
		{"GET", one + "/records", api.Viewer, a.records},
		{"GET", one + "/retry", api.Operator, a.retryAsk},
		{"POST", one + "/retry", api.Operator, a.retry},
		{"GET", one + "/records/{type}/{nsid}", api.Viewer, a.record},
		{"GET", one + "/records/{type}/{nsid}/sides", api.Viewer, a.sides},
		{"POST", one + "/records/{type}/{nsid}/sync", api.Operator, a.sync},
		{"POST", one + "/records/{type}/{nsid}/skip", api.Operator, a.skip},
		{"GET", one + "/parked", api.Viewer, a.parked},
		{"GET", one + "/accounts", api.Viewer, a.accounts},
		{"POST", one + "/accounts", api.Owner, a.saveMapping},
		{"GET", one + "/tie-out", api.Viewer, a.tieOut},
		{"GET", one + "/tie-out/{format}", api.Viewer, a.tieOutFile},
		{"GET", one + "/webhooks", api.Viewer, a.webhooks},
		{"GET", one + "/runs", api.Viewer, a.runs},
		{"POST", one + "/poll", api.Operator, a.poll},
		{"POST", one + "/backfill", api.Operator, a.backfill},
		{"POST", one + "/backfill-steer", api.Operator, a.steer},
		{"GET", one + "/settings", api.Viewer, a.settings},
		{"GET", one + "/ping", api.Operator, a.ping},
		{"GET", one + "/doctor", api.Operator, a.doctor},
		{"POST", one + "/rotate", api.Owner, a.rotate},
		{"POST", one + "/retire", api.Owner, a.retire},
		{"POST", one + "/pause", api.Operator, a.pause},
		{"POST", one + "/resume", api.Operator, a.resume},
		{"GET", "/audit", api.Viewer, a.audit},
		{"GET", "/help", api.Viewer, a.help},
	}
}
