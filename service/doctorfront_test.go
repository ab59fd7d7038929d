package service_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/tenant"
)

// front puts a public listener behind what stands in front of it, and tells
// the doctor where.
func (w *ward) front(proxies string, between func(http.Handler) http.Handler) {
	w.t.Helper()
	trust, err := allowlist.ParseTrust(proxies)
	if err != nil {
		w.t.Fatal(err)
	}
	pub, _ := api.New(api.Config{Queue: w.e.Rooms.Queue, States: w.e.Rooms.States, Tenants: w.e.Rooms.Tenants, Door: tenant.NewDoor(w.e.Rooms.Tenants), Trust: trust,
		MaxBodyBytes: 4096, Log: zap.NewNop(), Registry: prometheus.NewRegistry(), Go: func(f func() error) { _ = f() }})
	h := http.Handler(pub)
	if between != nil {
		h = between(h)
	}
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	w.e.PublicURL = s.URL
}

// behind is a proxy that does something to requests on their way.
func behind(change func(*http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(r)
			next.ServeHTTP(w, r)
		})
	}
}

// instead answers by itself.
func instead(status int, header, value string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>"))
		})
	}
}

// at is a fault of the public URL.
func at(name, fix string, after func(w *ward)) fault {
	return fault{name: "public URL: " + name, after: after, seen: []string{"webhook URL"}, fix: fix}
}

// byAddress is a fault of how the client's address is found.
func byAddress(name, proxies string, change func(*http.Request)) fault {
	return fault{name: "public URL: " + name, edit: swap(`allowlist: ["127.0.0.0/8", "::1"]`, `allowlist: ["203.0.113.0/24"]`), after: func(w *ward) { w.front(proxies, behind(change)) },
		seen: []string{"webhook client address"}, fix: "MLC_TRUSTED_PROXIES"}
}

var frontFaults = []fault{
	at("no such name", "DNS", func(w *ward) { w.e.PublicURL = "https://hooks.invalid" }),
	at("nothing listens", "public listener runs", func(w *ward) { w.e.PublicURL = "http://127.0.0.1:1" }),
	at("no TLS there", "end TLS", func(w *ward) {
		w.front("0", nil)
		w.e.PublicURL = strings.Replace(w.e.PublicURL, "http:", "https:", 1)
	}),
	at("a certificate of its own", "certificate of a public authority", func(w *ward) {
		s := httptest.NewTLSServer(http.NotFoundHandler())
		w.t.Cleanup(s.Close)
		s.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
		w.e.PublicURL = s.URL
	}),
	at("it leads elsewhere", "final host", func(w *ward) { w.front("0", instead(301, "Location", "https://elsewhere.example/")) }),
	at("a login page", "let the ingress lead", func(w *ward) { w.front("0", instead(200, "Content-Type", "text/html")) }),
	at("no process behind the proxy", "role api", func(w *ward) { w.front("0", instead(502, "", "")) }),
	at("the path is cut", "correct the path", func(w *ward) {
		w.front("0", behind(func(r *http.Request) { r.URL.Path = strings.TrimPrefix(r.URL.Path, "/webhooks") }))
	}),
	at("the proxy drops the header", "pass X-Webhook-Secret", func(w *ward) { w.front("0", behind(func(r *http.Request) { r.Header.Del("X-Webhook-Secret") })) }),
	at("the proxy drops the query", "and the query", func(w *ward) { w.front("0", behind(func(r *http.Request) { r.URL.RawQuery = "" })) }),
	at("another installation", "leads to this installation", func(w *ward) {
		other := newWard(w.t, fault{})
		w.e.PublicURL = other.fronted()
	}),
	byAddress("every post seems to come from the proxy", "0", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.7") }),
	byAddress("more proxies are counted than there are", "3", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.7") }),
}

// fronted is front without anything between.
func (w *ward) fronted() string {
	w.front("0", nil)
	return w.e.PublicURL
}

// A good front: one proxy that is counted, in any case that requires an
// address or not.
func TestDoctorAtAGoodFront(t *testing.T) {
	for name, f := range map[string]fault{
		"no proxy": {after: func(w *ward) { w.front("0", nil) }},
		"one proxy": {edit: swap(`allowlist: ["127.0.0.0/8", "::1"]`, `allowlist: ["203.0.113.0/24"]`), after: func(w *ward) {
			w.front("1", behind(func(r *http.Request) { r.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.7") }))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, f)
			w.certify(certificateOf(t, 300, w.world.KeyPEM))
			seen := false
			for _, c := range w.examine(true) {
				seen = seen || c.Name == "webhook URL" && c.OK
				if c.Failed() {
					t.Errorf("a false alarm: %+v", c)
				}
				if strings.Contains(c.Detail+c.Fix, "probe.") || strings.Contains(c.Detail, distributor.WebhookSecret) {
					t.Errorf("shows what it knocked with: %+v", c)
				}
			}
			if !seen {
				t.Error("the webhook URL was not tried")
			}
		})
	}
}
