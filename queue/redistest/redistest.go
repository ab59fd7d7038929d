// Package redistest gives tests a Redis: the embedded one for speed, a real
// redis-server for what only that can show.
package redistest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Embedded returns a client of a fresh in-process Redis. It keeps nothing and
// has no memory limit.
//
// With REDIS_TOPOLOGY=cluster or sentinel it is a fresh topology of real
// servers instead, and so is Server: the same tests show that the service works
// there (make topologies).
func Embedded(t testing.TB) redis.UniversalClient {
	t.Helper()
	if c := topology(t); c != nil {
		return c
	}
	m := miniredis.RunT(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1, ReadTimeout: patient, WriteTimeout: patient})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// patient is how long a test waits for a Redis: a machine may have other things
// to do, and a Redis that is gone refuses at once.
const patient = time.Minute

// Server returns a client of a fresh redis-server process with the settings
// that production should have. It fails the test when redis-server is not
// installed: skipping would hide what only a real server shows.
func Server(t testing.TB, args ...string) redis.UniversalClient {
	t.Helper()
	if len(args) == 0 {
		if c := topology(t); c != nil {
			return c
		}
	}
	return Start(t, args...).Client(t)
}

// topology is what REDIS_TOPOLOGY asks for, nil when it is not set.
func topology(t testing.TB) redis.UniversalClient {
	t.Helper()
	switch what := os.Getenv("REDIS_TOPOLOGY"); what {
	case "":
		return nil
	case "cluster":
		return Cluster(t)
	case "sentinel":
		c, _ := Sentinel(t)
		return c
	default:
		t.Fatalf("REDIS_TOPOLOGY=%s: want cluster or sentinel", what)
		return nil
	}
}

// Flush empties a Redis, every shard of it.
func Flush(t testing.TB, rdb redis.UniversalClient) {
	t.Helper()
	flush := func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() }
	var err error
	if c, ok := rdb.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(t.Context(), flush)
	} else {
		err = rdb.FlushAll(t.Context()).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Process is a running redis-server.
type Process struct {
	Socket string // path of its unix socket
	Dir    string // where it keeps its data
	cmd    *exec.Cmd
	args   []string
}

// Start runs a redis-server on a unix socket in a directory of its own until
// the test ends.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	// Socket paths are short by law (108 bytes), so not t.TempDir.
	dir, err := os.MkdirTemp("", "mlc")
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Dir: dir, Socket: filepath.Join(dir, "s"), args: args}
	t.Cleanup(func() {
		p.Kill()
		_ = os.RemoveAll(dir)
	})
	p.Run(t)
	return p
}

// Client returns a client of the process that outlives its restarts.
func (p *Process) Client(t testing.TB) redis.UniversalClient {
	t.Helper()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: p.Socket, ContextTimeoutEnabled: true, MaxRetries: -1, ReadTimeout: patient, WriteTimeout: patient})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Run starts the process (again) and waits until it answers.
func (p *Process) Run(t testing.TB) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run `make tools`")
	}
	p.cmd = exec.Command(bin, append([]string{"--port", "0", "--unixsocket", p.Socket, "--dir", p.Dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"}, p.args...)...)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: p.Socket})
	defer func() { _ = c.Close() }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if c.Ping(t.Context()).Err() == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
		<-time.After(2 * time.Millisecond)
	}
}

// Kill ends the process at once, as SIGKILL does.
func (p *Process) Kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// Signal sends the process a signal: SIGSTOP freezes it, SIGCONT goes on.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("send redis-server %v: %v", s, err)
	}
}
