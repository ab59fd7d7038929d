package netsuitetest

import (
	"crypto"

	"crypto/rsa"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestAssertion(t *testing.T) {
	a := open(t, Options{})
	ec384, ec521 := a.register("p384", "cert-384"), a.register("p521", "cert-521")
	rsa2048, rsa3072 := a.register("rsa2048", "cert-2048"), a.register("rsa3072", "cert-3072")
	now := noon().Unix()
	kid := func(id string) func(h, c map[string]any) { return func(h, c map[string]any) { h["kid"] = id } }
	claim := func(name string, v any) func(h, c map[string]any) { return func(h, c map[string]any) { c[name] = v } }
	without := func(name string) func(h, c map[string]any) { return func(h, c map[string]any) { delete(c, name) } }
	es256 := jwt.SigningMethodES256
	autoSalt := &jwt.SigningMethodRSAPSS{SigningMethodRSA: jwt.SigningMethodPS256.SigningMethodRSA, Options: &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}}

	for _, c := range []struct {
		name   string
		edit   func(h, c map[string]any)
		method jwt.SigningMethod
		key    any
		want   int
		body   string
	}{
		{"ES256", nil, es256, a.key, 200, ""},
		{"ES384", kid("cert-384"), jwt.SigningMethodES384, ec384, 200, ""},
		{"ES512", kid("cert-521"), jwt.SigningMethodES512, ec521, 200, ""},
		{"PS256", kid("cert-3072"), jwt.SigningMethodPS256, rsa3072, 200, ""},
		{"PS384", kid("cert-3072"), jwt.SigningMethodPS384, rsa3072, 200, ""},
		{"PS512", kid("cert-3072"), jwt.SigningMethodPS512, rsa3072, 200, ""},
		{"longest salt", kid("cert-3072"), autoSalt, rsa3072, 400, "invalid_grant"},
		{"RSA 2048", kid("cert-2048"), jwt.SigningMethodPS256, rsa2048, 400, "invalid_grant"},
		{"RS256", kid("cert-3072"), jwt.SigningMethodRS256, rsa3072, 500, "server_error"},
		{"RS256 of nobody", kid("none"), jwt.SigningMethodRS256, rsa3072, 500, "server_error"},
		{"HS256", nil, jwt.SigningMethodHS256, []byte("k"), 400, "invalid_grant"},
		{"none", nil, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, 400, "invalid_grant"},
		{"another key", kid("cert-384"), es256, a.key, 400, "invalid_grant"},
		{"signed by a stranger", kid("cert-1"), es256, newKey(t), 400, "invalid_grant"},
		{"unknown kid", kid("none"), es256, a.key, 400, "invalid_grant"},
		{"no kid", func(h, _ map[string]any) { delete(h, "kid") }, es256, a.key, 400, "invalid_grant"},
		{"typ", func(h, _ map[string]any) { h["typ"] = "at+jwt" }, es256, a.key, 400, "invalid_grant"},
		{"wrong iss", claim("iss", "x"), es256, a.key, 400, "invalid_grant"},
		{"aud of another host", claim("aud", "https://system.netsuite.com"+tokenPath), es256, a.key, 400, "invalid_grant"},
		{"aud as array", claim("aud", []string{a.url + tokenPath}), es256, a.key, 400, "invalid_grant"},
		{"aud with a slash more", claim("aud", a.url+tokenPath+"/"), es256, a.key, 400, "invalid_grant"},
		{"expired", claim("exp", now-1), es256, a.key, 400, "invalid_grant"},
		{"60 minutes", func(_, c map[string]any) { c["iat"], c["exp"] = now, now+3600 }, es256, a.key, 200, ""},
		{"more than 60 minutes", func(_, c map[string]any) { c["iat"], c["exp"] = now, now+3601 }, es256, a.key, 400, "invalid_grant"},
		{"iat 5 minutes ahead", func(_, c map[string]any) { c["iat"], c["exp"] = now+300, now+600 }, es256, a.key, 200, ""},
		{"iat further ahead", func(_, c map[string]any) { c["iat"], c["exp"] = now+301, now+600 }, es256, a.key, 400, "invalid_grant"},
		{"fractional iat", claim("iat", float64(now)-0.5), es256, a.key, 200, ""},
		{"no iat", without("iat"), es256, a.key, 400, "invalid_grant"},
		{"no exp", without("exp"), es256, a.key, 400, "invalid_grant"},
		{"iat as text", claim("iat", "now"), es256, a.key, 400, "invalid_grant"},
		{"scope as text", claim("scope", "rest_webservices"), es256, a.key, 200, ""},
		{"scope as comma list", claim("scope", "restlets,rest_webservices"), es256, a.key, 200, ""},
		{"scope as space list", claim("scope", "restlets rest_webservices"), es256, a.key, 200, ""},
		{"unknown scope", claim("scope", "everything"), es256, a.key, 400, "invalid_grant"},
		{"no scope", without("scope"), es256, a.key, 400, "invalid_grant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := a.tokenOf(a.form(a.assertion(c.edit, c.method, c.key)))
			if g.status != c.want || c.body != "" && g.body != `{"error":"`+c.body+`"}` {
				t.Errorf("got %d %s, want %d %s; audit trail %q", g.status, g.body, c.want, c.body, a.Logins())
			}
		})
	}
}

func newKey(t *testing.T) any {
	t.Helper()
	a := open(t, Options{})
	return a.key
}

func TestTokenForm(t *testing.T) {
	a := open(t, Options{})
	good := func() url.Values { return a.form(a.assertion(nil, jwt.SigningMethodES256, a.key)) }
	for _, c := range []struct {
		name string
		edit func(f url.Values, r *http.Request)
	}{
		{"no grant type", func(f url.Values, _ *http.Request) { f.Del("grant_type") }},
		{"wrong grant type", func(f url.Values, _ *http.Request) { f.Set("grant_type", "authorization_code") }},
		{"no assertion", func(f url.Values, _ *http.Request) { f.Del("client_assertion") }},
		{"empty assertion", func(f url.Values, _ *http.Request) { f.Set("client_assertion", "") }},
		{"wrong assertion type", func(f url.Values, _ *http.Request) { f.Set("client_assertion_type", "jwt") }},
		{"a field twice", func(f url.Values, _ *http.Request) { f.Add("grant_type", "client_credentials") }},
		{"a fourth field", func(f url.Values, _ *http.Request) { f.Set("client_id", clientID) }},
		{"two ways to authenticate", func(_ url.Values, r *http.Request) { r.SetBasicAuth(clientID, "secret") }},
		{"JSON", func(_ url.Values, r *http.Request) { r.Header.Set("Content-Type", "application/json") }},
		{"in the URL", func(_ url.Values, r *http.Request) { r.URL.RawQuery = "scope=rest_webservices" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := good()
			r := a.post(tokenPath, "application/x-www-form-urlencoded", "")
			c.edit(f, r)
			edited := a.post(tokenPath, r.Header.Get("Content-Type"), f.Encode())
			edited.Header, edited.URL = r.Header, r.URL
			if g := a.do(edited); g.status != 400 || g.body != `{"error":"invalid_request"}` {
				t.Errorf("got %d %s, want 400 invalid_request", g.status, g.body)
			}
		})
	}
	if g := a.do(httpGet(t, a.url+tokenPath)); g.status != 405 {
		t.Errorf("GET: got %d, want 405", g.status)
	}
}

func httpGet(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTokenAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    string
	}{"number": {Options{}, `"expires_in":3600`}, "text": {Options{ExpiresInText: true}, `"expires_in":"3600"`}} {
		t.Run(name, func(t *testing.T) {
			a := open(t, c.options)
			g := a.tokenOf(a.form(a.assertion(nil, jwt.SigningMethodES256, a.key)))
			if !strings.Contains(g.body, c.want) || strings.Contains(g.body, "refresh") {
				t.Errorf("got %s, want %s and no refresh token", g.body, c.want)
			}
			if len(a.bearer) < 600 || len(a.bearer) > 4096 {
				t.Errorf("token of %d bytes, want the size of a real one", len(a.bearer))
			}
		})
	}
	a := open(t, Options{InvalidClient: true})
	g := a.tokenOf(a.form(a.assertion(func(h, _ map[string]any) { h["kid"] = "none" }, jwt.SigningMethodES256, a.key)))
	if g.status != 401 || g.body != `{"error":"invalid_client"}` || g.header.Get("WWW-Authenticate") != `Basic realm="1234567_SB1"` {
		t.Errorf("got %d %s %v, want 401 invalid_client", g.status, g.body, g.header)
	}
}

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(a *account, r *http.Request)
		want int
	}{
		{"good", func(*account, *http.Request) {}, 200},
		{"a second before the hour", func(a *account, _ *http.Request) { a.clock.add(time.Hour - time.Second) }, 200},
		{"after the hour", func(a *account, _ *http.Request) { a.clock.add(time.Hour) }, 401},
		{"all expired", func(a *account, _ *http.Request) { a.ExpireTokens() }, 401},
		{"certificate revoked, token lives", func(a *account, _ *http.Request) { a.RevokeCertificate("cert-1") }, 200},
		{"none", func(_ *account, r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"wrong", func(_ *account, r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		{"cookie", func(_ *account, r *http.Request) { r.Header.Set("Cookie", "JSESSIONID=1") }, 401},
		{"scope of restlets only", func(a *account, r *http.Request) {
			g := a.tokenOf(a.form(a.assertion(func(_, c map[string]any) { c["scope"] = "restlets" }, jwt.SigningMethodES256, a.key)))
			token := strings.Split(strings.SplitAfter(g.body, `"access_token":"`)[1], `"`)[0]
			r.Header.Set("Authorization", "Bearer "+token)
		}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, Options{})
			r := a.suiteqlRequest("SELECT id FROM vendor", "")
			c.do(a, r)
			g := a.do(r)
			if g.status != c.want {
				t.Fatalf("got %d %s, want %d", g.status, g.body, c.want)
			}
			if c.want == 401 && (!strings.Contains(g.body, `"o:errorCode":"INVALID_LOGIN"`) ||
				g.header.Get("WWW-Authenticate") != `Bearer realm="1234567_SB1", error="invalid_token", error_description="Invalid login attempt."`) {
				t.Errorf("got %s %v", g.body, g.header)
			}
		})
	}
	a := open(t, Options{})
	a.RevokeCertificate("cert-1")
	if g := a.tokenOf(a.form(a.assertion(nil, jwt.SigningMethodES256, a.key))); g.status != 400 {
		t.Errorf("token for a revoked certificate: got %d, want 400", g.status)
	}
}
