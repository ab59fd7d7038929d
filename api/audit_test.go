package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/soak"
)

// Every change of the ops API leaves an entry, named by who made it; a new
// endpoint cannot be forgotten, because the table is walked.
func TestEveryChangeIsAudited(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	for _, e := range api.Table() {
		if e.Method == http.MethodGet || strings.HasSuffix(e.Pattern, ":ping") {
			continue
		}
		before, _, err := h.config.Audit.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := "/api/v1" + strings.NewReplacer("{id}", "acme", "{type}", "vendor", "{nsid}", "1").Replace(e.Pattern)
		if e.Method == http.MethodDelete {
			path = strings.Replace(path, "acme", "nobody", 1)
		}
		h.call(e.Method, path, "", "Authorization", "Bearer "+ownerToken)
		after, _, err := h.config.Audit.Head(t.Context())
		if err != nil || after == before {
			t.Errorf("%s %s left no entry (%v)", e.Method, e.Pattern, err)
			continue
		}
		list, err := h.config.Audit.List(t.Context(), before+2, 1)
		if err != nil || len(list) != 1 {
			t.Fatalf("got %v, %v", list, err)
		}
		if got := list[0]; got.Action != e.Method+" "+e.Pattern || !strings.HasPrefix(got.Actor, "owner ") || strings.Contains(got.Actor, "canary") || got.Detail["request_id"] == "" {
			t.Errorf("%s %s: got %+v", e.Method, e.Pattern, got)
		}
	}
	if _, err := h.config.Audit.Verify(t.Context(), 0, ""); err != nil {
		t.Error(err)
	}
}

func TestAuditTellsWhatChanged(t *testing.T) {
	h := open(t)
	h.call(http.MethodPut, "/api/v1/tenants/acme", string(h.document(func(d map[string]any) { d["name"] = "Acme Ltd" })))
	h.call(http.MethodPut, "/api/v1/tenants/acme", "{}")
	got := h.call(http.MethodGet, "/api/v1/audit?limit=3", "").json(t)
	entries, _ := got["entries"].([]any)
	if len(entries) != 3 {
		t.Fatalf("got %v", got)
	}
	detail := func(i int) map[string]any { return entries[i].(map[string]any)["detail"].(map[string]any) }
	if detail(0)["status"] != "422" {
		t.Errorf("a refused change: got %v", detail(0))
	}
	changed, _ := detail(2)["changed"].(string)
	if !strings.Contains(changed, `name: "Acme Distribution" -> "Acme Ltd"`) || !strings.Contains(changed, "cin7.application_key: given") {
		t.Errorf("got %q", changed)
	}
	next := h.call(http.MethodGet, "/api/v1/audit?limit=3&cursor="+got["cursor"].(string), "").json(t)
	if entries, _ := next["entries"].([]any); len(entries) != 1 || next["cursor"] != nil {
		t.Errorf("the next page: %v", next)
	}
	for _, q := range []string{"limit=0", "limit=x", "cursor=x", "cursor=0", "limit=1001"} {
		if got := h.call(http.MethodGet, "/api/v1/audit?"+q, ""); got.status != http.StatusBadRequest {
			t.Errorf("%s: got %d", q, got.status)
		}
	}
}

// What cannot be audited does not happen.
func TestNoAuditNoChange(t *testing.T) {
	h := open(t)
	h.rdb.Set(t.Context(), "mlc:{!audit}:head", "not a hash", 0)
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:pause", ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("got %d", got.status)
	}
	tn, err := h.config.Tenants.Get(t.Context(), "acme")
	if err != nil || tn.Paused != "" {
		t.Errorf("it was paused all the same: %v", err)
	}
}

func TestRotateSecretByAPI(t *testing.T) {
	h := open(t)
	const path = "/api/v1/tenants/acme:rotate-secret"
	if got := h.call(http.MethodPost, path, `{"retire_old":true}`); got.status != http.StatusConflict {
		t.Errorf("with one secret: got %d %s", got.status, got.body)
	}
	made := h.call(http.MethodPost, path, "")
	v := made.json(t)
	fresh, _ := v["secret"].(string)
	if made.status != http.StatusOK || len(fresh) != 43 || v["path"] != "/webhooks/netsuite/acme?secret="+fresh {
		t.Fatalf("got %d %v", made.status, v)
	}
	if got := h.call(http.MethodPost, path, ""); got.status != http.StatusConflict {
		t.Errorf("a third secret: got %d", got.status)
	}
	if got := h.call(http.MethodPost, path, `{"retire_old":true}`); got.status != http.StatusConflict || !strings.Contains(string(got.body), "never been used") {
		t.Errorf("too early: got %d %s", got.status, got.body)
	}
	ended := h.call(http.MethodPost, path, `{"retire_old":true,"force":true}`)
	if v := ended.json(t); ended.status != http.StatusOK || v["secret"] != nil || v["ended"] == "" {
		t.Errorf("got %d %v", ended.status, v)
	}
	if strings.Contains(h.log.String(), fresh) || strings.Contains(h.redis.Dump(), fresh) {
		t.Error("the new secret is in the log or in Redis")
	}
}

// Posts go on while the secret is rotated: none is refused before the old one
// is ended, all with the old one are after that.
func TestRotationUnderLoad(t *testing.T) {
	posts := soak.N(400, 20_000)
	h := open(t)
	current := atomic.Pointer[string]{}
	first := hookSecret
	current.Store(&first)
	var refused, sent atomic.Int64
	var load sync.WaitGroup
	rotated := make(chan struct{})
	for w := range 4 {
		load.Go(func() {
			for i := range posts / 4 {
				if i == posts/8 && w == 0 {
					close(rotated)
				}
				secret := first
				if w%2 == 0 { // some scripts have the new one, others not yet
					secret = *current.Load()
				}
				sent.Add(1)
				if got := h.post("/webhooks/netsuite/acme?secret="+secret, bill); got.status != http.StatusAccepted {
					refused.Add(1)
				}
			}
		})
	}
	<-rotated
	fresh, _ := h.call(http.MethodPost, "/api/v1/tenants/acme:rotate-secret", "").json(t)["secret"].(string)
	// Scripts get the new secret once this process knows it; until the plate is
	// old the door admits by what it remembers.
	for deadline := time.Now().Add(30 * time.Second); h.post("/webhooks/netsuite/acme?secret="+fresh, bill).status != http.StatusAccepted; {
		if time.Now().After(deadline) {
			t.Fatal("the new secret does not come into force")
		}
		<-time.After(50 * time.Millisecond)
	}
	current.Store(&fresh)
	load.Wait()
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme:rotate-secret", `{"retire_old":true,"force":true}`); got.status != http.StatusOK {
		t.Fatalf("got %d", got.status)
	}
	for deadline := time.Now().Add(30 * time.Second); h.post(hook, bill).status != http.StatusUnauthorized; {
		if time.Now().After(deadline) {
			t.Fatal("the old secret is still admitted")
		}
		<-time.After(50 * time.Millisecond)
	}
	if refused.Load() != 0 {
		t.Errorf("%d of %d posts were refused during the rotation", refused.Load(), sent.Load())
	}
	soak.Figure(t, "posts refused while the secret is rotated", "%s", soak.NoneOf(int(sent.Load())))
	list, err := h.config.Audit.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, e := range list {
		if strings.HasSuffix(e.Action, ":rotate-secret ended") && (e.Detail["new_secret"] != "" || e.Detail["ended_secret"] != "") {
			steps++
		}
	}
	if steps != 2 {
		t.Errorf("the audit log has %d of the 2 steps", steps)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	try := func(token string) int {
		return h.call(http.MethodGet, "/api/v1/tenants", "", "Authorization", "Bearer "+token).status
	}
	for range 3 {
		for range 9 {
			if got := try("canary-invented"); got != http.StatusUnauthorized {
				t.Fatalf("got %d", got)
			}
		}
		if got := try(viewerToken); got != http.StatusOK { // forgives
			t.Fatalf("got %d", got)
		}
	}
	for range 10 {
		try("canary-invented")
	}
	for _, token := range []string{"canary-invented", ownerToken} {
		if got := h.call(http.MethodGet, "/api/v1/tenants", "", "Authorization", "Bearer "+token); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Errorf("after ten wrong tokens: got %d", got.status)
		}
	}
	if n := strings.Count(h.log.String(), "tokens are being guessed"); n != 1 || !strings.Contains(h.log.String(), `"network":"127.0.0.1"`) {
		t.Errorf("the log tells of it %d times, want once, with the address", n)
	}
}

// A host with IPv6 has as many addresses as it likes within its network, which
// do not help it; and a flood of networks forgives nobody who is barred.
func TestGuessersAreNetworks(t *testing.T) {
	at := func(addr string) *http.Request { return &http.Request{RemoteAddr: addr} }
	g := api.NewGuesses(zap.NewNop())
	for i := range 10 {
		g.Wrong(at(fmt.Sprintf("[2001:db8:1:2:%x::%x]:4000", i, i+1)))
		g.Wrong(at(fmt.Sprintf("[::ffff:203.0.113.9]:%d", 4000+i)))
	}
	for addr, want := range map[string]bool{
		"[2001:db8:1:2:ffff::1]:1": true, "[2001:db8:1:3::1]:1": false,
		"203.0.113.9:1": true, "203.0.113.10:1": false,
	} {
		if got := g.Barred(at(addr)); got != want {
			t.Errorf("%s barred: got %v, want %v", addr, got, want)
		}
	}
	for i := range 30_000 {
		g.Wrong(at(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)))
	}
	if !g.Barred(at("203.0.113.9:1")) {
		t.Error("a flood of other addresses lifts the bar")
	}
}
