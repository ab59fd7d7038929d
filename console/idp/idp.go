// Package idp signs people in through an OpenID Connect identity provider: the
// authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0,
// 3.1; RFC 7636; RFC 9207). Who may do what follows from one claim of the ID
// token.
package idp

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	// DefaultClaim names the claim that roles come from.
	DefaultClaim = "groups"
	// flowLife is how long somebody may take at the provider.
	flowLife = 10 * time.Minute
	// discoveryLife is how long the provider's description is believed; its
	// keys are read anew whenever a token names one that is not known.
	discoveryLife = 24 * time.Hour
	// failureLife is how long a provider that does not answer is left alone:
	// strangers may make us ask.
	failureLife = 5 * time.Second
)

// Settings say which provider, and who is what there.
type Settings struct {
	Issuer       string        // https://..., exactly as in its ID tokens
	ClientID     string        // this console at the provider
	ClientSecret secret.String // "" for a public client: PKCE protects it
	RedirectURL  string        // where the provider sends people back to: .../console/idp/callback
	Scopes       []string      // besides openid
	Claim        string        // a name, or a path with dots; its value is a text or a list of texts
	Roles        map[string]api.Role
}

// Check finds what cannot be.
func (s Settings) Check() error {
	var errs []error
	for name, raw := range map[string]string{"issuer": s.Issuer, "redirect URL": s.RedirectURL} {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			errs = append(errs, fmt.Errorf("the %s %q: want https://host/path without user, query and fragment", name, raw))
		case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
			errs = append(errs, fmt.Errorf("the %s %q: want https; http serves a provider on this machine alone", name, raw))
		}
	}
	if s.ClientID == "" {
		errs = append(errs, errors.New("the client id is missing: register the console at the provider"))
	}
	if len(s.Roles) == 0 {
		errs = append(errs, errors.New("no roles: nobody could come in; name who is what, such as owner=ap-leads,viewer=finance"))
	}
	return errors.Join(errs...)
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// ParseRoles reads role=value pairs, with commas between them. A role may be
// given to several values.
func ParseRoles(text string) (map[string]api.Role, error) {
	out := map[string]api.Role{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		word, value, ok := strings.Cut(pair, "=")
		word, value = strings.TrimSpace(word), strings.TrimSpace(value)
		role := map[string]api.Role{"viewer": api.Viewer, "operator": api.Operator, "owner": api.Owner}[word]
		if !ok || role == 0 || value == "" {
			return nil, fmt.Errorf("%q: want viewer=, operator= or owner= and the value of the claim", strings.TrimSpace(pair))
		}
		if before := out[value]; before != 0 && before != role {
			return nil, fmt.Errorf("%q is %s and %s: keep one of the two", value, before, role)
		}
		out[value] = role
	}
	return out, nil
}

// Flow is a sign-in that is under way: it stays in the browser, sealed.
type Flow struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	To       string    `json:"t"` // where the person wanted to go
	Expires  time.Time `json:"e"`
}

// Person is who has signed in.
type Person struct {
	Subject string
	Name    string // for people and the audit log
	Value   string // of the claim, which gives the role
}

// ErrNoRole says that the provider knows a person whom no value of the claim
// lets in.
var ErrNoRole = errors.New("none of the groups that the identity provider names may use this console")

// Provider is an identity provider. It is safe for concurrent use.
type Provider struct {
	s      Settings
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	found   *oidc.Provider
	foundAt time.Time
	failed  error // the last answer, when it was none
	tried   time.Time
}

// New returns a provider; it is asked for nothing until somebody signs in.
func New(s Settings, now func() time.Time) (*Provider, error) {
	s.Claim = cmp.Or(s.Claim, DefaultClaim)
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &Provider{s: s, client: client(), now: now}, nil
}

// Role is what a value of the claim allows; 0 is nothing.
func (p *Provider) Role(value string) api.Role { return p.s.Roles[value] }

// Host is where people are sent to.
func (p *Provider) Host() string {
	u, err := url.Parse(p.s.Issuer)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Begin starts a sign-in that is to end at to, and returns the address at the
// provider.
func (p *Provider) Begin(ctx context.Context, to string) (string, Flow, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f := Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: to, Expires: p.now().Add(flowLife)}
	return p.oauth(found).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// Finish takes what the provider sent a person back with.
func (p *Provider) Finish(ctx context.Context, f Flow, q url.Values) (Person, error) {
	switch {
	case f.State == "" || subtle.ConstantTimeCompare([]byte(f.State), []byte(q.Get("state"))) != 1:
		return Person{}, errors.New("this answer belongs to no sign-in that was begun here")
	case !p.now().Before(f.Expires):
		return Person{}, fmt.Errorf("it took longer than %s", flowLife)
	case q.Get("iss") != "" && q.Get("iss") != p.s.Issuer: // RFC 9207
		return Person{}, errors.New("the answer comes from another identity provider")
	case q.Get("error") != "":
		return Person{}, fmt.Errorf("the identity provider refused: %s", plain(q.Get("error"), 60))
	case q.Get("code") == "":
		return Person{}, errors.New("the identity provider sent no code")
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tok, err := p.oauth(found).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Person{}, fmt.Errorf("the identity provider does not take its code back: %w", quiet(err))
	}
	raw, ok := tok.Extra("id_token").(string)
	if !ok {
		return Person{}, errors.New("the identity provider sent no ID token: is the scope openid allowed?")
	}
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.s.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, fmt.Errorf("the ID token is not good: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return Person{}, errors.New("the ID token is not good: it was made for another sign-in (nonce)")
	}
	return p.person(id)
}

// person reads who an ID token speaks of. Of several values of the claim the
// one counts that allows most.
func (p *Provider) person(id *oidc.IDToken) (Person, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("the ID token is not good: %w", err)
	}
	if azp, ok := claims["azp"].(string); ok && azp != p.s.ClientID || !ok && len(id.Audience) > 1 {
		return Person{}, errors.New("the ID token is not good: it was made for another application (azp)")
	}
	out := Person{Subject: id.Subject}
	for _, k := range []string{"preferred_username", "email", "name", "sub"} {
		if s, _ := claims[k].(string); out.Name == "" {
			out.Name = plain(s, 80)
		}
	}
	for _, v := range values(claims, p.s.Claim) {
		if p.Role(v) > p.Role(out.Value) {
			out.Value = v
		}
	}
	if out.Value == "" {
		return out, ErrNoRole
	}
	return out, nil
}

// values are the texts of a claim, by its name or by its path.
func values(claims map[string]any, path string) []string {
	v, ok := claims[path]
	for at := any(claims); !ok; {
		name, rest, more := strings.Cut(path, ".")
		m, is := at.(map[string]any)
		if !is {
			return nil
		}
		if at = m[name]; !more {
			v, ok = at, true
		}
		path = rest
	}
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// plain is a text of a stranger for people: printable, in one line, not long.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most])
	}
	return strings.TrimSpace(s)
}

func (p *Provider) oauth(found *oidc.Provider) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID}, slices.DeleteFunc(slices.Clone(p.s.Scopes), func(s string) bool { return s == oidc.ScopeOpenID || s == "" })...)
	return &oauth2.Config{ClientID: p.s.ClientID, ClientSecret: p.s.ClientSecret.Reveal(), Endpoint: found.Endpoint(), RedirectURL: p.s.RedirectURL, Scopes: scopes}
}

// discover reads the provider's description, at most once a day.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil && p.now().Sub(p.foundAt) < discoveryLife {
		return p.found, nil
	}
	if p.failed != nil && p.now().Sub(p.tried) < failureLife {
		return nil, p.failed
	}
	p.tried = p.now()
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.s.Issuer) // others wait for it; the client ends it
	if err != nil {
		p.failed = fmt.Errorf("the identity provider %s cannot be asked: %w", p.Host(), quiet(err))
		return nil, p.failed
	}
	p.found, p.foundAt, p.failed = found, p.now(), nil
	return found, nil
}
