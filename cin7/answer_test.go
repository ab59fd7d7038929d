package cin7

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table of answer.go: every row, by every status and shape of body that
// falls under it.
func TestVerdict(t *testing.T) {
	const limit = `[{"ErrorCode":400,"Exception":"You have reached 60 calls per 60 seconds API limit."}]`
	const words = `[{"ErrorCode":400,"Exception":"a"}]`
	const html = "<html>Page not found</html>"
	gone := errors.New("connection reset")
	cases := []struct {
		name    string
		row     string
		status  int
		body    string
		after   string
		cut     error
		failed  error
		sent    bool
		kind    error // nil: success so far
		applied Applied
		wait    time.Duration
		message string
	}{
		{name: "no connection", row: "not sent", failed: gone, kind: ErrUnavailable, applied: NotApplied, message: ""},
		{name: "connection lost", row: "no answer", failed: gone, sent: true, kind: ErrUnavailable, applied: Unknown},
		{name: "success", row: "success", status: 200, body: `{"ID":"1"}`},
		{name: "201", row: "success", status: 201, body: `{"ID":"1"}`},
		{name: "the words of the limit inside a document", row: "success", status: 200, body: `{"ID":"1","Note":"You have reached 60 calls per 60 seconds"}`},
		{name: "no content", row: "no content", status: 204},
		{name: "429", row: "over the limit, in its words or by 429", status: 429, after: "30", kind: ErrLimited, applied: NotApplied, wait: 30 * time.Second},
		{name: "429 with number and word", row: "over the limit, in its words or by 429", status: 429, after: "60 Seconds", kind: ErrLimited, applied: NotApplied, wait: time.Minute},
		{name: "503 with the limit text", row: "over the limit, in its words or by 429", status: 503, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "503 with the limit in HTML", row: "over the limit, in its words or by 429", status: 503, body: "<p>You have reached 60 calls per 60 seconds", kind: ErrLimited, applied: NotApplied},
		{name: "limit text as 400", row: "over the limit, in its words or by 429", status: 400, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "limit text as 200", row: "over the limit, in its words or by 429", status: 200, body: limit, kind: ErrLimited, applied: NotApplied},
		{name: "503 may be an outage", row: "503 without the words of the limit", status: 503, kind: ErrLimited, applied: Unknown},
		{name: "503 as HTML", row: "503 without the words of the limit", status: 503, body: html, after: "5", kind: ErrLimited, applied: Unknown, wait: 5 * time.Second},
		{name: "403", row: "credentials", status: 403, body: `"Incorrect credentials!"`, kind: ErrCredentials, applied: NotApplied},
		{name: "401", row: "credentials", status: 401, kind: ErrCredentials, applied: NotApplied},
		{name: "404", row: "not found", status: 404, body: `[{"ErrorCode":404,"Exception":"Category not found."}]`, kind: ErrNotFound, applied: NotApplied, message: "Category not found."},
		{name: "404 as HTML", row: "not found", status: 404, body: html, kind: ErrNotFound, applied: NotApplied},
		{name: "400 list", row: "refused", status: 400, body: `[{"ErrorCode":400,"Exception":"a"},{"ErrorCode":400,"Exception":"b"}]`, kind: ErrRefused, applied: NotApplied, message: "a; b"},
		{name: "400 bare object", row: "refused", status: 400, body: `{"ErrorCode":400,"Exception":"a"}`, kind: ErrRefused, applied: NotApplied, message: "a"},
		{name: "400 as HTML", row: "refused", status: 400, body: html, kind: ErrRefused, applied: NotApplied},
		{name: "405", row: "refused", status: 405, body: `{"Message":"no PUT"}`, kind: ErrRefused, applied: NotApplied, message: "no PUT"},
		{name: "408: somebody gave up waiting", row: "another 4xx", status: 408, kind: ErrRefused, applied: Unknown},
		{name: "409", row: "another 4xx", status: 409, body: words, kind: ErrRefused, applied: Unknown, message: "a"},
		{name: "499", row: "another 4xx", status: 499, kind: ErrRefused, applied: Unknown},
		{name: "302", row: "neither success nor error", status: 302, kind: ErrUnavailable, applied: Unknown},
		{name: "307", row: "neither success nor error", status: 307, kind: ErrUnavailable, applied: Unknown},
		{name: "500", row: "5xx", status: 500, kind: ErrUnavailable, applied: Unknown},
		{name: "500 with words", row: "5xx", status: 500, body: words, kind: ErrUnavailable, applied: Unknown, message: "a"},
		{name: "502", row: "5xx", status: 502, body: html, kind: ErrUnavailable, applied: Unknown},
		{name: "504", row: "5xx", status: 504, kind: ErrUnavailable, applied: Unknown},
		{name: "cut short", row: "cut short", status: 200, body: `{"ID":`, cut: gone, kind: ErrUnavailable, applied: Unknown},
		{name: "whole JSON, but cut short", row: "cut short", status: 200, body: `{"ID":"1"}`, cut: gone, kind: ErrUnavailable, applied: Unknown},
		{name: "error body under 200", row: "an error body under success", status: 200, body: words, kind: ErrRefused, applied: Unknown, message: "a"},
		{name: "bare error body under 200", row: "an error body under success", status: 200, body: `{"ErrorCode":500,"Exception":"a"}`, kind: ErrRefused, applied: Unknown, message: "a"},
		{name: "empty", row: "empty", status: 200, kind: ErrUnavailable, applied: Unknown},
		{name: "white space", row: "empty", status: 200, body: " \r\n", kind: ErrUnavailable, applied: Unknown},
		{name: "half JSON", row: "not JSON", status: 200, body: `{"ID":`, kind: ErrUnavailable, applied: Unknown},
		{name: "HTML", row: "not JSON", status: 200, body: html, kind: ErrUnavailable, applied: Unknown},
	}
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.row] = true
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			if c.after != "" {
				h.Set("Retry-After", c.after)
			}
			a := answer{op: "x", status: c.status, header: h, body: []byte(c.body), cut: c.cut, failed: c.failed, sent: c.sent}
			if got := a.row().name; got != c.row {
				t.Errorf("falls under %q, want %q", got, c.row)
			}
			e := a.verdict()
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
	for _, r := range rows {
		if !seen[r.name] {
			t.Errorf("no case for the row %q", r.name)
		}
	}
}

// Whatever comes, the table has a row for it, and only what cannot have been
// executed is called not applied.
func TestVerdictIsTotal(t *testing.T) {
	sure := []int{400, 401, 403, 404, 405, 429}
	for status := 100; status < 1000; status++ {
		for _, body := range []string{"", "{}", "<html>", `[{"ErrorCode":1,"Exception":"a"}]`, `{"Message":"a"}`, `{"ID":`} {
			e := answer{op: "x", status: status, header: http.Header{}, body: []byte(body)}.verdict()
			if e == nil && (status < 200 || status > 299) {
				t.Fatalf("status %d with %q is a success", status, body)
			}
			if e != nil && e.Applied == NotApplied && !slices.Contains(sure, status) {
				t.Fatalf("status %d with %q is called not applied", status, body)
			}
		}
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
