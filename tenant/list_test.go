package tenant_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// A list of many tenants takes few round trips, and leaves out what is listed
// and no tenant.
func TestListOfMany(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Embedded(t)
	s, _, tn, creds := stocked(t, rdb)
	if _, err := s.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	stored, want := rdb.HGetAll(ctx, queue.KeyConfig(tn.ID)).Val(), 1
	list := []any{"listed-only", "No tenant's {id}"}
	for i := range 250 {
		id := fmt.Sprintf("many%03d", i)
		if err := rdb.HSet(ctx, queue.KeyConfig(id), stored).Err(); err != nil {
			t.Fatal(err)
		}
		list = append(list, id)
		want++
	}
	if err := rdb.SAdd(ctx, "mlc:tenants", list...).Err(); err != nil {
		t.Fatal(err)
	}
	var trips roundTrips
	rdb.AddHook(&trips)
	all, err := s.List(ctx)
	if err != nil || len(all) != want || slices.Contains(all, nil) {
		t.Fatalf("listed %d tenants, %v, want %d", len(all), err, want)
	}
	// The ids, then a hundred tenants at a time.
	if trips != 4 {
		t.Errorf("a list of %d tenants took %d round trips, want 4", want, trips)
	}
	if err := rdb.Set(ctx, queue.KeyConfig("many200"), "no hash", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(ctx); err == nil || !strings.Contains(err.Error(), "many200") {
		t.Errorf("with a tenant that cannot be read: %v, want an error that names it", err)
	}
}

// roundTrips counts what goes to Redis and comes back.
type roundTrips int

func (r *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		*r++
		return next(ctx, cmd)
	}
}

func (r *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		*r++
		return next(ctx, cmds)
	}
}
