package service_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
)

// TestServeChild is the process of child: serve, with the settings of its
// environment, until something ends it.
func TestServeChild(t *testing.T) {
	if os.Getenv("MLC_TEST_SERVE") == "" {
		return // not asked to be one
	}
	var environ []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MLC_TEST_") && !strings.HasPrefix(kv, "MLC_SOAK") {
			environ = append(environ, kv)
		}
	}
	c, err := service.Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	service.Harden()
	log, _, err := service.Logger(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Run(context.Background(), c, service.Options{Log: log, Ready: func(p, q net.Addr) { fmt.Printf("ready %s %s\n", p, q) }}); err != nil {
		t.Fatal(err)
	}
}

// child is a process that serves.
type child struct {
	cmd         *exec.Cmd
	mu          sync.Mutex
	said        bytes.Buffer // all that it wrote
	public, ops string
	ended       chan error
}

func (c *child) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Write(p)
}

func (c *child) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.String()
}

// spawn starts a process that serves with the given settings. It is not
// waited for.
func (e *env) spawn(environ ...string) *child {
	e.t.Helper()
	c := &child{ended: make(chan error, 1)}
	c.cmd = exec.Command(os.Args[0], "-test.run", "^TestServeChild$", "-test.v", "-test.timeout", "5m")
	c.cmd.Env = append(append(os.Environ(), "MLC_TEST_SERVE=1", "GOTRACEBACK=system"), append(e.settings(), environ...)...)
	c.cmd.Stdout, c.cmd.Stderr = c, c
	if err := c.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	e.t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

var readyLine = regexp.MustCompile(`ready (\S+) (\S+)`)

// ready waits for the listeners.
func (e *env) ready(c *child) {
	e.t.Helper()
	e.await(60*time.Second, func() []string {
		m := readyLine.FindStringSubmatch(c.text())
		if m == nil {
			return []string{"not ready: " + tail(c.text(), 5)}
		}
		c.public, c.ops = "http://"+m[1], "http://"+m[2]
		return nil
	})
}

// localPort is a port that nobody listens on.
func localPort(t *testing.T) string {
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

// A process that is made to crash in the middle of its work, writing all
// goroutines with their registers, shows no secret of any kind, among them the
// password of its Redis, and leaves no core; nor does one that cannot reach
// its Redis or is not let in.
func TestCrashedProcessShowsNoSecret(t *testing.T) {
	t.Parallel()
	const password, wrong, token = "canary-of-redis-0123456789", "canary-of-redis-wrong-012345", "canary-token-of-the-owner-0123"
	e := newEnv(t, distributor.Options{}, "INVOICE")
	port := localPort(t)
	p := redistest.Start(t, "--bind", "127.0.0.1", "--port", port)
	if err := p.Client(t).ConfigSet(t.Context(), "requirepass", password).Err(); err != nil {
		t.Fatal(err)
	}
	e.rdb = redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, Password: password, ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = e.rdb.Close() })
	dir := t.TempDir()
	keyset, err := secret.Init(secret.Source{File: filepath.Join(dir, "keyset.json")})
	if err != nil {
		t.Fatal(err)
	}
	e.keyset = keyset
	if err := os.WriteFile(filepath.Join(dir, "tokens"), fmt.Appendf(nil, "owner %x\n", sha256.Sum256([]byte(token))), 0o600); err != nil {
		t.Fatal(err)
	}
	e.environ = []string{"MLC_KEYSET_FILE=" + filepath.Join(dir, "keyset.json"), "MLC_OPS_TOKENS_FILE=" + filepath.Join(dir, "tokens"), "MLC_LOG_LEVEL=debug"}
	e.open()
	e.world.TellPast()
	e.apply()
	texts := map[string]string{}
	url := func(pw string) string { return "MLC_REDIS_URL=redis://:" + pw + "@127.0.0.1:" + port }

	out := e.spawn(url(wrong))
	if err := <-out.ended; err == nil {
		t.Error("it serves without its Redis")
	}
	texts["a wrong password"] = out.text()
	out = e.spawn("MLC_REDIS_URL=redis://:" + password + "@127.0.0.1:1")
	if err := <-out.ended; err == nil {
		t.Error("it serves without its Redis")
	}
	texts["no Redis"] = out.text()
	out = e.spawn("MLC_REDIS_URL=redis://:" + password + "@127.0.0.1:x/y?z=" + password)
	if err := <-out.ended; err == nil {
		t.Error("it serves without its Redis")
	}
	texts["a URL that cannot be read"] = out.text()

	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
		c := e.spawn(url(password))
		e.ready(c)
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.cmd.Process.Pid))
		if err == nil && !regexp.MustCompile(`Max core file size\s+0\s+0`).Match(limits) {
			t.Errorf("the process may leave a core:\n%s", limits)
		}
		// Work with everything that is secret in its hands.
		for i := range 30 {
			for _, u := range []string{c.public + "/webhooks/netsuite/" + tenantID + "?secret=" + distributor.WebhookSecret, c.ops + "/api/v1/tenants/" + tenantID, c.ops + "/metrics"} {
				req, err := http.NewRequestWithContext(t.Context(), map[bool]string{true: http.MethodPost, false: http.MethodGet}[strings.Contains(u, "secret=")], u, strings.NewReader(fmt.Sprintf(`{"type":"vendor","id":"%d"}`, 100+i)))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token)
				res, err := (&http.Client{}).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				b, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				_, _ = c.Write(b)
			}
		}
		e.await(60*time.Second, func() []string {
			if n := strings.Count(c.text(), `"msg":"settled"`) + strings.Count(c.text(), `"netsuite`); n == 0 && len(e.world.NetSuite.Calls()) == 0 {
				return []string{"no work yet: " + tail(c.text(), 5)}
			}
			return nil
		})
		if err := c.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := <-c.ended; !errors.As(err, &exit) {
			t.Errorf("%v: the process ended with %v", sig, err)
		}
		if text := c.text(); !strings.Contains(text, "goroutine ") || !strings.Contains(text, "service.Run") {
			t.Fatalf("%v: no crash text: %s", sig, tail(text, 10))
		}
		texts[sig.String()] = c.text()
	}
	b, err := os.ReadFile(filepath.Join(dir, "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := e.secrets()
	secrets["password of Redis"], secrets["wrong password of Redis"], secrets["owner's token"] = password, wrong, token
	secrets["key of the keyset"] = keysetKey(t, b)
	size := 0
	for place, text := range texts {
		size += len(text)
		e.nothingOf(secrets, place, text)
	}
	e.nothingOf(secrets, "Redis", e.redisText())
	for name, s := range secrets {
		if hits := (canary.Set{name: s}).Hits(texts[syscall.SIGQUIT.String()] + "\n" + s); len(hits) == 0 {
			t.Errorf("the %s is not found where it is", name)
		}
	}
	soak.Figure(t, "canaries in crashes", "%d secrets, %d processes, %d KB of log and crash text: %s", len(secrets), len(texts), size>>10, soak.NoneOf(len(secrets)*(len(texts)+1)))
}
