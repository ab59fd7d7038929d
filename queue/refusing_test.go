package queue_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// refuses checks that a server acknowledges neither a new record nor one that
// waits: what it remembers of it may be former.
func refuses(t *testing.T, q *queue.Queue, what, tenant string) {
	t.Helper()
	for i, name := range []string{"a record that waits", "a new record"} {
		if _, err := q.Mark(t.Context(), tenant, queue.Live, bill(1+i)); err == nil {
			t.Errorf("%s acknowledged %s", what, name)
		}
	}
}

func TestAServerThatMayNotWriteAcknowledgesNothing(t *testing.T) {
	port := redistest.FreePort(t)
	master := redistest.Start(t, "--bind", "127.0.0.1", "--port", port, "--repl-diskless-sync-delay", "0").Client(t)
	mustMark(t, queue.New(master, queue.Options{}), "acme", bill(1))
	replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+port).Client(t)
	waitFor(t, func() bool {
		return replica.Exists(t.Context(), queue.KeyRecord("acme", bill(1).Ref)).Val() == 1
	})
	refuses(t, queue.New(replica, queue.Options{}), "a replica", "acme")
	if err := master.ConfigSet(t.Context(), "min-replicas-to-write", "3").Err(); err != nil {
		t.Fatal(err)
	}
	refuses(t, queue.New(master, queue.Options{}), "a master cut off from its replicas", "acme")
}

// On a cluster the wake-up may go to a shard that does take writes.
func TestAShardThatMayNotWriteAcknowledgesNothing(t *testing.T) {
	rdb := redistest.Cluster(t)
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{})
	shard := func(key string) *redis.Client {
		c, err := rdb.(*redis.ClusterClient).MasterForKey(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	lanes := shard(queue.KeyLanes).Options().Addr
	for _, tenant := range []string{"a", "b", "c", "d", "e", "f"} {
		own := shard(queue.KeyLane(tenant))
		if own.Options().Addr == lanes {
			continue
		}
		mustMark(t, q, tenant, bill(1))
		if err := own.ConfigSet(ctx, "min-replicas-to-write", "1").Err(); err != nil {
			t.Fatal(err)
		}
		refuses(t, q, "a shard cut off from its replicas", tenant)
		return
	}
	t.Fatal("all tenants lie on the shard of the lanes")
}
