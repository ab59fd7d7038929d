package service_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
)

// The service ties the books out by itself in the lane, keeps the report, and
// feeds the metric; the ops API shows it, and makes a new one on demand.
func TestBooksAreTiedOutAtNight(t *testing.T) {
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.world.TellPast()
	e.start()
	e.apply()
	e.await(60*time.Second, func() []string {
		wm, err := e.rooms.States.Tenant(tenantID).Watermarks(t.Context())
		if err != nil || wm[state.TieOutNext] == "" {
			return []string{"no tie-out is planned"}
		}
		return nil
	})
	e.tellLive(1)
	e.allWell()
	if code := e.status("/api/v1/tenants/" + tenantID + "/reconciliation"); code != http.StatusNotFound {
		t.Errorf("before the first night: %d, want 404", code)
	}
	// The night has come.
	recs := e.rooms.States.Tenant(tenantID)
	if err := e.rdb.HSet(t.Context(), "mlc:{"+tenantID+"}:wm", state.TieOutNext, "2026-11-01T02:00:00Z").Err(); err != nil {
		t.Fatal(err)
	}
	if err := e.rooms.Queue.Wake(t.Context(), tenantID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	e.await(60*time.Second, func() []string {
		if _, err := recs.LastTieOut(t.Context()); err != nil {
			return []string{err.Error()}
		}
		return nil
	})
	var kept reconcile.Report
	if err := json.Unmarshal([]byte(e.get("/api/v1/tenants/"+tenantID+"/reconciliation")), &kept); err != nil {
		t.Fatal(err)
	}
	if !kept.OK || kept.Period.From < "2026-11-01" { // sync.start
		t.Errorf("kept: ok %v, from %s", kept.OK, kept.Period.From)
	}
	if !strings.Contains(e.get("/api/v1/tenants/"+tenantID+"/reconciliation?format=html"), "<title>Reconciliation of") {
		t.Error("no page to print")
	}
	var fresh reconcile.Report
	if err := json.Unmarshal([]byte(e.get("/api/v1/tenants/"+tenantID+"/reconciliation?from=2026-11-01&to=2026-11-30")), &fresh); err != nil {
		t.Fatal(err)
	}
	if !fresh.OK || fresh.Totals.NetSuite.IsZero() {
		t.Errorf("fresh: ok %v, total %s", fresh.OK, fresh.Totals.NetSuite)
	}
	if code := e.status("/api/v1/tenants/" + tenantID + "/reconciliation?from=2026-13-01&to=2026-11-30"); code != http.StatusUnprocessableEntity {
		t.Errorf("no such month: %d, want 422", code)
	}
	if got := e.scrape()["mlc_tieout_unexplained_minor_units"]; got == nil || got.GetMetric()[0].GetGauge().GetValue() != 0 {
		t.Errorf("the metric tells %v, want 0", got)
	}
	wm, err := recs.Watermarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339, wm[state.TieOutNext]); err != nil || !at.After(time.Now()) {
		t.Errorf("the next one is planned for %s", wm[state.TieOutNext])
	}
}

func TestNightlyPeriod(t *testing.T) {
	for now, want := range map[string]service.Period{
		"2026-11-15T02:10:00Z": {From: "2026-10-01", To: "2026-11-16"},
		"2027-01-01T00:00:00Z": {From: "2026-12-01", To: "2027-01-02"},
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		e := newEnv(t, distributor.Options{}, "INVOICE")
		e.tenant.StartDate = ""
		if got := service.NightlyPeriod(e.tenant, at); got != want {
			t.Errorf("%s: got %v, want %v", now, got, want)
		}
		e.tenant.StartDate = string(want.To)
		if got := service.NightlyPeriod(e.tenant, at); got.From != want.To {
			t.Errorf("%s: starts %s, before sync.start", now, got.From)
		}
	}
}

// status asks for a page of the ops listener and returns the answer's status.
func (e *env) status(path string) int {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.ops+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// A schedule that is off makes no plan, and one that was changed counts at once.
func TestNightlySchedule(t *testing.T) {
	e := newEnv(t, distributor.Options{}, "INVOICE")
	now := time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)
	chore := service.NightlyChore(zap.NewNop())
	e.tenant.Reconcile.Every = "off"
	if next, err := chore(t.Context(), handlers.Job{Tenant: e.tenant, Now: now}); err != nil || !next.IsZero() {
		t.Errorf("off: %v %v", next, err)
	}
	e.tenant.Reconcile.Every = ""
	next := e.tenant.ReconcileSchedule()(now)
	if h := next.Hour(); h < 2 || h > 3 || next.Day() != 16 {
		t.Errorf("by default at %s, want the next night between 2 and 4", next)
	}
}
