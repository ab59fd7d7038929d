package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const unprocessed = "Invalid search query. Detailed unprocessed description follows. Search error occurred: "

func TestQueryErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		reply  reply
		kind   error
		code   string
		detail string // part
		remedy string // part
		tries  int
	}{
		{"table hidden", problem(400, "INVALID_PARAMETER", unprocessed+"Record 'vendor' was not found."), ErrHidden, "INVALID_PARAMETER", "Record 'vendor'", `may not see "vendor"`, 1},
		{"column unknown", problem(400, "INVALID_PARAMETER", unprocessed+"Unknown identifier 'subsidiary'. Available identifiers are: {transaction=transaction}"), ErrHidden, "INVALID_PARAMETER", "subsidiary", `column "subsidiary"`, 1},
		{"column not for this channel", problem(400, "INVALID_PARAMETER", unprocessed+"Field 'x' for record 'y' was not found. Reason: NOT_EXPOSED"), ErrHidden, "INVALID_PARAMETER", "NOT_EXPOSED", `column "x"`, 1},
		{"table unknown", problem(400, "INVALID_PARAMETER", "Invalid search query. Detailed unprocessed description follows. Invalid search type: xyz."), ErrQuery, "INVALID_PARAMETER", "xyz", `no table "xyz"`, 1},
		{"unsupported", problem(400, "INVALID_PARAMETER", unprocessed+"Invalid or unsupported search."), ErrQuery, "INVALID_PARAMETER", "unsupported", "", 1},
		{"header refused", reply{status: 400, body: `{"title":"Bad Request","o:errorDetails":[{"detail":"Missing.","o:errorHeader":"Prefer","o:errorCode":"INVALID_HEADER"}]}`}, ErrQuery, "INVALID_HEADER", "Missing. (header Prefer)", "", 1},
		{"the telling entry comes second", reply{status: 400, body: `{"o:errorDetails":[{"detail":"Bad."},{"detail":"Record 'account' was not found.","o:errorCode":"B"}]}`}, ErrHidden, "B", "Bad.; Record", `"account"`, 1},
		{"title alone", reply{status: 409, body: `{"title":"Conflict"}`}, ErrQuery, "", "Conflict", "", 1},
		{"no permission", problem(403, "INSUFFICIENT_PERMISSION", "No."), ErrForbidden, "INSUFFICIENT_PERMISSION", "No.", "REST Web Services", 1},
		{"wrong path", reply{status: 404, body: "<html>"}, ErrQuery, "", "not JSON", "base_url", 1},
		{"over the limit", problem(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked."), ErrLimited, "CONCURRENCY_LIMIT_EXCEEDED", "blocked", "", tries},
		{"500", problem(500, "UNEXPECTED_ERROR", "An unexpected error occurred."), ErrUnavailable, "UNEXPECTED_ERROR", "unexpected", "", tries},
		{"HTML 502", reply{status: 502, body: "<html>Bad Gateway</html>"}, ErrUnavailable, "", "not JSON, as in maintenance", "", tries},
		{"HTML 503", reply{status: 503, body: "<html>maintenance</html>"}, ErrUnavailable, "", "not JSON", "", tries},
		{"504 without a body", reply{status: 504}, ErrUnavailable, "", "not JSON", "", tries},
		{"redirect", reply{status: 302, header: http.Header{"Location": {"https://elsewhere.example/"}}}, ErrUnavailable, "", "", "does not redirect", tries},
		{"HTML 200", reply{body: "<html>maintenance</html>"}, ErrUnavailable, "", "", "", tries},
		{"cut short", reply{body: `{"items":[{"id":"1"}`}, ErrUnavailable, "", "", "", tries},
		{"no items", reply{body: `{"count":0}`}, ErrUnavailable, "", "", "", tries},
		{"a list in a row", reply{body: `{"items":[{"id":["1"]}]}`}, ErrUnavailable, "", "", "", tries},
		{"no answer", reply{err: errors.New("connection reset by peer")}, ErrUnavailable, "", "", "", tries},
		{"endless", reply{stream: endless{}}, ErrUnavailable, "", "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{query: func(int, string) reply { return c.reply }}
				cl, _ := dial(t, u)
				e := asError(t, ping(t.Context(), cl), c.kind)
				if e.Operation != "test" || e.Code != c.code || !strings.Contains(e.Detail, c.detail) || !strings.Contains(e.Remedy, c.remedy) {
					t.Errorf("got %+v", e)
				}
				if tokens, statements := u.counts(); tokens != 1 || statements != c.tries {
					t.Errorf("got %d tokens, %d statements, want 1, %d", tokens, statements, c.tries)
				}
			})
		})
	}
}

func TestRetry(t *testing.T) {
	for _, c := range []struct {
		name            string
		header          string // Retry-After
		fail            int
		tries           int
		atLeast, atMost time.Duration
		ok              bool
	}{
		{"away twice", "", 2, 3, 1500 * time.Millisecond, 2250 * time.Millisecond, true},
		{"away for good", "", 99, tries, 3500 * time.Millisecond, 5250 * time.Millisecond, false},
		{"as long as asked", "7", 1, 2, 7 * time.Second, 10500 * time.Millisecond, true},
		{"until a date", "Sat, 01 Jan 2000 00:00:05 GMT", 1, 2, 5 * time.Second, 7500 * time.Millisecond, true},
		{"longer than a read waits", "60", 1, 1, 0, 0, false},
		{"nonsense asked", "soon", 1, 2, 500 * time.Millisecond, 750 * time.Millisecond, true},
		{"negative", "-5", 1, 2, 500 * time.Millisecond, 750 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time starts at 2000-01-01
				u := &upstream{query: func(n int, _ string) reply {
					if n > c.fail {
						return reply{}
					}
					return reply{status: 503, body: "<html>", header: http.Header{"Retry-After": {c.header}}}
				}}
				cl, _ := dial(t, u)
				start := time.Now()
				err := ping(t.Context(), cl)
				if c.ok != (err == nil) {
					t.Errorf("got %v", err)
				}
				if !c.ok {
					if e := asError(t, err, ErrUnavailable); c.header == "60" && e.RetryAfter != time.Minute {
						t.Errorf("got %v, want a minute", e.RetryAfter)
					}
				}
				elapsed(t, start, c.atLeast, c.atMost)
				if _, n := u.counts(); n != c.tries {
					t.Errorf("sent %d times, want %d", n, c.tries)
				}
			})
		})
	}
}

func TestGivenUp(t *testing.T) {
	t.Run("while waiting to try again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{query: func(int, string) reply { return reply{status: 503, header: http.Header{"Retry-After": {"9"}}} }}
			c, _ := dial(t, u)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if err := ping(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			elapsed(t, start, time.Second, time.Second)
		})
	})
	t.Run("while asked", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{query: func(int, string) reply { pass(2 * time.Second); return reply{} }}
			c, _ := dial(t, u)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var e *Error
			if err := ping(ctx, c); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) {
				t.Errorf("got %v, want the caller's deadline and no fault of NetSuite", err)
			}
		})
	})
	t.Run("a request that hangs is not followed by another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{}
			u.query = func(int, string) reply { pass(requestTimeout + time.Second); return reply{} }
			c, _ := dial(t, u)
			_ = asError(t, ping(t.Context(), c), ErrUnavailable)
			if _, n := u.counts(); n != 1 {
				t.Errorf("sent %d times, want 1", n)
			}
		})
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		u := &upstream{query: func(int, string) reply {
			most.Store(max(most.Load(), now.Add(1)))
			pass(time.Second)
			now.Add(-1)
			return reply{}
		}}
		c, _ := dial(t, u, func(c *Config) { c.MaxConcurrency = 3 })
		start := time.Now()
		var wg sync.WaitGroup
		for range 9 {
			wg.Go(func() {
				if err := ping(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most.Load() != 3 {
			t.Errorf("got %d at once, want 3", most.Load())
		}
		elapsed(t, start, 3*time.Second, 3*time.Second)
	})
}

func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		u := &upstream{query: func(n int, _ string) reply {
			pass(time.Second)
			if n == 1 {
				return reply{status: 503}
			}
			return reply{}
		}}
		c, _ := dial(t, u, func(c *Config) {
			c.Observe = func(operation string, status int, took time.Duration) {
				got = append(got, fmt.Sprint(operation, " ", status, " ", took))
			}
		})
		if err := ping(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, []string{"token 200 0s", "test 503 1s", "test 200 1s"}); d != "" {
			t.Errorf("(-got +want)\n%s", d)
		}
	})
}
