package console

import (
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// webhooks shows the recent posts with their verdicts.
func (a *console) webhooks(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	hooks, err := a.States.Tenant(t.ID).Hooks(r.Context(), 200)
	if err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "webhooks", view{Title: "Webhooks", Tenant: t, Tab: "webhooks", Data: hooks})
	return nil
}

type runsData struct {
	Polls []pollRow
	Lane  queue.Lane
	Held  string
	Every time.Duration
}

type pollRow struct {
	Type, Watermark string
	At              time.Time
}

// runs shows polls and the lane.
func (a *console) runs(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	wm, err := a.States.Tenant(t.ID).Watermarks(r.Context())
	if err != nil {
		return err
	}
	d := runsData{Held: wm[state.Held], Every: poller.Interval(wm)}
	for _, typ := range t.Sync.Types {
		d.Polls = append(d.Polls, pollRow{typ, wm["wm:"+typ], poller.PolledAt(wm, typ)})
	}
	if d.Lane, err = a.Queue.Lane(r.Context(), t.ID); err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "runs", view{Title: "Runs", Tenant: t, Tab: "runs", Data: d})
	return nil
}

// poll asks for a poll now.
func (a *console) poll(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if err := a.States.Tenant(t.ID).RequestPoll(r.Context()); err != nil {
		return err
	}
	if err := a.Queue.Wake(r.Context(), t.ID, time.Time{}); err != nil {
		return err
	}
	if err := a.log(r, t, "asked for a poll"); err != nil {
		return err
	}
	return done(w, r, a.url(t, "runs"), "NetSuite is read as soon as the lane is free.")
}

type settingsData struct {
	Fingerprints map[string]string
	Checks       []api.Check
	Checked      bool
}

// settings shows a tenant without its secrets.
func (a *console) settings(w http.ResponseWriter, r *http.Request) error {
	return a.settingsPage(w, r, false)
}

// ping is the same with one cheap call to each system.
func (a *console) ping(w http.ResponseWriter, r *http.Request) error {
	return a.settingsPage(w, r, true)
}

func (a *console) settingsPage(w http.ResponseWriter, r *http.Request, ping bool) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	d := settingsData{Checked: ping}
	if d.Fingerprints, err = a.Tenants.Fingerprints(r.Context(), t); err != nil {
		return err
	}
	if ping {
		d.Checks = a.Ping(r.Context(), t)
	}
	a.render(w, r, http.StatusOK, "settings", view{Title: "Settings of " + t.Name, Tenant: t, Tab: "settings", Data: d})
	return nil
}

// pause stops the writing; marks keep arriving.
func (a *console) pause(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	why := "paused in the console by " + whoIs(r.Context()).who
	// The lane first: that is what stops the writing.
	if err := a.Queue.Pause(r.Context(), t.ID, why); err != nil {
		return err
	}
	if err := a.Tenants.SetPaused(r.Context(), t.ID, why); err != nil {
		return err
	}
	if err := a.log(r, t, "paused the tenant"); err != nil {
		return err
	}
	return done(w, r, a.url(t, "settings"), "The tenant is paused: what NetSuite tells is kept, nothing is written to Cin7.")
}

// resume lets the lane go on.
func (a *console) resume(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if err := a.Tenants.SetPaused(r.Context(), t.ID, ""); err != nil {
		return err
	}
	if err := a.Queue.Resume(r.Context(), t.ID); err != nil {
		return err
	}
	if err := a.log(r, t, "resumed the tenant"); err != nil {
		return err
	}
	return done(w, r, a.url(t, "settings"), "The tenant goes on.")
}

// auditMost is how many lines of the audit log a page shows.
const auditMost = 500

// audit shows who changed what.
func (a *console) audit(w http.ResponseWriter, r *http.Request) error {
	var rows []Entry
	if a.Audited != nil {
		var err error
		if rows, err = a.Audited(r.Context(), auditMost); err != nil {
			return err
		}
	}
	a.render(w, r, http.StatusOK, "audit", view{Title: "Audit", Data: rows})
	return nil
}
