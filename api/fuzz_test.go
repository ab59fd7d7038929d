package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Whatever stands around it in the query, the secret is gone for the layers
// below, and the rest is a query that can be parsed.
func FuzzHideSecret(f *testing.F) {
	for _, s := range []string{"", "&id=1", "%", ";x", "&secret=2", "#", "%00", "&=&", "+"} {
		f.Add("", s)
		f.Add(s+"&", s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		r := httptest.NewRequest(http.MethodPost, "/x", nil)
		r.URL.RawQuery = before + "secret=" + hookSecret + after
		r.RequestURI = "/x?" + r.URL.RawQuery
		plain, _ := url.ParseQuery(r.URL.RawQuery)
		api.HideSecret(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			q, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil || q.Has("secret") || !strings.HasSuffix(r.RequestURI, r.URL.RawQuery) {
				t.Errorf("left %q of %q, %v", r.URL.RawQuery, r.RequestURI, err)
			}
			// Unless the sender gave it another name, it is gone.
			if plain.Get("secret") == hookSecret && len(plain) == 1 && strings.Contains(r.RequestURI, "canary") {
				t.Errorf("the secret is in %q", r.RequestURI)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}

// Any body with any secret gets an answer of the fixed list, and none without
// the secret gets more than 401.
func FuzzWebhook(f *testing.F) {
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(f).Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	f.Cleanup(func() { _ = rdb.Close() })
	ks, err := secret.Ephemeral()
	if err != nil {
		f.Fatal(err)
	}
	store := tenant.NewStore(rdb, ks)
	tn := &tenant.Tenant{Document: tenant.Document{ID: "acme", Webhook: tenant.Webhook{Require: tenant.RequireSecret}, Sync: tenant.Sync{Types: []string{"vendor"}}}}
	if _, err := store.Apply(f.Context(), tn, tenant.Credentials{NetSuiteKeyPEM: secret.New("k"), Cin7Key: secret.New("k"), WebhookSecrets: []secret.String{secret.New(hookSecret)}}); err != nil {
		f.Fatal(err)
	}
	pub, _ := api.New(api.Config{Queue: queue.New(rdb, queue.Options{}), States: state.New(rdb), Tenants: store, Door: tenant.NewDoor(store), MaxBodyBytes: 1024,
		Log: zap.NewNop(), Registry: prometheus.NewRegistry(), Go: func(f func() error) { _ = f() }})
	f.Add(hookSecret, bill, "", "")
	f.Add(hookSecret, "id=1&type=vendor", "x", "00-1")
	f.Add("", "[", "\x00", "")
	f.Fuzz(func(t *testing.T, shown, body, id, trace string) {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/netsuite/acme", strings.NewReader(body))
		r.Header.Set("X-Webhook-Secret", shown)
		r.Header.Set("X-Request-Id", id)
		r.Header.Set("Traceparent", trace)
		rec := httptest.NewRecorder()
		pub.ServeHTTP(rec, r)
		switch {
		case shown != hookSecret && rec.Code != http.StatusUnauthorized:
			t.Errorf("secret %q: got %d", shown, rec.Code)
		case shown == hookSecret && rec.Code != 202 && rec.Code != 413 && rec.Code != 422:
			t.Errorf("body %q: got %d", body, rec.Code)
		}
	})
}
