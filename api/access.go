package api

import (
	"net/http"

	"github.com/ml-connector/ml-connector/allowlist"
)

// Access is what decides who comes in and may be exchanged while both
// listeners are served.
type Access struct {
	Trust  allowlist.Trust // the proxies in front of the public listener
	Tokens Tokens          // of /api/v1; empty: only this machine is answered, as owner
}

// access is what is in force.
func (c Config) access() *Access {
	if c.Access != nil {
		return c.Access.Load()
	}
	return &Access{Trust: c.Trust, Tokens: c.Tokens}
}

// clientAddress finds the client's address by the trust in force.
func (c Config) clientAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trust := &c.Trust
		if c.Access != nil {
			trust = &c.Access.Load().Trust
		}
		if k := knockOf(r.Context()); k != nil {
			k.addr = trust.Of(r)
		}
		next.ServeHTTP(w, r)
	})
}
