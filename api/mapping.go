package api

import (
	"errors"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/tenant"
)

// putMapping replaces the mapping section of a tenant, and takes up again what
// was parked for want of it.
func (a *ops) putMapping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxDocument, nil)
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
	out, err := a.desk().SetMapping(r.Context(), t, m, actor(r.Context()))
	switch {
	case errors.Is(err, tenant.ErrChanged):
		return problem(http.StatusConflict, "changed", "somebody else changed this tenant at the same moment: read the mapping again")
	case err != nil:
		return err
	}
	note(r, "version", strconv.FormatInt(out.Tenant.Version, 10))
	note(r, "retried", strconv.Itoa(out.Retried))
	if out.Late != nil {
		a.c.Log.Error("parked records are not all tried again with a new mapping; the lane takes them up", zap.String("tenant", t.ID), zap.Error(out.Late))
	}
	writeJSON(w, http.StatusOK, map[string]any{"version": out.Tenant.Version, "mapping": out.Tenant.Sync.Mapping, "retried": out.Retried})
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
