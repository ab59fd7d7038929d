package netsuite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// Config says how to reach one NetSuite account.
type Config struct {
	AccountID      string
	BaseURL        string // default https://<account>.suitetalk.api.netsuite.com
	ClientID       string
	CertificateID  string
	PrivateKeyPEM  secret.String
	Book           int // accounting book, default 1: the only one of most accounts
	MaxConcurrency int // requests in flight, default 2: NetSuite's limit is shared with the customer's other integrations
	// Share is asked before each request, once a slot of the client's own is
	// free, and gives what ends it: it counts what several clients of one
	// account have in flight together. background is as marked by Background.
	// nil: the client counts for itself alone.
	Share func(ctx context.Context, background bool) (free func(), err error)
	// Transport carries the requests; nil takes a default. It must not repeat requests.
	Transport http.RoundTripper
	// HTTP1 carries them once NetSuite has refused the header Prefer under
	// HTTP/2, which spells its name in lower case (contract 2.1). nil: made from
	// Transport when that is an *http.Transport, else there is no way round.
	HTTP1 http.RoundTripper
	Now   func() time.Time // default time.Now; assertions and the token's life follow it
	// Observe is told of every request when it is answered; may be nil.
	Observe func(operation string, status int, took time.Duration)
}

// Client reads one NetSuite account. It never writes. It is safe for
// concurrent use; at most MaxConcurrency requests are in flight.
type Client struct {
	c     Config
	host  string // scheme and host
	wire  wire
	token *tokens
	slots chan struct{} // one entry per request in flight
	quiet chan struct{} // one entry per request in flight that is in the background
	http1 *wire         // speaks HTTP/1.1; nil when there is none

	plain   atomic.Bool // http1 is in use
	mu      sync.Mutex
	refused map[string]time.Time // optional columns, with their alias, that this account does not have, and since when
}

var accountForm = regexp.MustCompile(`^[A-Za-z0-9]+([_-][A-Za-z0-9]+)?$`)

// New checks the configuration and returns a client; it makes no request.
func New(c Config) (*Client, error) {
	if !accountForm.MatchString(c.AccountID) {
		return nil, fmt.Errorf("netsuite: account id %q: want for example 1234567 or 1234567_SB1", c.AccountID)
	}
	if c.BaseURL == "" {
		c.BaseURL = "https://" + strings.ReplaceAll(strings.ToLower(c.AccountID), "_", "-") + ".suitetalk.api.netsuite.com"
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		return nil, errors.New("netsuite: base URL cannot be read: want https://host and nothing else") // quoting it could quote a password
	}
	if u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("netsuite: base URL %q: want https://host and nothing else", u.Redacted())
	}
	if c.Book == 0 {
		c.Book = 1
	}
	if c.MaxConcurrency == 0 {
		c.MaxConcurrency = 2
	}
	if c.Book < 0 || c.MaxConcurrency < 0 {
		return nil, fmt.Errorf("netsuite: accounting book %d, concurrency %d: want numbers above 0", c.Book, c.MaxConcurrency)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		c.Transport = NewTransport()
	}
	hc := &http.Client{
		Transport:     c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestTimeout,
		// No Jar: a cookie can turn a good token into a 401 (contract 1.6).
	}
	if t, ok := c.Transport.(*http.Transport); ok && c.HTTP1 == nil {
		c.HTTP1 = HTTP1(t)
	}
	cl := &Client{c: c, host: u.Scheme + "://" + u.Host, wire: wire{hc, c.Now, c.Observe}, slots: make(chan struct{}, c.MaxConcurrency),
		quiet: make(chan struct{}, max(1, c.MaxConcurrency-1)), refused: map[string]time.Time{}}
	if c.HTTP1 != nil {
		plain := *hc
		plain.Transport = c.HTTP1
		cl.http1 = &wire{&plain, c.Now, c.Observe}
	}
	cl.token, err = newTokens(c, cl.host+"/services/rest/auth/oauth2/v1/token", cl.wire)
	if err != nil {
		return nil, err
	}
	return cl, nil
}

// requestTimeout ends a request with its body. NetSuite itself gives up after
// 15 minutes (contract 2.1); a query of ours answers in seconds.
const requestTimeout = 120 * time.Second

// NewTransport returns a transport for clients of this package.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     60 * time.Second,
		ForceAttemptHTTP2:   true,
	}
}

// HTTP1 returns a copy of a transport that speaks HTTP/1.1 alone.
func HTTP1(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

type backgroundKey struct{}

// Background marks what can wait: polls and backfills. Of the requests that
// may be in flight one is kept from them, for what happens now, unless there
// is only one.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// Ping asks for a token and runs the smallest query.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Query(ctx, "ping", "SELECT id FROM currency WHERE ROWNUM <= 1")
	return err
}

// Query runs one SELECT and returns at most its first 1,000 rows; reads of
// records page by statements of their own. operation names it in metrics and
// errors. Every error is an *Error, or the context's: ErrCredentials,
// ErrForbidden, ErrHidden, ErrQuery, ErrLimited or ErrUnavailable, the last two
// after several tries.
func (c *Client) Query(ctx context.Context, operation, q string) ([]Row, error) {
	return c.page(ctx, operation, q)
}
