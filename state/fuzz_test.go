package state_test

import (
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A cursor comes from a stranger's URL: it is refused, or the list goes on
// behind it, with records of this tenant, each once and in order.
func FuzzCursor(f *testing.F) {
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(f).Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	f.Cleanup(func() { _ = rdb.Close() })
	recs := state.New(rdb).Tenant("acme")
	for i := range 12 {
		ref := queue.Ref{Type: "vendor", ID: fmt.Sprint(i + 1)}
		if err := rdb.HSet(f.Context(), queue.KeyRecord("acme", ref), "state", string(queue.Parked), "updated", 1000+i/3).Err(); err != nil {
			f.Fatal(err)
		}
		if err := rdb.ZAdd(f.Context(), queue.KeyByState("acme", queue.Parked), redis.Z{Score: float64(1000 + i/3), Member: ref.String()}).Err(); err != nil {
			f.Fatal(err)
		}
	}
	for _, s := range []string{"", "1001_vendor:4", "1001_", "_", "-1_x", "99999999999999999999_a", "1e3_b", "1001_vendor:4\x00", "0x10_vendor:1", "+1002_~"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		seen := map[string]bool{}
		filter := state.Filter{Cursor: cursor, Limit: limit%7 + 1}
		for range 20 {
			page, err := recs.List(t.Context(), filter)
			if err != nil {
				return // refused
			}
			for _, r := range page.Records {
				if seen[r.ID] {
					t.Fatalf("%s comes twice behind %q", r.ID, cursor)
				}
				seen[r.ID] = true
			}
			if filter.Cursor = page.Next; filter.Cursor == "" {
				return
			}
		}
		t.Errorf("the list behind %q does not end", cursor)
	})
}
