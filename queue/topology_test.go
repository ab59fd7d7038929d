package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"
)

// shardTenants is enough for each of three shards to have some.
const shardTenants = 12

// wholeLife takes the records of many tenants through every transition of a
// lane and of the state; round tells records of one call from another's.
func wholeLife(t *testing.T, rdb redis.UniversalClient, q *queue.Queue, round int) {
	t.Helper()
	ctx := t.Context()
	var tenants []string
	for i := range shardTenants {
		tenants = append(tenants, fmt.Sprintf("tenant%d", i))
	}
	for _, tenant := range tenants {
		mustMark(t, q, tenant, bill(10*round), bill(10*round+1), bill(10*round))
		if _, err := q.Mark(ctx, tenant, queue.Bulk, bill(10*round+2)); err != nil {
			t.Fatal(err)
		}
	}
	for range tenants {
		turn := held(t, q, "w")
		recs := state.New(rdb).Tenant(turn.Tenant)
		live := take(t, turn, 2)
		if err := turn.Extend(ctx); err != nil {
			t.Fatal(err)
		}
		must := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s of %s: %v", what, turn.Tenant, err)
			}
		}
		must("set watermarks", recs.SetWatermarks(ctx, turn.Fence, map[string]string{"a": "1"}))
		must("open an intent", recs.OpenIntent(ctx, turn.Fence, live[0].Ref, state.Intent{}))
		must("link", recs.Link(ctx, turn.Fence, live[0].Ref, "purchase", fmt.Sprintf("guid-%d", round), map[string]string{state.FactStage: "ORDER"}))
		must("close the intent", recs.CloseIntent(ctx, turn.Fence, live[0].Ref))
		must("settle", turn.Settle(ctx, done(&live[0]), queue.Settlement{Ref: live[1].Ref, Entry: &live[1], State: queue.Waiting, Reason: "settling", NextAt: time.Now().Add(time.Hour)}))
		bulk := take(t, turn, 1)
		must("settle", turn.Settle(ctx, done(&bulk[0])))
		release(t, turn)
		if err := turn.Settle(ctx, done(&bulk[0])); !errors.Is(err, queue.ErrStale) {
			t.Fatalf("settle after the release: got %v, want ErrStale", err)
		}
		owners, err := recs.Owners(ctx, fmt.Sprintf("guid-%d", round))
		if err != nil || len(owners) != 1 {
			t.Fatalf("owners: got %v, %v", owners, err)
		}
		counts, err := recs.Counts(ctx)
		if want := int64(2 * (round + 1)); err != nil || counts[queue.Completed] != want || counts[queue.Waiting] != want/2 {
			t.Fatalf("counts of %s: got %v, %v, want %d completed", turn.Tenant, counts, err, want)
		}
		if _, err := recs.List(ctx, state.Filter{State: queue.Waiting}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.RepairAll(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Sweep(ctx, tenants); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Beat(ctx); err != nil {
		t.Fatal(err)
	}
}

// Everything of a tenant is in one slot: no script and no transaction crosses
// slots, and what looks at all of Redis looks at every shard.
func TestCluster(t *testing.T) {
	rdb := redistest.Cluster(t)
	q := queue.New(rdb, queue.Options{Quarantine: time.Hour})
	wholeLife(t, rdb, q, 0)
	wholeLife(t, rdb, q, 1)
	slots := map[int64]bool{}
	for i := range shardTenants {
		slot, err := rdb.ClusterKeySlot(t.Context(), queue.KeyLane(fmt.Sprintf("tenant%d", i))).Result()
		if err != nil {
			t.Fatal(err)
		}
		slots[slot*3/16384] = true
	}
	if len(slots) != 3 {
		t.Errorf("the tenants are on %d shards, want 3", len(slots))
	}
	if err := q.Forget(t.Context(), "tenant0"); err != nil {
		t.Fatal(err)
	}
	if n, err := rdb.Exists(t.Context(), queue.KeyLane("tenant0")).Result(); n != 0 || err != nil {
		t.Errorf("the lane of a forgotten tenant: %d, %v", n, err)
	}
}

// A replica that was up to date takes over: the lanes go on, nothing counts
// as lost.
func TestSentinelFailover(t *testing.T) {
	rdb, failOver := redistest.Sentinel(t)
	lost := 0
	q := queue.New(rdb, queue.Options{Quarantine: time.Hour, Lost: func(string) { lost++ }})
	wholeLife(t, rdb, q, 0)
	failOver()
	wholeLife(t, rdb, q, 1)
	if lost > 0 {
		t.Errorf("%d tenants count as lost", lost)
	}
}
