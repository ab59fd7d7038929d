package console

import (
	"errors"
	"net/http"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

type settingsData struct {
	Fingerprints map[string]string
	Uses         tenant.Uses
	Two          bool   // two webhook secrets are live
	Old          string // why ending the older one may be too early
	Fresh        string // path with the new secret, shown this once
	Checks       []api.Check
	Checked      string // what the checks are
}

// settings shows a tenant without its secrets.
func (a *console) settings(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	return a.settingsPage(w, r, t, settingsData{})
}

// ping is the same with one cheap call to each system.
func (a *console) ping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	return a.settingsPage(w, r, t, settingsData{Checked: "Both systems", Checks: a.Ping(r.Context(), t)})
}

// doctor looks at everything that can be wrong with the tenant's set-up.
func (a *console) doctor(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if a.Doctor == nil {
		return &said{http.StatusNotFound, "This check is not available here."}
	}
	return a.settingsPage(w, r, t, settingsData{Checked: "The whole set-up", Checks: a.Doctor(r.Context(), t)})
}

func (a *console) settingsPage(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, d settingsData) error {
	var err error
	if d.Fingerprints, err = a.Tenants.Fingerprints(r.Context(), t); err != nil {
		return err
	}
	if d.Uses, err = a.Tenants.WebhookUses(r.Context(), t.ID); err != nil {
		return err
	}
	old, err := a.Tenants.LookAtOldSecret(r.Context(), t.ID, a.Now())
	switch {
	case err == nil:
		d.Two, d.Old = true, old.Warning
	case !errors.Is(err, tenant.ErrOneSecret):
		return err
	}
	a.render(w, r, http.StatusOK, "settings", view{Title: "Settings of " + t.Name, Tenant: t, Tab: "settings", Data: d})
	return nil
}

// rotate makes a second webhook secret and shows it this once: the answer to
// the form itself, which no redirect and no log repeats.
func (a *console) rotate(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	stored, fresh, err := a.Tenants.RotateSecret(r.Context(), t.ID)
	if err != nil {
		return rotationSaid(err)
	}
	tell(r, "new_secret", a.fingerprint(r, fresh))
	return a.settingsPage(w, r, stored, settingsData{Fresh: api.HookPath(t.ID) + "?secret=" + fresh.Reveal()})
}

// retire ends the older of two webhook secrets; in use it wants to be told
// twice.
func (a *console) retire(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	old, err := a.Tenants.LookAtOldSecret(r.Context(), t.ID, a.Now())
	if err != nil {
		return rotationSaid(err)
	}
	if old.Warning != "" && r.PostForm.Get("force") == "" {
		return &said{http.StatusConflict, old.Warning + ". Tick the box to end it all the same. Nothing was changed."}
	}
	if _, err := a.Tenants.RetireOldSecret(r.Context(), t.ID); err != nil {
		return rotationSaid(err)
	}
	tell(r, "ended_secret", old.Old.Name)
	return done(w, r, a.url(t, "settings"), "retired")
}

func (a *console) fingerprint(r *http.Request, s secret.String) string {
	dep, err := a.Tenants.Deployment(r.Context())
	if err != nil {
		return ""
	}
	return secret.Fingerprint(dep, s)
}

func rotationSaid(err error) error {
	for _, known := range []error{tenant.ErrTwoSecrets, tenant.ErrOneSecret, tenant.ErrChanged} {
		if errors.Is(err, known) {
			return &said{http.StatusConflict, plain(known) + ". Nothing was changed."}
		}
	}
	return err
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
	return done(w, r, a.url(t, "settings"), "paused")
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
	return done(w, r, a.url(t, "settings"), "resumed")
}
