package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/ml-connector/ml-connector/api"
)

func notReady(c *api.Config) {
	c.Ready = func(context.Context) []api.Check {
		return []api.Check{{Name: "redis", Detail: "connection refused", Fix: "start it"}, {Name: "not stopping", OK: true}}
	}
}

func TestReadiness(t *testing.T) {
	for _, path := range []string{"/readyz", "/readyz?verbose"} {
		h := open(t)
		if got := h.call(http.MethodGet, path, ""); got.status != http.StatusOK {
			t.Errorf("%s: got %d", path, got.status)
		}
	}
	if got := open(t).call(http.MethodGet, "/livez", ""); got.status != http.StatusOK || string(got.body) != "ok\n" {
		t.Errorf("livez: got %d %q", got.status, got.body)
	}
	h := open(t, notReady)
	if got := h.call(http.MethodGet, "/readyz", ""); got.status != http.StatusServiceUnavailable || string(got.body) != "not ready\n" {
		t.Errorf("got %d %q", got.status, got.body)
	}
	v := h.call(http.MethodGet, "/readyz?verbose", "").json(t)
	if checks, _ := v["checks"].([]any); v["status"] != "not ready" || len(checks) != 2 {
		t.Errorf("got %v", v)
	}
}
