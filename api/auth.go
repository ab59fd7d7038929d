package api

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Role is what a caller of the ops API may do; each includes the ones before.
// The zero Role may do nothing, and an endpoint without a role is closed.
type Role int

// The roles.
const (
	Viewer   Role = iota + 1 // reads
	Operator                 // and retries, polls, pauses
	Owner                    // and changes tenants
)

// String is the role's word in the tokens file; "nobody" for none.
func (r Role) String() string {
	switch r {
	case Viewer:
		return "viewer"
	case Operator:
		return "operator"
	case Owner:
		return "owner"
	}
	return "nobody"
}

// FromThisMachine reports whether a request comes from the machine itself,
// which is the owner where no tokens are set up.
func FromThisMachine(r *http.Request) bool { return local(r) }

// bearer is the token of an Authorization header, "" when there is none. The
// scheme's case does not matter (RFC 9110, 11.1).
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// require lets callers of a role pass. Without any tokens, the machine itself
// is the owner and nobody else gets in.
func (a *ops) require(role Role) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token := bearer(r)
			r.Header.Del("Authorization")
			have, who, tokens := Role(0), "this machine", a.c.access().Tokens
			switch {
			case len(tokens) > 0 && a.c.Guesses.Barred(r):
				p := problem(http.StatusTooManyRequests, "guessing", "too many wrong tokens came from this address: wait")
				p.retryAfter = strconv.Itoa(int(guessPenalty.Seconds()))
				writeProblem(w, r, p)
				return
			case len(tokens) > 0:
				have, who = tokens.roleOf(token), tokenName(token)
				if have > 0 {
					a.c.Guesses.Right(r)
				} else if token != "" {
					a.c.Guesses.Wrong(r)
				}
			case local(r):
				have = Owner
			}
			r = r.WithContext(context.WithValue(r.Context(), keyActor, have.String()+" "+who))
			switch {
			case have > 0 && role > 0 && have >= role:
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), roleKey{}, have)))
			case have == 0 && len(tokens) == 0:
				writeProblem(w, r, problem(http.StatusForbidden, "loopback-only", "without MLC_OPS_TOKENS_FILE only this machine itself is answered, by the name localhost or a loopback address and not through a proxy"))
			case have == 0 && token == "":
				writeProblem(w, r, problem(http.StatusUnauthorized, "unauthorized", "a bearer token is needed"))
			case have == 0:
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				writeProblem(w, r, problem(http.StatusUnauthorized, "unauthorized", "the token is not known"))
			default:
				writeProblem(w, r, problem(http.StatusForbidden, "forbidden", "the token's role does not allow this"))
			}
		})
	}
}

type roleKey struct{}

// roleOf is the role of the caller, once require let it pass.
func roleOf(ctx context.Context) Role {
	role, _ := ctx.Value(roleKey{}).(Role)
	return role
}

// sameOrigin refuses what a web page of another origin makes a browser send:
// without tokens the caller's address is all we ask for, and the browser has
// the right one.
func sameOrigin() func(http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, problem(http.StatusForbidden, "cross-origin", "another web site may not make a browser send this"))
	}))
	return guard.Handler
}

// proxyHeaders show that somebody else stands behind the socket's peer.
var proxyHeaders = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Via"}

// local reports whether a request comes from this machine: the socket's peer
// is a loopback address, no proxy stands between, and the caller asked for
// this machine by name. The last keeps out a web page whose own name was made
// to resolve to 127.0.0.1.
func local(r *http.Request) bool {
	for _, h := range proxyHeaders {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(peer) && (strings.EqualFold(host, "localhost") || loopback(strings.Trim(host, "[]")))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
