package queue_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// A retry whose record's hash is gone is marked once, as any other.
func TestADueRetryOfALostRecord(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q, ctx := queue.New(rdb, queue.Options{}), t.Context()
		mustMark(t, q, "acme", bill(1))
		turn := claim(t, q)
		first := take(t, turn, 1)
		if err := turn.Settle(ctx, queue.Settlement{Ref: first[0].Ref, Entry: &first[0], State: queue.Waiting, Reason: "settling", NextAt: time.Now().Add(-time.Second)}); err != nil {
			t.Fatal(err)
		}
		if err := rdb.Del(ctx, queue.KeyRecord("acme", bill(1).Ref)).Err(); err != nil {
			t.Fatal(err)
		}
		take(t, turn, 1)
		if n := rdb.ZCard(ctx, queue.KeyDue("acme")).Val(); n != 0 {
			t.Errorf("%d retries are due still", n)
		}
		for i := range 3 {
			got, err := turn.Take(ctx, 100)
			if err != nil || len(got) != 0 {
				t.Errorf("take %d of what is in hand: %v, %v", i, got, err)
			}
		}
	})
}
