package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/api"
)

func TestTenants(t *testing.T) {
	h := open(t)
	v := h.call(http.MethodGet, "/api/v1/tenants", "").json(t)
	list, _ := v["tenants"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %v", v)
	}
	if one, _ := list[0].(map[string]any); one["id"] != "acme" || one["document"] != nil {
		t.Errorf("got %v", one)
	}
	v = h.call(http.MethodGet, "/api/v1/tenants/acme", "").json(t)
	doc, _ := v["document"].(map[string]any)
	prints, _ := v["fingerprints"].(map[string]any)
	if doc["id"] != "acme" || len(prints) != 3 || v["version"] != 1.0 {
		t.Errorf("got %v", v)
	}
	if got := h.call(http.MethodGet, "/api/v1/tenants/nobody", ""); got.status != http.StatusNotFound {
		t.Errorf("unknown tenant: got %d", got.status)
	}
}

func TestPutTenant(t *testing.T) {
	h := open(t)
	second := h.document(func(d map[string]any) { d["id"] = "second" })
	if got := h.call(http.MethodPut, "/api/v1/tenants/second", string(second)); got.status != http.StatusCreated {
		t.Fatalf("new: got %d %s", got.status, got.body)
	}
	// Secrets that are left out stay.
	again := h.document(func(d map[string]any) {
		d["id"], d["name"] = "second", "Renamed"
		d["netsuite"] = map[string]any{"account_id": "1234567_SB1", "client_id": "3f00", "certificate_id": "Zk00"}
		d["cin7"] = map[string]any{"account_id": "704ef231-0000-4000-8000-000000000001"}
		delete(d, "webhook")
	})
	got := h.call(http.MethodPut, "/api/v1/tenants/second", string(again))
	if v := got.json(t); got.status != http.StatusOK || v["name"] != "Renamed" || v["version"] != 2.0 {
		t.Fatalf("again: got %d %v", got.status, v)
	}
	if got := h.post("/webhooks/netsuite/second?secret="+hookSecret, bill); got.status != http.StatusAccepted {
		t.Errorf("the secret did not stay: got %d", got.status)
	}
	// What is shown can be put back.
	shown, err := json.Marshal(got.json(t)["document"])
	if err != nil {
		t.Fatal(err)
	}
	if got := h.call(http.MethodPut, "/api/v1/tenants/second", string(shown)); got.status != http.StatusOK {
		t.Errorf("the document as shown: got %d %s", got.status, got.body)
	}
}

// The answer to a PUT tells what it ended.
func TestPutTenantTellsWhatItReplaces(t *testing.T) {
	h := open(t)
	if got := h.call(http.MethodPut, "/api/v1/tenants/acme", string(h.document())).json(t)["replaced"]; got != nil {
		t.Errorf("the same document replaced %v", got)
	}
	fresh := h.document(func(d map[string]any) {
		d["webhook"] = map[string]any{"secrets": []string{otherSecret}}
		d["sync"].(map[string]any)["mapping"] = map[string]any{"accounts": map[string]string{"5000": "430", "6000": "431"}}
	})
	got, _ := h.call(http.MethodPut, "/api/v1/tenants/acme", string(fresh)).json(t)["replaced"].([]any)
	if len(got) != 2 || !strings.Contains(fmt.Sprint(got[0]), `sync.mapping.accounts "5000": "429" -> "430"`) || !strings.Contains(fmt.Sprint(got[1]), "webhook secret") {
		t.Errorf("got %v, want the mapping of 5000 and the secret", got)
	}
}

func TestPutTenantRefuses(t *testing.T) {
	h := open(t)
	with := func(edit func(map[string]any)) string {
		return string(h.document(func(d map[string]any) { d["id"] = "new"; edit(d) }))
	}
	cases := []struct {
		name, body string
		want       int
		pointer    string
		detail     string
	}{
		{"empty", "", 422, "", ""},
		{"not JSON", "id: new", 422, "", ""},
		{"array", "[]", 422, "", ""},
		{"unknown key", with(func(d map[string]any) { d["pol"] = 1 }), 422, "", `did you mean`},
		{"key as a number", with(func(d map[string]any) { d["cin7"] = map[string]any{"application_key": 42} }), 422, "", ""},
		{"other id", string(h.document()), 422, "#/id", "path"},
		{"bad account", with(func(d map[string]any) {
			d["netsuite"] = map[string]any{"account_id": "x.example/", "client_id": "a", "certificate_id": "b", "private_key": h.pem}
		}), 422, "#/netsuite/account_id", "Company Information"},
		{"short secret", with(func(d map[string]any) { d["webhook"] = map[string]any{"secrets": []string{"canary-short"}} }), 422, "#/webhook/secrets/0", "at least 32"},
		{"damaged key", with(func(d map[string]any) {
			d["netsuite"] = map[string]any{"account_id": "1", "client_id": "a", "certificate_id": "b", "private_key": ownerToken}
		}), 422, "#/netsuite/private_key", ""},
		{"no credentials", with(func(d map[string]any) {
			d["netsuite"] = map[string]any{"account_id": "1", "client_id": "a", "certificate_id": "b"}
		}), 422, "", "missing credentials: netsuite.private_key"},
		{"a file of ours", with(func(d map[string]any) {
			d["netsuite"] = map[string]any{"account_id": "1", "client_id": "a", "certificate_id": "b", "private_key_file": "/etc/passwd"}
		}), 422, "#/netsuite/private_key_file", "not read here"},
		{"a variable of ours", with(func(d map[string]any) { d["name"] = "${HOME}" }), 422, "#/name", "not resolved here"},
		{"private endpoint", with(func(d map[string]any) {
			d["cin7"] = map[string]any{"account_id": "704ef231-0000-4000-8000-000000000001", "application_key": "k", "base_url": "https://127.0.0.1/"}
		}), 422, "#/cin7/base_url", ""},
		{"two things", with(func(d map[string]any) {
			d["poll"] = map[string]any{"every": "1s"}
			d["sync"] = map[string]any{"approach": "NEITHER"}
		}), 422, "#/sync/approach", ""},
		{"key twice", strings.Replace(with(func(map[string]any) {}), `{"`, `{"id":"acme","`, 1), 422, "", `the key "id" comes twice`},
		{"key twice further in", strings.Replace(with(func(map[string]any) {}), `"cin7":{"`, `"cin7":{"account_id":"x","`, 1), 422, "", `the key "account_id" comes twice`},
		{"key in another case", strings.Replace(with(func(map[string]any) {}), `"webhook"`, `"Webhook"`, 1), 422, "", `the key "Webhook" is written "webhook"`},
		{"too large", `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := h.call(http.MethodPut, "/api/v1/tenants/new", c.body)
			if got.status != c.want {
				t.Fatalf("got %d %s, want %d", got.status, got.body, c.want)
			}
			found := c.pointer == "" && c.detail == ""
			errs, _ := got.json(t)["errors"].([]any)
			for _, e := range errs {
				v, _ := e.(map[string]any)
				p, _ := v["pointer"].(string)
				d, _ := v["detail"].(string)
				found = found || p == c.pointer && strings.Contains(d, c.detail)
			}
			if !found {
				t.Errorf("got %s, want an error at %q with %q", got.body, c.pointer, c.detail)
			}
			if got := h.call(http.MethodGet, "/api/v1/tenants/new", ""); got.status != http.StatusNotFound {
				t.Errorf("something was stored: got %d", got.status)
			}
		})
	}
	if strings.Contains(h.said.String(), "canary-short") || strings.Contains(h.log.String(), "canary-short") {
		t.Error("the short secret is shown")
	}
}

func TestDeleteTenant(t *testing.T) {
	h := open(t)
	h.post(hook, bill)
	h.group.Wait()
	if got := h.call(http.MethodDelete, "/api/v1/tenants/acme", ""); got.status != http.StatusNoContent {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	for _, k := range h.redis.Keys() {
		if strings.Contains(k, "{acme}") {
			t.Errorf("%s is left", k)
		}
	}
	if got := h.call(http.MethodDelete, "/api/v1/tenants/acme", ""); got.status != http.StatusNotFound {
		t.Errorf("again: got %d", got.status)
	}
}

func TestLaneActions(t *testing.T) {
	h := open(t)
	for _, action := range []string{"pause", "resume", "poll", "ping"} {
		if got := h.call(http.MethodPost, "/api/v1/tenants/nobody:"+action, ""); got.status != http.StatusNotFound {
			t.Errorf("%s of an unknown tenant: got %d", action, got.status)
		}
		if got := h.call(http.MethodGet, "/api/v1/tenants/acme:"+action, ""); got.status < 400 {
			t.Errorf("GET of %s: got %d", action, got.status)
		}
	}
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:explode", ""); got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound {
		t.Errorf("unknown action: got %d", got.status)
	}
	h.post(hook, bill)
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:pause", ""); got.status != http.StatusNoContent {
		t.Errorf("pause: got %d", got.status)
	}
	if v := h.call(http.MethodGet, "/api/v1/tenants/acme", "").json(t); v["paused"] == nil {
		t.Errorf("not shown as paused: %v", v)
	}
	if turn, err := h.config.Queue.Claim(t.Context(), "w"); turn != nil || err != nil {
		t.Errorf("a paused lane was claimed: %v, %v", turn, err)
	}
	if got := h.post(hook, `{"recordType":"vendor","id":"1"}`); got.status != http.StatusAccepted || h.waiting() != 2 {
		t.Errorf("a paused tenant's webhook: got %d, %d marks", got.status, h.waiting())
	}
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:resume", ""); got.status != http.StatusNoContent {
		t.Errorf("resume: got %d", got.status)
	}
	if v := h.call(http.MethodGet, "/api/v1/tenants/acme", "").json(t); v["paused"] != nil {
		t.Errorf("still shown as paused: %v", v)
	}
	if turn, err := h.config.Queue.Claim(t.Context(), "w"); turn == nil || err != nil {
		t.Errorf("a resumed lane was not claimed: %v", err)
	}
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:poll", ""); got.status != http.StatusAccepted {
		t.Errorf("poll: got %d", got.status)
	}
	if wm, err := h.config.States.Tenant("acme").Watermarks(t.Context()); err != nil || wm["poll_now"] == "" {
		t.Errorf("no poll is asked for: %v, %v", wm, err)
	}
	want := map[string]any{"ok": false, "checks": []any{
		map[string]any{"name": "NetSuite 1234567_SB1", "ok": true},
		map[string]any{"name": "Cin7 Core", "ok": false, "detail": "the key is refused", "fix": "correct it"}}}
	if diff := cmp.Diff(want, h.call(http.MethodPost, "/api/v1/tenants/acme:ping", "").json(t)); diff != "" {
		t.Errorf("ping: -want +got\n%s", diff)
	}
}

func TestEvents(t *testing.T) {
	h := open(t)
	h.post(hook, bill)
	h.group.Wait()
	h.post("/webhooks/netsuite/acme?secret="+otherSecret, bill)
	h.group.Wait()
	h.post("/webhooks/netsuite/nobody?secret="+otherSecret, bill)
	h.group.Wait()
	v := h.call(http.MethodGet, "/api/v1/tenants/acme/events", "").json(t)
	events, _ := v["events"].([]any)
	if len(events) != 2 {
		t.Fatalf("got %v", v)
	}
	for _, e := range events {
		one, _ := e.(map[string]any)
		at, _ := one["at"].(string)
		if when, err := time.Parse(time.RFC3339, at); err != nil || !strings.HasSuffix(at, "Z") || time.Since(when) > time.Minute {
			t.Errorf("at %q", at)
		}
		delete(one, "at")
	}
	want := []any{
		map[string]any{"address": "127.0.0.1", "verdict": "bad_secret", "detail": "bad secret", "accepted": 0.0, "ignored": 0.0},
		map[string]any{"address": "127.0.0.1", "verdict": "accepted", "accepted": 1.0, "ignored": 0.0},
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, k := range h.redis.Keys() {
		if strings.Contains(k, "nobody") {
			t.Errorf("a stranger made the key %s", k)
		}
	}
}

func TestOpsRedisAway(t *testing.T) {
	h := open(t)
	h.redis.SetError("ERR down")
	for _, e := range api.Table() {
		path := "/api/v1" + strings.NewReplacer("{id}", "acme", "{type}", "vendor", "{nsid}", "1").Replace(e.Pattern)
		body := ""
		if e.Method == http.MethodPut {
			body = string(h.document())
		}
		if got := h.call(e.Method, path, body); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: got %d", e.Method, path, got.status)
		}
	}
	h.redis.SetError("")
}
