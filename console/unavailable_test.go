package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// TestRedisAway: a page says what is away and what to do, not which address
// could not be dialled.
func TestRedisAway(t *testing.T) {
	srv := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: srv.Addr(), MaxRetries: -1})
	defer func() { _ = rdb.Close() }()
	h := open(t, func(h *house) { h.move(rdb) })
	p := h.as(operatorToken)
	p.page("/console/t/acme/records")
	addr := srv.Addr()
	srv.Close()
	for _, path := range []string{"/console/", "/console/t/acme/", "/console/t/acme/records"} {
		status, body, _ := p.get(path)
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "ml-connector doctor") || strings.Contains(body, "dial") || strings.Contains(body, addr) {
			t.Errorf("GET %s: got %d, want 503 with a remedy and no address\n%s", path, status, body)
		}
	}
	if status, body, _ := p.post("/console/t/acme/pause", url.Values{}); status != http.StatusServiceUnavailable || strings.Contains(body, addr) {
		t.Errorf("POST: got %d\n%s", status, body)
	}
}
