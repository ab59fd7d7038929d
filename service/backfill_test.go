package service_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// history puts years of business into NetSuite: vendors, orders, and a bill in
// full for each.
func history(w *distributor.World, vendors, orders int) {
	old := time.Now().Add(-30 * 24 * time.Hour)
	for i := range vendors {
		w.NetSuite.PutVendor(netsuitetest.Vendor{ID: int64(10_001 + i), CompanyName: fmt.Sprintf("Historic Vendor %05d", i), Currency: "USD", Terms: "Net 60", Email: "ap@example.org", Modified: old})
	}
	// The latest change of all, so that the poller's window holds none of the rest.
	w.NetSuite.PutVendor(netsuitetest.Vendor{ID: 10_000, CompanyName: "Recent Vendor", Currency: "USD", Terms: "Net 60"})
	w.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: 100_000, Number: "HPO-LAST", Vendor: 10_000, Date: "2026-11-20", Rate: "1", Location: 1,
		Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}}})
	for i := range orders {
		vendor, po := int64(10_001+i%vendors), int64(100_001+i)
		w.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: po, Number: fmt.Sprint("HPO", i), Vendor: vendor, Date: "2026-11-03", Rate: "1", Location: 1, Modified: old,
			Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}}})
		w.NetSuite.PutBill(netsuitetest.Bill{ID: int64(400_001 + i), Number: fmt.Sprint("H-", i), Vendor: vendor, Date: "2026-11-06", Due: "2026-12-06", Rate: "1", Modified: old,
			Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "10", Amount: "24.00", PO: po, POLine: 1}}})
	}
}

// backfill starts one and waits for its end; meanwhile is called now and then.
func (e *env) backfill(limit time.Duration, meanwhile func(poller.Backfill)) poller.Backfill {
	e.t.Helper()
	c, err := service.Load("", []string{"MLC_ALLOW_PRIVATE_ENDPOINTS=true"})
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := service.StartBackfill(e.t.Context(), c, e.rooms, e.tenant, poller.BackfillRequest{}, false); err != nil {
		e.t.Fatal(err)
	}
	if err := e.rooms.Queue.Resume(e.t.Context(), tenantID); err != nil {
		e.t.Fatal(err)
	}
	var b poller.Backfill
	e.await(limit, func() []string {
		if b, err = poller.BackfillOf(e.t.Context(), e.tenant, e.rooms.States.Tenant(tenantID), e.rooms.Queue, time.Now()); err != nil {
			e.t.Fatal(err)
		}
		if meanwhile != nil {
			meanwhile(b)
		}
		if b.State != poller.BackfillDone {
			return []string{fmt.Sprintf("%+v", b)}
		}
		return nil
	})
	return b
}

func (e *env) steer(verb string) {
	e.t.Helper()
	if _, err := poller.SteerBackfill(e.t.Context(), e.tenant, e.rooms.States.Tenant(tenantID), e.rooms.Queue, verb, time.Now()); err != nil {
		e.t.Fatal(err)
	}
}

// A backfill of years: foretold, paused, stopped with the service in the
// middle, resumed, and run again for reads alone.
func TestBackfill(t *testing.T) {
	t.Parallel()
	vendors, orders := soak.N(20, 5000), soak.N(40, 20_000)
	records := vendors + 2*orders + 2
	e := newEnv(t, distributor.Options{Cin7: cin7test.Options{CallsPerMinute: -1}}, "INVOICE")
	e.tenant.Cin7.CallsPerMinute = 100_000 // as fast as both sides go
	if soak.Long() {
		// An fsync for each of half a million writes would take longer than all the rest.
		e.rdb = redistest.Server(t, "--appendfsync", "everysec")
	}
	history(e.world, vendors, orders)
	e.start()
	// Paused, as the page on backfills says: it comes before the first poll and
	// takes its place.
	if err := e.rooms.Queue.Pause(t.Context(), tenantID, "backfill first"); err != nil {
		t.Fatal(err)
	}
	tn, err := e.rooms.Tenants.Apply(t.Context(), e.tenant, e.creds)
	if err != nil {
		t.Fatal(err)
	}
	e.tenant = tn
	began := time.Now()
	step, early := 0, int64(0)
	b := e.backfill(time.Duration(60+records/5)*time.Second, func(b poller.Backfill) {
		switch {
		case step == 0 && b.Marked > records/6:
			step = 1
			e.steer("pause")
			// A restart in the middle: another process goes on.
			early = e.held()
			e.start()
			e.steer("resume")
		}
	})
	took := time.Since(began)
	if step == 0 {
		t.Error("it ended before it could be paused: the test proves less than it says")
	}
	e.await(60*time.Second, func() []string {
		counts, err := e.rooms.States.Tenant(tenantID).Counts(t.Context())
		if err != nil || counts[queue.Completed] != int64(records) {
			return []string{fmt.Sprint(counts, err)}
		}
		return nil
	})
	calls := byOperation(e.world.Cin7.Calls())
	total, lookUps, writes := 0, 0, 0
	for op, n := range calls {
		total += n
		switch {
		case !strings.HasPrefix(op, http.MethodGet):
			writes += n
		case op == "GET supplier", op == "GET purchaseList":
			lookUps += n
		}
	}
	off := 100 * (float64(b.Forecast.Cin7Calls)/float64(total) - 1)
	soak.Figure(t, "backfill", "%d vendors, %d orders, %d bills in %s; %d calls to Cin7 (%.2f a record), of them %d writes and %d look-ups by list (%.3f a record); %d calls to NetSuite (%.3f a record)",
		vendors, orders, orders, took.Round(time.Second), total, float64(total)/float64(records), writes, lookUps, float64(lookUps)/float64(records), len(e.world.NetSuite.Calls()), float64(len(e.world.NetSuite.Calls()))/float64(records))
	soak.Figure(t, "backfill forecast of Cin7", "%d calls to Cin7 foretold, %d made: %+.1f %%", b.Forecast.Cin7Calls, total, off)
	made := len(e.world.NetSuite.Calls())
	soak.Figure(t, "backfill forecast of NetSuite", "%d calls foretold, %d made, polls included", b.Forecast.NetSuiteCalls, made)
	late := e.held()
	e.start()
	soak.Figure(t, "backfill memory", "the service held %.1f MiB after a sixth of the records, %.1f MiB after all", soak.MiB(early), soak.MiB(late))
	// In the short form others run beside it.
	if soak.Long() && late-early > 32<<20 {
		t.Errorf("the service held %.1f MiB at the end, %.1f MiB after a sixth: want no more than 32 MiB between", soak.MiB(late), soak.MiB(early))
	}
	for _, op := range slices.Sorted(maps.Keys(calls)) {
		t.Logf("%6d %s", calls[op], op)
	}
	if off < -10 || off > 10 {
		t.Errorf("the forecast was %d calls to Cin7, %d were made: %+.1f %%", b.Forecast.Cin7Calls, total, off)
	}
	// A batch shares its look-ups.
	if share := float64(lookUps) / float64(records); share > 0.1 {
		t.Errorf("%.3f look-ups by list a record, want at most 0.1", share)
	}
	for _, d := range e.world.Doubles() {
		t.Error(d)
	}
	// Again: reads alone.
	before := len(e.world.Cin7.Calls())
	again := e.backfill(60*time.Second, nil)
	if again.Marked != 0 || again.Forecast.Cin7Calls != 0 {
		t.Errorf("again: marked %d, foretold %d calls", again.Marked, again.Forecast.Cin7Calls)
	}
	for _, c := range e.world.Cin7.Calls()[before:] {
		if c.Method != http.MethodGet {
			t.Errorf("again: %s %s", c.Method, c.Path)
		}
	}
	cov, err := poller.CoverageOf(t.Context(), e.tenant, e.rooms.States.Tenant(tenantID), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cov {
		if !c.Complete {
			t.Errorf("%s: %s", c.Type, c.Text())
		}
	}
}

// held stops the service and says how much of the heap was its own: what it
// held, and what became free with it. The simulators keep the rest.
func (e *env) held() int64 {
	e.t.Helper()
	with := heapNow()
	e.stop()
	return with - heapNow()
}

func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers of the first have let go
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func byOperation(calls []cin7test.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		out[c.Method+" "+c.Path]++
	}
	return out
}

// applied is the tenant in force, and the settings of whoever starts a backfill.
func (e *env) applied() (*tenant.Tenant, service.Config) {
	e.t.Helper()
	tn, err := e.rooms.Tenants.Apply(e.t.Context(), e.tenant, e.creds)
	if err != nil {
		e.t.Fatal(err)
	}
	c, err := service.Load("", []string{"MLC_ALLOW_PRIVATE_ENDPOINTS=true"})
	if err != nil {
		e.t.Fatal(err)
	}
	return tn, c
}

// A mistake in what is asked for is told before anything happens.
func TestBackfillRequests(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.start()
	tn, c := e.applied()
	for name, in := range map[string]poller.BackfillRequest{
		"in the future":  {Since: "2999-01-01"},
		"want a date":    {Since: "01.11.2026"},
		"no record type": {Types: []string{"invoice"}},
		"calls per min":  {CallsPerMinute: 1 << 20},
	} {
		_, err := service.StartBackfill(context.Background(), c, e.rooms, tn, in, false)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: got %v, want %q", in, err, name)
		}
	}
	h, err := e.rooms.States.Tenant(tenantID).Backfill(t.Context())
	if err != nil || len(h) != 0 {
		t.Errorf("something was started: %v, %v", h, err)
	}
}

// Of operators who start a backfill at once, one does, and the others are told.
func TestBackfillsStartedAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.open()
	tn, c := e.applied()
	since := [...]string{"", "2026-11-01", "2026-11-02", "2026-11-03"}
	var started [len(since)]bool
	var all sync.WaitGroup
	for i, day := range since {
		all.Go(func() {
			_, err := service.StartBackfill(context.Background(), c, e.rooms, tn, poller.BackfillRequest{Since: netsuite.Date(day)}, false)
			if started[i] = err == nil; !started[i] && !errors.Is(err, state.ErrBackfillRuns) {
				t.Errorf("since %q: %v", day, err)
			}
		})
	}
	all.Wait()
	b, err := poller.BackfillOf(t.Context(), tn, e.rooms.States.Tenant(tenantID), e.rooms.Queue, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i, day := range since {
		if started[i] != (string(b.Since) == day) {
			t.Errorf("since %q: told that it started: %t; the one under way is since %q", day, started[i], b.Since)
		}
	}
}

// Webhooks that are all lost, or half lost and the rest doubled and shuffled,
// end as if all had come: the poller finds what they did not tell.
func TestWebhooksLost(t *testing.T) {
	for name, d := range map[string]netsuitetest.Delivery{
		"all":                          {LoseEvery: 1},
		"half, the rest shuffled":      {LoseEvery: 2, Reverse: 4},
		"some, all others three times": {LoseEvery: 3, DoubleEvery: 1, Reverse: 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, distributor.Options{}, "INVOICE")
			e.world.TellPast()
			e.start()
			e.apply()
			d.URL, d.Variant = e.hook(), 1
			e.world.NetSuite.Deliver(d)
			e.world.TellLive()
			if err := e.world.NetSuite.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			told := time.Now()
			if err := e.rooms.States.Tenant(tenantID).RequestPoll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := e.rooms.Queue.Wake(t.Context(), tenantID, time.Time{}); err != nil {
				t.Fatal(err)
			}
			e.allWell()
			soak.Figure(t, "webhooks lost: "+name, "the same end state %s after the last change, one poll later", time.Since(told).Round(100*time.Millisecond))
		})
	}
}
