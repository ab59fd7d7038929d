package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

// Keys of another company stop a tenant wherever it meets them: before a poll
// of a lane without marks, before the first call of a plan, at `tenant ping`.
func TestSwappedKeysStopEveryPath(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.world.TellPast()
	e.open()
	c, err := service.Load("", e.settings())
	if err != nil {
		t.Fatal(err)
	}
	applied, err := e.rooms.Tenants.Apply(t.Context(), e.tenant, e.creds)
	if err != nil {
		t.Fatal(err)
	}
	vendors := []queue.Ref{{Type: "vendor", ID: "301"}}
	plan, err := service.Plan(t.Context(), c, e.rooms, applied, vendors)
	if err != nil || len(plan.Calls) == 0 {
		t.Fatalf("a plan of %v calls, %v", plan, err)
	}
	if err := e.rooms.Tenants.Bind(t.Context(), tenantID, tenant.Companies{NetSuite: distributor.NetSuiteAccount, Cin7: distributor.Cin7Account, Company: "Somebody Else Ltd"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Apply(t.Context(), c, e.rooms, plan, nil); err == nil || !strings.Contains(err.Error(), "no call was made") || !strings.Contains(err.Error(), "tenant rebind "+tenantID) {
		t.Errorf("a plan for another company: %v", err)
	}
	failed := ""
	for _, check := range service.PingTenant(t.Context(), e.rooms.Tenants, applied, service.Transports(c)) {
		if check.Failed() {
			failed += check.Name + ": " + check.Fix
		}
	}
	if failed != "companies: put the right credentials back or, if it is meant: ml-connector tenant rebind "+tenantID {
		t.Errorf("ping says %q", failed)
	}
	asked := len(e.world.NetSuite.Calls())
	e.start()
	e.poll()
	e.heldFor("is bound to", "Somebody Else Ltd", "tenant rebind "+tenantID)
	e.stop()
	if n := len(e.world.NetSuite.Calls()) - asked; n != 0 {
		t.Errorf("%d requests to NetSuite before anybody knew whose it is", n)
	}
	if len(e.outcomes()) != 0 || e.world.Cin7.Writes() != 0 {
		t.Errorf("%d records and %d writes of another company", len(e.outcomes()), e.world.Cin7.Writes())
	}
}
