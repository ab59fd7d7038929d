package service_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/service"
)

// A reload changes tokens, trusted proxies and the log level of a running
// service; what is wrong changes nothing; what cannot change is named.
func TestReload(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	tokens := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(tokens, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := func(token string) string { return fmt.Sprintf("owner %x\n", sha256.Sum256([]byte(token))) }
	write(line("first"))
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	reload := make(chan service.Config)
	e.level, e.reload = &level, reload
	e.environ = []string{"MLC_OPS_TOKENS_FILE=" + tokens}
	e.start()
	e.apply()
	ask := func(token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.ops+"/api/v1/tenants", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	from := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.hook(), strings.NewReader(`{"type":"vendor","id":"1"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		res, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		hook := ""
		for l := range strings.Lines(e.logText()) {
			if strings.Contains(l, `"msg":"webhook"`) {
				hook = l
			}
		}
		if strings.Contains(hook, `"remote_ip":"203.0.113.9"`) {
			return "the header"
		}
		return "the socket"
	}
	again := func(environ ...string) service.Config {
		c, err := service.Load("", append(e.settings(), environ...))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	said := func(what string) {
		t.Helper()
		e.await(20*time.Second, func() []string {
			if !strings.Contains(e.logText(), what) {
				return []string{"the log does not say " + what}
			}
			return nil
		})
	}
	if a, b := ask("first"), ask("second"); a != 200 || b != 401 {
		t.Errorf("before: first %d, second %d", a, b)
	}
	if got := from(); got != "the socket" {
		t.Errorf("before: the client's address comes from %s", got)
	}

	write(line("second"))
	reload <- again("MLC_TRUSTED_PROXIES=1", "MLC_LOG_LEVEL=debug", "MLC_LANE_CONCURRENCY=7")
	said("MLC_LANE_CONCURRENCY")
	if a, b := ask("first"), ask("second"); a != 401 || b != 200 {
		t.Errorf("after: first %d, second %d", a, b)
	}
	if got := from(); got != "the header" {
		t.Errorf("after: the client's address comes from %s", got)
	}
	if level.Level() != zap.DebugLevel {
		t.Errorf("after: the log level is %s", level.Level())
	}

	write("owner nonsense\n")
	reload <- again("MLC_LOG_LEVEL=error")
	said("the settings stay as they are")
	if a, b := ask("first"), ask("second"); a != 401 || b != 200 || level.Level() != zap.DebugLevel {
		t.Errorf("after a wrong file: first %d, second %d, level %s", a, b, level.Level())
	}
}
