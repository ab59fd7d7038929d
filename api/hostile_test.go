package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Whatever a stranger writes into whatever part of a request, each request is
// one line of the log, and nothing in it is the stranger's own text but a
// harmless request id.
func TestHostileRequestsAreOneLineEach(t *testing.T) {
	h := open(t)
	const mark = "INJECTED"
	texts := []string{mark + "\n{\"level\":\"error\"}", mark + "\r\nX: y", mark + "\x1b[31m", mark + "\u2028x", mark + "\x00", mark + `","level":"error`, mark + "\u202e"}
	sent := 0
	for _, text := range texts {
		escaped := url.QueryEscape(text)
		asJSON, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		raw := strings.Map(func(r rune) rune { // what a header may hold at all
			if r < 0x20 || r == 0x7f {
				return -1
			}
			return r
		}, text)
		for _, req := range []string{
			"POST /webhooks/netsuite/" + url.PathEscape(text) + "?secret=x HTTP/1.1\r\n%s",
			"POST " + hook + "&id=1&type=" + escaped + " HTTP/1.1\r\n%s",
			"POST " + hook + "&" + escaped + "=" + escaped + " HTTP/1.1\r\n%s",
			"POST " + hook + " HTTP/1.1\r\nX-Request-Id: " + raw + "\r\n%s",
			"POST " + hook + " HTTP/1.1\r\nX-Forwarded-For: " + raw + "\r\nUser-Agent: " + raw + "\r\nReferer: " + raw + "\r\nTraceparent: " + raw + "\r\nContent-Type: " + raw + "\r\n%s",
			"POST " + hook + " HTTP/1.1\r\n" + "X-" + mark + ": " + raw + "\r\n%s",
		} {
			for _, body := range []string{`{"type":` + string(asJSON) + `,"id":"1"}`, `{"type":"vendor","id":` + string(asJSON) + `}`, `{` + string(asJSON) + `:1}`, text} {
				h.raw(strings.Replace(req, "%s", fmt.Sprintf("Host: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1), nil)
				sent++
			}
		}
	}
	lines := strings.Split(strings.TrimSuffix(h.log.String(), "\n"), "\n")
	of := 0
	for _, line := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("no JSON: %v: %q", err, line)
		}
		if got["msg"] == "webhook" {
			of++
		}
		delete(got, "request_id")
		if b, err := json.Marshal(got); err != nil || strings.Contains(string(b), mark) {
			t.Errorf("the stranger's text is in the log: %q", line)
		}
	}
	if of == 0 || of > sent {
		t.Errorf("%d lines about webhooks for %d requests", of, sent)
	}
}
