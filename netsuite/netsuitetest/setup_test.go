package netsuitetest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// clock is the time of a test account.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// noon is 2026-11-10 12:00:00 in Los Angeles.
func noon() time.Time { return time.Date(2026, 11, 10, 20, 0, 0, 0, time.UTC) }

// account is a simulator behind a real listener, with a registered key.
type account struct {
	*Sim
	t      *testing.T
	url    string
	clock  *clock
	key    any
	bearer string
}

const clientID = "c1a0000000000000000000000000000000000000000000000000000000000001"

func open(t *testing.T, o Options) *account {
	t.Helper()
	a := &account{t: t, clock: &clock{t: noon()}}
	o.Now = a.clock.now
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a.Sim, a.url = s, srv.URL
	a.key = a.register("p256", "cert-1")
	a.bearer = a.login()
	return a
}

func (a *account) register(kind, id string) any {
	a.t.Helper()
	text, pub, err := GenerateKey(kind)
	if err != nil {
		a.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		a.t.Fatal(err)
	}
	a.RegisterCertificate(clientID, id, pub)
	return key
}

// assertion signs the usual claims, changed by edit.
func (a *account) assertion(edit func(header, claims map[string]any), method jwt.SigningMethod, key any) string {
	a.t.Helper()
	now := a.clock.now().Unix()
	tok := jwt.NewWithClaims(method, jwt.MapClaims{"iss": clientID, "scope": []string{"rest_webservices"}, "aud": a.url + tokenPath, "iat": now - 30, "exp": now + 270})
	tok.Header["kid"] = "cert-1"
	if edit != nil {
		edit(tok.Header, tok.Claims.(jwt.MapClaims))
	}
	s, err := tok.SignedString(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *account) form(assertion string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
}

// reply is an answer with its body read.
type got struct {
	status int
	header http.Header
	body   string
}

func (a *account) do(req *http.Request) got {
	a.t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return got{body: err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return got{res.StatusCode, res.Header, string(b)}
}

func (a *account) post(path, contentType, body string) *http.Request {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return req
}

func (a *account) tokenOf(form url.Values) got {
	a.t.Helper()
	return a.do(a.post(tokenPath, "application/x-www-form-urlencoded", form.Encode()))
}

func (a *account) login() string {
	a.t.Helper()
	g := a.tokenOf(a.form(a.assertion(nil, jwt.SigningMethodES256, a.key)))
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(g.body), &body); err != nil || g.status != 200 || body.Token == "" {
		a.t.Fatalf("token: %d %s; %v", g.status, g.body, a.Logins())
	}
	return body.Token
}

func (a *account) suiteqlRequest(q, params string) *http.Request {
	a.t.Helper()
	b, err := json.Marshal(map[string]string{"q": q})
	if err != nil {
		a.t.Fatal(err)
	}
	req := a.post(suiteqlPath+params, "application/json", string(b))
	req.Header.Set("Authorization", "Bearer "+a.bearer)
	req.Header.Set("Prefer", "transient")
	return req
}

// ask sends a statement and returns the answer as it is.
func (a *account) ask(q string) got {
	a.t.Helper()
	return a.do(a.suiteqlRequest(q, "?limit=1000&offset=0"))
}

// result is the envelope of contract 2.2.
type result struct {
	Count, Offset, TotalResults int
	HasMore                     bool
	Links                       []struct{ Rel, Href string }
	Items                       []map[string]any
}

func envelope(t *testing.T, g got) result {
	t.Helper()
	if g.status != 200 {
		t.Fatalf("status %d: %s", g.status, g.body)
	}
	var r result
	dec := json.NewDecoder(bytes.NewReader([]byte(g.body)))
	if err := dec.Decode(&r); err != nil {
		t.Fatalf("%v: %s", err, g.body)
	}
	return r
}

// rows are the rows of a statement without their links.
func (a *account) rows(q string) []map[string]any {
	a.t.Helper()
	r := envelope(a.t, a.ask(q))
	for _, item := range r.Items {
		if l, ok := item["links"].([]any); !ok || len(l) != 0 {
			a.t.Fatalf("row without links: %v", item)
		}
		delete(item, "links")
	}
	return r.Items
}

// lines shows rows as "a=1 b=2" in the order of the named columns, which reads
// better in a table of cases than maps do.
func lines(rows []map[string]any, columns string) []string {
	var out []string
	for _, r := range rows {
		var cells []string
		for _, c := range strings.Fields(columns) {
			if v, ok := r[c]; ok {
				cells = append(cells, v.(string))
			} else {
				cells = append(cells, "-")
			}
		}
		out = append(out, strings.Join(cells, " | "))
	}
	return out
}
