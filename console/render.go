package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

//go:embed page
var pageFiles embed.FS

// pages are the templates by name, each with the layout and the parts.
type pages map[string]*template.Template

// view is what the layout needs; Data is the page's own.
type view struct {
	Title  string
	Tenant *tenant.Tenant // nil on pages of all tenants
	Tab    string         // of the tenant's navigation
	Data   any

	// filled in by render
	Who  string
	Role api.Role
	Now  time.Time
	Path string
	Done string // what was just done, from the redirect
}

// CanOperate and CanOwn say which buttons are shown; the routes decide again.
func (v view) CanOperate() bool { return v.Role >= api.Operator }

// CanOwn: see CanOperate.
func (v view) CanOwn() bool { return v.Role >= api.Owner }

func parsePages() pages {
	funcs := template.FuncMap{
		"clerk": clerk, "advice": advice, "paragraph": paragraph, "stepName": stepName, "stepText": stepText, "when": when, "ago": ago, "lasts": lasts, "recordState": recordState, "absent": absent, "howMatched": howMatched, "choice": choice, "secretName": secretName, "accountType": accountType, "stands": stands, "words": words, "typeName": typeName, "stateName": stateName, "reasonName": reasonName,
		"tenantURL": func(t *tenant.Tenant, rest string) template.URL {
			return template.URL(Base + "/t/" + t.ID + "/" + rest) //nolint:gosec // our path and a checked tenant id
		},
		"base":  func() string { return Base },
		"count": count, "lasting": lasting, "thousands": thousands, "query": query, "upper": strings.ToUpper, "money": money, "hundredths": hundredths,
		"add": func(a, b int) int { return a + b }, "neg": func(a int) int { return -a }, "int64": func(n int) int64 { return int64(n) },
		"tabOf": tabOf, "verdictPage": verdictPage, "groupSum": groupSum, "retriable": func(f state.Filter) bool {
			return f.State != "" && f.State != queue.Pending && f.State != queue.Running
		},
		"mapped":  func(reason string) bool { return slices.Contains(state.MappingReasons[:], reason) },
		"inState": func(m map[queue.State]int64, s string) int64 { return m[queue.State(s)] }, "inClass": func(m map[queue.Class]int64, c string) int64 { return m[queue.Class(c)] },
		"missing": missing, "deref": func(t *time.Time) time.Time { return *t }, "minutes": minutes, "classTitle": reconcile.Title, "hookClass": hookClass,
	}
	shared := template.Must(template.New("layout").Funcs(funcs).ParseFS(pageFiles, "page/layout.gohtml", "page/parts.gohtml"))
	out := pages{}
	names, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // they are compiled in
	}
	for _, f := range names {
		name := strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
		if name == "layout" || name == "parts" {
			continue
		}
		out[name] = template.Must(template.Must(shared.Clone()).ParseFS(pageFiles, "page/"+f.Name()))
	}
	return out
}

// render makes a page whole before the first byte of it is sent.
func (a *console) render(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	if s := whoIs(r.Context()); s != nil {
		v.Who, v.Role = s.who, s.role
	}
	v.Now, v.Path, v.Done = a.Now().UTC(), r.URL.Path, doneText(r.URL.Query())
	var b bytes.Buffer
	if err := a.pages[page].ExecuteTemplate(&b, "layout", v); err != nil {
		a.Log.Error("console page", zap.String("page", page), zap.Error(err))
		http.Error(w, "an error of ours; the log has it", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// fail is a page that says what went wrong.
func (a *console) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	a.render(w, r, status, "fail", view{Title: http.StatusText(status), Data: text})
}

// when is a moment, in UTC, for people and for our script, which adds the
// local time as a tooltip.
func when(t time.Time) template.HTML {
	if t.IsZero() || t.Year() > 9999 {
		return "never"
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05"))) //nolint:gosec // digits only
}

// ago is how long something is past, or lies ahead.
func ago(now, t time.Time) string {
	if t.IsZero() || t.Year() > 9999 {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < -time.Second:
		return "in " + span(-d)
	case d < time.Second:
		return "now"
	default:
		return span(d) + " ago"
	}
}

// lasts is how long something has been so, with the moment at which it began
// as a tooltip.
func lasts(now, since time.Time) template.HTML {
	d := max(time.Second, now.Sub(since))
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="since %s UTC">for %s</time>`, since.UTC().Format(time.RFC3339), since.UTC().Format("2006-01-02 15:04:05"), span(d))) //nolint:gosec // digits and our own words
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int64(d/time.Second), "second", "seconds")
	case d < time.Hour:
		return count(int64(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour", "hours")
	}
	return count(int64(d/(24*time.Hour)), "day", "days")
}
