package api

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// readyTimeout ends the checks before a probe gives up.
const readyTimeout = 2 * time.Second

func allOK(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.Failed() })
}

// livez says that the process runs, and nothing else: a restart mends nothing
// that lies outside of it.
func (a *ops) livez(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyz says whether this process can do its work. A tenant whose upstream
// is down does not make the process unready.
func (a *ops) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	checks := a.c.Ready(ctx)
	status, word := http.StatusOK, "ok"
	if !allOK(checks) {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	if r.URL.Query().Has("verbose") {
		writeJSON(w, status, map[string]any{"status": word, "checks": checks})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(word + "\n"))
}

func (a *ops) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(a.c.Spec)
}
