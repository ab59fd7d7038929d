package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// counted counts the queries of NetSuite.
type counted struct {
	next http.Handler
	n    *atomic.Int64
}

func (c counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/suiteql") {
		c.n.Add(1)
	}
	c.next.ServeHTTP(w, r)
}

// polls measures what a poll costs that finds nothing, with simulators that
// answer at once: it is what a tenant at rest costs, every poll.every.
func (b *bench) polls(ctx context.Context) error {
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = world.NetSuite.Close() }()
	var queries atomic.Int64
	acme, err := b.company(ctx, world, counted{world.NetSuite, &queries}, world.Cin7)
	if err != nil {
		return err
	}
	defer acme.stop()
	q, recs := queue.New(acme.redis.rdb, queue.Options{}), state.New(acme.redis.rdb).Tenant("acme")
	poll := func() error {
		if err := recs.RequestPoll(ctx); err != nil {
			return err
		}
		if err := q.Wake(ctx, "acme", time.Time{}); err != nil {
			return err
		}
		return await(ctx, 30*time.Second, func() error {
			open, _, err := recs.Requested(ctx)
			if err == nil && open != "" {
				err = fmt.Errorf("the poll %s is not done", open)
			}
			return err
		})
	}
	for range 10 { // the first reads what the later ones know
		if err := poll(); err != nil {
			return err
		}
	}
	const n = 300
	cpu, asked := acme.p.cpu(), queries.Load()
	for range n {
		if err := poll(); err != nil {
			return err
		}
	}
	each := (acme.p.cpu() - cpu).Seconds() / n
	const every = 15 * time.Minute // poll.every by default
	b.say("   a poll that finds nothing: %.1f ms of the service, %.1f queries of NetSuite", 1000*each, float64(queries.Load()-asked)/n)
	b.table(table{Title: "A poll that finds nothing, of a tenant without records", Columns: []string{"service CPU", "queries of NetSuite", "10,000 tenants, every 15 min: polls/s", "of a core"},
		Rows: [][]string{{fmt.Sprintf("%.1f ms", 1000*each), fmt.Sprintf("%.1f", float64(queries.Load()-asked)/n), fmt.Sprintf("%.1f", 10_000/every.Seconds()), fmt.Sprintf("%.1f %%", 100*each*10_000/every.Seconds())}}})
	return nil
}
