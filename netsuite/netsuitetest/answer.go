package netsuitetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is a response before it is written.
type answer struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
	drop        bool
}

// detail is an entry of o:errorDetails (contract 2.4).
type detail struct {
	Detail     string `json:"detail"`
	QueryParam string `json:"o:errorQueryParam,omitempty"`
	Header     string `json:"o:errorHeader,omitempty"`
	Path       string `json:"o:errorPath,omitempty"`
	Code       string `json:"o:errorCode"`
}

func reply(status int, v any) answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("netsuitetest: encode an answer: %v", err)) // only strings and numbers go in
	}
	return answer{status: status, contentType: "application/vnd.oracle.resource+json; type=error", header: http.Header{}, body: bytes.TrimSpace(b.Bytes())}
}

// problem is an error body of the REST API. Statuses have their section of RFC
// 9110, as newer servers send (contract 1.6).
func problem(status int, title string, details ...detail) answer {
	section := map[int]string{400: "15.5.1", 401: "15.5.2", 403: "15.5.4", 404: "15.5.5", 405: "15.5.6", 415: "15.5.16", 500: "15.6.1"}[status]
	link := "https://www.rfc-editor.org/rfc/rfc9110.html"
	if section != "" {
		link += "#section-" + section
	}
	return reply(status, struct {
		Type    string   `json:"type"`
		Title   string   `json:"title"`
		Status  int      `json:"status"`
		Details []detail `json:"o:errorDetails"`
	}{link, title, status, details})
}

// badRequest is 400 INVALID_PARAMETER.
func badRequest(d detail) answer {
	if d.Code == "" {
		d.Code = "INVALID_PARAMETER"
	}
	return problem(http.StatusBadRequest, "Bad Request", d)
}

// badQuery is the 400 of a refused statement (contract 2.4).
func badQuery(why error) answer {
	return badRequest(detail{Detail: "Invalid search query. Detailed unprocessed description follows. " + why.Error(), QueryParam: "q"})
}

func notFound() answer {
	return problem(http.StatusNotFound, "Not Found", detail{Detail: "The requested resource does not exist.", Code: "NONEXISTENT_ID"})
}

// errorAnswer is the usual body of a status: contract 1.6 for 401 and 403, 2.6
// for 429, 2.4 for 500 and HTML for the rest of 5xx.
func errorAnswer(account string, status int) answer {
	switch status {
	case http.StatusUnauthorized:
		a := problem(status, "Unauthorized", detail{
			Detail: "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User Management > View Login Audit Trail.",
			Code:   "INVALID_LOGIN",
		})
		a.header.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q, error="invalid_token", error_description="Invalid login attempt."`, account))
		return a
	case http.StatusForbidden:
		return problem(status, "Forbidden", detail{Detail: "Permission Violation: You need the 'REST Web Services' permission to access this page. Please contact your account administrator.", Code: "INSUFFICIENT_PERMISSION"})
	case http.StatusTooManyRequests:
		return problem(status, "Too Many Requests", detail{Detail: "Concurrent request limit exceeded. Request blocked.", Code: "CONCURRENCY_LIMIT_EXCEEDED"})
	case http.StatusInternalServerError:
		return problem(status, "Internal Server Error", detail{Detail: "An unexpected error occurred. Error ID: m4k2x9q1", Code: "UNEXPECTED_ERROR"})
	}
	if status >= 500 {
		text := http.StatusText(status)
		return answer{status: status, contentType: "text/html", header: http.Header{},
			body: []byte("<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1>The system is undergoing maintenance.</body></html>")}
	}
	return problem(status, http.StatusText(status), detail{Detail: http.StatusText(status), Code: "USER_ERROR"})
}
