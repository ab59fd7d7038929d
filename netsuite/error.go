package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// The kinds of an Error, for errors.Is.
var (
	ErrCredentials = errors.New("credentials refused")    // token endpoint 4xx, second 401
	ErrForbidden   = errors.New("permission missing")     // 403
	ErrHidden      = errors.New("table or column hidden") // 400 "Record 'x' was not found", a column that cannot be spared
	ErrQuery       = errors.New("query refused")          // other 4xx
	ErrLimited     = errors.New("over the request limit") // 429
	ErrUnavailable = errors.New("unavailable")            // 5xx, 3xx, network, HTML, an answer that breaks the contract
)

// Error is every error of this client. Its text holds no credential.
type Error struct {
	Kind       error
	Operation  string // token, vendors, vendorbills, ...
	Status     int    // 0 when there was no answer
	Code       string // o:errorCode or error
	Detail     string // NetSuite's own words, cut
	Remedy     string // what to do, "" when there is nothing to do
	RetryAfter time.Duration
	Cause      error

	column string // that was refused, lower case
	header string // that was refused
	proto  int    // major version of HTTP that the answer came in
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

// The continuations of "Invalid search query" (contract 2.4).
var (
	hiddenTable   = regexp.MustCompile(`Record '([^']*)' was not found`)
	unknownTable  = regexp.MustCompile(`Invalid search type: ([\w.]*\w)`)
	refusedByName = regexp.MustCompile(`Unknown identifier '([^']*)'|Field '([^']*)' for record '`)
)

// queryError is the error table of contract 1.6, 2.4 and 2.6.
func queryError(operation string, a answer, now time.Time) *Error {
	e := &Error{Kind: ErrUnavailable, Operation: operation, Status: a.status, RetryAfter: retryAfter(a.header, now), proto: a.proto}
	var detail string
	e.Code, e.header, detail = errorDetails(a.body)
	e.Detail = clip(detail)
	switch s := a.status; {
	case s == http.StatusUnauthorized:
		e.Kind, e.Remedy = ErrCredentials, "a new token was refused as well; the Login Audit Trail in NetSuite names the cause: "+
			"a disabled role or entity, a revoked certificate, or the permission \"Log in using OAuth 2.0 Access Tokens\" missing from the role"
	case s == http.StatusForbidden:
		e.Kind, e.Remedy = ErrForbidden, "give the integration role the permission REST Web Services"
	case s == http.StatusTooManyRequests:
		e.Kind = ErrLimited
	case s >= 300 && s < 400:
		e.Remedy = redirected
	case s == http.StatusNotFound:
		e.Kind, e.Remedy = ErrQuery, "check base_url, and that the feature REST Web Services is on"
	case s >= 400 && s < 500:
		e.refused(detail)
	}
	return e
}

// refused reads why a statement was refused.
func (e *Error) refused(detail string) {
	e.Kind = ErrQuery
	if m := hiddenTable.FindStringSubmatch(detail); m != nil {
		e.Kind, e.Remedy = ErrHidden, fmt.Sprintf("the integration role may not see %q, or its feature is off: add the permission", m[1])
	} else if m := refusedByName.FindStringSubmatch(detail); m != nil {
		name := strings.ToLower(m[1] + m[2])
		e.column = name[strings.LastIndexByte(name, '.')+1:]
		e.Kind, e.Remedy = ErrHidden, fmt.Sprintf("this account does not show the column %q to the integration role", e.column)
	} else if m := unknownTable.FindStringSubmatch(detail); m != nil {
		e.Remedy = fmt.Sprintf("this account has no table %q: its feature is off", m[1])
	}
}

// errorDetails reads the code and the texts of an error body, which may be
// HTML in maintenance.
func errorDetails(body []byte) (code, header, detail string) {
	var a struct {
		Title   string `json:"title"`
		Details []struct {
			Detail string `json:"detail"`
			Code   string `json:"o:errorCode"`
			Header string `json:"o:errorHeader"`
		} `json:"o:errorDetails"`
	}
	if json.Unmarshal(body, &a) != nil {
		return "", "", "the answer is not JSON, as in maintenance"
	}
	var texts []string
	for _, d := range a.Details {
		if code == "" {
			code = clip(d.Code)
		}
		if d.Header != "" {
			header = d.Header
			d.Detail += " (header " + d.Header + ")"
		}
		texts = append(texts, d.Detail)
	}
	if len(texts) == 0 {
		return code, header, a.Title
	}
	return code, header, strings.Join(texts, "; ")
}

// refusedColumn is the column that an error is about, "" when it is about
// none.
func refusedColumn(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.column
}
