package netsuite

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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
	// maxTokenBody bounds an answer that is about 2 KB.
	maxTokenBody = 64 << 10
)

// tokens keeps the access token of one account.
//
//	get --> good until 10 minutes before its end --> the token
//	   \--> else one caller mints, the others wait for it or for their context
type tokens struct {
	c        Config
	endpoint string
	wire     wire
	key      crypto.Signer
	method   jwt.SigningMethod

	turn chan struct{} // of one: guards what follows, so that waiting can be given up
	kept *oauth2.Token
}

func newTokens(c Config, endpoint string, w wire) (*tokens, error) {
	if c.ClientID == "" || c.CertificateID == "" {
		return nil, errors.New("netsuite: client id and certificate id are needed: copy them from the integration record and from the OAuth 2.0 Client Credentials (M2M) Setup page")
	}
	key, method, err := signer(c.PrivateKeyPEM)
	if err != nil {
		return nil, err
	}
	return &tokens{c: c, endpoint: endpoint, wire: w, key: key, method: method, turn: make(chan struct{}, 1)}, nil
}

// get returns a token that is good for now. However many callers need a new
// one, one request is made; if it fails, the next caller tries its own.
func (t *tokens) get(ctx context.Context) (*oauth2.Token, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("netsuite token: %w", ctx.Err())
	}
	if t.kept != nil && t.c.Now().Before(t.kept.Expiry) {
		return t.kept, nil
	}
	token, err := t.source(ctx).Token()
	if err != nil {
		return nil, err
	}
	t.kept = token
	return token, nil
}

// drop forgets the token that was refused, unless it has been replaced since.
func (t *tokens) drop(ctx context.Context, refused *oauth2.Token) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return
	}
	if t.kept == refused {
		t.kept = nil
	}
}

// source mints with a fresh assertion each time. Like the sources of x/oauth2
// it holds the context of the one call that it is made for.
func (t *tokens) source(ctx context.Context) oauth2.TokenSource { return minter{t, ctx} }

type minter struct {
	t   *tokens
	ctx context.Context
}

// Token asks for a token. Its Expiry is when it is to be replaced, which is
// before NetSuite ends it.
func (m minter) Token() (*oauth2.Token, error) {
	assertion, err := m.t.assertion()
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	req, err := http.NewRequestWithContext(m.ctx, http.MethodPost, m.t.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Cause: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := m.t.wire.send(req, "token", maxTokenBody)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, tokenError(a, m.t.c.Now())
	}
	return m.t.decode(a.body)
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
// it is missing, and never more (contract 1.3).
func (t *tokens) decode(body []byte) (*oauth2.Token, error) {
	var a struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.AccessToken == "" {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Status: http.StatusOK, Detail: "the answer holds no access_token", Remedy: "check base_url: something other than NetSuite may answer there"}
	}
	if a.TokenType != "" && !strings.EqualFold(a.TokenType, "bearer") {
		return nil, &Error{Kind: ErrUnavailable, Operation: "token", Status: http.StatusOK, Detail: fmt.Sprintf("token_type is %.20q, want bearer", a.TokenType)}
	}
	life := tokenLife
	if d, err := time.ParseDuration(strings.Trim(string(a.ExpiresIn), `"`) + "s"); err == nil && d > 0 {
		life = min(d, tokenLife)
	}
	// A life shorter than the usual hour is left the same share unused.
	early := min(tokenEarly, life/6)
	return &oauth2.Token{AccessToken: a.AccessToken, TokenType: "Bearer", Expiry: t.c.Now().Add(life - early)}, nil
}

// tokenError says what an answer of the token endpoint points at (contract
// 1.4). The codes are OAuth's; which of our settings each of them means is
// told by no page, so the remedy names all suspects.
func tokenError(a answer, now time.Time) *Error {
	var b struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(a.body, &b) != nil {
		b.Description = "the answer is not JSON"
	}
	e := &Error{Kind: ErrUnavailable, Operation: "token", Status: a.status, Code: clip(b.Error), Detail: clip(b.Error + " " + b.Description), RetryAfter: retryAfter(a.header, now)}
	const mapping = "certificate_id is the one of the M2M mapping, the private key belongs to its certificate, " +
		"the certificate has not ended, and the mapping still exists with an enabled role and entity (a sandbox refresh deletes it)"
	switch {
	case a.status == http.StatusTooManyRequests:
		e.Kind = ErrLimited
	case a.status >= 300 && a.status < 400:
		e.Remedy = redirected
	case b.Error == "invalid_client":
		e.Kind, e.Remedy = ErrCredentials, "check that client_id is the one of the integration record and that its Client Credentials (Machine to Machine) Grant box is ticked; that "+mapping
	case b.Error == "invalid_grant":
		e.Kind, e.Remedy = ErrCredentials, "check that client_id is the one of the integration record; that "+mapping+"; and that this machine's clock is right"
	case b.Error == "server_error" && a.status == http.StatusInternalServerError:
		e.Kind, e.Remedy = ErrCredentials, "NetSuite answers so for keys that it does not know: check that "+mapping
	case a.status >= 400 && a.status < 500:
		e.Kind, e.Remedy = ErrCredentials, "check base_url, client_id, and the scope REST Web Services of the integration record"
	}
	return e
}
