package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/api"
)

func TestWebhookRefusesUniformly(t *testing.T) {
	forged := func(o *api.Config) {
		trust, err := allowlist.ParseTrust("1")
		if err != nil {
			t.Fatal(err)
		}
		o.Trust = trust
	}
	cases := []struct {
		name, path, result string
		header             []string
		both               bool // the tenant wants an address of 203.0.113.0/24 as well
	}{
		{"unknown tenant", "/webhooks/netsuite/nobody?secret=" + hookSecret, "unknown_tenant", nil, false},
		{"impossible tenant", "/webhooks/netsuite/%7Bacme%7D?secret=" + hookSecret, "unknown_tenant", nil, false},
		{"no secret", "/webhooks/netsuite/acme", "bad_secret", nil, false},
		{"wrong secret", "/webhooks/netsuite/acme?secret=" + otherSecret, "bad_secret", nil, false},
		{"empty secret", "/webhooks/netsuite/acme?secret=", "bad_secret", nil, false},
		{"secret in another case", "/webhooks/netsuite/acme?secret=" + strings.ToUpper(hookSecret), "bad_secret", nil, false},
		{"damaged query", "/webhooks/netsuite/acme?secret=" + hookSecret + "%zz", "bad_secret", nil, false},
		{"semicolons", "/webhooks/netsuite/acme?a=1;secret=" + hookSecret, "bad_secret", nil, false},
		{"other scheme", "/webhooks/netsuite/acme", "bad_secret", []string{"Authorization", "Basic " + otherSecret}, false},
		{"wrong address", hook, "bad_address", []string{"X-Forwarded-For", "198.51.100.7"}, true},
		{"no address", hook, "bad_address", nil, true},
		{"spoofed address", hook, "bad_address", []string{"X-Forwarded-For", "203.0.113.5, 198.51.100.7"}, true},
	}
	// Apart from its name, a refusal is the same bytes whatever was wrong.
	var first map[string]any
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, forged)
			if c.both {
				h.apply(h.document(func(d map[string]any) {
					d["webhook"] = map[string]any{"require": "both", "secrets": []string{hookSecret}, "allowlist": []string{"203.0.113.0/24"}}
				}))
			}
			got := h.post(c.path, bill, c.header...)
			v := got.json(t)
			delete(v, "request_id")
			if first == nil {
				first = v
			}
			if diff := cmp.Diff(first, v); got.status != http.StatusUnauthorized || diff != "" {
				t.Errorf("got %d, -first +this:\n%s", got.status, diff)
			}
			if n := h.metric("mlc_webhook_requests_total", "result", c.result); n != 1 {
				t.Errorf("counted %v as %s", n, c.result)
			}
			if n := h.waiting(); n != 0 {
				t.Errorf("got %d marks of a refused post", n)
			}
		})
	}
}

func TestWebhookAddress(t *testing.T) {
	trust, err := allowlist.ParseTrust("1")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, func(c *api.Config) { c.Trust = trust })
	h.apply(h.document(func(d map[string]any) {
		d["webhook"] = map[string]any{"require": "allowlist", "secrets": []string{hookSecret}, "allowlist": []string{"203.0.113.0/24"}}
	}))
	if got := h.post("/webhooks/netsuite/acme", bill, "X-Forwarded-For", "203.0.113.5"); got.status != http.StatusAccepted {
		t.Errorf("from an allowed address: got %d", got.status)
	}
	if !strings.Contains(h.log.String(), `"remote_ip":"203.0.113.5"`) {
		t.Errorf("the log does not name the client: %s", h.log)
	}
}
