package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// tenantView is a tenant as the API shows it: its document without secrets,
// and how its lane stands.
type tenantView struct {
	ID           string                `json:"id"`
	Name         string                `json:"name"`
	Version      int64                 `json:"version"`
	AppliedAt    time.Time             `json:"applied_at"`
	Paused       string                `json:"paused,omitempty"`
	Held         string                `json:"held_back,omitempty"` // why the lane as a whole does not go on
	Document     *tenant.Document      `json:"document,omitempty"`
	Fingerprints map[string]string     `json:"fingerprints,omitempty"`
	Records      map[queue.State]int64 `json:"records,omitempty"`
	Parked       map[string]int64      `json:"parked_reasons,omitempty"`
	Lane         *laneView             `json:"lane,omitempty"`
	Bound        *tenant.Companies     `json:"bound_to,omitempty"`
	WebhookUses  *tenant.Uses          `json:"webhook_uses,omitempty"`
	Replaced     []string              `json:"replaced,omitempty"` // what a PUT ended
}

func viewTenant(t *tenant.Tenant) tenantView {
	return tenantView{ID: t.ID, Name: t.Name, Version: t.Version, AppliedAt: t.AppliedAt.UTC(), Paused: t.Paused}
}

// tenant reads the tenant that a path names.
func (a *ops) tenant(r *http.Request) (*tenant.Tenant, error) {
	return a.c.Tenants.Get(r.Context(), chi.URLParam(r, "id"))
}

func (a *ops) records(t *tenant.Tenant) *state.Records { return a.c.States.Tenant(t.ID) }

func (a *ops) listTenants(w http.ResponseWriter, r *http.Request) error {
	all, err := a.c.Tenants.List(r.Context())
	if err != nil {
		return err
	}
	out := make([]tenantView, 0, len(all))
	for _, t := range all {
		v := viewTenant(t)
		if v.Records, err = a.records(t).Counts(r.Context()); err != nil {
			return err
		}
		out = append(out, v)
	}
	writeJSON(w, http.StatusOK, map[string]any{"tenants": out})
	return nil
}

func (a *ops) getTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	v := viewTenant(t)
	v.Document = &t.Document
	if v.Fingerprints, err = a.c.Tenants.Fingerprints(r.Context(), t); err != nil {
		return err
	}
	if v.Records, err = a.records(t).Counts(r.Context()); err != nil {
		return err
	}
	if v.Parked, err = a.records(t).Reasons(r.Context()); err != nil {
		return err
	}
	l, err := a.c.Queue.Lane(r.Context(), t.ID)
	if err != nil {
		return err
	}
	v.Lane = viewLane(l)
	wm, err := a.records(t).Watermarks(r.Context())
	if err != nil {
		return err
	}
	v.Held = wm[state.Held]
	uses, err := a.c.Tenants.WebhookUses(r.Context(), t.ID)
	if err != nil {
		return err
	}
	v.WebhookUses = &uses
	if v.Bound, err = a.c.Tenants.Bound(r.Context(), t.ID); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// putTenant stores a tenant document, new or in place of the old one. Secrets
// that it leaves out stay as they are.
func (a *ops) putTenant(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, maxDocument, nil)
	if err != nil {
		return err
	}
	t, creds, err := tenant.ParseJSON(b, a.c.TenantOptions)
	if err != nil {
		return invalid(err)
	}
	if id := chi.URLParam(r, "id"); t.ID != id {
		return invalid(errors.New("id: is not the one of the path: write the same in both"))
	}
	old, in, err := a.c.Tenants.InForce(r.Context(), t.ID)
	created := errors.Is(err, tenant.ErrNotFound)
	have, version := creds, int64(0)
	switch {
	case created:
	case err != nil:
		return err
	default:
		have, version = creds.Or(in), old.Version
	}
	if err := have.Complete(t); err != nil {
		return invalid(err)
	}
	losses, err := a.c.Tenants.Losses(r.Context(), old, t, creds)
	if errors.Is(err, tenant.ErrChanged) {
		return problem(http.StatusConflict, "changed", tenant.ErrChanged.Error())
	}
	if err != nil {
		return err
	}
	// In place of what was looked at: what the answer calls replaced is all of it.
	stored, err := a.c.Tenants.Replace(tenant.By(r.Context(), actor(r.Context())), t, version, creds)
	if errors.Is(err, tenant.ErrChanged) {
		return problem(http.StatusConflict, "changed", tenant.ErrChanged.Error())
	}
	if err != nil {
		return err
	}
	note(r, "changed", tenant.Changes(old, stored, creds))
	note(r, "version", strconv.FormatInt(stored.Version, 10))
	if err := a.c.Queue.Wake(r.Context(), t.ID, time.Time{}); err != nil {
		return err
	}
	v := viewTenant(stored)
	v.Document, v.Replaced = &stored.Document, losses
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, v)
	return nil
}

// deleteTenant removes a tenant and all that is kept for it. Nothing changes
// in NetSuite or Cin7.
func (a *ops) deleteTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil && !errors.Is(err, tenant.ErrDamaged) { // what cannot be read can be removed
		return err
	}
	if err := a.c.Tenants.Remove(r.Context(), t.ID); err != nil {
		return err
	}
	if err := a.c.Queue.Forget(r.Context(), t.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
