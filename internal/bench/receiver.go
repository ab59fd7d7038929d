package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/bench/admission"
	"github.com/ml-connector/ml-connector/service"
)

func bareMain() error { return admission.Listen(http.HandlerFunc(bareHandler)) }

// receiverMain is `ml-connector serve` with another number of flights:
// BENCH_FLIGHTS, below 0 for a flush of its own for each webhook, 0 for the
// default. BENCH_PROFILE names a file for a profile of its CPU.
func receiverMain() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if name := os.Getenv("BENCH_PROFILE"); name != "" {
		end, err := profile(name)
		if err != nil {
			return err
		}
		defer end()
	}
	flights, err := strconv.Atoi(os.Getenv("BENCH_FLIGHTS"))
	if err != nil {
		return fmt.Errorf("BENCH_FLIGHTS: %w", err)
	}
	c, err := service.Load("", os.Environ())
	if err != nil {
		return err
	}
	log, _, err := service.Logger(c)
	if err != nil {
		return err
	}
	return service.Run(ctx, c, service.Options{Log: log, Flights: flights})
}

// profile writes a CPU profile and, beside it, a sample of the allocations: all
// of them would cost a tenth of the time and blur the first.
func profile(name string) (end func(), err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
		if f, err := os.Create(name + ".allocs"); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(f, 0)
			_ = f.Close()
		}
	}, nil
}

// doorMain admits webhooks and keeps nothing of them.
func doorMain() error {
	return admission.Serve(func(context.Context, string, string, string) error { return nil })
}

// xaddMain is the plainest durable receiver: the same admission, and one XADD
// for each webhook, over a pool of BENCH_POOL connections.
func xaddMain() error {
	o, err := redis.ParseURL(os.Getenv("MLC_REDIS_URL"))
	if err != nil {
		return err
	}
	if o.PoolSize, err = strconv.Atoi(os.Getenv("BENCH_POOL")); err != nil {
		return errors.New("BENCH_POOL is not a number")
	}
	rdb := redis.NewClient(o)
	defer func() { _ = rdb.Close() }()
	return admission.Serve(func(ctx context.Context, tenantID, recordType, id string) error {
		return rdb.XAdd(ctx, &redis.XAddArgs{Stream: tenantID, Values: []string{"ref", recordType + ":" + id, "source", "webhook"}}).Err()
	})
}

// groupEntry is a webhook that waits for a flusher.
type groupEntry struct {
	stream, ref string
	done        chan error
}

// groupMain is group commit at its plainest, the most that sharing flushes can
// give here: the same admission, and four flushers that each send at once what
// has gathered, one XADD for each webhook. Nothing looks for what waits already,
// and nobody who waits too long is told so.
func groupMain() error {
	o, err := redis.ParseURL(os.Getenv("MLC_REDIS_URL"))
	if err != nil {
		return err
	}
	rdb := redis.NewClient(o)
	defer func() { _ = rdb.Close() }()
	entries := make(chan groupEntry, 1024)
	for range 4 {
		go groupFlush(rdb, entries)
	}
	return admission.Serve(func(_ context.Context, tenantID, recordType, id string) error {
		e := groupEntry{stream: tenantID, ref: recordType + ":" + id, done: make(chan error, 1)}
		entries <- e
		return <-e.done
	})
}

func groupFlush(rdb *redis.Client, entries <-chan groupEntry) {
	ctx := context.Background()
	for e := range entries {
		some := []groupEntry{e}
		for more := true; more && len(some) < 100; {
			select {
			case e := <-entries:
				some = append(some, e)
			default:
				more = false
			}
		}
		p := rdb.Pipeline()
		for _, e := range some {
			p.XAdd(ctx, &redis.XAddArgs{Stream: e.stream, Values: []string{"ref", e.ref, "source", "webhook"}})
		}
		_, err := p.Exec(ctx)
		for _, e := range some {
			e.done <- err
		}
	}
}
