package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// masterName is what the sentinel calls its master.
const masterName = "lanes"

// Cluster returns a client of a fresh cluster of three masters.
func Cluster(t testing.TB) redis.UniversalClient {
	t.Helper()
	const masters, slots = 3, 16384
	nodes, ports := make([]redis.UniversalClient, masters), make([]string, masters)
	buses, addrs := make([]string, masters), make([]string, masters)
	for i := range nodes {
		ports[i], buses[i] = FreePort(t), FreePort(t)
		addrs[i] = net.JoinHostPort("127.0.0.1", ports[i])
		nodes[i] = Start(t, "--bind", "127.0.0.1", "--port", ports[i], "--cluster-enabled", "yes", "--cluster-port", buses[i], "--cluster-config-file", "nodes.conf").Client(t)
		if err := nodes[i].ClusterAddSlotsRange(t.Context(), i*slots/masters, (i+1)*slots/masters-1).Err(); err != nil {
			t.Fatalf("give slots to a node: %v", err)
		}
	}
	for i := range nodes[1:] {
		if err := nodes[0].Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", ports[i+1], buses[i+1]).Err(); err != nil {
			t.Fatalf("let the nodes meet: %v", err)
		}
	}
	until(t, "the cluster is up", func() string {
		for _, n := range nodes {
			info, err := n.ClusterInfo(t.Context()).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(masters)) {
				return fmt.Sprint(info, err)
			}
		}
		return ""
	})
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Sentinel returns a client that finds its master by a sentinel, and what
// makes the replica, once it has everything, take over, and waits until it has.
func Sentinel(t testing.TB) (c redis.UniversalClient, failOver func()) {
	t.Helper()
	first, second, watcher := FreePort(t), FreePort(t), FreePort(t)
	old := Start(t, "--bind", "127.0.0.1", "--port", first).Client(t)
	replica := Start(t, "--bind", "127.0.0.1", "--port", second, "--replicaof", "127.0.0.1 "+first).Client(t)
	until(t, "the replica follows", func() string {
		info, err := replica.Info(t.Context(), "replication").Result()
		if err != nil || !strings.Contains(info, "master_link_status:up") {
			return fmt.Sprint(info, err)
		}
		return ""
	})
	sentinel := startSentinel(t, watcher, first)
	c = redis.NewUniversalClient(&redis.UniversalOptions{MasterName: masterName, Addrs: []string{net.JoinHostPort("127.0.0.1", watcher)}, ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return c, func() {
		t.Helper()
		if n, err := c.Do(t.Context(), "WAIT", 1, 10_000).Int(); n != 1 || err != nil {
			t.Fatalf("the replica has not caught up: %d, %v", n, err)
		}
		until(t, "the sentinel lets the replica take over", func() string {
			if err := sentinel.Do(t.Context(), "SENTINEL", "FAILOVER", masterName).Err(); err != nil {
				return err.Error() // it does not know the replica yet
			}
			return ""
		})
		until(t, "the replica has taken over", func() string {
			if err := c.Set(t.Context(), "mlc:{failover}", "1", 0).Err(); err != nil {
				return err.Error()
			}
			info, err := replica.Info(t.Context(), "replication").Result()
			if err != nil || !strings.Contains(info, "role:master") {
				return fmt.Sprint(info, err)
			}
			if n, err := replica.Exists(t.Context(), "mlc:{failover}").Result(); n != 1 {
				return fmt.Sprint("the client writes to the old master", err)
			}
			return ""
		})
		// The client closes its connections to the old master when the sentinel
		// tells it, which may be in the middle of a command: end them before.
		until(t, "the old master serves nobody", func() string {
			info, err := old.Info(t.Context(), "replication").Result()
			if err != nil || !strings.Contains(info, "role:slave") {
				return fmt.Sprint(info, err)
			}
			if err := old.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
				return err.Error()
			}
			return ""
		})
	}
}

// until waits until wrong says nothing.
func until(t testing.TB, what string, wrong func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		why := wrong()
		if why == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute: %s", what, why)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// FreePort is a local port that nobody listens on.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
