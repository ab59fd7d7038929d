package service_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
)

// another is a second deployment for the same companies: with its own Redis,
// and its own keyset unless one is given.
func (e *env) another(ks *secret.Keyset) *env {
	e.t.Helper()
	if ks == nil {
		var err error
		if ks, err = secret.Ephemeral(); err != nil {
			e.t.Fatal(err)
		}
	}
	return &env{t: e.t, world: e.world, tenant: e.tenant, creds: e.creds, keyset: ks, rdb: redistest.Server(e.t), log: &bytes.Buffer{}, contract: e.contract}
}

// heldFor waits until people are told of a deployment's hold.
func (e *env) heldFor(words ...string) {
	e.t.Helper()
	e.await(60*time.Second, func() []string {
		wm, err := e.rooms.States.Tenant(tenantID).Watermarks(e.t.Context())
		if err != nil {
			return []string{err.Error()}
		}
		for _, w := range words {
			if !strings.Contains(wm[state.Held], w) {
				return []string{fmt.Sprintf("people are told %q, which does not say %q", wm[state.Held], w)}
			}
		}
		return nil
	})
}

func (e *env) deployment() string {
	e.t.Helper()
	id, err := e.rooms.Tenants.Deployment(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	return id
}

// wroteBeyond waits until more documents are written than n.
func (e *env) wroteBeyond(n int) {
	e.t.Helper()
	e.await(60*time.Second, func() []string {
		if got := documents(e.world); got <= n {
			return []string{fmt.Sprintf("%d documents, want more than %d", got, n)}
		}
		return nil
	})
}

// documents are all that was written but flags.
func documents(w *distributor.World) int {
	n := 0
	for _, e := range w.Cin7.Journal() {
		if !strings.HasPrefix(e.Number, "ml-connector deployment ") {
			n++
		}
	}
	return n
}

// A second deployment with a Redis of its own stops before its first write,
// says which the other one is and what to do, and goes on once a person has
// said that the company is its own. Then the first one stops.
func TestTwoDeploymentsNoticeEachOther(t *testing.T) {
	t.Parallel()
	first := newEnv(t, distributor.Options{}, "INVOICE")
	first.world.TellPast()
	first.start()
	first.apply()
	first.wroteBeyond(3)
	first.stop()
	written := documents(first.world)

	second := first.another(nil)
	second.start()
	second.apply()
	second.heldFor("another deployment", first.deployment(), "tenant rebind "+tenantID)
	if n := documents(first.world) - written; n != 0 {
		t.Errorf("the second deployment wrote %d times", n)
	}
	if !strings.Contains(second.logText(), "another deployment") {
		t.Error("the log does not tell of the other deployment")
	}
	seen := false
	c, err := service.Load("", second.settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range service.Doctor(t.Context(), service.Examination{Rooms: second.rooms, Redis: second.rdb, Transports: service.Transports(c)}, second.tenant) {
		if check.Name == "other deployments" {
			seen = check.Failed() && strings.Contains(check.Fix, "tenant rebind "+tenantID) && strings.Contains(check.Detail, first.deployment())
		}
	}
	if !seen {
		t.Error("the doctor does not name it")
	}

	second.rebind()
	second.stop()
	second.unhold()
	second.start()
	second.wroteBeyond(written)
	second.stop()

	// The first one comes back and has something to write.
	written = documents(first.world)
	first.world.TellLive()
	first.forgetLook()
	first.start()
	first.poll()
	first.heldFor("another deployment", second.deployment())
	if n := documents(first.world) - written; n != 0 {
		t.Errorf("the first deployment wrote %d times beside the second", n)
	}
}

// A deployment that lost its Redis and kept its keyset goes on by itself; if
// the other one was a copy and still works, that one stops.
func TestCopiedKeysetIsNoticed(t *testing.T) {
	t.Parallel()
	first := newEnv(t, distributor.Options{}, "INVOICE")
	first.world.TellPast()
	first.start()
	first.apply()
	first.wroteBeyond(3)
	first.stop()
	second := first.another(first.keyset)
	written := documents(first.world)
	second.start()
	second.apply()
	second.wroteBeyond(written)
	second.stop()
	written = documents(first.world)
	first.world.TellLive()
	first.forgetLook()
	first.start()
	first.poll()
	first.heldFor("another deployment", second.deployment())
	if n := documents(first.world) - written; n != 0 {
		t.Errorf("%d writes beside the other deployment", n)
	}
}

// Two that raise their flags at the same moment see each other.
func TestFlagsAreRaisedBeforeTheLook(t *testing.T) {
	t.Parallel()
	first := newEnv(t, distributor.Options{}, "INVOICE")
	second := first.another(nil)
	first.world.TellPast()
	for _, e := range []*env{first, second} {
		e.start()
		e.apply()
	}
	// One goes on, or none does when each looked while the other's flag was up;
	// never do both write documents.
	first.await(60*time.Second, func() []string {
		for _, e := range []*env{first, second} {
			wm, err := e.rooms.States.Tenant(tenantID).Watermarks(t.Context())
			if err == nil && strings.Contains(wm[state.Held], "another deployment") {
				return nil
			}
		}
		return []string{"both go on"}
	})
	for _, d := range first.world.Doubles() {
		t.Error(d)
	}
	wrote := map[string]bool{}
	for _, e := range []*env{first, second} {
		for _, r := range e.outcomes() {
			if r.State == "completed" && r.Type == "purchaseorder" {
				wrote[e.deployment()] = true
			}
		}
	}
	if len(wrote) > 1 {
		t.Errorf("both deployments wrote documents: %v", wrote)
	}
}

func (e *env) rebind() {
	e.t.Helper()
	if err := e.rooms.Tenants.Rebind(e.t.Context(), tenantID); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) poll() {
	e.t.Helper()
	if err := e.rooms.States.Tenant(tenantID).RequestPoll(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	if err := e.rooms.Queue.Wake(e.t.Context(), tenantID, time.Time{}); err != nil {
		e.t.Fatal(err)
	}
}

// unhold frees a lane that is held, which ends by itself after minutes.
func (e *env) unhold() {
	e.t.Helper()
	if err := e.rdb.HDel(e.t.Context(), "mlc:{"+tenantID+"}:lane", "hold").Err(); err != nil {
		e.t.Fatal(err)
	}
}

// forgetLook makes a deployment look anew, as it does after 20 minutes.
func (e *env) forgetLook() {
	e.t.Helper()
	if err := e.rdb.HDel(e.t.Context(), "mlc:{"+tenantID+"}:wm", state.Flagged).Err(); err != nil {
		e.t.Fatal(err)
	}
}
