package api

import (
	"context"
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/queue"
)

// pingTimeout ends a ping before the listener's write timeout cuts the answer.
const pingTimeout = 25 * time.Second

type laneView struct {
	Waiting    int64      `json:"waiting"`
	Retries    int64      `json:"retries"`
	OldestMark *time.Time `json:"oldest_mark,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	Owner      string     `json:"owner,omitempty"`
}

func viewLane(l queue.Lane) *laneView {
	return &laneView{Waiting: l.Depth[queue.Live] + l.Depth[queue.Bulk], Retries: l.Due, OldestMark: moment(l.Oldest), DueAt: moment(l.DueAt), Owner: l.Owner}
}

// moment is a time in UTC; nil for the zero time and for one that never comes.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Year() > 9999 {
		return nil
	}
	t = t.UTC()
	return &t
}

func (a *ops) pingTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	checks := a.c.Ping(ctx, t)
	writeJSON(w, http.StatusOK, map[string]any{"ok": allOK(checks), "checks": checks})
	return nil
}

// examineTenant is the doctor's checklist. It takes some twenty calls, so that
// one at a time is made for a tenant.
func (a *ops) examineTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if _, busy := a.examined.LoadOrStore(t.ID, true); busy {
		p := problem(http.StatusServiceUnavailable, "busy", "this tenant is being examined already: try again when that is done")
		p.retryAfter = "10"
		return p
	}
	defer a.examined.Delete(t.ID)
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	checks := a.c.Doctor(ctx, t)
	writeJSON(w, http.StatusOK, map[string]any{"ok": allOK(checks), "checks": checks})
	return nil
}

func (a *ops) pauseTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	const why = "paused by an operator"
	// The lane first: that is what stops the writing.
	if err := a.c.Queue.Pause(r.Context(), t.ID, why); err != nil {
		return err
	}
	if err := a.c.Tenants.SetPaused(r.Context(), t.ID, why); err != nil {
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

// rebindTenant lets a tenant bind itself to the companies that it meets next.
func (a *ops) rebindTenant(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	bound, err := a.c.Tenants.Bound(r.Context(), t.ID)
	if err != nil {
		return err
	}
	if bound != nil {
		note(r, "was_bound_to", bound.String())
	}
	if err := a.c.Tenants.Rebind(r.Context(), t.ID); err != nil {
		return err
	}
	if err := a.c.Queue.Wake(r.Context(), t.ID, time.Time{}); err != nil {
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

// pollNow asks the tenant's lane for a poll.
func pollNow(ctx context.Context, c Config, tenantID string) error {
	if err := c.States.Tenant(tenantID).RequestPoll(ctx); err != nil {
		return err
	}
	return c.Queue.Wake(ctx, tenantID, time.Time{})
}
