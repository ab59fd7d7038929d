package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// queueAlone marks any of 10,000 records of four tenants, as the driver does,
// from so many callers of this process: what the queue and its Redis can do
// when nobody has to read HTTP.
func (b *bench) queueAlone(ctx context.Context, callers int) (sample, error) {
	s, err := b.startRedis(ctx, 0)
	if err != nil {
		return sample{}, err
	}
	defer s.stop()
	rdb := redis.NewClient(&redis.Options{Addr: s.addr})
	defer func() { _ = rdb.Close() }()
	q := queue.New(rdb, queue.Options{})
	var marks atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	end := time.Now().Add(warmUp + time.Duration(b.seconds*float64(time.Second)))
	for i := range callers {
		tenant := "tenant" + strconv.Itoa(i%postingTenants)
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil {
				m := queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: strconv.Itoa(firstID + rand.IntN(10_000))}, Source: "webhook", Note: "changed"}
				if _, err := q.MarkUntil(time.Now().Add(time.Minute), tenant, queue.Live, m); err != nil {
					failed.Store(&err)
				}
				marks.Add(1)
			}
		})
	}
	time.Sleep(warmUp) //nolint:forbidigo // a measurement takes its time
	n, at, own, of := marks.Load(), time.Now(), ownCPU(), s.cpu()
	wg.Wait()
	if err := failed.Load(); err != nil {
		return sample{}, fmt.Errorf("mark: %w", *err)
	}
	done := float64(marks.Load() - n)
	return sample{loadResult: loadResult{Requests: int(done), Seconds: time.Since(at).Seconds()},
		service: float64((ownCPU() - own).Microseconds()) / done, redis: float64((s.cpu() - of).Microseconds()) / done}, nil
}
