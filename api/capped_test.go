package api_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/soak"
)

// door serves the public listener as the service does, with room for n.
func (h *house) door(n int) string {
	h.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(h.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	s := api.Server(h.pub.Config.Handler, h.config.Log)
	go func() { _ = s.Serve(api.Capped(l, n)) }()
	h.t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// cut waits until the other side closed the connection.
func cut(c net.Conn) bool {
	_, err := io.Copy(io.Discard, c)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestConnectionsAreCapped(t *testing.T) {
	h := open(t)
	addr := h.door(3)
	ask := func(c net.Conn) string {
		if _, err := io.WriteString(c, "POST "+hook+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return ""
		}
		b := make([]byte, 12)
		_, _ = io.ReadFull(c, b)
		return string(b)
	}
	var held []net.Conn
	for range 3 {
		c := dial(t, addr)
		if got := ask(c); got != "HTTP/1.1 422" {
			t.Fatalf("got %q", got)
		}
		held = append(held, c)
	}
	if c := dial(t, addr); !cut(c) {
		t.Error("a fourth connection was held")
	}
	_ = held[0].Close()
	for range 1000 { // the place is free once the server has noticed
		if ask(dial(t, addr)) == "HTTP/1.1 422" {
			return
		}
	}
	t.Error("the place of a closed connection is not given again")
}

// Connections that send half a header and stop do not keep good traffic from
// being answered, and all of them are cut.
func TestSlowConnections(t *testing.T) {
	h := open(t)
	addr := h.door(api.MaxConnections)
	n := soak.N(300, 5000)
	slow := make([]net.Conn, n)
	grown := soak.Grown(t, func() { h.slowly(addr, slow) })
	allCut(t, slow)
	if grown.Heap > 32<<20+int64(n)*slowEach {
		t.Errorf("the heap grew by %.0f MiB for %d connections", soak.MiB(grown.Heap), n)
	}
	soak.Figure(t, "slow connections: memory", "heap +%.1f MiB, resident +%.1f MiB at most, the other ends' sockets included", soak.MiB(grown.Heap), soak.MiB(grown.RSS))
	if strings.Contains(h.log.String(), hookSecret) {
		t.Error("the log shows the secret of a connection that was cut")
	}
}

// held is what the process holds after its garbage is collected.
func held() (heap, stacks int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// slowEach is how much of the heap a slow connection may cost beside what the
// good traffic does, garbage included: net/http's buffers are 8 KB of it. As no
// more than api.MaxConnections are held, that bounds all of them.
const slowEach = 40 << 10

// slowly fills slow with connections that send half a header, and sends good
// traffic beside them.
func (h *house) slowly(addr string, slow []net.Conn) {
	t, n := h.t, len(slow)
	t.Helper()
	heap, stacks := held()
	for i := range slow {
		slow[i] = dial(t, addr)
		if _, err := io.WriteString(slow[i], "POST "+hook+" HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	moreHeap, moreStacks := held()
	soak.Figure(t, "slow connections: held memory", "heap +%.1f MiB and stacks +%.1f MiB without garbage, %d bytes each, the other ends' sockets included",
		soak.MiB(moreHeap-heap), soak.MiB(moreStacks-stacks), (moreHeap-heap+moreStacks-stacks)/int64(n))
	good := 300
	took := make([]time.Duration, 0, good)
	for range good {
		start := time.Now()
		req := h.request(http.MethodPost, "http://"+addr+hook, bill)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		took = append(took, time.Since(start))
		if res.StatusCode != http.StatusAccepted {
			t.Fatalf("good traffic: got %d", res.StatusCode)
		}
	}
	slices.Sort(took)
	soak.Figure(t, "slow connections", "%d held, good traffic p50 %s p99 %s of %d", n, took[good/2], took[good*99/100], good)
}

// allCut waits until each of the slow connections is cut.
func allCut(t *testing.T, slow []net.Conn) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	open := 0
	for _, c := range slow {
		group.Go(func() {
			if !cut(c) {
				mu.Lock()
				open++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if open != 0 {
		t.Errorf("%d of %d slow connections were not cut", open, len(slow))
	}
	soak.Figure(t, "slow connections: cut", "%d of %d", len(slow)-open, len(slow))
}
