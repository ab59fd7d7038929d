package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// planned is a random world: a company's lists, some vendors, orders, bills
// and receipts, and a worker to plan and apply with.
type planned struct {
	t       *testing.T
	rng     *rand.Rand
	world   *distributor.World
	tenants *tenant.Store
	tenant  *tenant.Tenant
	creds   tenant.Credentials
	queue   *queue.Queue
	states  *state.Store
	worker  *handlers.Worker
	rdb     redis.UniversalClient
	next    int64
	changes map[string]int // what amend did
	plans   int            // made, each without a write
	vendors []int64
	orders  []*order
	alone   []int64 // bills without an order
	credits []int64
	lost    []int64 // receipts that were deleted
}

// order is a PO with what came of it.
type order struct {
	id, vendor int64
	lines      []line
	bills      []int64
	receipts   []int64
}

// line is a line of an order and what is still to come of it.
type line struct {
	netsuitetest.OrderLine
	cents int64 // a piece
	left  struct{ goods, bills int64 }
}

const planTenant = "plans"

func newPlanned(t *testing.T, seed uint64) *planned {
	t.Helper()
	p := &planned{t: t, rng: rand.New(rand.NewPCG(seed, 8)), next: 10_000, changes: map[string]int{}}
	o := distributor.Options{}
	o.Cin7.CallsPerMinute, o.Cin7.Seed = -1, seed+1
	o.Cin7.FirstGroupOwnID = p.flip()
	o.Cin7.ZeroGroupInvoice = true
	o.Cin7.NoPutAway = p.rng.IntN(4) == 0
	approach := []string{"INVOICE", "STOCK"}[p.rng.IntN(2)]
	p.found(o, approach, seed%4 != 3, seed%2 == 1) // the short form has all four
	for range 1 + p.rng.IntN(3) {
		p.addVendor()
	}
	for range 1 + p.rng.IntN(3) {
		p.addOrder()
	}
	return p
}

// found makes the world and its tenant.
func (p *planned) found(o distributor.Options, approach string, repost, journals bool) {
	t := p.t
	t.Helper()
	var err error
	if p.world, err = distributor.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(p.world.NetSuite), httptest.NewServer(p.world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	file := p.world.Tenant(planTenant, ns.URL, c7.URL, approach)
	if o.Cin7.NoPutAway {
		file = strings.Replace(file, "cin7:\n", "cin7:\n  use_put_away: false\n", 1)
	}
	if p.tenant, p.creds, err = tenant.ParseYAML([]byte(file), tenant.Options{AllowPrivateEndpoints: true}); err != nil {
		t.Fatal(err)
	}
	if repost {
		p.tenant.Sync.AfterPostChange = tenant.AfterPostRepost
	}
	if journals {
		p.tenant.Sync.StandaloneBills = tenant.StandaloneJournal
	}
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	p.rdb = redistest.Embedded(t)
	p.queue, p.states, p.tenants = queue.New(p.rdb, queue.Options{}), state.New(p.rdb), tenant.NewStore(p.rdb, ks)
	if p.tenant, err = p.tenants.Apply(t.Context(), p.tenant, p.creds); err != nil {
		t.Fatal(err)
	}
	p.worker = handlers.NewWorker(p.queue, p.states, p.tenants, handlers.NewBudget(p.rdb), nil, canary.OfTenant(p.creds.NetSuiteKeyPEM.Reveal(), distributor.Cin7Key, distributor.WebhookSecret).Logger(t), prometheus.NewRegistry(), handlers.Options{Owner: "planner", Settle: time.Second})
}

func (p *planned) flip() bool { return p.rng.IntN(2) == 0 }
func (p *planned) id() int64  { p.next++; return p.next }

func (p *planned) addVendor() {
	v := netsuitetest.Vendor{ID: p.id(), Currency: "USD", Terms: "Net 30", Email: "ap@example.org"}
	v.EntityID, v.CompanyName = fmt.Sprintf("V-%d", v.ID), fmt.Sprintf("Vendor %d Ltd", v.ID)
	if p.rng.IntN(4) == 0 {
		v.Currency = "EUR"
	}
	p.world.NetSuite.PutVendor(v)
	if p.rng.IntN(3) == 0 { // Cin7 knows it already, in another guise
		p.world.Cin7.AddSupplier(cin7test.Supplier{Name: v.CompanyName, Currency: v.Currency, PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases"})
	}
	p.vendors = append(p.vendors, v.ID)
}

// products are items of the company, with a price in cents.
var products = []struct{ item, cents int64 }{{2001, 240}, {2002, 72}, {2003, 985}, {2004, 310}, {2005, 1290}}

// expenses are accounts that lines without an item may post to; the last one
// has no Cin7 account, so its bills are parked.
var expenses = []int64{151, 161, 162, 163, 169}

func (p *planned) addOrder() {
	o := &order{id: p.id(), vendor: p.vendors[p.rng.IntN(len(p.vendors))]}
	add := func(l netsuitetest.OrderLine, q, cents int64) {
		l.Quantity, l.Amount = fmt.Sprint(q), amount(q*cents)
		x := line{OrderLine: l, cents: cents}
		x.left.goods, x.left.bills = q, q
		o.lines = append(o.lines, x)
	}
	for _, i := range p.rng.Perm(len(products))[:1+p.rng.IntN(3)] {
		add(netsuitetest.OrderLine{Item: products[i].item}, int64(1+p.rng.IntN(40)), products[i].cents)
	}
	if p.rng.IntN(3) == 0 {
		add(netsuitetest.OrderLine{Account: expenses[p.rng.IntN(len(expenses)-1)]}, 1, int64(500+p.rng.IntN(9000)))
	}
	var lines []netsuitetest.OrderLine
	for _, l := range o.lines {
		lines = append(lines, l.OrderLine)
	}
	p.world.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: o.id, Number: fmt.Sprintf("PO%d", o.id), Vendor: o.vendor, Date: "2026-11-03", Rate: p.rate(o.vendor), Tax: "0.00", Location: 1, Lines: lines})
	p.orders = append(p.orders, o)
	p.proceed(o)
}

func (p *planned) rate(vendor int64) string {
	if v, ok := p.world.NetSuite.Vendor(vendor); ok && v.Currency == "EUR" {
		return "1.0875"
	}
	return "1"
}

func amount(cents int64) string { return decimal.New(cents, -2).StringFixed(2) }

// part is how much of what is left of a line comes now: all, some or none.
func (p *planned) part(left int64) int64 {
	switch p.rng.IntN(3) {
	case 0:
		return left
	case 1:
		return left / 2
	}
	return 0
}

// proceed lets some of an order be billed, received, or both, in parts.
func (p *planned) proceed(o *order) {
	if p.flip() {
		r := netsuitetest.Receipt{ID: p.id(), PO: o.id, Date: "2026-11-05"}
		for i, l := range o.lines {
			if q := p.part(l.left.goods); l.Item != 0 && q > 0 {
				o.lines[i].left.goods -= q
				r.Lines = append(r.Lines, netsuitetest.ReceiptLine{POLine: int64(i + 1), Quantity: fmt.Sprint(q)})
			}
		}
		if len(r.Lines) > 0 {
			p.world.NetSuite.PutReceipt(r)
			o.receipts = append(o.receipts, r.ID)
		}
	}
	if p.flip() {
		b := netsuitetest.Bill{ID: p.id(), Vendor: o.vendor, Date: "2026-11-06", Due: "2026-12-06", Rate: p.rate(o.vendor)}
		b.Number = fmt.Sprintf("INV-%d", b.ID)
		if b.Rate != "1" && p.rng.IntN(3) == 0 {
			b.Rate = "1.0950" // the day's, not the order's
		}
		for i, l := range o.lines {
			if q := p.part(l.left.bills); q > 0 {
				o.lines[i].left.bills -= q
				b.Lines = append(b.Lines, netsuitetest.BillLine{Item: l.Item, Account: l.Account, Quantity: fmt.Sprint(q), Amount: amount(q * l.cents), PO: o.id, POLine: int64(i + 1)})
			}
		}
		if len(b.Lines) == 0 {
			return
		}
		if p.rng.IntN(8) == 0 {
			b.Status = "D" // pending approval
		}
		if p.rng.IntN(8) == 0 {
			b.Lines[len(b.Lines)-1].Account = expenses[len(expenses)-1]
			b.Lines[len(b.Lines)-1].Item = 0
		}
		p.world.NetSuite.PutBill(b)
		o.bills = append(o.bills, b.ID)
	}
}

// addBill makes a bill without an order.
func (p *planned) addBill() {
	v := p.vendors[p.rng.IntN(len(p.vendors))]
	b := netsuitetest.Bill{ID: p.id(), Vendor: v, Date: "2026-11-06", Due: "2026-12-06", Rate: p.rate(v),
		Lines: []netsuitetest.BillLine{{Account: expenses[p.rng.IntN(len(expenses))], Quantity: "1", Amount: amount(int64(1000 + p.rng.IntN(90000)))}}}
	b.Number = fmt.Sprintf("RENT-%d", b.ID)
	p.world.NetSuite.PutBill(b)
	p.alone = append(p.alone, b.ID)
}

// refs are all records of the world.
func (p *planned) refs() []queue.Ref {
	var out []queue.Ref
	add := func(typ string, ids ...int64) {
		for _, id := range ids {
			out = append(out, queue.Ref{Type: typ, ID: fmt.Sprint(id)})
		}
	}
	add("vendor", p.vendors...)
	add("vendorbill", p.alone...)
	add("vendorcredit", p.credits...)
	add("itemreceipt", p.lost...)
	for _, o := range p.orders {
		add("purchaseorder", o.id)
		add("vendorbill", o.bills...)
		add("itemreceipt", o.receipts...)
	}
	return out
}

func (p *planned) plan() *handlers.Plan {
	p.t.Helper()
	before := p.world.Cin7.Writes()
	got, err := p.worker.Plan(p.t.Context(), planTenant, p.refs())
	if err != nil {
		p.t.Fatal(err)
	}
	if n := p.world.Cin7.Writes() - before; n != 0 {
		p.t.Fatalf("planning sent %d writes", n)
	}
	p.plans++
	return got
}

// writes are the requests since a point that change something.
func (p *planned) writes(since int) []cin7test.Call {
	var out []cin7test.Call
	for _, c := range p.world.Cin7.Calls()[since:] {
		if c.Method != http.MethodGet {
			out = append(out, c)
		}
	}
	return out
}

// fits reports whether a value that was sent is the planned one: equal, with
// each name in braces standing for one and the same GUID throughout.
func fits(planned, sent any, bound map[string]string) bool {
	switch w := planned.(type) {
	case map[string]any:
		g, ok := sent.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k, v := range w {
			if !fits(v, g[k], bound) {
				return false
			}
		}
		return true
	case []any:
		g, ok := sent.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !fits(w[i], g[i], bound) {
				return false
			}
		}
		return true
	case string:
		g, ok := sent.(string)
		if !ok || !strings.HasPrefix(w, "{") {
			return ok && (w == g || len(w) == 36 && strings.EqualFold(w, g))
		}
		if was, ok := bound[w]; ok {
			return strings.EqualFold(was, g)
		}
		bound[w] = g
		return len(g) == 36
	}
	return planned == sent
}

// holdAgainst compares the calls that Cin7 saw with those of the plan, one
// for one.
func holdAgainst(t *testing.T, plan []handlers.Call, sent []cin7test.Call) {
	t.Helper()
	if len(sent) != len(plan) {
		t.Errorf("Cin7 saw %d calls, the plan has %d", len(sent), len(plan))
	}
	bound := map[string]string{}
	for i := range min(len(sent), len(plan)) {
		c, s := plan[i], sent[i]
		path, query, _ := strings.Cut(c.Path, "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if len(c.Body) > 0 {
			if err := json.Unmarshal(c.Body, &want); err != nil {
				t.Fatal(err)
			}
		}
		if s.Body != "" {
			if err := json.Unmarshal([]byte(s.Body), &got); err != nil {
				t.Fatal(err)
			}
		}
		same := c.Method == s.Method && strings.EqualFold(path, s.Path) && len(q) == len(s.Query) && fits(want, got, bound)
		for k := range q {
			same = same && fits(q.Get(k), strings.Join(s.Query[k], ""), bound)
		}
		if !same {
			t.Errorf("call %d: the plan says %s %s %s\nCin7 saw %s %s %v %s", i+1, c.Method, c.Path, c.Body, s.Method, s.Path, s.Query, s.Body)
			return
		}
	}
}

// What a plan says is what applying it sends, call for call, in worlds made at
// random; afterwards nothing is left to do. Planning sends no write.
func TestApplyMakesExactlyThePlannedCalls(t *testing.T) {
	worlds, calls, plans, kinds := 0, 0, 0, map[string]int{}
	for seed := range uint64(soak.N(6, 200)) {
		t.Run(fmt.Sprintf("world %d", seed), func(t *testing.T) {
			p := newPlanned(t, seed)
			for range 3 {
				for _, op := range p.planAndApply(t) {
					kinds[op]++
					calls++
				}
				p.amend()
				for _, o := range p.orders {
					p.proceed(o)
				}
				p.addOrder()
				if p.flip() {
					p.addBill()
				}
			}
			worlds++
			plans += p.plans
		})
	}
	for _, w := range planWorlds {
		t.Run(w.name, func(t *testing.T) {
			for _, op := range w.play(t) {
				kinds[op]++
				calls++
			}
			worlds++
		})
	}
	for _, op := range handlers.WriteOperations() {
		if kinds[op] == 0 {
			t.Errorf("the worlds never needed %s: %v", op, kinds)
		}
	}
	soak.Figure(t, "plan and apply: worlds", "%d", worlds)
	soak.Figure(t, "plan and apply: kinds of calls", "%d of %d", len(kinds), len(handlers.WriteOperations()))
	soak.Figure(t, "plan and apply: calls, each as planned", "%d", calls)
	soak.Figure(t, "plan and apply: plans that sent a write", "%s", soak.NoneOf(plans))
}

// planAndApply plans everything, applies the plan, holds what Cin7 saw against
// it, and returns the operations.
func (p *planned) planAndApply(t *testing.T) (ops []string) {
	t.Helper()
	plan := p.plan()
	if len(plan.Open) > 0 {
		t.Fatalf("the plan stops early: %v", plan.Open)
	}
	// As an operator does: through a file.
	file, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	read, err := handlers.ReadPlan(file)
	if err != nil {
		t.Fatal(err)
	}
	since := len(p.world.Cin7.Calls())
	done, err := p.worker.Apply(t.Context(), read, nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := p.writes(since)
	holdAgainst(t, plan.Calls, sent)
	if done.Made != len(sent) || done.Of != len(plan.Calls) {
		t.Errorf("told %d of %d calls, Cin7 saw %d", done.Made, done.Of, len(sent))
	}
	if again := p.plan(); len(again.Calls) > 0 {
		t.Errorf("%d calls are left over, the first: %+v", len(again.Calls), again.Calls[0])
	}
	for _, c := range plan.Calls {
		ops = append(ops, c.Operation)
	}
	return ops
}

// A plan is refused, before its first call, when either system or the settings
// have moved since it was made.
func TestApplyRefusesWhatHasMoved(t *testing.T) {
	drifts := map[string]func(p *planned){
		"an order changes in NetSuite": func(p *planned) {
			o := p.orders[0]
			po, ok := p.world.NetSuite.PurchaseOrder(o.id)
			if !ok {
				p.t.Fatal("no order")
			}
			po.Lines[0].Quantity, po.Lines[0].Amount = "977", amount(977*240)
			p.world.NetSuite.PutPurchaseOrder(po)
		},
		"an order is billed in NetSuite": func(p *planned) {
			o := p.orders[0]
			b := netsuitetest.Bill{ID: p.id(), Number: "LATE-1", Vendor: o.vendor, Date: "2026-11-09", Due: "2026-12-09", Rate: p.rate(o.vendor)}
			b.Lines = []netsuitetest.BillLine{{Item: o.lines[0].Item, Quantity: o.lines[0].Quantity, Amount: o.lines[0].Amount, PO: o.id, POLine: 1}}
			p.world.NetSuite.PutBill(b)
		},
		"a vendor is renamed in NetSuite": func(p *planned) {
			v, _ := p.world.NetSuite.Vendor(p.orders[0].vendor)
			v.CompanyName = "Renamed " + v.CompanyName
			p.world.NetSuite.PutVendor(v)
		},
		"a purchase is edited in Cin7": func(p *planned) {
			p.world.Cin7.EditPurchase(p.purchase(p.orders[0]), func(x *cin7test.Purchase) { x.Terms = "60 days"; x.Order.Memo = "by hand" })
		},
		"a purchase is voided in Cin7": func(p *planned) {
			p.world.Cin7.EditPurchase(p.purchase(p.orders[0]), func(x *cin7test.Purchase) { x.Voided = true })
		},
		"the settings change": func(p *planned) {
			m := p.tenant.Sync.Mapping
			if _, err := p.tenants.SetMapping(p.t.Context(), planTenant, p.tenant.Version, m); err != nil {
				p.t.Fatal(err)
			}
		},
	}
	refused := 0
	for name, move := range drifts {
		for seed := range uint64(soak.N(1, 34)) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				p := newPlanned(t, 1000+seed)
				if strings.Contains(name, "Cin7") { // something must be there, and more to do
					if _, err := p.worker.Apply(t.Context(), p.plan(), nil); err != nil {
						t.Fatal(err)
					}
					o := p.orders[0]
					for _, l := range o.lines {
						if l.left.bills > 0 {
							p.world.NetSuite.PutBill(netsuitetest.Bill{ID: 99, Number: "MORE-1", Vendor: o.vendor, Date: "2026-11-12", Due: "2026-12-12", Rate: p.rate(o.vendor),
								Lines: []netsuitetest.BillLine{{Item: l.Item, Account: l.Account, Quantity: fmt.Sprint(l.left.bills), Amount: amount(l.left.bills * l.cents), PO: o.id, POLine: 1}}})
							break
						}
					}
					p.addOrder()
				}
				plan := p.plan()
				if len(plan.Calls) == 0 {
					t.Fatal("nothing is planned, so nothing can be refused")
				}
				move(p)
				before := p.world.Cin7.Writes()
				_, err := p.worker.Apply(t.Context(), plan, nil)
				if !errors.Is(err, handlers.ErrDeparted) {
					t.Errorf("got %v, want it refused", err)
				}
				if n := p.world.Cin7.Writes() - before; n > 0 {
					t.Errorf("%d calls were made all the same", n)
				}
				refused++
			})
		}
	}
	soak.Figure(t, "plan and apply: drifted worlds, each refused before its first call", "%d", refused)
}

// A plan that somebody edited is no plan.
func TestReadPlanRefusesAnEditedOne(t *testing.T) {
	p := newPlanned(t, 3)
	file, err := json.Marshal(p.plan())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handlers.ReadPlan(file); err != nil {
		t.Fatal(err)
	}
	text := string(file)
	edit := func(was, is string) string {
		t.Helper()
		edited := strings.Replace(text, was, is, 1)
		if edited == text {
			t.Fatalf("the plan has no %s", was)
		}
		return edited
	}
	for name, c := range map[string]struct{ file, says string }{
		"a status edited":    {edit(`"Status":"AUTHORISED"`, `"Status":"DRAFT"`), "changed after it was made"},
		"an amount edited":   {edit(`"Total":`, `"Total":1`), "changed after it was made"},
		"another tenant":     {edit(`"tenant":"plans"`, `"tenant":"other"`), "changed after it was made"},
		"its hash taken out": {edit(`"hash":"`, `"hash":"","x":"`), "no plan, or was changed"},
		"a field added":      {edit(`"tenant":`, `"tenants":1,"tenant":`), "tenants"},
		"another schema":     {edit(handlers.PlanSchema, "ml-connector.plan/0"), "ml-connector.plan/0"},
		"cut short":          {text[:len(text)/2], "cut short"},
		"empty":              {"", "cut short"},
		"two in one file":    {text + text, "follows its end"},
		"no JSON":            {"calls: []", "no plan"},
	} {
		_, err := handlers.ReadPlan([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "make a new") {
			t.Errorf("%s: got %v, want an error that says %q and what to do", name, err, c.says)
		}
	}
}

// A tenant in plan_only mode is read and planned by its lane, nothing is
// written, its records say what would be done; and a plan can be applied.
func TestPlanOnlyTenantWritesNothing(t *testing.T) {
	p := newPlanned(t, 5)
	p.tenant.Sync.Mode = tenant.ModePlanOnly
	var err error
	if p.tenant, err = p.tenants.Apply(t.Context(), p.tenant, tenant.Credentials{}); err != nil {
		t.Fatal(err)
	}
	p.drain()
	if n := p.world.Cin7.Writes(); n != 0 {
		t.Fatalf("%d writes were sent", n)
	}
	recs := p.states.Tenant(planTenant)
	page, err := recs.List(t.Context(), state.Filter{State: queue.Waiting, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, r := range page.Records {
		if r.Reason == handlers.WaitPlanOnly && strings.Contains(r.Message, "would be made") {
			said++
		}
		for slot, id := range r.Links { // a supplier may have been there before
			if slot != "supplier" || !strings.Contains(p.suppliers(), strings.ToLower(id)) {
				t.Errorf("%s is linked to %s, which does not exist", r.Ref, id)
			}
		}
	}
	if said == 0 {
		t.Errorf("no record says what would be done: %v", page.Records)
	}
	plan := p.plan()
	if _, err := p.worker.Apply(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
	if n := p.world.Cin7.Writes(); n != len(plan.Calls) || n == 0 {
		t.Errorf("%d writes, the plan has %d", n, len(plan.Calls))
	}
	// Go-live: what waited for it is taken up, and nothing is left to do.
	p.tenant.Sync.Mode = tenant.ModeLive
	if p.tenant, err = p.tenants.Apply(t.Context(), p.tenant, tenant.Credentials{}); err != nil {
		t.Fatal(err)
	}
	before := p.world.Cin7.Writes()
	p.drain()
	if n := p.world.Cin7.Writes() - before; n != 0 {
		t.Errorf("going live wrote %d times although the plan was applied", n)
	}
	n, err := recs.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n[queue.Pending]+n[queue.Running] > 0 {
		t.Errorf("left over: %v", n)
	}
}

// drain marks everything and runs the worker until nothing is pending.
func (p *planned) drain() {
	p.t.Helper()
	var marks []queue.Mark
	for _, r := range p.refs() {
		marks = append(marks, queue.Mark{Ref: r, Source: "operator", Note: "test"})
	}
	if _, err := p.queue.Mark(p.t.Context(), planTenant, queue.Live, marks...); err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(p.t.Context(), 60*time.Second)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.worker.Run(ctx) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := p.states.Tenant(planTenant).Counts(ctx)
		lane, lerr := p.queue.Lane(ctx, planTenant)
		if err == nil && lerr == nil && n[queue.Pending]+n[queue.Running] == 0 && lane.Depth[queue.Live] == 0 && lane.Owner == "" {
			stop()
			if err := <-ended; err != nil {
				p.t.Fatal(err)
			}
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("nothing settles: %v %v %v", n, err, lerr)
		case <-tick.C:
		}
	}
}

// suppliers are the ids of all suppliers of Cin7.
func (p *planned) suppliers() string {
	var out []string
	for _, s := range p.world.Cin7.Suppliers() {
		out = append(out, strings.ToLower(s.ID))
	}
	return strings.Join(out, " ")
}

// purchase is the id of an order's purchase in Cin7.
func (p *planned) purchase(o *order) string {
	p.t.Helper()
	for _, x := range p.world.Cin7.Purchases() {
		if markedFor(x, o.id) {
			return x.ID
		}
	}
	p.t.Fatalf("Cin7 has no purchase of order %d", o.id)
	return ""
}

// markedFor reports whether a purchase carries the marker of an order.
func markedFor(x cin7test.Purchase, order int64) bool {
	return strings.Contains(x.Note, fmt.Sprintf("NS:purchaseorder:%d@", order))
}
