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
	note(r, "changed", tenant.Changes(t, stored, tenant.Credentials{}))
	retried, err := a.records(t).Release(r.Context(), a.c.Queue, "the mapping was changed", state.MappingReasons[:]...)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"version": stored.Version, "mapping": stored.Sync.Mapping, "retried": retried})
	return nil
}
