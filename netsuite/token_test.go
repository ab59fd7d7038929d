package netsuite

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	u := &upstream{token: func(n int) reply { // each token is used up at once
		return reply{header: http.Header{"Set-Cookie": {"JSESSIONID=1; Path=/"}}}
	}}
	c, key := dial(t, u, func(c *Config) { c.Now = func() time.Time { return now } })
	ctx := t.Context()
	for range 2 {
		if err := ping(ctx, c); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	now = now.Add(-2 * time.Hour)

	r := u.reqs[0]
	if got, want := r.URL.String(), "https://1234567-sb1.suitetalk.api.netsuite.com"+tokenPath; got != want || r.Method != http.MethodPost {
		t.Errorf("got %s %s, want POST %s", r.Method, got, want)
	}
	diffHeader := func(r *http.Request, want http.Header) {
		t.Helper()
		if d := cmp.Diff(r.Header, want); d != "" {
			t.Errorf("headers (-got +want)\n%s", d)
		}
	}
	diffHeader(r, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	// No cookie comes back: it can turn a good token into a 401 (contract 1.6).
	diffHeader(u.reqs[1], http.Header{"Content-Type": {"application/json"}, "Prefer": {"transient"}, "Authorization": {"Bearer token-1"}})
	if got, want := u.reqs[1].URL.RequestURI(), "/services/rest/query/v1/suiteql?limit=1000&offset=0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	form, err := url.ParseQuery(u.tokens[0])
	if err != nil {
		t.Fatal(err)
	}
	assertion := form.Get("client_assertion")
	form.Del("client_assertion")
	if d := cmp.Diff(form, url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}); d != "" {
		t.Errorf("form beside the assertion (-got +want)\n%s", d)
	}
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(assertion, claims, func(*jwt.Token) (any, error) { return key.Public(), nil },
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithValidMethods([]string{"ES256"}), jwt.WithJSONNumber())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(parsed.Header, map[string]any{"typ": "JWT", "alg": "ES256", "kid": "cert-1"}); d != "" {
		t.Errorf("header (-got +want)\n%s", d)
	}
	jti := claims["jti"]
	delete(claims, "jti")
	at := func(s int64) json.Number { return json.Number(strconv.FormatInt(now.Unix()+s, 10)) }
	if d := cmp.Diff(claims, jwt.MapClaims{"iss": "client-1", "scope": []any{"rest_webservices"}, "aud": r.URL.String(), "iat": at(-30), "exp": at(270)}); d != "" {
		t.Errorf("claims (-got +want)\n%s", d)
	}
	second, err := url.ParseQuery(u.tokens[1])
	if err != nil {
		t.Fatal(err)
	}
	again := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(second.Get("client_assertion"), again); err != nil || again["jti"] == jti || jti == "" {
		t.Errorf("the second assertion repeats jti %v, %v", jti, err)
	}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       time.Duration // until it is replaced
	}{
		{"number", `{"access_token":"x","expires_in":3600,"token_type":"bearer"}`, 50 * time.Minute},
		{"text", `{"access_token":"x","expires_in":"3600","token_type":"Bearer"}`, 50 * time.Minute},
		{"missing", `{"access_token":"x"}`, 50 * time.Minute},
		{"null", `{"access_token":"x","expires_in":null}`, 50 * time.Minute},
		{"no number", `{"access_token":"x","expires_in":"soon"}`, 50 * time.Minute},
		{"negative", `{"access_token":"x","expires_in":-5}`, 50 * time.Minute},
		{"longer than an hour", `{"access_token":"x","expires_in":86400}`, 50 * time.Minute},
		{"short", `{"access_token":"x","expires_in":60}`, 50 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1_800_000_000, 0)
			u := &upstream{token: func(int) reply { return reply{body: c.body} }}
			cl, _ := dial(t, u, func(c *Config) { c.Now = func() time.Time { return now } })
			for _, step := range []struct {
				after time.Duration
				want  int
			}{{0, 1}, {c.want - time.Second, 1}, {time.Second, 2}} {
				now = now.Add(step.after)
				if err := ping(t.Context(), cl); err != nil {
					t.Fatal(err)
				}
				if got, _ := u.counts(); got != step.want {
					t.Errorf("got %d tokens %v later, want %d", got, step.after, step.want)
				}
			}
		})
	}
}

func TestOneTokenForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{token: func(int) reply { pass(time.Second); return reply{} }}
		c, _ := dial(t, u, func(c *Config) { c.MaxConcurrency = 100 })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := ping(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if tokens, statements := u.counts(); tokens != 1 || statements != 100 {
			t.Errorf("got %d tokens for %d statements, want 1 for 100", tokens, statements)
		}
	})
}

// Who gives up while another mints is let go; who minted keeps the token.
func TestWaitingForATokenCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{token: func(int) reply { pass(time.Minute); return reply{} }}
		c, _ := dial(t, u)
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := ping(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ping(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		elapsed(t, start, time.Second, time.Second)
		wg.Wait()
	})
}

func TestTokenRefusedMidway(t *testing.T) {
	t.Parallel()
	refusal := problem(http.StatusUnauthorized, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail.")
	for _, c := range []struct {
		name              string
		refuse            int // statements
		ok                bool
		tokens, statments int
	}{
		{"once: minted anew and asked again", 1, true, 2, 2},
		{"twice: the credentials are refused", 2, false, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &upstream{query: func(n int, _ string) reply {
				if n <= c.refuse {
					return refusal
				}
				return reply{}
			}}
			cl, _ := dial(t, u)
			err := ping(t.Context(), cl)
			if c.ok && err != nil {
				t.Fatal(err)
			}
			if !c.ok {
				e := asError(t, err, ErrCredentials)
				if e.Code != "INVALID_LOGIN" || !strings.Contains(e.Remedy, "Login Audit Trail") {
					t.Errorf("got %+v", e)
				}
			}
			if tokens, statements := u.counts(); tokens != c.tokens || statements != c.statments {
				t.Errorf("got %d tokens, %d statements, want %d, %d", tokens, statements, c.tokens, c.statments)
			}
		})
	}
}

// Many callers that hold the same refused token cost one new token.
func TestRefusedTokenIsDroppedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		u.query = func(n int, _ string) reply {
			if n <= 10 {
				pass(time.Second)
				return problem(http.StatusUnauthorized, "INVALID_LOGIN", "expired")
			}
			return reply{}
		}
		c, _ := dial(t, u, func(c *Config) { c.MaxConcurrency = 10 })
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := ping(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if tokens, _ := u.counts(); tokens != 2 {
			t.Errorf("got %d tokens, want 2", tokens)
		}
	})
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		reply  reply
		kind   error
		code   string
		remedy string // part
		tries  int
	}{
		{"invalid_request", reply{status: 400, body: `{"error":"invalid_request"}`}, ErrCredentials, "invalid_request", "check base_url, client_id", 1},
		{"invalid_grant", reply{status: 400, body: `{"error":"invalid_grant"}`}, ErrCredentials, "invalid_grant", "certificate_id", 1},
		{"invalid_client", reply{status: 401, body: `{"error":"invalid_client"}`}, ErrCredentials, "invalid_client", "client_id", 1},
		{"unknown key", reply{status: 500, body: `{"error":"server_error"}`}, ErrCredentials, "server_error", "keys that it does not know", 1},
		{"not the token endpoint", reply{status: 404, body: `<html>not here</html>`}, ErrCredentials, "", "check base_url", 1},
		{"other 500", reply{status: 500, body: `<html>oops</html>`}, ErrUnavailable, "", "", tries},
		{"maintenance", reply{status: 503, body: `<html>maintenance</html>`}, ErrUnavailable, "", "", tries},
		{"busy", reply{status: 429}, ErrLimited, "", "", tries},
		{"redirect", reply{status: 302, header: http.Header{"Location": {"https://elsewhere.example/"}}}, ErrUnavailable, "", "does not redirect", tries},
		{"no token in it", reply{body: `{"expires_in":3600}`}, ErrUnavailable, "", "check base_url", tries},
		{"another token type", reply{body: `{"access_token":"x","token_type":"mac"}`}, ErrUnavailable, "", "", tries},
		{"no answer", reply{err: errors.New("connection reset")}, ErrUnavailable, "", "", tries},
		{"endless answer", reply{stream: endless{}}, ErrUnavailable, "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{token: func(int) reply { return c.reply }}
				cl, _ := dial(t, u)
				e := asError(t, ping(t.Context(), cl), c.kind)
				if e.Operation != "token" || e.Code != c.code || !strings.Contains(e.Remedy, c.remedy) || (c.remedy == "") != (e.Remedy == "") {
					t.Errorf("got %+v", e)
				}
				if tokens, statements := u.counts(); tokens != c.tries || statements != 0 {
					t.Errorf("got %d token requests, %d statements, want %d, 0", tokens, statements, c.tries)
				}
				for _, r := range u.reqs {
					if r.URL.Host != "1234567-sb1.suitetalk.api.netsuite.com" {
						t.Errorf("followed to %s", r.URL)
					}
				}
			})
		})
	}
}

// endless is an answer that does not stop.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
