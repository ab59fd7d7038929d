package console

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// tenant reads the tenant that a path names.
func (a *console) tenant(r *http.Request) (*tenant.Tenant, error) {
	return a.Tenants.Get(r.Context(), chi.URLParam(r, "id"))
}

func (a *console) url(t *tenant.Tenant, rest string) string { return Base + "/t/" + t.ID + "/" + rest }

type tenantData struct {
	G          glance
	Budget     template.HTML
	Throughput template.HTML
	Lag        template.HTML
	Settled    int64         // in the last day
	Typical    time.Duration // lag of the records that settled last, median
	Recent     []state.Record
}

// tenantSlash leads to a tenant's page from its address without the end.
func (a *console) tenantSlash(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	lead(w, r, a.url(t, ""))
	return nil
}

// tenantPage is one tenant at a glance.
func (a *console) tenantPage(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	var d tenantData
	if d.G, err = a.glanceAt(r.Context(), t); err != nil {
		return err
	}
	recs := a.States.Tenant(t.ID)
	hours, err := recs.ChangedPerHour(r.Context(), a.Now(), 24)
	if err != nil {
		return err
	}
	for _, n := range hours {
		d.Settled += n
	}
	page, err := recs.List(r.Context(), state.Filter{Limit: 40})
	if err != nil {
		return err
	}
	d.Recent = page.Records[:min(8, len(page.Records))]
	lags, err := a.lags(r.Context(), recs, page.Records)
	if err != nil {
		return err
	}
	if n := len(lags); n > 0 {
		sorted := slices.Clone(lags)
		slices.Sort(sorted)
		d.Typical = sorted[n/2]
	}
	d.Throughput, d.Lag, d.Budget = bars(hours, a.Now()), dots(lags), gaugeBar(d.G.Left, d.G.Limit)
	a.render(w, r, http.StatusOK, "tenant", view{Title: t.Name, Tenant: t, Tab: "", Data: d})
	return nil
}

// lags are how long the records that settled last took from their last mark
// on, the newest last.
func (a *console) lags(ctx context.Context, recs *state.Records, settled []state.Record) ([]time.Duration, error) {
	var refs []queue.Ref
	for _, rec := range settled {
		if rec.State == queue.Completed || rec.State == queue.Parked {
			refs = append(refs, rec.Ref)
		}
	}
	logs, err := recs.Timelines(ctx, refs...)
	if err != nil {
		return nil, err
	}
	var out []time.Duration
	for _, steps := range slices.Backward(logs) {
		if d, ok := lastLag(steps); ok {
			out = append(out, d)
		}
	}
	return out, nil
}

// lastLag is the time from the mark that led to the last settlement to it.
func lastLag(steps []queue.Step) (time.Duration, bool) {
	var settled time.Time
	for i := len(steps) - 1; i >= 0; i-- {
		switch steps[i].Name {
		case "settled":
			if settled.IsZero() {
				settled = steps[i].At
			}
		case "marked":
			if !settled.IsZero() {
				return max(0, settled.Sub(steps[i].At)), true
			}
		}
	}
	return 0, false
}
