package simulation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Crashes with a real SIGKILL. The worker is this test binary, started again
// as a child; Redis is a redis-server; both simulators, whose journals decide,
// live in the parent. A point is one place in one call:
//
//	operation x step of the protocol                      killed by itself, as the step is reached
//	operation x way of the request                        killed by the parent, as the request arrives or has taken effect
//	operation x mangled answer x step of its settlement   killed by itself
//
// The operations come from the scenarios, which are held against the list in
// the code; the steps from the code.

const childEnv = "MLC_CRASH_CHILD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		if err := child(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	debug.SetGCPercent(400) // worlds are small and many
	os.Exit(m.Run())
}

// life is what a child is told: where things are, and where to die.
type life struct {
	Redis, Keyset string
	Op, Step      string // "" lives on
	Listing       int    // see simulation.Options
}

// crashSettle is the quarantine. A request of a dead child lands before the
// next child starts, so it may be short.
const crashSettle = 300 * time.Millisecond

// child is a worker that dies at a step.
func child(spec string) error {
	var l life
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return err
	}
	ks, err := secret.Load(secret.Source{File: l.Keyset})
	if err != nil {
		return err
	}
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: l.Redis, ContextTimeoutEnabled: true, MaxRetries: -1})
	w := handlers.NewWorker(queue.New(rdb, queue.Options{Quarantine: crashSettle}), state.New(rdb), tenant.NewStore(rdb, ks), handlers.NewBudget(rdb), nil, zap.NewNop(), prometheus.NewRegistry(),
		handlers.Options{Owner: fmt.Sprint("child ", os.Getpid()), Listing: l.Listing, Settle: crashSettle, Idle: 10 * time.Millisecond, At: func(op, step string) {
			if op == l.Op && step == l.Step {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // dead in a moment
			}
		}})
	return w.Run(context.Background())
}

// point is one place to die.
type point struct {
	scenario simulation.Scenario
	op       string
	step     string // of the protocol, or arrived, dropped, landed
	shape    string // of a mangled answer before it; "" none
	when     string
	twice    string // a second place to die, on the way back
}

func (p point) String() string {
	s := p.scenario.Name + ", " + p.op + ", " + p.step
	if p.shape != "" {
		s += " after " + p.shape + " " + p.when
	}
	if p.twice != "" {
		s += ", then " + p.twice
	}
	return s
}

// wireSteps are the places of a request on its way: it arrives and takes
// effect although its sender is dead, it never takes effect, or its answer
// finds nobody.
var wireSteps = []string{"arrived", "dropped", "landed"}

func points() []point {
	afterwards := []string{"unknown", "settling", "looked", "settled"}
	var out []point
	for _, s := range simulation.Scenarios {
		for _, op := range s.Ops {
			for _, step := range append(handlers.WriteSteps(), wireSteps...) {
				if !slices.Contains(afterwards, step) {
					out = append(out, point{scenario: s, op: op, step: step})
				}
			}
			for _, shape := range shapes {
				if shape == "timeout" || shape == "drip" {
					continue // a real minute each; tried on virtual time
				}
				for _, when := range []string{"before", "after"} {
					for _, step := range afterwards {
						if step == "looked" && !strings.HasPrefix(op, "create_") && op != "draft_journal" {
							continue // a read shows what it did: nothing is looked up
						}
						out = append(out, point{scenario: s, op: op, step: step, shape: shape, when: when})
					}
				}
			}
		}
	}
	return out
}

// bench is what a series of crashes shares: a redis-server, and a keyset.
type bench struct {
	rdb    redis.UniversalClient
	socket string
	keyset string
	ks     *secret.Keyset
}

func newBench(t *testing.T) *bench {
	t.Helper()
	p := redistest.Start(t)
	b := &bench{socket: p.Socket, keyset: filepath.Join(t.TempDir(), "keyset.json")}
	var err error
	if b.ks, err = secret.Init(secret.Source{File: b.keyset}); err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: p.Socket, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	b.rdb = c
	return b
}

// crash plays a scenario in children that die, and returns where it ends and
// how often one died.
func (b *bench) crash(t *testing.T, p point) (end, int) {
	t.Helper()
	ctx := t.Context()
	if err := b.rdb.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	d, err := distributor.New(p.scenario.Account)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.NetSuite.Close() }()
	proc := &process{b: b}
	defer proc.kill()
	var c7 http.Handler = d.Cin7
	if p.scenario.Proxy != nil {
		c7 = p.scenario.Proxy(c7)
	}
	ns, cin := httptest.NewServer(d.NetSuite), httptest.NewServer(proc.wire(c7, p))
	defer ns.Close()
	defer cin.Close()
	file := d.Tenant(simulation.Tenant, ns.URL, cin.URL, p.scenario.Approach)
	for i := 0; i+1 < len(p.scenario.Edit); i += 2 {
		file = strings.Replace(file, p.scenario.Edit[i], p.scenario.Edit[i+1], 1)
	}
	tn, creds, err := tenant.ParseYAML([]byte(file), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		t.Fatal(err)
	}
	rooms := service.Rooms{Queue: queue.New(b.rdb, queue.Options{}), States: state.New(b.rdb), Tenants: tenant.NewStore(b.rdb, b.ks)}
	if _, err := rooms.Tenants.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	if p.shape != "" {
		o := simulation.Operations[p.op]
		d.Cin7.FailNext(cin7test.Fault{Method: o.Method, Path: o.Path, Contains: o.Contains, Shape: p.shape, When: p.when})
	}
	lives := []life{{Op: p.op, Step: p.step}, {}}
	if p.twice != "" {
		lives = []life{{Op: p.op, Step: p.step}, {Op: p.op, Step: p.twice}, {}}
	}
	deaths := 0
	next := func() life {
		l := lives[min(deaths, len(lives)-1)]
		l.Redis, l.Keyset, l.Listing = b.socket, b.keyset, listing(uint64(len(p.String())))
		return l
	}
	tell := func(refs []queue.Ref) {
		if err := simulation.Mark(ctx, rooms, refs); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(2 * time.Minute); ; {
			if !proc.alive() {
				if proc.died() {
					deaths++
				}
				b.expire(ctx, t)
				proc.start(t, next())
			}
			out, err := simulation.Restless(ctx, rooms)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) == 0 && proc.alive() {
				return
			}
			b.hurry(ctx, t)
			if time.Now().After(deadline) {
				t.Fatalf("%s: after 2 minutes: %s\n%s", p, strings.Join(out, "\n"), proc.stderr.String())
			}
			<-time.After(15 * time.Millisecond)
		}
	}
	for _, part := range p.scenario.Parts {
		tell(part(d))
	}
	// What Cin7 refuses, by its words, is for a person: who retries it.
	parked, err := rooms.States.Tenant(simulation.Tenant).Retry(ctx, rooms.Queue, state.Filter{State: queue.Parked, Reason: handlers.ParkCin7Refused}, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if parked > 0 {
		tell(nil)
	}
	proc.kill()
	twice, strays := simulation.Twice(d.Cin7)
	for _, line := range twice {
		t.Errorf("%s: %s", p, line)
	}
	ends, err := simulation.Ends(ctx, rooms)
	if err != nil {
		t.Fatal(err)
	}
	return end{simulation.Cin7State(d.Cin7), ends, strays, d.Cin7.Calls()}, deaths
}

// expire lets the lease of a dead worker end now instead of in half a minute.
func (b *bench) expire(ctx context.Context, t *testing.T) {
	t.Helper()
	lane := queue.KeyLane(simulation.Tenant)
	if n, err := b.rdb.HExists(ctx, lane, "owner").Result(); err != nil || !n {
		return
	}
	if err := b.rdb.HSet(ctx, lane, "until", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.rdb.ZAdd(ctx, queue.KeyLanes, redis.Z{Score: 1, Member: simulation.Tenant}).Err(); err != nil {
		t.Fatal(err)
	}
}

// hurry ends a hold of the lane, and the pause of the budget that caused it:
// what a worker does meanwhile is nothing.
func (b *bench) hurry(ctx context.Context, t *testing.T) {
	t.Helper()
	lane := queue.KeyLane(simulation.Tenant)
	n, err := b.rdb.HDel(ctx, lane, "hold").Result()
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return
	}
	budgets, err := b.rdb.Keys(ctx, "mlc:budget:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range budgets {
		if b.rdb.Type(ctx, k).Val() == "hash" {
			if err := b.rdb.HDel(ctx, k, "pause").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.rdb.ZAdd(ctx, queue.KeyLanes, redis.Z{Score: 1, Member: simulation.Tenant}).Err(); err != nil {
		t.Fatal(err)
	}
}

// process is the child of the moment.
type process struct {
	b      *bench
	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{}
	busy   sync.WaitGroup // a request that outlives its sender
	struck atomic.Bool    // a wire point has been used
	stderr bytes.Buffer
}

func (p *process) start(t *testing.T, l life) {
	t.Helper()
	p.busy.Wait() // what the dead one sent has landed
	spec, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(spec))
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// died reports whether the child of before was killed, and forgets it.
func (p *process) died() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	var status syscall.WaitStatus
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		status = s
	}
	p.cmd = nil
	return status.Signaled() && status.Signal() == syscall.SIGKILL
}

// kill ends the child as SIGKILL does, and waits until it is gone.
func (p *process) kill() {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-ended
}

// wire kills the child at the place of a request that a point names.
func (p *process) wire(next http.Handler, at point) http.Handler {
	if !slices.Contains(wireSteps, at.step) {
		return next
	}
	o := simulation.Operations[at.op]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		path := strings.TrimPrefix(r.URL.Path, "/ExternalApi/v2/")
		if !o.Matches(cin7test.Call{Method: r.Method, Path: path, Body: string(body)}) || !p.struck.CompareAndSwap(false, true) {
			next.ServeHTTP(w, r)
			return
		}
		p.busy.Add(1)
		defer p.busy.Done()
		r = r.WithContext(context.WithoutCancel(r.Context()))
		switch at.step {
		case "arrived":
			p.kill()
			next.ServeHTTP(httptest.NewRecorder(), r)
		case "landed":
			next.ServeHTTP(httptest.NewRecorder(), r)
			p.kill()
		default:
			p.kill()
		}
		panic(http.ErrAbortHandler)
	})
}

func TestCrashes(t *testing.T) {
	want := cleanEnds(t)
	r := rand.New(rand.NewPCG(3, 3))
	list := points()
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if only := os.Getenv("MLC_POINTS"); only != "" { // those whose name contains it, of the long form
		list = slices.DeleteFunc(list, func(p point) bool { return !strings.Contains(p.String(), only) })
	}
	enumerated := len(list)
	list = list[:min(len(list), soak.N(8, len(list)))]
	// Double crashes: a second death on the way back from the first.
	for range soak.N(3, 200) {
		p := list[r.IntN(len(list))]
		p.twice = handlers.WriteSteps()[r.IntN(len(handlers.WriteSteps()))]
		list = append(list, p)
	}
	var single, double, unreached atomic.Int64
	work := make(chan point)
	var crews sync.WaitGroup
	for range soak.N(2, 4) {
		b := newBench(t)
		crews.Go(func() {
			for p := range work {
				t.Run(p.String(), func(t *testing.T) {
					got, deaths := b.crash(t, p)
					switch deaths {
					case 0:
						unreached.Add(1)
					case 1:
						single.Add(1)
					default:
						double.Add(1)
					}
					want.holdAgainst(t, p.scenario, got, p.shape, p.when)
				})
			}
		})
	}
	for _, p := range list {
		work <- p
	}
	close(work)
	crews.Wait()
	if t.Failed() {
		return
	}
	if single.Load() == 0 {
		t.Error("nobody died: the points are not reached")
	}
	soak.Figure(t, "crashes that doubled, lost or left something half done", "%s points with one SIGKILL, %s with two or more; %d of the %d enumerated were tried, %d places were never reached on their way",
		soak.NoneOf(int(single.Load())), soak.NoneOf(int(double.Load())), len(list), enumerated, unreached.Load())
}
