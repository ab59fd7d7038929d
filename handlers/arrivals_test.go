package handlers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// TestArrivalOrders plays every history of the catalogue in the orders in
// which its news can arrive, under both approaches. All orders must end in the
// same purchase, and no call may be refused by Cin7's stage rules. The short
// form plays a sample of the orders of each history, the long form all.
func TestArrivalOrders(t *testing.T) {
	list := catalogue()
	if len(list) < 40 {
		t.Fatalf("%d histories, want at least 40", len(list))
	}
	runs, calls := 0, 0
	for _, h := range list {
		for _, approach := range []string{"INVOICE", "STOCK"} {
			t.Run(h.topic+"/"+h.name+"/"+approach, func(t *testing.T) {
				all := orders(h)
				some := sample(all, soak.N(8, len(all)))
				o := h.sim
				o.ZeroGroupInvoice = true
				var c *company
				want := ""
				for n, order := range some {
					if n%20 == 0 {
						c = newCompany(t, o)
					}
					r := c.start(h, approach)
					got := r.play(t, order)
					runs, calls = runs+1, calls+r.wire.writes
					if t.Failed() {
						t.Fatalf("order %s", names(h, order))
					}
					if strings.Contains(h.decides, approach) {
						continue
					}
					if want == "" {
						want = got
					}
					if d := cmp.Diff(got, want); d != "" {
						t.Fatalf("order %s ends otherwise than %s (-got +want):\n%s\n%s", names(h, order), names(h, some[0]), d, strings.Join(r.texts(), "\n"))
					}
				}
			})
		}
	}
	soak.Figure(t, "arrival orders", "%d histories under 2 approaches: %d runs, %d writes; refused by Cin7: %s", len(list), runs, calls, soak.NoneOf(calls))
}

// sample takes n of the orders, the first and the last among them.
func sample(all [][]int, n int) [][]int {
	if len(all) <= n {
		return all
	}
	out := make([][]int, n)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(n-1)]
	}
	return out
}

func names(h *history, order []int) string {
	var out []string
	for _, i := range order {
		out = append(out, h.events[i].name)
	}
	return strings.Join(out, ", ")
}

// play lets the events arrive in an order and checks what must hold in any:
// nothing refused, nothing left to do, nothing different without our memory.
func (r *run) play(t *testing.T, order []int) string {
	t.Helper()
	ctx := t.Context()
	for _, i := range order {
		r.event(r.h.events[i])
		if r.s.PO.ID == 0 && len(r.s.Bills) == 0 {
			continue // nothing that we would be told of
		}
		r.turn(ctx)
	}
	if r.s.PO.ID == 0 && len(r.s.Bills) == 0 {
		t.Fatal("the history tells of nothing")
	}
	for _, s := range r.wire.refused {
		t.Errorf("refused: %s", s)
	}
	end := r.state()
	r.ends = r.ending()
	before := r.wire.writes
	r.turn(ctx)
	if r.wire.writes != before {
		t.Errorf("a further turn wrote %d times", r.wire.writes-before)
	}
	if again := r.state(); again != end {
		t.Errorf("a further turn ends otherwise (-got +want):\n%s", cmp.Diff(again, end))
	}
	// Redis is lost: the purchase is found by its marker, the rest by content.
	r.known = ties{}
	r.turn(ctx)
	if r.wire.writes != before {
		t.Errorf("without memory, a further turn wrote %d times: %v", r.wire.writes-before, r.wire.refused)
	}
	return end
}
