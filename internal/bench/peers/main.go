//go:build ignore

// Command peers serves the receive path and drains with other queues of the
// same ecosystem, for the benchmarks. It is built by its file's name with
// internal/bench/peers.mod, so that none of them comes into our go.mod.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/bench/admission"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	o, err := redis.ParseURL(os.Getenv("MLC_REDIS_URL"))
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "asynq":
		c := asynq.NewClient(connect(o))
		defer func() { _ = c.Close() }()
		return admission.Serve(asynqEnqueue(c))
	case len(args) == 1 && args[0] == "watermill":
		rdb := redis.NewClient(o)
		p, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: rdb}, watermill.NopLogger{})
		if err != nil {
			return err
		}
		return admission.Serve(watermillEnqueue(p))
	case len(args) == 3 && args[0] == "drain":
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		var took time.Duration
		if args[1] == "asynq" {
			took, err = drainAsynq(o, n)
		} else {
			took, err = drainWatermill(o, n)
		}
		if err == nil {
			fmt.Println(took.Microseconds())
		}
		return err
	}
	return fmt.Errorf("want asynq, watermill or drain NAME COUNT, got %q", args)
}

func connect(o *redis.Options) asynq.RedisClientOpt {
	return asynq.RedisClientOpt{Addr: o.Addr, PoolSize: 64}
}

func payload(recordType, id string) []byte { return []byte(recordType + ":" + id) }

func asynqEnqueue(c *asynq.Client) admission.Enqueue {
	return func(ctx context.Context, tenantID, recordType, id string) error {
		_, err := c.EnqueueContext(ctx, asynq.NewTask("mark:"+tenantID, payload(recordType, id)))
		return err
	}
}

func watermillEnqueue(p *redisstream.Publisher) admission.Enqueue {
	return func(_ context.Context, tenantID, recordType, id string) error {
		return p.Publish(tenantID, message.NewMessage(watermill.NewUUID(), payload(recordType, id)))
	}
}

// drainAsynq handles n tasks with a handler that does nothing.
func drainAsynq(o *redis.Options, n int) (time.Duration, error) {
	c := asynq.NewClient(connect(o))
	defer func() { _ = c.Close() }()
	enqueue := asynqEnqueue(c)
	if err := fill(n, func(i int) error { return enqueue(context.Background(), "acme", "vendorbill", strconv.Itoa(i)) }); err != nil {
		return 0, err
	}
	var done atomic.Int64
	all := make(chan struct{})
	s := asynq.NewServer(connect(o), asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	start := time.Now()
	if err := s.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if done.Add(1) == int64(n) {
			close(all)
		}
		return nil
	})); err != nil {
		return 0, err
	}
	<-all
	took := time.Since(start)
	s.Shutdown()
	return took, nil
}

// drainWatermill handles n messages with four subscribers that do nothing.
func drainWatermill(o *redis.Options, n int) (time.Duration, error) {
	rdb := redis.NewClient(o)
	defer func() { _ = rdb.Close() }()
	p, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: rdb}, watermill.NopLogger{})
	if err != nil {
		return 0, err
	}
	enqueue := watermillEnqueue(p)
	if err := fill(n, func(i int) error { return enqueue(context.Background(), "acme", "vendorbill", strconv.Itoa(i)) }); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var done atomic.Int64
	all := make(chan struct{})
	start := time.Now()
	for range 4 {
		s, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{Client: rdb, ConsumerGroup: "workers", OldestId: "0"}, watermill.NopLogger{})
		if err != nil {
			return 0, err
		}
		messages, err := s.Subscribe(ctx, "acme")
		if err != nil {
			return 0, err
		}
		go func() {
			for m := range messages {
				m.Ack()
				if done.Add(1) == int64(n) {
					close(all)
				}
			}
		}()
	}
	<-all
	return time.Since(start), nil
}

// fill adds n entries from some senders.
func fill(n int, add func(i int) error) error {
	const senders = 32
	errs := make(chan error, senders)
	for s := range senders {
		go func() {
			for i := s; i < n; i += senders {
				if err := add(i); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var first error
	for range senders {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
