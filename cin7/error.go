package cin7

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Applied says whether a request took effect in Cin7.
type Applied int

// The verdicts. The zero value is Unknown, the careful one.
const (
	Unknown Applied = iota
	NotApplied
	WasApplied
)

// The kinds of an Error, for errors.Is.
var (
	ErrCredentials = errors.New("credentials refused") // 401, 403
	ErrLimited     = errors.New("over the call limit") // 429, 503 or a limit text; not executed
	ErrRefused     = errors.New("refused")             // 400 and the like: Cin7 says why
	ErrNotFound    = errors.New("not found")           // the object does not exist
	ErrUnavailable = errors.New("unavailable")         // no answer, 5xx, or an answer that is not Cin7's
	ErrNotSent     = errors.New("not sent")            // our limiter, the gate or the dialer stopped it
)

// Error is every error of this client. Its text holds no credential.
type Error struct {
	Kind       error  // one of the kinds above
	Operation  string // for example create_purchase
	Status     int    // HTTP status, 0 when there was no answer
	Messages   []string
	Applied    Applied
	RetryAfter time.Duration // of ErrLimited, 0 when not given
	Cause      error         // may be nil
}

// Error says what was tried, what came back and Cin7's own words.
func (e *Error) Error() string {
	s := fmt.Sprintf("cin7 %s: %v", e.Operation, e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if len(e.Messages) > 0 {
		s += ": " + strings.Join(e.Messages, "; ")
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Is matches the kind.
func (e *Error) Is(target error) bool { return e.Kind == target }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
