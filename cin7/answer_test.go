package cin7

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The table of answer.go, row by row.
func TestVerdict(t *testing.T) {
	const limit = `[{"ErrorCode":400,"Exception":"You have reached 60 calls per 60 seconds API limit."}]`
	cases := []struct {
		name    string
		status  int
		body    string
		after   string
		cut     error
		kind    error // nil: success so far
		applied Applied
		wait    time.Duration
		message string
	}{
		{name: "success", status: 200, body: `{"ID":"1"}`},
		{name: "no content", status: 204},
		{name: "429", status: 429, after: "30", kind: ErrLimited, applied: NotApplied, wait: 30 * time.Second},
		{name: "429 with number and word", status: 429, after: "60 Seconds", kind: ErrLimited, applied: NotApplied, wait: time.Minute},
		{name: "503 without the limit text may be an outage", status: 503, kind: ErrLimited, applied: Unknown},
		{name: "503 with the limit text", status: 503, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "limit text as 400", status: 400, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "limit text as 200", status: 200, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "403", status: 403, body: `"Incorrect credentials!"`, kind: ErrCredentials, applied: NotApplied},
		{name: "401", status: 401, kind: ErrCredentials, applied: NotApplied},
		{name: "404", status: 404, body: `[{"ErrorCode":404,"Exception":"Category not found."}]`, kind: ErrNotFound, applied: NotApplied, message: "Category not found."},
		{name: "400 list", status: 400, body: `[{"ErrorCode":400,"Exception":"a"},{"ErrorCode":400,"Exception":"b"}]`, kind: ErrRefused, applied: NotApplied, message: "a; b"},
		{name: "400 bare object", status: 400, body: `{"ErrorCode":400,"Exception":"a"}`, kind: ErrRefused, applied: NotApplied, message: "a"},
		{name: "405", status: 405, body: `{"Message":"no PUT"}`, kind: ErrRefused, applied: NotApplied, message: "no PUT"},
		{name: "error body under 200", status: 200, body: `[{"ErrorCode":400,"Exception":"a"}]`, kind: ErrRefused, applied: NotApplied, message: "a"},
		{name: "redirect", status: 302, kind: ErrUnavailable, applied: NotApplied},
		{name: "307", status: 307, kind: ErrUnavailable, applied: NotApplied},
		{name: "500", status: 500, kind: ErrUnavailable, applied: Unknown},
		{name: "502", status: 502, body: "<html>", kind: ErrUnavailable, applied: Unknown},
		{name: "504", status: 504, kind: ErrUnavailable, applied: Unknown},
		{name: "cut short", status: 200, body: `{"ID":`, cut: errors.New("unexpected EOF"), kind: ErrUnavailable, applied: Unknown},
		{name: "empty", status: 200, kind: ErrUnavailable, applied: Unknown},
		{name: "half JSON", status: 200, body: `{"ID":`, kind: ErrUnavailable, applied: Unknown},
		{name: "HTML", status: 200, body: "<html>Page not found</html>", kind: ErrUnavailable, applied: Unknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			if c.after != "" {
				h.Set("Retry-After", c.after)
			}
			e := answer{op: "x", write: true, status: c.status, header: h, body: []byte(c.body), cut: c.cut}.verdict()
			if c.kind == nil {
				if e != nil {
					t.Fatalf("got %v", e)
				}
				return
			}
			if e == nil || !errors.Is(e, c.kind) || e.Applied != c.applied || e.RetryAfter != c.wait {
				t.Fatalf("got %+v, want %v, applied %v, wait %v", e, c.kind, c.applied, c.wait)
			}
			if got := strings.Join(e.Messages, "; "); c.message != "" && got != c.message {
				t.Errorf("messages %q, want %q", got, c.message)
			}
		})
	}
}

func FuzzVerdict(f *testing.F) {
	f.Add(200, []byte(`[{"ErrorCode":400,"Exception":"a"}]`))
	f.Add(503, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := answer{op: "x", status: status, header: http.Header{}, body: body}.verdict()
		if e == nil && (status < 200 || status > 299) && status >= 300 {
			t.Fatalf("status %d is a success", status)
		}
		if e != nil && e.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}
