package handlers

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/tenant"
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
				some := sample(all, soak.N(4, len(all)))
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
	if n == 1 {
		return all[:1]
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
	end := r.arrive(t, order)
	for _, s := range r.wire.refused {
		t.Errorf("refused: %s", s)
	}
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

// arrive lets the events arrive in an order, with a turn after each, and says
// how it ends.
func (r *run) arrive(t *testing.T, order []int) string {
	t.Helper()
	for _, i := range order {
		r.event(r.h.events[i])
		if r.s.PO.ID == 0 && len(r.s.Bills) == 0 {
			continue // nothing that we would be told of
		}
		r.turn(t.Context())
	}
	if r.s.PO.ID == 0 && len(r.s.Bills) == 0 {
		t.Fatal("the history tells of nothing")
	}
	r.ends = r.ending()
	return r.state()
}

// TestSwitches plays the catalogue under every switch of Cin7's ways on which
// sources disagree or accounts differ (contract cin7 15). Most of them must not
// change how a history ends; the others say what Cin7 may refuse.
func TestSwitches(t *testing.T) {
	cases := []struct {
		name   string
		set    func(*cin7test.Options)
		tenant func(*tenant.Tenant)
		may    string // what a refusal says that is to be expected; "" none is
	}{
		{"put-away off", func(o *cin7test.Options) { o.NoPutAway = true }, func(t *tenant.Tenant) { off := false; t.Cin7.UsePutAway = &off }, ""},
		{"gates look at the whole purchase", func(o *cin7test.Options) { o.GatePerPurchase = true }, nil, ""},
		{"the first group has a TaskID of its own", func(o *cin7test.Options) { o.FirstGroupOwnID = true }, nil, ""},
		{"stock short of its invoice stays open", func(o *cin7test.Options) { o.PartiallyReceived = true }, nil, ""},
		{"repeated SKUs are taken", func(o *cin7test.Options) { o.DuplicateSKULines = true }, nil, ""},
		{"tax is rounded per document", func(o *cin7test.Options) { o.TaxMethod = "Total" }, nil, ""},
		{"order lines may lack fields", func(o *cin7test.Options) { o.LenientOrderLines = true }, nil, ""},
		{"negative prices are taken", func(o *cin7test.Options) { o.NegativePrices = true }, nil, ""},
		{"quantities from 1", func(o *cin7test.Options) { o.QuantityFromOne = true }, nil, ""},
		{"attributes stick", func(o *cin7test.Options) { o.PurchaseAttributes = true }, nil, ""},
		{"the zero GUID opens no group for an invoice", func(o *cin7test.Options) { o.ZeroGroupInvoice = false }, nil, "TaskID"},
		{"totals are checked with tax", func(o *cin7test.Options) { o.TaxInTotal = true }, nil, "attribute 'Total' doesn't match"},
		{"a number in two groups gets a suffix", func(o *cin7test.Options) { o.SuffixInvoiceNumbers = true }, nil, "nothing: it is seen when it is read back"},
	}
	runs := 0
	base := map[string]string{}
	key := func(h *history, approach string, n int) string { return h.topic + h.name + approach + strconv.Itoa(n) }
	playAll := func(t *testing.T, set func(*cin7test.Options), change func(*tenant.Tenant), each func(t *testing.T, h *history, approach string, n int, end string, r *run)) {
		for _, approach := range []string{"INVOICE", "STOCK"} {
			var c *company
			for i, h := range catalogue() {
				if i%21 == 0 {
					o := cin7test.Options{ZeroGroupInvoice: true}
					set(&o)
					c = newCompany(t, o)
				}
				if !soak.Long() && i%3 != 0 {
					continue // the short form plays a third of the catalogue
				}
				for n, order := range sample(orders(h), soak.N(1, 4)) {
					var settings []func(*tenant.Tenant)
					if change != nil {
						settings = append(settings, change)
					}
					r := c.start(h, approach, settings...)
					end := r.arrive(t, order)
					runs++
					each(t, h, approach, n, end, r)
				}
			}
		}
	}
	playAll(t, func(*cin7test.Options) {}, nil, func(_ *testing.T, h *history, approach string, n int, end string, _ *run) {
		base[key(h, approach, n)] = end
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			other := 0
			playAll(t, c.set, c.tenant, func(t *testing.T, h *history, approach string, n int, end string, r *run) {
				for _, s := range r.wire.refused {
					if c.may == "" || !strings.Contains(s, c.may) {
						t.Errorf("%s, %s: refused: %s", h.name, approach, s)
					}
				}
				if end == base[key(h, approach, n)] {
					return
				}
				other++
				if c.may == "" {
					t.Errorf("%s, %s ends otherwise (-got +want):\n%s", h.name, approach, cmp.Diff(end, base[key(h, approach, n)]))
				} else if !strings.Contains(end, "parked") {
					t.Errorf("%s, %s ends otherwise, and nobody is told:\n%s", h.name, approach, end)
				}
				r.neverPartly(t)
			})
			if c.may != "" && other == 0 && soak.Long() {
				t.Error("the switch changes nothing")
			}
		})
	}
	soak.Figure(t, "switches", "%d switches of Cin7, %d runs", len(cases), runs)
}

// neverPartly: what is posted of a bill is all of it.
func (r *run) neverPartly(t *testing.T) {
	t.Helper()
	if strings.Contains(r.h.name, "share") {
		return // its other part is in another purchase
	}
	posted := map[string]decimal.Decimal{}
	for _, p := range r.sim.Purchases() {
		for _, g := range p.Groups {
			if !strings.Contains(p.Note, r.marker()) || g.Invoice.Status != cin7test.Authorised {
				continue
			}
			for _, l := range g.Invoice.Lines {
				posted[g.Invoice.Number] = posted[g.Invoice.Number].Add(l.Total).Add(l.Tax)
			}
			for _, l := range g.Invoice.Charges {
				posted[g.Invoice.Number] = posted[g.Invoice.Number].Add(l.Total).Add(l.Tax)
			}
		}
	}
	for _, b := range r.s.Bills {
		if sum, ok := posted[b.TranID]; ok && !sum.Equal(b.Total) && r.verdicts()[docName(ref(b.Type, b.ID))] == "completed" {
			t.Errorf("%s: %s of bill %s over %s are posted", r.h.name, sum, b.TranID, b.Total)
		}
		if _, ok := posted[b.TranID+"/2"]; ok {
			t.Errorf("%s: bill %s is posted under another number", r.h.name, b.TranID)
		}
	}
}

// The timelines of a purchase and its documents tell its life in plain words.
func TestStory(t *testing.T) {
	i := slices.IndexFunc(catalogue(), func(h *history) bool { return h.name == "return of goods from two receipts" })
	h := catalogue()[i]
	r := newCompany(t, cin7test.Options{}).start(h, "INVOICE")
	r.arrive(t, orders(h)[0])
	want := []string{
		"PO: Cin7 has no purchase for PO1042 -> purchase PO-00001 was made in Cin7",
		"PO: the order of PO-00001 is not authorised -> the order of PO-00001 was authorised, 240.00 before tax",
		"PO: bill CW-1 is not in PO-00001 -> invoice CW-1 of PO-00001, 240.00 before tax, was drafted",
		"B1: bill CW-1 is not in PO-00001 -> invoice CW-1 of PO-00001, 240.00 before tax, was drafted",
		"PO: the draft of CW-1 reads back as planned -> invoice CW-1 of PO-00001, 240.00 before tax, was authorised: it is in the books",
		"B1: the draft of CW-1 reads back as planned -> invoice CW-1 of PO-00001, 240.00 before tax, was authorised: it is in the books",
		"PO: receive 60 of WEB, 40 of WEB into PO-00001 -> received into PO-00001: 60 of WEB, 40 of WEB",
		"R1: receive 60 of WEB, 40 of WEB into PO-00001 -> received into PO-00001: 60 of WEB, 40 of WEB",
		"R2: receive 60 of WEB, 40 of WEB into PO-00001 -> received into PO-00001: 60 of WEB, 40 of WEB",
		"PO: put away 60 of WEB, 40 of WEB into PO-00001 -> put away for PO-00001: 60 of WEB in Main, 40 of WEB in Main",
		"R1: put away 60 of WEB, 40 of WEB into PO-00001 -> put away for PO-00001: 60 of WEB in Main, 40 of WEB in Main",
		"R2: put away 60 of WEB, 40 of WEB into PO-00001 -> put away for PO-00001: 60 of WEB in Main, 40 of WEB in Main",
		"PO: credit CM-1 against invoice CW-1 is not in PO-00001 -> credit note CM-1 against invoice CW-1 of PO-00001, 168.00 before tax, was drafted",
		"C1: credit CM-1 against invoice CW-1 is not in PO-00001 -> credit note CM-1 against invoice CW-1 of PO-00001, 168.00 before tax, was drafted",
		"PO: the draft of credit CM-1 reads back as planned -> credit note CM-1 against invoice CW-1 of PO-00001, 168.00 before tax, was authorised: it is in the books",
		"C1: the draft of credit CM-1 reads back as planned -> credit note CM-1 against invoice CW-1 of PO-00001, 168.00 before tax, was authorised: it is in the books",
	}
	if d := cmp.Diff(r.story, want); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
	for _, k := range kinds {
		o := op{Kind: k.name, Order: &cin7.NewOrder{}, Invoice: &cin7.NewInvoice{}, Stock: &cin7.NewStock{}, Credit: &cin7.NewCreditNote{}}
		if (k.name != opCreateSupplier && k.name != opUpdateSupplier && k.name != opVoidStray) && deed(o, "PO-1") == "" {
			t.Errorf("nobody is told what %s did", k.name)
		}
	}
}
