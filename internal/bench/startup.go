package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// start measures the built program from its start until it is ready, and what
// it takes when it has nothing to do.
func (b *bench) start(ctx context.Context) error {
	s, err := b.startRedis(ctx, 0)
	if err != nil {
		return err
	}
	defer s.stop()
	keyset, _, err := b.tenantsFor(ctx, s, 1)
	if err != nil {
		return err
	}
	// Its only poll would meet nobody.
	if err := s.rdb.ZAdd(ctx, queue.KeyLanes, redis.Z{Score: float64(time.Now().Add(time.Hour).UnixMilli()), Member: "tenant0"}).Err(); err != nil {
		return err
	}
	var took []time.Duration
	var resident float64
	for range 2*b.rounds - 1 {
		p, d, err := b.serve(ctx, s, keyset)
		if err != nil {
			return err
		}
		took = append(took, d)
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
		resident = max(resident, p.resident())
		p.stop()
	}
	slices.Sort(took)
	file, err := os.Stat(b.program)
	if err != nil {
		return err
	}
	ready, size := took[len(took)/2], float64(file.Size())
	b.goal("P15", "start to ready; idle memory; binary", "<= 300 ms; <= 30 MB; <= 30 MB", fmt.Sprintf("%d ms; %.1f MB; %.1f MB", ready.Milliseconds(), resident/(1<<20), size/(1<<20)),
		ready <= 300*time.Millisecond && resident <= 30<<20 && size <= 30<<20)
	return nil
}

// serve runs the whole service until it is ready, and says how long it took.
func (b *bench) serve(ctx context.Context, s *server, keyset string, more ...string) (*process, time.Duration, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, 0, err
	}
	ops, err := freeAddress()
	if err != nil {
		return nil, 0, err
	}
	env := []string{"MLC_REDIS_URL=redis://" + s.addr, "MLC_KEYSET_FILE=" + keyset, "MLC_PUBLIC_ADDR=" + public, "MLC_OPS_ADDR=" + ops, "MLC_ALLOW_PRIVATE_ENDPOINTS=true", "MLC_DRAIN_SECONDS=0", "MLC_TENANT_METRICS=false"}
	env = append(env, more...)
	began := time.Now()
	p, err := start(ctx, public, env, b.program, "serve")
	if err != nil {
		return nil, 0, err
	}
	p.ops = ops
	client := &http.Client{Timeout: 5 * time.Second}
	err = await(ctx, 20*time.Second, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", res.Status)
		}
		return nil
	})
	if err != nil {
		p.stop()
		return nil, 0, err
	}
	return p, time.Since(began), nil
}

// many sets up tenants whose next poll is far away.
func many(ctx context.Context, s *server, keyset string, n int) ([]string, error) {
	ks, err := secret.Load(secret.Source{File: keyset})
	if err != nil {
		return nil, err
	}
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = world.NetSuite.Close() }()
	store := tenant.NewStore(s.rdb, ks)
	var ids []string
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(16)
	for i := range n {
		id := fmt.Sprintf("t%05d", i)
		ids = append(ids, id)
		g.Go(func() error {
			t, creds, err := tenant.ParseYAML([]byte(world.Tenant(id, "http://127.0.0.1:1", "http://127.0.0.1:1", "INVOICE")), tenant.Options{AllowPrivateEndpoints: true})
			if err != nil {
				return err
			}
			mu.Lock() // keys of the tenants are made one after the other anyhow
			defer mu.Unlock()
			_, err = store.Apply(ctx, t, creds)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	p := s.rdb.Pipeline()
	for _, id := range ids {
		p.ZAdd(ctx, queue.KeyLanes, redis.Z{Score: float64(time.Now().Add(time.Hour).UnixMilli()), Member: id})
	}
	_, err = p.Exec(ctx)
	return ids, err
}

// busyTenants of all are at work at once.
const busyTenants = 100

// crowd is an installation with so many tenants.
type crowd struct {
	*server
	keyset string
	ids    []string
	queue  *queue.Queue
	idle   float64   // cores that the service takes
	turns  []float64 // us of CPU that a turn of a busy tenant took
}

// turn is the median of the turns.
func (c *crowd) turn() float64 {
	return slices.Sorted(slices.Values(c.turns))[len(c.turns)/2]
}

func (b *bench) crowd(ctx context.Context, n int) (*crowd, error) {
	s, err := b.startRedis(ctx, 0, "--appendfsync", "no")
	if err != nil {
		return nil, err
	}
	c := &crowd{server: s, queue: queue.New(s.rdb, queue.Options{})}
	if c.keyset, _, err = b.tenantsFor(ctx, s, 0); err == nil {
		c.ids, err = many(ctx, s, c.keyset, n)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return c, nil
}

// tenants measures what tenants cost that have nothing to do, and whether
// those at work cost more beside them.
func (b *bench) tenants(ctx context.Context) error {
	t := table{Title: "The service with tenants that have nothing to do, and 100 of them at work", Columns: []string{"tenants", "idle: service CPU", "idle: Redis CPU", "idle: Redis commands/s", "service memory", "a turn of a busy one: us of both"}}
	ch := chart{File: "tenants", Title: "CPU of one turn of a busy tenant, 100 busy of so many", Unit: " us"}
	sizes := []int{1, 100, 1000, 10_000}
	crowds := map[int]*crowd{}
	for _, n := range sizes {
		c, err := b.crowd(ctx, n)
		if err != nil {
			return err
		}
		defer c.stop()
		row, err := b.idle(ctx, c)
		if err != nil {
			return err
		}
		crowds[n], t.Rows = c, append(t.Rows, row)
	}
	// In short turns, for the machine is not the same from one second to the
	// next.
	for range 16*b.rounds + 1 {
		for _, n := range sizes {
			c := crowds[n]
			turn, err := c.busy(ctx, time.Duration(b.seconds/8*float64(time.Second)))
			if err != nil {
				return err
			}
			c.turns = append(c.turns, turn)
		}
	}
	for i, n := range sizes {
		turn := crowds[n].turn()
		t.Rows[i] = append(t.Rows[i], fmt.Sprintf("%.0f", turn))
		b.say("   %5d tenants: a turn of a busy one %.0f us", n, turn)
		if n > 1 {
			ch.Bars = append(ch.Bars, bar{fmt.Sprint(n), turn, true})
		}
	}
	few, all := crowds[100], crowds[10_000]
	ratio := all.turn() / few.turn()
	b.goal("P8", "10,000 tenants, 100 busy: CPU of a turn against 100 tenants, all busy; idle service between polls", "<= 1.1 x; < 1 % of a core", fmt.Sprintf("%.2f x; %.2f %% with 10,000 tenants, %.2f %% with 100", ratio, 100*all.idle, 100*few.idle), ratio <= 1.1 && all.idle < 0.01)
	b.table(t)
	b.chart(ch)
	return nil
}

// idle runs the service while nothing is to be done, and returns what it took.
func (b *bench) idle(ctx context.Context, c *crowd) (row []string, err error) {
	n := len(c.ids)
	p, _, err := b.serve(ctx, c.server, c.keyset)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	// From after the work of the start on, and with one sweep in it.
	if err := wait(ctx, 2*time.Second); err != nil {
		return nil, err
	}
	const window = 30 * time.Second
	cpu, rcpu := p.cpu(), c.cpu()
	before, err := c.info(ctx, "stats", "total_commands_processed")
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, window); err != nil {
		return nil, err
	}
	after, err := c.info(ctx, "stats", "total_commands_processed")
	if err != nil {
		return nil, err
	}
	c.idle = float64(p.cpu()-cpu) / float64(window)
	redis, commands, memory := float64(c.cpu()-rcpu)/float64(window), (after-before)/window.Seconds(), p.resident()
	b.say("   %5d tenants: idle %.2f %% of a core, Redis %.2f %%, %.0f commands/s, %.0f MB", n, 100*c.idle, 100*redis, commands, memory/(1<<20))
	return []string{fmt.Sprint(n), fmt.Sprintf("%.2f %%", 100*c.idle), fmt.Sprintf("%.2f %%", 100*redis), fmt.Sprintf("%.0f", commands), fmt.Sprintf("%.0f MB", memory/(1<<20))}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// busy lets tenants take turns with a mark each, and returns the CPU of one
// turn, of this process and of Redis, in us.
func (c *crowd) busy(ctx context.Context, long time.Duration) (float64, error) {
	q, ids := c.queue, c.ids[:min(busyTenants, len(c.ids))]
	turns := 0
	own, redis := ownCPU(), c.cpu()
	for end := time.Now().Add(long); time.Now().Before(end); {
		for i, id := range ids {
			if _, err := q.Mark(ctx, id, queue.Live, marks(1+i, 1)...); err != nil {
				return 0, err
			}
		}
		for range ids {
			turn, err := q.Claim(ctx, "bench")
			if err != nil {
				return 0, err
			}
			if turn == nil {
				break
			}
			got, err := turn.Take(ctx, 50)
			if err != nil {
				return 0, err
			}
			if err := turn.Extend(ctx); err != nil {
				return 0, err
			}
			if err := turn.Settle(ctx, settled(got)...); err != nil {
				return 0, err
			}
			if err := turn.Release(ctx, time.Now().Add(time.Hour), time.Time{}); err != nil {
				return 0, err
			}
			turns++
		}
	}
	return float64((ownCPU() - own + c.cpu() - redis).Microseconds()) / float64(turns), nil
}
