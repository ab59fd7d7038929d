package service

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/trace"
)

// transports are shared by all tenants. Unless private endpoints are allowed,
// the dialer refuses addresses that are not public, after the name has been
// resolved: a name that a tenant chose must not reach our own network.
func transports(allowPrivate bool) handlers.Transports {
	ns, c7 := netsuite.NewTransport(), cin7.NewTransport()
	if !allowPrivate {
		for _, t := range []*http.Transport{ns, c7} {
			d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: publicOnly}
			t.DialContext = d.DialContext
			t.Proxy = nil // a proxy would resolve names behind our back
		}
	}
	return handlers.Transports{NetSuite: ns, Cin7: c7, NetSuiteHTTP1: netsuite.HTTP1(ns)}
}

// traced makes a span of every request.
func traced(t oteltrace.Tracer, tr handlers.Transports) handlers.Transports {
	out := handlers.Transports{NetSuite: trace.Transport(t, "netsuite", tr.NetSuite), Cin7: trace.Transport(t, "cin7", tr.Cin7)}
	if tr.NetSuiteHTTP1 != nil {
		out.NetSuiteHTTP1 = trace.Transport(t, "netsuite", tr.NetSuiteHTTP1)
	}
	return out
}

// publicOnly refuses loopback, private, link-local and other special
// addresses, the metadata services of clouds among them.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: not an address", address)
	}
	a := ap.Addr().Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || shared.Contains(a) || nat64.Contains(a) {
		return fmt.Errorf("dial %s: it is not a public address; MLC_ALLOW_PRIVATE_ENDPOINTS=true allows it, for simulators only", a)
	}
	return nil
}

// shared is the carrier's address space (RFC 6598), private in all but name.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// nat64 are IPv6 addresses that a translator turns into any IPv4 address,
// private ones too (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")
