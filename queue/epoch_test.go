package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

const quarantine = time.Hour

// creates claims the lane of acme and tells until when creates wait, and
// whether all must be read again.
func creates(t *testing.T, q *queue.Queue) (wait time.Duration, reread bool) {
	t.Helper()
	mustMark(t, q, "acme", bill(1))
	turn := held(t, q, "w")
	got, err := turn.Take(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if err := turn.Settle(t.Context(), done(&got[i])); err != nil {
			t.Fatal(err)
		}
	}
	release(t, turn)
	if !turn.CreatesFrom.IsZero() {
		wait = time.Until(turn.CreatesFrom)
	}
	return wait, turn.Reread
}

// age makes the epoch and the lane of acme as old as if they had been there
// for long.
func age(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	rdb.HSet(t.Context(), queue.KeyEpoch, "began", "1000")
	rdb.HDel(t.Context(), queue.KeyLane("acme"), "creates", "reread")
}

func TestEpoch(t *testing.T) {
	for _, c := range []struct {
		name string
		// damage is done to a Redis that has served acme for long; q is a
		// process that knows it, fresh one that has just started.
		damage         func(t *testing.T, rdb redis.UniversalClient)
		started        bool // a process looks that did not know the time before
		waits, rereads bool
	}{
		{name: "nothing happened", damage: func(*testing.T, redis.UniversalClient) {}},
		{name: "nothing happened, process restarted", damage: func(*testing.T, redis.UniversalClient) {}, started: true},
		{name: "everything is gone", waits: true, rereads: true, damage: func(t *testing.T, rdb redis.UniversalClient) { redistest.Flush(t, rdb) }},
		{name: "everything is gone, process restarted", started: true, waits: true,
			damage: func(t *testing.T, rdb redis.UniversalClient) { redistest.Flush(t, rdb) }},
		{name: "the slot of the epoch is gone", waits: true, rereads: true, damage: func(t *testing.T, rdb redis.UniversalClient) { rdb.Del(t.Context(), queue.KeyEpoch) }},
		{name: "the slot of the tenant is gone", waits: true, rereads: true, started: true, damage: func(t *testing.T, rdb redis.UniversalClient) {
			for _, k := range rdb.Keys(t.Context(), "mlc:{acme}:*").Val() {
				rdb.Del(t.Context(), k)
			}
		}},
		{name: "the beat went back", waits: true, rereads: true, damage: func(t *testing.T, rdb redis.UniversalClient) {
			rdb.HIncrBy(t.Context(), queue.KeyEpoch, "beat", -1)
		}},
		{name: "the fence went back", waits: true, rereads: true, damage: func(t *testing.T, rdb redis.UniversalClient) {
			rdb.HIncrBy(t.Context(), queue.KeyLane("acme"), "fence", -1)
		}},
		{name: "another Redis with an epoch of its own", waits: true, rereads: true, damage: func(t *testing.T, rdb redis.UniversalClient) {
			rdb.HSet(t.Context(), queue.KeyEpoch, "id", "another")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, rdb redis.UniversalClient) {
				lost := 0
				o := queue.Options{Quarantine: quarantine, Lost: func(string) { lost++ }}
				q := queue.New(rdb, o)
				creates(t, q)
				age(t, rdb)
				if wait, reread := creates(t, q); wait != 0 || reread {
					t.Fatalf("before the damage: creates wait %s, read again: %t", wait, reread)
				}
				c.damage(t, rdb)
				if c.started {
					q = queue.New(rdb, o)
				}
				wait, reread := creates(t, q)
				if waits := wait > quarantine/2; waits != c.waits || reread != c.rereads {
					t.Errorf("creates wait %s, read again: %t; want waits: %t, read again: %t", wait, reread, c.waits, c.rereads)
				}
				if (lost > 0) != c.rereads {
					t.Errorf("told of %d losses", lost)
				}
			})
		})
	}
}

// A tenant that is new in a deployment that is not waits for nothing.
func TestNewTenantOfAnOldDeployment(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{Quarantine: quarantine})
		if _, err := q.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		age(t, rdb)
		if wait, reread := creates(t, q); wait != 0 || reread {
			t.Errorf("creates wait %s, read again: %t", wait, reread)
		}
	})
}

// A tenant that is paused before its lane was ever held, so that a backfill can
// come first, has lost nothing when it is resumed.
func TestPausedBeforeItWasHeld(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{Quarantine: quarantine})
		if _, err := q.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := q.Pause(t.Context(), "acme", "backfill first"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			mustMark(t, q, "acme", bill(1))
			if turn, err := q.Claim(t.Context(), "w"); err != nil || turn != nil {
				t.Fatalf("a paused lane was held: %v, %v", turn, err)
			}
		}
		age(t, rdb)
		if err := q.Resume(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		if wait, reread := creates(t, q); wait != 0 || reread {
			t.Errorf("creates wait %s, read again: %t", wait, reread)
		}
	})
}

// The order to read again outlives the process that got it.
func TestRereadStandsUntilDone(t *testing.T) {
	rdb := redistest.Embedded(t)
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{Quarantine: quarantine})
	creates(t, q)
	rdb.Del(ctx, queue.KeyEpoch)
	for range 2 {
		if _, reread := creates(t, queue.New(rdb, queue.Options{Quarantine: quarantine})); !reread {
			t.Fatal("forgotten")
		}
	}
	mustMark(t, q, "acme", bill(1))
	turn := held(t, q, "w")
	if err := turn.HaveReread(ctx); err != nil || turn.Reread {
		t.Fatal(err)
	}
	release(t, turn)
	if _, reread := creates(t, q); reread {
		t.Error("read again once more")
	}
}

// A copy of the data directory is put back while everything is down: no
// process remembers, but the beat ended long before the server came up.
func TestRestoredCopy(t *testing.T) {
	p := redistest.Start(t)
	ctx := t.Context()
	rdb := p.Client(t)
	creates(t, queue.New(rdb, queue.Options{Quarantine: quarantine}))
	age(t, rdb)
	// The copy is two minutes old.
	now := rdb.Time(ctx).Val()
	rdb.HSet(ctx, queue.KeyEpoch, "beat", strconv.FormatInt(now.Add(-2*time.Minute).UnixMilli(), 10))
	p.Kill()
	p.Run(t)
	q := queue.New(p.Client(t), queue.Options{Quarantine: quarantine})
	if wait, reread := creates(t, q); wait < quarantine/2 || !reread {
		t.Errorf("creates wait %s, read again: %t", wait, reread)
	}
	if n, err := q.Beat(ctx); n != 1 || err != nil {
		t.Errorf("%d epochs ended, %v, want 1", n, err)
	}
	// A plain restart is no loss.
	age(t, p.Client(t))
	p.Kill()
	p.Run(t)
	if wait, reread := creates(t, queue.New(p.Client(t), queue.Options{Quarantine: quarantine})); wait != 0 || reread {
		t.Errorf("after a plain restart creates wait %s, read again: %t", wait, reread)
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "appendonlydir")); err != nil {
		t.Errorf("the server keeps nothing: %v", err)
	}
}

// Strangers' marks stop before the memory does; what waits is served down to
// the last retry, even by a server that takes no write more.
func TestShortOfMemory(t *testing.T) {
	rdb := redistest.Server(t, "--maxmemory", "6mb")
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{MemoryShare: 0.75, Lease: 10 * time.Minute})
	n := 0
	var err error
	for ; err == nil && n < 50_000; n += 50 {
		var marks []queue.Mark
		for i := range 50 {
			m := bill(n + i)
			m.Note = "a note of some length, as a webhook with its event has, so that it costs what a mark costs in earnest"
			marks = append(marks, m)
		}
		_, err = q.Mark(ctx, "acme", queue.Live, marks...)
	}
	if !errors.Is(err, queue.ErrFull) {
		t.Fatalf("after %d marks: got %v, want %v", n, err, queue.ErrFull)
	}
	// Somebody else fills the rest.
	for i := 0; rdb.Set(ctx, "filler:"+strconv.Itoa(i), make([]byte, 20_000), 0).Err() == nil; i++ {
	}
	turn := claim(t, q)
	served, retried := 0, 0
	for {
		got, err := turn.Take(ctx, 100)
		if err != nil {
			t.Fatalf("take after %d: %v", served, err)
		}
		if len(got) == 0 {
			break
		}
		var out []queue.Settlement
		for i := range got {
			s := done(&got[i])
			if got[i].Attempts == 0 && served%10 == 0 {
				s.State, s.Failed, s.NextAt = queue.Waiting, true, time.Now().Add(-time.Second)
				retried++
			}
			served++
			out = append(out, s)
		}
		if err := turn.Settle(ctx, out...); err != nil {
			t.Fatalf("settle up to number %d: %v", served, err)
		}
	}
	release(t, turn)
	if l := lane(t, q); l.Depth[queue.Live] != 0 || l.Due != 0 || retried == 0 || served <= retried {
		t.Errorf("served %d, %d of them again; left: %+v", served, retried, l)
	}
}

func lane(t *testing.T, q *queue.Queue) queue.Lane {
	t.Helper()
	l, err := q.Lane(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
