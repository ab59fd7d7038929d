package cin7

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// DefaultBaseURL is where Cin7 Core answers (contract section 2).
const DefaultBaseURL = "https://inventory.dearsystems.com/ExternalApi/v2"

const (
	// defaultTimeout is the hard end of one request, body included. A read of
	// a large purchase takes seconds; a minute is far beyond any seen.
	defaultTimeout = 60 * time.Second
	// maxBody is the most that is read of an answer, after decompression. A
	// page of 1,000 products is about 2 MB.
	maxBody = 16 << 20
	// pageSize is the documented maximum.
	pageSize = 1000
	// maxPages ends a list whose Total keeps growing.
	maxPages = 1000
)

// Config says how to reach one Cin7 Core account.
type Config struct {
	AccountID      string
	ApplicationKey secret.String
	BaseURL        string // default DefaultBaseURL
	// Limit is called before every request and blocks until the request may
	// be sent, or returns an error and the request is not sent. nil: no limit.
	Limit func(ctx context.Context) error
	// Limited is told when Cin7 refused a request over its limit. May be nil.
	Limited func(retryAfter time.Duration)
	// Transport carries the requests; nil takes a default. It must not repeat requests.
	Transport http.RoundTripper
	Timeout   time.Duration // hard deadline of one request, default 60 s
	Now       func() time.Time
	// Observe is told of every request when it is answered, with status 0 when
	// there was no answer; may be nil.
	Observe func(operation string, status int, took time.Duration)
}

// Client speaks to one Cin7 Core account. It sends every request once: no
// retry, no redirect. It is safe for concurrent use.
type Client struct {
	c    Config
	base string
	http *http.Client
}

// New checks the configuration and returns a client; it makes no request.
func New(c Config) (*Client, error) {
	if c.AccountID == "" || c.ApplicationKey.IsZero() {
		return nil, fmt.Errorf("cin7: account id and application key are needed: copy both from Integrations > API in Cin7 Core")
	}
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("cin7: base URL %q: want https://host/path without user, query or fragment", c.BaseURL)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		c.Transport = NewTransport()
	}
	return &Client{c: c, base: strings.TrimRight(c.BaseURL, "/"), http: &http.Client{
		Transport: c.Transport,
		// A redirect would carry the keys, and with 307 the body, to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// NewTransport returns a transport for clients of this package. net/http
// repeats a request by itself when a reused connection dies before an answer
// and the request looks repeatable: GET, HEAD, OPTIONS, TRACE, or any with an
// Idempotency-Key header. Writes here are none of these.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: defaultTimeout,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       60 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}
