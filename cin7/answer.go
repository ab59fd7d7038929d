package cin7

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what came back, before anybody believes it.
type answer struct {
	op     string
	status int // 0: no answer
	header http.Header
	body   []byte
	cut    error // the body could not be read to its end
	// Without an answer: why, and whether a byte of ours may have left.
	failed error
	sent   bool
}

// limitText is how Cin7 words its limit, whatever the status (contract section 3).
var limitText = regexp.MustCompile(`(?i)reached \d+ calls per \d+ seconds`)

// limited reports whether an answer is a refusal over the limit. A document
// that happens to hold the words is none.
func (a answer) limited() bool {
	return a.status == http.StatusTooManyRequests ||
		slices.ContainsFunc(errorMessages(a.body), limitText.MatchString) ||
		(a.status < 200 || a.status > 299) && limitText.Match(a.body)
}

func (a answer) success() bool { return a.status >= 200 && a.status <= 299 }

// row is a line of the table of answers.
type row struct {
	name    string
	match   func(answer) bool
	kind    error // nil: success so far
	applied Applied
	why     func(answer) error // what is wrong, where Cin7's own words do not say it
}

// rows is the one place that decides whether a write took effect. The first
// row that matches counts. "Not applied" is only what cannot have been
// executed: no byte of it left us, Cin7 refused it before it looked, or said
// so in its documented words. Everything that is not plainly yes or no is
// unknown, an error body under 200 and a redirect to an error page among them:
// a server can say that after it has stored.
//
// A success still has to show the result (see do): an answer that cannot be
// decoded, or lacks the object, is unknown as well.
var rows = [...]row{
	{"not sent", func(a answer) bool { return a.status == 0 && !a.sent }, ErrUnavailable, NotApplied, func(a answer) error { return a.failed }},
	{"no answer", func(a answer) bool { return a.status == 0 }, ErrUnavailable, Unknown, func(a answer) error { return a.failed }},
	{"over the limit, in its words or by 429", answer.limited, ErrLimited, NotApplied, nil},
	{"503 without the words of the limit", is(http.StatusServiceUnavailable), ErrLimited, Unknown, nil},
	{"credentials", is(http.StatusUnauthorized, http.StatusForbidden), ErrCredentials, NotApplied, nil},
	{"not found", is(http.StatusNotFound), ErrNotFound, NotApplied, nil},
	{"refused", is(http.StatusBadRequest, http.StatusMethodNotAllowed), ErrRefused, NotApplied, nil},
	{"another 4xx", func(a answer) bool { return a.status >= 400 && a.status <= 499 }, ErrRefused, Unknown, nil},
	{"5xx", func(a answer) bool { return a.status >= 500 }, ErrUnavailable, Unknown, nil},
	{"neither success nor error", func(a answer) bool { return !a.success() }, ErrUnavailable, Unknown, func(answer) error {
		return errors.New("Cin7 sends us elsewhere, which it does for a wrong path: check base_url")
	}},
	{"cut short", func(a answer) bool { return a.cut != nil }, ErrUnavailable, Unknown, func(a answer) error { return fmt.Errorf("the answer was cut short: %w", a.cut) }},
	{"an error body under success", func(a answer) bool { return len(errorMessages(a.body)) > 0 }, ErrRefused, Unknown, nil},
	{"no content", is(http.StatusNoContent), nil, WasApplied, nil},
	{"empty", func(a answer) bool { return len(bytes.TrimSpace(a.body)) == 0 }, ErrUnavailable, Unknown, func(answer) error { return errors.New("the answer is empty") }},
	{"not JSON", func(a answer) bool { return !json.Valid(a.body) }, ErrUnavailable, Unknown, func(a answer) error {
		return fmt.Errorf("the answer is not JSON (%s): check base_url", contentType(a.header))
	}},
	{"success", answer.success, nil, WasApplied, nil},
}

func is(status ...int) func(answer) bool {
	return func(a answer) bool { return slices.Contains(status, a.status) }
}

// row is the line of the table that an answer falls under.
func (a answer) row() row {
	return rows[slices.IndexFunc(rows[:], func(r row) bool { return r.match(a) })]
}

// verdict is what the table says; nil means success so far.
func (a answer) verdict() *Error {
	r := a.row()
	if r.kind == nil {
		return nil
	}
	var why error
	if r.why != nil {
		why = r.why(a)
	}
	e := a.fail(r.kind, r.applied, why)
	if errors.Is(r.kind, ErrLimited) {
		e.RetryAfter = retryAfter(a.header.Get("Retry-After"))
	}
	return e
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
