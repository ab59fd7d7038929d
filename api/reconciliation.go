package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/tenant"
)

// longAnswer is how long an answer may take that reads both systems within the
// budget of Cin7 calls.
const longAnswer = 15 * time.Minute

// ErrInput marks an error of what the caller asked for.
var ErrInput = errors.New("the request cannot be carried out as asked")

// long lets a handler take longer than other answers, and no more than one of
// them at a time for a tenant in this process.
func (a *ops) long(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) (ctx context.Context, end func(), err error) {
	if _, busy := a.busy.LoadOrStore(t.ID, true); busy {
		p := problem(http.StatusConflict, "busy", "both systems of this tenant are being read for somebody else: try again when that is done")
		p.retryAfter = "60"
		return nil, nil, p
	}
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longAnswer + writeTimeout)); err != nil {
		a.busy.Delete(t.ID)
		return nil, nil, fmt.Errorf("extend the write deadline: %w", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), longAnswer)
	return ctx, func() {
		cancel()
		a.busy.Delete(t.ID)
	}, nil
}

// upstream is the answer when a system of the tenant did not do its part.
func upstream(err error) error {
	if errors.Is(err, ErrInput) {
		p := invalid(errors.New(strings.ReplaceAll(err.Error(), ErrInput.Error()+": ", "")))
		p.Detail = ErrInput.Error()
		return p
	}
	return problem(http.StatusBadGateway, "upstream", err.Error())
}

// mediaTypes are the forms of a reconciliation, by the name of the format.
var mediaTypes = map[string]string{"json": "application/json", "html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8"}

// getReconciliation shows the last reconciliation that was kept; with from and
// to it makes one, which takes an operator because it spends calls.
func (a *ops) getReconciliation(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	format := q.Get("format")
	if format == "" {
		format = "json"
	}
	if mediaTypes[format] == "" {
		return problem(http.StatusBadRequest, "bad-request", "format is json, html or csv")
	}
	ctx := r.Context()
	if q.Has("from") || q.Has("to") {
		if roleOf(ctx) < Operator {
			return problem(http.StatusForbidden, "forbidden", "a new reconciliation spends Cin7 calls and takes an operator; without from and to the last one is shown")
		}
		long, end, err := a.long(w, r, t)
		if err != nil {
			return err
		}
		defer end()
		ctx = long
	}
	write, err := a.c.Reconcile(ctx, t, q.Get("from"), q.Get("to"), format)
	switch {
	case err != nil && q.Has("from"), err != nil && q.Has("to"):
		return upstream(err)
	case err != nil:
		return err
	}
	return writeAs(w, mediaTypes[format], write)
}

// writeAs answers with what write writes.
func writeAs(w http.ResponseWriter, mediaType string, write func(io.Writer) error) error {
	var body bytes.Buffer
	if err := write(&body); err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// A page of amounts needs nothing from anywhere.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body.Bytes()) // the client may be gone
	return nil
}
