// Package allowlist answers one question: may this address knock? It finds
// the client's address behind counted or listed proxies and compares it with
// a list of CIDRs. Doubt means no.
package allowlist

import (
	"net/http"
	"net/netip"
)

// Addr is a client address; the zero value is "unknown" and is on no list.
type Addr = netip.Addr

// List is a set of networks. The zero List is empty and contains nothing.
type List struct{ prefixes []netip.Prefix }

// Parse reads addresses and CIDRs, IPv4 and IPv6. Host bits are masked, mapped
// IPv4 is unmapped. Errors name the entry, its place and the remedy.
func Parse(entries []string) (List, error) { panic("wip") }

// Contains reports whether the address is in the list; unknown never is.
func (l List) Contains(a Addr) bool { panic("wip") }

// Empty reports whether the list has no entry, that is, is not used.
func (l List) Empty() bool { return len(l.prefixes) == 0 }

// Trust says which proxies stand in front of us.
type Trust struct{}

// ParseTrust reads MLC_TRUSTED_PROXIES: a count ("0", "2") or CIDRs.
func ParseTrust(s string) (Trust, error) { panic("wip") }

// Middleware finds the client's address once per request, for Client.
func (t Trust) Middleware() func(http.Handler) http.Handler { panic("wip") }

// Client returns the address that Middleware found; zero when it could not tell.
func Client(r *http.Request) Addr { panic("wip") }
