package api_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
)

func TestWebhookAccepts(t *testing.T) {
	const bare = "/webhooks/netsuite/acme"
	cases := []struct {
		name, path, body  string
		header            []string
		accepted, ignored float64
		marks             int64
	}{
		{"secret in the query", hook, bill, nil, 1, 0, 1},
		{"secret in a header", bare, bill, []string{"X-Webhook-Secret", hookSecret}, 1, 0, 1},
		{"secret as bearer", bare, bill, []string{"Authorization", "Bearer " + hookSecret}, 1, 0, 1},
		{"bearer in lower case", bare, bill, []string{"Authorization", "bearer " + hookSecret}, 1, 0, 1},
		{"query before header", hook, bill, []string{"X-Webhook-Secret", otherSecret}, 1, 0, 1},
		{"event subscription", hook, `{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`, nil, 1, 0, 1},
		{"list", hook, `[{"type":"purchaseorder","id":"1"},{"type":"vendor","id":"2"}]`, nil, 2, 0, 2},
		{"same record twice is one entry", hook, `[{"type":"vendor","id":"2"},{"type":"vendor","id":"2"}]`, nil, 2, 0, 1},
		{"form", hook, "recordtype=purchaseorder&internalid=123", []string{"Content-Type", "application/x-www-form-urlencoded"}, 1, 0, 1},
		{"everything in the query", hook + "&recordtype=vendor&id=7", "", nil, 1, 0, 1},
		{"type that nobody syncs", hook, `{"recordType":"salesorder","id":"1"}`, nil, 0, 1, 0},
		{"type that this tenant does not sync", hook, `[{"type":"vendorcredit","id":"1"},{"type":"vendor","id":"2"}]`, nil, 1, 1, 1},
		{"identity is no encoding", hook, bill, []string{"Content-Encoding", "identity"}, 1, 0, 1},
		{"content type does not matter", hook, bill, []string{"Content-Type", "text/plain"}, 1, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			got := h.post(c.path, c.body, c.header...)
			if diff := cmp.Diff(map[string]any{"accepted": c.accepted, "ignored": c.ignored}, got.json(t)); got.status != http.StatusAccepted || diff != "" {
				t.Errorf("got %d, -want +got:\n%s", got.status, diff)
			}
			if n := h.waiting(); n != c.marks {
				t.Errorf("got %d marks, want %d", n, c.marks)
			}
			result := "accepted"
			if c.accepted == 0 {
				result = "ignored"
			}
			if n := h.metric("mlc_webhook_requests_total", "result", result); n != 1 {
				t.Errorf("counted %v as %s", n, result)
			}
			if n := h.metric("mlc_webhook_duration_seconds"); n != 1 {
				t.Errorf("timed %v, want 1", n)
			}
		})
	}
}

func TestWebhookMarks(t *testing.T) {
	h := open(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	h.post(hook, `{"recordType":"vendorbill","id":"48213","eventType":"delete"}`, "Traceparent", trace)
	h.post(hook, `{"recordType":"vendor","id":"5"}`, "Traceparent", strings.Repeat("x", 5000))
	turn, err := h.config.Queue.Claim(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	got, err := turn.Take(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var say []string
	for _, e := range got {
		say = append(say, fmt.Sprintf("%s %s %s %q", e.Ref, e.Source, e.Note, e.Trace))
	}
	want := []string{fmt.Sprintf("vendorbill:48213 webhook deleted %q", trace), `vendor:5 webhook changed ""`}
	if diff := cmp.Diff(want, say); diff != "" {
		t.Error(diff)
	}
}

func TestWebhookUnreadable(t *testing.T) {
	for _, body := range []string{"", "hello", "{", `{"id":"x"}`, `{"id":"1","id":"2","type":"vendor"}`, "\xff\xfe", "[]", `{"secret":"` + otherSecret + `"}`} {
		t.Run(body, func(t *testing.T) {
			h := open(t)
			got := h.post(hook, body)
			v := got.json(t)
			if shapes, _ := v["accepted_shapes"].([]any); got.status != http.StatusUnprocessableEntity || len(shapes) == 0 {
				t.Errorf("got %d %v", got.status, v)
			}
			wm, err := h.config.States.Tenant("acme").Watermarks(t.Context())
			if err != nil || wm["poll_now"] == "" {
				t.Errorf("no poll is asked for: %v, %v", wm, err)
			}
			if turn, err := h.config.Queue.Claim(t.Context(), "w"); turn == nil || err != nil {
				t.Errorf("the lane was not woken: %v", err)
			}
		})
	}
}

func TestWebhookRedisAway(t *testing.T) {
	t.Run("refuses", func(t *testing.T) {
		h := open(t)
		h.post(hook, bill) // the door remembers the tenant
		h.redis.SetError("LOADING Redis is loading the dataset in memory")
		for _, body := range []string{`{"recordType":"vendor","id":"1"}`, "not an event"} {
			got := h.post(hook, body)
			if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
				t.Errorf("got %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
			}
		}
		if got := h.post("/webhooks/netsuite/other?secret="+hookSecret, bill); got.status != http.StatusServiceUnavailable {
			t.Errorf("unknown tenant: got %d, want 503 as for a known one", got.status)
		}
		h.redis.SetError("")
		if n := h.metric("mlc_webhook_requests_total", "result", "unavailable"); n != 3 {
			t.Errorf("counted %v", n)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // takes connections and says nothing
		dead := redis.NewClient(&redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, MaxRetries: -1})
		defer func() { _ = dead.Close() }()
		h := open(t, func(c *api.Config) { c.Queue = queue.New(dead, queue.Options{}) })
		start := time.Now()
		if got := h.post(hook, bill); got.status != http.StatusServiceUnavailable {
			t.Errorf("got %d", got.status)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("took %s, want about a second", took)
		}
	})
}

func TestWebhookLaneFull(t *testing.T) {
	m := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
	defer func() { _ = rdb.Close() }()
	h := open(t, func(c *api.Config) { c.Queue = queue.New(rdb, queue.Options{Bound: 1}) })
	h.post(hook, `{"recordType":"vendor","id":"1"}`)
	h.post(hook, `{"recordType":"vendor","id":"2"}`)
	got := h.post(hook, `{"recordType":"vendor","id":"3"}`)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.json(t)["type"] != "urn:ml-connector:problem:queue-full" {
		t.Errorf("got %d %v %s", got.status, got.header, got.body)
	}
}

func TestWebhookElsewhere(t *testing.T) {
	cases := []struct {
		method, path string
		want         int
		allow        string
	}{
		{"GET", hook, 405, "POST"},
		{"PUT", hook, 405, "POST"},
		{"POST", "/", 404, ""},
		{"POST", "/webhooks/netsuite/", 404, ""},
		{"POST", "/webhooks/netsuite/acme/", 404, ""},
		{"POST", "/webhooks/netsuite/acme/" + hookSecret, 404, ""},
		{"POST", "/webhooks/shopify/acme?secret=" + hookSecret, 404, ""},
		{"GET", "/metrics", 404, ""},
		{"GET", "/livez", 404, ""},
		{"GET", "/api/v1/tenants", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
	}
	h := open(t)
	for _, c := range cases {
		got := h.do(h.request(c.method, h.pub.URL+c.path, ""))
		if got.status != c.want || got.header.Get("Allow") != c.allow || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: got %d %v", c.method, c.path, got.status, got.header)
		}
	}
}

func TestWebhookLine(t *testing.T) {
	h := open(t)
	h.post(hook, bill, "X-Request-Id", "from-the-sender.1")
	h.post(hook, `{"key \u2028\u001b[31m\n":1}`, "X-Request-Id", "bad id\u2028")
	h.post("/webhooks/netsuite/in%0Avented?secret="+otherSecret, bill)
	h.group.Wait()
	lines := strings.Split(strings.TrimSpace(h.log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("got %d lines, want one for each post:\n%s", len(lines), h.log)
	}
	var all []map[string]any
	for _, l := range lines {
		var v map[string]any
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		for _, k := range []string{"request_id", "remote_ip", "route", "outcome", "accepted", "ignored", "duration_ms"} {
			if _, ok := v[k]; !ok {
				t.Errorf("no %s in %s", k, l)
			}
		}
		all = append(all, v)
	}
	if all[0]["request_id"] != "from-the-sender.1" || all[0]["tenant"] != "acme" || all[0]["outcome"] != "accepted" || all[0]["remote_ip"] != "127.0.0.1" || all[0]["route"] != "/webhooks/netsuite/{tenant}" {
		t.Errorf("got %v", all[0])
	}
	if all[1]["outcome"] != "unreadable" || strings.Contains(fmt.Sprint(all[1]["request_id"]), "bad") {
		t.Errorf("got %v", all[1])
	}
	if all[2]["outcome"] != "unknown_tenant" || all[2]["tenant"] != nil || strings.Contains(lines[2], "vented") {
		t.Errorf("a stranger's word is in the log: %v", all[2])
	}
}
