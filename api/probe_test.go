package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/api"
)

// A probe of the doctor is told where it comes from, by the ways that a secret
// may take; anything else that looks like one is a wrong secret, and neither
// marks anything nor counts as a use.
func TestProbe(t *testing.T) {
	trust, err := allowlist.ParseTrust("1")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, func(c *api.Config) { c.Trust = trust })
	key, err := h.config.Tenants.InstallationKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := api.NewProbe(key, "acme", now)
	other := append([]byte{}, key...)
	other[0] ^= 1
	const path = "/webhooks/netsuite/acme"
	for _, c := range []struct {
		name, path string
		header     []string
		want       int
	}{
		{"in the header", path, []string{"X-Webhook-Secret", good}, 200},
		{"in the query", path + "?secret=" + good, nil, 200},
		{"as a bearer", path, []string{"Authorization", "Bearer " + good}, 200},
		{"for another tenant", "/webhooks/netsuite/acme2", []string{"X-Webhook-Secret", good}, 401},
		{"of another installation", path, []string{"X-Webhook-Secret", api.NewProbe(other, "acme", now)}, 401},
		{"over", path, []string{"X-Webhook-Secret", api.NewProbe(key, "acme", now.Add(-2*time.Minute))}, 401},
		{"from a clock that is far ahead", path, []string{"X-Webhook-Secret", api.NewProbe(key, "acme", now.Add(time.Hour))}, 401},
		{"changed", path, []string{"X-Webhook-Secret", strings.Replace(good, "probe.", "probe.9", 1)}, 401},
		{"half of one", path, []string{"X-Webhook-Secret", good[:len(good)-2]}, 401},
		{"nothing but the word", path, []string{"X-Webhook-Secret", "probe."}, 401},
		{"no number", path, []string{"X-Webhook-Secret", "probe..AAAA"}, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.post(c.path, bill, append(c.header, "X-Forwarded-For", "198.51.100.1, 203.0.113.7")...)
			if got.status != c.want {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			if got.status != http.StatusOK {
				return
			}
			a := got.json(t)
			if a["address"] != "203.0.113.7" || a["peer"] != "127.0.0.1" || len(a["forwarded_for"].([]any)) != 2 {
				t.Errorf("got %v", a)
			}
		})
	}
	uses, err := h.config.Tenants.WebhookUses(t.Context(), "acme")
	if err != nil || len(uses.Secrets)+len(uses.Addresses)+len(uses.Refused) != 0 {
		t.Errorf("probes count as uses: %+v, %v", uses, err)
	}
	if h.waiting() != 0 {
		t.Error("a probe made a mark")
	}
	if n := h.metric("mlc_webhook_requests_total", "result", "probe"); n != 3 {
		t.Errorf("%v probes are counted", n)
	}
	if strings.Contains(h.log.String(), "probe.") {
		t.Error("the log shows a probe")
	}
}
