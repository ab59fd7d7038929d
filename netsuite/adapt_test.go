package netsuite

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// NetSuite may answer with an error of its own to a column that it does not
// have, without naming it: it is found by leaving columns out (contract 2.4).
func TestColumnsThatBreakTheAnswer(t *testing.T) {
	const q = "SELECT t.id{t.aa:, t.aa}{t.bb:, t.bb}{t.cc:, t.cc}{t.dd:, t.dd} FROM transaction t"
	broken := func(columns ...string) func(int, string) reply {
		return func(_ int, q string) reply {
			if slices.ContainsFunc(columns, func(c string) bool { return strings.Contains(q, c) }) {
				return problem(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: m4k2x9q1")
			}
			return reply{body: `{"items":[{"id":"7"}]}`}
		}
	}
	for _, c := range []struct {
		name  string
		query func(int, string) reply
		lacks []string
		fails bool
	}{
		{"one of four", broken("t.cc"), []string{"t.cc"}, false},
		{"two of four", broken("t.aa", "t.dd"), []string{"t.aa", "t.dd"}, false},
		{"all", broken("t.aa", "t.bb", "t.cc", "t.dd"), []string{"t.aa", "t.bb", "t.cc", "t.dd"}, false},
		{"none of them: another fault", broken("t.id"), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{query: c.query}
				cl, _ := dial(t, u)
				rows, err := cl.rows(t.Context(), "test", q)
				if (err != nil) != c.fails || !c.fails && len(rows) != 1 {
					t.Fatalf("got %d rows and %v, want failing %v", len(rows), err, c.fails)
				}
				if d := cmp.Diff(slices.Sorted(maps.Keys(cl.Refused())), c.lacks); d != "" {
					t.Errorf("columns left out (-got +want)\n%s", d)
				}
				if c.fails {
					return
				}
				before := len(u.asked)
				if _, err := cl.rows(t.Context(), "test", q); err != nil || len(u.asked) != before+1 {
					t.Errorf("the next read took %d statements and ended with %v", len(u.asked)-before, err)
				}
			})
		})
	}
}

// What an account lacks is told to the next client, and asked for again after
// a day.
func TestColumnsAreAskedForAgainAfterADay(t *testing.T) {
	const q = "SELECT t.id{t.terms:, t.terms} FROM transaction t"
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	u := &upstream{query: func(_ int, q string) reply {
		if strings.Contains(q, "terms") {
			return problem(400, "INVALID_PARAMETER", unprocessed+"Unknown identifier 'terms'. Available identifiers are: {t=t}")
		}
		return reply{}
	}}
	first, _ := dial(t, u)
	first.c.Now = func() time.Time { return now }
	read := func(c *Client) int {
		t.Helper()
		before := len(u.asked)
		if _, err := c.rows(t.Context(), "test", q); err != nil {
			t.Fatal(err)
		}
		return len(u.asked) - before
	}
	if n := read(first); n != 2 {
		t.Fatalf("%d statements, want 2", n)
	}
	next, _ := dial(t, u)
	next.c.Now = first.c.Now
	next.Refuse(first.Refused())
	if n := read(next); n != 1 {
		t.Errorf("told by another: %d statements, want 1", n)
	}
	now = now.Add(refusedFor)
	if n := read(next); n != 2 {
		t.Errorf("a day later: %d statements, want 2", n)
	}
	if n := read(next); n != 1 {
		t.Errorf("and again: %d statements, want 1", n)
	}
}

// HTTP/2 writes header names in lower case, and NetSuite was seen to refuse
// such a Prefer: the client goes over to HTTP/1.1 (contract 2.1).
func TestPreferUnderHTTP2(t *testing.T) {
	t.Parallel()
	var protos []string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == tokenPath {
			_, _ = w.Write([]byte(`{"access_token":"t","expires_in":3600,"token_type":"bearer"}`))
			return
		}
		protos = append(protos, r.Proto)
		if r.ProtoMajor == 2 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"title":"Bad Request","o:errorDetails":[{"detail":"Missing.","o:errorHeader":"Prefer","o:errorCode":"INVALID_HEADER"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"items":[{"id":"1"}]}`))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	tr, ok := s.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("not an *http.Transport")
	}
	like, _ := dial(t, &upstream{})
	cl, err := New(Config{AccountID: "1234567", BaseURL: s.URL, ClientID: "client", CertificateID: "cert", PrivateKeyPEM: like.c.PrivateKeyPEM, Transport: tr})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if rows, err := cl.Query(t.Context(), "test", "SELECT 1"); err != nil || len(rows) != 1 {
			t.Fatalf("got %d rows and %v", len(rows), err)
		}
	}
	if d := cmp.Diff(protos, []string{"HTTP/2.0", "HTTP/1.1", "HTTP/1.1"}); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
}
