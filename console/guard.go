package console

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/steer"
	"github.com/ml-connector/ml-connector/tenant"
)

// policy lets a page load our own style, script and pictures, and nothing else
// from anywhere; no script stands in a page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// headToo answers HEAD as GET; the server leaves the body out. chi's own does
// not look below the router that we are mounted on.
func headToo(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rc := chi.RouteContext(r.Context()); r.Method == http.MethodHead && rc != nil {
			rc.RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin refuses what another site makes a browser send.
func crossOrigin(a *console) func(http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, http.StatusForbidden, "Another web site may not make your browser do this. Nothing was changed.")
	}))
	return guard.Handler
}

// live are the pages that read both systems, when an address asks for it: as
// much work as a change, so that another site may not make a browser ask. What
// has no Sec-Fetch-Site is no browser of today.
func live(pattern string, r *http.Request) bool {
	switch action := pattern[strings.LastIndex(pattern, "/")+1:]; action {
	case "sides", "accounts", "ping", "doctor", "{format}":
		return true
	case "tie-out":
		return r.URL.Query().Get("from") != ""
	}
	return false
}

func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

//go:embed static
var files embed.FS

// static serves the style sheet, htmx and our few lines of script.
func static(w http.ResponseWriter, r *http.Request) {
	name := chi.URLParam(r, "file")
	b, err := files.ReadFile(path.Join("static", path.Base(name)))
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(name)]
	if err != nil || kind == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(b) //nolint:gosec // a file that is compiled in
}

// maxForm bounds a form: the mapping of a large company fits many times.
const maxForm = 1 << 20

func readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil
}

// pageTimeout ends a page before the listener's write timeout cuts it.
const pageTimeout = 28 * time.Second

// said is an error that people are told, with its status.
type said struct {
	status int
	text   string
}

func (e *said) Error() string { return e.text }

// handle adapts a page that returns an error.
func (a *console) handle(e route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		if e.method == http.MethodGet && live(e.pattern, r) && fromElsewhere(r) {
			a.fail(w, r, http.StatusForbidden, "Another web site led here, and this page reads both systems. Open it from the console.")
			return
		}
		if e.method == http.MethodPost && !readForm(w, r) {
			a.fail(w, r, http.StatusBadRequest, "The form could not be read. Nothing was changed.")
			return
		}
		change, err := a.announce(e, r)
		if err != nil {
			a.Log.Error("a change was refused: it could not be audited", zap.String("route", e.pattern), zap.Error(err))
			a.fail(w, r, http.StatusServiceUnavailable, sentence(steer.ErrNoAudit)+" Try again.")
			return
		}
		outcome := "panicked"
		defer func() { a.ended(r, e, change, outcome) }()
		r = r.WithContext(audit.In(r.Context(), change))
		if err = e.serve(w, r); err == nil {
			outcome = "done"
			return
		}
		s := a.saidOf(err, e)
		outcome = "refused: "
		if s.status >= http.StatusInternalServerError {
			outcome = "failed: "
		}
		outcome += s.text
		a.fail(w, r, s.status, s.text)
	})
}

// saidOf is the one table from error to what people are told.
func (a *console) saidOf(err error, e route) *said {
	var s *said
	switch {
	case errors.As(err, &s):
		return s
	case errors.Is(err, tenant.ErrNotFound):
		return &said{http.StatusNotFound, "There is no such company."}
	case errors.Is(err, state.ErrNotFound):
		return &said{http.StatusNotFound, "This record has never been seen. Records appear when NetSuite tells of them or is read."}
	case errors.Is(err, steer.ErrNoRecord):
		return &said{http.StatusNotFound, steer.ErrNoRecord.Error() + "."}
	case errors.Is(err, steer.ErrMoves):
		return &said{http.StatusConflict, sentence(steer.ErrMoves) + " Nothing was changed."}
	case errors.Is(err, steer.ErrState):
		return &said{http.StatusBadRequest, "Choose a state first. " + sentence(steer.ErrState)}
	case errors.Is(err, tenant.ErrChanged):
		return &said{http.StatusConflict, "Somebody else changed the settings of this company since you opened the page. Open it again; nothing was changed."}
	case errors.Is(err, steer.ErrNoAudit):
		return &said{http.StatusServiceUnavailable, sentence(steer.ErrNoAudit) + " Try again."}
	case errors.Is(err, queue.ErrFull):
		return &said{http.StatusServiceUnavailable, "Too much waits already, so nothing was added. Try again when less is to do."}
	}
	a.Log.Error("console", zap.String("route", e.pattern), zap.Error(err))
	if !ofUpstream(err) && queue.Unavailable(err) {
		return &said{http.StatusServiceUnavailable, "Redis, where all of this is kept, does not answer or does not take what is written. Check that it runs, can be reached and has room (ml-connector doctor tells), then try again."}
	}
	return &said{http.StatusInternalServerError, "This did not work: " + plain(err) + "."}
}

// ofUpstream reports an error of NetSuite or Cin7.
func ofUpstream(err error) bool {
	var n *netsuite.Error
	var c *cin7.Error
	return errors.As(err, &n) || errors.As(err, &c)
}

// sentence is an error that is whole by itself, as a sentence.
func sentence(err error) string {
	s := plain(err)
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// plain is an error for a person; those that hold a URL lose it.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Op + ": " + u.Err.Error()
	}
	return strings.TrimSuffix(err.Error(), ".")
}

func escape(s string) string { return url.QueryEscape(s) }

// lead answers with a redirect to a page of the console.
func lead(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // every caller builds the path on Base, or has it checked by target
}
