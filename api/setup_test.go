package api_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// house is both listeners over an embedded Redis, and everything they said.
type house struct {
	t        testing.TB
	redis    *miniredis.Miniredis
	rdb      redis.UniversalClient
	config   api.Config
	pub, ops *httptest.Server
	client   *http.Client
	log      *output
	said     *output // heads and bodies of all answers
	pem      string
	group    sync.WaitGroup
}

// output is a buffer that a test reads while others write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// open starts a house with the tenant acme in it. Every answer is held against
// openapi.yaml; at the end no canary may be found anywhere.
func open(t testing.TB, edit ...func(*api.Config)) *house {
	t.Helper()
	h := &house{t: t, redis: miniredis.RunT(t), log: &output{}, said: &output{}}
	h.rdb = redis.NewClient(&redis.Options{Addr: h.redis.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = h.rdb.Close() })
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	h.pem = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	enc := zap.NewProductionEncoderConfig()
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.AddSync(h.log), zapcore.DebugLevel))
	tenants := tenant.NewStore(h.rdb, ks)
	h.config = api.Config{
		Queue: queue.New(h.rdb, queue.Options{}), States: state.New(h.rdb), Tenants: tenants, Door: tenant.NewDoor(tenants), Audit: audit.New(h.rdb, tenants.InstallationKey, log), MaxBodyBytes: 4096,
		// The service must not read its own machine for a caller.
		TenantOptions: tenant.Options{Getenv: os.Getenv, ReadFile: os.ReadFile},
		Spec:          mlconnector.OpenAPI, Log: log, Registry: prometheus.NewRegistry(),
		Go:    func(f func() error) { h.group.Go(func() { _ = f() }) },
		Ready: func(context.Context) []api.Check { return []api.Check{{Name: "redis", OK: true}} },
		Ping: func(_ context.Context, t *tenant.Tenant) []api.Check {
			return []api.Check{{Name: "NetSuite " + t.NetSuite.AccountID, OK: true}, {Name: "Cin7 Core", Detail: "the key is refused", Fix: "correct it"}}
		},
	}
	h.config.Doctor = h.config.Ping
	for _, f := range edit {
		f(&h.config)
	}
	h.apply(h.document())
	pub, ops := api.New(h.config)
	serve := func(handler http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(nil)
		s.Config = api.Server(handler, log)
		s.Start()
		t.Cleanup(s.Close)
		return s
	}
	h.pub, h.ops = serve(pub), serve(ops)
	h.client = &http.Client{Transport: &checked{t: t, said: h.said, next: &http.Transport{}, spec: spec(t), pub: strings.TrimPrefix(h.pub.URL, "http://")}, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		h.group.Wait()
		h.sealed()
	})
	return h
}

// document is a good tenant document.
func (h *house) document(edit ...func(map[string]any)) []byte {
	h.t.Helper()
	d := map[string]any{
		"id": "acme", "name": "Acme Distribution",
		"netsuite": map[string]any{"account_id": "1234567_SB1", "client_id": "3f00", "certificate_id": "Zk00", "private_key": h.pem},
		"cin7":     map[string]any{"account_id": "704ef231-0000-4000-8000-000000000001", "application_key": cin7Key},
		"webhook":  map[string]any{"secrets": []string{hookSecret}},
		"sync": map[string]any{"types": []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill"}, "location": "Main Warehouse",
			"tax_rule": "Tax on Purchases", "payment_term": "30 days", "mapping": map[string]any{"accounts": map[string]string{"5000": "429"}}},
	}
	for _, f := range edit {
		f(d)
	}
	b, err := json.Marshal(d)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *house) apply(doc []byte) {
	h.t.Helper()
	tn, creds, err := tenant.ParseJSON(doc, tenant.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.config.Tenants.Apply(h.t.Context(), tn, creds); err != nil {
		h.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// json decodes the body.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("answer %d %q: %v", a.status, a.body, err)
	}
	return v
}

func (h *house) do(req *http.Request) answer {
	h.t.Helper()
	resp, err := h.client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// post sends a webhook with the right secret, unless the path or a header
// says otherwise. Headers come as name and value.
func (h *house) post(path, body string, header ...string) answer {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, h.pub.URL+path, body, header...))
}

// call asks the ops listener.
func (h *house) call(method, path, body string, header ...string) answer {
	h.t.Helper()
	return h.do(h.request(method, h.ops.URL+path, body, header...))
}

func (h *house) request(method, url, body string, header ...string) *http.Request {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if name, more := strings.CutPrefix(header[i], "+"); more { // a second line of it
			req.Header.Add(name, header[i+1])
			continue
		}
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return req
}

const (
	hook = "/webhooks/netsuite/acme?secret=" + hookSecret
	bill = `{"recordType":"vendorbill","id":"48213"}`
)

// waiting is how many marks acme has.
func (h *house) waiting() int64 {
	h.t.Helper()
	l, err := queue.New(h.rdb, queue.Options{}).Lane(h.t.Context(), "acme")
	if err != nil {
		h.t.Fatal(err)
	}
	return l.Depth[queue.Live]
}
