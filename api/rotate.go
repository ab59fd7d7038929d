package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

// rotation is the body of :rotate-secret; an empty body adds a secret.
type rotation struct {
	RetireOld bool `json:"retire_old"`
	Force     bool `json:"force"` // although the old one is still in use
}

// rotateSecret adds a second live webhook secret and shows it this once, or
// ends the old one.
func (a *ops) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxDocument, nil)
	if err != nil {
		return err
	}
	var in rotation
	if len(b) > 0 {
		if err := decode(b, &in); err != nil {
			return err
		}
	}
	if in.RetireOld {
		return a.retireSecret(w, r, t, in.Force)
	}
	t, fresh, err := a.c.Tenants.RotateSecret(r.Context(), t.ID)
	if err != nil {
		return rotationProblem(err)
	}
	name, err := a.fingerprint(r, fresh)
	if err != nil {
		return err
	}
	note(r, "new_secret", name)
	writeJSON(w, http.StatusOK, map[string]any{"version": t.Version, "fingerprint": name, "secret": fresh.Reveal(),
		"path": HookPath(t.ID) + "?secret=" + fresh.Reveal()})
	return nil
}

func (a *ops) fingerprint(r *http.Request, s secret.String) (string, error) {
	dep, err := a.c.Tenants.Deployment(r.Context())
	if err != nil {
		return "", err
	}
	return secret.Fingerprint(dep, s), nil
}

// HookPath is where a tenant's webhooks are posted to.
func HookPath(tenantID string) string { return "/webhooks/netsuite/" + tenantID }

func (a *ops) retireSecret(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, force bool) error {
	old, err := a.c.Tenants.LookAtOldSecret(r.Context(), t.ID, time.Now())
	if err != nil {
		return rotationProblem(err)
	}
	if old.Warning != "" && !force {
		return problem(http.StatusConflict, "secret-in-use", old.Warning+"; to end it all the same send force: true")
	}
	if t, err = a.c.Tenants.RetireOldSecret(r.Context(), t.ID); err != nil {
		return rotationProblem(err)
	}
	note(r, "ended_secret", old.Old.Name)
	note(r, "forced", strconv.FormatBool(force))
	writeJSON(w, http.StatusOK, map[string]any{"version": t.Version, "ended": old.Old.Name, "fingerprint": old.New.Name})
	return nil
}

func rotationProblem(err error) error {
	switch {
	case errors.Is(err, tenant.ErrTwoSecrets):
		return problem(http.StatusConflict, "two-secrets", tenant.ErrTwoSecrets.Error())
	case errors.Is(err, tenant.ErrOneSecret):
		return problem(http.StatusConflict, "one-secret", tenant.ErrOneSecret.Error())
	case errors.Is(err, tenant.ErrChanged):
		return problem(http.StatusConflict, "changed", tenant.ErrChanged.Error())
	}
	return err
}
