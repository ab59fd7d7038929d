package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// receiving is a receiver with a Redis of its own.
type receiving struct {
	name  string
	redis *server
	p     *process
	paths string
	first int // of the next new records
	runs  map[string][]sample
}

// sample is one load.
type sample struct {
	loadResult
	service, redis float64 // us of a processor per request
}

// postingTenants are as many as post at once.
const postingTenants = 4

// receiver starts a receiver: the name is bare, door, group, xadd, alone, service or
// that of a peer.
func (b *bench) receiver(ctx context.Context, name string, sync time.Duration, env ...string) (*receiving, error) {
	r := &receiving{name: name, paths: "/", runs: map[string][]sample{}}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env = append(env, "MLC_PUBLIC_ADDR="+addr, "MLC_ROLES=api", "MLC_DRAIN_SECONDS=0")
	if name == "bare" {
		r.p, err = start(ctx, addr, env, b.self, "bare")
		return r, err
	}
	if r.redis, err = b.startRedis(ctx, sync); err != nil {
		return nil, err
	}
	ops, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env = append(env, "MLC_REDIS_URL=redis://"+r.redis.addr, "MLC_OPS_ADDR="+ops)
	keyset, ids, err := b.tenantsFor(ctx, r.redis, postingTenants)
	if err != nil {
		return nil, err
	}
	env = append(env, "MLC_KEYSET_FILE="+keyset)
	var paths []string
	for _, id := range ids {
		paths = append(paths, "/webhooks/netsuite/"+id+"?secret="+distributor.WebhookSecret)
	}
	r.paths = strings.Join(paths, ",")
	switch name {
	case "service":
		r.p, err = start(ctx, addr, env, b.program, "serve")
	case "asynq", "watermill":
		r.p, err = start(ctx, addr, env, b.peers, name)
	case "alone":
		r.p, err = start(ctx, addr, append(env, "BENCH_FLIGHTS=-1"), b.self, "receiver")
	case "flights":
		r.p, err = start(ctx, addr, env, b.self, "receiver")
	case "door":
		r.p, err = start(ctx, addr, env, b.self, "door")
	case "group", "xadd":
		r.p, err = start(ctx, addr, env, b.self, name)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	r.p.ops = ops
	return r, nil
}

func (r *receiving) stop() {
	r.p.stop()
	r.redis.stop()
}

// tenantsFor sets up tenants through the command line, as an operator does.
func (b *bench) tenantsFor(ctx context.Context, s *server, n int) (keyset string, ids []string, err error) {
	world, err := distributor.New(distributor.Options{})
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = world.NetSuite.Close() }()
	keyset = filepath.Join(s.dir, "keyset.json")
	if err := b.command(ctx, s, keyset, "keys", "init"); err != nil {
		return "", nil, err
	}
	for i := range n {
		id := fmt.Sprintf("tenant%d", i)
		// Nothing listens there: only the receiver runs.
		if err := b.apply(ctx, s, keyset, id, world.Tenant(id, "http://127.0.0.1:1", "http://127.0.0.1:1", "INVOICE")); err != nil {
			return "", nil, err
		}
		ids = append(ids, id)
	}
	return keyset, ids, nil
}

// apply sets a tenant up.
func (b *bench) apply(ctx context.Context, s *server, keyset, id, document string) error {
	file := filepath.Join(s.dir, id+".yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		return err
	}
	return b.command(ctx, s, keyset, "tenant", "apply", "-f", file, "--yes", "--no-ping")
}

// command runs the command line of the service.
func (b *bench) command(ctx context.Context, s *server, keyset string, args ...string) error {
	c := exec.CommandContext(ctx, b.program, args...)
	c.Env = append(os.Environ(), "MLC_REDIS_URL=redis://"+s.addr, "MLC_KEYSET_FILE="+keyset, "MLC_ALLOW_PRIVATE_ENDPOINTS=true")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("ml-connector %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// load sends posts and keeps what it cost under a name.
func (b *bench) load(ctx context.Context, r *receiving, name string, conns int, shape string) error {
	l := load{addr: r.p.addr, paths: r.paths, conns: conns, seconds: b.seconds, shape: shape, first: r.first}
	cpu, redis := r.p.cpu(), time.Duration(0)
	if r.redis != nil {
		redis = r.redis.cpu()
	}
	res, err := b.drive(ctx, l)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	if res.Failed > 0 {
		return fmt.Errorf("%s: %d of %d posts were not answered 202", r.name, res.Failed, res.Requests)
	}
	// The warm-up costs as much as the rest.
	posts := float64(res.Requests) * (res.Seconds + warmUp.Seconds()) / res.Seconds
	s := sample{loadResult: res, service: float64((r.p.cpu() - cpu).Microseconds()) / posts}
	if r.redis != nil {
		s.redis = float64((r.redis.cpu() - redis).Microseconds()) / posts
	}
	r.first += int(2 * posts)
	r.runs[name] = append(r.runs[name], s)
	return nil
}

// of is the median run of a name by its rate.
func (r *receiving) of(name string) sample {
	runs := slices.Clone(r.runs[name])
	slices.SortFunc(runs, func(a, b sample) int { return int(a.rate() - b.rate()) })
	if len(runs) == 0 {
		return sample{}
	}
	return runs[len(runs)/2]
}

// turns runs a load on all receivers in turn, so that each round sees the same
// machine.
func (b *bench) turns(ctx context.Context, all []*receiving, name string, conns int, shape string) error {
	for range b.rounds {
		for _, r := range all {
			if err := b.load(ctx, r, name, conns, shape); err != nil {
				return err
			}
		}
	}
	for _, r := range all {
		s := r.of(name)
		b.say("   %-22s %-24s %7.0f req/s  p50 %6.2f ms  p99 %6.2f ms  %5.1f us service  %5.1f us Redis", r.name, name, s.rate(), s.P50, s.P99, s.service, s.redis)
	}
	return nil
}

func conns(n int) string { return strconv.Itoa(n) + " connections" }
