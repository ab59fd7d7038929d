package handlers

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/secret"
)

// Budget shares the calls that Cin7 allows per minute among all processes:
// one limiter in Redis per application key. The rate and the burst together
// stay below the tenant's calls_per_minute in every sliding minute.
type Budget struct{ limiter *redis_rate.Limiter }

// NewBudget returns the budgets kept in rdb.
func NewBudget(rdb redis.UniversalClient) *Budget {
	return &Budget{limiter: redis_rate.NewLimiter(rdb)}
}

// patience is how long a worker waits in place for its next call; beyond it
// the lane is given back and comes again when the budget allows.
const patience = 3 * time.Second

// budgetSpent says when the next call may go.
type budgetSpent struct{ until time.Time }

func (e *budgetSpent) Error() string {
	return "the Cin7 calls of this minute are spent until " + e.until.UTC().Format(time.RFC3339)
}

// burst is how many calls may go at once. GCRA lets rate + burst - 1 calls
// into a sliding minute, so the rate is lowered by what the burst adds.
const burst = 4

// wait blocks until a call may go, or fails with *budgetSpent.
func (b *Budget) wait(ctx context.Context, key secret.String, perMinute int, now func() time.Time) error {
	name, limit := budgetKey(key), budgetLimit(perMinute)
	for {
		res, err := b.limiter.Allow(ctx, name, limit)
		if err != nil {
			return fmt.Errorf("ask the call budget: %w", err)
		}
		if res.Allowed > 0 {
			return nil
		}
		if res.RetryAfter > patience {
			return &budgetSpent{now().Add(res.RetryAfter)}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(res.RetryAfter):
		}
	}
}
