package netsuite

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// wire sends one request and reads its answer whole.
type wire struct {
	http    *http.Client
	now     func() time.Time
	observe func(operation string, status int, took time.Duration) // may be nil
}

type answer struct {
	status int
	header http.Header
	body   []byte
	proto  int // major version of HTTP
}

// send answers with a status of whatever kind, or with an *Error when there
// was no answer or one of more than limit bytes after decompression. When the
// caller has given up it returns the context's error.
func (w wire) send(req *http.Request, operation string, limit int64) (a answer, err error) {
	start := w.now()
	a, err = w.exchange(req, limit)
	if w.observe != nil {
		w.observe(operation, a.status, w.now().Sub(start))
	}
	if err == nil {
		return a, nil
	}
	if given := req.Context().Err(); given != nil {
		return a, fmt.Errorf("netsuite %s: %w", operation, given)
	}
	return a, &Error{Kind: ErrUnavailable, Operation: operation, Status: a.status, Cause: bare(err)}
}

func (w wire) exchange(req *http.Request, limit int64) (answer, error) {
	res, err := w.http.Do(req) //nolint:gosec // the host is the tenant's base URL, which tenant/check.go and the dialler hold to public addresses
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode, header: res.Header, proto: res.ProtoMajor}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(a.body)) > limit {
		err = &tooLong{limit}
	}
	return a, err
}

// tooLong says that an answer is longer than what is kept of one. The same
// question gets the same answer, so that it is not asked again.
type tooLong struct{ limit int64 }

func (e *tooLong) Error() string { return fmt.Sprintf("the answer is longer than %d bytes", e.limit) }

// redirected is the remedy for a 3xx: it is never followed, because the next
// host would be shown the credentials.
const redirected = "NetSuite does not redirect: copy base_url from Company Information > Company URLs"

// retryAfter reads the header as seconds or as a date; 0 when there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(min(max(n, 0), 24*60*60)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// bare unwraps url.Error, whose text repeats the URL.
func bare(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// clip keeps what a person can read of somebody else's text.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > 400 {
		return string(r[:400]) + "..."
	}
	return s
}
