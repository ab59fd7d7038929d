package queue_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// roundsToSettle plays rounds in which each of some slots serves one turn, as
// concurrent lanes do, and returns how many rounds each mark of a small tenant
// waited, sorted. Time is counted in rounds: the machine's speed does not matter.
// The backlog is that of one more tenant.
func roundsToSettle(t *testing.T, backlog int) []int {
	t.Helper()
	const slots, tenants, perRound = 8, 40, 6
	rounds := soak.N(25, 500)
	ctx := t.Context()
	q := queue.New(redistest.Server(t, "--appendfsync", "no"), queue.Options{})
	if backlog > 0 {
		// The lane has been at work before: its first turn looks at everything.
		mustMark(t, q, "large", bill(backlog))
		turn := held(t, q, "w")
		first := take(t, turn, 1)
		if err := turn.Settle(ctx, done(&first[0])); err != nil {
			t.Fatal(err)
		}
		release(t, turn)
	}
	for from := 0; from < backlog; from += 1000 {
		var marks []queue.Mark
		for i := range min(1000, backlog-from) {
			marks = append(marks, bill(from+i))
		}
		mustMark(t, q, "large", marks...)
	}
	rnd := rand.New(rand.NewPCG(50, 10))
	marked := map[string]int{} // tenant -> round of its unsettled mark
	var waited []int
	served := 0
	for round := range rounds {
		for range perRound {
			tenant := fmt.Sprintf("small%d", rnd.IntN(tenants))
			if _, waits := marked[tenant]; !waits {
				marked[tenant] = round
				mustMark(t, q, tenant, bill(round))
			}
		}
		for _, turn := range claimed(t, q, slots) {
			settled := serve(t, turn)
			if turn.Tenant == "large" {
				served++
				continue
			}
			if at, ok := marked[turn.Tenant]; ok && settled > 0 {
				waited = append(waited, round-at+1)
				delete(marked, turn.Tenant)
			}
		}
	}
	if backlog > 0 && served < rounds/2 {
		t.Errorf("the large tenant was served in %d of %d rounds", served, rounds)
	}
	slices.Sort(waited)
	return waited
}

// A tenant with 100,000 waiting marks takes one slot and no more: the others
// wait no longer than without it.
func TestFairness(t *testing.T) {
	const backlog = 100_000
	p95 := func(waited []int) int { return waited[len(waited)*95/100] }
	alone, beside := roundsToSettle(t, 0), roundsToSettle(t, backlog)
	if len(alone) < 50 || len(beside) < len(alone)*9/10 {
		t.Fatalf("%d and %d marks were settled", len(alone), len(beside))
	}
	if a, b := p95(alone), p95(beside); float64(b) > 1.1*float64(a) {
		t.Errorf("the 95th percentile of the others is %d rounds, without the large tenant %d", b, a)
	}
	soak.Figure(t, "p95 of the others beside 100,000 waiting marks", "%d rounds, without them %d; longest %d and %d, %d marks", p95(beside), p95(alone), beside[len(beside)-1], alone[len(alone)-1], len(beside))
}

// A thousand tenants with a mark each have all been served when every lane has
// had one turn, also when one tenant has 20,000 waiting, which loses no more by
// it than they do.
func TestManySmallTenantsTakeTurns(t *testing.T) {
	const tenants, backlog, slots = 1000, 20_000, 8
	q := queue.New(redistest.Server(t, "--appendfsync", "no"), queue.Options{})
	for from := 0; from < backlog; from += 1000 {
		var marks []queue.Mark
		for i := range 1000 {
			marks = append(marks, bill(from+i))
		}
		mustMark(t, q, "large", marks...)
	}
	waits := map[string]bool{}
	for i := range tenants {
		tenant := fmt.Sprintf("small%d", i)
		waits[tenant] = true
		mustMark(t, q, tenant, bill(i))
	}
	large, turns := 0, 0
	for len(waits) > 0 && turns < 2*tenants {
		for _, turn := range claimed(t, q, slots) {
			if serve(t, turn) == 0 {
				t.Fatalf("%s had a turn and nothing to do", turn.Tenant)
			}
			if turns++; turn.Tenant == "large" {
				large++
			}
			delete(waits, turn.Tenant)
		}
	}
	soak.Figure(t, "turns until 1,000 tenants with one mark were served beside 20,000 marks of another", "%d, of them %d of the other", turns, large)
	if most := tenants + slots + large; len(waits) > 0 || large == 0 || turns > most {
		t.Errorf("after %d turns, %d of them of the large tenant, %d tenants wait: want none after at most %d", turns, large, len(waits), most)
	}
	if large > tenants/50 {
		t.Errorf("the large tenant had %d turns while %d others waited for their first", large, tenants)
	}
}

// serve settles ten marks of a lane at most, gives it back, and says how many
// there were.
func serve(t *testing.T, turn *queue.Turn) int {
	t.Helper()
	got, err := turn.Take(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var out []queue.Settlement
	for i := range got {
		out = append(out, done(&got[i]))
	}
	if err := turn.Settle(t.Context(), out...); err != nil {
		t.Fatal(err)
	}
	release(t, turn)
	return len(got)
}

// claimed are the lanes that so many slots get, fewer if fewer are due.
func claimed(t *testing.T, q *queue.Queue, slots int) []*queue.Turn {
	t.Helper()
	var turns []*queue.Turn
	for len(turns) < slots {
		turn, err := q.Claim(t.Context(), fmt.Sprintf("slot%d", len(turns)))
		if err != nil {
			t.Fatal(err)
		}
		if turn == nil {
			break
		}
		turns = append(turns, turn)
	}
	return turns
}
