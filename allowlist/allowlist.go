// Package allowlist answers one question: may this address knock? It finds
// the client's address behind counted or listed proxies and compares it with
// a list of CIDRs. Doubt means no.
//
//	socket peer --- proxy n ... proxy 1 --- client
//	                X-Forwarded-For, read from the right, is worth as much as
//	                the proxies that wrote it: trust none by default.
package allowlist

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5/middleware"
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

// Empty reports whether the list has no entry, that is, is not used.
func (l List) Empty() bool { return len(l.prefixes) == 0 }

// Trust says which proxies stand in front of us.
type Trust struct {
	count    int
	prefixes []string
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
		t.prefixes = append(t.prefixes, p.String())
	}
	return t, nil
}

// Middleware finds the client's address once per request, for Client.
func (t Trust) Middleware() func(http.Handler) http.Handler {
	switch {
	case len(t.prefixes) > 0:
		return middleware.ClientIPFromXFF(t.prefixes...)
	case t.count > 0:
		return middleware.ClientIPFromXFFTrustedProxies(t.count)
	}
	return middleware.ClientIPFromRemoteAddr
}

// Client returns the address that Middleware found; zero when it could not tell.
func Client(r *http.Request) Addr {
	return middleware.GetClientIPAddr(r.Context()).Unmap().WithZone("")
}
