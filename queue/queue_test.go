package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

func bill(n int) queue.Mark {
	return queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: strconv.Itoa(n)}, Source: "webhook"}
}

// both runs a test against the embedded Redis and a real one.
func both(t *testing.T, f func(t *testing.T, rdb redis.UniversalClient)) {
	t.Run("miniredis", func(t *testing.T) { f(t, redistest.Embedded(t)) })
	t.Run("redis-server", func(t *testing.T) { f(t, redistest.Server(t)) })
}

func claim(t *testing.T, q *queue.Queue) *queue.Turn {
	t.Helper()
	turn, err := q.Claim(t.Context(), "w1")
	if err != nil || turn == nil {
		t.Fatalf("claim: got %v, %v", turn, err)
	}
	return turn
}

func take(t *testing.T, turn *queue.Turn, n int) []queue.Entry {
	t.Helper()
	got, err := turn.Take(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != n {
		t.Fatalf("took %d entries, want %d: %v", len(got), n, got)
	}
	return got
}

func done(e *queue.Entry) queue.Settlement {
	return queue.Settlement{Ref: e.Ref, Entry: e, State: queue.Completed}
}

func TestMarkTakeSettle(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		if turn, err := q.Claim(ctx, "w1"); turn != nil || err != nil {
			t.Fatalf("claim of nothing: got %v, %v", turn, err)
		}
		if n, err := q.Mark(ctx, "acme", queue.Live, bill(1), bill(2), bill(1)); n != 2 || err != nil {
			t.Fatalf("mark: got %d, %v, want 2 entries", n, err)
		}
		turn := claim(t, q)
		if turn.Tenant != "acme" || turn.Fence == 0 {
			t.Fatalf("turn: %+v", turn)
		}
		got := take(t, turn, 2)
		if got[0].ID != "1" || got[0].Want != 1 || got[0].Source != "webhook" || got[0].MarkedAt.IsZero() {
			t.Errorf("entry: %+v", got[0])
		}
		take(t, turn, 0)
		if err := turn.Settle(ctx, done(&got[0]), done(&got[1])); err != nil {
			t.Fatal(err)
		}
		if err := turn.Settle(ctx, done(&got[0])); err != nil {
			t.Errorf("settling twice: %v", err)
		}
		if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if turn, _ := q.Claim(ctx, "w1"); turn != nil {
			t.Errorf("an empty lane was claimed")
		}
		l, err := q.Lane(ctx, "acme")
		if err != nil || l.Depth[queue.Live] != 0 || l.Owner != "" {
			t.Errorf("lane: %+v, %v", l, err)
		}
	})
}

func TestAStormIsOneEntry(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{})
		for range 1000 {
			if _, err := q.Mark(t.Context(), "acme", queue.Live, bill(7)); err != nil {
				t.Fatal(err)
			}
		}
		got := take(t, claim(t, q), 1)
		if got[0].Want != 1 {
			t.Errorf("want is %d", got[0].Want)
		}
	})
}

// What waits is durable already: a further mark of it writes nothing, so that
// nobody waits for the disk on its account.
func TestAMarkOfWhatWaitsWritesNothing(t *testing.T) {
	rdb := redistest.Server(t)
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{})
	changes := func() string {
		info, err := rdb.Info(ctx, "persistence").Result()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(info) {
			if n, ok := strings.CutPrefix(line, "rdb_changes_since_last_save:"); ok {
				return strings.TrimSpace(n)
			}
		}
		t.Fatalf("no count of changes in %s", info)
		return ""
	}
	again := func(when string, writes bool) {
		t.Helper()
		before := changes()
		mustMark(t, q, "acme", bill(1))
		if wrote := changes() != before; wrote != writes {
			t.Errorf("a mark %s: wrote %t, want %t", when, wrote, writes)
		}
	}
	again("of a new record", true)
	again("of a record that waits", false)
	turn := claim(t, q)
	first := take(t, turn, 1)
	again("of a record at work", true)
	again("of a record at work that waits again", false)
	if err := turn.Settle(ctx, done(&first[0])); err != nil {
		t.Fatal(err)
	}
	again("of a record that waits again", false)
	second := take(t, turn, 1)
	if err := turn.Settle(ctx, done(&second[0])); err != nil {
		t.Fatal(err)
	}
	again("of a settled record", true)
}

func TestMarkedAgainWhileRunning(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		first := take(t, turn, 1)
		mustMark(t, q, "acme", bill(1))
		if err := turn.Settle(ctx, done(&first[0])); err != nil {
			t.Fatal(err)
		}
		if s := rdb.HGet(ctx, queue.KeyRecord("acme", first[0].Ref), "state").Val(); s != "pending" {
			t.Errorf("state is %q, want pending: it was marked again", s)
		}
		second := take(t, turn, 1)
		if second[0].Want != 2 {
			t.Errorf("want is %d", second[0].Want)
		}
	})
}

func TestWakeUpDuringATurnIsNotLost(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		e := take(t, turn, 1)
		if err := turn.Settle(ctx, done(&e[0])); err != nil {
			t.Fatal(err)
		}
		mustMark(t, q, "acme", bill(2))
		if other, err := q.Claim(ctx, "w2"); other != nil || err != nil {
			t.Fatalf("a held lane was claimed: %v, %v", other, err)
		}
		if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		take(t, claim(t, q), 1)
	})
}

func TestTakeoverAfterDeath(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{Lease: 400 * time.Millisecond})
		mustMark(t, q, "acme", bill(1))
		dead := claim(t, q)
		old := take(t, dead, 1)
		var heir *queue.Turn
		waitFor(t, func() bool {
			var err error
			heir, err = q.Claim(ctx, "w2")
			return heir != nil && err == nil
		})
		if heir.Fence <= dead.Fence {
			t.Errorf("fence went from %d to %d", dead.Fence, heir.Fence)
		}
		if dead.Valid(0) {
			t.Error("a lease that is over is valid")
		}
		for name, err := range map[string]error{
			"settle": dead.Settle(ctx, done(&old[0])),
			"extend": dead.Extend(ctx),
		} {
			if !errors.Is(err, queue.ErrStale) {
				t.Errorf("%s under an old fence: got %v", name, err)
			}
		}
		if _, err := dead.Take(ctx, 1); err == nil {
			t.Error("take under an old fence went through")
		}
		again := take(t, heir, 1)
		if again[0].Ref != old[0].Ref || again[0].Crashes != 1 {
			t.Errorf("taken over: %+v", again[0])
		}
	})
}

func TestGivenBackIsNoCrash(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1), bill(2))
		turn := claim(t, q)
		got := take(t, turn, 2)
		if err := turn.Settle(ctx, done(&got[0])); err != nil {
			t.Fatal(err)
		}
		if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if s := rdb.HGet(ctx, queue.KeyRecord("acme", got[1].Ref), "state").Val(); s != "pending" {
			t.Errorf("state is %q, want pending", s)
		}
		again := take(t, claim(t, q), 1)
		if again[0].ID != "2" || again[0].Crashes != 0 {
			t.Errorf("taken again: %+v", again[0])
		}
	})
}

func TestHold(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		if err := turn.Release(ctx, time.Time{}, time.Now().Add(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		mustMark(t, q, "acme", bill(2))
		if early, err := q.Claim(ctx, "w1"); early != nil || err != nil {
			t.Fatalf("a lane on hold was claimed: %v %v", early, err)
		}
		waitFor(t, func() bool {
			turn, err := q.Claim(ctx, "w1")
			return turn != nil && err == nil
		})
	})
}

func TestWaitingComesBackWhenDue(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		e := take(t, turn, 1)
		out := queue.Settlement{Ref: e[0].Ref, Entry: &e[0], State: queue.Waiting, Reason: "retry", NextAt: time.Now().Add(2 * time.Second), Failed: true}
		if err := turn.Settle(ctx, out); err != nil {
			t.Fatal(err)
		}
		take(t, turn, 0)
		if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			var err error
			turn, err = q.Claim(ctx, "w1")
			return turn != nil && err == nil
		})
		again := take(t, turn, 1)
		if again[0].Attempts != 1 || again[0].Source != "retry" {
			t.Errorf("entry: %+v", again[0])
		}
	})
}

func TestBulkBehindLive(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		if _, err := q.Mark(ctx, "acme", queue.Bulk, bill(1), bill(2)); err != nil {
			t.Fatal(err)
		}
		mustMark(t, q, "acme", bill(3), bill(2)) // 2 is promoted
		turn := claim(t, q)
		got := take(t, turn, 2)
		if got[0].ID != "3" || got[1].ID != "2" {
			t.Errorf("live: %v", got)
		}
		if err := turn.Settle(ctx, done(&got[0]), done(&got[1])); err != nil {
			t.Fatal(err)
		}
		if got = take(t, turn, 1); got[0].ID != "1" {
			t.Errorf("bulk: %v", got)
		}
		if err := turn.Settle(ctx, done(&got[0])); err != nil {
			t.Fatal(err)
		}
		take(t, turn, 0)
		if n := rdb.XLen(ctx, queue.KeyStream("acme", queue.Bulk)).Val(); n != 0 {
			t.Errorf("%d entries left in bulk", n)
		}
	})
}

func TestBoundAndPause(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{Bound: 2})
		mustMark(t, q, "acme", bill(1), bill(2))
		if _, err := q.Mark(ctx, "acme", queue.Live, bill(3)); !errors.Is(err, queue.ErrFull) {
			t.Errorf("over the bound: got %v", err)
		}
		if n := rdb.HGet(ctx, queue.KeyRecord("acme", bill(3).Ref), "want").Val(); n != "" {
			t.Errorf("a refused mark was written: want %s", n)
		}
		if err := q.Pause(ctx, "acme", "go-live"); err != nil {
			t.Fatal(err)
		}
		if turn, err := q.Claim(ctx, "w1"); turn != nil || err != nil {
			t.Fatalf("a paused lane was claimed: %v %v", turn, err)
		}
		if err := q.Resume(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		take(t, claim(t, q), 2)
		if err := q.Forget(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		if keys := rdb.Keys(ctx, "*acme*").Val(); len(keys) != 0 {
			t.Errorf("left after forgetting: %v", keys)
		}
	})
}

func TestGoneStream(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		e := take(t, turn, 1)
		rdb.Del(ctx, queue.KeyStream("acme", queue.Live))
		if err := turn.Settle(ctx, done(&e[0])); err != nil {
			t.Fatalf("settle after the stream went: %v", err)
		}
		mustMark(t, q, "acme", bill(2))
		take(t, turn, 1)
	})
}

func TestRefusesOddNames(t *testing.T) {
	q := queue.New(redistest.Embedded(t), queue.Options{})
	for _, r := range []queue.Ref{{Type: "", ID: "1"}, {Type: "a", ID: ""}, {Type: "a:b", ID: "1"}, {Type: "a", ID: "1}"}, {Type: "a", ID: "1 2"}} {
		if _, err := q.Mark(t.Context(), "acme", queue.Live, queue.Mark{Ref: r}); err == nil {
			t.Errorf("mark %q went through", r)
		}
	}
}

func mustMark(t *testing.T, q *queue.Queue, tenant string, marks ...queue.Mark) {
	t.Helper()
	if _, err := q.Mark(t.Context(), tenant, queue.Live, marks...); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("it did not come about: %w", ctx.Err()))
		case <-tick.C:
		}
	}
}
