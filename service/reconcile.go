package service

import (
	"context"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/tenant"
)

// Period is what to tie out.
type Period struct {
	From, To cin7.Date
	Deep     bool // see reconcile.Input
}

// Reconcile ties a tenant's books out with the stored credentials, within its
// budget of Cin7 calls. say is told how far it is; may be nil.
func Reconcile(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, p Period, say func(string, ...any)) (*reconcile.Report, error) {
	creds, err := rooms.Tenants.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	tr := Transports(c)
	ns, err := handlers.NetSuiteClient(t, creds, tr, nil, nil)
	if err != nil {
		return nil, err
	}
	c7, err := handlers.Cin7Client(t, creds, tr, nil, rooms.Budget.Patient(creds.Cin7Key, t.Cin7.CallsPerMinute, time.Now), nil, nil)
	if err != nil {
		return nil, err
	}
	return reconcile.Run(ctx, reconcile.Input{Tenant: t, NetSuite: ns, Cin7: c7, Records: rooms.States.Tenant(t.ID), From: p.From, To: p.To, Deep: p.Deep, Say: say})
}
