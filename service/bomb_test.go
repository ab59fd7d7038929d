package service_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/tenant"
)

// How much the heap and the process may grow while an upstream sends a
// decompression bomb of 10 GB: a few times the 16 MiB that a client keeps of an
// answer, for what is not collected yet, and more for the race detector's
// shadow of it.
const (
	upstreamBombs = 96 << 20
	bombsResident = 256 << 20
)

// An answer of a few bytes that unpacks without end is cut at a limit of
// decoded bytes, whatever it claims to be, and memory stays bounded.
func TestGzipBombsOfUpstreams(t *testing.T) {
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	inner := atomic.Pointer[byte]{} // what the bombs are filled with
	var wire atomic.Int64
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		head, body := packed(*inner.Load())
		if _, err := w.Write(head); err != nil {
			return
		}
		for range 10_000 { // of a MiB each, unpacked
			n, err := w.Write(body)
			if wire.Add(int64(n)); err != nil || r.Context().Err() != nil {
				return
			}
		}
	}
	token := true
	ns := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token && strings.HasSuffix(r.URL.Path, "/token") {
			world.NetSuite.ServeHTTP(w, r)
			return
		}
		bomb(w, r)
	}))
	t.Cleanup(ns.Close)
	c7 := httptest.NewServer(http.HandlerFunc(bomb))
	t.Cleanup(c7.Close)
	tn, creds, err := tenant.ParseYAML([]byte(world.Tenant(tenantID, ns.URL, c7.URL, "INVOICE")), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		t.Fatal(err)
	}
	netsuite := func(ctx context.Context) error {
		c, err := handlers.NetSuiteClient(tn, creds, handlers.Transports{}, nil, nil)
		if err != nil {
			return err
		}
		_, err = c.Query(ctx, "bomb", "SELECT id FROM vendor")
		return err
	}
	cases := []struct {
		name  string
		token bool // NetSuite gives a token first
		call  func(ctx context.Context) error
	}{
		{"NetSuite's rows", true, netsuite},
		{"NetSuite's token", false, netsuite},
		{"Cin7's list", false, func(ctx context.Context) error {
			c, err := handlers.Cin7Client(tn, creds, handlers.Transports{}, nil, nil, nil, nil)
			if err != nil {
				return err
			}
			_, err = c.Accounts(ctx)
			return err
		}},
	}
	for _, c := range cases {
		for _, fill := range []byte{' ', '[', '0'} {
			t.Run(c.name+" of "+string(fill), func(t *testing.T) {
				token = c.token
				inner.Store(&fill)
				wire.Store(0)
				var err error
				grown := soak.Grown(t, func() { err = c.call(t.Context()) })
				if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "longer than") {
					t.Errorf("got %v, want an answer that is too long", err)
				}
				if grown.Heap > upstreamBombs || grown.RSS > bombsResident {
					t.Errorf("the heap grew by %.0f MiB, the process by %.0f MiB", soak.MiB(grown.Heap), soak.MiB(grown.RSS))
				}
				if fill == ' ' {
					soak.Figure(t, "a gzip bomb of 10 GB: "+c.name, "cut; heap +%.0f MiB, resident +%.0f MiB at most", soak.MiB(grown.Heap), soak.MiB(grown.RSS))
				}
			})
		}
	}
}

// packed is the beginning of a gzip stream and a part of it that can be
// repeated for ever: a MiB of one byte.
func packed(fill byte) (head, body []byte) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	part := bytes.Repeat([]byte{fill}, 1<<20)
	_, _ = z.Write(part)
	_ = z.Flush()
	head = bytes.Clone(b.Bytes())
	// After a flush the stream is at a byte boundary. The second part refers
	// back to the same bytes, so that it fits behind itself too.
	b.Reset()
	_, _ = z.Write(part)
	_ = z.Flush()
	return head, bytes.Clone(b.Bytes())
}
