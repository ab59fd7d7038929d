package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/handlers"
)

// TestQueriesAreDescribed holds the parameters that the API takes against
// those of openapi.yaml, both ways.
func TestQueriesAreDescribed(t *testing.T) {
	got := map[string][]string{}
	for path, item := range spec(t).Paths.Map() {
		short, ours := strings.CutPrefix(path, "/api/v1")
		if !ours {
			continue
		}
		for method, op := range item.Operations() {
			var names []string
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if p.Value.In == "query" {
					names = append(names, p.Value.Name)
				}
			}
			if names != nil {
				key := method + " " + strings.NewReplacer("{tenant}", "{id}").Replace(short)
				got[key] = names
			}
		}
	}
	if diff := cmp.Diff(got, api.Parameters); diff != "" {
		t.Errorf("openapi.yaml (-) against the API (+):\n%s", diff)
	}
}

func TestQueriesAreStrict(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Reasons = handlers.ParkReasons[:] })
	h.settle()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		detail             string
	}{
		"known parameters":          {"GET", "/tenants/acme/records?state=parked&limit=1", "", 200, ""},
		"a misspelt parameter":      {"GET", "/tenants/acme/records?sate=parked", "", 400, "known parameters are state, type, reason, q, cursor, limit"},
		"a parameter twice":         {"GET", "/tenants/acme/records?state=parked&state=completed", "", 400, "state comes twice in the query"},
		"a damaged query":           {"GET", "/tenants/acme/records?state=%ZZ", "", 400, "the query cannot be read"},
		"semicolons":                {"GET", "/tenants/acme/records?state=parked;limit=1", "", 400, "the query cannot be read"},
		"none are taken":            {"GET", "/tenants/acme/events?limit=5", "", 400, "this takes no parameters in the query"},
		"a reason in use elsewhere": {"GET", "/tenants/acme/records?reason=unbalanced", "", 200, ""},
		"an unknown reason":         {"GET", "/tenants/acme/records?reason=unmaped_account", "", 400, "unmapped_account"},
		"a retry of a known one":    {"POST", "/tenants/acme/records:retry", `{"reason":"unbalanced"}`, 200, ""},
		"a retry of an unknown one": {"POST", "/tenants/acme/records:retry", `{"reason":"unmaped_account"}`, 400, "unmapped_account"},
		"an option of a change":     {"POST", "/tenants/acme:rotate-secret?retire_old=true", "", 400, "this takes no parameters in the query"},
		"a dry run in the query":    {"POST", "/tenants/acme/records:retry?dry_run=true", `{}`, 400, "this takes no parameters in the query"},
		"a removal with a doubt":    {"DELETE", "/tenants/acme?dry_run=true", "", 400, "this takes no parameters in the query"},
	} {
		t.Run(name, func(t *testing.T) {
			got := h.do(h.request(c.method, h.ops.URL+"/api/v1"+c.path, c.body))
			if got.status != c.status || !strings.Contains(string(got.body), c.detail) {
				t.Errorf("got %d %s, want %d with %q", got.status, got.body, c.status, c.detail)
			}
		})
	}
	if got := h.do(h.request(http.MethodGet, h.ops.URL+"/api/v1/tenants/acme", "")); got.status != http.StatusOK {
		t.Errorf("the tenant: got %d, want it untouched", got.status)
	}
}

// TestOpsNamesRedis: who runs the service is told what is away, strangers are
// not.
func TestOpsNamesRedis(t *testing.T) {
	h := open(t)
	h.redis.SetError("LOADING Redis is loading the dataset in memory")
	defer h.redis.SetError("")
	for _, c := range []struct{ method, path string }{{"GET", "/tenants"}, {"GET", "/tenants/acme/records"}, {"POST", "/tenants/acme:pause"}} {
		got := h.do(h.request(c.method, h.ops.URL+"/api/v1"+c.path, ""))
		if got.status != http.StatusServiceUnavailable || !strings.Contains(string(got.body), "Redis does not answer") || got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: got %d %s, want 503 that names Redis", c.method, c.path, got.status, got.body)
		}
	}
	if got := h.post("/webhooks/netsuite/other?secret="+hookSecret, bill); got.status != http.StatusServiceUnavailable || strings.Contains(string(got.body), "Redis") {
		t.Errorf("public: got %d %s, want 503 that does not", got.status, got.body)
	}
}

// TestDamagedTenantCanBeRemoved: settings that cannot be read hide no other
// tenant and can be taken away here.
func TestDamagedTenantCanBeRemoved(t *testing.T) {
	h := open(t)
	h.redis.HSet("mlc:{acme}:cfg", "document", `{"id": broken`)
	for _, c := range []struct {
		method, path string
		status       int
		text         string
	}{
		{"GET", "/tenants", 200, "the stored settings cannot be read"},
		{"GET", "/tenants/acme", 503, "apply the tenant's file again"},
		{"GET", "/tenants/acme/records", 503, "apply the tenant's file again"},
		{"DELETE", "/tenants/acme", 204, ""},
		{"GET", "/tenants/acme", 404, ""},
	} {
		got := h.do(h.request(c.method, h.ops.URL+"/api/v1"+c.path, ""))
		if got.status != c.status || !strings.Contains(string(got.body), c.text) {
			t.Errorf("%s %s: got %d %s, want %d with %q", c.method, c.path, got.status, got.body, c.status, c.text)
		}
	}
}
