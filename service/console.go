package service

import (
	"context"
	"net/http"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/console/idp"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// newConsole wires the web console: what it asks of the two systems goes out
// within the tenant's budget.
func newConsole(c Config, rooms Rooms, reading *reads, rdb redis.UniversalClient, guesses *api.Guesses, tokens func() api.Tokens, identity *idp.Provider, log *zap.Logger) http.Handler {
	tr := transports(c.AllowPrivateEndpoints)
	return console.New(console.Config{
		Audit: rooms.Audit, Queue: rooms.Queue, States: rooms.States, Tenants: rooms.Tenants, Tokens: tokens, Guesses: guesses, Identity: identity, Seal: rooms.keyset, Reasons: mlconnector.ParkedReasons, Log: log,
		Shows: func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error) {
			return Shows(ctx, c, rooms, t, k)
		},
		Ping: func(ctx context.Context, t *tenant.Tenant) []api.Check { return PingTenant(ctx, rooms.Tenants, t, tr) },
		StartBackfill: func(ctx context.Context, t *tenant.Tenant, in poller.BackfillRequest, dry bool) (poller.Backfill, error) {
			return StartBackfill(ctx, c, rooms, t, in, dry)
		},
		Doctor: func(ctx context.Context, t *tenant.Tenant) []api.Check {
			return Doctor(ctx, Examination{Rooms: rooms, Redis: rdb, Transports: tr, PublicURL: c.PublicURL}, t)
		},
		Budget: func(ctx context.Context, t *tenant.Tenant) (int, error) {
			creds, err := rooms.Tenants.Open(ctx, t)
			if err != nil {
				return 0, err
			}
			return rooms.Budget.LeftOfMinute(ctx, t, creds)
		},
		Sides: func(ctx context.Context, t *tenant.Tenant, rec state.Record) ([]handlers.Side, error) {
			return reading.Sides(ctx, c, rooms, t, rec)
		},
		Accounts: func(ctx context.Context, t *tenant.Tenant, m tenant.Mapping) (console.Accounts, error) {
			u, err := reading.Usage(ctx, c, rooms, t, "")
			if err != nil {
				return console.Accounts{}, err
			}
			return consoleAccounts(u, t, m), nil
		},
		Names: func(ctx context.Context, t *tenant.Tenant) (console.Names, error) {
			n, err := reading.Names(ctx, c, rooms, t)
			if err != nil {
				return console.Names{}, err
			}
			return console.Names{Currency: n.Currency, Tables: map[string][]string{"tax": n.Taxes, "terms": n.Terms, "locations": n.Locations, "charges": n.Services}}, nil
		},
		Reconcile: func(ctx context.Context, t *tenant.Tenant, from, to string) (*reconcile.Report, error) {
			if from == "" && to == "" {
				b, err := rooms.States.Tenant(t.ID).LastTieOut(ctx)
				if err != nil {
					return nil, err
				}
				return reconcile.Read(b)
			}
			return reading.Reconcile(ctx, c, rooms, t, from, to, 0)
		},
		Report: func(ctx context.Context, t *tenant.Tenant, from, to string) (*reconcile.Report, error) {
			return reading.Reconcile(ctx, c, rooms, t, from, to, reportAge)
		},
	})
}
