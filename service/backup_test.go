package service_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// docs/backup.md, done: a backup in the middle of the month, the rest of the
// month, the loss of the server, the restore. Nothing is written again.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	server := redistest.Start(t)
	client := func(socket string) *redis.Client {
		c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, ContextTimeoutEnabled: true, MaxRetries: -1})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	e.rdb = client(server.Socket)
	e.world.TellPast()
	e.start()
	e.apply()
	e.await(60*time.Second, func() []string {
		if n := e.world.Cin7.Writes(); n < 8 {
			return []string{"the month has hardly begun"}
		}
		return nil
	})
	backup := filepath.Join(t.TempDir(), "backup.rdb")
	if out, err := exec.Command("redis-cli", "-s", server.Socket, "--rdb", backup).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli --rdb: %v\n%s", err, out)
	}
	behind := len(e.outcomes())
	e.tellLive(1)
	e.allWell()
	writes := e.world.Cin7.Writes()

	e.stop()
	server.Kill()
	data, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(server.Dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(server.Dir, "dump.rdb"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(server.Dir, "restore")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", server.Dir, "--dbfilename", "dump.rdb", "--appendonly", "no", "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	c := client(socket)
	e.await(20*time.Second, func() []string {
		if err := c.Ping(ctx).Err(); err != nil {
			return []string{err.Error()}
		}
		return nil
	})
	if err := c.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	e.await(20*time.Second, func() []string {
		info, err := c.Info(ctx, "persistence").Result()
		if err != nil || !strings.Contains(info, "aof_rewrite_in_progress:0") || !strings.Contains(info, "aof_rewrite_scheduled:0") {
			return []string{"the append-only file is being written"}
		}
		return nil
	})
	_ = c.ShutdownNoSave(ctx).Err() // it answers by hanging up
	_ = cmd.Wait()
	server.Run(t)

	e.start()
	if n := len(e.outcomes()); n == 0 || n < behind/2 {
		t.Fatalf("%d records after the restore, %d at the backup", n, behind)
	}
	if err := e.rooms.States.Tenant(tenantID).RequestPoll(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.rooms.Queue.Wake(ctx, tenantID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	e.allWell()
	if n := e.world.Cin7.Writes(); n != writes {
		t.Errorf("%d writes after the restore, want none", n-writes)
	}
}
