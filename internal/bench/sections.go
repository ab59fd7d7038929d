package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// receive measures the receive path against a bare server and against peers.
func (b *bench) receive(ctx context.Context) error {
	var all []*receiving
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	names := []string{"bare", "service", "asynq", "watermill"}
	for _, name := range names {
		r, err := b.receiver(ctx, name, 0)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if err := b.turns(ctx, all[:1], "warm-up", 64, "spread"); err != nil {
		return err
	}
	for _, c := range []int{16, 64, 256} {
		if err := b.turns(ctx, all, conns(c), c, "spread"); err != nil {
			return err
		}
	}
	bare, ours, asynq, watermill := all[0], all[1], all[2], all[3]
	mallocs, bytes, n, err := b.allocations(ctx, ours)
	if err != nil {
		return err
	}
	const allNew = "64, every record new"
	if err := b.turns(ctx, all, allNew, 64, "new"); err != nil {
		return err
	}
	ratio := func(a, of *receiving, name string) float64 { return a.of(name).rate() / of.of(name).rate() }
	c64, c256 := conns(64), conns(256)
	b.goal("P1", "webhook receive, durable, against a bare server", ">= 45 % at 64 and 256 connections",
		fmt.Sprintf("%.0f %% at 64 (%.0f of %.0f/s), %.0f %% at 256 (%.0f of %.0f/s); if every record is new %.0f %% at 64", 100*ratio(ours, bare, c64), ours.of(c64).rate(), bare.of(c64).rate(), 100*ratio(ours, bare, c256), ours.of(c256).rate(), bare.of(c256).rate(), 100*ratio(ours, bare, allNew)),
		ratio(ours, bare, c64) >= 0.45 && ratio(ours, bare, c256) >= 0.45)
	o, a, w := ours.of(c64), asynq.of(c64), watermill.of(c64)
	b.goal("P2", "the same against asynq and watermill-redisstream, 64 connections", ">= 1.9 x and 1.7 x, lower p99, at most half their CPU",
		fmt.Sprintf("%.2f x and %.2f x; p99 %.1f ms against %.1f and %.1f; service CPU %.0f us against %.0f and %.0f; if every record is new %.2f x and %.2f x", o.rate()/a.rate(), o.rate()/w.rate(), o.P99, a.P99, w.P99, o.service, a.service, w.service, ratio(ours, asynq, allNew), ratio(ours, watermill, allNew)),
		o.rate() >= 1.9*a.rate() && o.rate() >= 1.7*w.rate() && o.P99 < min(a.P99, w.P99) && o.service <= 0.5*min(a.service, w.service))
	b.goal("P4", "allocations per webhook in the service", "<= 35, <= 4 KB beyond the body", fmt.Sprintf("%.0f, %.1f KB with the body of 1 KB (%d webhooks)", mallocs, bytes/1024, n), mallocs <= 35 && bytes <= 5*1024)
	t := table{Title: "Webhooks received, `appendfsync always`, any of 10,000 records of four tenants; in the last rows every record is new", Columns: []string{"receiver", "connections", "req/s", "of bare", "p50 ms", "p99 ms", "service us", "Redis us"}}
	row := func(r *receiving, name, label string) {
		s := r.of(name)
		t.Rows = append(t.Rows, []string{r.name, label, fmt.Sprintf("%.0f", s.rate()), fmt.Sprintf("%.0f %%", 100*s.rate()/bare.of(name).rate()), fmt.Sprintf("%.1f", s.P50), fmt.Sprintf("%.1f", s.P99), fmt.Sprintf("%.0f", s.service), fmt.Sprintf("%.0f", s.redis)})
	}
	for _, c := range []int{16, 64, 256} {
		ch := chart{File: "receive-" + strconv.Itoa(c), Title: fmt.Sprintf("Webhooks received per second, %d connections", c), Unit: "/s"}
		for _, r := range all {
			row(r, conns(c), strconv.Itoa(c))
			ch.Bars = append(ch.Bars, bar{r.name, r.of(conns(c)).rate(), r == ours})
		}
		b.chart(ch)
	}
	for _, r := range all {
		row(r, allNew, "64, new")
	}
	b.table(t)
	return b.parts(ctx, bare, ours)
}

// parts measures what limits the receive path: the door without the queue, the
// queue without HTTP, and both as plain as can be.
func (b *bench) parts(ctx context.Context, bare, ours *receiving) error {
	door, err := b.receiver(ctx, "door", 0)
	if err != nil {
		return err
	}
	defer door.stop()
	group, err := b.receiver(ctx, "group", 0)
	if err != nil {
		return err
	}
	defer group.stop()
	t := table{Title: "What a webhook is made of: the door alone keeps nothing, the queue alone is marked by as many callers without HTTP; plain group commit is that door and four flushers that add every webhook", Columns: []string{"part", "at once", "/s", "of bare", "service us", "Redis us"}}
	for _, c := range []int{64, 256} {
		if err := b.turns(ctx, []*receiving{door, group}, conns(c), c, "spread"); err != nil {
			return err
		}
		queue, err := b.queueAlone(ctx, c)
		if err != nil {
			return err
		}
		for _, r := range []struct {
			name string
			sample
		}{{"bare server", bare.of(conns(c))}, {"door alone", door.of(conns(c))}, {"queue alone", queue}, {"plain group commit", group.of(conns(c))}, {"service", ours.of(conns(c))}} {
			t.Rows = append(t.Rows, []string{r.name, strconv.Itoa(c), fmt.Sprintf("%.0f", r.rate()), fmt.Sprintf("%.0f %%", 100*r.rate()/bare.of(conns(c)).rate()), fmt.Sprintf("%.0f", r.service), fmt.Sprintf("%.0f", r.redis)})
		}
	}
	b.table(t)
	return nil
}

// allocations counts what one webhook allocates in the service.
func (b *bench) allocations(ctx context.Context, r *receiving) (mallocs, bytes float64, n int, err error) {
	read := func() (out [3]float64) {
		for i, name := range []string{"go_memstats_mallocs_total", "go_memstats_alloc_bytes_total", `mlc_webhook_requests_total{result="accepted"}`} {
			var e error
			if out[i], e = r.p.metric(ctx, name); e != nil && err == nil {
				err = e
			}
		}
		return out
	}
	before := read()
	if err := b.load(ctx, r, "allocations", 64, "spread"); err != nil {
		return 0, 0, 0, err
	}
	after := read()
	posts := after[2] - before[2]
	return (after[0] - before[0]) / posts, (after[1] - before[1]) / posts, int(posts), err
}

// profile measures what a webhook costs the service, and writes where it goes:
// BENCH_PROFILE.cpu and BENCH_PROFILE.cpu.allocs, for go tool pprof.
func (b *bench) profile(ctx context.Context) error {
	out := os.Getenv("BENCH_PROFILE")
	if out == "" {
		out = filepath.Join(os.TempDir(), "bench")
	}
	plain, err := b.receiver(ctx, "service", 0)
	if err != nil {
		return err
	}
	defer plain.stop()
	if err := b.turns(ctx, []*receiving{plain}, conns(64), 64, "spread"); err != nil {
		return err
	}
	mallocs, bytes, n, err := b.allocations(ctx, plain)
	if err != nil {
		return err
	}
	b.say("   %.1f allocations, %.2f KB for each of %d webhooks", mallocs, bytes/1024, n)
	r, err := b.receiver(ctx, "flights", 0, "BENCH_FLIGHTS=0", "BENCH_PROFILE="+out+".cpu")
	if err != nil {
		return err
	}
	defer r.stop()
	if err := b.turns(ctx, []*receiving{r}, conns(64), 64, "spread"); err != nil {
		return err
	}
	if err := r.p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.p.cmd.Wait()
}

// slowDisk measures the receive path on a disk whose fsync takes 5 ms longer.
func (b *bench) slowDisk(ctx context.Context) error {
	if b.slowSync == "" {
		b.goal("P1b", "the same on a slow disk", "see above", "not measured: there is no C compiler", false)
		return nil
	}
	var all []*receiving
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	const late = 5 * time.Millisecond
	for _, c := range []struct{ name, label, env string }{{"service", "service", ""}, {"xadd", "one XADD, pool of 256", "BENCH_POOL=256"}, {"xadd", "one XADD, pool of 20", "BENCH_POOL=20"}} {
		r, err := b.receiver(ctx, c.name, late, c.env)
		if err != nil {
			return err
		}
		r.name = c.label
		all = append(all, r)
	}
	if f := os.Getenv("BENCH_TRY_FLIGHTS"); f != "" { // to decide by measuring
		for _, n := range tryFlights {
			r, err := b.receiver(ctx, "flights", late, "BENCH_FLIGHTS="+n)
			if err != nil {
				return err
			}
			r.name = n + " flights"
			all = append(all, r)
		}
	}
	const mixed, allNew = "slow disk", "slow disk, every record new"
	if err := b.turns(ctx, all, mixed, 256, "spread"); err != nil {
		return err
	}
	if err := b.turns(ctx, all, allNew, 256, "new"); err != nil {
		return err
	}
	ours, wide, narrow := all[0].of(mixed), all[1].of(mixed), all[2].of(mixed)
	newRate := all[0].of(allNew).rate()
	b.goal("P1b", "the same, 256 connections, every fsync 5 ms longer, against one XADD per request", ">= 1.0 x over a pool of 256, >= 4 x over 20",
		fmt.Sprintf("%.2f x and %.1f x (%.0f, %.0f, %.0f/s); if every record is new %.2f x and %.1f x (%.0f/s)", ours.rate()/wide.rate(), ours.rate()/narrow.rate(), ours.rate(), wide.rate(), narrow.rate(), newRate/all[1].of(allNew).rate(), newRate/all[2].of(allNew).rate(), newRate),
		ours.rate() >= wide.rate() && ours.rate() >= 4*narrow.rate())
	t := table{Title: "The same, 256 connections, each fsync 5 ms longer; in the last rows every record is new", Columns: []string{"receiver", "req/s", "p50 ms", "p99 ms"}}
	ch := chart{File: "receive-slow-disk", Title: "Webhooks per second, 256 connections, fsync 5 ms slower", Unit: "/s"}
	row := func(r *receiving, name, label string) {
		s := r.of(name)
		t.Rows = append(t.Rows, []string{r.name + label, fmt.Sprintf("%.0f", s.rate()), fmt.Sprintf("%.1f", s.P50), fmt.Sprintf("%.1f", s.P99)})
	}
	for i, r := range all[:3] {
		row(r, mixed, "")
		ch.Bars = append(ch.Bars, bar{r.name, r.of(mixed).rate(), i == 0})
	}
	for _, r := range all[:3] {
		row(r, allNew, ", new")
	}
	b.table(t)
	b.chart(ch)
	return nil
}

// tryFlights are the numbers of flights that BENCH_TRY_FLIGHTS compares, on a
// fast disk and on a slow one.
var tryFlights = []string{"1", "2", "3", "4", "8", "16", "32"}

// oneConnection measures what a webhook alone waits.
func (b *bench) oneConnection(ctx context.Context) error {
	var all []*receiving
	defer func() {
		for _, r := range all {
			r.stop()
		}
	}()
	for _, name := range []string{"service", "alone"} {
		r, err := b.receiver(ctx, name, 0)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if f := os.Getenv("BENCH_TRY_FLIGHTS"); f != "" {
		for _, n := range tryFlights {
			r, err := b.receiver(ctx, "flights", 0, "BENCH_FLIGHTS="+n)
			if err != nil {
				return err
			}
			r.name = n + " flights"
			all = append(all, r)
		}
		if err := b.turns(ctx, all, "256", 256, "spread"); err != nil {
			return err
		}
	}
	const one = "one connection"
	if err := b.turns(ctx, all, one, 1, "spread"); err != nil {
		return err
	}
	if err := b.turns(ctx, all, conns(64), 64, "spread"); err != nil {
		return err
	}
	ours, alone := all[0].of(one), all[1].of(one)
	b.goal("P3", "latency of one connection against a script for each request", "<= 1.05 x", fmt.Sprintf("%.2f x (p50 %.3f of %.3f ms)", ours.P50/alone.P50, ours.P50, alone.P50), ours.P50 <= 1.05*alone.P50)
	o, a := all[0].of(conns(64)), all[1].of(conns(64))
	b.table(table{Title: "Shared flushes against a flush for each webhook", Columns: []string{"", "one connection p50 ms", "64 connections req/s", "p99 ms", "service us", "Redis us"}, Rows: [][]string{
		{"shared", fmt.Sprintf("%.3f", ours.P50), fmt.Sprintf("%.0f", o.rate()), fmt.Sprintf("%.1f", o.P99), fmt.Sprintf("%.0f", o.service), fmt.Sprintf("%.0f", o.redis)},
		{"each by itself", fmt.Sprintf("%.3f", alone.P50), fmt.Sprintf("%.0f", a.rate()), fmt.Sprintf("%.1f", a.P99), fmt.Sprintf("%.0f", a.service), fmt.Sprintf("%.0f", a.redis)}}})
	return nil
}
