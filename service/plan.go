package service

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// planner is a worker of its own that serves one plan; it takes no marks.
func planner(c Config, rooms Rooms) *handlers.Worker {
	return handlers.NewWorker(rooms.Queue, rooms.States, rooms.Tenants, rooms.Budget, nil, zap.NewNop(), prometheus.NewRegistry(),
		handlers.Options{Owner: owner() + "/plan", Settle: c.Settle(), Flags: true, Transport: transports(c.AllowPrivateEndpoints)})
}

// MaxPlanned is the most records that one plan is made for.
const MaxPlanned = 2000

// Unfinished are the records of a tenant that are not in step: what a plan is
// made for when nobody names a record. more says that there are others.
func Unfinished(ctx context.Context, rooms Rooms, t *tenant.Tenant) (refs []queue.Ref, more bool, err error) {
	for _, s := range []queue.State{queue.Pending, queue.Running, queue.Waiting, queue.Parked} {
		f := state.Filter{State: s, Limit: 1000}
		for {
			page, err := rooms.States.Tenant(t.ID).List(ctx, f)
			if err != nil {
				return nil, false, err
			}
			for _, r := range page.Records {
				if len(refs) == MaxPlanned {
					return refs, true, nil
				}
				refs = append(refs, r.Ref)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
	}
	return refs, false, nil
}

// Plan says what would be done for records of a tenant, with the stored
// credentials and within its budget of Cin7 calls.
func Plan(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, refs []queue.Ref) (*handlers.Plan, error) {
	return planner(c, rooms).Plan(ctx, t.ID, refs)
}

// Apply makes the calls of a plan and no others.
func Apply(ctx context.Context, c Config, rooms Rooms, p *handlers.Plan, say func(handlers.Call)) (handlers.Applied, error) {
	return planner(c, rooms).Apply(ctx, p, say)
}
