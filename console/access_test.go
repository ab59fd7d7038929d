package console_test

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console"
)

// path fills in a route's parameters.
func path(pattern string) string {
	return console.Base + strings.NewReplacer("{id}", "acme", "{type}", "vendorbill", "{nsid}", "1", "{format}", "json").Replace(pattern)
}

// Every route x every role x nobody: only the allowed cells answer.
func TestRolesAndRoutes(t *testing.T) {
	h := open(t)
	h.park("1", nil, "unmapped_account", "bill 1")
	people := []struct {
		name string
		role api.Role
		p    *person
	}{{"nobody", 0, h.as("")}, {"viewer", api.Viewer, h.as(viewerToken)}, {"operator", api.Operator, h.as(operatorToken)}, {"owner", api.Owner, h.as(ownerToken)}}
	for _, e := range console.Routes() {
		if e.Role == 0 {
			t.Errorf("%s %s has no role: it is closed to everybody", e.Method, e.Pattern)
		}
		for _, who := range people {
			t.Run(e.Method+" "+e.Pattern+" "+who.name, func(t *testing.T) {
				at := path(e.Pattern)
				if e.Pattern == "/t/{id}/retry" && e.Method == http.MethodGet {
					at += "?state=parked"
				}
				if e.Pattern == "/t/{id}/tie-out/{format}" {
					at += "?from=2026-11-01&to=2026-11-30"
				}
				var status int
				if e.Method == http.MethodGet {
					status, _, _ = who.p.get(at)
				} else {
					status, _, _ = who.p.post(at, url.Values{"state": {"parked"}, "version": {"0"}})
				}
				switch {
				case who.role == 0 && e.Method == http.MethodGet && status != http.StatusSeeOther,
					who.role == 0 && e.Method == http.MethodPost && status != http.StatusUnauthorized,
					who.role > 0 && who.role < e.Role && status != http.StatusForbidden,
					who.role >= e.Role && (status == http.StatusForbidden || status == http.StatusUnauthorized || status >= 500):
					t.Errorf("got %d", status)
				}
			})
		}
	}
}

func TestSessions(t *testing.T) {
	h := open(t)
	t.Run("a wrong token", func(t *testing.T) {
		status, body, _ := h.as("").post("/console/sign-in", url.Values{"token": {"guessed"}})
		if status != http.StatusUnauthorized || strings.Contains(body, "guessed") {
			t.Errorf("got %d\n%s", status, body)
		}
	})
	t.Run("guessing is slowed down, also for who guesses right at last", func(t *testing.T) {
		h := open(t)
		p := h.as("")
		for range 10 {
			if status, _, _ := p.post("/console/sign-in", url.Values{"token": {"guessed"}}); status != http.StatusUnauthorized {
				t.Fatalf("got %d", status)
			}
		}
		for _, token := range []string{"guessed", ownerToken} {
			if status, body, _ := p.post("/console/sign-in", url.Values{"token": {token}}); status != http.StatusTooManyRequests || !strings.Contains(body, "Too many wrong tokens") {
				t.Errorf("got %d\n%s", status, body)
			}
		}
	})
	t.Run("an empty token", func(t *testing.T) {
		if status, _, _ := h.as("").post("/console/sign-in", url.Values{"token": {""}}); status != http.StatusUnauthorized {
			t.Errorf("got %d", status)
		}
	})
	t.Run("the cookie is closed to scripts and other sites, and holds no token", func(t *testing.T) {
		p := h.as("")
		resp, err := p.c.PostForm(h.url+"/console/sign-in", url.Values{"token": {viewerToken}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		c := resp.Header.Get("Set-Cookie")
		for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/console"} {
			if !strings.Contains(c, want) {
				t.Errorf("%s is missing in %q", want, c)
			}
		}
		if strings.Contains(c, viewerToken) {
			t.Error("the token stands in the cookie")
		}
	})
	t.Run("a changed cookie is nobody's", func(t *testing.T) {
		p := h.as(viewerToken)
		at, err := url.Parse(h.url + "/console/")
		if err != nil {
			t.Fatal(err)
		}
		c := p.c.Jar.Cookies(at)[0]
		v := []byte(c.Value)
		v[len(v)/2] ^= 1
		p.c.Jar.SetCookies(at, []*http.Cookie{{Name: c.Name, Value: string(v), Path: "/console"}})
		if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
			t.Errorf("got %d", status)
		}
	})
	t.Run("a session ends after twelve hours", func(t *testing.T) {
		p := h.as(viewerToken)
		p.page("/console/")
		h.now = h.now.Add(12 * time.Hour)
		defer func() { h.now = h.now.Add(-12 * time.Hour) }()
		if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
			t.Errorf("got %d", status)
		}
	})
	t.Run("a token that is taken away ends its sessions", func(t *testing.T) {
		p := h.as(operatorToken)
		p.page("/console/")
		sum := sha256.Sum256([]byte(operatorToken))
		delete(h.tokens, sum)
		defer func() { h.tokens[sum] = api.Operator }()
		if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
			t.Errorf("got %d", status)
		}
	})
	t.Run("signing out", func(t *testing.T) {
		p := h.as(viewerToken)
		p.post("/console/sign-out", nil)
		if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
			t.Errorf("got %d", status)
		}
	})
}

// Without tokens the machine itself is the owner, and nobody else is anybody.
func TestWithoutTokensOnlyThisMachine(t *testing.T) {
	h := open(t, func(h *house) { h.tokens = nil })
	p := h.as("")
	if body := p.page("/console/"); !strings.Contains(body, "this machine") {
		t.Error("the machine itself is not let in")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/console/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	if status, _, _ := p.do(req); status != http.StatusForbidden {
		t.Errorf("through a proxy: got %d", status)
	}
}

func TestSignInLeadsOnlyIntoTheConsole(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ name, to, want string }{
		{"a page", "/console/t/acme/parked?x=1", "/console/t/acme/parked?x=1"},
		{"another host", "https://evil.example/", "/console/"},
		{"another host without scheme", "//evil.example/console/", "/console/"},
		{"a backslash", `/console/\evil.example`, "/console/"},
		{"the API", "/api/v1/tenants", "/console/"},
		{"sign-out", "/console/sign-out", "/console/"},
		{"out of the console by dots", "/console/../metrics", "/console/"},
		{"the overview", "/console/", "/console/"},
		{"nothing", "", "/console/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, to := h.as("").post("/console/sign-in", url.Values{"token": {viewerToken}, "to": {c.to}}); to != c.want {
				t.Errorf("got %q, want %q", to, c.want)
			}
		})
	}
}

// Origin x Sec-Fetch-Site: only what comes from the console itself changes
// anything.
func TestOtherSitesChangeNothing(t *testing.T) {
	h := open(t)
	p := h.as(ownerToken)
	own := h.url
	for _, c := range []struct {
		name, origin, site string
		want               int
	}{
		{"own page", own, "same-origin", http.StatusSeeOther},
		{"typed by hand", "", "none", http.StatusSeeOther},
		{"a program", "", "", http.StatusSeeOther},
		{"another site", "https://evil.example", "cross-site", http.StatusForbidden},
		{"a neighbour", "https://www.example.com", "same-site", http.StatusForbidden},
		{"an old browser on another site", "https://evil.example", "", http.StatusForbidden},
		{"a sandbox", "null", "cross-site", http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			var header []string
			if c.origin != "" {
				header = append(header, "Origin", c.origin)
			}
			if c.site != "" {
				header = append(header, "Sec-Fetch-Site", c.site)
			}
			if status, _, _ := p.post("/console/t/acme/pause", nil, header...); status != c.want {
				t.Errorf("got %d, want %d", status, c.want)
			}
		})
	}
}

var unsafeMarkup = regexp.MustCompile(`(?i)<script(?:>| [^>]*>[^<])| style=| on[a-z]+=|javascript:`)

// The policy allows nothing inline, and no page wants it.
func TestPagesNeedNothingInlineOrFromElsewhere(t *testing.T) {
	h := open(t)
	h.park("1", map[string]string{"number": "VB-1"}, "unmapped_account", "bill VB-1: no account")
	p := h.as(ownerToken)
	for _, e := range console.Routes() {
		if e.Method != http.MethodGet || strings.Contains(e.Pattern, "{format}") || e.Pattern == "/t/{id}" {
			continue
		}
		at := path(e.Pattern)
		if strings.HasSuffix(at, "/retry") {
			at += "?state=parked"
		}
		resp, err := p.c.Get(h.url + at)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", at, csp)
		}
		body := p.page(at)
		if m := unsafeMarkup.FindString(body); m != "" {
			t.Errorf("%s has %q", at, m)
		}
		for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "?") && !strings.HasPrefix(m[1], "#") {
				t.Errorf("%s leads to %q", at, m[1])
			}
		}
	}
}
