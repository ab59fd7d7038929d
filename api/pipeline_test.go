package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
)

// Much of what a request needs is used again by the next one. Of requests of
// two tenants that come at once and pipelined, in all forms that HTTP has, none
// gets what is another's: each answer names its own request, and each lane has
// the records that were posted to it, all of them and no other.
func TestRequestsAtOnceAreApart(t *testing.T) {
	const conns, rounds = 12, 4
	h := open(t, func(c *api.Config) { c.MaxBodyBytes = 16 << 10 })
	h.apply(h.document(func(d map[string]any) {
		d["id"], d["webhook"] = "acme-2", map[string]any{"secrets": []string{otherSecret}}
	}))
	tenants := [2]struct{ id, secret string }{{"acme", hookSecret}, {"acme-2", otherSecret}}
	type asked struct {
		tenant, record, name, text string
		status                     int
	}
	kinds := []func(path, secret, body string) (text string, status int){
		func(path, secret, body string) (string, int) {
			return fmt.Sprintf("POST %s?secret=%s HTTP/1.1\r\nContent-Length: %d\r\n", path, secret, len(body)), http.StatusAccepted
		},
		func(path, _, body string) (string, int) {
			return fmt.Sprintf("POST %s?secret=wrong HTTP/1.1\r\nContent-Length: %d\r\n", path, len(body)), http.StatusUnauthorized
		},
		func(path, secret, body string) (string, int) {
			return fmt.Sprintf("POST %s HTTP/1.1\r\nX-Webhook-Secret: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n", path, secret, len(body)), http.StatusAccepted
		},
		func(path, secret, _ string) (string, int) {
			return fmt.Sprintf("GET %s?secret=%s&a=b HTTP/1.1\r\n", path, secret), http.StatusMethodNotAllowed
		},
		func(path, secret, body string) (string, int) {
			return fmt.Sprintf("POST http://user:%s@example.org%s?a=b&secret=%s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", secret, path, secret), http.StatusAccepted
		},
		func(_, secret, _ string) (string, int) {
			return fmt.Sprintf("GET /elsewhere/%[1]s?secret=%[1]s HTTP/1.1\r\n", secret), http.StatusNotFound
		},
		func(path, secret, body string) (string, int) { // the last: it ends the connection
			return fmt.Sprintf("POST %s HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n", path, secret, len(body)), http.StatusAccepted
		},
	}
	ask := func(conn, i, kind int) asked {
		at := tenants[(conn+i)%2]
		a := asked{tenant: at.id, record: fmt.Sprint(10_000 + 1000*conn + i), name: fmt.Sprintf("c%d.r%d", conn, i)}
		// Every other body is longer than the room that is used again.
		body := fmt.Sprintf(`{"recordType":"vendorbill","id":"%s","memo":"%s"}`, a.record, strings.Repeat("x", 6000*(i%2)))
		a.text, a.status = kinds[kind]("/webhooks/netsuite/"+at.id, at.secret, body)
		a.text += "Host: example.org\r\nX-Request-Id: " + a.name + "\r\n\r\n"
		switch {
		case strings.Contains(a.text, "chunked"):
			a.text += fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		case strings.HasPrefix(a.text, "POST"):
			a.text += body
		}
		return a
	}
	want := map[string]map[string]bool{"acme": {}, "acme-2": {}}
	var wg sync.WaitGroup
	for conn := range conns {
		var all []asked
		for i := range rounds * (len(kinds) - 1) {
			all = append(all, ask(conn, i, i%(len(kinds)-1)))
		}
		all = append(all, ask(conn, len(all), len(kinds)-1))
		for _, a := range all {
			if a.status == http.StatusAccepted {
				want[a.tenant][a.record] = true
			}
		}
		wg.Go(func() {
			c, err := net.Dial("tcp", strings.TrimPrefix(h.pub.URL, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			go func() { // all at once, whatever is answered meanwhile
				for _, a := range all {
					_, _ = io.WriteString(c, a.text)
				}
			}()
			r := bufio.NewReader(c)
			for _, a := range all {
				res, err := http.ReadResponse(r, nil)
				for err == nil && res.StatusCode == http.StatusContinue {
					res, err = http.ReadResponse(r, nil)
				}
				if err != nil {
					t.Errorf("%s: %v", a.name, err)
					return
				}
				b, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if name := res.Header.Get("X-Request-Id"); err != nil || res.StatusCode != a.status || name != a.name {
					t.Errorf("%s: got %d of %s, %v, want %d: %s", a.name, res.StatusCode, name, err, a.status, b)
				}
			}
		})
	}
	wg.Wait()
	for id, records := range want {
		got, err := h.rdb.XRange(t.Context(), queue.KeyStream(id, queue.Live), "-", "+").Result()
		if err != nil || len(got) != len(records) {
			t.Errorf("%s: %d marks, %v, want %d", id, len(got), err, len(records))
		}
		for record := range records {
			if n := h.rdb.Exists(t.Context(), queue.KeyRecord(id, queue.Ref{Type: "vendorbill", ID: record})).Val(); n != 1 {
				t.Errorf("%s: bill %s is not marked", id, record)
			}
		}
	}
}
