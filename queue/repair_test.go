package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// populate makes records in every state: two pending, one bulk, two in the
// hands of a worker, and the rest settled in all ways.
func populate(t *testing.T, q *queue.Queue, n int) *queue.Turn {
	t.Helper()
	ctx := t.Context()
	var marks []queue.Mark
	for i := range n {
		marks = append(marks, bill(i))
	}
	mustMark(t, q, "acme", marks...)
	turn := claim(t, q)
	got, err := turn.Take(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	states := []queue.State{queue.Completed, queue.Waiting, queue.Parked, queue.Skipped}
	for i := range got[:n-2] {
		s := queue.Settlement{Ref: got[i].Ref, Entry: &got[i], State: states[i%len(states)]}
		if s.State == queue.Waiting {
			s.NextAt = time.Now().Add(time.Hour)
		}
		if err := turn.Settle(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	mustMark(t, q, "acme", bill(n), bill(n+1))
	if _, err := q.Mark(ctx, "acme", queue.Bulk, bill(n+2)); err != nil {
		t.Fatal(err)
	}
	return turn
}

// sound fails unless indexes, retries, streams and hashes of all records agree.
func sound(ctx context.Context, rdb redis.UniversalClient, refs []queue.Ref) []string {
	var wrong []string
	for _, r := range refs {
		h := rdb.HGetAll(ctx, queue.KeyRecord("acme", r)).Val()
		for _, s := range queue.States {
			_, err := rdb.ZScore(ctx, queue.KeyByState("acme", s), r.String()).Result()
			if in := err == nil; in != (string(s) == h["state"]) {
				wrong = append(wrong, fmt.Sprintf("%s: state %q, in the index of %s: %t", r, h["state"], s, in))
			}
		}
		waits := false
		for _, id := range []string{h["qid"], h["taken"]} {
			for _, c := range []queue.Class{queue.Live, queue.Bulk} {
				waits = waits || id != "" && len(rdb.XRange(ctx, queue.KeyStream("acme", c), id, id).Val()) > 0
			}
		}
		if open := h["state"] == "pending" || h["state"] == "running"; open != waits {
			wrong = append(wrong, fmt.Sprintf("%s: state %q, has an entry: %t", r, h["state"], waits))
		}
		_, err := rdb.ZScore(ctx, queue.KeyDue("acme"), r.String()).Result()
		if due := err == nil; due != (h["state"] == "waiting" && h["next_at"] != "") {
			wrong = append(wrong, fmt.Sprintf("%s: state %q, next at %s, has a retry: %t", r, h["state"], h["next_at"], due))
		}
	}
	return wrong
}

// One of each pair of facts is taken away at random; one pass mends all of it.
func TestRepairMendsWhatDriftedApart(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		rnd := rand.New(rand.NewPCG(4, 2))
		ctx, broken := t.Context(), 0
		for range soak.N(6, 60) {
			redistest.Flush(t, rdb)
			q := queue.New(rdb, queue.Options{})
			const n = 24
			populate(t, q, n)
			var refs []queue.Ref
			for i := range n + 3 {
				refs = append(refs, bill(i).Ref)
			}
			if wrong := sound(ctx, rdb, refs); len(wrong) > 0 {
				t.Fatalf("wrong before any damage: %v", wrong)
			}
			for _, r := range refs {
				rec := queue.KeyRecord("acme", r)
				h := rdb.HGetAll(ctx, rec).Val()
				switch rnd.IntN(8) {
				case 0: // the entry in the stream
					for _, c := range []queue.Class{queue.Live, queue.Bulk} {
						rdb.XDel(ctx, queue.KeyStream("acme", c), h["qid"], h["taken"])
					}
				case 1:
					rdb.ZRem(ctx, queue.KeyByState("acme", queue.State(h["state"])), r.String())
				case 2:
					rdb.ZRem(ctx, queue.KeyDue("acme"), r.String())
				case 3:
					rdb.ZAdd(ctx, queue.KeyByState("acme", queue.States[rnd.IntN(6)]), redis.Z{Score: 1, Member: r.String()})
				case 4:
					rdb.ZAdd(ctx, queue.KeyDue("acme"), redis.Z{Score: 1e14, Member: r.String()})
				case 5:
					rdb.HDel(ctx, rec, "qid", "class")
				case 6:
					rdb.Del(ctx, rec)
				case 7:
					continue
				}
			}
			broken += len(sound(ctx, rdb, refs))
			if _, err := q.Repair(ctx, "acme"); err != nil {
				t.Fatal(err)
			}
			if _, err := q.RepairAll(ctx); err != nil {
				t.Fatal(err)
			}
			if wrong := sound(ctx, rdb, refs); len(wrong) > 0 {
				t.Fatalf("not mended: %v", wrong)
			}
			if mended, err := q.Repair(ctx, "acme"); mended != 0 || err != nil {
				t.Fatalf("a second pass mended %d more, %v", mended, err)
			}
		}
		if broken == 0 {
			t.Error("nothing was broken: this proves nothing")
		}
		soak.Figure(t, "drift mended", "%d of %d disagreements in one pass", broken, broken)
	})
}

// Whatever is done to the streams under a worker, every record is served.
func TestNothingIsLostWithItsEntry(t *testing.T) {
	damage := map[string]func(ctx context.Context, rdb redis.UniversalClient, stream string){
		"entries deleted": func(ctx context.Context, rdb redis.UniversalClient, stream string) {
			for _, m := range rdb.XRange(ctx, stream, "-", "+").Val() {
				rdb.XDel(ctx, stream, m.ID)
			}
		},
		"stream trimmed": func(ctx context.Context, rdb redis.UniversalClient, stream string) { rdb.XTrimMaxLen(ctx, stream, 1) },
		"stream deleted": func(ctx context.Context, rdb redis.UniversalClient, stream string) { rdb.Del(ctx, stream) },
	}
	for name, f := range damage {
		for _, when := range []string{"before they are taken", "while they are at work", "after their worker died"} {
			t.Run(name+" "+when, func(t *testing.T) {
				both(t, func(t *testing.T, rdb redis.UniversalClient) {
					nothingIsLost(t, rdb, f, when)
				})
			})
		}
	}
}

func nothingIsLost(t *testing.T, rdb redis.UniversalClient, damage func(context.Context, redis.UniversalClient, string), when string) {
	ctx := t.Context()
	q := queue.New(rdb, queue.Options{})
	const n = 5
	served := map[string]bool{}
	for i := range n {
		mustMark(t, q, "acme", bill(i))
	}
	stream := queue.KeyStream("acme", queue.Live)
	turn := claim(t, q)
	if when == "before they are taken" {
		damage(ctx, rdb, stream)
	}
	got, err := turn.Take(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	switch when {
	case "while they are at work":
		damage(ctx, rdb, stream)
		for i := range got {
			if err := turn.Settle(ctx, done(&got[i])); err != nil {
				t.Fatal(err)
			}
			served[got[i].ID] = true
		}
		release(t, turn)
	case "after their worker died":
		if err := turn.Abandon(ctx, 0); err != nil {
			t.Fatal(err)
		}
		damage(ctx, rdb, stream)
	default:
		for i := range got {
			if err := turn.Settle(ctx, done(&got[i])); err != nil {
				t.Fatal(err)
			}
			served[got[i].ID] = true
		}
		release(t, turn)
	}
	for range 10 {
		if _, err := q.Sweep(ctx, []string{"acme"}); err != nil {
			t.Fatal(err)
		}
		turn, err := q.Claim(ctx, "w2")
		if err != nil {
			t.Fatal(err)
		}
		if turn == nil {
			break
		}
		for {
			got, err := turn.Take(ctx, 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 {
				break
			}
			for i := range got {
				if err := turn.Settle(ctx, done(&got[i])); err != nil {
					t.Fatal(err)
				}
				served[got[i].ID] = true
			}
		}
		release(t, turn)
	}
	for i := range n {
		id := strconv.Itoa(i)
		if !served[id] {
			t.Errorf("record %s was never served", id)
		}
		if s := rdb.HGet(ctx, queue.KeyRecord("acme", bill(i).Ref), "state").Val(); s != "completed" {
			t.Errorf("record %s is %q", id, s)
		}
	}
}

// A stream that was cut or deleted by other hands: the next mark of a record
// whose entry went with it adds one anew, its neighbours' entries count on.
func TestMarkOfAnEntryThatIsGone(t *testing.T) {
	both(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, c := range []struct {
			name string
			cut  func(stream string)
			want []int // entries that the next mark of each record adds
		}{
			{"nothing is gone", func(string) {}, []int{0, 0, 0}},
			{"the oldest is gone", func(s string) { rdb.XTrimMaxLen(t.Context(), s, 2) }, []int{1, 0, 0}},
			{"all but the newest are gone", func(s string) { rdb.XTrimMaxLen(t.Context(), s, 1) }, []int{1, 1, 0}},
			{"all are gone", func(s string) { rdb.XTrimMaxLen(t.Context(), s, 0) }, []int{1, 1, 1}},
			{"the stream is gone", func(s string) { rdb.Del(t.Context(), s) }, []int{1, 1, 1}},
		} {
			q, tenant := queue.New(rdb, queue.Options{}), "t"+strings.ReplaceAll(c.name, " ", "-")
			for i := range 3 {
				mustMark(t, q, tenant, bill(i))
			}
			c.cut(queue.KeyStream(tenant, queue.Live))
			// A stream made anew within the millisecond names its entries as the old one did.
			cut := time.Now().UnixMilli()
			waitFor(t, func() bool { return time.Now().UnixMilli() > cut+1 })
			for i, want := range c.want {
				added, err := q.Mark(t.Context(), tenant, queue.Live, bill(i))
				if err != nil || added != want {
					t.Errorf("%s: mark %d added %d entries, %v; want %d", c.name, i, added, err, want)
				}
				again, err := q.Mark(t.Context(), tenant, queue.Live, bill(i))
				if err != nil || again != 0 {
					t.Errorf("%s: mark %d again added %d entries, %v", c.name, i, again, err)
				}
			}
		}
	})
}
