package netsuite

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

const tokenPath = "/services/rest/auth/oauth2/v1/token"

// reply is an answer that a test gives. The zero value is 200 with no rows, or
// a token.
type reply struct {
	status int
	body   string
	header http.Header
	stream io.Reader // instead of body
	err    error     // no answer
}

// upstream is a NetSuite of few words: a transport, so that it also serves
// within synctest, where real connections do not.
type upstream struct {
	mu     sync.Mutex
	tokens []string // assertions
	asked  []string // statements
	reqs   []*http.Request
	token  func(n int) reply           // n-th token request, from 1
	query  func(n int, q string) reply // n-th statement, from 1
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.reqs = append(u.reqs, r)
	var answer func() reply
	fallback := `{"items":[]}`
	if r.URL.Path == tokenPath {
		u.tokens = append(u.tokens, string(body))
		n := len(u.tokens)
		fallback = `{"access_token":"token-` + string(rune('0'+n%10)) + `","expires_in":3600,"token_type":"bearer"}`
		if u.token != nil {
			answer = func() reply { return u.token(n) }
		}
	} else {
		var q struct{ Q string }
		if err := json.Unmarshal(body, &q); err != nil {
			u.mu.Unlock()
			return nil, err
		}
		u.asked = append(u.asked, q.Q)
		n := len(u.asked)
		if u.query != nil {
			answer = func() reply { return u.query(n, q.Q) }
		}
	}
	u.mu.Unlock()
	var a reply
	if answer != nil {
		a = answer() // outside the lock: it may wait
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.body == "" && a.status == http.StatusOK {
		a.body = fallback
	}
	if a.stream == nil {
		a.stream = strings.NewReader(a.body)
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(a.stream), Request: r}, r.Context().Err()
}

// counts are how many tokens and statements were asked for.
func (u *upstream) counts() (tokens, statements int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.tokens), len(u.asked)
}

const keyWord = "MIGHAgEAMBMGByqGSM49" // how every PKCS#8 P-256 key begins

// dial makes a client for u with a key of P-256.
func dial(t testing.TB, u *upstream, edit ...func(*Config)) (*Client, *ecdsa.PrivateKey) {
	t.Helper()
	key := ec(t, elliptic.P256())
	c := Config{AccountID: "1234567_SB1", ClientID: "client-1", CertificateID: "cert-1", PrivateKeyPEM: secret.New(pkcs8(t, key)), Transport: u}
	for _, e := range edit {
		e(&c)
	}
	cl, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cl, key
}

func ping(ctx context.Context, c *Client) error {
	_, err := c.Query(ctx, "test", "SELECT 1")
	return err
}

// problem builds an error body of contract 2.4.
func problem(status int, code, detail string) reply {
	return reply{status: status, body: `{"title":` + quote(http.StatusText(status)) + `,"o:errorDetails":[{"detail":` + quote(detail) + `,"o:errorQueryParam":"q","o:errorCode":"` + code + `"}]}`}
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

// asError is err as an Error of the kind, with a text that shows no secret.
func asError(t *testing.T, err, kind error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, s := range []string{keyWord, "token-", "eyJ", "assertion"} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the text shows %q: %v", s, err)
		}
	}
	return e
}

func elapsed(t *testing.T, from time.Time, atLeast, atMost time.Duration) {
	t.Helper()
	if took := time.Since(from); took < atLeast || took > atMost {
		t.Errorf("took %v, want %v to %v", took, atLeast, atMost)
	}
}

// pass lets virtual time pass: it is for use in a synctest bubble alone.
func pass(d time.Duration) { <-time.After(d) }
