package cin7

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// answer is what came back, before anybody believes it.
type answer struct {
	op     string
	write  bool
	status int
	header http.Header
	body   []byte
	cut    error // the body could not be read to its end
}

// limitText is how Cin7 words its limit, whatever the status (contract section 3).
var limitText = regexp.MustCompile(`(?i)reached \d+ calls per \d+ seconds`)

// verdict classes an answer; nil means success so far. It is the one place
// that decides whether a write took effect (RELIABILITY 4.4):
//
//	limit text, or 429              ErrLimited      not applied
//	503 without the limit text      ErrLimited      unknown: it may be an outage behind the same status
//	401, 403                        ErrCredentials  not applied
//	404                             ErrNotFound     not applied
//	400, 405, other 4xx             ErrRefused      not applied
//	3xx                             ErrUnavailable  not applied: a wrong path
//	5xx                             ErrUnavailable  unknown
//	2xx, cut short                  ErrUnavailable  unknown
//	2xx with an error body          ErrRefused      not applied
//	2xx without JSON                ErrUnavailable  unknown (204 is success)
//	2xx with JSON                   success
func (a answer) verdict() *Error {
	messages := errorMessages(a.body)
	switch {
	case limitText.Match(a.body) || a.status == http.StatusTooManyRequests:
		e := a.fail(ErrLimited, NotApplied, nil)
		e.RetryAfter = retryAfter(a.header.Get("Retry-After"))
		return e
	case a.status == http.StatusServiceUnavailable:
		e := a.fail(ErrLimited, Unknown, nil)
		e.RetryAfter = retryAfter(a.header.Get("Retry-After"))
		return e
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return a.fail(ErrCredentials, NotApplied, nil)
	case a.status == http.StatusNotFound:
		return a.fail(ErrNotFound, NotApplied, nil)
	case a.status >= 400 && a.status < 500:
		return a.fail(ErrRefused, NotApplied, nil)
	case a.status >= 500:
		return a.fail(ErrUnavailable, Unknown, nil)
	case a.status >= 300:
		return a.fail(ErrUnavailable, NotApplied, fmt.Errorf("Cin7 sends us elsewhere, which it does for a wrong path: check base_url"))
	case a.cut != nil:
		return a.fail(ErrUnavailable, Unknown, fmt.Errorf("the answer was cut short: %w", a.cut))
	case len(messages) > 0:
		return a.fail(ErrRefused, NotApplied, nil)
	case a.status == http.StatusNoContent:
		return nil
	case len(bytes.TrimSpace(a.body)) == 0:
		return a.fail(ErrUnavailable, Unknown, fmt.Errorf("the answer is empty"))
	case !json.Valid(a.body):
		return a.fail(ErrUnavailable, Unknown, fmt.Errorf("the answer is not JSON (%s): check base_url", contentType(a.header)))
	}
	return nil
}

// fail makes an Error of the answer. A read is never applied, so its verdict
// does not matter; it is left Unknown.
func (a answer) fail(kind error, applied Applied, cause error) *Error {
	return &Error{Kind: kind, Operation: a.op, Status: a.status, Messages: errorMessages(a.body), Applied: applied, Cause: cause}
}

func contentType(h http.Header) string {
	if ct := h.Get("Content-Type"); ct != "" {
		return ct
	}
	return "no content type"
}

// errorMessages reads the three error forms: a list of {ErrorCode, Exception},
// one of them bare, or {Message}. Other bodies have none.
func errorMessages(body []byte) []string {
	type item struct {
		ErrorCode json.RawMessage
		Exception *string
		Message   *string
	}
	var items []item
	switch b := bytes.TrimSpace(body); {
	case len(b) == 0:
		return nil
	case b[0] == '[':
		if json.Unmarshal(b, &items) != nil {
			return nil
		}
	case b[0] == '{':
		var one item
		if json.Unmarshal(b, &one) != nil {
			return nil
		}
		items = []item{one}
	}
	var out []string
	for _, i := range items {
		switch {
		case i.Exception != nil && len(i.ErrorCode) > 0:
			out = append(out, clip(*i.Exception))
		case i.Message != nil && len(items) == 1:
			out = append(out, clip(*i.Message))
		}
	}
	return out
}

// clip keeps what a person can read of an error text.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > 500 {
		s = string(r[:500]) + "..."
	}
	return s
}

// retryAfter reads "30", "60 Seconds" and HTTP dates are not seen; 0 when it
// says nothing usable.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(strings.TrimSpace(s), " ", 2)[0]))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}
