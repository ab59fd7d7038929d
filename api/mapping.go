package api

import (
	"net/http"

	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// putMapping replaces the mapping section of a tenant, and takes up again what
// was parked for want of it.
func (a *ops) putMapping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxDocument)
	if err != nil {
		return err
	}
	dry, err := flag(r, "dry_run")
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
	if dry {
		ctx, end, err := a.long(w, r, t)
		if err != nil {
			return err
		}
		defer end()
		effect, err := a.c.MappingEffect(ctx, t, m)
		if err != nil {
			return upstream(err)
		}
		writeJSON(w, http.StatusOK, effect)
		return nil
	}
	stored, err := a.c.Tenants.SetMapping(tenant.By(r.Context(), actor(r.Context())), t.ID, m)
	if err != nil {
		return err
	}
	note(r, "changed", tenant.Changes(t, stored, tenant.Credentials{}))
	retried, err := a.records(t).Release(r.Context(), a.c.Queue, "the mapping was changed", state.MappingReasons[:]...)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"version": stored.Version, "mapping": stored.Sync.Mapping, "retried": retried})
	return nil
}

// getMapping shows the mapping with its versions, and what was posted under an
// older one.
func (a *ops) getMapping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	m, err := a.c.Mappings(r.Context(), t)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, m)
	return nil
}

// getAccounts shows the NetSuite accounts in use and the Cin7 account of each.
func (a *ops) getAccounts(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	ctx, end, err := a.long(w, r, t)
	if err != nil {
		return err
	}
	defer end()
	out, err := a.c.Accounts(ctx, t, r.URL.Query().Get("since"))
	if err != nil {
		return upstream(err)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// flag reads a query parameter that is true or false; false when it is absent.
func flag(r *http.Request, name string) (bool, error) {
	switch r.URL.Query().Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, problem(http.StatusBadRequest, "bad-request", name+" is true or false")
}
