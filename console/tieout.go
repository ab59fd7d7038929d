package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
)

type tieOutData struct {
	From, To string
	Report   *reconcile.Report
	Trouble  string
	Last     time.Time // of the last reconciliation, here or at night
	LastSum  state.TieOutFigures
	Known    bool
	Formats  []string
}

// period reads from and to; without them it is the present month.
func (a *console) period(r *http.Request) (from, to string) {
	now := a.Now().UTC()
	from, to = now.Format("2006-01")+"-01", now.Format(time.DateOnly)
	if s := r.URL.Query().Get("from"); s != "" {
		from = s
	}
	if s := r.URL.Query().Get("to"); s != "" {
		to = s
	}
	return from, to
}

// tieOut asks for a period, and with one in the URL ties it out afresh.
func (a *console) tieOut(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	wm, err := a.States.Tenant(t.ID).Watermarks(r.Context())
	if err != nil {
		return err
	}
	d := tieOutData{Last: state.TieOutAt(wm), Formats: []string{"html", "csv", "json"}}
	d.LastSum, d.Known = state.TieOut(wm)
	d.From, d.To = a.period(r)
	if r.URL.Query().Get("from") == "" {
		if d.Report, err = a.Reconcile(r.Context(), t, "", ""); errors.Is(err, state.ErrNotFound) {
			d.Report = nil
		} else if err != nil {
			d.Trouble = plain(err)
		} else {
			d.From, d.To = d.Report.Period.From, d.Report.Period.To
		}
	} else {
		if err := reconcile.CheckPeriod(cin7.Date(d.From), cin7.Date(d.To), a.Now()); err != nil {
			d.Trouble = plain(err)
		} else if d.Report, err = a.Reconcile(r.Context(), t, d.From, d.To); err != nil {
			d.Trouble = plain(err)
		}
	}
	a.render(w, r, http.StatusOK, "tieout", view{Title: "Tie-out of " + t.Name, Tenant: t, Tab: "tie-out", Data: d})
	return nil
}

// tieOutFile is the report to keep: a page that prints, CSV, or JSON.
func (a *console) tieOutFile(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	format := chi.URLParam(r, "format")
	kind := map[string]string{"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json"}[format]
	if kind == "" {
		return &said{http.StatusNotFound, "A report is html, csv or json."}
	}
	from, to := a.period(r)
	if err := reconcile.CheckPeriod(cin7.Date(from), cin7.Date(to), a.Now()); err != nil {
		return &said{http.StatusBadRequest, plain(err)}
	}
	report := a.Report
	if report == nil {
		report = a.Reconcile
	}
	rep, err := report(r.Context(), t, from, to)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	// The page carries its own style and no script.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	disposition := "attachment"
	if format == "html" {
		disposition = "inline"
	}
	w.Header().Set("Content-Disposition", disposition+`; filename="tie-out-`+t.ID+"-"+from+"-"+to+"."+format+`"`)
	return rep.Write(w, format)
}
