package console

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/tenant"
)

// told are the fields of forms that the audit log repeats: what was asked for,
// never a secret.
var told = [...]string{"state", "type", "reason", "q", "until", "since", "types", "calls", "verb", "force", "save", "start"}

// announce writes a change down before it happens; a page is none, and a
// rehearsal or a count changes nothing.
func (a *console) announce(e route, r *http.Request) error {
	if e.method != http.MethodPost || rehearses(e, r) {
		return nil
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
	return a.Audit.Append(r.Context(), audit.Entry{Actor: whoIs(r.Context()).who, Action: "console " + action(e), Tenant: chi.URLParam(r, "id"), Detail: detail})
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

// log writes down what a change came to, when that says more than what was
// asked for.
func (a *console) log(r *http.Request, t *tenant.Tenant, what string) error {
	return a.Audit.Append(r.Context(), audit.Entry{Actor: whoIs(r.Context()).who, Action: "console: " + what, Tenant: t.ID})
}
