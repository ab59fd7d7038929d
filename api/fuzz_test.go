package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// A file of tokens is read whole or refused, by line and without a word of it;
// what it holds is never the hash of nothing.
func FuzzParseTokens(f *testing.F) {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(viewerToken)))
	for _, s := range []string{"", "owner " + sum, "viewer\t" + strings.ToUpper(sum) + "\r\n#x", "owner " + sum + " x", "root " + sum, "owner " + sum + "\nviewer " + sum,
		"owner e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "owner " + sum[:63], "\xff", strings.Repeat("#", 70_000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		tokens, err := api.ParseTokens([]byte(file))
		if (err == nil) != (len(tokens) > 0) {
			t.Fatalf("got %d tokens and %v", len(tokens), err)
		}
		if err != nil {
			for _, word := range strings.Fields(file) {
				if len(word) > 40 && strings.Contains(err.Error(), word) {
					t.Errorf("the error shows %q: %v", word, err)
				}
			}
			return
		}
		for sum, role := range tokens {
			if sum == sha256.Sum256(nil) || role < api.Viewer || role > api.Owner {
				t.Errorf("%x has role %d", sum, role)
			}
			if !strings.Contains(strings.ToLower(file), hex.EncodeToString(sum[:])) {
				t.Errorf("%x is not in the file", sum)
			}
		}
	})
}
