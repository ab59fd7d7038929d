package queue_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

func held(t *testing.T, q *queue.Queue, owner string) *queue.Turn {
	t.Helper()
	var turn *queue.Turn
	waitFor(t, func() bool {
		var err error
		turn, err = q.Claim(t.Context(), owner)
		if err != nil {
			t.Fatal(err)
		}
		return turn != nil
	})
	return turn
}

func release(t *testing.T, turn *queue.Turn) {
	t.Helper()
	if err := turn.Release(t.Context(), time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// A mark wakes a lane that is held; whoever answers the wake-up must not move
// the lane beyond the end of the lease, for its holder may be dead.
func TestAWakeUpDoesNotDelayTheTakeover(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{Lease: 30 * time.Second})
		mustMark(t, q, "acme", bill(1))
		claim(t, q) // and dies
		end := number(t, rdb.HGet(t.Context(), queue.KeyLane("acme"), "until").Val())
		mustMark(t, q, "acme", bill(2))
		if other, err := q.Claim(t.Context(), "w2"); other != nil || err != nil {
			t.Fatalf("a held lane was claimed: %v, %v", other, err)
		}
		if due := int64(rdb.ZScore(t.Context(), queue.KeyLanes, "acme").Val()); due > end {
			t.Errorf("the lane is due %d ms after its lease ends", due-end)
		}
	})
}

// Whoever dies at any step of giving a lane back leaves it due within a lease.
func TestDeathWhileGivingBack(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		for step := range 4 {
			q := queue.New(rdb, queue.Options{Lease: 30 * time.Second})
			tenant := "t" + strconv.Itoa(step)
			mustMark(t, q, tenant, bill(1))
			turn := claim(t, q)
			take(t, turn, 1)
			dying, cancel := context.WithCancel(ctx)
			n := 0
			rdb.AddHook(beforeEach{func() {
				if n++; n > step {
					cancel()
				}
			}})
			_ = turn.Release(dying, time.Time{}, time.Time{})
			cancel()
			now := rdb.Time(ctx).Val()
			if due := time.UnixMilli(int64(rdb.ZScore(ctx, queue.KeyLanes, tenant).Val())); due.After(now.Add(31 * time.Second)) {
				t.Errorf("dead before command %d: the lane is due in %s", step+1, due.Sub(now))
			}
			rdb.ZRem(ctx, queue.KeyLanes, tenant)
		}
	})
}

// beforeEach calls f before each command or pipeline.
type beforeEach struct{ f func() }

func (h beforeEach) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h beforeEach) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { h.f(); return next(ctx, cmd) }
}
func (h beforeEach) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { h.f(); return next(ctx, cmds) }
}

// The record that kills its worker is found out; those that were only in the
// same hands are not accused.
func TestPoisonIsToldFromItsNeighbours(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1), bill(2), bill(3), bill(4))
		const poison = "3"
		crashes := map[string]int{}
		for death := 0; death < 4; {
			turn := held(t, q, "w")
			died := false
			for !died {
				got, err := turn.Take(t.Context(), 100)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) == 0 {
					break
				}
				for i := range got {
					crashes[got[i].ID] = max(crashes[got[i].ID], got[i].Crashes)
					if got[i].ID == poison && got[i].Crashes < 3 {
						death++
						died = true
						break
					}
					if err := turn.Settle(t.Context(), done(&got[i])); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !died {
				release(t, turn)
				break
			}
			if err := turn.Abandon(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if crashes[poison] != 3 {
			t.Errorf("the poison counts %d crashes, want 3", crashes[poison])
		}
		for id, n := range crashes {
			if id != poison && n > 1 {
				t.Errorf("record %s counts %d crashes and killed nobody", id, n)
			}
		}
	})
}

func TestStuckTurnLosesItsLease(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{Stuck: time.Millisecond})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		take(t, turn, 1)
		waitFor(t, func() bool { return errors.Is(turn.Extend(t.Context()), queue.ErrStuck) })
		turn.Valid(0)
		if err := turn.Extend(t.Context()); err != nil && !errors.Is(err, queue.ErrStuck) {
			t.Errorf("extend: %v", err)
		}
	})
}

// What a turn of bulk marks leaves comes after the live ones of the next turn.
func TestLiveComesBeforeGivenBackBulk(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		if _, err := q.Mark(ctx, "acme", queue.Bulk, bill(1), bill(2)); err != nil {
			t.Fatal(err)
		}
		turn := claim(t, q)
		got := take(t, turn, 2)
		if got[0].Class() != queue.Bulk || turn.LiveWaits(ctx) {
			t.Errorf("class %q, live waits %t", got[0].Class(), turn.LiveWaits(ctx))
		}
		mustMark(t, q, "acme", bill(3))
		if !turn.LiveWaits(ctx) {
			t.Error("the live mark does not show")
		}
		release(t, turn)
		turn = claim(t, q)
		if first := take(t, turn, 1); first[0].ID != "3" {
			t.Errorf("first came %v", first[0].Ref)
		} else if err := turn.Settle(ctx, done(&first[0])); err != nil {
			t.Fatal(err)
		}
		take(t, turn, 2)
	})
}

// A retry of a bulk mark is a bulk mark.
func TestRetryKeepsItsClass(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		if _, err := q.Mark(ctx, "acme", queue.Bulk, bill(1)); err != nil {
			t.Fatal(err)
		}
		turn := claim(t, q)
		got := take(t, turn, 1)
		out := queue.Settlement{Ref: got[0].Ref, Entry: &got[0], State: queue.Waiting, NextAt: time.Now().Add(-time.Second), Failed: true}
		if err := turn.Settle(ctx, out); err != nil {
			t.Fatal(err)
		}
		if again := take(t, turn, 1); again[0].Class() != queue.Bulk || again[0].Attempts != 1 {
			t.Errorf("taken again as %q after %d attempts", again[0].Class(), again[0].Attempts)
		}
	})
}

// A lane whose score is lost is found by the sweep.
func TestSweepWakesForgottenLanes(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		mustMark(t, q, "busy", bill(1))
		rdb.ZRem(ctx, queue.KeyLanes, "acme")
		rdb.ZAdd(ctx, queue.KeyLanes, redis.Z{Score: 1e15, Member: "busy"})
		if turn, err := q.Claim(ctx, "w"); turn != nil || err != nil {
			t.Fatalf("a lane without score was claimed: %v, %v", turn, err)
		}
		if n, err := q.Sweep(ctx, []string{"acme", "busy", "idle"}); n != 3 || err != nil {
			t.Fatalf("woke %d lanes, %v, want 3: two with marks, one without a score", n, err)
		}
		if n, err := q.Sweep(ctx, []string{"acme", "busy", "idle"}); n != 0 || err != nil {
			t.Errorf("woke %d lanes once more, %v", n, err)
		}
		take(t, claim(t, q), 1)
	})
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
