package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// keysOf reads everything that Redis keeps under a tenant's tag.
func (h *house) keysOf(t interface{ Fatal(args ...any) }, tenantID string) map[string]string {
	ctx, out := h.t.Context(), map[string]string{}
	keys, err := h.rdb.Keys(ctx, "*{"+tenantID+"}*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k == queue.KeyHooks(tenantID) {
			continue // who posts to it with a wrong secret is listed there, and nowhere else
		}
		kind, err := h.rdb.Type(ctx, k).Result()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		switch kind {
		case "hash":
			v, err = h.rdb.HGetAll(ctx, k).Result()
		case "stream":
			v, err = h.rdb.XRange(ctx, k, "-", "+").Result()
		case "zset":
			v, err = h.rdb.ZRangeWithScores(ctx, k, 0, -1).Result()
		case "set":
			v, err = h.rdb.SMembers(ctx, k).Result()
		case "list":
			v, err = h.rdb.LRange(ctx, k, 0, -1).Result()
		default:
			v, err = h.rdb.Get(ctx, k).Result()
		}
		if err != nil {
			t.Fatal(err)
		}
		out[k] = fmt.Sprint(v)
	}
	return out
}

// Two tenants share everything but their data. Whatever is asked about one,
// in any order, by an owner of the API or by whoever has its webhook secret,
// with the names and records of the other among the arguments, not one byte of
// the other changes, and no answer shows the other's records.
func TestTenantsAreApart(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	// One name is the beginning of the other, and both have the same records.
	const mine, other, theirs = "acme", "acme-2", "4711"
	h.apply(h.document(func(d map[string]any) {
		d["id"], d["name"] = other, "Other Ltd"
		d["webhook"] = map[string]any{"secrets": []string{otherSecret}}
	}))
	for _, tenantID := range []string{mine, other} {
		marks := []queue.Mark{{Ref: queue.Ref{Type: "vendor", ID: "1"}, Source: "poll"}, {Ref: queue.Ref{Type: "vendorbill", ID: "2"}, Source: "poll"}}
		if tenantID == other {
			marks = append(marks, queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: theirs}, Source: "poll"})
		}
		if _, err := h.config.Queue.Mark(t.Context(), tenantID, queue.Live, marks...); err != nil {
			t.Fatal(err)
		}
		if err := h.config.States.Tenant(tenantID).RequestPoll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.config.States.AddHooks(t.Context(), state.TenantHook{Tenant: tenantID, Hook: state.Hook{Verdict: "accepted", Address: "203.0.113.1"}}); err != nil {
			t.Fatal(err)
		}
	}
	var routes []api.Endpoint
	for _, e := range api.Table() {
		// Those that ask the two systems need clients, which each has its own.
		if !slices.ContainsFunc([]string{":ping", ":doctor", "accounts", "mappings", "reconciliation"}, func(s string) bool { return strings.HasSuffix(e.Pattern, s) }) &&
			(e.Pattern != "/tenants/{id}/backfill" || e.Method != http.MethodPost) && strings.Contains(e.Pattern, "{id}") {
			routes = append(routes, e)
		}
	}
	before, steps, shown := h.keysOf(t, other), 0, 0
	if len(before) < 5 {
		t.Fatalf("the other tenant has %d keys: nothing is proved", len(before))
	}
	bodies := []string{"", "{}", string(h.document()), string(h.document(func(d map[string]any) { d["id"] = other })), `{"accounts":{"5000":"429"}}`, `{"state":"parked"}`, `{"state":"parked","dry_run":true}`,
		`{"reason":"x","until":"2999-01-01","by":"me"}`, `{"retire_old":true,"force":true}`, `{"tenant":"` + other + `","id":"` + other + `"}`}
	hooks := []string{`{"type":"vendor","id":"1"}`, `{"type":"vendorbill","id":"` + theirs + `","tenant":"` + other + `"}`, `{"recordType":"vendorbill","id":"2","account":"` + other + `"}`, "]"}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			steps++
			if rapid.Bool().Draw(rt, "webhook") {
				path := "/webhooks/netsuite/" + rapid.SampledFrom([]string{mine, other, mine + "}", "{" + other + "}", mine + "." + other, other + "%00"}).Draw(rt, "tenant")
				h.post(path+"?secret="+hookSecret+"&tenant="+other, rapid.SampledFrom(hooks).Draw(rt, "hook"))
			} else {
				e := rapid.SampledFrom(routes).Draw(rt, "route")
				id := mine
				if e.Method == http.MethodDelete {
					id = mine + "}:x{" + other // what would reach the other if ids were pasted into keys
				}
				path := strings.NewReplacer("{id}", strings.NewReplacer("{", "%7B", "}", "%7D").Replace(id), "{type}", rapid.SampledFrom([]string{"vendor", "vendorbill"}).Draw(rt, "type"),
					"{nsid}", rapid.SampledFrom([]string{"1", "2", theirs, "2%7D:" + other}).Draw(rt, "record")).Replace(e.Pattern)
				query := "" // a name that is not known is refused before anything is looked at
				if slices.Contains(api.Parameters[e.Method+" "+e.Pattern], "cursor") {
					query = "?cursor=" + rapid.SampledFrom([]string{"", "1_%7B" + other + "%7D"}).Draw(rt, "cursor")
				}
				got := h.call(e.Method, "/api/v1"+path+query, rapid.SampledFrom(bodies).Draw(rt, "body"), "Authorization", "Bearer "+ownerToken)
				shown++
				if strings.Contains(string(got.body), "Other Ltd") {
					rt.Fatalf("%s %s shows the other tenant: %s", e.Method, path, got.body)
				}
			}
		}
		h.group.Wait()
		after := h.keysOf(rt, other)
		for k := range after {
			if after[k] != before[k] {
				rt.Fatalf("%s of the other tenant is now\n%q, it was\n%q", k, after[k], before[k])
			}
		}
		if len(after) != len(before) {
			rt.Fatalf("the other tenant has %d keys, it had %d", len(after), len(before))
		}
	})
	t.Logf("%d steps, %d of them calls of the API: 0 changed a byte of the other tenant", steps, shown)
}
