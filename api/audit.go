package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/audit"
)

// note adds to the audit entry that tells how a change ended.
func note(r *http.Request, key, value string) { audit.Of(r.Context()).Tell(key, value) }

// actor is who asks: the role and the first digits of the token's hash, or
// this machine.
func actor(ctx context.Context) string {
	s, _ := ctx.Value(keyActor).(string)
	return s
}

// changes reports whether an endpoint is a write that is audited. A ping only
// calls the two systems.
func (e endpoint) changes() bool {
	return e.method != http.MethodGet && !strings.HasSuffix(e.pattern, ":ping")
}

// audited writes every change down before it happens, refuses it when that
// cannot be done, and tells how it ended.
func (a *ops) audited(e endpoint, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		detail := map[string]string{"request_id": requestID(r.Context())}
		for _, k := range []string{"type", "nsid"} {
			if v := chi.URLParam(r, k); v != "" {
				detail[k] = v
			}
		}
		change, err := a.c.Audit.Begin(r.Context(), audit.Entry{Actor: actor(r.Context()), Action: e.method + " " + e.pattern, Tenant: chi.URLParam(r, "id"), Detail: detail})
		if err != nil {
			a.c.Log.Error("a change was refused: it could not be audited", zap.String("request_id", requestID(r.Context())), zap.Error(err))
			writeProblem(w, r, opsProblem(err))
			return
		}
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		outcome := "panicked"
		defer func() {
			if err := change.End(r.Context(), outcome); err != nil {
				a.c.Log.Error("how a change ended could not be audited", zap.String("request_id", requestID(r.Context())), zap.Error(err))
			}
		}()
		next.ServeHTTP(ww, r.WithContext(audit.In(r.Context(), change)))
		change.Tell("status", strconv.Itoa(ww.Status()))
		outcome = "done"
		if ww.Status() >= http.StatusBadRequest {
			outcome = "refused or failed"
		}
	})
}

// auditView is an entry as the API shows it.
type auditView struct {
	audit.Entry
	Hash string `json:"hash"`
}

// listAudit shows the audit log, newest first.
func (a *ops) listAudit(w http.ResponseWriter, r *http.Request) error {
	before, limit := int64(0), 100
	if s := r.URL.Query().Get("cursor"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			return problem(http.StatusBadRequest, "malformed", "cursor is not one that this list gave")
		}
		before = n
	}
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return problem(http.StatusBadRequest, "malformed", "limit: want 1 to 1000")
		}
		limit = n
	}
	entries, err := a.c.Audit.List(r.Context(), before, limit)
	if err != nil {
		return err
	}
	out := map[string]any{}
	views := make([]auditView, 0, len(entries))
	for _, e := range entries {
		views = append(views, auditView{e, e.Hash})
	}
	out["entries"] = views
	if len(entries) == limit && entries[limit-1].Seq > 1 {
		out["cursor"] = strconv.FormatInt(entries[limit-1].Seq, 10)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}
