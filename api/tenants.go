package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// maxDocument is the limit of a body of the ops API.
const maxDocument = 1 << 20

// tenantView is a tenant as the API shows it: its document without secrets,
// and how its lane stands.
type tenantView struct {
	ID           string                `json:"id"`
	Name         string                `json:"name"`
	Version      int64                 `json:"version"`
	AppliedAt    time.Time             `json:"applied_at"`
	Paused       string                `json:"paused,omitempty"`
	Document     *tenant.Document      `json:"document,omitempty"`
	Fingerprints map[string]string     `json:"fingerprints,omitempty"`
	Records      map[queue.State]int64 `json:"records,omitempty"`
	Parked       map[string]int64      `json:"parked_reasons,omitempty"`
	Lane         *laneView             `json:"lane,omitempty"`
}

type laneView struct {
	Waiting    int64      `json:"waiting"`
	Retries    int64      `json:"retries"`
	OldestMark *time.Time `json:"oldest_mark,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	Owner      string     `json:"owner,omitempty"`
}

func view(t *tenant.Tenant) tenantView {
	return tenantView{ID: t.ID, Name: t.Name, Version: t.Version, AppliedAt: t.AppliedAt, Paused: t.Paused}
}

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
		v := view(t)
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
	v := view(t)
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
	v.Lane = &laneView{Waiting: l.Depth[queue.Live] + l.Depth[queue.Bulk], Retries: l.Due, OldestMark: moment(l.Oldest), DueAt: moment(l.DueAt), Owner: l.Owner}
	writeJSON(w, http.StatusOK, v)
	return nil
}

// moment is nil for the zero time and for a time that never comes.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Year() > 9999 {
		return nil
	}
	t = t.UTC()
	return &t
}

// body reads a bounded body.
func body(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxDocument))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(http.StatusRequestEntityTooLarge, "too-large", "the body is over the limit")
	case err != nil:
		return nil, problem(http.StatusBadRequest, "cut", "the body ended before its length")
	}
	return b, nil
}

// decode reads a small JSON body strictly.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return problem(http.StatusBadRequest, "malformed", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// invalid reports each line of a joined error.
func invalid(err error) *Problem {
	p := problem(http.StatusUnprocessableEntity, "invalid", "the document is not right; nothing was changed")
	for line := range strings.SplitSeq(err.Error(), "\n") {
		path, detail, ok := strings.Cut(line, ": ")
		if !ok {
			path, detail = "", line
		}
		p.Errors = append(p.Errors, ProblemError{Pointer: path, Detail: detail})
	}
	return p
}

func (a *ops) putTenant(w http.ResponseWriter, r *http.Request) error {
	b, err := body(r)
	if err != nil {
		return err
	}
	t, creds, err := tenant.ParseJSON(b, a.c.TenantOptions)
	if err != nil {
		return invalid(err)
	}
	if id := chi.URLParam(r, "id"); t.ID != id {
		return problem(http.StatusUnprocessableEntity, "invalid", "the document's id is not the one of the path")
	}
	_, err = a.c.Tenants.Get(r.Context(), t.ID)
	created := errors.Is(err, tenant.ErrNotFound)
	if err != nil && !created {
		return err
	}
	if created && (creds.NetSuiteKeyPEM.IsZero() || creds.Cin7Key.IsZero()) {
		return invalid(errors.New("netsuite.private_key, cin7.application_key: a new tenant needs both"))
	}
	stored, err := a.c.Tenants.Apply(r.Context(), t, creds)
	if err != nil {
		return err
	}
	if err := a.c.Queue.Wake(r.Context(), t.ID, time.Time{}); err != nil {
		return err
	}
	v := view(stored)
	v.Document = &stored.Document
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, v)
	return nil
}

func (a *ops) deleteTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
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

func (a *ops) pingTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	checks := a.c.Ping(r.Context(), t)
	ok := true
	for _, c := range checks {
		ok = ok && c.OK
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": ok, "checks": checks})
	return nil
}

func (a *ops) pauseTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	const why = "paused by an operator"
	if err := a.c.Tenants.SetPaused(r.Context(), t.ID, why); err != nil {
		return err
	}
	if err := a.c.Queue.Pause(r.Context(), t.ID, why); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *ops) resumeTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if err := a.c.Tenants.SetPaused(r.Context(), t.ID, ""); err != nil {
		return err
	}
	if err := a.c.Queue.Resume(r.Context(), t.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *ops) pollTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if err := pollNow(r.Context(), a.c, t.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *ops) putMapping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := body(r)
	if err != nil {
		return err
	}
	var m tenant.Mapping
	if err := decode(b, &m); err != nil {
		return err
	}
	probe := *t
	probe.Sync.Mapping = m
	if err := probe.CheckSync(); err != nil {
		return invalid(err)
	}
	stored, err := a.c.Tenants.SetMapping(r.Context(), t.ID, m)
	if err != nil {
		return err
	}
	retried, err := a.records(t).Release(r.Context(), a.c.Queue, "the mapping was changed", state.MappingReasons[:]...)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"version": stored.Version, "mapping": stored.Sync.Mapping, "retried": retried})
	return nil
}

func (a *ops) listHooks(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	hooks, err := a.records(t).Hooks(r.Context(), 200)
	if err != nil {
		return err
	}
	type hookView struct {
		At       time.Time `json:"at"`
		Address  string    `json:"address"`
		Verdict  string    `json:"verdict"`
		Detail   string    `json:"detail,omitempty"`
		Accepted int       `json:"accepted"`
		Ignored  int       `json:"ignored"`
	}
	out := make([]hookView, 0, len(hooks))
	for _, h := range hooks {
		out = append(out, hookView(h))
	}
	writeJSON(w, http.StatusOK, map[string]any{"events": out})
	return nil
}
