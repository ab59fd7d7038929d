package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	cookieName = "mlc_console"
	// sessionLife is how long a person stays signed in.
	sessionLife = 12 * time.Hour
)

// session is who looks at a page. It is kept nowhere but in the cookie, sealed;
// what its token may do is looked up at each request, so that taking a token
// out of the file ends its sessions.
type session struct {
	Sum     [sha256.Size]byte `json:"s"` // SHA-256 of the token
	Expires time.Time         `json:"e"`
	// Instead of a token, whom the identity provider knows, and the value of
	// its claim that lets them in.
	Subject string `json:"u,omitempty"`
	Name    string `json:"n,omitempty"`
	Value   string `json:"v,omitempty"`

	role api.Role
	who  string
}

// binding ties a cookie to its purpose.
func binding() secret.Binding { return secret.Binding{Field: "console session"} }

func (a *console) seal(s session) (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	sealed, err := a.Seal.Seal(b, binding())
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// session reads who sends the request; nil when nobody is signed in.
func (a *console) session(r *http.Request) *session {
	tokens := a.Tokens()
	if a.open() {
		if api.FromThisMachine(r) {
			return &session{role: api.Owner, who: "this machine"}
		}
		return nil
	}
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	b, err := a.Seal.Open(sealed, binding())
	if err != nil {
		return nil
	}
	var s session
	if json.Unmarshal(b, &s) != nil || !a.Now().Before(s.Expires) {
		return nil
	}
	switch {
	case s.Subject == "":
		s.role, s.who = tokens[s.Sum], hex.EncodeToString(s.Sum[:4])
	case a.Identity != nil:
		s.role, s.who = a.Identity.Role(s.Value), s.Name
	}
	if s.role == 0 {
		return nil
	}
	s.who = s.role.String() + " " + s.who
	return &s
}

// open reports whether nobody can sign in, so that the machine itself is the
// owner.
func (a *console) open() bool { return len(a.Tokens()) == 0 && a.Identity == nil }

type sessionKey struct{}

func whoIs(ctx context.Context) *session {
	s, _ := ctx.Value(sessionKey{}).(*session)
	return s
}

// require lets people of a role pass; a route without a role is closed.
func (a *console) require(role api.Role) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := a.session(r)
			switch {
			case s == nil && a.open():
				a.fail(w, r, http.StatusForbidden, "Without MLC_OPS_TOKENS_FILE the console answers only the machine that it runs on, by the name localhost or a loopback address and not through a proxy.")
			case s == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
				lead(w, r, Base+"/sign-in?to="+escape(r.URL.RequestURI()))
			case s == nil:
				a.fail(w, r, http.StatusUnauthorized, "You are not signed in, or no longer. Nothing was changed.")
			case role == 0 || s.role < role:
				a.fail(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, s)), http.StatusForbidden,
					"This needs the role "+role.String()+"; you are signed in as "+s.role.String()+". Nothing was changed.")
			default:
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, s)))
			}
		})
	}
}

func (a *console) signInPage(w http.ResponseWriter, r *http.Request) {
	if a.session(r) != nil {
		lead(w, r, target(r.URL.Query().Get("to")))
		return
	}
	a.render(w, r, http.StatusOK, "signin", view{Title: "Sign in", Data: a.signInWith(target(r.URL.Query().Get("to")), "")})
}

type signInData struct {
	To, Wrong string
	Tokens    bool   // they may be used
	Identity  string // host of the identity provider, "" when there is none
}

func (a *console) signInWith(to, wrong string) signInData {
	d := signInData{To: to, Wrong: wrong, Tokens: len(a.Tokens()) > 0}
	if a.Identity != nil {
		d.Identity = a.Identity.Host()
	}
	return d
}

// signIn takes a token of the ops API.
func (a *console) signIn(w http.ResponseWriter, r *http.Request) {
	if !readForm(w, r) {
		a.fail(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	to := target(r.PostForm.Get("to"))
	s := session{Sum: sha256.Sum256([]byte(strings.TrimSpace(r.PostForm.Get("token")))), Expires: a.Now().Add(sessionLife)}
	// The hash of what was typed is compared as a map key: it is no secret, and
	// a stranger cannot choose it near another.
	if a.Guesses.Barred(r) {
		w.Header().Set("Retry-After", strconv.Itoa(int(api.GuessPenalty().Seconds())))
		a.render(w, r, http.StatusTooManyRequests, "signin", view{Title: "Sign in", Data: a.signInWith(to, "Too many wrong tokens came from here. Wait half a minute, then try again.")})
		return
	}
	if a.Tokens()[s.Sum] == 0 {
		a.Guesses.Wrong(r)
		a.render(w, r, http.StatusUnauthorized, "signin", view{Title: "Sign in", Data: a.signInWith(to, "This token is not known. Copy it whole, or ask your administrator for yours.")})
		return
	}
	a.Guesses.Right(r)
	value, err := a.seal(s)
	if err != nil {
		a.fail(w, r, http.StatusInternalServerError, "The session could not be sealed.")
		return
	}
	a.setCookie(w, r, value, s.Expires)
	lead(w, r, to)
}

// setCookie keeps the cookie from scripts and other sites; it is Secure where
// the browser speaks TLS, to us or to a proxy.
func (a *console) setCookie(w http.ResponseWriter, r *http.Request, value string, until time.Time) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure would lock people out who reach the ops listener by port-forward
		Name: cookieName, Value: value, Path: Base, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: secure(r), MaxAge: a.age(until),
	})
}

// age is what a cookie's Max-Age is to be: the browser's clock may be wrong.
// Negative takes the cookie away.
func (a *console) age(until time.Time) int {
	if s := int(until.Sub(a.Now()).Seconds()); s > 0 {
		return s
	}
	return -1
}

// secure reports whether the browser speaks TLS, to us or to a proxy.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

func (a *console) signOut(w http.ResponseWriter, r *http.Request) {
	a.setCookie(w, r, "", time.Unix(1, 0))
	lead(w, r, Base+"/sign-in")
}

// target is where a sign-in leads: a page of the console, nothing else.
func target(to string) string {
	at, _, _ := strings.Cut(to, "?")
	if path.Clean(at) != strings.TrimSuffix(at, "/") || !strings.HasPrefix(to, Base+"/") || strings.HasPrefix(to, Base+"/sign") || strings.HasPrefix(to, flowPath) || strings.ContainsAny(to, "\\\r\n") {
		return Base + "/"
	}
	return to
}
