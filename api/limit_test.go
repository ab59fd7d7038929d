package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/soak"
)

func TestWebhookBodyLimits(t *testing.T) {
	padded := func(n int) string { // a good event of n bytes
		const head, tail = `{"recordType":"vendorbill","id":"48213","memo":"`, `"}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	_ = z.Close()
	cases := []struct {
		name, body string
		header     []string
		chunked    bool
		want       int
		result     string
	}{
		{"at the limit", padded(4096), nil, false, 202, "accepted"},
		{"a byte over", padded(4097), nil, false, 413, "too_large"},
		{"far over", padded(1 << 20), nil, false, 413, "too_large"},
		{"chunked, at the limit", padded(4096), nil, true, 202, "accepted"},
		{"chunked, over", padded(1 << 20), nil, true, 413, "too_large"},
		{"gzip", bomb.String(), []string{"Content-Encoding", "gzip"}, false, 415, "content_encoding"},
		{"unknown encoding", bill, []string{"Content-Encoding", "x"}, false, 415, "content_encoding"},
		{"an encoding in a second line", bomb.String(), []string{"Content-Encoding", "identity", "+Content-Encoding", "gzip"}, false, 415, "content_encoding"},
		{"gzip that nobody announced", bomb.String(), nil, false, 422, "unreadable"},
		{"identity", bill, []string{"Content-Encoding", " Identity"}, false, 202, "accepted"},
		{"two encodings", bill, []string{"Content-Encoding", "identity, gzip"}, false, 415, "content_encoding"},
		{"over the limit without the secret", padded(8192), []string{"X-Test", "strip"}, false, 401, "bad_secret"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			path := hook
			if len(c.header) > 0 && c.header[0] == "X-Test" {
				path = "/webhooks/netsuite/acme"
			}
			req := h.request(http.MethodPost, h.pub.URL+path, c.body, c.header...)
			if c.chunked {
				req.Body, req.ContentLength, req.GetBody = io.NopCloser(io.MultiReader(strings.NewReader(c.body))), -1, nil
			}
			if got := h.do(req); got.status != c.want {
				t.Errorf("got %d, want %d", got.status, c.want)
			}
			if n := h.metric("mlc_webhook_requests_total", "result", c.result); n != 1 {
				t.Errorf("counted %v as %s", n, c.result)
			}
			if n := h.waiting(); (n == 1) != (c.want == 202) {
				t.Errorf("got %d marks", n)
			}
		})
	}
}

// raw sends bytes on a connection of its own and returns what comes back.
func (h *house) raw(send string, more func(net.Conn)) string {
	h.t.Helper()
	return h.rawTo(h.pub.Listener.Addr().String(), send, more)
}

func (h *house) rawTo(addr, send string, more func(net.Conn)) string {
	h.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(h.t.Context(), "tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, send); err != nil {
		h.t.Fatal(err)
	}
	if more != nil {
		more(conn)
	}
	b, _ := io.ReadAll(bufio.NewReader(conn))
	_, _ = h.said.Write(b)
	return string(b)
}

// TestTooLargeIsRefusedUnasked: a post that says it is too large, and asks
// whether it may come, is not told to go on.
func TestTooLargeIsRefusedUnasked(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		name, path, length, want string
	}{
		{"within the limit", hook, strconv.Itoa(len(bill)), "HTTP/1.1 100 Continue"},
		{"over it", hook, "4097", "HTTP/1.1 413 "},
		{"far over it", hook, "9999999999", "HTTP/1.1 413 "},
		{"without the secret", "/webhooks/netsuite/acme", "4097", "HTTP/1.1 401 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.raw("POST "+c.path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "+c.length+"\r\nConnection: close\r\n\r\n", func(conn net.Conn) {
				if strings.Contains(c.want, "100") {
					_, _ = io.WriteString(conn, bill)
				}
			})
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %s", got, c.want)
			}
		})
	}
}

func TestWebhookHalfBody(t *testing.T) {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n%s", hook, bill)
	t.Run("sender hangs up", func(t *testing.T) {
		h := open(t)
		got := h.raw(head, func(c net.Conn) {
			tcp, _ := c.(*net.TCPConn)
			_ = tcp.CloseWrite()
		})
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || h.waiting() != 0 || h.metric("mlc_webhook_requests_total", "result", "cut") != 1 {
			t.Errorf("got %q, %d marks", got, h.waiting())
		}
	})
	t.Run("sender stalls", func(t *testing.T) {
		h := open(t)
		impatient := httptest.NewUnstartedServer(nil)
		impatient.Config = api.Server(h.pub.Config.Handler, h.config.Log)
		impatient.Config.ReadTimeout = 100 * time.Millisecond
		impatient.Start()
		defer impatient.Close()
		got := h.rawTo(impatient.Listener.Addr().String(), head, nil)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || h.waiting() != 0 || h.metric("mlc_webhook_requests_total", "result", "cut") != 1 {
			t.Errorf("got %q, %d marks", got, h.waiting())
		}
	})
	t.Run("chunk cut short", func(t *testing.T) {
		h := open(t)
		got := h.raw(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nzz\r\n", hook, len(bill), bill), nil)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || h.waiting() != 0 {
			t.Errorf("got %q, %d marks", got, h.waiting())
		}
	})
}

func TestServerLimits(t *testing.T) {
	s := api.Server(http.NotFoundHandler(), open(t).config.Log)
	got := fmt.Sprint(s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	if want := "5s 15s 30s 1m0s 16384"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// bombs are posts of 10 MB that would unpack to 10 GB.
const (
	bombMiB = 10_000
	// bombsGrow is how much the heap may grow while strangers post them, senders,
	// receiver and garbage in one process; bombEach is what one of many may cost,
	// of which the 256 KB of a body that is read up to the limit are half.
	bombsGrow = 32 << 20
	bombEach  = 512 << 10
)

// bomb is a body whose gzip unpacks to bombMiB: the parts repeat.
func bomb(fill byte) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	part := bytes.Repeat([]byte{fill}, 1<<20)
	_, _ = z.Write(part)
	_ = z.Flush()
	head := bytes.Clone(b.Bytes())
	b.Reset()
	_, _ = z.Write(part)
	_ = z.Flush()
	parts := []io.Reader{bytes.NewReader(head)}
	for range bombMiB - 1 {
		parts = append(parts, bytes.NewReader(b.Bytes()))
	}
	return io.MultiReader(parts...)
}

// Posted decompression bombs are refused unread, announced or not, with and
// without the secret, at both listeners, and memory stays where it was.
func TestPostedBombsCostNothing(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	cases := []struct {
		name, url string
		method    string
		header    []string
		want      []int
	}{
		{"announced, with the secret", h.pub.URL + hook, http.MethodPost, []string{"Content-Encoding", "gzip"}, []int{415}},
		{"announced, without", h.pub.URL + "/webhooks/netsuite/acme", http.MethodPost, []string{"Content-Encoding", "gzip"}, []int{415}},
		{"not announced, with the secret", h.pub.URL + hook, http.MethodPost, nil, []int{413}},
		{"not announced, without", h.pub.URL + "/webhooks/netsuite/acme", http.MethodPost, nil, []int{401}},
		{"at another path", h.pub.URL + "/", http.MethodPost, []string{"Content-Encoding", "gzip"}, []int{404}},
		{"at the ops listener, as an owner", h.ops.URL + "/api/v1/tenants/acme", http.MethodPut, []string{"Content-Encoding", "gzip", "Authorization", "Bearer " + ownerToken}, []int{413, 415}},
		{"at the ops listener, as nobody", h.ops.URL + "/api/v1/tenants/acme", http.MethodPut, []string{"Content-Encoding", "gzip"}, []int{401}},
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	sent := 0
	grown := soak.Grown(t, func() {
		var group sync.WaitGroup
		for range soak.N(4, 40) {
			for _, c := range cases {
				sent++
				req := h.request(c.method, c.url, "", c.header...)
				req.Body, req.ContentLength = io.NopCloser(bomb(' ')), -1
				group.Go(func() {
					res, err := client.Do(req)
					if err != nil {
						// The server answers and hangs up while we still send: the answer
						// may be lost to the broken pipe. Nothing else is an excuse.
						if !strings.Contains(err.Error(), "broken pipe") && !strings.Contains(err.Error(), "connection reset") {
							t.Errorf("%s: %v", c.name, err)
						}
						return
					}
					defer func() { _ = res.Body.Close() }()
					_, _ = io.Copy(io.Discard, res.Body)
					if !slices.Contains(c.want, res.StatusCode) {
						t.Errorf("%s: got %d, want %v", c.name, res.StatusCode, c.want)
					}
				})
			}
		}
		group.Wait()
	})
	if h.waiting() != 0 {
		t.Error("a bomb made a mark")
	}
	if may := max(bombsGrow, int64(sent)*bombEach); grown.Heap > may || grown.RSS > 2*may {
		t.Errorf("the heap grew by %.0f MiB, the process by %.0f MiB", soak.MiB(grown.Heap), soak.MiB(grown.RSS))
	}
	soak.Figure(t, "posted gzip bombs of 10 GB", "%d at once, all refused; heap +%.1f MiB, resident +%.1f MiB at most", sent, soak.MiB(grown.Heap), soak.MiB(grown.RSS))
}

// headerBombs are heads of 64 KB, of every shape: what comes first, and
// what is repeated.
var headerBombs = []struct{ name, first, again string }{
	{"one long header", "POST " + hook + " HTTP/1.1\r\nHost: x\r\nX-Pad: ", "xxxxxxxxxxxxxxxx"},
	{"many short headers", "POST " + hook + " HTTP/1.1\r\nHost: x\r\n", "X-Pad: 12345678\r\n"},
	{"the secret many times", "POST " + hook + " HTTP/1.1\r\nHost: x\r\n", "X-Webhook-Secret: " + hookSecret + "\r\n"},
	{"the name of a header", "POST " + hook + " HTTP/1.1\r\nHost: x\r\nX", "-Pad-Pad-Pad-Pad"},
	{"lines that go on", "POST " + hook + " HTTP/1.1\r\nHost: x\r\nX-Pad: a\r\n", " aaaaaaaaaaaaa\r\n"},
	{"an address", "POST " + hook + "&pad=", "0123456789abcdef"},
	{"a method", "", "POSTPOSTPOSTPOST"},
}

// TestWebhookHeaderBombs: heads that do not end are cut at the limit, and who
// posts meanwhile notices nothing.
func TestWebhookHeaderBombs(t *testing.T) {
	h := open(t)
	var refused, cut atomic.Int64
	addr := h.pub.Listener.Addr().String()
	strike := func(first, again string) {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		go func() {
			block := strings.Repeat(again, 16<<10/len(again)+1)
			_, err := io.WriteString(conn, first)
			for n := 0; err == nil && n < 64<<10; n += len(block) {
				_, err = io.WriteString(conn, block)
			}
		}()
		b, _ := io.ReadAll(io.LimitReader(conn, 1<<16))
		switch {
		case strings.HasPrefix(string(b), "HTTP/1.1 431 "):
			refused.Add(1)
		case len(b) == 0: // its answer was lost to the bytes that we still sent
			cut.Add(1)
		default:
			t.Errorf("got %.60q", b)
		}
	}
	each := soak.N(20, 1400)
	var took []time.Duration
	late := 0
	h.post(hook, bill) // the first post reads the tenant and openapi.yaml
	grown := soak.Grown(t, func() {
		var group errgroup.Group
		group.SetLimit(32)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range each {
				for _, b := range headerBombs {
					group.Go(func() error {
						strike(b.first, b.again)
						return nil
					})
				}
			}
			_ = group.Wait()
		}()
		for ended := false; !ended || len(took) < 20; {
			start := time.Now()
			switch got := h.post(hook, bill); got.status {
			case http.StatusAccepted:
				took = append(took, time.Since(start))
			case http.StatusServiceUnavailable: // a machine that has no time for Redis within a second
				late++
			default:
				t.Fatalf("a good post meanwhile: %d %s", got.status, got.body)
			}
			select {
			case <-done:
				ended = true
			default:
			}
		}
	})
	sent := int64(each * len(headerBombs))
	if refused.Load()+cut.Load() != sent || refused.Load() == 0 || h.waiting() != 1 {
		t.Errorf("%d sent, %d refused with 431, %d cut, %d marks; want all refused and the mark of the good posts", sent, refused.Load(), cut.Load(), h.waiting())
	}
	if late > len(took) {
		t.Errorf("of %d good posts %d were not taken in time", late+len(took), late)
	}
	if grown.Heap > 64<<20 {
		t.Errorf("the heap grew by %.0f MiB", soak.MiB(grown.Heap))
	}
	slices.Sort(took)
	soak.Figure(t, "heads of 64 KB", "%d of %d shapes, 32 at a time: %d answered 431, %d cut, none taken; %d good posts meanwhile, %d late, p50 %s, p99 %s; heap +%.1f MiB at most",
		sent, len(headerBombs), refused.Load(), cut.Load(), len(took), late, took[len(took)/2].Round(100*time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond), soak.MiB(grown.Heap))
}
