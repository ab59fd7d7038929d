package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Guessing tokens: after so many wrong ones in a row an address is not
// answered for a while, whatever it shows.
const (
	maxGuesses   = 10
	guessPenalty = 30 * time.Second
	// maxGuessers bounds what is remembered.
	maxGuessers = 10_000
)

// Guesses counts wrong tokens per network of the socket's peer: an IPv4
// address, or the 64 bits that an IPv6 host has to choose its own address in.
// The ops API and the console share one, so that neither is the way round the
// other. It is safe for concurrent use.
type Guesses struct {
	log *zap.Logger
	mu  sync.Mutex
	now func() time.Time
	by  map[string]guess
}

type guess struct {
	wrong int
	until time.Time
}

// NewGuesses returns an empty count. log is told of every bar.
func NewGuesses(log *zap.Logger) *Guesses {
	return &Guesses{log: log, now: time.Now, by: map[string]guess{}}
}

// GuessPenalty is how long an address is barred, for Retry-After.
func GuessPenalty() time.Duration { return guessPenalty }

// peer is the network that a request comes from.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if a = a.Unmap().WithZone(""); err != nil || a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// Barred reports whether the caller's network has to wait.
func (g *Guesses) Barred(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Before(g.by[peer(r)].until)
}

// Wrong counts a wrong token.
func (g *Guesses) Wrong(r *http.Request) {
	from := peer(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.by[from]; !known && len(g.by) >= maxGuessers {
		g.forget()
	}
	one := g.by[from]
	if one.wrong++; one.wrong >= maxGuesses {
		one = guess{until: g.now().Add(guessPenalty)}
		g.log.Warn("tokens are being guessed: this network is not answered for a while", zap.String("network", from), zap.Int("wrong", maxGuesses), zap.Float64("seconds", guessPenalty.Seconds()))
	}
	g.by[from] = one
}

// forget makes room: who is barred stays so, unless they are too many.
func (g *Guesses) forget() {
	for from, one := range g.by {
		if !g.now().Before(one.until) {
			delete(g.by, from)
		}
	}
	if len(g.by) >= maxGuessers {
		clear(g.by)
	}
}

// Right forgets the wrong ones.
func (g *Guesses) Right(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.by, peer(r))
}
