package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

const tenantID = "cascade"

// build makes the program once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mlc-crash")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "ml-connector")
	out, err := exec.Command("go", "build", "-o", bin, "../../cmd/ml-connector").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// deployment is the service as processes: one receives, one works, and Redis.
// The simulators are served by the test.
type deployment struct {
	t        *testing.T
	bin      string
	world    *distributor.World
	redis    *redistest.Process
	rdb      redis.UniversalClient
	receiver *program
	worker   *program
	hook     string
}

// deploy starts everything; edit changes the tenant file.
func deploy(t *testing.T, edit ...string) *deployment {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(world.NetSuite), httptest.NewServer(world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)

	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{t: t, bin: bin, world: world, redis: redistest.Start(t, "--bind", "127.0.0.1", "--port", port)}
	d.rdb = d.redis.Client(t)
	dir, public := t.TempDir(), freeAddress(t)
	// Its settings are those of the test alone: the service refuses what it does not know, MLC_SOAK too.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MLC_") })
	env = append(env, "MLC_REDIS_URL=redis://"+address, "MLC_KEYSET_FILE="+filepath.Join(dir, "keyset.json"), "MLC_ALLOW_PRIVATE_ENDPOINTS=true",
		"MLC_PUBLIC_ADDR="+public, "MLC_OPS_ADDR=127.0.0.1:0", "MLC_SETTLE_SECONDS=1", "MLC_LEASE_SECONDS=4", "MLC_DRAIN_SECONDS=0")
	file := world.Tenant(tenantID, ns.URL, c7.URL, "INVOICE")
	if len(edit) > 0 {
		file = strings.NewReplacer(edit...).Replace(file)
	}
	path := filepath.Join(dir, "tenant.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	d.command(env, "keys", "init")
	d.command(env, "tenant", "apply", "-f", path, "--yes")
	d.receiver = &program{t: t, bin: bin, env: append(slices.Clone(env), "MLC_ROLES=api"), public: public}
	d.worker = &program{t: t, bin: bin, env: append(slices.Clone(env), "MLC_ROLES=worker")}
	d.hook = "http://" + public + "/webhooks/netsuite/" + tenantID + "?secret=" + distributor.WebhookSecret
	return d
}

// command runs the program to its end.
func (d *deployment) command(env []string, args ...string) {
	d.t.Helper()
	c := exec.CommandContext(d.t.Context(), d.bin, args...)
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		d.t.Fatalf("ml-connector %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// freeAddress is a local address that nobody listens on, to be used again
// after each restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// program is `ml-connector serve` in a process of its own.
type program struct {
	t      *testing.T
	bin    string
	env    []string
	public string // where it takes webhooks, "" when it does not

	cmd *exec.Cmd
	mu  sync.Mutex
	log bytes.Buffer
}

// Write keeps the log.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *program) tail(lines int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// start runs the program (again); it is killed when the test ends.
func (p *program) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.bin, "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p, p
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.cmd
	p.t.Cleanup(func() { end(cmd) })
}

// end kills a process, as SIGKILL does.
func end(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// listening waits until the program takes connections.
func (p *program) listening() {
	p.t.Helper()
	await(p.t, time.Minute, func() string {
		c, err := net.DialTimeout("tcp", p.public, time.Second)
		if err != nil {
			return "nobody listens: " + err.Error() + "\n" + p.tail(5)
		}
		_ = c.Close()
		return ""
	})
}

// post sends one webhook and returns the answer's status.
func (d *deployment) post(ctx context.Context, c *http.Client, recordType, id string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.hook, strings.NewReader(fmt.Sprintf(`{"recordType":%q,"id":%q}`, recordType, id)))
	if err != nil {
		return 0, err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	_ = res.Body.Close()
	return res.StatusCode, nil
}

// await waits until wrong says nothing.
func await(t *testing.T, limit time.Duration, wrong func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		why := wrong()
		if why == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %s", limit, why)
		case <-tick.C:
		}
	}
}
