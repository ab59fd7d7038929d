package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console/idp"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	clientID     = "ml-connector-console"
	clientSecret = "the-secret-of-the-console-at-the-provider"
)

// issuer is an identity provider: discovery, authorisation, tokens with PKCE
// and client authentication, keys. Whoever comes is signed in at once.
type issuer struct {
	t   *testing.T
	h   *house
	url string
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // code -> the authorisation that it was given for
	claims jwt.MapClaims         // instead of the right ones
	signer *ecdsa.PrivateKey     // instead of key
	moved  bool                  // discovery answers with a redirect
	asked  []string              // paths
}

func newIssuer(t *testing.T, h *house) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, h: h, key: key, signer: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if i.moved {
			http.Redirect(w, r, i.url+"/elsewhere", http.StatusFound)
			return
		}
		i.answer(w, map[string]any{"issuer": i.url, "authorization_endpoint": i.url + "/authorize", "token_endpoint": i.url + "/token", "jwks_uri": i.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		code := rand.Text()
		i.mu.Lock()
		i.codes[code] = q
		i.mu.Unlock()
		back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.url}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		pub, err := i.key.PublicKey.Bytes()
		if err != nil {
			t.Error(err)
			return
		}
		b64 := base64.RawURLEncoding.EncodeToString
		i.answer(w, map[string]any{"keys": []map[string]any{{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": b64(pub[1:33]), "y": b64(pub[33:])}}})
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.asked = append(i.asked, r.URL.Path)
		i.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

func (i *issuer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

// token gives an ID token for a code, once, to whom the code was meant for.
func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		i.t.Error(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	asked, ok := i.codes[r.PostForm.Get("code")]
	delete(i.codes, r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	id, pass, _ := r.BasicAuth()
	if !ok || id != clientID || pass != clientSecret || asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) ||
		r.PostForm.Get("redirect_uri") != asked.Get("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	claims := jwt.MapClaims{"iss": i.url, "aud": clientID, "sub": "u-17", "email": "ada@example.com", "nonce": asked.Get("nonce"), "exp": i.h.now.Add(5 * time.Minute).Unix(), "iat": i.h.now.Unix(),
		"groups": []string{"everybody", "ap-team", "finance"}}
	maps.Copy(claims, i.claims)
	tok := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	tok.Header["kid"] = "1"
	signed, err := tok.SignedString(i.signer)
	if err != nil {
		i.t.Error(err)
	}
	i.answer(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": signed})
}

// withIdentity opens a house whose people come through an identity provider.
func withIdentity(t *testing.T, edit ...func(*house)) (*house, *issuer) {
	t.Helper()
	var i *issuer
	h := open(t, append([]func(*house){func(h *house) {
		i = newIssuer(t, h)
		p, err := idp.New(idp.Settings{Issuer: i.url, ClientID: clientID, ClientSecret: secret.New(clientSecret), RedirectURL: h.url + "/console/idp/callback", Scopes: []string{"email"},
			Roles: map[string]api.Role{"ap-team": api.Operator, "finance": api.Viewer, "ap-leads": api.Owner}}, func() time.Time { return h.now })
		if err != nil {
			t.Fatal(err)
		}
		h.config.Identity = p
	}}, edit...)...)
	return h, i
}

// through goes to the provider and comes back; change may change the address
// of the way back.
func (p *person) through(to string, change func(*url.URL)) (status int, body, refresh string) {
	p.h.t.Helper()
	_, _, at := p.get("/console/idp/begin?to=" + url.QueryEscape(to))
	resp, err := p.c.Get(at)
	if err != nil {
		p.h.t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		p.h.t.Fatalf("%s leads nowhere: %v", at, err)
	}
	if change != nil {
		change(back)
	}
	resp, err = p.c.Get(back.String())
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header.Get("Refresh")
}

func TestSignInAtAnIdentityProvider(t *testing.T) {
	h, i := withIdentity(t)
	p := h.as("")
	if status, _, to := p.get("/console/t/acme/parked"); status != http.StatusSeeOther || !strings.HasPrefix(to, "/console/sign-in?to=") {
		t.Fatalf("a stranger: %d to %q", status, to)
	}
	if body := p.page("/console/sign-in?to=/console/t/acme/parked"); !strings.Contains(body, "Sign in with 127.0.0.1") || !strings.Contains(body, "Token") {
		t.Errorf("the two ways in are not offered:\n%s", body)
	}
	status, _, refresh := p.through("/console/t/acme/parked", nil)
	if status != http.StatusOK || refresh != "0; url=/console/t/acme/parked" {
		t.Fatalf("coming back: %d, %q", status, refresh)
	}
	if body := p.page("/console/t/acme/parked"); !strings.Contains(body, "operator ada@example.com") {
		t.Error("it does not say who is signed in, with the highest of the roles")
	}
	if status, body, _ := p.post("/console/t/acme/rotate", nil); status != http.StatusForbidden || !strings.Contains(body, "needs the role owner") {
		t.Errorf("an operator rotates: %d", status)
	}
	p.post("/console/t/acme/pause", nil)
	list, err := h.config.Audit.List(t.Context(), 0, 1)
	if err != nil || len(list) != 1 || list[0].Actor != "operator ada@example.com" {
		t.Errorf("the audit log names %+v, %v", list, err)
	}
	h.now = h.now.Add(time.Hour)
	if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
		t.Errorf("a session lasts longer than an hour: %d", status)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := strings.Count(strings.Join(i.asked, " "), "openid-configuration"); n != 1 {
		t.Errorf("the description was read %d times", n)
	}
}

// A token signs in beside it; and with a provider alone the machine itself is
// nobody.
func TestIdentityProviderAndTokens(t *testing.T) {
	h, _ := withIdentity(t)
	h.as(viewerToken).page("/console/")
	h, _ = withIdentity(t, func(h *house) { h.tokens = nil })
	if status, _, to := h.as("").get("/console/"); status != http.StatusSeeOther || !strings.HasPrefix(to, "/console/sign-in") {
		t.Errorf("without tokens the machine comes in: %d %q", status, to)
	}
	if body := h.as("").page("/console/sign-in"); strings.Contains(body, `name="token"`) {
		t.Error("a token is asked for although there are none")
	}
}

func TestWhatAnIdentityProviderMayNotSay(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		bend   func(*issuer)
		change func(*url.URL)
		status int
		says   string
	}{
		{name: "another state", change: func(u *url.URL) { replace(u, "state", "x") }, status: 401, says: "belongs to no sign-in"},
		{name: "no state", change: func(u *url.URL) { replace(u, "state", "") }, status: 401, says: "belongs to no sign-in"},
		{name: "another issuer in the answer", change: func(u *url.URL) { replace(u, "iss", "https://evil.example") }, status: 401, says: "another identity provider"},
		{name: "a code of its own", change: func(u *url.URL) { replace(u, "code", "guessed") }, status: 401, says: "400 invalid_grant"},
		{name: "refused there", change: func(u *url.URL) { replace(u, "code", ""); replace(u, "error", "access_denied\n<b>") }, status: 401, says: "refused: access_denied&lt;b&gt;"},
		{name: "another nonce", bend: func(i *issuer) { i.claims = jwt.MapClaims{"nonce": "x"} }, status: 401, says: "nonce"},
		{name: "another audience", bend: func(i *issuer) { i.claims = jwt.MapClaims{"aud": "another"} }, status: 401, says: "audience"},
		{name: "two audiences, for the other", bend: func(i *issuer) { i.claims = jwt.MapClaims{"aud": []string{clientID, "x"}, "azp": "x"} }, status: 401, says: "azp"},
		{name: "two audiences, for nobody", bend: func(i *issuer) { i.claims = jwt.MapClaims{"aud": []string{clientID, "x"}} }, status: 401, says: "azp"},
		{name: "another issuer in the token", bend: func(i *issuer) { i.claims = jwt.MapClaims{"iss": "https://evil.example"} }, status: 401, says: "different provider"},
		{name: "expired", bend: func(i *issuer) { i.claims = jwt.MapClaims{"exp": i.h.now.Add(-time.Minute).Unix()} }, status: 401, says: "expired"},
		{name: "another key", bend: func(i *issuer) { i.signer = other }, status: 401, says: "not good"},
		{name: "no group", bend: func(i *issuer) { i.claims = jwt.MapClaims{"groups": []string{"everybody"}} }, status: 403, says: "You are ada@example.com, and none of the groups"},
		{name: "groups that are none", bend: func(i *issuer) { i.claims = jwt.MapClaims{"groups": map[string]any{"ap-leads": true}} }, status: 403, says: "none of the groups"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, i := withIdentity(t)
			if c.bend != nil {
				c.bend(i)
			}
			p := h.as("")
			status, body, refresh := p.through("/console/", c.change)
			if status != c.status || !strings.Contains(body, c.says) || refresh != "" {
				t.Errorf("got %d, %q\n%s", status, refresh, body)
			}
			if status, _, _ := p.get("/console/"); status != http.StatusSeeOther {
				t.Errorf("he is in: %d", status)
			}
		})
	}
}

// An answer serves once, and only the browser that asked for it.
func TestAnAnswerServesOnce(t *testing.T) {
	h, _ := withIdentity(t)
	p := h.as("")
	var back string
	if status, _, _ := p.through("/console/", func(u *url.URL) { back = u.String() }); status != http.StatusOK {
		t.Fatalf("got %d", status)
	}
	for name, who := range map[string]*person{"again": p, "somebody else": h.as("")} {
		resp, err := who.c.Get(back)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
	}
}

// What the provider sends elsewhere is not followed.
func TestIdentityProviderThatRedirects(t *testing.T) {
	h, i := withIdentity(t)
	i.moved = true
	if status, body, _ := h.as("").get("/console/idp/begin"); status != http.StatusBadGateway || !strings.Contains(body, "redirect, which is not followed") {
		t.Errorf("got %d\n%s", status, body)
	}
	h.as("").get("/console/idp/begin")
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.asked) != 1 {
		t.Errorf("a provider that fails is asked again at once: %q", i.asked)
	}
	for _, at := range i.asked {
		if at == "/elsewhere" {
			t.Error("the redirect was followed")
		}
	}
}

func TestParseRoles(t *testing.T) {
	if got, err := idp.ParseRoles("owner=ap-leads, viewer=finance,viewer=audit"); err != nil || got["ap-leads"] != api.Owner || got["audit"] != api.Viewer || len(got) != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"boss=x", "owner", "owner=", "owner=x,viewer=x"} {
		if _, err := idp.ParseRoles(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func replace(u *url.URL, key, value string) {
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
}
