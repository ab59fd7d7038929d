// Package allowlist answers one question: may this address knock? It finds
// the client's address behind counted or listed proxies and compares it with
// a list of CIDRs. Doubt means no.
//
//	socket peer --- proxy n ... proxy 1 --- client
//	                X-Forwarded-For, read from the right, is worth as much as
//	                the proxies that wrote it: trust none by default.
package allowlist

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Addr is a client address; the zero value is "unknown" and is on no list.
type Addr = netip.Addr

// List is a set of networks. The zero List is empty and contains nothing.
type List struct{ prefixes []netip.Prefix }

// Parse reads addresses and CIDRs, IPv4 and IPv6. Host bits are masked, mapped
// IPv4 is unmapped. Errors name the entry, its place and the remedy.
func Parse(entries []string) (List, error) {
	var l List
	for i, e := range entries {
		p, err := parseEntry(strings.TrimSpace(e))
		if err != nil {
			return List{}, fmt.Errorf("allowlist entry %d, %.60q: %w", i+1, e, err)
		}
		l.prefixes = append(l.prefixes, p)
	}
	return l, nil
}

func parseEntry(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("not an address or a CIDR: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("not a CIDR: write 203.0.113.0/24 or 2001:db8::/32")
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("a mapped IPv4 network is /96 or longer: write it as IPv4")
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Contains reports whether the address is in the list; unknown never is.
func (l List) Contains(a Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return false
	}
	for _, p := range l.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Wide returns a network of the list that names nobody in particular: IPv4
// wider than /8, IPv6 wider than /7 (all of fc00::/7 is private).
func (l List) Wide() (netip.Prefix, bool) {
	for _, p := range l.prefixes {
		if p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 7 {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// Empty reports whether the list has no entry, that is, is not used.
func (l List) Empty() bool { return len(l.prefixes) == 0 }

// Trust says which proxies stand in front of us.
type Trust struct {
	count    int
	networks List
}

// maxProxies is more than any deployment has; a larger count is a mistake.
const maxProxies = 10

// ParseTrust reads MLC_TRUSTED_PROXIES: a count ("0", "2") or CIDRs
// ("10.0.0.0/8, fd00::/8").
func ParseTrust(s string) (Trust, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Trust{}, nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > maxProxies {
			return Trust{}, fmt.Errorf("trusted proxies %d: want 0 to %d, or their CIDRs", n, maxProxies)
		}
		return Trust{count: n}, nil
	}
	var t Trust
	for i, e := range strings.Split(s, ",") {
		p, err := parseEntry(strings.TrimSpace(e))
		if err != nil {
			return Trust{}, fmt.Errorf("trusted proxy %d, %.60q: %w", i+1, e, err)
		}
		t.networks.prefixes = append(t.networks.prefixes, p)
	}
	if wide, ok := t.networks.Wide(); ok {
		return Trust{}, fmt.Errorf("trusted proxies %s: so wide a network is no proxy of yours, and whoever is in it could claim any address: list the proxies' own networks", wide)
	}
	return t, nil
}

// Middleware finds the client's address once per request, for Client.
func (t Trust) Middleware() func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), clientKey{}, t.Of(r))
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// Of returns the client's address of a request; zero when it cannot tell.
func (t Trust) Of(r *http.Request) Addr { return t.client(r.RemoteAddr, r.Header["X-Forwarded-For"]) }

type clientKey struct{}

// Client returns the address that Middleware found; zero when it could not tell.
func Client(r *http.Request) Addr {
	a, _ := r.Context().Value(clientKey{}).(Addr)
	return a
}

// client decides who knocks. Every entry of X-Forwarded-For keeps its place,
// empty ones too: a walk that skips them (chi's ClientIPFromXFF does) lets
// "forged," pass one proxy as if the proxy had written "forged".
func (t Trust) client(peer string, lines []string) Addr {
	switch {
	case !t.networks.Empty():
		a := hop(hostOf(peer))
		for chain := entries(lines); t.networks.Contains(a); {
			// The unknown address is no proxy: nothing left of it is believed.
			if len(chain) == 0 {
				return Addr{} // only proxies, no client
			}
			a, chain = hop(chain[len(chain)-1]), chain[:len(chain)-1]
		}
		return a
	case t.count > 0:
		chain := entries(lines)
		if len(chain) < t.count {
			return Addr{}
		}
		return hop(chain[len(chain)-t.count])
	}
	return hop(hostOf(peer))
}

// entries joins the header's lines in order (RFC 9110 section 5.3) and splits
// them. A line without text is an entry without text.
func entries(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return strings.Split(strings.Join(lines, ","), ",")
}

// hop reads one address; zero unless it is an address and nothing else.
func hop(s string) Addr {
	a, err := netip.ParseAddr(strings.Trim(s, " \t"))
	if err != nil {
		return Addr{}
	}
	return a.Unmap().WithZone("")
}

func hostOf(peer string) string {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		return ""
	}
	return host
}
