package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

const guid = "5f0c2a8e-0000-4000-8000-000000000001"

// settle marks records and settles them as a worker would: bill 1 parked for
// an unmapped account, bill 2 parked for a closed period, order 3 completed.
func (h *house) settle() {
	h.t.Helper()
	ctx, q := h.t.Context(), h.config.Queue
	if _, err := q.Mark(ctx, "acme", queue.Live,
		queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: "1"}, Source: "webhook"},
		queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: "2"}, Source: "webhook"},
		queue.Mark{Ref: queue.Ref{Type: "purchaseorder", ID: "3"}, Source: "poll"}); err != nil {
		h.t.Fatal(err)
	}
	turn, err := q.Claim(ctx, "w")
	if err != nil {
		h.t.Fatal(err)
	}
	entries, err := turn.Take(ctx, 10)
	if err != nil || len(entries) != 3 {
		h.t.Fatalf("took %v, %v", entries, err)
	}
	order := queue.Ref{Type: "purchaseorder", ID: "3"}
	if err := h.config.States.Tenant("acme").Link(ctx, turn.Fence, order, "purchase", guid, map[string]string{state.FactCin7Number: "PO-00412"}); err != nil {
		h.t.Fatal(err)
	}
	if err := turn.Settle(ctx,
		queue.Settlement{Ref: entries[0].Ref, Entry: &entries[0], State: queue.Parked, Reason: "unmapped_account", Message: "account 5100 has no Cin7 account", Fix: "map it",
			Facts: map[string]string{state.FactNumber: "INV-77", state.FactParty: "Blue Mill Ltd", state.FactTotal: "1234.50 USD"}},
		queue.Settlement{Ref: entries[1].Ref, Entry: &entries[1], State: queue.Parked, Reason: "closed_period", Message: "October is closed", Fix: "open it"},
		queue.Settlement{Ref: entries[2].Ref, Entry: &entries[2], State: queue.Completed, Facts: map[string]string{state.FactStage: "INVOICE", state.FactAccounts: "429"},
			Steps: []queue.Step{{Name: "called", Text: "purchase made"}}}); err != nil {
		h.t.Fatal(err)
	}
}

// ids are type:id of the records of a list.
func ids(t *testing.T, a answer) []string {
	t.Helper()
	out := []string{}
	list, _ := a.json(t)["records"].([]any)
	for _, e := range list {
		v, _ := e.(map[string]any)
		out = append(out, fmt.Sprintf("%v:%v", v["type"], v["id"]))
	}
	return out
}

func TestListRecords(t *testing.T) {
	h := open(t)
	h.settle()
	const all = "/api/v1/tenants/acme/records"
	cases := []struct {
		name, query string
		want        int
	}{
		{"all", "", 3},
		{"by state", "?state=parked", 2},
		{"by type", "?type=purchaseorder", 1},
		{"by reason", "?reason=closed_period", 1},
		{"by number", "?q=inv-77", 1},
		{"by vendor", "?q=blue+mill", 1},
		{"by Cin7 number", "?q=PO-00412", 1},
		{"by GUID", "?q=" + guid, 1},
		{"none", "?state=skipped", 0},
		{"all together", "?state=parked&type=vendorbill&reason=unmapped_account&q=1&limit=5", 1},
	}
	for _, c := range cases {
		got := h.call(http.MethodGet, all+c.query, "")
		if got.status != http.StatusOK || len(ids(t, got)) != c.want {
			t.Errorf("%s: got %d %v, want %d records", c.name, got.status, ids(t, got), c.want)
		}
	}
	// Page by page, every record once.
	seen := map[string]int{}
	for cursor, pages := "", 0; ; pages++ {
		got := h.call(http.MethodGet, all+"?limit=1&cursor="+url.QueryEscape(cursor), "")
		for _, id := range ids(t, got) {
			seen[id]++
		}
		if cursor, _ = got.json(t)["next_cursor"].(string); cursor == "" || pages > 5 {
			break
		}
	}
	if diff := cmp.Diff(map[string]int{"vendorbill:1": 1, "vendorbill:2": 1, "purchaseorder:3": 1}, seen); diff != "" {
		t.Errorf("pages: -want +got\n%s", diff)
	}
	for _, query := range []string{"?state=done", "?type=invoice", "?limit=0", "?limit=1001", "?limit=x", "?cursor=x", "?cursor=1_", "?colour=red"} {
		if got := h.call(http.MethodGet, all+query, ""); got.status != http.StatusBadRequest && query != "?cursor=1_" {
			t.Errorf("%s: got %d", query, got.status)
		}
	}
}

func TestGetRecord(t *testing.T) {
	h := open(t)
	h.settle()
	v := h.call(http.MethodGet, "/api/v1/tenants/acme/records/purchaseorder/3", "").json(t)
	want := map[string]any{"number": "PO-00412", "stage": "INVOICE", "accounts": "429", "purchase_id": guid}
	if diff := cmp.Diff(want, v["cin7"]); diff != "" || v["state"] != "completed" {
		t.Errorf("%v: -want +got\n%s", v["state"], diff)
	}
	steps, _ := v["timeline"].([]any)
	var names []string
	for _, s := range steps {
		one, _ := s.(map[string]any)
		names = append(names, fmt.Sprint(one["step"]))
		if at, _ := one["at"].(string); !strings.HasSuffix(at, "Z") {
			t.Errorf("step at %q", at)
		}
	}
	if !strings.Contains(strings.Join(names, " "), "called") {
		t.Errorf("timeline %v", names)
	}
	v = h.call(http.MethodGet, "/api/v1/tenants/acme/records/vendorbill/1", "").json(t)
	for k, want := range map[string]any{"state": "parked", "reason": "unmapped_account", "message": "account 5100 has no Cin7 account", "fix": "map it",
		"number": "INV-77", "party": "Blue Mill Ltd", "total": "1234.50 USD"} {
		if v[k] != want {
			t.Errorf("%s: got %v, want %v", k, v[k], want)
		}
	}
	for _, path := range []string{"vendor/99", "invoice/1", "vendor/x", "vendor/1%2F2", "vendor/-1", "vendor/%7B1%7D"} {
		if got := h.call(http.MethodGet, "/api/v1/tenants/acme/records/"+path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s: got %d", path, got.status)
		}
	}
}

func TestSyncRecord(t *testing.T) {
	down := errors.New("NetSuite answered 503")
	h := open(t, func(c *api.Config) {
		c.Shows = func(_ context.Context, _ *tenant.Tenant, k queue.Ref) (bool, error) {
			if k.ID == "503" {
				return false, down
			}
			return k.ID == "48213", nil
		}
	})
	if got := h.call(http.MethodPost, "/api/v1/tenants/acme/records/vendorbill/48213:sync", ""); got.status != http.StatusAccepted {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if n := h.waiting(); n != 1 {
		t.Errorf("got %d marks", n)
	}
	for path, want := range map[string]int{"vendorbill/7:sync": 404, "vendorbill/503:sync": 502, "invoice/1:sync": 404, "vendor/x:sync": 404, "vendor/1": 405, "vendor/1:sync:sync": 405} {
		if got := h.call(http.MethodPost, "/api/v1/tenants/acme/records/"+path, ""); got.status != want {
			t.Errorf("%s: got %d, want %d", path, got.status, want)
		}
	}
	if n := h.waiting(); n != 1 {
		t.Errorf("got %d marks", n)
	}
	if !strings.Contains(h.log.String(), `"route":"/tenants/{id}/records/{type}/{nsid}:sync"`) {
		t.Errorf("who acted is not logged: %s", h.log)
	}
}

func TestRetryRecords(t *testing.T) {
	cases := []struct {
		name, body string
		want       int
		waiting    int64
	}{
		{"all that is parked", `{}`, 2, 2},
		{"one reason", `{"reason":"closed_period"}`, 1, 1},
		{"dry run", `{"state":"parked","dry_run":true}`, 2, 0},
		{"completed", `{"state":"completed"}`, 1, 1},
		{"none", `{"state":"skipped"}`, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			h.settle()
			got := h.call(http.MethodPost, "/api/v1/tenants/acme/records:retry", c.body)
			want := map[string]any{"records": float64(c.want), "dry_run": c.name == "dry run"}
			if diff := cmp.Diff(want, got.json(t)); diff != "" {
				t.Errorf("%d: -want +got\n%s", got.status, diff)
			}
			if n := h.waiting(); n != c.waiting {
				t.Errorf("got %d marks, want %d", n, c.waiting)
			}
		})
	}
	h := open(t)
	for _, body := range []string{"", "[]", "null", " null\n", "{", `{} {}`, `{"state":"running"}`, `{"state":1}`, `{"dryrun":true}`, `{"dry_run":"` + ownerToken + `"}`} {
		if got := h.call(http.MethodPost, "/api/v1/tenants/acme/records:retry", body); got.status != http.StatusBadRequest {
			t.Errorf("%q: got %d %s", body, got.status, got.body)
		}
	}
}

func TestPutMapping(t *testing.T) {
	h := open(t, func(c *api.Config) {
		c.MappingEffect = func(_ context.Context, t *tenant.Tenant, m tenant.Mapping) (any, error) {
			return handlers.MappingChange{Before: "1 of 2 lines", After: "2 of 2 lines", Moves: []handlers.AccountChange{{ID: 5, Number: "5000", Name: "Office", From: t.Sync.Mapping.Accounts["5000"], To: m.Accounts["5000"], Lines: 1}}}, nil
		}
	})
	h.settle()
	got := h.call(http.MethodPut, "/api/v1/tenants/acme/mapping", `{"accounts":{"5000":"429","5100":"430"},"tax":{"*":"Tax on Purchases"}}`)
	v := got.json(t)
	if got.status != http.StatusOK || v["version"] != 2.0 || v["retried"] != 1.0 {
		t.Errorf("got %d %v", got.status, v)
	}
	if n := h.waiting(); n != 1 {
		t.Errorf("got %d marks, want the bill with the unmapped account", n)
	}
	tn, err := h.config.Tenants.Get(t.Context(), "acme")
	if err != nil || tn.Sync.Mapping.Accounts["5100"] != "430" || tn.Sync.Location != "Main Warehouse" {
		t.Errorf("stored %+v, %v", tn.Sync, err)
	}
	if got := h.post(hook, bill); got.status != http.StatusAccepted {
		t.Errorf("the credentials did not stay: got %d", got.status)
	}
	marks := h.waiting()
	// A dry run shows the effect, checks as strictly, and changes nothing.
	for query, want := range map[string]int{"?dry_run=true": 200, "?dry_run=yes": 400, "?dry_run=1": 400} {
		got := h.call(http.MethodPut, "/api/v1/tenants/acme/mapping"+query, `{"accounts":{"5000":"465"}}`)
		if got.status != want || want == 200 && !strings.Contains(string(got.body), `"to":"465"`) {
			t.Errorf("%s: got %d %s, want %d", query, got.status, got.body, want)
		}
	}
	if got := h.call(http.MethodPut, "/api/v1/tenants/acme/mapping?dry_run=true", `{"accounts":{"5000":""}}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a dry run takes a bad mapping: %d %s", got.status, got.body)
	}
	if tn, err := h.config.Tenants.Get(t.Context(), "acme"); err != nil || tn.Version != 2 || tn.Sync.Mapping.Accounts["5000"] != "429" {
		t.Errorf("a dry run stored %+v, %v", tn, err)
	}
	if n := h.waiting(); n != marks {
		t.Errorf("%d marks after a dry run, %d before", n, marks)
	}
	for body, want := range map[string]int{`{"accounts":{"5000":""}}`: 422, `{"acounts":{}}`: 400, `{"accounts":{"5000":429}}`: 400, "": 400,
		`{"accounts":{"5000":"429"},"accounts":{}}`: 400, `{"accounts":{"5000":"429","5000":"430"}}`: 400, `{"Accounts":{}}`: 400} {
		if got := h.call(http.MethodPut, "/api/v1/tenants/acme/mapping", body); got.status != want {
			t.Errorf("%q: got %d, want %d", body, got.status, want)
		}
	}
}
