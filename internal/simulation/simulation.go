// Package simulation runs the whole service in one process on virtual time:
// api, workers and poller as `serve` runs them, an embedded Redis, NetSuite and
// Cin7 beside it, joined by pipes. Hours pass in milliseconds, and what happens
// follows from a seed. It is for tests inside a testing/synctest bubble.
package simulation

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/netfault"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Tenant is the id of the one tenant.
const Tenant = "cascade"

// The hosts of the network.
const (
	hostNetSuite = "netsuite.test:80"
	hostCin7     = "cin7.test:80"
	hostPublic   = "public.test:80"
	hostOps      = "ops.test:80"
)

// begin is when each world begins, in virtual time: after the documents of
// the month.
var begin = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// The embedded Redis makes a Lua state for every script call. At the library's
// sizes that costs more than all the rest of a world; these are ample for ours.
func init() { lua.RegistrySize, lua.CallStackSize = 1024, 64 }

// Options of a world; zero values take the defaults.
type Options struct {
	Distributor distributor.Options
	Approach    string   // default INVOICE
	Edit        []string // of the tenant file: old, new, old, new, ...
	Environ     []string // of the service, beside what a world needs
	// Cin7 wraps the simulator of Cin7: faults that it does not know.
	Cin7 func(http.Handler) http.Handler
	// Idle is the workers' pause between looks for a due lane, Beat the one
	// between looks at what Redis holds; default 5 s.
	Idle, Beat time.Duration
	// Listing is how many marks in hand share one look-up in Cin7, 0 for the
	// service's default.
	Listing int
}

// World is the service with everything around it.
type World struct {
	*distributor.World
	Redis  *miniredis.Miniredis
	Client redis.UniversalClient
	Rooms  service.Rooms

	t      testing.TB
	o      Options
	net    *network
	keyset *secret.Keyset
	tenant *tenant.Tenant
	creds  tenant.Credentials
	stop   func()

	mu  sync.Mutex
	log bytes.Buffer
}

// New makes a world inside a synctest bubble; the service is not started yet.
// Everything ends with the test.
func New(t testing.TB, o Options) *World {
	t.Helper()
	if o.Approach == "" {
		o.Approach = "INVOICE"
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Second
	}
	if now := time.Now(); now.Before(begin) {
		pass(begin.Sub(now))
	}
	d, err := distributor.New(o.Distributor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.NetSuite.Close() })
	w := &World{World: d, t: t, o: o, net: newNetwork(), Redis: miniredis.NewMiniRedis()}
	w.Redis.ClockTTL(true)
	t.Cleanup(w.Redis.Close)
	w.Client = redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", ContextTimeoutEnabled: true, MaxRetries: -1,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			c, err := w.Redis.Dial()
			if err != nil {
				return nil, err
			}
			return netfault.Buffered(c), nil
		}})
	t.Cleanup(func() { _ = w.Client.Close() })
	if w.keyset, err = secret.Ephemeral(); err != nil {
		t.Fatal(err)
	}
	c7 := http.Handler(d.Cin7)
	if o.Cin7 != nil {
		c7 = o.Cin7(c7)
	}
	w.serve(hostNetSuite, d.NetSuite)
	w.serve(hostCin7, c7)
	file := d.Tenant(Tenant, "http://"+strings.TrimSuffix(hostNetSuite, ":80"), "http://"+strings.TrimSuffix(hostCin7, ":80"), o.Approach)
	file = strings.Replace(file, "require: both", "require: secret", 1) // a pipe has no address
	for i := 0; i+1 < len(o.Edit); i += 2 {
		if !strings.Contains(file, o.Edit[i]) {
			t.Fatalf("the tenant file has no %q", o.Edit[i])
		}
		file = strings.Replace(file, o.Edit[i], o.Edit[i+1], 1)
	}
	if w.tenant, w.creds, err = tenant.ParseYAML([]byte(file), tenant.Options{AllowPrivateEndpoints: true}); err != nil {
		t.Fatal(err)
	}
	return w
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // nothing waits in a bubble: time moves on when all are idle
}

// serve opens a host.
func (w *World) serve(host string, h http.Handler) {
	l, err := w.net.listen(context.Background(), "tcp", host)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: zap.NewStdLog(zap.NewNop())}
	var ended sync.WaitGroup
	ended.Go(func() { _ = s.Serve(l) })
	w.t.Cleanup(func() {
		_ = s.Close()
		ended.Wait()
	})
}

// Start runs the service until the test or Stop ends it.
func (w *World) Start() {
	w.t.Helper()
	c, err := service.Load("", append([]string{"MLC_PUBLIC_ADDR=" + hostPublic, "MLC_OPS_ADDR=" + hostOps, "MLC_ALLOW_PRIVATE_ENDPOINTS=true"}, w.o.Environ...))
	if err != nil {
		w.t.Fatal(err)
	}
	ns, c7 := w.net.transport(), w.net.transport()
	log := zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(w), zap.InfoLevel))
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	o := service.Options{Log: log, Redis: w.Client, Keyset: w.keyset, Ready: func(net.Addr, net.Addr) { close(ready) },
		Listen: w.net.listen, Transport: &handlers.Transports{NetSuite: ns, Cin7: c7}, Idle: w.o.Idle, Beat: w.o.Beat, Listing: w.o.Listing}
	go func() { ended <- service.Run(ctx, c, o) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		w.t.Fatalf("the service ended with %v", err)
	}
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				w.t.Errorf("the service ended with %v", err)
			}
			ns.CloseIdleConnections()
			c7.CloseIdleConnections()
		})
	}
	w.t.Cleanup(w.stop)
	if w.Rooms, _, _, err = service.Open(ctx, c, o); err != nil {
		w.t.Fatal(err)
	}
}

// Stop ends the service in order.
func (w *World) Stop() { w.stop() }

// Write takes the log.
func (w *World) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// Log is the end of the log, n lines of it.
func (w *World) Log(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Apply applies the tenant, as `tenant apply` does.
func (w *World) Apply() {
	w.t.Helper()
	if _, err := w.Rooms.Tenants.Apply(w.t.Context(), w.tenant, w.creds); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Rooms.Queue.Wake(w.t.Context(), Tenant, time.Time{}); err != nil {
		w.t.Fatal(err)
	}
}

// Hook posts a webhook about a record, as a script in NetSuite would: once.
// It returns the status of the answer, 0 when there was none.
func (w *World) Hook(recordType string, id string) int {
	client := &http.Client{Transport: &http.Transport{DialContext: w.net.dial, DisableKeepAlives: true}, Timeout: 45 * time.Second}
	body := fmt.Sprintf(`{"recordType":%q,"id":%q,"eventType":"edit"}`, recordType, id)
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost,
		"http://"+strings.TrimSuffix(hostPublic, ":80")+"/webhooks/netsuite/"+Tenant+"?secret="+distributor.WebhookSecret, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Outcomes are all records as the service has them.
func (w *World) Outcomes() []distributor.Outcome {
	w.t.Helper()
	page, err := w.Rooms.States.Tenant(Tenant).List(w.t.Context(), state.Filter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []distributor.Outcome
	for _, r := range page.Records {
		out = append(out, distributor.Outcome{Type: r.Type, ID: r.ID, State: string(r.State), Reason: r.Reason, Stage: r.Facts[state.FactStage], Accounts: r.Facts[state.FactAccounts]})
	}
	slices.SortFunc(out, func(a, b distributor.Outcome) int { return strings.Compare(a.Type+a.ID, b.Type+b.ID) })
	return out
}

// Await lets time pass until nothing is wrong; after limit, in virtual time,
// it reports what still is.
func (w *World) Await(limit time.Duration, wrong func() []string) {
	w.t.Helper()
	for end, pause := time.Now().Add(limit), 10*time.Second; ; pause = min(2*pause, 10*time.Minute) {
		out := wrong()
		if len(out) == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("after %s:\n%s\n\nthe end of the log:\n%s", limit, strings.Join(out, "\n"), w.Log(15))
		}
		pass(pause)
	}
}

// Settled says what has not come to its end yet.
func (w *World) Settled() []string { return distributor.Check(w.Outcomes()) }

// Get reads what is known of a record.
func (w *World) Get(r queue.Ref) state.Record {
	w.t.Helper()
	recs, err := w.Rooms.States.Tenant(Tenant).Get(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return recs[0]
}
