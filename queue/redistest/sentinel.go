package redistest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

// startSentinel runs a sentinel that watches the master on a local port, until
// the test ends.
func startSentinel(t testing.TB, port, master string) *redis.Client {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run `make tools`")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	settings := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel failover-timeout %s 10000\n", port, dir, masterName, master, masterName)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the sentinel: %v", err)
	}
	c := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", port)})
	t.Cleanup(func() {
		_ = c.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, "the sentinel answers", func() string {
		if err := c.Ping(t.Context()).Err(); err != nil {
			return err.Error()
		}
		return ""
	})
	return c
}
