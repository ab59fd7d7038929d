package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
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
	Listing     int              // marks in hand that make a list of all purchases worth its calls, default 20
	Settle      time.Duration    // quarantine after an uncertain write, default 180 s
	Idle        time.Duration    // pause between looks for a due lane, default 100 ms; it grows to 2.5 times that while nothing is due and nothing is marked by this process
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
	def(&o.Listing, 20)
	after(&o.Settle, 180*time.Second)
	after(&o.Idle, 100*time.Millisecond)
	after(&o.Heartbeat, 8*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tracer == nil {
		o.Tracer = trace.Off()
	}
	o.Transport.Budget = b
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
	idle := w.o.Idle
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
			pause := idle
			if idle = min(idle*5/4, w.o.Idle*5/2); err != nil {
				pause = time.Second
			}
			w.rest(ctx, pause, &idle)
			continue
		}
		idle = w.o.Idle
		turns.Go(func() {
			defer func() { <-slots }()
			w.turn(ctx, lane)
		})
	}
}

// rest waits until it is time to look for a due lane again: after a pause, or
// soon after this process has made one due. Soon and not at once, for a lane
// that is held back is not due, however often it is marked.
func (w *Worker) rest(ctx context.Context, pause time.Duration, idle *time.Duration) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(pause):
		return
	case <-w.queue.Woken():
		*idle = w.o.Idle
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(pause, w.o.Idle/4)):
	}
}
