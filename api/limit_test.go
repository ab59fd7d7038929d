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
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/api"
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

func TestWebhookHeaderBomb(t *testing.T) {
	h := open(t)
	got := h.raw("POST "+hook+" HTTP/1.1\r\nHost: x\r\nX-Pad: "+strings.Repeat("x", 32<<10)+"\r\nContent-Length: 0\r\n\r\n", nil)
	if !strings.HasPrefix(got, "HTTP/1.1 431 ") || h.waiting() != 0 {
		t.Errorf("got %.60q", got)
	}
}
