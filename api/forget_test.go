package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/ml-connector/ml-connector/api"
)

// What goes on behind the answer, and whoever keeps a line of the log, holds a
// request that has forgotten the secret it showed.
func TestRequestForgetsItsSecret(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	h := open(t, func(c *api.Config) { c.Log = zap.New(core) })
	for want, path := range map[int]string{http.StatusAccepted: hook, http.StatusUnauthorized: strings.Replace(hook, "acme", "nobody", 1)} {
		if got := h.post(path, bill); got.status != want {
			t.Errorf("%s: got %d, want %d", path, got.status, want)
		}
	}
	lines := logs.FilterMessage("webhook").All()
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2", len(lines))
	}
	for _, line := range lines {
		for _, f := range line.Context {
			if strings.Contains(fmt.Sprintf("%+v", f.Interface), hookSecret) {
				t.Errorf("%q holds the secret", f.Key)
			}
		}
	}
}
