package handlers

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// shop is the company of package distributor, its lists and no documents, in
// both simulators over HTTP, with one lane that this test serves turn by turn
// on a clock of its own.
type shop struct {
	t       testing.TB
	world   *distributor.World
	mini    *miniredis.Miniredis
	clock   atomic.Int64 // nanoseconds
	rdb     *redis.Client
	queue   *queue.Queue
	states  *state.Store
	tenants *tenant.Store
	worker  *Worker
	tenant  *tenant.Tenant
	creds   tenant.Credentials
}

const shopID = "cascade"

// newShop opens the company; edit changes the tenant before it is applied.
func newShop(t testing.TB, o distributor.Options, edit func(*tenant.Tenant)) *shop {
	t.Helper()
	s := &shop{t: t, mini: miniredis.RunT(t)}
	s.clock.Store(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano())
	s.mini.SetTime(s.now())
	o.NetSuite.Now, o.Cin7.Now, o.Cin7.CallsPerMinute = s.now, s.now, -1
	world, err := distributor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.world = world
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(world.NetSuite), httptest.NewServer(world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	s.tenant, s.creds, err = tenant.ParseYAML([]byte(world.Tenant(shopID, ns.URL, c7.URL, "INVOICE")), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		t.Fatal(err)
	}
	s.tenant.Cin7.CallsPerMinute = 100_000
	rdb := redis.NewClient(&redis.Options{Addr: s.mini.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s.rdb = rdb
	s.queue, s.states, s.tenants = queue.New(rdb, queue.Options{}), state.New(rdb), tenant.NewStore(rdb, ks)
	// The call budget runs on the true clock: it paces calls within a turn.
	s.worker = NewWorker(s.queue, s.states, s.tenants, NewBudget(redistest.Embedded(t)), nil, canary.OfTenant(s.creds.NetSuiteKeyPEM.Reveal(), distributor.Cin7Key, distributor.WebhookSecret).Logger(t), prometheus.NewRegistry(),
		Options{Owner: "test", Now: s.now, Settle: 3 * time.Minute, Version: "1"})
	s.apply(func(tn *tenant.Tenant) {
		if edit != nil {
			edit(tn)
		}
	})
	return s
}

func (s *shop) now() time.Time { return time.Unix(0, s.clock.Load()).UTC() }

// apply stores a change of the tenant, as `tenant apply` does.
func (s *shop) apply(edit func(*tenant.Tenant)) {
	s.t.Helper()
	edit(s.tenant)
	if err := s.tenant.CheckSync(); err != nil {
		s.t.Fatal(err)
	}
	applied, err := s.tenants.Apply(s.t.Context(), s.tenant, s.creds)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tenant = applied
	s.serve()
}

// tell marks records, as a webhook or the poller does, and serves the lane.
func (s *shop) tell(refs ...queue.Ref) {
	s.t.Helper()
	for _, r := range refs {
		if _, err := s.queue.Mark(s.t.Context(), shopID, queue.Live, queue.Mark{Ref: r, Source: "webhook"}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.serve()
}

// serve runs turns until the lane has nothing to do within five minutes of
// the clock, which goes on to what is due by then.
func (s *shop) serve() {
	s.t.Helper()
	ctx := s.t.Context()
	if err := s.queue.Wake(ctx, shopID, time.Time{}); err != nil {
		s.t.Fatal(err)
	}
	until := s.now().Add(5 * time.Minute)
	for range 500 {
		lane, err := s.queue.Claim(ctx, "test")
		if err != nil {
			s.t.Fatal(err)
		}
		if lane != nil {
			s.worker.turn(ctx, lane)
			continue
		}
		due, err := s.queue.NextDue(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		if due.IsZero() || due.After(until) {
			return
		}
		s.setClock(due)
	}
	s.t.Fatal("the lane does not come to rest")
}

// pass lets time go by, in steps like those of the poller, and serves the lane
// at each.
func (s *shop) pass(d time.Duration) {
	s.t.Helper()
	for end := s.now().Add(d); s.now().Before(end); {
		s.setClock(s.now().Add(min(10*time.Minute, end.Sub(s.now()))))
		s.serve()
	}
}

func (s *shop) setClock(at time.Time) {
	if at.After(s.now()) {
		s.clock.Store(at.UnixNano())
	}
	s.mini.SetTime(s.now())
}

func (s *shop) record(r queue.Ref) state.Record {
	s.t.Helper()
	recs, err := s.states.Tenant(shopID).Get(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return recs[0]
}

// timeline is what `records show` tells of a record.
func (s *shop) timeline(r queue.Ref) string {
	s.t.Helper()
	steps, err := s.states.Tenant(shopID).Timeline(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, st := range steps {
		out = append(out, st.Name+": "+st.Text)
	}
	return strings.Join(out, "\n")
}

// completed fails unless every record that is known is in step.
func (s *shop) completed() {
	s.t.Helper()
	page, err := s.states.Tenant(shopID).List(context.WithoutCancel(s.t.Context()), state.Filter{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(page.Records) == 0 {
		s.t.Error("no record is known")
	}
	for _, r := range page.Records {
		if r.State != queue.Completed {
			s.t.Errorf("%s is %s, %s: %s\n%s", r.Ref, r.State, r.Reason, r.Message, s.timeline(r.Ref))
		}
	}
}

// The documents of a shop. Ids of items, accounts and so on are those of
// package distributor: item 2001 is webbing, account 151 freight, 169 has no
// counterpart in Cin7.
const (
	shopVendor  = 301
	shopOrder   = 4001
	shopBill    = 6001
	shopReceipt = 5001
)

func shopRef(kind netsuite.RecordType, id int64) queue.Ref { return ref(kind, netsuite.ID(id)) }

var (
	theVendor  = shopRef(netsuite.TypeVendor, shopVendor)
	theOrder   = shopRef(netsuite.TypePurchaseOrder, shopOrder)
	theBill    = shopRef(netsuite.TypeVendorBill, shopBill)
	theReceipt = shopRef(netsuite.TypeItemReceipt, shopReceipt)
)

// vendor enters the vendor, Cascade Webbing Co, USD, Net 30.
func (s *shop) vendor(edit ...func(*netsuitetest.Vendor)) {
	v := netsuitetest.Vendor{ID: shopVendor, EntityID: "V-1001", CompanyName: "Cascade Webbing Co", Currency: "USD", Terms: "Net 30"}
	for _, f := range edit {
		f(&v)
	}
	s.world.NetSuite.PutVendor(v)
}

// order enters PO1041: 100 webbing at 2.40 and 60.00 of freight.
func (s *shop) order(edit ...func(*netsuitetest.PurchaseOrder)) {
	o := netsuitetest.PurchaseOrder{ID: shopOrder, Number: "PO1041", Vendor: shopVendor, Date: "2026-11-02", Location: 1, Tax: "30.00",
		Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "100", Amount: "240.00"}, {Account: 151, Memo: "inbound freight", Amount: "60.00"}}}
	for _, f := range edit {
		f(&o)
	}
	s.world.NetSuite.PutPurchaseOrder(o)
}

// bill enters CW-88121, which bills the whole order: 330.00 with tax.
func (s *shop) bill(edit ...func(*netsuitetest.Bill)) {
	b := netsuitetest.Bill{ID: shopBill, Number: "CW-88121", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
		Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "100", Amount: "240.00", PO: shopOrder, POLine: 1},
			{Account: 151, Memo: "inbound freight", Amount: "60.00", PO: shopOrder, POLine: 2}},
		Taxes: []netsuitetest.TaxLine{{Account: 112, Amount: "30.00"}}}
	for _, f := range edit {
		f(&b)
	}
	s.world.NetSuite.PutBill(b)
}

// receipt enters what came: the whole order.
func (s *shop) receipt(edit ...func(*netsuitetest.Receipt)) {
	r := netsuitetest.Receipt{ID: shopReceipt, PO: shopOrder, Date: "2026-11-05"}
	for _, f := range edit {
		f(&r)
	}
	s.world.NetSuite.PutReceipt(r)
}

// purchase is the only purchase in Cin7.
func (s *shop) purchaseID() string {
	s.t.Helper()
	all := s.world.Cin7.Purchases()
	if len(all) != 1 {
		s.t.Fatalf("Cin7 has %d purchases, want one", len(all))
	}
	return all[0].ID
}

// ledger is what the ledger of Cin7 holds, in base currency.
func (s *shop) ledger() string {
	var out []string
	for _, x := range s.world.Cin7.Transactions() {
		out = append(out, fmt.Sprintf("%s/%s %s", x.DebitAccountCode, x.CreditAccountCode, x.Amount.StringFixed(2)))
	}
	return strings.Join(out, ", ")
}

func TestShopIsInStep(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	s.order()
	s.receipt()
	s.bill()
	s.tell(theReceipt, theBill)
	s.completed()
	if got, want := s.ledger(), "1200/2000 240.00, 1370/2000 24.00, 5100/2000 60.00, 1370/2000 6.00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// supplier is the id of the only supplier in Cin7 of that name.
func (s *shop) supplierID(name string) string {
	s.t.Helper()
	var ids []string
	for _, x := range s.world.Cin7.Suppliers() {
		if x.Name == name {
			ids = append(ids, x.ID)
		}
	}
	if len(ids) != 1 {
		s.t.Fatalf("Cin7 has %d suppliers %q, want one", len(ids), name)
	}
	return ids[0]
}
