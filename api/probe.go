package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A probe asks, on the way that NetSuite's posts take, where this service
// thinks that it comes from. It stands in the place of a webhook secret, so
// that it also shows that a secret gets through there, and is good for a
// minute. No secret has a dot, so none looks like it.
const (
	probePrefix = "probe."
	probeLife   = time.Minute
	// maxForwarded bounds what a probe is told of X-Forwarded-For.
	maxForwarded = 20
)

// NewProbe makes a probe for a tenant's webhook URL. key is the
// installation's, which every process of it has.
func NewProbe(key []byte, tenantID string, now time.Time) string {
	until := strconv.FormatInt(now.Add(probeLife).Unix(), 10)
	return probePrefix + until + "." + base64.RawURLEncoding.EncodeToString(probeSum(key, tenantID, until))
}

func probeSum(key []byte, tenantID, until string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("webhook probe\x00" + tenantID + "\x00" + until))
	return m.Sum(nil)
}

// validProbe reports whether a text is a probe for the tenant that is not
// over, nor of a clock that is far ahead.
func validProbe(key []byte, tenantID, shown string, now time.Time) bool {
	until, sum, ok := strings.Cut(strings.TrimPrefix(shown, probePrefix), ".")
	if !ok || len(until) > 20 {
		return false
	}
	got, err := base64.RawURLEncoding.DecodeString(sum)
	if err != nil || !hmac.Equal(got, probeSum(key, tenantID, until)) {
		return false
	}
	n, err := strconv.ParseInt(until, 10, 64)
	at := time.Unix(n, 0)
	return err == nil && now.Before(at) && at.Before(now.Add(2*probeLife))
}

// ProbeAnswer is what a probe is told.
type ProbeAnswer struct {
	Address   string   `json:"address"`       // of the client, as posts would be judged by; "" unknown
	Peer      string   `json:"peer"`          // of the socket
	Forwarded []string `json:"forwarded_for"` // entries of X-Forwarded-For, as they came
}

// probe answers a valid probe. Anything else that looks like one is a wrong
// secret.
func (a *public) probe(w http.ResponseWriter, r *http.Request, tenantID string) bool {
	shown := shownSecret(r.Context())
	if !strings.HasPrefix(shown, probePrefix) {
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), acceptTimeout)
	defer cancel()
	key, err := a.installationKey(ctx)
	if err != nil || !validProbe(key, tenantID, shown, time.Now()) {
		return false
	}
	out := ProbeAnswer{Forwarded: []string{}}
	if ip := addressOf(r.Context()); ip.IsValid() {
		out.Address = ip.String()
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		out.Peer = host
	}
	for _, line := range r.Header.Values("X-Forwarded-For") {
		for e := range strings.SplitSeq(line, ",") {
			if len(out.Forwarded) < maxForwarded {
				out.Forwarded = append(out.Forwarded, strings.TrimSpace(e))
			}
		}
	}
	a.m.requests[resultProbe].Inc()
	writeJSON(w, http.StatusOK, out)
	return true
}

// installationKey is read once: it never changes.
func (a *public) installationKey(ctx context.Context) ([]byte, error) {
	if k := a.key.Load(); k != nil {
		return *k, nil
	}
	k, err := a.c.Tenants.InstallationKey(ctx)
	if err == nil {
		a.key.Store(&k)
	}
	return k, err
}
