package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// Role is what a caller of the ops API may do; each includes the ones before.
type Role int

// The roles.
const (
	Viewer   Role = iota + 1 // reads
	Operator                 // and retries, polls, pauses
	Owner                    // and changes tenants
)

var roleNames = map[string]Role{"viewer": Viewer, "operator": Operator, "owner": Owner}

// Tokens are the bearer tokens of the ops API: SHA-256 of a token -> role. The
// tokens themselves are nowhere.
type Tokens map[[sha256.Size]byte]Role

// ParseTokens reads lines "role sha256-of-token"; empty lines and lines that
// start with # are comments.
func ParseTokens(data []byte) (Tokens, error) {
	out := Tokens{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		role := roleNames[f[0]]
		if len(f) != 2 || role == 0 {
			return nil, fmt.Errorf("line %d: want: viewer, operator or owner, a blank, and the SHA-256 of the token (printf %%s TOKEN | sha256sum)", n)
		}
		sum, err := hex.DecodeString(f[1])
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("line %d: want 64 hex digits behind the role; make them with: printf %%s TOKEN | sha256sum", n)
		}
		out[[sha256.Size]byte(sum)] = role
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no token in it: leave the file out to answer loopback only")
	}
	return out, nil
}

// roleOf compares a token with all hashes, in constant time each.
func (t Tokens) roleOf(token string) Role {
	sum := sha256.Sum256([]byte(token))
	role := Role(0)
	for h, r := range t {
		if subtle.ConstantTimeCompare(h[:], sum[:]) == 1 {
			role = r
		}
	}
	return role
}

// require lets callers of a role pass. Without any tokens, the machine itself
// is the owner and nobody else gets in.
func (a *ops) require(role Role) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			have := Role(0)
			token, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			switch {
			case len(a.c.Tokens) > 0:
				have = a.c.Tokens.roleOf(token)
			case loopback(r):
				have = Owner
			}
			r.Header.Del("Authorization")
			switch {
			case have >= role:
				next.ServeHTTP(w, r)
			case have == 0 && len(a.c.Tokens) == 0:
				writeProblem(w, r, problem(http.StatusForbidden, "loopback-only", "without MLC_OPS_TOKENS_FILE only this machine itself is answered"))
			case have == 0 && !shown:
				w.Header().Set("WWW-Authenticate", "Bearer")
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
