package service

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// pollChore lets the lane poll at the start of its turn.
func pollChore(q *queue.Queue, log *zap.Logger) handlers.Chore {
	return func(ctx context.Context, j handlers.Job) (time.Time, error) {
		res, err := poller.Run(ctx, poller.Round{Tenant: j.Tenant, NetSuite: j.NetSuite, Records: j.Records, Queue: q, Fence: j.Fence, Now: j.Now})
		if res.Polled {
			log.Info("polled", zap.String("tenant", j.Tenant.ID), zap.String("why", res.Why), zap.Any("seen", res.Seen), zap.Any("marked", res.Marked), zap.Time("next", res.Next), zap.Error(err))
		}
		return res.Next, err
	}
}

// backfillChore lets the lane feed its backfill at the start of its turn.
func backfillChore(q *queue.Queue) handlers.Chore {
	return func(ctx context.Context, j handlers.Job) (time.Time, error) {
		return poller.Feed(ctx, poller.Round{Tenant: j.Tenant, NetSuite: j.NetSuite, Records: j.Records, Queue: q, Fence: j.Fence, Now: j.Now})
	}
}

// StartBackfill counts in NetSuite what a backfill would read, says what it
// costs and, unless dry, starts it.
func StartBackfill(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, in poller.BackfillRequest, dry bool) (poller.Backfill, error) {
	creds, err := rooms.Tenants.Open(ctx, t)
	if err != nil {
		return poller.Backfill{}, err
	}
	tr := Transports(c)
	tr.Budget = rooms.Budget
	ns, err := handlers.NetSuiteClient(t, creds, tr, nil, nil)
	if err != nil {
		return poller.Backfill{}, err
	}
	return poller.StartBackfill(ctx, t, ns, rooms.States.Tenant(t.ID), rooms.Queue, in, dry, time.Now())
}
