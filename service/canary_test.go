package service_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/trace"
)

// trouble is a transport that now and then panics with the whole request in
// its hands, or times out, and keeps the secrets that went over the wire.
type trouble struct {
	mu               sync.Mutex
	sent             int
	panics, timeouts int
	tokens           map[string]bool // bearer tokens and assertions of NetSuite
	rarely           bool            // one request in a hundred, so that the work gets done
}

func (x *trouble) over(next http.RoundTripper) http.RoundTripper { return troubled{x, next} }

type troubled struct {
	x    *trouble
	next http.RoundTripper
}

func (tr troubled) RoundTrip(r *http.Request) (*http.Response, error) {
	x := tr.x
	x.mu.Lock()
	x.sent++
	n := x.sent
	token := strings.HasSuffix(r.URL.Path, "/token")
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		x.tokens[t] = true
	}
	if token && r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			b, _ := io.ReadAll(body)
			if form, err := url.ParseQuery(string(b)); err == nil {
				// Two assertions differ in their signature, not in their beginning.
				if a := form.Get("client_assertion"); len(a) > 60 {
					x.tokens[a[len(a)-60:]] = true
				}
			}
		}
	}
	every := 9
	if x.rarely {
		every = 100
	}
	switch n % every {
	case 4:
		if token {
			break
		}
		x.panics++
		x.mu.Unlock()
		panic(fmt.Sprintf("%s %s %v", r.Method, r.URL, r.Header))
	case 7:
		x.timeouts++
		x.mu.Unlock()
		return nil, fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)
	}
	x.mu.Unlock()
	return tr.next.RoundTrip(r)
}

// asked asks the ops listener with a token and returns all of the answer.
func (e *env) asked(method, path, token, body string) string {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.ops+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if strings.HasPrefix(path, "/console") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return fmt.Sprintf("%d %v\n%s\n", res.StatusCode, res.Header, b)
}

// keysetWithFile is a keyset and its key's bytes.
func keysetWithFile(t *testing.T) (*secret.Keyset, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keyset.json")
	ks, err := secret.Init(secret.Source{File: file})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return ks, keysetKey(t, b)
}

// keysetKey is the key in a keyset file, as bytes.
func keysetKey(t *testing.T, b []byte) string {
	t.Helper()
	var doc struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	if err := json.Unmarshal(b, &doc); err != nil || len(doc.Key) != 1 {
		t.Fatalf("%v in the keyset file", err)
	}
	proto, err := base64.StdEncoding.DecodeString(doc.Key[0].KeyData.Value)
	if err != nil || len(proto) < 32 {
		t.Fatalf("a key of %d bytes, %v", len(proto), err)
	}
	return string(proto[len(proto)-32:])
}

// Nothing that the service says or keeps holds a secret of any kind, at debug
// level, while its requests panic with the secrets in their hands and time
// out, and people and strangers show it more of them.
func TestCanaries(t *testing.T) {
	t.Parallel()
	var spans strings.Builder
	var mu sync.Mutex
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		spans.Write(b)
	}))
	t.Cleanup(collector.Close)
	const collectorKey = "canary-of-the-collector-0123456789"
	otel := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=" + collectorKey}
	tracer, flush, err := trace.Setup(t.Context(), func(k string) string { return otel[k] }, "v1", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t, distributor.Options{}, "INVOICE")
	var key string
	e.keyset, key = keysetWithFile(t)
	const owner, viewer, wrong, wrongHook, putKey = "canary-token-of-the-owner-4711", "canary-token-of-a-viewer-4712", "canary-wrong-token-4713-4713", "canary-wrong-hook-secret-47144714471447144714", "canary-application-key-4715"
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, fmt.Appendf(nil, "owner %x\nviewer %x\n", sha256.Sum256([]byte(owner)), sha256.Sum256([]byte(viewer))), 0o600); err != nil {
		t.Fatal(err)
	}
	e.environ = []string{"MLC_OPS_TOKENS_FILE=" + file}
	x := &trouble{tokens: map[string]bool{}}
	e.wire = &handlers.Transports{NetSuite: x.over(&http.Transport{}), Cin7: x.over(&http.Transport{})}
	e.tracer = tracer
	e.world.TellPast()
	e.start()
	e.apply()
	e.tellLive(1)
	e.await(60*time.Second, func() []string {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.panics < 5 || x.timeouts < 5 || len(x.tokens) < 2 {
			return []string{fmt.Sprintf("%d requests, %d panics, %d timeouts, %d tokens", x.sent, x.panics, x.timeouts, len(x.tokens))}
		}
		return nil
	})

	var answers strings.Builder
	for _, path := range []string{"", "/records?limit=200", "/records?state=parked", "/events", "/accounts", "/backfill", "/mappings", "/reconciliation"} {
		answers.WriteString(e.asked(http.MethodGet, "/api/v1/tenants/"+tenantID+path, owner, ""))
	}
	for _, r := range e.outcomes() {
		answers.WriteString(e.asked(http.MethodGet, "/api/v1/tenants/"+tenantID+"/records/"+r.Type+"/"+r.ID, viewer, ""))
	}
	for _, path := range []string{"/api/v1/tenants", "/api/v1/audit", "/metrics", "/readyz?verbose", "/console/", "/api/v1/" + wrong} {
		answers.WriteString(e.asked(http.MethodGet, path, owner, ""))
	}
	answers.WriteString(e.asked(http.MethodGet, "/api/v1/tenants", wrong, ""))
	answers.WriteString(e.asked(http.MethodPost, "/console/login", "", "token="+url.QueryEscape(wrong)))
	answers.WriteString(e.asked(http.MethodPost, "/api/v1/tenants/"+tenantID+":ping", owner, ""))
	answers.WriteString(e.asked(http.MethodPut, "/api/v1/tenants/"+tenantID, owner, `{"id":"`+tenantID+`","cin7":{"application_key":"`+putKey+`","application_keys":"`+putKey+`"},"webhook":{"secrets":["`+wrongHook+`","`+wrongHook+`"]}}`))
	answers.WriteString(e.asked(http.MethodPut, "/api/v1/tenants/"+tenantID, viewer, `{"cin7":{"application_key":"`+putKey+`"`))
	posted := strings.Replace(e.hook(), distributor.WebhookSecret, wrongHook, 1)
	for _, u := range []string{posted, e.hook()} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u, strings.NewReader(`{"type":"vendor","id":"`+wrongHook+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answers.Write(b)
	}
	redisText := e.redisText()
	e.stop()
	if err := flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	secrets := e.secrets()
	for name, s := range map[string]string{"key of the keyset": key, "owner's token": owner, "viewer's token": viewer, "wrong token": wrong, "wrong webhook secret": wrongHook, "refused application key": putKey, "collector's key": collectorKey} {
		secrets[name] = s
	}
	n := 0
	for s := range x.tokens {
		n++
		secrets[fmt.Sprintf("NetSuite token or assertion %d", n)] = s
	}
	mu.Lock()
	defer mu.Unlock()
	places := map[string]string{"the log": e.logText(), "Redis": redisText, "the answers": answers.String(), "the spans": spans.String()}
	bytes := 0
	for place, text := range places {
		bytes += len(text)
		e.nothingOf(secrets, place, text)
	}
	// The control: the same search finds each of them where it is.
	for name, s := range secrets {
		if hits := (canary.Set{name: s}).Hits(places["the log"] + "\n" + s); len(hits) == 0 {
			t.Errorf("the %s is not found where it is", name)
		}
	}
	if !strings.Contains(places["the log"], "panicked") || !strings.Contains(places["the spans"], "cin7") {
		t.Error("the log has no panic, or the spans no call: nothing is proved")
	}
	soak.Figure(t, "canaries", "%d secrets of %d kinds, %d panics and %d timeouts, %d KB of log, Redis, answers and spans: %s", len(secrets), len(secrets)-n+2, x.panics, x.timeouts, bytes>>10, soak.NoneOf(len(secrets)*len(places)))
}
