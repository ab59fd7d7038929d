package handlers

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/secret"
)

// caller is a worker in virtual time.
type caller struct {
	at time.Time // when it asks next
}

type callers []caller

func (c callers) Len() int           { return len(c) }
func (c callers) Less(i, j int) bool { return c[i].at.Before(c[j].at) }
func (c callers) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *callers) Push(x any)        { *c = append(*c, x.(caller)) }
func (c *callers) Pop() any {
	old := *c
	x := old[len(old)-1]
	*c = old[:len(old)-1]
	return x
}

// virtual is a budget whose Redis follows a clock of the test.
func virtual(t *testing.T) (*Budget, func(time.Time)) {
	t.Helper()
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	return NewBudget(rdb), m.SetTime
}

// fullest is the largest number of calls in any sliding minute.
func fullest(calls []time.Time) int {
	slices.SortFunc(calls, time.Time.Compare)
	most, first := 0, 0
	for i, at := range calls {
		for at.Sub(calls[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Five workers share one budget, with more to do than it allows. Calls take up
// to two seconds to arrive, as an oracle at Cin7's door would see them. Workers
// die with a call that they were granted, and come back.
func TestNoSlidingMinuteAboveTheLimit(t *testing.T) {
	const perMinute, workers = 50, 5
	// Each virtual hour is some 15,000 round trips to the embedded Redis.
	span, crashes := time.Duration(soak.N(20, 24*60))*time.Minute, soak.N(5, 20)
	b, set := virtual(t)
	key := secret.New("k")
	rnd := rand.New(rand.NewPCG(7, 60))
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var queue callers
	for range workers {
		heap.Push(&queue, caller{at: start})
	}
	between := span / time.Duration(crashes)
	nextCrash := start.Add(between / 2)
	var arrived []time.Time
	granted, died := 0, 0
	for {
		c := heap.Pop(&queue).(caller)
		now := c.at
		if now.Sub(start) >= span {
			break
		}
		set(now)
		ms, err := b.ask(t.Context(), "take", key, perMinute, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case ms > 0:
			c.at = now.Add(time.Duration(ms)*time.Millisecond + time.Duration(rnd.IntN(20))*time.Millisecond)
		case !now.Before(nextCrash):
			// Dies with the call in hand; another takes its place later.
			died++
			granted++
			nextCrash = nextCrash.Add(between)
			c.at = now.Add(5*time.Second + time.Duration(rnd.IntN(30_000))*time.Millisecond)
		default:
			granted++
			arrived = append(arrived, now.Add(time.Duration(rnd.IntN(2000))*time.Millisecond))
			c.at = now.Add(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		}
		heap.Push(&queue, c)
	}
	if most := fullest(arrived); most > 60 {
		t.Errorf("%d calls in a sliding minute, want at most 60", most)
	}
	permille := 1000 * len(arrived) / (int(span/time.Minute) * perMinute)
	if permille < 900 {
		t.Errorf("%d.%d %% of the budget was used, want 90 %%", permille/10, permille%10)
	}
	if died < crashes-1 {
		t.Errorf("%d workers died, want %d", died, crashes)
	}
	soak.Figure(t, "sliding minutes above 60 calls", "0 in %s, %d workers, %d crashes, %d calls, at most %d in a minute", span, workers, died, len(arrived), fullest(arrived))
	soak.Figure(t, "budget used while backlogged", "%d.%d %%", permille/10, permille%10)
}

// Bulk work leaves a share, and stands back while live work waits.
func TestBulkStandsBack(t *testing.T) {
	b, set := virtual(t)
	key := secret.New("k")
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	take := func(bulk int) int64 {
		t.Helper()
		set(now)
		ms, err := b.ask(t.Context(), "take", key, 50, bulk, 0)
		if err != nil {
			t.Fatal(err)
		}
		return ms
	}
	calls := 0
	for end := now.Add(time.Minute); now.Before(end); {
		if ms := take(45); ms > 0 {
			now = now.Add(time.Duration(ms) * time.Millisecond)
			continue
		}
		calls++
	}
	if calls > 45 {
		t.Errorf("bulk took %d calls of a minute, want at most 45", calls)
	}
	// Live work is refused once, so it waits: bulk waits longer.
	for take(0) == 0 {
	}
	live := take(0)
	if bulk := take(45); bulk <= live {
		t.Errorf("bulk waits %d ms, live %d ms", bulk, live)
	}
	now = now.Add(time.Duration(live) * time.Millisecond)
	if bulk := take(45); bulk == 0 {
		t.Error("bulk went first although live work waits")
	}
	if ms := take(0); ms != 0 {
		t.Errorf("live waits %d ms more", ms)
	}
}

// A refusal pauses everybody for what it asks, or for a while that grows.
func TestRefusalPausesAll(t *testing.T) {
	b, set := virtual(t)
	key, ctx := secret.New("k"), t.Context()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		asks    time.Duration
		passes  time.Duration // since the one before
		pausing time.Duration
	}{
		{"asks for a time", 40 * time.Second, 0, 40 * time.Second},
		{"a shorter one does not end it", time.Second, 0, 40 * time.Second},
		{"asks for none, in a row", 0, 41 * time.Second, time.Minute},
		{"asks for none, after a long peace", 0, 10 * time.Minute, 15 * time.Second},
		{"again", 0, 16 * time.Second, 30 * time.Second},
		{"and again", 0, 31 * time.Second, time.Minute},
	} {
		now = now.Add(c.passes)
		set(now)
		if err := b.Refused(ctx, key, c.asks); err != nil {
			t.Fatal(err)
		}
		ms, err := b.ask(ctx, "take", key, 50, 0, 0)
		if err != nil || time.Duration(ms)*time.Millisecond != c.pausing {
			t.Errorf("%s: calls wait %d ms, %v, want %s", c.name, ms, err, c.pausing)
		}
		if n, err := b.ask(ctx, "look", key, 50, 0, 0); n != 0 || err != nil {
			t.Errorf("%s: %d calls may go at once, %v", c.name, n, err)
		}
	}
}

// A Redis that has forgotten the last minute lets no more than a burst in
// excess through.
func TestForgottenBudget(t *testing.T) {
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	b, key := NewBudget(rdb), secret.New("k")
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var calls []time.Time
	for i := range 400 {
		if i%97 == 96 {
			m.FlushAll()
		}
		m.SetTime(now)
		ms, err := b.ask(t.Context(), "take", key, 50, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if ms == 0 {
			calls = append(calls, now)
		}
		now = now.Add(time.Duration(ms) * time.Millisecond)
	}
	if most := fullest(calls); most > 60 {
		t.Errorf("%d calls in a sliding minute", most)
	}
}
