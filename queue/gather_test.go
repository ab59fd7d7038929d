package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// gate lets the test hold back the pipelines that go to Redis, and counts them.
type gate struct {
	closed  atomic.Pointer[chan struct{}]
	waiting atomic.Int64
	trips   atomic.Int64 // pipelines
}

func (g *gate) pass(ctx context.Context) error {
	if c := g.closed.Load(); c != nil {
		g.waiting.Add(1)
		defer g.waiting.Add(-1)
		select {
		case <-*c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (g *gate) close() (open func()) {
	c := make(chan struct{})
	g.closed.Store(&c)
	return func() { g.closed.Store(nil); close(c) }
}

func (g *gate) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook holds nothing back: on a cluster a flush wakes the lanes after its
// pipeline, by a command of its own.
func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		g.trips.Add(1)
		if err := g.pass(ctx); err != nil {
			for _, c := range cmds {
				c.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}

// gathered fills the only flight with a mark, and lets n more marks wait behind
// it; open lets everything go, wait collects the errors by number.
func gathered(t *testing.T, rdb redis.UniversalClient, q *queue.Queue, n int, mark func(i int) (tenant string, m queue.Mark)) (g *gate, open func(), wait func() map[int]error) {
	t.Helper()
	g = &gate{}
	rdb.AddHook(g)
	mustMark(t, q, "first", bill(0)) // the scripts are loaded, the memory is looked at
	open = g.close()
	var wg sync.WaitGroup
	var mu sync.Mutex
	errs := map[int]error{}
	one := func(i int, tenant string, m queue.Mark) {
		wg.Go(func() {
			_, err := q.Mark(t.Context(), tenant, queue.Live, m)
			mu.Lock()
			defer mu.Unlock()
			errs[i] = err
		})
	}
	one(-1, "first", bill(0))
	waitFor(t, func() bool { return g.waiting.Load() == 1 })
	for i := range n {
		tenant, m := mark(i)
		one(i, tenant, m)
	}
	waitFor(t, func() bool { return q.Gathered() == n })
	return g, open, func() map[int]error { wg.Wait(); return errs }
}

// What is marked while the flights are taken goes in as few as can be, and
// whatever was acknowledged is there.
func TestMarksShareFlushes(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		const n = 90
		q := queue.New(rdb, queue.Options{Flights: 1})
		g, open, wait := gathered(t, rdb, q, n, func(i int) (string, queue.Mark) { return "acme" + strconv.Itoa(i%3), bill(i) })
		g.trips.Store(0)
		open()
		for i, err := range wait() {
			if err != nil {
				t.Errorf("mark %d: %v", i, err)
			}
		}
		if trips := g.trips.Load(); trips > 2 {
			t.Errorf("%d marks took %d round trips", n, trips)
		}
		for tenant := range 3 {
			l, err := q.Lane(t.Context(), "acme"+strconv.Itoa(tenant))
			if err != nil || l.Depth[queue.Live] != n/3 || l.DueAt.IsZero() || l.DueAt.After(time.Now().Add(time.Minute)) {
				t.Errorf("lane: %+v, %v", l, err)
			}
		}
	})
}

// One record whose key holds something else fails alone, and so does a lane
// that is full; every neighbour is acknowledged and there.
func TestAFailedMarkHarmsNoNeighbour(t *testing.T) {
	rdb := redistest.Server(t)
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{Flights: 1, Bound: 5})
	for i := range 5 {
		mustMark(t, q, "full", bill(i))
	}
	const broken = 2
	rdb.Set(ctx, queue.KeyRecord("acme", bill(broken).Ref), "no hash", 0)
	_, open, wait := gathered(t, rdb, q, 6, func(i int) (string, queue.Mark) {
		if i >= 4 {
			return "full", bill(i + 10)
		}
		return "acme", bill(i)
	})
	open()
	for i, err := range wait() {
		switch {
		case i >= 4:
			if !errors.Is(err, queue.ErrFull) {
				t.Errorf("mark %d of a full lane: got %v, want %v", i, err, queue.ErrFull)
			}
		case i == broken:
			if err == nil {
				t.Errorf("a mark of a record that is no hash was acknowledged")
			}
		case i >= 0:
			if err != nil {
				t.Errorf("mark %d: %v", i, err)
			}
			if s := rdb.HGet(ctx, queue.KeyRecord("acme", bill(i).Ref), "state").Val(); s != string(queue.Pending) {
				t.Errorf("mark %d was acknowledged and is %q", i, s)
			}
		}
	}
	if l, err := q.Lane(ctx, "acme"); err != nil || l.DueAt.IsZero() {
		t.Errorf("the lane was not woken: %+v, %v", l, err)
	}
}

// Whoever stops waiting is answered at once and takes nobody along.
func TestAMarkGivenUpHarmsNoNeighbour(t *testing.T) {
	rdb := redistest.Server(t)
	q := queue.New(rdb, queue.Options{Flights: 1})
	g, open, wait := gathered(t, rdb, q, 3, func(i int) (string, queue.Mark) { return "acme", bill(i) })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := q.Mark(ctx, "acme", queue.Live, bill(99))
		gone <- err
	}()
	waitFor(t, func() bool { return q.Gathered() == 4 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if g.waiting.Load() != 1 {
		t.Errorf("%d flights are under way", g.waiting.Load())
	}
	open()
	for i, err := range wait() {
		if err != nil {
			t.Errorf("mark %d: %v", i, err)
		}
	}
	if n := rdb.Exists(t.Context(), queue.KeyRecord("acme", bill(99).Ref)).Val(); n != 0 {
		t.Errorf("a mark that nobody waits for any more was made")
	}
	mustMark(t, q, "acme", bill(100)) // the places are free again
}

// Each of those that wait is answered when its own time is over, whether it
// waits for a place or is under way; its neighbours go on.
func TestAMarkWaitsUntilItsTime(t *testing.T) {
	rdb := redistest.Server(t)
	q := queue.New(rdb, queue.Options{Flights: 1})
	_, open, wait := gathered(t, rdb, q, 1, func(i int) (string, queue.Mark) { return "acme", bill(i) })
	began := time.Now()
	late := make(chan error, 3)
	for i, d := range []time.Duration{time.Hour, 150 * time.Millisecond, 50 * time.Millisecond} {
		go func() {
			_, err := q.MarkUntil(began.Add(d), "acme", queue.Live, bill(10+i))
			late <- err
		}()
		waitFor(t, func() bool { return q.Gathered() == 2+i })
	}
	for range 2 {
		if err := <-late; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	}
	if since := time.Since(began); since < 150*time.Millisecond {
		t.Errorf("answered after %s, before its time", since)
	}
	open()
	if err := <-late; err != nil {
		t.Errorf("the one with time: %v", err)
	}
	for i, err := range wait() {
		if err != nil {
			t.Errorf("mark %d: %v", i, err)
		}
	}
	for i, want := range []int64{1, 0, 0} {
		if n := rdb.Exists(t.Context(), queue.KeyRecord("acme", bill(10+i).Ref)).Val(); n != want {
			t.Errorf("mark %d: %d records, want %d", i, n, want)
		}
	}
}

// The same under way: the one whose time is over is answered, the one beside it
// in the same flight is marked.
func TestAMarkUnderWayWaitsUntilItsTime(t *testing.T) {
	rdb := redistest.Server(t)
	q := queue.New(rdb, queue.Options{Flights: 1})
	g := &gate{}
	rdb.AddHook(g)
	mustMark(t, q, "acme", bill(0))
	g.close()
	answer := func(d time.Duration, i int) chan error {
		out := make(chan error, 1)
		go func() {
			_, err := q.MarkUntil(time.Now().Add(d), "acme", queue.Live, bill(i))
			out <- err
		}()
		return out
	}
	first := answer(time.Hour, 1)
	waitFor(t, func() bool { return g.waiting.Load() == 1 })
	patient, hasty := answer(time.Hour, 2), answer(time.Second, 3)
	waitFor(t, func() bool { return q.Gathered() == 2 })
	shut := make(chan struct{})
	close(*g.closed.Swap(&shut)) // the first flight ends, the next waits
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-hasty; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	g.closed.Store(nil)
	close(shut)
	if err := <-patient; err != nil {
		t.Errorf("its neighbour: %v", err)
	}
}

// What becomes due at once is told to the worker of the process; what becomes
// due later is not.
func TestWoken(t *testing.T) {
	rdb := redistest.Embedded(t)
	q := queue.New(rdb, queue.Options{})
	told := func() bool {
		select {
		case <-q.Woken():
			return true
		default:
			return false
		}
	}
	if told() {
		t.Error("told of nothing")
	}
	mustMark(t, q, "acme", bill(1))
	if !told() || told() {
		t.Error("not told once of a mark")
	}
	if err := q.Wake(t.Context(), "acme", time.Now().Add(time.Hour)); err != nil || told() {
		t.Errorf("told of a lane that is not due: %v", err)
	}
	if err := q.Wake(t.Context(), "acme", time.Time{}); err != nil || !told() {
		t.Errorf("not told of a lane that is due: %v", err)
	}
}

// A Redis that answers nothing fills no memory: beyond the bound calls are
// refused at once.
func TestGatheringIsBounded(t *testing.T) {
	rdb := redistest.Embedded(t)
	q := queue.New(rdb, queue.Options{Flights: 1})
	_, open, wait := gathered(t, rdb, q, queue.MaxGathered, func(i int) (string, queue.Mark) { return "acme", bill(i) })
	if _, err := q.Mark(t.Context(), "acme", queue.Live, bill(-1)); !errors.Is(err, queue.ErrFull) {
		t.Errorf("got %v, want %v", err, queue.ErrFull)
	}
	open()
	for i, err := range wait() {
		if err != nil {
			t.Fatal(fmt.Errorf("mark %d: %w", i, err))
		}
	}
}

// hung is a Redis that takes pipelines and answers none before it is released;
// then nothing succeeds.
type hung struct {
	pipelines atomic.Int64
	release   chan struct{}
}

var errHung = errors.New("hung")

func (h *hung) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *hung) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error { cmd.SetErr(errHung); return errHung }
}
func (h *hung) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		h.pipelines.Add(1)
		<-h.release
		for _, c := range cmds {
			c.SetErr(errHung)
		}
		return errHung
	}
}

// While a flush is under way others go beside it, up to the bound: as soon as
// as many wait as are worth one, and in any case when they have waited for as
// long as they should.
func TestFlightsGoBesideOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{})
		h := &hung{release: make(chan struct{})}
		rdb.AddHook(h)
		q := queue.New(rdb, queue.Options{Flights: 4})
		var wg sync.WaitGroup
		mark := func(n int) {
			for i := range n {
				wg.Go(func() { _, _ = q.MarkUntil(time.Now().Add(time.Hour), "acme", queue.Live, bill(i)) })
			}
			synctest.Wait()
		}
		for _, c := range []struct {
			name    string
			more    int
			later   time.Duration
			flights int64
			waiting int
		}{
			{"one goes at once", 1, 0, 1, 0},
			{"too few to go beside it", queue.WorthAFlight - 1, 0, 1, queue.WorthAFlight - 1},
			{"enough to go beside it", 1, 0, 2, 0},
			{"one waits", 1, queue.Patience - 1, 2, 1},
			{"for as long as it should", 0, 1, 3, 0},
			{"the last place", queue.WorthAFlight, 0, 4, 0},
			{"all places are taken", 2 * queue.WorthAFlight, 0, 4, 2 * queue.WorthAFlight},
			{"however long it takes", 0, 10 * queue.Patience, 4, 2 * queue.WorthAFlight},
		} {
			mark(c.more)
			time.Sleep(c.later) //nolint:forbidigo // virtual time
			synctest.Wait()
			if f, w := h.pipelines.Load(), q.Gathered(); f != c.flights || w != c.waiting {
				t.Errorf("%s: %d flights and %d waiting, want %d and %d", c.name, f, w, c.flights, c.waiting)
			}
		}
		close(h.release)
		wg.Wait()
		_ = rdb.Close()
	})
}

// One webhook alone costs one round trip, whatever the flights.
func TestAMarkAloneWaitsForNobody(t *testing.T) {
	for _, flights := range []int{-1, 1, 8} {
		rdb := redistest.Embedded(t)
		g := &gate{}
		q := queue.New(rdb, queue.Options{Flights: flights})
		mustMark(t, q, "acme", bill(1))
		rdb.AddHook(g)
		for i := range 5 {
			mustMark(t, q, "acme", bill(i))
		}
		if n := g.trips.Load(); n != 5 {
			t.Errorf("%d flights: 5 marks took %d round trips", flights, n)
		}
	}
}

// A flush that panics has landed all the same: its caller may recover, as a
// server's does, and the next mark must find the flight free.
func TestAFlushThatPanicsLands(t *testing.T) {
	q := queue.New(redistest.Server(t), queue.Options{Flights: 1, Marked: func(source, _ string) {
		if source == "broken" {
			panic(source)
		}
	}})
	func() {
		defer func() {
			if p := recover(); p != "broken" {
				t.Errorf("got %v of a flush that panics", p)
			}
		}()
		_, err := q.Mark(t.Context(), "acme", queue.Live, queue.Mark{Ref: bill(1).Ref, Source: "broken"})
		t.Errorf("a flush that panics returned %v", err)
	}()
	if _, err := q.MarkUntil(time.Now().Add(30*time.Second), "acme", queue.Live, bill(2)); err != nil {
		t.Errorf("the mark behind a flush that panicked: %v", err)
	}
}

// Posts are used again by those behind them, and many are given up in every
// state. Whoever is told that a mark is durable is told of its own: how many
// entries it added, and it is there.
func TestAnswersAreEachPostsOwn(t *testing.T) {
	const callers, each = 24, 60
	rdb := redistest.Server(t, "--appendfsync", "no")
	q := queue.New(rdb, queue.Options{Flights: 2})
	var wg sync.WaitGroup
	var durable, given atomic.Int64
	for caller := range callers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(9, uint64(caller)))
			tenant := "acme" + strconv.Itoa(caller%3)
			for i := range each {
				marks := make([]queue.Mark, 1+rnd.IntN(3))
				for j := range marks {
					marks[j] = bill(1000*caller + 10*i + j)
				}
				soon := time.Duration(rnd.IntN(3000)) * time.Microsecond
				var added int
				var err error
				switch rnd.IntN(4) {
				case 0:
					added, err = q.MarkUntil(time.Now().Add(soon), tenant, queue.Live, marks...)
				case 1:
					ctx, cancel := context.WithTimeout(t.Context(), soon)
					added, err = q.Mark(ctx, tenant, queue.Live, marks...)
					cancel()
				case 2:
					ctx, cancel := context.WithCancel(t.Context())
					stop := time.AfterFunc(soon, cancel)
					added, err = q.Mark(ctx, tenant, queue.Live, marks...)
					stop.Stop()
					cancel()
				default:
					if added, err = q.MarkUntil(time.Now().Add(time.Minute), tenant, queue.Live, marks...); err != nil {
						t.Errorf("a mark that had time: %v", err)
					}
				}
				if err != nil {
					given.Add(1)
					continue
				}
				durable.Add(1)
				if added != len(marks) {
					t.Errorf("caller %d, call %d: %d entries added, want %d", caller, i, added, len(marks))
				}
				for _, m := range marks {
					if n := rdb.Exists(t.Context(), queue.KeyRecord(tenant, m.Ref)).Val(); n != 1 {
						t.Errorf("%s of %s was acknowledged and is not there", m.Ref, tenant)
					}
				}
			}
		})
	}
	wg.Wait()
	if durable.Load() == 0 {
		t.Error("no mark became durable")
	}
	t.Logf("%d calls became durable, %d were given up", durable.Load(), given.Load())
}
