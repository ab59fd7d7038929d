package console_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// The tokens of the three roles, and the tenant's secrets.
const (
	hookSecret = "hook-secret_hook-secret_hook-secret"
	cin7Key    = "cin7-key-cin7-key-cin7-key-cin7-key"

	viewerToken   = "viewer-token-viewer-token-viewer"
	operatorToken = "operator-token-operator-token-op"
	ownerToken    = "owner-token-owner-token-owner-tok"
)

// house is the console on an ops listener, with the tenant acme.
type house struct {
	t      testing.TB
	config console.Config
	tokens api.Tokens
	now    time.Time
	url    string

	auditFails error
}

func open(t testing.TB, edit ...func(*house)) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for role, token := range map[string]string{"viewer": viewerToken, "operator": operatorToken, "owner": ownerToken} {
		sum := sha256.Sum256([]byte(token))
		fmt.Fprintln(&file, role, hex.EncodeToString(sum[:]))
	}
	if h.tokens, err = api.ParseTokens([]byte(file.String())); err != nil {
		t.Fatal(err)
	}
	log := canary.Set{"viewer's token": viewerToken, "operator's token": operatorToken, "owner's token": ownerToken, "webhook secret": hookSecret, "Cin7 key": cin7Key}.Logger(t)
	h.config = console.Config{
		Seal: ks, Log: log, Reasons: mlconnector.ParkedReasons,
		Tokens: func() api.Tokens { return h.tokens }, Now: func() time.Time { return h.now },
		Ping: func(context.Context, *tenant.Tenant) []api.Check { return []api.Check{{Name: "NetSuite", OK: true}} },
		Doctor: func(context.Context, *tenant.Tenant) []api.Check {
			return []api.Check{{Name: "certificate", Detail: "ends in 9 days", Fix: "upload the next one"}}
		},
		Budget: func(context.Context, *tenant.Tenant) (int, error) { return 4, nil },
		Sides: func(context.Context, *tenant.Tenant, state.Record) ([]handlers.Side, error) {
			return []handlers.Side{{What: "Total", NetSuite: "1.00", Cin7: "2.00", Differs: true}}, nil
		},
		Reconcile: func(_ context.Context, _ *tenant.Tenant, from, _ string) (*reconcile.Report, error) {
			if from == "" {
				return nil, state.ErrNotFound
			}
			return &reconcile.Report{}, nil
		},
		StartBackfill: func(_ context.Context, _ *tenant.Tenant, in poller.BackfillRequest, _ bool) (poller.Backfill, error) {
			return poller.Backfill{State: "running", Counted: map[string]int{"vendorbill": 7}, Forecast: &poller.Forecast{Records: 7, Cin7Calls: 28, Minutes: 3}}, nil
		},
	}
	s := httptest.NewUnstartedServer(nil)
	t.Cleanup(s.Close)
	h.url = "http://" + s.Listener.Addr().String()
	h.move(redistest.Embedded(t))
	for _, f := range edit {
		f(h)
	}
	_, ops := api.New(api.Config{Queue: h.config.Queue, States: h.config.States, Tenants: h.config.Tenants, Log: log, Registry: prometheus.NewRegistry(), Console: console.New(h.config)})
	s.Config.Handler = ops
	s.Start()
	return h
}

// move sets the house up on a Redis.
func (h *house) move(rdb redis.UniversalClient) {
	h.config.Audit = audit.New(rdb, func(context.Context) ([]byte, error) { return []byte("the installation's key"), h.auditFails }, zap.NewNop())
	h.config.Queue, h.config.States, h.config.Tenants = queue.New(rdb, queue.Options{}), state.New(rdb), tenant.NewStore(rdb, h.config.Seal)
	h.apply("acme", "Acme Distribution")
}

func (h *house) apply(id, name string) {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]any{
		"id": id, "name": name,
		"netsuite": map[string]any{"account_id": "1234567_SB1", "client_id": "3f00", "certificate_id": "Zk00", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))},
		"cin7":     map[string]any{"account_id": "704ef231-0000-4000-8000-000000000001", "application_key": cin7Key},
		"webhook":  map[string]any{"secrets": []string{hookSecret}},
		"sync": map[string]any{"location": "Main Warehouse", "tax_rule": "Tax on Purchases", "payment_term": "30 days",
			"mapping": map[string]any{"accounts": map[string]string{"5000": "429"}}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	tn, creds, err := tenant.ParseJSON(doc, tenant.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.config.Tenants.Apply(context.Background(), tn, creds); err != nil {
		h.t.Fatal(err)
	}
}

// bill is a parked bill.
type bill struct {
	id      string
	facts   map[string]string
	reason  string
	message string
}

// park puts one there.
func (h *house) park(id string, facts map[string]string, reason, message string) {
	h.t.Helper()
	h.parkAll(bill{id, facts, reason, message})
}

// parkAll puts bills there, the way a lane does.
func (h *house) parkAll(bills ...bill) {
	h.t.Helper()
	ctx := context.Background()
	var marks []queue.Mark
	of := map[string]bill{}
	for _, b := range bills {
		marks = append(marks, queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: b.id}, Source: "webhook", Note: b.message})
		of[b.id] = b
	}
	if _, err := h.config.Queue.Mark(ctx, "acme", queue.Live, marks...); err != nil {
		h.t.Fatal(err)
	}
	turn, err := h.config.Queue.Claim(ctx, "w")
	if err != nil || turn == nil {
		h.t.Fatalf("claim: %v, %v", turn, err)
	}
	for left := len(bills); left > 0; {
		got, err := turn.Take(ctx, 100)
		if err != nil || len(got) == 0 {
			h.t.Fatalf("take: %v, %v", got, err)
		}
		var out []queue.Settlement
		for i := range got {
			b := of[got[i].ID]
			out = append(out, queue.Settlement{Ref: got[i].Ref, Entry: &got[i], State: queue.Parked, Reason: b.reason, Message: b.message, Fix: b.message, Facts: b.facts,
				Steps: []queue.Step{{Name: "read", Text: b.message}}})
		}
		if err := turn.Settle(ctx, out...); err != nil {
			h.t.Fatal(err)
		}
		left -= len(got)
	}
	if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
		h.t.Fatal(err)
	}
}

// settleAs brings a record in step.
func (h *house) settleAs(k queue.Ref, facts map[string]string) {
	h.t.Helper()
	h.settle(queue.Settlement{Ref: k, State: queue.Completed, Facts: facts})
}

// settle gives a record an outcome, the way a lane does.
func (h *house) settle(s queue.Settlement) {
	h.t.Helper()
	k := s.Ref
	ctx := context.Background()
	if _, err := h.config.Queue.Mark(ctx, "acme", queue.Live, queue.Mark{Ref: k, Source: "poll"}); err != nil {
		h.t.Fatal(err)
	}
	turn, err := h.config.Queue.Claim(ctx, "w")
	if err != nil || turn == nil {
		h.t.Fatalf("claim: %v, %v", turn, err)
	}
	got, err := turn.Take(ctx, 10)
	if err != nil || len(got) != 1 {
		h.t.Fatalf("take: %v, %v", got, err)
	}
	s.Entry = &got[0]
	if err := turn.Settle(ctx, s); err != nil {
		h.t.Fatal(err)
	}
	if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
		h.t.Fatal(err)
	}
}

// person is a browser without script.
type person struct {
	h *house
	c *http.Client
}

// as signs in with a token; "" stays a stranger.
func (h *house) as(token string) *person {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	p := &person{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if token != "" {
		if status, _, _ := p.post("/console/sign-in", url.Values{"token": {token}}); status != http.StatusSeeOther {
			h.t.Fatalf("sign in: %d", status)
		}
	}
	return p
}

func (p *person) do(req *http.Request) (status int, body, to string) {
	p.h.t.Helper()
	resp, err := p.c.Do(req)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header.Get("Location")
}

func (p *person) get(path string) (status int, body, to string) {
	p.h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.h.url+path, nil)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return p.do(req)
}

func (p *person) post(path string, form url.Values, header ...string) (status int, body, to string) {
	p.h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.do(req)
}

// page is a GET that must succeed.
func (p *person) page(path string) string {
	p.h.t.Helper()
	status, body, _ := p.get(path)
	if status != http.StatusOK {
		p.h.t.Fatalf("GET %s: %d\n%s", path, status, body)
	}
	return body
}
