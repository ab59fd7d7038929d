package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/api"
)

// Whatever is done with the secret, it comes out nowhere: every house looks at
// its end.
func TestSecretStaysIn(t *testing.T) {
	h := open(t)
	for _, line := range []string{
		"POST " + hook,
		"POST /webhooks/netsuite/acme?SECRET=" + hookSecret,
		"POST /webhooks/netsuite/acme?secret=" + hookSecret + "&secret=" + otherSecret,
		"POST /webhooks/netsuite/acme?secret=" + hookSecret + "%",
		"POST /webhooks/netsuite/acme?%73ecret=" + hookSecret,
		"POST /webhooks/netsuite/acme?secret=" + hookSecret + ";x",
		"POST /webhooks/netsuite/acme?" + hookSecret,
		"POST /webhooks/netsuite/" + hookSecret,
		"POST /webhooks/netsuite/acme%zz?secret=" + hookSecret,
		"POST http://user:" + hookSecret + "@x/webhooks/netsuite/acme?secret=" + hookSecret,
		"POST //webhooks//netsuite/acme?secret=" + hookSecret,
		"GET " + hook,
		"OPTIONS *",
		"BREW " + hook,
		"POST " + hook + " and a blank",
		"POST /webhooks/netsuite/acme#" + hookSecret,
	} {
		h.raw(line+" HTTP/1.1\r\nHost: x\r\nX-Webhook-Secret: "+otherSecret+"\r\nReferer: https://x/?secret="+hookSecret+
			"\r\nX-Request-Id: "+hookSecret+"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", nil)
	}
	h.raw("POST "+hook+"\r\n\r\n", nil) // not HTTP at all
	for _, body := range []string{`{"secret":"` + hookSecret + `"}`, "secret=" + hookSecret, `{"id":"` + hookSecret + `","type":"` + hookSecret + `"}`} {
		h.post(hook, body)
	}
	h.redis.SetError("ERR down")
	h.post(hook, bill)
	h.redis.SetError("")
}

func TestSecretSurvivesAPanic(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Door = nil }) // the first question to it panics
	got := h.post(hook, bill, "X-Request-Id", "the-one")
	if v := got.json(t); got.status != http.StatusInternalServerError || v["request_id"] != "the-one" {
		t.Errorf("got %d %v", got.status, v)
	}
	if h.metric("mlc_webhook_requests_total", "result", "panic") != 1 || h.metric("mlc_http_panics_total", "listener", "public") != 1 {
		t.Error("the panic is not counted")
	}
	if log := h.log.String(); !strings.Contains(log, `"request_id":"the-one"`) || !strings.Contains(log, "webhook.go") || strings.Contains(log, "secret=") {
		t.Errorf("got %s", log)
	}
	if got := h.post(hook, bill); got.status != http.StatusInternalServerError {
		t.Errorf("after a panic: got %d", got.status)
	}
}

// A name for a request is repeated in the answer and the log: nobody's secret
// may come in as one.
func TestNamesOfRequests(t *testing.T) {
	h := open(t)
	const hexSecret = "0123456789abcdef0123456789abcdef"
	h.apply(h.document(func(d map[string]any) { d["webhook"] = map[string]any{"secrets": []string{hexSecret}} }))
	for id, taken := range map[string]bool{
		"the-one": true, "704ef231-0000-4000-8000-000000000001": true, "4bf92f3577b34da6a3ce929d0e0e4736": true, strings.Repeat("a", 31): true,
		strings.Repeat("g", 32): false, hookSecret: false, otherSecret: false, hexSecret: false, "a b": false, strings.Repeat("a", 64): false,
	} {
		got := h.post("/webhooks/netsuite/acme?secret="+hexSecret, bill, "X-Request-Id", id)
		if (got.header.Get("X-Request-Id") == id) != taken || got.status != http.StatusAccepted {
			t.Errorf("%s: answered %d as %s, want it taken: %v", id, got.status, got.header.Get("X-Request-Id"), taken)
		}
		if strings.Contains(h.log.String(), id) != taken {
			t.Errorf("%s: in the log, want %v", id, taken)
		}
	}
}

// What handlers see of a request, and what a later layer might log, has no
// secret in it.
func TestSecretIsTakenOutFirst(t *testing.T) {
	for _, target := range []string{hook, hook + "&type=vendor", "/x?secret=" + hookSecret + "%zz", "http://u:" + hookSecret + "@h/x"} {
		var seen *http.Request
		r := httptest.NewRequest(http.MethodPost, target, nil)
		r.Header.Set("Authorization", "Bearer "+hookSecret)
		r.Header.Set("X-Webhook-Secret", hookSecret)
		api.HideSecret(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).ServeHTTP(httptest.NewRecorder(), r)
		for what, text := range map[string]string{"URL": seen.URL.String(), "RawQuery": seen.URL.RawQuery, "RequestURI": seen.RequestURI,
			"Authorization": seen.Header.Get("Authorization"), "X-Webhook-Secret": seen.Header.Get("X-Webhook-Secret")} {
			if strings.Contains(text, "canary") {
				t.Errorf("%s: %s still has it", target, what)
			}
		}
	}
}

func TestSecretOfAPanicValue(t *testing.T) {
	h := open(t)
	for name, v := range map[string]any{"text": "boom " + hookSecret, "struct": struct{ S string }{hookSecret}} {
		handler := api.Recovered(h.config.Log, func() {})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(v) }))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "boom") {
			t.Errorf("%s: got %d %s", name, rec.Code, rec.Body)
		}
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Errorf("after half an answer: got %v, want the connection cut", p)
		}
	}()
	api.Recovered(h.config.Log, func() {})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic("late")
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}
