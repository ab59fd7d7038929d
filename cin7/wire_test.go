package cin7_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
)

// writes are all calls of the client that change something.
var writes = map[string]func(ctx context.Context, c *cin7.Client) error{
	"CreateSupplier": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.CreateSupplier(ctx, cin7.Supplier{Name: "A"})
		return err
	},
	"UpdateSupplier": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.UpdateSupplier(ctx, cin7.Supplier{ID: "1", Name: "A"})
		return err
	},
	"CreatePurchase": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.CreatePurchase(ctx, cin7.NewPurchase{})
		return err
	},
	"UpdatePurchase": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.UpdatePurchase(ctx, cin7.UpdatePurchase{})
		return err
	},
	"DeletePurchase": func(ctx context.Context, c *cin7.Client) error { return c.DeletePurchase(ctx, "1", true) },
	"PostOrder": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PostOrder(ctx, cin7.NewOrder{})
		return err
	},
	"PostInvoice": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PostInvoice(ctx, cin7.NewInvoice{})
		return err
	},
	"DeleteInvoice": func(ctx context.Context, c *cin7.Client) error { return c.DeleteInvoice(ctx, "1", false) },
	"PostStock": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PostStock(ctx, cin7.NewStock{})
		return err
	},
	"DeleteStock": func(ctx context.Context, c *cin7.Client) error { return c.DeleteStock(ctx, "1", false) },
	"PostPutAway": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PostPutAway(ctx, cin7.NewStock{})
		return err
	},
	"PutStock": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PutStock(ctx, cin7.NewStock{})
		return err
	},
	"PostCreditNote": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.PostCreditNote(ctx, cin7.NewCreditNote{Unstock: []cin7.Unstock{}})
		return err
	},
	"VoidCreditNote": func(ctx context.Context, c *cin7.Client) error { return c.VoidCreditNote(ctx, "1") },
	"CreateJournal": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.CreateJournal(ctx, cin7.Journal{})
		return err
	},
	"UpdateJournal": func(ctx context.Context, c *cin7.Client) error {
		_, err := c.UpdateJournal(ctx, cin7.Journal{TaskID: "1"})
		return err
	},
	"DeleteJournal": func(ctx context.Context, c *cin7.Client) error { return c.DeleteJournal(ctx, "1", false) },
}

// No write is missing from the list above.
func TestEveryWriteIsTriedOnTheWire(t *testing.T) {
	n := 0
	for _, op := range cin7.Operations() {
		for _, prefix := range []string{"create_", "update_", "delete_", "post_", "put_"} {
			if strings.HasPrefix(op, prefix) {
				n++
			}
		}
	}
	if n != len(writes) {
		t.Errorf("the client has %d writing operations, %d are tried here", n, len(writes))
	}
}

// Every way in which a call can end without a whole answer, on a real
// connection, for every write: what is called "not applied" has not reached
// the server, and nothing is sent twice.
func TestWritesOnTheWire(t *testing.T) {
	says := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const jsonType, htmlType, page = "application/json", "text/html", "<html><h1>Page not found</h1></html>"
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	shapes := []struct {
		name    string
		serve   http.HandlerFunc
		applied cin7.Applied
		kind    error
	}{
		{"close before the answer", abort, cin7.Unknown, cin7.ErrUnavailable},
		{"reset", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		}, cin7.Unknown, cin7.ErrUnavailable},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, cin7.Unknown, cin7.ErrUnavailable},
		{"less than Content-Length says", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"ID":"1"}`)
			panic(http.ErrAbortHandler)
		}, cin7.Unknown, cin7.ErrUnavailable},
		{"chunks without an end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ID":"1"}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, cin7.Unknown, cin7.ErrUnavailable},
		{"half JSON", says(200, jsonType, `{"ID":"1","Suppl`), cin7.Unknown, cin7.ErrUnavailable},
		{"200 with HTML", says(200, htmlType, page), cin7.Unknown, cin7.ErrUnavailable},
		{"200 with nothing", says(200, jsonType, ""), cin7.Unknown, cin7.ErrUnavailable},
		{"200 with an error", says(200, jsonType, `[{"ErrorCode":400,"Exception":"Unexpected error"}]`), cin7.Unknown, cin7.ErrRefused},
		{"302", says(302, htmlType, page), cin7.Unknown, cin7.ErrUnavailable},
		{"400", says(400, jsonType, `[{"ErrorCode":400,"Exception":"Lines is invalid"}]`), cin7.NotApplied, cin7.ErrRefused},
		{"400 with the limit", says(400, jsonType, `[{"ErrorCode":400,"Exception":"You have reached 60 calls per 60 seconds API limit."}]`), cin7.NotApplied, cin7.ErrLimited},
		{"403", says(403, jsonType, `{"ErrorCode":403,"Exception":"Incorrect credentials!"}`), cin7.NotApplied, cin7.ErrCredentials},
		{"404", says(404, htmlType, page), cin7.NotApplied, cin7.ErrNotFound},
		{"429", says(429, jsonType, ""), cin7.NotApplied, cin7.ErrLimited},
		{"500", says(500, jsonType, `[{"ErrorCode":500,"Exception":"Unexpected error"}]`), cin7.Unknown, cin7.ErrUnavailable},
		{"502", says(502, htmlType, page), cin7.Unknown, cin7.ErrUnavailable},
		{"503 with the limit", says(503, jsonType, `[{"ErrorCode":503,"Exception":"You have reached 60 calls per 60 seconds API limit."}]`), cin7.NotApplied, cin7.ErrLimited},
		{"503 with HTML", says(503, htmlType, page), cin7.Unknown, cin7.ErrLimited},
		{"504", says(504, htmlType, page), cin7.Unknown, cin7.ErrUnavailable},
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				s.serve(w, r)
			}))
			server.Config.ErrorLog = nil
			server.Start()
			defer server.Close()
			timeout := 20 * time.Second
			if s.name == "no answer in time" {
				timeout = 200 * time.Millisecond
			}
			c := client(t, server.URL, func(c *cin7.Config) { c.Timeout = timeout })
			for name, send := range writes {
				before := arrived.Load()
				err := send(t.Context(), c)
				var ce *cin7.Error
				if !errors.As(err, &ce) || ce.Applied != s.applied || !errors.Is(err, s.kind) {
					t.Errorf("%s: got %v, want %v with verdict %v", name, err, s.kind, s.applied)
				}
				// A connection that times out while it is made has sent nothing.
				if n := arrived.Load() - before; n != 1 && s.name != "no answer in time" || n > 1 {
					t.Errorf("%s: %d requests arrived for one call", name, n)
				}
			}
		})
	}
}

// No byte of a call leaves us before the connection stands: a dial or a TLS
// handshake that fails has applied nothing.
func TestNothingIsSentBeforeTheConnectionStands(t *testing.T) {
	var arrived atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	untrusted := httptest.NewTLSServer(count)
	defer untrusted.Close()
	plain := httptest.NewServer(count)
	defer plain.Close()
	old := httptest.NewUnstartedServer(count)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	for name, url := range map[string]string{
		"nobody listens":            "http://127.0.0.1:1",
		"no such name":              "http://cin7.invalid",
		"a certificate of nobody's": untrusted.URL,
		"no TLS on the other side":  "https" + plain.URL[len("http"):],
		"too old a TLS":             old.URL,
	} {
		for call, send := range writes {
			err := send(t.Context(), client(t, url))
			var ce *cin7.Error
			if !errors.As(err, &ce) || ce.Applied != cin7.NotApplied {
				t.Errorf("%s, %s: got %v", name, call, err)
			}
		}
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}
