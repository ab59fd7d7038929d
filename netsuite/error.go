package netsuite

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of an Error, for errors.Is.
var (
	ErrCredentials = errors.New("credentials refused")    // token endpoint 4xx, second 401
	ErrForbidden   = errors.New("permission missing")     // 403
	ErrHidden      = errors.New("table or column hidden") // 400 "Record 'x' was not found"
	ErrQuery       = errors.New("query refused")          // other 400
	ErrLimited     = errors.New("over the request limit") // 429
	ErrUnavailable = errors.New("unavailable")            // 5xx, network, HTML
)

// Error is every error of this client. Its text holds no credential.
type Error struct {
	Kind       error
	Operation  string // token, vendors, bills, ...
	Status     int    // 0 when there was no answer
	Code       string // o:errorCode or error
	Detail     string // NetSuite's own words, cut
	Remedy     string // what to do, "" when there is nothing to do
	RetryAfter time.Duration
	Cause      error
}

// Error says what was tried, what came back and what to do.
func (e *Error) Error() string {
	s := fmt.Sprintf("netsuite %s: %v", e.Operation, e.Kind)
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	if e.Remedy != "" {
		s += " - " + e.Remedy
	}
	return s
}

// Is matches the kind.
func (e *Error) Is(target error) bool { return e.Kind == target }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
