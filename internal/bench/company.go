package main

import (
	"context"
	"net/http"
	"net/http/httptest"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// company is the service with one tenant, acme, and its two systems.
type company struct {
	redis   *server
	ns, cin *httptest.Server
	p       *process
}

func (c *company) stop() {
	if c.p != nil {
		c.p.stop()
	}
	c.ns.Close()
	c.cin.Close()
	c.redis.stop()
}

// company starts the service for a world, whose systems are reached through
// two handlers.
func (b *bench) company(ctx context.Context, world *distributor.World, ns, cin http.Handler) (*company, error) {
	s, err := b.startRedis(ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &company{redis: s, ns: httptest.NewServer(ns), cin: httptest.NewServer(cin)}
	if err := b.employ(ctx, c, world); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// employ applies the tenant and starts the service.
func (b *bench) employ(ctx context.Context, c *company, world *distributor.World) error {
	keyset, _, err := b.tenantsFor(ctx, c.redis, 0)
	if err != nil {
		return err
	}
	if err := b.apply(ctx, c.redis, keyset, "acme", world.Tenant("acme", c.ns.URL, c.cin.URL, "INVOICE")); err != nil {
		return err
	}
	c.p, _, err = b.serve(ctx, c.redis, keyset, "MLC_SETTLE_SECONDS=1")
	return err
}
