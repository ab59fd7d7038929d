package api

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Guessing tokens: after so many wrong ones in a row an address is not
// answered for a while, whatever it shows.
const (
	maxGuesses   = 10
	guessPenalty = 30 * time.Second
	// maxGuessers bounds what is remembered.
	maxGuessers = 10_000
)

// guesses counts wrong tokens per socket address.
type guesses struct {
	mu  sync.Mutex
	now func() time.Time
	by  map[string]guess
}

type guess struct {
	wrong int
	until time.Time
}

func newGuesses() *guesses { return &guesses{now: time.Now, by: map[string]guess{}} }

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// barred reports whether an address has to wait.
func (g *guesses) barred(addr string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Before(g.by[addr].until)
}

// wrong counts a wrong token, right forgets them.
func (g *guesses) wrong(addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.by) >= maxGuessers {
		clear(g.by)
	}
	one := g.by[addr]
	if one.wrong++; one.wrong >= maxGuesses {
		one = guess{until: g.now().Add(guessPenalty)}
	}
	g.by[addr] = one
}

func (g *guesses) right(addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.by, addr)
}
