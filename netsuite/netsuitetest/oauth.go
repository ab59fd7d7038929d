package netsuitetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenLife is the lifetime of an access token (contract 1.3).
const tokenLife = time.Hour

// door is who may come in.
type door struct {
	mu     sync.Mutex
	keys   map[string]certificate // certificate id -> key
	tokens map[string]accessToken // bearer -> grant
	logins []string
}

type certificate struct {
	clientID string
	key      crypto.PublicKey
}

type accessToken struct {
	expires time.Time
	scopes  []string
}

// Logins are the reasons for which assertions and tokens were refused, in the
// words of the Login Audit Trail (contract 1.4) and with details that are
// never on the wire.
func (s *Sim) Logins() []string {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	return slices.Clone(s.door.logins)
}

// token is the token endpoint (contract 1.2 to 1.4).
func (s *Sim) token(r *http.Request, _ *Call) answer {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	if r.Method != http.MethodPost {
		return oauthError(http.StatusMethodNotAllowed, "invalid_request")
	}
	assertion, err := tokenForm(r)
	if err != nil {
		return s.refuse("InvalidRequest: "+err.Error(), http.StatusBadRequest, "invalid_request")
	}
	scopes, err := s.assertion(assertion, endpoint(r))
	switch {
	case errors.Is(err, errRS256):
		return s.refuse("InvalidSignature: "+err.Error(), http.StatusInternalServerError, "server_error")
	case err != nil && s.o.InvalidClient:
		a := s.refuse(err.Error(), http.StatusUnauthorized, "invalid_client")
		a.header.Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", s.o.Account))
		return a
	case err != nil:
		return s.refuse(err.Error(), http.StatusBadRequest, "invalid_grant")
	}
	bearer := newBearer(s.o.Account)
	s.door.tokens[bearer] = accessToken{s.o.Now().Add(tokenLife), scopes}
	var life any = 3600
	if s.o.ExpiresInText {
		life = "3600"
	}
	a := reply(http.StatusOK, map[string]any{"access_token": bearer, "expires_in": life, "token_type": "Bearer"})
	a.contentType = "application/json"
	return a
}

func (s *Sim) refuse(why string, status int, code string) answer {
	s.door.logins = append(s.door.logins, why)
	return oauthError(status, code)
}

// oauthError has no error_description (contract 1.4).
func oauthError(status int, code string) answer {
	a := reply(status, map[string]string{"error": code})
	a.contentType = "application/json"
	return a
}

// endpoint is the token endpoint as the caller must have spelled it: aud is
// compared with it letter by letter.
func endpoint(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + tokenPath
}

// tokenForm checks that the request has exactly the three fields of contract
// 1.2 and returns the assertion.
func tokenForm(r *http.Request) (string, error) {
	if r.Header.Get("Authorization") != "" {
		return "", errors.New("more than one way of client authentication")
	}
	if r.URL.RawQuery != "" {
		return "", errors.New("parameters in the URL")
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return "", fmt.Errorf("content type %q", r.Header.Get("Content-Type"))
	}
	b, err := readBody(r)
	if err != nil {
		return "", err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return "", fmt.Errorf("form: %w", err)
	}
	want := map[string]string{
		"grant_type":            "client_credentials",
		"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		"client_assertion":      "",
	}
	for name, values := range form {
		w, known := want[name]
		if !known || len(values) != 1 || values[0] == "" || w != "" && values[0] != w {
			return "", fmt.Errorf("field %s is unknown, repeated, empty or has the wrong value", name)
		}
	}
	if len(form) != len(want) {
		return "", errors.New("a field is missing")
	}
	return form.Get("client_assertion"), nil
}

// errRS256 is an assertion signed with PKCS#1 v1.5, which ended in March 2025.
var errRS256 = errors.New("RSA PKCS#1 v1.5 is no longer supported")

// assertion checks a client assertion by contract 1.2 and returns its scopes.
func (s *Sim) assertion(raw, audience string) ([]string, error) {
	claims := jwt.MapClaims{}
	t, parts, err := jwt.NewParser().ParseUnverified(raw, claims)
	if err != nil {
		return nil, fmt.Errorf("TokenRejected: %w", err)
	}
	alg := t.Method.Alg()
	if strings.HasPrefix(alg, "RS") {
		return nil, errRS256
	}
	kid, _ := t.Header["kid"].(string)
	cert, ok := s.door.keys[kid]
	switch {
	case t.Header["typ"] != "JWT":
		return nil, errors.New("TokenRejected: typ is not JWT")
	case !ok:
		return nil, fmt.Errorf("InvalidIntegration: no certificate %q", kid)
	case claims["iss"] != cert.clientID:
		return nil, fmt.Errorf("InvalidIntegration: iss is not the client id of certificate %q", kid)
	case claims["aud"] != audience:
		return nil, fmt.Errorf("TokenRejected: aud %v is not %s", claims["aud"], audience)
	}
	if err := verify(alg, cert.key, parts); err != nil {
		return nil, fmt.Errorf("InvalidSignature: %w", err)
	}
	if err := s.lifetime(claims); err != nil {
		return nil, err
	}
	return scopesOf(claims["scope"])
}

// verify checks the signature, the kind and the size of the key (contract
// 1.2, 1.5). The PSS salt must be as long as the hash.
func verify(alg string, key crypto.PublicKey, parts []string) error {
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	signed := parts[0] + "." + parts[1]
	switch k := key.(type) {
	case *rsa.PublicKey:
		hash, ok := map[string]crypto.Hash{"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512}[alg]
		if !ok {
			return fmt.Errorf("alg %s with an RSA key", alg)
		}
		if n := k.N.BitLen(); n != 3072 && n != 4096 {
			return fmt.Errorf("RSA key of %d bits, want 3072 or 4096", n)
		}
		h := hash.New()
		h.Write([]byte(signed))
		if err := rsa.VerifyPSS(k, hash, h.Sum(nil), sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
			return fmt.Errorf("alg %s: %w", alg, err)
		}
		return nil
	case *ecdsa.PublicKey:
		m, ok := map[string]*jwt.SigningMethodECDSA{"ES256": jwt.SigningMethodES256, "ES384": jwt.SigningMethodES384, "ES512": jwt.SigningMethodES512}[alg]
		if !ok || m.CurveBits != k.Curve.Params().BitSize {
			return fmt.Errorf("alg %s with an EC key of %d bits", alg, k.Curve.Params().BitSize)
		}
		if err := m.Verify(signed, sig, k); err != nil {
			return fmt.Errorf("alg %s: %w", alg, err)
		}
		return nil
	}
	return fmt.Errorf("alg %s with a key of type %T", alg, key)
}

// lifetime applies the rules of iat and exp (contract 1.2).
func (s *Sim) lifetime(claims jwt.MapClaims) error {
	iat, iatOK := claims["iat"].(float64)
	exp, expOK := claims["exp"].(float64)
	now := float64(s.o.Now().UnixNano()) / 1e9
	switch {
	case !iatOK || !expOK:
		return errors.New("TokenRejected: iat and exp must be numbers")
	case exp-iat > 3600:
		return errors.New("TokenRejected: exp is more than 3600 s after iat")
	case exp <= iat:
		return errors.New("TokenRejected: exp is not after iat")
	case iat > now+300:
		return errors.New("TokenRejected: iat is in the future")
	case exp <= now:
		return errors.New("AccessTokenExpired: exp is in the past")
	}
	return nil
}

// scopesOf takes an array, a single string, a comma or a space list.
func scopesOf(v any) ([]string, error) {
	var out []string
	switch v := v.(type) {
	case string:
		out = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	case []any:
		for _, e := range v {
			s, _ := e.(string)
			out = append(out, s)
		}
	}
	for _, s := range out {
		if !slices.Contains([]string{"restlets", "rest_webservices", "suite_analytics"}, s) {
			return nil, fmt.Errorf("ScopeMismatched: scope %q", s)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("ScopeMismatched: no scope")
	}
	return out, nil
}

// newBearer is an opaque token with the size and look of the real ones.
func newBearer(account string) string {
	sig := make([]byte, 512)
	_, _ = rand.Read(sig) // never fails
	part := func(v any) string {
		b, _ := json.Marshal(v) // of strings only
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]string{"kid": "c." + account + ".2026-11-01_00-00-00", "typ": "JWT", "alg": "PS256"}) + "." +
		part(map[string]string{"sub": "3;-5", "aud": "F3A2;" + account, "iss": "https://system.netsuite.com"}) + "." +
		base64.RawURLEncoding.EncodeToString(sig)
}

// admit checks the bearer of a REST request; ok is false with the answer to
// give (contract 1.6).
func (s *Sim) admit(r *http.Request) (answer, bool) {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, known := s.door.tokens[bearer]
	switch {
	case !found, !known, !s.o.Now().Before(t.expires), r.Header.Get("Cookie") != "":
		if known && !s.o.Now().Before(t.expires) {
			delete(s.door.tokens, bearer)
		}
		s.door.logins = append(s.door.logins, "AccessTokenExpired or TokenRejected on "+r.URL.Path)
		return errorAnswer(s.o.Account, http.StatusUnauthorized), false
	case !slices.Contains(t.scopes, "rest_webservices"):
		return errorAnswer(s.o.Account, http.StatusForbidden), false
	}
	return answer{}, true
}
