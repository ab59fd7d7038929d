package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/internal/soak"
)

func TestParseTokensRefuses(t *testing.T) {
	hash := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	cases := []struct{ name, file, want string }{
		{"empty", "", "no token"},
		{"comments alone", "# nothing\n\n", "no token"},
		{"unknown role", "admin " + hash("a"), "line 1: want viewer"},
		{"no hash", "owner", "line 1: want viewer"},
		{"something behind", "owner " + hash("a") + " x", "line 1: want viewer"},
		{"the token itself", "# x\nowner " + ownerToken, "line 2: want 64 hex"},
		{"short hash", "owner abcd", "64 hex"},
		{"hash of nothing", "owner " + hash(""), "empty token"},
		{"hash of a line end", "owner " + hash("\n"), "empty token"},
		{"twice", "viewer " + hash("a") + "\nowner " + hash("a"), "line 2: the token of this line comes twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := api.ParseTokens([]byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, %v, want an error with %q", got, err, c.want)
			}
		})
	}
}

// Every route, every role and nobody: only the cells that the table allows
// answer.
func TestRoles(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	callers := map[string]api.Role{"": 0, "canary-invented": 0, viewerToken: api.Viewer, operatorToken: api.Operator, ownerToken: api.Owner}
	pub, ops := api.New(func() api.Config { c := h.config; c.Registry = newRegistry(); return c }())
	_ = pub
	open := []string{"GET /livez", "GET /metrics", "GET /openapi.yaml", "GET /readyz"}
	var table []string
	cells := 0
	for _, e := range api.Table() {
		table = append(table, e.Method+" /api/v1"+e.Pattern)
		want := map[string]api.Role{http.MethodGet: api.Viewer, http.MethodPost: api.Operator, http.MethodPut: api.Owner, http.MethodDelete: api.Owner}[e.Method]
		if stricter, ok := ownersPosts[e.Pattern]; ok && e.Method == http.MethodPost {
			want = stricter
		}
		if e.Role != want {
			t.Errorf("%s %s: role %d, want %d", e.Method, e.Pattern, e.Role, want)
		}
		path := "/api/v1" + strings.NewReplacer("{id}", "nobody", "{type}", "vendor", "{nsid}", "1").Replace(e.Pattern)
		for token, role := range callers {
			var header []string
			if token != "" {
				header = []string{"Authorization", "Bearer " + token}
			}
			got := h.call(e.Method, path, "", header...)
			cells++
			refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden
			if refused != (role < e.Role) || got.status == http.StatusMethodNotAllowed {
				t.Errorf("%s %s by role %d: got %d", e.Method, path, role, got.status)
			}
			if (got.status == http.StatusUnauthorized) != (role == 0) {
				t.Errorf("%s %s by role %d: got %d, want 401 for strangers alone", e.Method, path, role, got.status)
			}
			if got.status == http.StatusUnauthorized && !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s: no WWW-Authenticate", e.Method, path)
			}
		}
	}
	for _, r := range routes(t, ops) {
		if !slices.Contains(table, r) && !slices.Contains(open, r) {
			t.Errorf("%s is served without a role", r)
		}
	}
	soak.Figure(t, "routes by role", "%d routes, nobody, a wrong token and three roles: %d cells, answered otherwise than the table says: %s", len(table), cells, soak.NoneOf(cells))
}

// ownersPosts are the actions that show or end a credential.
var ownersPosts = map[string]api.Role{"/tenants/{id}:rotate-secret": api.Owner, "/tenants/{id}:rebind": api.Owner}

func TestTokenForms(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Tokens = tokens(t) })
	for header, want := range map[string]int{
		"Bearer " + viewerToken:        200,
		"bearer " + viewerToken:        200,
		"Bearer  " + viewerToken:       200,
		"Basic " + viewerToken:         401,
		viewerToken:                    401,
		"Bearer":                       401,
		"Bearer ":                      401,
		"Bearer " + viewerToken + "x":  401,
		"Bearer x" + viewerToken:       401,
		"Bearer " + viewerToken + " x": 401,
	} {
		if got := h.call(http.MethodGet, "/api/v1/tenants", "", "Authorization", header); got.status != want {
			t.Errorf("%.12s: got %d, want %d", header, got.status, want)
		}
	}
	if got := h.call(http.MethodGet, "/api/v1/tenants?token="+viewerToken, ""); got.status != http.StatusUnauthorized {
		t.Errorf("token in the query: got %d", got.status)
	}
}

func TestWithoutTokensOnlyThisMachine(t *testing.T) {
	h := open(t)
	handler := h.ops.Config.Handler
	cases := []struct {
		name, peer, host, header string
		want                     int
	}{
		{"loopback", "127.0.0.1:5", "127.0.0.1:9090", "", 200},
		{"IPv6 loopback", "[::1]:5", "[::1]:9090", "", 200},
		{"localhost", "127.0.0.1:5", "localhost:9090", "", 200},
		{"without a port", "127.0.0.1:5", "localhost", "", 200},
		{"another machine", "192.0.2.1:5", "localhost:9090", "", 403},
		{"another machine that says it is this one", "192.0.2.1:5", "localhost", "X-Forwarded-For: 127.0.0.1", 403},
		{"through a proxy", "127.0.0.1:5", "localhost", "X-Forwarded-For: 192.0.2.1", 403},
		{"through a proxy with RFC 7239", "127.0.0.1:5", "localhost", "Forwarded: for=192.0.2.1", 403},
		{"a page whose name leads here", "127.0.0.1:5", "evil.example:9090", "", 403},
		{"no peer", "", "localhost", "", 403},
		{"a socket file", "@", "localhost", "", 403},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/api/v1/tenants", nil)
			r.RemoteAddr, r.Host = c.peer, c.host
			if k, v, ok := strings.Cut(c.header, ": "); ok {
				r.Header.Set(k, v)
			}
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			if rec.Code != c.want {
				t.Errorf("got %d %s, want %d", rec.Code, rec.Body, c.want)
			}
		})
	}
}

func TestOtherSitesMayNotUseTheBrowser(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		name   string
		header []string
		want   int
	}{
		{"no browser", nil, 202},
		{"same origin", []string{"Sec-Fetch-Site", "same-origin"}, 202},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another origin", []string{"Origin", "https://evil.example"}, 403},
	} {
		if got := h.call(http.MethodPost, "/api/v1/tenants/acme:poll", "", c.header...); got.status != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got.status, c.want)
		}
	}
}

func TestInFlightCaps(t *testing.T) {
	one := slices.Repeat([]string{"acme"}, api.MaxTenantInFlight+1)
	if got := api.InFlight(append(one, "other")...); got[api.MaxTenantInFlight-1] != true || got[api.MaxTenantInFlight] != false || got[api.MaxTenantInFlight+1] != true {
		t.Error("one tenant is not held to its share, or holds up another")
	}
	var many []string
	for i := range api.MaxInFlight + 1 {
		many = append(many, fmt.Sprint("t", i))
	}
	if got := api.InFlight(many...); got[api.MaxInFlight-1] != true || got[api.MaxInFlight] != false {
		t.Error("the cap on all does not hold")
	}
}

// tokens is a file with one token of each role.
func tokens(t *testing.T) api.Tokens {
	t.Helper()
	line := func(role, token string) string {
		sum := sha256.Sum256([]byte(token))
		return role + " " + hex.EncodeToString(sum[:]) + "\n"
	}
	out, err := api.ParseTokens([]byte("# tokens\n\n" + line("viewer", viewerToken) + line("operator", operatorToken) + line("owner", ownerToken)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
