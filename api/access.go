package api

import (
	"net/http"
	"sync/atomic"

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

// clientAddress finds the client's address by the trust in force. The layer is
// built anew when that changes.
func (c Config) clientAddress(next http.Handler) http.Handler {
	if c.Access == nil {
		return c.Trust.Middleware()(next)
	}
	type layer struct {
		of *Access
		h  http.Handler
	}
	var built atomic.Pointer[layer]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, l := c.Access.Load(), built.Load()
		if l == nil || l.of != a {
			l = &layer{a, a.Trust.Middleware()(next)}
			built.Store(l)
		}
		l.h.ServeHTTP(w, r)
	})
}
