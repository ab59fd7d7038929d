package service

import (
	"context"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// clients builds both clients of a tenant with its stored credentials, for
// work that a person asked for. Calls to Cin7 come from the tenant's budget
// and wait for it.
func clients(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant) (*netsuite.Client, *cin7.Client, error) {
	creds, err := rooms.Tenants.Open(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	tr := Transports(c)
	tr.Budget = rooms.Budget
	ns, err := handlers.NetSuiteClient(t, creds, tr, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	c7, err := handlers.Cin7Client(t, creds, tr, nil, rooms.Budget.Patient(creds.Cin7Key, t.Cin7.CallsPerMinute, time.Now), nil, nil)
	return ns, c7, err
}
