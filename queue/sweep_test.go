package queue_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// resting gives so many tenants, in order, lanes that are due far away.
func resting(t *testing.T, rdb redis.UniversalClient, n int) []string {
	t.Helper()
	ids := make([]string, n)
	lanes := make([]redis.Z, n)
	for i := range n {
		ids[i] = fmt.Sprintf("t%05d", i)
		lanes[i] = redis.Z{Score: 1e15, Member: ids[i]}
	}
	for some := range slices.Chunk(lanes, 1000) {
		if err := rdb.ZAdd(t.Context(), queue.KeyLanes, some...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// forget marks a record of a tenant and moves the lane's time away, as if the
// wake-up had been lost.
func forget(t *testing.T, rdb redis.UniversalClient, q *queue.Queue, tenant string) {
	t.Helper()
	mustMark(t, q, tenant, bill(1))
	if err := rdb.ZAdd(t.Context(), queue.KeyLanes, redis.Z{Score: 1e15, Member: tenant}).Err(); err != nil {
		t.Fatal(err)
	}
}

// woken are the lanes that are due.
func woken(t *testing.T, rdb redis.UniversalClient) []string {
	t.Helper()
	due, err := rdb.ZRangeByScore(t.Context(), queue.KeyLanes, &redis.ZRangeBy{Min: "-inf", Max: "(1e15"}).Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(due)
	return due
}

// commands is how many commands Redis has run so far.
func commands(t *testing.T, rdb redis.UniversalClient) int {
	t.Helper()
	info, err := rdb.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "total_commands_processed:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("Redis does not say how many commands it has run")
	return 0
}

// Ten times the tenants at rest do not cost ten times the commands.
func TestSweepOfManyLanesIsNoDearer(t *testing.T) {
	cost := map[int]int{}
	for _, n := range []int{1000, 10_000} {
		rdb := redistest.Start(t).Client(t)
		q := queue.New(rdb, queue.Options{})
		ids := resting(t, rdb, n)
		before := commands(t, rdb)
		if woken, err := q.Sweep(t.Context(), ids); woken != 0 || err != nil {
			t.Fatalf("%d tenants at rest: woke %d, %v", n, woken, err)
		}
		cost[n] = commands(t, rdb) - before
	}
	// One command more for each thousand tenants.
	if got, most := cost[10_000], cost[1000]+10; got > most {
		t.Errorf("a sweep of 10,000 tenants at rest runs %d commands, of 1,000 it runs %d: want at most %d", got, cost[1000], most)
	}
}

// Sweeps reach every lane, whichever process makes them and whoever comes and
// goes meanwhile.
func TestSweepsReachEveryLane(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		one, other := queue.New(rdb, queue.Options{}), queue.New(rdb, queue.Options{})
		ids := resting(t, rdb, 1200)
		forgotten := []string{ids[0], ids[499], ids[500], ids[700], ids[1199]}
		for _, id := range forgotten {
			forget(t, rdb, one, id)
		}
		sweep := func(q *queue.Queue) {
			t.Helper()
			if _, err := q.Sweep(ctx, ids); err != nil {
				t.Fatal(err)
			}
		}
		sweep(one)
		if got := woken(t, rdb); !slices.Equal(got, forgotten[:2]) {
			t.Errorf("the first sweep woke %v, want %v", got, forgotten[:2])
		}
		// The last that it looked at goes, and others come before and behind.
		ids = slices.Delete(ids, 499, 500)
		ids = append([]string{"a-new-one"}, ids...)
		ids = append(ids, "z-new-one")
		sweep(other)
		sweep(one)
		want := slices.Sorted(slices.Values(append([]string{"a-new-one", "z-new-one"}, forgotten...)))
		if got := woken(t, rdb); !slices.Equal(got, want) {
			t.Errorf("three sweeps woke %v, want %v", got, want)
		}
		forget(t, rdb, one, ids[1])
		sweep(other)
		if got := woken(t, rdb); !slices.Contains(got, ids[1]) {
			t.Errorf("the sweep after the last lane did not begin anew: woke %v", got)
		}
	})
}

// A lane without a place in mlc:lanes does not wait for its turn to be looked
// at.
func TestEverySweepFindsMissingLanes(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{})
		ids := resting(t, rdb, 2100)
		for _, missing := range []string{ids[2099], ids[0], ids[1000]} {
			if err := rdb.ZRem(t.Context(), queue.KeyLanes, missing).Err(); err != nil {
				t.Fatal(err)
			}
			if n, err := q.Sweep(t.Context(), ids); n != 1 || err != nil {
				t.Fatalf("woke %d lanes, %v, want %s", n, err, missing)
			}
			if got := woken(t, rdb); !slices.Contains(got, missing) {
				t.Fatalf("woke %v, want %s", got, missing)
			}
		}
	})
}

// A lane that cannot be read is told, and does not keep the sweep from those
// beside and behind it.
func TestSweepGoesOnBesideABrokenLane(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		q := queue.New(rdb, queue.Options{})
		ids := resting(t, rdb, 600)
		for _, i := range []int{11, 450, 550} {
			forget(t, rdb, q, ids[i])
		}
		if err := rdb.Set(ctx, queue.KeyDue(ids[10]), "no sorted set", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := q.Sweep(ctx, ids); n != 2 || err == nil || !strings.Contains(err.Error(), ids[10]) {
			t.Errorf("woke %d lanes, %v, want %s and %s, and an error that names %s", n, err, ids[11], ids[450], ids[10])
		}
		if n, err := q.Sweep(ctx, ids); n != 1 || err != nil {
			t.Errorf("the next sweep woke %d lanes, %v, want %s", n, err, ids[550])
		}
	})
}
