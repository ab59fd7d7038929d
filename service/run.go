package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
	"github.com/ml-connector/ml-connector/trace"
)

// Options are for callers that start the service inside their own process:
// tests and the demo.
type Options struct {
	Log    *zap.Logger                        // required by Run
	Redis  redis.UniversalClient              // instead of Config.RedisURL
	Keyset *secret.Keyset                     // instead of Config.KeysetFile
	Ready  func(publicAddr, opsAddr net.Addr) // told once the listeners are open; publicAddr is nil without the api role
	Tracer oteltrace.Tracer                   // makes spans; nil makes none
	Level  *zap.AtomicLevel                   // of Log, for a reload; may be nil
	Reload <-chan Config                      // settings read anew; see reload.go. May be nil
	// For a network and a time that are not the machine's: listeners, the
	// clients' transports, the workers' pause between looks for a due lane, and
	// the pause between two looks at what Redis holds (default 5 s).
	Listen    func(ctx context.Context, network, addr string) (net.Listener, error)
	Transport *handlers.Transports
	Idle      time.Duration
	Beat      time.Duration
	Flights   int // queue.Options.Flights; for measurements
	// Listing is how many marks in hand share one look-up in Cin7, 0 for the
	// default; see handlers.Options.
	Listing int

	marked func(source, recordType string) // counts marks; Run sets these
	lost   func(tenant string)
	mended func(tenant string, n int)
}

// Rooms are the parts of a running service that its owner may use.
type Rooms struct {
	Queue   *queue.Queue
	States  *state.Store
	Tenants *tenant.Store
	Budget  *handlers.Budget
	Audit   *audit.Log

	keyset *secret.Keyset
}

// Open connects to Redis and opens the keyset: what serve and most verbs of
// the command line start with. close gives the connections back.
func Open(ctx context.Context, c Config, o Options) (r Rooms, rdb redis.UniversalClient, closing func(), err error) {
	closing = func() {}
	if o.Redis == nil && c.RedisURL.IsZero() {
		return r, nil, closing, ErrNoRedis
	}
	ks := o.Keyset
	if ks == nil {
		if c.KeysetFile == "" {
			return r, nil, closing, errors.New("MLC_KEYSET_FILE is not set: make a keyset with `ml-connector keys init --file keyset.json` and name it")
		}
		if ks, err = secret.Load(c.Keyset()); err != nil {
			return r, nil, closing, err
		}
	}
	rdb = o.Redis
	if rdb == nil {
		if rdb, err = c.Redis(); err != nil {
			return r, nil, closing, err
		}
		closing = func() { _ = rdb.Close() }
	}
	ping, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := rdb.Ping(ping).Err(); err != nil {
		closing()
		return r, nil, func() {}, fmt.Errorf("Redis does not answer (%w): check MLC_REDIS_URL, that the server runs, and that this machine may reach it", err)
	}
	tenants := tenant.NewStore(rdb, ks)
	if _, err := tenants.InstallationKey(ping); err != nil {
		closing()
		return r, nil, func() {}, err
	}
	log := o.Log
	if log == nil {
		log = zap.NewNop()
	}
	return Rooms{queue.New(rdb, queue.Options{Flights: o.Flights, Marked: o.marked, Lost: o.lost, Mended: o.mended, Quarantine: c.Settle(), Lease: c.Lease()}), state.New(rdb), tenants, handlers.NewBudget(rdb),
		audit.New(rdb, tenants.InstallationKey, log), ks}, rdb, closing, nil
}

// Run serves the roles of the configuration until ctx is done, then stops in
// order: readiness goes off and workers finish the calls in hand and give
// their lanes back; posts are still taken for DrainSeconds, since whoever
// stands in front learns late that we leave; then the listeners close. It
// returns nil after such a stop.
func Run(ctx context.Context, c Config, o Options) error {
	if o.Tracer == nil {
		o.Tracer = trace.Off()
	}
	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	doors, closeDoors := context.WithCancel(context.WithoutCancel(ctx))
	defer closeDoors()
	redis.SetLogger(redisLog{o.Log.Named("redis").Sugar()})
	reg, marked := newRegistry()
	o.marked = marked
	care := newUpkeep(reg, o.Log, o.Beat)
	o.lost, o.mended = care.lost, care.mended
	rooms, rdb, closing, err := Open(ctx, c, o)
	if err != nil {
		return err
	}
	defer closing()
	warnings, err := checkRedis(ctx, rdb)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		o.Log.Warn("Redis", zap.String("finding", w))
	}
	budget := handlers.NewBudget(rdb)
	reg.MustRegister(newPoolCollector(rdb), newGauges(c, rooms, rdb, budget, o.Log))

	g, gctx := errgroup.WithContext(doors)
	l, err := newLive(c, o)
	if err != nil {
		return err
	}
	g.Go(func() error { return l.follow(gctx, o.Reload) })
	stop, err := serve(work, gctx, g, c, o, l, rooms, rdb, reg)
	if err != nil {
		return err
	}
	defer stop()
	if c.has("worker") {
		care.rooms, care.rdb = rooms, rdb
		g.Go(func() error { care.run(work); return nil })
		w := handlers.NewWorker(rooms.Queue, rooms.States, rooms.Tenants, budget, []handlers.Chore{pollChore(rooms.Queue, o.Log), backfillChore(rooms.Queue), NightlyChore(o.Log)}, o.Log, reg,
			handlers.Options{Owner: owner(), Concurrency: c.LaneConcurrency, Settle: c.Settle(), Heartbeat: c.Lease() / 4, Flags: true, Version: Version().Version, Idle: o.Idle, Listing: o.Listing, Transport: traced(o.Tracer, o.transports(c)), Tracer: o.Tracer})
		g.Go(func() error { return w.Run(work) })
	}
	o.Log.Info("serving", zap.Strings("roles", c.Roles), zap.String("version", Version().Version))
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	select {
	case <-work.Done(): // asked to stop
		drain(gctx, c, o.Log)
	case <-gctx.Done(): // a part ended although nobody asked it to
	}
	stopWork()
	closeDoors()
	select {
	case err := <-done:
		if err == nil {
			o.Log.Info("stopped")
		}
		return err
	case <-time.After(time.Duration(c.ShutdownGraceSeconds) * time.Second):
		return fmt.Errorf("the calls in hand did not end within MLC_SHUTDOWN_GRACE_SECONDS (%d): their lanes are free when their leases end", c.ShutdownGraceSeconds)
	}
}

// drain waits until every proxy knows that this process leaves. Only posts
// need it: a worker alone goes at once.
func drain(ctx context.Context, c Config, log *zap.Logger) {
	wait := time.Duration(c.DrainSeconds) * time.Second
	if !c.has("api") {
		wait = 0
	}
	log.Info("stopping", zap.Duration("drain", wait))
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// owner names this process in lane hashes.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// serve opens the listeners and serves them in g until ctx is done: the ops
// listener in every process, for probes and metrics, the public one with the
// api role. Once staying is done, this process is not ready any more and asks
// its callers to take another connection.
func serve(staying, ctx context.Context, g *errgroup.Group, c Config, o Options, l *live, rooms Rooms, rdb redis.UniversalClient, reg *prometheus.Registry) (stop func(), err error) {
	tr, reading, guesses := o.transports(c), newReads(), api.NewGuesses(o.Log)
	identity, err := identityProvider(c)
	if err != nil {
		return nil, err
	}
	pub, op := api.New(api.Config{
		Queue: rooms.Queue, States: rooms.States, Tenants: rooms.Tenants, Door: tenant.NewDoor(rooms.Tenants), Audit: rooms.Audit, Access: &l.access,
		TenantOptions: tenant.Options{AllowPrivateEndpoints: c.AllowPrivateEndpoints}, MaxBodyBytes: c.MaxBodyBytes, Spec: mlconnector.OpenAPI,
		Log: o.Log, Registry: reg, Tracer: o.Tracer,
		Go: g.Go, Guesses: guesses, Console: newConsole(c, rooms, reading, rdb, guesses, func() api.Tokens { return l.access.Load().Tokens }, identity, o.Log.Named("console")),
		Ready: func(rctx context.Context) []api.Check {
			stopping := api.Check{Name: "not stopping", OK: staying.Err() == nil}
			err := rdb.Ping(rctx).Err()
			return []api.Check{stopping, {Name: "redis", OK: err == nil, Detail: message(err), Fix: fixIf(err, "check that Redis runs and can be reached")}}
		},
		Accounts: func(ctx context.Context, t *tenant.Tenant, since string) (any, error) {
			u, err := reading.Usage(ctx, c, rooms, t, since)
			if err != nil {
				return nil, err
			}
			return u.Evaluate(t), nil
		},
		MappingEffect: func(ctx context.Context, t *tenant.Tenant, m tenant.Mapping) (any, error) {
			u, err := reading.Usage(ctx, c, rooms, t, "")
			if err != nil {
				return nil, err
			}
			return u.Compare(t, m), nil
		},
		Reasons:  slices.Concat(handlers.ParkReasons[:], handlers.WaitReasons[:], []string{state.ReasonSkip}),
		Mappings: func(ctx context.Context, t *tenant.Tenant) (any, error) { return MappingsOf(ctx, rooms, t) },
		Reconcile: func(ctx context.Context, t *tenant.Tenant, from, to, format string) (func(io.Writer) error, error) {
			return reportFor(ctx, c, rooms, reading, t, from, to, format)
		},
		StartBackfill: func(ctx context.Context, t *tenant.Tenant, in poller.BackfillRequest, dry bool) (poller.Backfill, error) {
			return StartBackfill(ctx, c, rooms, t, in, dry)
		},
		Shows: func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error) {
			return Shows(ctx, c, rooms, t, k)
		},
		Ping: func(ctx context.Context, t *tenant.Tenant) []api.Check { return PingTenant(ctx, rooms.Tenants, t, tr) },
		Doctor: func(ctx context.Context, t *tenant.Tenant) []api.Check {
			return Doctor(ctx, Examination{Rooms: rooms, Redis: rdb, Transports: tr, PublicURL: c.PublicURL}, t)
		},
	})
	listen := o.Listen
	if listen == nil {
		listen = new(net.ListenConfig).Listen
	}
	open := map[string]net.Listener{}
	addrs := map[string]string{"MLC_OPS_ADDR": c.OpsAddr}
	if c.has("api") {
		addrs["MLC_PUBLIC_ADDR"] = c.PublicAddr
	}
	for key, addr := range addrs {
		if open[key], err = listen(ctx, "tcp", addr); err != nil {
			for _, l := range open {
				if l != nil {
					_ = l.Close()
				}
			}
			return nil, fmt.Errorf("%s: %w: another process may have the port", key, err)
		}
	}
	servers := map[string]*http.Server{"MLC_OPS_ADDR": api.Server(leaving(staying, op), o.Log)}
	if c.has("api") {
		servers["MLC_PUBLIC_ADDR"] = api.Server(leaving(staying, pub), o.Log)
	}
	for key, s := range servers {
		g.Go(func() error {
			if err := s.Serve(api.Capped(open[key], api.MaxConnections)); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("%s: %w", key, err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.ShutdownGraceSeconds)*time.Second)
			defer cancel()
			return s.Shutdown(end)
		})
	}
	if o.Ready != nil {
		var public net.Addr
		if l := open["MLC_PUBLIC_ADDR"]; l != nil {
			public = l.Addr()
		}
		o.Ready(public, open["MLC_OPS_ADDR"].Addr())
	}
	return func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}, nil
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func fixIf(err error, fix string) string {
	if err == nil {
		return ""
	}
	return fix
}

// PingTenant calls both systems with a tenant's stored credentials.
func PingTenant(ctx context.Context, tenants *tenant.Store, t *tenant.Tenant, tr handlers.Transports) []api.Check {
	creds, err := tenants.Open(ctx, t)
	if err != nil {
		return []api.Check{{Name: "stored credentials", Detail: err.Error(), Fix: "apply the tenant again with its credentials"}}
	}
	return Ping(ctx, tenants, t, creds, tr)
}

// Ping calls both systems with the given credentials, one cheap call each, and
// says whether they lead to the companies that the tenant is bound to.
func Ping(ctx context.Context, tenants *tenant.Store, t *tenant.Tenant, creds tenant.Credentials, tr handlers.Transports) []api.Check {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tr, _, _ = watched(tr, silence)
	ns := api.Check{Name: "NetSuite " + t.NetSuite.AccountID}
	client, err := handlers.NetSuiteClient(t, creds, tr, nil, nil)
	if err == nil {
		err = client.Ping(ctx)
	}
	ns.OK, ns.Detail = err == nil, "token and query work"
	if err != nil {
		ns.Detail, ns.Fix = err.Error(), "correct what NetSuite names, then: ml-connector tenant ping "+t.ID
	}
	c7 := api.Check{Name: "Cin7 Core"}
	company := ""
	cl, err := handlers.Cin7Client(t, creds, tr, nil, nil, nil, nil)
	if err == nil {
		me, merr := cl.Me(ctx)
		company = me.Company
		c7.Name, err = "Cin7 Core "+me.Company, merr
		c7.Detail = "keys work, base currency " + me.Currency
	}
	c7.OK = err == nil
	if err != nil {
		c7.Name, c7.Detail, c7.Fix = "Cin7 Core", err.Error(), "check cin7.account_id and cin7.application_key under Integrations > API in Cin7 Core, and cin7.base_url"
	}
	if err != nil {
		return []api.Check{ns, c7}
	}
	return []api.Check{ns, c7, companies(ctx, tenants, t, company)}
}

// companies says whether a tenant's credentials lead to the companies that it
// is bound to. It binds nothing.
func companies(ctx context.Context, tenants *tenant.Store, t *tenant.Tenant, company string) api.Check {
	c := api.Check{Name: "companies"}
	found := tenant.Companies{NetSuite: t.NetSuite.AccountID, Cin7: t.Cin7.AccountID, Company: company}
	switch bound, err := tenants.Bound(ctx, t.ID); {
	case err != nil:
		c.Unknown, c.Detail = true, "could not check: "+err.Error()
	case bound == nil:
		c.OK, c.Detail = true, "not bound yet: it will be to "+found.String()
	case !bound.Same(found):
		c.Detail = (&tenant.WrongCompany{Tenant: t.ID, Bound: *bound, Found: found}).Error()
		c.Fix = "put the right credentials back or, if it is meant: ml-connector tenant rebind " + t.ID
	default:
		c.OK, c.Detail = true, bound.String()
	}
	return c
}

func (o Options) transports(c Config) handlers.Transports {
	if o.Transport != nil {
		return *o.Transport
	}
	return transports(c.AllowPrivateEndpoints)
}

// Transports are the ones that Run uses.
func Transports(c Config) handlers.Transports { return transports(c.AllowPrivateEndpoints) }
