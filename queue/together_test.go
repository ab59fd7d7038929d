package queue_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
)

// outcomes draws settlements of taken entries, some in passing, some of one
// record several times, some of an entry that is settled already.
func outcomes(rnd *rand.Rand, entries []queue.Entry, retry time.Time) []queue.Settlement {
	states := []queue.State{queue.Completed, queue.Waiting, queue.Parked, queue.Skipped}
	var out []queue.Settlement
	for range 2 * len(entries) {
		e := &entries[rnd.IntN(len(entries))]
		s := queue.Settlement{Ref: e.Ref, Entry: e, State: states[rnd.IntN(4)], Failed: rnd.IntN(4) == 0, Quiet: rnd.IntN(4) == 0}
		if rnd.IntN(3) == 0 {
			s.Entry = nil
		}
		if s.State != queue.Completed {
			s.Reason, s.Message, s.Fix = []string{"a", "b"}[rnd.IntN(2)], "why", "mend it"
		}
		if s.State == queue.Waiting && rnd.IntN(2) == 0 {
			s.NextAt = retry
		}
		if rnd.IntN(2) == 0 {
			s.Facts = map[string]string{"number": []string{"", "CW-1"}[rnd.IntN(2)]}
		}
		for range rnd.IntN(3) {
			s.Steps = append(s.Steps, queue.Step{At: time.UnixMilli(1), Name: "read", Text: "a\nb"})
		}
		out = append(out, s)
	}
	return out
}

// kept is all that Redis keeps of a tenant's lane, without the times at which
// it was kept.
func kept(ctx context.Context, rdb redis.UniversalClient, tenant string, refs []queue.Ref) map[string]any {
	out := map[string]any{}
	for _, r := range refs {
		h := rdb.HGetAll(ctx, queue.KeyRecord(tenant, r)).Val()
		for k, v := range h {
			switch k {
			case "updated", "taken", "qid":
				h[k] = "set"
			case "since":
				h[k], _, _ = strings.Cut(v, " ")
			case "op":
				_, h[k], _ = strings.Cut(v, "/")
			}
		}
		out[r.String()] = h
		var log []string
		for _, s := range rdb.LRange(ctx, queue.KeyLog(tenant, r), 0, -1).Val() {
			step := queue.ParseStep(s)
			log = append(log, fmt.Sprintf("%s %s %t", step.Name, step.Text, step.At.IsZero()))
		}
		out["log "+r.String()] = log
	}
	for _, s := range queue.States {
		out[string(s)] = slices.Sorted(slices.Values(rdb.ZRange(ctx, queue.KeyByState(tenant, s), 0, -1).Val()))
	}
	out["due"] = rdb.ZRangeWithScores(ctx, queue.KeyDue(tenant), 0, -1).Val()
	for _, c := range []queue.Class{queue.Live, queue.Bulk} {
		var left []any
		for _, m := range rdb.XRange(ctx, queue.KeyStream(tenant, c), "-", "+").Val() {
			left = append(left, m.Values["ref"])
		}
		out[string(c)] = left
	}
	return out
}

// Settling many together is settling them one after the other.
func TestSettlingTogether(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx, rnd := t.Context(), rand.New(rand.NewPCG(7, 1))
		rounds := soak.N(15, 300)
		for i := range rounds {
			const n = 8
			q := queue.New(rdb, queue.Options{LogCap: 5})
			var refs []queue.Ref
			var marks []queue.Mark
			for j := range n {
				marks = append(marks, bill(j))
				refs = append(refs, bill(j).Ref)
			}
			seed, retry := rnd.Uint64(), time.Now().Add(time.Hour)
			var got [2]map[string]any
			for k, tenant := range []string{fmt.Sprintf("one%d", i), fmt.Sprintf("all%d", i)} {
				same := rand.New(rand.NewPCG(seed, 1))
				class := []queue.Class{queue.Live, queue.Bulk}[same.IntN(2)]
				if _, err := q.Mark(ctx, tenant, class, marks...); err != nil {
					t.Fatal(err)
				}
				turn, err := q.ClaimTenant(ctx, "w", tenant)
				if err != nil || turn == nil {
					t.Fatal(turn, err)
				}
				entries := take(t, turn, n)
				mustMark(t, q, tenant, bill(same.IntN(n)), bill(same.IntN(n)))
				out := outcomes(same, entries, retry)
				if tenant[:3] == "all" {
					err = turn.Settle(ctx, out...)
				} else {
					for _, s := range out {
						if err == nil {
							err = turn.Settle(ctx, s)
						}
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				got[k] = kept(ctx, rdb, tenant, refs)
			}
			if d := cmp.Diff(got[0], got[1]); d != "" {
				t.Fatalf("round %d: one by one (-) and together (+): %s", i, d)
			}
		}
		soak.Figure(t, "settled together as one by one", "%d rounds alike", rounds)
	})
}

// A holder that finds its streams empty while records wait marks them again.
func TestVanishedMarksAreSeenAtOnce(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		q := queue.New(rdb, queue.Options{})
		mustMark(t, q, "acme", bill(1), bill(2))
		turn := claim(t, q)
		rdb.Del(t.Context(), queue.KeyStream("acme", queue.Live))
		ids := map[string]bool{}
		for _, e := range take(t, turn, 2) {
			ids[e.ID] = true
		}
		if got := slices.Sorted(maps.Keys(ids)); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("took %v", got)
		}
	})
}
