package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// TestUnavailable asks real servers: one that is not there, one that refuses
// us, one that takes no writes, and one that is well.
func TestUnavailable(t *testing.T) {
	ctx := context.Background()
	nobody := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: time.Second})
	defer func() { _ = nobody.Close() }()
	srv := redistest.Start(t)
	well := srv.Client(t)
	closed := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	_ = closed.Close()
	wrong := redis.NewClient(&redis.Options{Network: "unix", Addr: srv.Socket, Username: "nobody", Password: "wrong", MaxRetries: -1})
	defer func() { _ = wrong.Close() }()
	if err := well.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	full := well.Set(ctx, "a", "b", 0).Err()
	if err := well.ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nobody listens":       {nobody.Get(ctx, "a").Err(), true},
		"a closed client":      {closed.Get(ctx, "a").Err(), true},
		"the wrong password":   {wrong.Get(ctx, "a").Err(), true},
		"no room":              {fmt.Errorf("mark: %w", full), true},
		"all is well":          {well.Set(ctx, "a", "b", 0).Err(), false},
		"no such key":          {well.Get(ctx, "c").Err(), false},
		"another kind of key":  {well.LPush(ctx, "a", "b").Err(), false},
		"another system":       {&url.Error{Op: "Get", URL: "https://example.com", Err: errors.New("refused")}, false},
		"what Redis holds":     {errors.New("tenant acme: the document cannot be read"), false},
		"a deadline of a call": {fmt.Errorf("read: %w", context.DeadlineExceeded), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := queue.Unavailable(c.err); got != c.want {
				t.Errorf("%v: got %v, want %v", c.err, got, c.want)
			}
		})
	}
}
