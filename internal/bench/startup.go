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

// tenants measures what tenants cost that have nothing to do, and whether
// those at work cost more beside them.
func (b *bench) tenants(ctx context.Context) error {
	t := table{Title: "The service with tenants that have nothing to do, and 100 of them at work", Columns: []string{"tenants", "idle: service CPU", "idle: Redis CPU", "idle: Redis commands/s", "service memory", "a turn of a busy one: us of both"}}
	type row struct{ cpu, turn float64 }
	rows := map[int]row{}
	ch := chart{File: "tenants", Title: "CPU of one turn of a busy tenant, 100 busy of so many", Unit: " us"}
	for _, n := range []int{1, 100, 1000, 10_000} {
		r, err := func() (row, error) {
			s, err := b.startRedis(ctx, 0, "--appendfsync", "no")
			if err != nil {
				return row{}, err
			}
			defer s.stop()
			keyset, _, err := b.tenantsFor(ctx, s, 0)
			if err != nil {
				return row{}, err
			}
			ids, err := many(ctx, s, keyset, n)
			if err != nil {
				return row{}, err
			}
			p, _, err := b.serve(ctx, s, keyset)
			if err != nil {
				return row{}, err
			}
			defer p.stop()
			// From after the work of the start on, and with one sweep in it.
			window := 5 * time.Second
			if n == 10_000 {
				window = 30 * time.Second
			}
			if err := wait(ctx, 2*time.Second); err != nil {
				return row{}, err
			}
			cpu, rcpu := p.cpu(), s.cpu()
			before, err := s.info(ctx, "stats", "total_commands_processed")
			if err != nil {
				return row{}, err
			}
			if err := wait(ctx, window); err != nil {
				return row{}, err
			}
			after, err := s.info(ctx, "stats", "total_commands_processed")
			if err != nil {
				return row{}, err
			}
			idle, ridle := float64(p.cpu()-cpu)/float64(window), float64(s.cpu()-rcpu)/float64(window)
			memory := p.resident()
			p.stop()
			turn, err := b.busy(ctx, s, ids[:min(busyTenants, n)])
			if err != nil {
				return row{}, err
			}
			t.Rows = append(t.Rows, []string{fmt.Sprint(n), fmt.Sprintf("%.2f %%", 100*idle), fmt.Sprintf("%.2f %%", 100*ridle), fmt.Sprintf("%.0f", (after-before)/window.Seconds()), fmt.Sprintf("%.0f MB", memory/(1<<20)), fmt.Sprintf("%.0f", turn)})
			b.say("   %5d tenants: idle %.2f %% of a core, Redis %.2f %%, %.0f commands/s, %.0f MB; a turn of a busy one %.0f us", n, 100*idle, 100*ridle, (after-before)/window.Seconds(), memory/(1<<20), turn)
			return row{idle, turn}, nil
		}()
		if err != nil {
			return err
		}
		rows[n] = r
		if n > 1 {
			ch.Bars = append(ch.Bars, bar{fmt.Sprint(n), r.turn, true})
		}
	}
	ratio := rows[10_000].turn / rows[100].turn
	b.goal("P8", "10,000 tenants, 100 busy: CPU of a turn against 100 tenants, all busy; idle service", "<= 1.1 x; < 1 % of a core", fmt.Sprintf("%.2f x; %.2f %% with 10,000 tenants, %.2f %% with 100", ratio, 100*rows[10_000].cpu, 100*rows[100].cpu), ratio <= 1.1 && rows[10_000].cpu < 0.01)
	b.table(t)
	b.chart(ch)
	return nil
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
func (b *bench) busy(ctx context.Context, s *server, ids []string) (float64, error) {
	q := queue.New(s.rdb, queue.Options{})
	turns := 0
	own, redis := ownCPU(), s.cpu()
	for end := time.Now().Add(time.Duration(b.seconds * float64(time.Second))); time.Now().Before(end); {
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
	return float64((ownCPU() - own + s.cpu() - redis).Microseconds()) / float64(turns), nil
}
