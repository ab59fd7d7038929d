package console

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/audit"
)

// told are the fields of forms that the audit log repeats: what was asked for,
// never a secret.
var told = [...]string{"state", "type", "reason", "q", "until", "since", "types", "calls", "verb", "force", "save", "start"}

// announce writes a change down before it happens, and the request that comes
// of it tells how it ended; a page is none, and a rehearsal or a count changes
// nothing.
func (a *console) announce(e route, r *http.Request) (*audit.Change, error) {
	if e.method != http.MethodPost || rehearses(e, r) {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	detail := map[string]string{}
	for _, k := range told {
		if v := strings.Join(r.PostForm[k], " "); v != "" {
			detail[k] = v
		}
	}
	// The path names what is touched, whatever a form says.
	for _, k := range []string{"type", "nsid"} {
		if v := chi.URLParam(r, k); v != "" {
			detail[k] = v
		}
	}
	return a.Audit.Begin(r.Context(), audit.Entry{Actor: whoIs(r.Context()).who, Action: "console " + action(e), Tenant: chi.URLParam(r, "id"), Detail: detail})
}

// ended writes down how a change went. It has happened or not by then, so that
// a failure is for the service's log alone.
func (a *console) ended(r *http.Request, e route, c *audit.Change, outcome string) {
	if err := c.End(r.Context(), outcome); err != nil {
		a.Log.Error("how a change ended could not be audited", zap.String("route", e.pattern), zap.Error(err))
	}
}

// action is what a route does: the last word of its path.
func action(e route) string { return e.pattern[strings.LastIndex(e.pattern, "/")+1:] }

// rehearses reports whether a form only asks what would happen.
func rehearses(e route, r *http.Request) bool {
	switch action(e) {
	case "accounts":
		return r.PostForm.Get("save") == ""
	case "backfill":
		return r.PostForm.Get("start") == ""
	}
	return false
}

// tell adds to the audit entry that says how a change ended.
func tell(r *http.Request, key, value string) { audit.Of(r.Context()).Tell(key, value) }
