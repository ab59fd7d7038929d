package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Problem is an error as RFC 9457 has it. It is also the error that handlers
// return when they know what to answer. Nothing in it repeats a value that the
// caller sent, because that may be a secret.
type Problem struct {
	Type       string         `json:"type"`
	Title      string         `json:"title"`
	Status     int            `json:"status"`
	Detail     string         `json:"detail,omitempty"`
	RequestID  string         `json:"request_id,omitempty"`
	Accepted   []string       `json:"accepted_shapes,omitempty"` // of an unreadable webhook
	Errors     []ProblemError `json:"errors,omitempty"`
	retryAfter string
}

// ProblemError points at one thing that is wrong.
type ProblemError struct {
	Pointer string `json:"pointer,omitempty"`
	Detail  string `json:"detail"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Title) }

func problem(status int, kind, detail string) *Problem {
	return &Problem{Type: "urn:ml-connector:problem:" + kind, Title: http.StatusText(status), Status: status, Detail: detail}
}

// problemOf is the one table from error to status.
func problemOf(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, tenant.ErrNotFound):
		return problem(http.StatusNotFound, "no-such-tenant", "no tenant has this id")
	case errors.Is(err, state.ErrNotFound):
		return problem(http.StatusNotFound, "no-such-record", "nothing is known of this record")
	case errors.Is(err, queue.ErrFull):
		p := problem(http.StatusServiceUnavailable, "queue-full", "the queue is full: try again later")
		p.retryAfter = "30"
		return p
	}
	// Everything else is Redis, or what Redis holds.
	p = problem(http.StatusServiceUnavailable, "unavailable", "the service cannot do this now: try again later")
	p.retryAfter = "5"
	return p
}

// opsProblem is problemOf for people who run the service: it says what does
// not answer, which strangers at the public listener need not know.
func opsProblem(err error) *Problem {
	p := problemOf(err)
	var known *Problem
	if errors.As(err, &known) || p.Status != http.StatusServiceUnavailable || errors.Is(err, queue.ErrFull) {
		return p
	}
	p.Detail = "what Redis holds could not be read or written: the log has the cause by this request_id; try again later"
	switch {
	case errors.Is(err, tenant.ErrDamaged):
		p.Detail = tenant.ErrDamaged.Error()
	case queue.Unavailable(err):
		p.Detail = "Redis does not answer or does not take what is written: check that it runs, can be reached and has room (ml-connector doctor tells), then try again"
	}
	return p
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	out := *p
	out.RequestID = requestID(r.Context())
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// writeAccepted is the answer to an accepted webhook; most name one record.
func writeAccepted(w http.ResponseWriter, accepted, ignored int) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = typeJSON, noStore, noSniff
	w.WriteHeader(http.StatusAccepted)
	body := acceptedOne
	if accepted != 1 || ignored != 0 {
		body = fmt.Appendf(nil, "{\"accepted\":%d,\"ignored\":%d}\n", accepted, ignored)
	}
	_, _ = w.Write(body) // the client may be gone
}

var acceptedOne = []byte("{\"accepted\":1,\"ignored\":0}\n")

func notFound(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, problem(http.StatusNotFound, "not-found", "there is nothing at this path"))
}

// methodNotAllowed says which methods a path takes (RFC 9110, 15.5.6).
func methodNotAllowed(mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			if mux.Match(chi.NewRouteContext(), m, r.URL.Path) {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, r, problem(http.StatusMethodNotAllowed, "method-not-allowed", "this path does not take that method"))
	}
}
