package service

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/tenant"
)

// publicTimeout ends one knock at our own public URL.
const publicTimeout = 5 * time.Second

// publicURL knocks where NetSuite posts to: with a probe in the place of the
// secret, once in the header and once in the query, since proxies drop either.
func (e Examination) publicURL(ctx context.Context, f *findings, t *tenant.Tenant) {
	const name = "webhook URL"
	if !t.Subscriptions() {
		return
	}
	if e.PublicURL == "" {
		f.unseen(name, "MLC_PUBLIC_URL does not say under which https://host NetSuite reaches the public listener")
		return
	}
	key, err := e.Rooms.Tenants.InstallationKey(ctx)
	if err != nil {
		f.unseen(name, "%v", err)
		return
	}
	at := strings.TrimRight(e.PublicURL, "/") + api.HookPath(t.ID)
	var got *api.ProbeAnswer
	for _, by := range []string{"header X-Webhook-Secret", "query"} {
		answer, problem := e.knock(ctx, at, by == "query", api.NewProbe(key, t.ID, time.Now()))
		switch {
		case problem == nil:
			got = answer
			continue
		case problem.unseen:
			f.unseen(name, "%s: %s", at, problem.what)
		default:
			f.fail(name, problem.fix, "%s, with the secret in the %s: %s", at, by, problem.what)
		}
		return
	}
	if problem := e.address(t, got); problem != nil {
		f.fail("webhook client address", problem.fix, "%s", problem.what)
	} else {
		f.ok("webhook client address", "this machine is seen as %s", cmp.Or(got.Address, "nobody"))
	}
	f.ok(name, "%s answers, and lets the secret through in header and query", at)
}

// finding is what is wrong and what to do; unseen ones could not be looked at.
type finding struct {
	what, fix string
	unseen    bool
}

// knock shows a probe at a URL.
func (e Examination) knock(ctx context.Context, at string, inQuery bool, probe string) (*api.ProbeAnswer, *finding) {
	ctx, cancel := context.WithTimeout(ctx, publicTimeout)
	defer cancel()
	full := at
	if inQuery {
		full += "?secret=" + url.QueryEscape(probe)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, full, strings.NewReader("[]"))
	if err != nil {
		return nil, &finding{what: "it is no URL", fix: "correct MLC_PUBLIC_URL"}
	}
	req.Header.Set("Content-Type", "application/json")
	if !inQuery {
		req.Header.Set("X-Webhook-Secret", probe)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, unreached(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, &finding{what: "the answer breaks off", fix: "look at the proxy in front of the public listener"}
	}
	return judged(res, b)
}

// unreached says why there was no answer.
func unreached(err error) *finding {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return &finding{what: fmt.Sprintf("the name %s does not resolve", dns.Name), fix: "correct MLC_PUBLIC_URL, or the DNS entry"}
	case errors.As(err, &cert):
		return &finding{what: "its certificate is not valid, so that NetSuite posts nothing: " + cert.Err.Error(), fix: "install a certificate of a public authority for this name, with its chain"}
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return &finding{what: "it does not speak TLS", fix: "let the proxy end TLS there: NetSuite posts to https alone"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &finding{what: "no answer within " + publicTimeout.String() + "; a network policy may keep this machine from its own public address: run the doctor from another machine", unseen: true}
	}
	return &finding{what: "nothing answers: " + plainly(err), fix: "see that the public listener runs, that the ingress leads to MLC_PUBLIC_ADDR, and that no firewall is between"}
}

// plainly is an error without the URL, which holds the probe.
func plainly(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// judged reads an answer to a probe.
func judged(res *http.Response, body []byte) (*api.ProbeAnswer, *finding) {
	var a api.ProbeAnswer
	ours := strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") && strings.Contains(string(body), "urn:ml-connector:problem:")
	switch {
	case res.StatusCode == http.StatusOK && json.Unmarshal(body, &a) == nil && a.Peer != "":
		return &a, nil
	case res.StatusCode/100 == 3:
		return nil, &finding{what: fmt.Sprintf("it answers %d and leads elsewhere, where NetSuite does not follow with a post", res.StatusCode), fix: "put the address that it leads to into MLC_PUBLIC_URL and into NetSuite: https, and the final host"}
	case res.StatusCode == http.StatusUnauthorized && ours:
		return nil, &finding{what: "ml-connector answers there, but the secret did not arrive, or it is another installation with another keyset", fix: "let the proxy pass X-Webhook-Secret and the query on as they are, and see that this name leads to this installation"}
	case res.StatusCode == http.StatusNotFound && ours:
		return nil, &finding{what: "ml-connector answers there, but not at this path", fix: "correct the path of MLC_PUBLIC_URL, or what the proxy takes off it; if it leads to the ops listener (MLC_OPS_ADDR), let it lead to MLC_PUBLIC_ADDR"}
	case res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusGatewayTimeout || res.StatusCode == http.StatusServiceUnavailable:
		return nil, &finding{what: fmt.Sprintf("the proxy answers %d", res.StatusCode), fix: "see that a process with the role api runs and is ready, and that the proxy leads to MLC_PUBLIC_ADDR"}
	}
	return nil, &finding{what: fmt.Sprintf("something else answers there, with %d", res.StatusCode), fix: "let the ingress lead POST /webhooks/netsuite/ to MLC_PUBLIC_ADDR"}
}

// address judges whom the listener takes this machine for.
func (e Examination) address(t *tenant.Tenant, a *api.ProbeAnswer) *finding {
	const fix = "set MLC_TRUSTED_PROXIES to the number of proxies in front of the public listener, or to their CIDRs"
	if t.Webhook.Require == tenant.RequireSecret {
		return nil // addresses decide nothing
	}
	seen, err := netip.ParseAddr(a.Address)
	switch {
	case err != nil:
		return &finding{what: fmt.Sprintf("the listener cannot tell who posts: it waits for more proxies than stand there (X-Forwarded-For has %d entries)", len(a.Forwarded)), fix: fix}
	case len(a.Forwarded) > 0 && a.Address == a.Peer:
		return &finding{what: fmt.Sprintf("every post seems to come from the proxy %s; X-Forwarded-For ends with %q", a.Address, a.Forwarded[len(a.Forwarded)-1]), fix: fix}
	case t.Allow.Contains(seen) && len(a.Forwarded) > 0 && seen.IsPrivate():
		return &finding{what: fmt.Sprintf("posts are judged by the inner address %s, which the allowlist lets in", seen), fix: fix}
	}
	return nil
}
