package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

// The catalogue of lifecycle_test.go is played against the real simulator of
// Cin7, through the real client, mapping, planner and sender; only Redis and
// NetSuite's wire are left out. After each event the purchase is brought as
// far as it goes, as a turn of a lane does.

// inProcess carries requests to a simulator without a network, and keeps what
// it refuses.
type inProcess struct {
	sim     *cin7test.Sim
	refused []string
	writes  int
}

func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header = r.Header
	w := httptest.NewRecorder()
	t.sim.ServeHTTP(w, in)
	res := w.Result()
	if r.Method != http.MethodGet {
		t.writes++
	}
	if res.StatusCode >= 300 {
		t.refused = append(t.refused, fmt.Sprintf("%s %s: %d %s", r.Method, r.URL.Path, res.StatusCode, w.Body))
	}
	res.Request = r
	return res, nil
}

// company is a Cin7 company with what the catalogue's purchases need.
type company struct {
	t      *testing.T
	sim    *cin7test.Sim
	c7     *cin7.Client
	refs   *reference
	seller string // GUID of the supplier in USD
	abroad string // in EUR
	wire   *inProcess
	runs   int
}

const (
	simAccount = "704ef231-1111-4aaa-8bbb-000000000001"
	simKey     = "0342a546-2222-4ccc-8ddd-000000000002"
)

func newCompany(t *testing.T, o cin7test.Options) *company {
	t.Helper()
	o.CallsPerMinute = -1
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return at }
	s := cin7test.New(o)
	s.AddKey(simAccount, simKey)
	for _, a := range []cin7test.Account{
		{Code: "1200", Name: "Inventory Asset", Type: "CURRENT", Class: "ASSET"},
		{Code: "1370", Name: "Tax Paid", Type: "CURRENT", Class: "ASSET"},
		{Code: "2000", Name: "Payable", Type: "CURRLIAB", Class: "LIABILITY", SystemAccount: "Accounts payable", SystemAccountCode: "CREDITORS"},
		{Code: "5100", Name: "Freight In", Type: "EXPENSE", Class: "EXPENSE"},
		{Code: "465", Name: "Rent", Type: "EXPENSE", Class: "EXPENSE"},
	} {
		s.AddAccount(a)
	}
	s.AddTaxRule(cin7test.TaxRule{Name: "Tax", Account: "1370", Percent: decimal.NewFromInt(10)})
	s.AddLocation(cin7test.Location{Name: "Main", Default: true})
	s.AddLocation(cin7test.Location{Name: "Second"})
	s.AddTerm(cin7test.Term{Name: "30 days", Duration: 30, Default: true})
	s.AddProduct(cin7test.Product{SKU: "WEB", Name: "Webbing", InventoryAccount: "1200"})
	s.AddProduct(cin7test.Product{SKU: "BKL", Name: "Buckle", InventoryAccount: "1200"})
	s.AddProduct(cin7test.Product{SKU: "OTHER", Name: "Other charges", Type: "Service", ExpenseAccount: "5100"})
	for _, c := range []string{"USD", "EUR"} {
		s.AddSupplier(cin7test.Supplier{Name: "Cascade " + c, Currency: c, PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax", Status: "Active"})
	}
	wire := &inProcess{sim: s}
	c7, err := cin7.New(cin7.Config{AccountID: simAccount, ApplicationKey: secret.New(simKey), BaseURL: "https://cin7.example/ExternalApi/v2", Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	c := &company{t: t, sim: s, c7: c7, wire: wire, refs: &reference{Products: map[string]cin7.Product{}}}
	ctx := t.Context()
	for _, l := range lists() {
		if _, err := l.read(ctx, c7, c.refs); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c7.ProductsBySKU(ctx, "WEB", "BKL")
	if err != nil {
		t.Fatal(err)
	}
	for k, p := range found {
		c.refs.Products[strings.ToUpper(k)] = p
	}
	all, err := c7.SuppliersNamed(ctx, "")
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, s := range all {
		if s.Currency == "EUR" {
			c.abroad = s.ID
		} else {
			c.seller = s.ID
		}
	}
	return c
}

// run is one purchase on its way through a history.
type run struct {
	*company
	h        *history
	tenant   *tenant.Tenant
	s        sources
	versions map[string]int

	have        *cin7.Purchase
	fresh       bool
	known       ties
	noUndo      bool
	noZeroGroup bool
	last        outlook
	err         error
	ends        string // for the document
	story       []string
}

func (c *company) start(h *history, approach string, settings ...func(*tenant.Tenant)) *run {
	c.runs++
	t := aTenant(func(t *tenant.Tenant) {
		t.NetSuite.AccountID = fmt.Sprintf("run%d", c.runs) // its own marker
		t.Sync.Approach, t.Sync.AfterPostChange, t.Sync.StandaloneBills = approach, tenant.AfterPostPark, tenant.StandalonePurchase
		t.Sync.Mapping.Locations = map[string]string{"2": "Second"}
		t.Sync.Mapping.Accounts = map[string]string{}
	})
	for _, f := range settings {
		f(t)
	}
	if h.settings != nil {
		h.settings(t)
	}
	c.wire.refused, c.wire.writes = nil, 0
	r := &run{company: c, h: h, tenant: t, versions: map[string]int{}, known: ties{}}
	if h.base != nil {
		h.base(&r.s)
	}
	return r
}

// rules are the ones of purchase.go, from this run.
func (r *run) rules() rules {
	return rules{PutAway: r.tenant.PutAway(), ReceiveOn: r.tenant.Sync.ReceiveOn, Repost: r.tenant.Sync.AfterPostChange == tenant.AfterPostRepost,
		Lock: r.refs.Me.LockDate, NoUndo: r.noUndo, NoZeroGroup: r.noZeroGroup, Settings: r.tenant.Version}
}

func (r *run) wanted() (*want, error) {
	supplier := r.seller
	if r.s.Vendor.Currency == "EUR" {
		supplier = r.abroad
	}
	if r.s.PO.ID == 0 {
		return wantStandalone(r.tenant, r.refs, supplier, r.s)
	}
	return wantPurchase(r.tenant, r.refs, supplier, r.s)
}

func (r *run) reread(ctx context.Context) error {
	p, err := r.c7.Purchase(ctx, r.have.ID)
	if err == nil {
		r.have, r.fresh = &p, true
	}
	return err
}

// turn brings the purchase as far as it goes.
func (r *run) turn(ctx context.Context) {
	r.noUndo = false
	w, err := r.wanted()
	if r.err = err; err != nil {
		return
	}
	if r.have != nil {
		if err := r.reread(ctx); err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(r.have.Status, cin7.StatusVoided) && w.Void == "" && r.known[w.Ref].has("voided by us") {
			r.have, r.known = nil, ties{}
		}
	}
	r.last, r.err = converge(ctx, site{
		owner:  w.Ref,
		plan:   func() outlook { return plan(r.rules(), w, r.have, r.known) },
		there:  func() bool { return r.have != nil },
		fresh:  func() bool { return r.fresh },
		reread: r.reread,
		alone:  func(context.Context) (bool, error) { return false, nil },
		do:     func(ctx context.Context, o op) error { return r.do(ctx, w, o) },
	})
}

func (r *run) do(ctx context.Context, w *want, o op) error {
	r.fresh = false
	if o.Why == "" {
		r.t.Errorf("%s for %s says nothing of why", o.Kind, o.For)
	}
	now, task, err := send(ctx, r.c7, r.have, o)
	if err != nil && o.Invoice != nil && o.Invoice.TaskID == cin7.ZeroID && errors.Is(err, cin7.ErrRefused) {
		r.noZeroGroup = true
		return nil
	}
	if err != nil {
		if errors.Is(err, cin7.ErrRefused) {
			return problem(ParkCin7Refused, "", "%v", err)
		}
		r.t.Fatalf("%s: %v", o.Kind, err)
	}
	r.have = now
	if words := deed(o, r.have.OrderNumber); !strings.Contains(words, r.have.OrderNumber) {
		r.t.Errorf("%s for %s is told as %q", o.Kind, o.For, words)
	}
	for _, ref := range o.concerns(w.Ref) {
		r.story = append(r.story, docName(ref)+": "+o.Why+" -> "+deed(o, r.have.OrderNumber))
	}
	remember := tiesOf(o)
	if o.Kind == opPostOrder || o.Kind == opVoidPurchase {
		remember, task = []queue.Ref{w.Ref}, ""
		if o.Kind == opVoidPurchase {
			task = "voided by us"
		}
	}
	for _, ref := range remember {
		r.known[ref] = r.known[ref].after(o, task, r.tenant.Version)
	}
	if !o.answersNothing() {
		return nil
	}
	if err := r.reread(ctx); err != nil {
		return err
	}
	switch {
	case o.Kind == opUndoPurchase && r.have.Order.Status == cin7.StatusAuthorised:
		r.noUndo = true
	case o.Kind == opVoidPurchase && o.Again:
		r.have, r.known = nil, ties{}
	}
	return nil
}

// event applies one arrival. A document is seen as it is now: an arrival of an
// older version changes nothing.
func (r *run) event(e event) {
	if e.hand != nil {
		if r.have != nil {
			r.sim.EditPurchase(r.have.ID, e.hand)
			r.sim.Repost(r.have.ID)
		}
		return
	}
	if e.version < r.versions[e.doc] {
		return
	}
	r.versions[e.doc] = e.version
	e.put(&r.s)
}

// verdicts say of every document how it stands.
func (r *run) verdicts() map[string]string {
	out := map[string]string{}
	if r.err != nil {
		out["PO"] = reasonOf(r.err)
		return out
	}
	for ref, err := range r.last.Verdicts {
		name := docName(ref)
		if out[name] = reasonOf(err); err == nil {
			out[name] = "completed"
		}
	}
	return out
}

func reasonOf(err error) string {
	if p, ok := asProblem(err); ok {
		return "parked " + p.Reason
	}
	if w, ok := asWait(err); ok {
		return "waits for " + w.Reason
	}
	return fmt.Sprint(err)
}

// texts are the sentences of what is not in step, for people.
func (r *run) texts() []string {
	var out []string
	if r.err != nil {
		return []string{r.err.Error()}
	}
	for ref, err := range r.last.Verdicts {
		if err != nil {
			out = append(out, docName(ref)+": "+err.Error())
		}
	}
	sort.Strings(out)
	return out
}

// docName is the short name of a document: PO, B1, R2, C1.
func docName(r queue.Ref) string {
	letter := map[string]string{"vendorbill": "B", "itemreceipt": "R", "vendorcredit": "C"}[r.Type]
	if letter == "" {
		return "PO"
	}
	return letter + r.ID[len(r.ID)-1:]
}

// state is the purchase as a bookkeeper and a warehouse see it, without what
// depends on chance: ids, numbers of groups, drafts and what is void. An
// invoice goes with the goods of its group; how the goods of one product are
// split by date between groups does not matter, their sums do.
func (r *run) state() string {
	var lines []string
	note := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	names := map[string]string{} // lower-case product ID -> SKU
	for sku, p := range r.refs.Products {
		names[strings.ToLower(p.ID)] = sku
	}
	quantities := func(m map[string]decimal.Decimal) string {
		var out []string
		for k, q := range m {
			if !q.IsZero() {
				out = append(out, q.String()+" "+names[k])
			}
		}
		sort.Strings(out)
		return strings.Join(out, " + ")
	}
	text := func(ls []cin7test.Line, cs []cin7test.Charge) string {
		var out []string
		for _, l := range ls {
			out = append(out, fmt.Sprintf("%s %s %s tax %s on %s", l.Quantity, l.SKU, l.Total.StringFixed(2), l.Tax.StringFixed(2), l.Account))
		}
		for _, c := range cs {
			out = append(out, fmt.Sprintf("%s %s tax %s on %s", c.Description, c.Total.StringFixed(2), c.Tax.StringFixed(2), c.Account))
		}
		sort.Strings(out)
		return strings.Join(out, ", ")
	}
	alive := 0
	tasks := map[string]bool{}
	for _, p := range r.sim.Purchases() {
		if p.Voided || !strings.Contains(p.Note, r.marker()) {
			continue
		}
		alive++
		note("order %s: %s", p.Order.Status, text(p.Order.Lines, p.Order.Charges))
		places := map[string]decimal.Decimal{}
		for _, g := range p.Groups {
			tasks[strings.ToLower(g.TaskID)] = true
			got := map[string]decimal.Decimal{}
			if g.PutAway.Status == cin7test.Authorised {
				for _, l := range g.PutAway.Lines {
					k := strings.ToLower(l.ProductID)
					got[k] = got[k].Add(l.Quantity)
					places[names[k]+" on "+l.Date+" in "+l.Location] = places[names[k]+" on "+l.Date+" in "+l.Location].Add(l.Quantity)
				}
			}
			switch {
			case g.Invoice.Status == cin7test.Authorised || g.Invoice.Status == cin7test.Paid:
				note("invoice %s of %s %s: %s; received %s", g.Invoice.Number, g.Invoice.Date, g.Invoice.Status, text(g.Invoice.Lines, g.Invoice.Charges), quantities(got))
			case len(got) > 0:
				note("received without invoice: %s", quantities(got))
			}
		}
		for k, q := range places {
			note("received %s %s", q, k)
		}
		for _, n := range p.CreditNotes {
			if n.Status == cin7test.Authorised {
				back := map[string]decimal.Decimal{}
				for _, u := range n.Unstock {
					k := strings.ToLower(u.ProductID)
					back[k] = back[k].Add(u.Quantity)
				}
				note("credit note %s of %s against %s: %s; returned %s", n.Number, n.Date, n.InvoiceNumber, text(n.Lines, n.Charges), quantities(back))
			}
			tasks[strings.ToLower(n.TaskID)] = true
		}
	}
	note("%d purchases alive", alive)
	books := map[string]decimal.Decimal{}
	for _, t := range r.sim.Transactions() {
		if tasks[strings.ToLower(t.TaskID)] {
			books[t.DebitAccountCode] = books[t.DebitAccountCode].Add(t.Amount)
			books[t.CreditAccountCode] = books[t.CreditAccountCode].Sub(t.Amount)
		}
	}
	for a, amount := range books {
		if !amount.IsZero() {
			note("ledger %s %s", a, amount.StringFixed(2))
		}
	}
	sort.Strings(lines)
	v := r.verdicts()
	for _, name := range slices.Sorted(maps.Keys(v)) {
		lines = append(lines, name+" "+v[name])
	}
	lines = append(lines, "stage "+r.last.Stage)
	return strings.Join(lines, "\n")
}

func (r *run) marker() string {
	if r.s.PO.ID == 0 {
		return marker(r.tenant.NetSuite.AccountID, ref(netsuite.TypeVendorBill, r.s.Bills[0].ID))
	}
	return marker(r.tenant.NetSuite.AccountID, ref(netsuite.TypePurchaseOrder, r.s.PO.ID))
}

// orders are the arrival orders of a history: all permutations in which what
// cannot happen before something else does not.
func orders(h *history) [][]int {
	var out [][]int
	var walk func(order []int, used int)
	walk = func(order []int, used int) {
		if len(order) == len(h.events) {
			out = append(out, slices.Clone(order))
			return
		}
		for i, e := range h.events {
			if used&(1<<i) != 0 {
				continue
			}
			ready := true
			for j, o := range h.events {
				if slices.Contains(e.after, o.name) && used&(1<<j) == 0 {
					ready = false
				}
			}
			if ready {
				walk(append(order, i), used|1<<i)
			}
		}
	}
	walk(nil, 0)
	return out
}
