package netsuite

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

const (
	// tokenLife is NetSuite's; tokenEarly is how long before its end a token is
	// renewed (contract 1.3, 1.6).
	tokenLife  = 60 * time.Minute
	tokenEarly = 10 * time.Minute
	// assertionLife and assertionSkew: documented as below 60 minutes, most
	// clients use 5; iat lies a little back for clocks that run behind.
	assertionLife = 300 * time.Second
	assertionSkew = 30 * time.Second
)

// tokens is an oauth2.TokenSource for the machine-to-machine flow: it signs a
// fresh assertion for every token. x/oauth2 keeps the token and serialises
// the callers, so that many waiting callers cost one request.
type tokens struct {
	c        Config
	endpoint string
	http     *http.Client
	key      crypto.Signer
	method   jwt.SigningMethod

	mu    sync.Mutex
	reuse oauth2.TokenSource
}

func newTokens(c Config, endpoint string, hc *http.Client) (*tokens, error) {
	if c.ClientID == "" || c.CertificateID == "" {
		return nil, errors.New("netsuite: client id and certificate id are needed: copy them from the integration record and from the OAuth 2.0 Client Credentials (M2M) Setup page")
	}
	key, method, err := signer(c.PrivateKeyPEM)
	if err != nil {
		return nil, err
	}
	t := &tokens{c: c, endpoint: endpoint, http: hc, key: key, method: method}
	t.reuse = t.fresh()
	return t, nil
}

// fresh is a source with nothing cached.
func (t *tokens) fresh() oauth2.TokenSource { return &cached{src: t, now: t.c.Now} }

// get returns a token that is good for now.
func (t *tokens) get() (*oauth2.Token, error) {
	t.mu.Lock()
	src := t.reuse
	t.mu.Unlock()
	return src.Token()
}

// drop forgets the token if it is still the one that was refused.
func (t *tokens) drop(refused string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.reuse.(*cached); ok && c.is(refused) {
		t.reuse = t.fresh()
	}
}

// cached is oauth2.ReuseTokenSourceWithExpiry on a clock of ours: the
// library's reads the wall clock, which tests cannot move.
type cached struct {
	src oauth2.TokenSource
	now func() time.Time
	mu  sync.Mutex
	t   *oauth2.Token
}

// Token serves oauth2.TokenSource.
func (c *cached) Token() (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t != nil && c.now().Before(c.t.Expiry.Add(-tokenEarly)) {
		return c.t, nil
	}
	t, err := c.src.Token()
	if err != nil {
		return nil, err
	}
	c.t = t
	return t, nil
}

func (c *cached) is(token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t != nil && c.t.AccessToken == token
}

// Token mints one; it serves oauth2.TokenSource.
func (t *tokens) Token() (*oauth2.Token, error) {
	assertion, err := t.assertion()
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	// TokenSource has no context; the client's own timeout ends the request.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Cause: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	start := t.c.Now()
	res, err := t.http.Do(req)
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	if t.c.Observe != nil {
		t.c.Observe("token", status, t.c.Now().Sub(start))
	}
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Cause: bare(err)}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Status: status, Cause: err}
	}
	if status != http.StatusOK {
		return nil, tokenError(status, body)
	}
	return t.decode(body)
}

// assertion signs what NetSuite asks for (contract 1.2).
func (t *tokens) assertion() (string, error) {
	now := t.c.Now()
	j := jwt.NewWithClaims(t.method, jwt.MapClaims{
		"iss": t.c.ClientID, "scope": []string{"rest_webservices"}, "aud": t.endpoint,
		"iat": now.Add(-assertionSkew).Unix(), "exp": now.Add(assertionLife - assertionSkew).Unix(), "jti": rand.Text(),
	})
	j.Header["kid"] = t.c.CertificateID
	s, err := j.SignedString(t.key)
	if err != nil {
		return "", &Error{Kind: ErrCredentials, Operation: "token", Cause: fmt.Errorf("sign the assertion: %w", err)}
	}
	return s, nil
}

// decode reads a token answer: expires_in as number or text, 60 minutes when
// it is missing, and never more.
func (t *tokens) decode(body []byte) (*oauth2.Token, error) {
	var a struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.AccessToken == "" {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Status: http.StatusOK, Detail: "the answer holds no access_token", Remedy: "check netsuite.base_url"}
	}
	if a.TokenType != "" && !strings.EqualFold(a.TokenType, "bearer") {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Status: http.StatusOK, Detail: fmt.Sprintf("token_type is %.20q", a.TokenType)}
	}
	life := tokenLife
	if d, err := time.ParseDuration(strings.Trim(string(a.ExpiresIn), `"`) + "s"); err == nil && d > 0 {
		life = min(d, tokenLife)
	}
	return &oauth2.Token{AccessToken: a.AccessToken, TokenType: "Bearer", Expiry: t.c.Now().Add(life)}, nil
}

// tokenError says what an answer of the token endpoint points at (contract 1.4).
func tokenError(status int, body []byte) *Error {
	var a struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &a)
	e := &Error{Kind: ErrUnavailable, Operation: "token", Status: status, Code: a.Error, Detail: clip(a.Error + " " + a.Description)}
	const mapping = "check that certificate_id is the one of the M2M mapping, that the private key belongs to its certificate, that the certificate has not ended, and that the mapping still exists (a sandbox refresh deletes it)"
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind = ErrLimited
	case a.Error == "invalid_client":
		e.Kind, e.Remedy = ErrCredentials, "check client_id and the Client Credentials grant of the integration record; "+mapping
	case a.Error == "invalid_grant":
		e.Kind, e.Remedy = ErrCredentials, mapping+"; and that this machine's clock is right"
	case a.Error == "server_error" && status == http.StatusInternalServerError:
		e.Kind, e.Remedy = ErrCredentials, "NetSuite answers so for keys that it does not know: "+mapping
	case status >= 400 && status < 500:
		e.Kind, e.Remedy = ErrCredentials, "check client_id, base_url and the scope REST Web Services of the integration record"
	}
	return e
}

// bare unwraps url.Error, whose text repeats the URL.
func bare(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// clip keeps what a person can read of somebody else's text.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "..."
	}
	return s
}
