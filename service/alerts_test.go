package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// redisFault makes the service's connections to Redis fail in one way: "down",
// "readonly" (scripts are refused), "panic" (a defect in what reads webhooks).
type redisFault struct{ mode atomic.Value }

func (f *redisFault) is(mode string) bool { m, _ := f.mode.Load().(string); return m == mode }

func (f *redisFault) strike(cmds ...redis.Cmder) error {
	for _, c := range cmds {
		switch {
		case f.is("down"):
			return errors.New("connection refused")
		case f.is("readonly") && strings.HasPrefix(c.Name(), "eval"):
			return errors.New("READONLY You can't write against a read only replica.")
		case f.is("panic") && c.Name() == "xrevrange":
			panic("a defect")
		}
	}
	return nil
}

func (f *redisFault) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *redisFault) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := f.strike(cmd); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (f *redisFault) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := f.strike(cmds...); err != nil {
			for _, c := range cmds {
				c.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}

// watcher scrapes a running service and makes it suffer.
type watcher struct {
	*env
	fault  *redisFault
	vendor int64
}

func (w *watcher) scrape() *scraped { return &scraped{time.Now(), w.env.scrape()} }

// until scrapes until what it wants is told.
func (w *watcher) until(what string, ok func(get func(name string, labels ...string) float64) bool) *scraped {
	w.t.Helper()
	var s *scraped
	w.await(5*time.Minute, func() []string {
		s = w.scrape()
		if !ok(func(name string, labels ...string) float64 { return sum(s, name, labels...) }) {
			return []string{"not told: " + what}
		}
		return nil
	})
	return s
}

// sum of the series with the labels; 0 when there is none.
func sum(s *scraped, name string, labels ...string) float64 {
	total := 0.0
series:
	for _, m := range s.families[name].GetMetric() {
		for i := 0; i+1 < len(labels); i += 2 {
			found := false
			for _, l := range m.GetLabel() {
				found = found || l.GetName() == labels[i] && strings.HasPrefix(l.GetValue(), labels[i+1])
			}
			if !found {
				continue series
			}
		}
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return total
}

// apply applies the tenant with a change.
func (w *watcher) change(edit func(*tenant.Tenant)) {
	w.t.Helper()
	t := *w.tenant
	edit(&t)
	if _, err := w.rooms.Tenants.Apply(w.t.Context(), &t, w.creds); err != nil {
		w.t.Fatal(err)
	}
}

// hold keeps workers off the lane, as one that hangs would; a past time lets
// them in.
func (w *watcher) hold(until time.Time) {
	w.t.Helper()
	ctx := w.t.Context()
	w.await(2*time.Minute, func() []string { // not in the middle of a turn, which ends by writing its own
		l, err := w.rooms.Queue.Lane(ctx, tenantID)
		if err != nil || l.Owner != "" {
			return []string{"the lane is with " + l.Owner}
		}
		return nil
	})
	if err := w.rdb.HSet(ctx, queue.KeyLane(tenantID), "hold", until.UnixMilli()).Err(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.rooms.Queue.Wake(ctx, tenantID, time.Time{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watcher) release() { w.t.Helper(); w.hold(time.Now().Add(-time.Hour)) }

// work gives the service a vendor to create.
func (w *watcher) work() {
	w.t.Helper()
	w.vendor++
	id := w.world.NetSuite.PutVendor(netsuitetest.Vendor{EntityID: fmt.Sprintf("ALERT-%d", w.vendor), CompanyName: fmt.Sprintf("Alert Supplies %d", w.vendor)})
	if _, err := w.rooms.Queue.Mark(w.t.Context(), tenantID, queue.Live, queue.Mark{Ref: queue.Ref{Type: "vendor", ID: fmt.Sprint(id)}, Source: "webhook"}); err != nil {
		w.t.Fatal(err)
	}
}

// idle waits until nothing is left to do.
func (w *watcher) idle() *scraped {
	w.t.Helper()
	return w.until("an idle lane", func(get func(string, ...string) float64) bool {
		return get("mlc_redis_ok") == 1 && get("mlc_lane_depth") == 0 && get("mlc_lane_held") == 0 && get("mlc_uncertain_writes_open") == 0
	})
}

func (w *watcher) post(path, body string) int {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Every alert is fired by its own fault of a running service and cleared when
// that is mended, as Prometheus' own rule engine sees what the service told;
// and a day without a fault fires none. Run by make alerts-check, which has
// promtool.
func TestAlertsFire(t *testing.T) {
	if os.Getenv("MLC_OPS") == "" {
		t.Skip("needs promtool and minutes: make alerts-check runs it")
	}
	t.Parallel()
	ctx := t.Context()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.environ = []string{"MLC_SETTLE_SECONDS=3"}
	w := &watcher{env: e, fault: &redisFault{}}
	own := e.rdb.(*redis.Client)
	const pool = 20
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: own.Options().Addr, ContextTimeoutEnabled: true, MaxRetries: -1, PoolSize: pool, PoolTimeout: 100 * time.Millisecond})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(w.fault)
	e.rdb = client
	e.start()
	e.rdb = own
	e.open()
	none := w.scrape()
	var bouts []bout

	// The month, with too few calls at first, then with closed books.
	e.world.TellPast()
	e.world.Cin7.SetLockDate("2030-01-01")
	e.apply()
	w.change(func(t *tenant.Tenant) { t.Cin7.CallsPerMinute = 30 })
	spent := w.until("no calls left", func(get func(string, ...string) float64) bool {
		return get("mlc_cin7_budget_remaining") == 0 && get("mlc_lane_depth") > 0
	})
	w.change(func(*tenant.Tenant) {})
	w.release()
	e.tellLive(1)
	parked := w.until("five parked records", func(get func(string, ...string) float64) bool {
		return get("mlc_parked_records", "reason", "period_locked") >= 5 && get("mlc_lane_depth") == 0
	})
	e.world.Cin7.SetLockDate("")
	if _, err := e.rooms.States.Tenant(tenantID).Release(ctx, e.rooms.Queue, "the books are open again", "period_locked"); err != nil {
		t.Fatal(err)
	}
	e.allWell()
	unmapped := w.until("an unmapped account", func(get func(string, ...string) float64) bool { return get("mlc_unmapped_accounts") == 1 })
	m := e.tenant.Sync.Mapping
	m.Accounts["6990"] = "429"
	w.change(func(t *tenant.Tenant) { t.Sync.Mapping = m })
	if _, err := e.rooms.States.Tenant(tenantID).Release(ctx, e.rooms.Queue, "the mapping was changed", state.MappingReasons[:]...); err != nil {
		t.Fatal(err)
	}
	w.release()
	w.until("all mapped", func(get func(string, ...string) float64) bool {
		return get("mlc_unmapped_accounts") == 0 && get("mlc_lane_depth") == 0
	})
	last := w.idle()
	bouts = append(bouts, bout{alert: "a clean day", before: none, during: last, after: last, minutes: 24 * 60, clean: true},
		bout{alert: "MLCBudgetExhausted", before: last, during: spent, after: last, minutes: 300},
		bout{alert: "MLCParkedGrowing", before: last, during: parked, after: last, minutes: 30},
		bout{alert: "MLCUnmappedAccounts", before: last, during: unmapped, after: last, minutes: 30})
	add := func(alert string, minutes int, during *scraped, mend func()) {
		t.Helper()
		before := last
		if mend != nil {
			mend()
		}
		last = w.idle()
		bouts = append(bouts, bout{alert: alert, before: before, during: during, after: last, minutes: minutes})
		t.Logf("recorded %s", alert)
	}

	// The doors.
	w.fault.mode.Store("panic")
	if code := status(t, e.ops+"/api/v1/tenants/"+tenantID+"/events"); code != http.StatusInternalServerError {
		t.Errorf("a panic is answered %d", code)
	}
	w.fault.mode.Store("")
	add("MLCPanics", 5, w.scrape(), nil)
	w.fault.mode.Store("readonly")
	if code := w.post(e.hook(), `{"type":"vendor","id":"1"}`); code != http.StatusServiceUnavailable {
		t.Errorf("without Redis a post is answered %d", code)
	}
	w.fault.mode.Store("")
	add("MLCWebhooksUnavailable", 20, w.scrape(), nil)
	w.change(func(t *tenant.Tenant) { t.Webhook.Allowlist = []string{"203.0.113.0/24"} })
	refused := w.until("posts refused by address", func(get func(string, ...string) float64) bool {
		w.post(e.hook(), `{"type":"vendor","id":"1"}`)
		return get("mlc_webhook_requests_total", "result", "bad_address") >= 2
	})
	add("MLCWebhooksRefusedByAddress", 40, refused, func() {
		w.change(func(*tenant.Tenant) {})
		w.until("posts taken again", func(func(string, ...string) float64) bool {
			return w.post(e.hook(), `{"type":"purchaseorder","id":"1"}`) == http.StatusAccepted
		})
	})
	before := last
	if code := w.post(e.hook(), `{"type":"vendor","id":"1"}`); code != http.StatusAccepted {
		t.Errorf("a post is answered %d", code)
	}
	last = w.idle()
	bouts = append(bouts, bout{alert: "MLCWebhooksSilent", before: before, during: before, after: last, minutes: 75 * 60, stands: true})

	// Redis.
	w.fault.mode.Store("down")
	add("MLCRedisDown", 10, w.until("Redis down", func(get func(string, ...string) float64) bool { return get("mlc_redis_ok") == 0 }), func() { w.fault.mode.Store("") })
	set := func(k, v string) {
		t.Helper()
		if err := own.ConfigSet(ctx, k, v).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("appendfsync", "everysec")
	add("MLCRedisNotDurable", 15, w.scrape(), func() { set("appendfsync", "always") })
	info, err := own.InfoMap(ctx, "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	used := 0.0
	if _, err := fmt.Sscan(info["Memory"]["used_memory"], &used); err != nil {
		t.Fatal(err)
	}
	set("maxmemory", fmt.Sprint(int64(used*1.15)))
	add("MLCRedisFilling", 20, w.scrape(), func() { set("maxmemory", "0") })
	var held []*redis.Conn
	for len(held) < pool {
		c := client.Conn()
		if c.Ping(ctx).Err() == nil {
			held = append(held, c)
		} else {
			_ = c.Close()
		}
	}
	timeouts := client.PoolStats().Timeouts
	e.await(30*time.Second, func() []string {
		if client.PoolStats().Timeouts < timeouts+3 {
			return []string{"nobody waits for a connection"}
		}
		return nil
	})
	for _, c := range held {
		_ = c.Close()
	}
	add("MLCRedisPoolTimeouts", 20, w.scrape(), nil)

	// The lane.
	w.hold(time.Now().Add(time.Hour))
	const late = 5 // of what settles in this bout, more than one in twenty
	for range late {
		w.work()
	}
	stream := queue.KeyStream(tenantID, queue.Live)
	entries, err := own.XRange(ctx, stream, "-", "+").Result()
	if err != nil || len(entries) != late {
		t.Fatalf("%v %v", entries, err)
	}
	_, err = own.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, stream)
		for _, e := range entries {
			e.Values["at"] = time.Now().Add(-2 * time.Hour).UnixMilli()
			p.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: e.ID, Values: e.Values})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	before = last
	old := w.until("an old mark", func(get func(string, ...string) float64) bool { return get("mlc_oldest_mark_age_seconds") > 7000 })
	add("MLCOldestMark", 20, old, w.release)
	bouts = append(bouts, bout{alert: "MLCLagHigh", before: before, during: last, after: last, minutes: 60})
	w.hold(time.Now().Add(time.Hour))
	stale := time.Now().Add(-3 * time.Hour).UTC().Format(time.RFC3339)
	for _, typ := range e.tenant.Sync.Types {
		if err := own.HSet(ctx, queue.KeyWatermarks(tenantID), "polled:"+typ, stale).Err(); err != nil {
			t.Fatal(err)
		}
	}
	add("MLCPollStale", 20, w.scrape(), func() {
		if err := e.rooms.States.Tenant(tenantID).RequestPoll(ctx); err != nil {
			t.Fatal(err)
		}
		w.release()
		w.until("polled again", func(get func(string, ...string) float64) bool {
			return get("mlc_poll_watermark_age_seconds", "type", "vendorbill") < 600
		})
	})
	tie := func(v int64) {
		t.Helper()
		if err := e.rooms.States.Tenant(tenantID).SetTieOut(ctx, state.TieOutFigures{Unexplained: v}, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	tie(1234)
	add("MLCTieOutNotZero", 10, w.scrape(), func() { tie(0) })

	// The systems.
	e.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=supplier", When: "after", Shape: "close"})
	w.work()
	w.release()
	open := w.until("an uncertain write", func(get func(string, ...string) float64) bool { return get("mlc_uncertain_writes_open") == 1 })
	add("MLCUncertainWrites", 40, open, nil)
	e.world.Cin7.RevokeKey(distributor.Cin7Account, distributor.Cin7Key)
	w.work()
	w.release()
	denied := w.until("refused credentials", func(get func(string, ...string) float64) bool {
		return get("mlc_lane_held", "reason", "credentials") == 1
	})
	add("MLCCredentialsRefused", 15, denied, func() {
		e.world.Cin7.AddKey(distributor.Cin7Account, distributor.Cin7Key)
		w.release()
	})
	suffer := func(metric string, n float64, labels ...string) *scraped {
		t.Helper()
		start := sum(w.scrape(), metric, labels...)
		return w.until(fmt.Sprint(metric, labels), func(get func(string, ...string) float64) bool {
			w.release()
			return get(metric, labels...) >= start+n
		})
	}
	e.world.Cin7.FailNext(cin7test.Fault{Shape: "500", Times: -1})
	w.work()
	add("MLCCin7Failing", 30, suffer("mlc_upstream_requests_total", 2, "system", "cin7", "code", "5"), func() { e.world.Cin7.ClearFaults(); w.release() })
	e.world.Cin7.FailNext(cin7test.Fault{Shape: "limit", Times: -1})
	w.work()
	add("MLCRateLimited", 60, suffer("mlc_rate_limited_total", 3, "system", "cin7"), func() { e.world.Cin7.ClearFaults(); w.release() })
	e.world.NetSuite.FailNext(netsuitetest.Fault{Status: 500, Times: -1})
	w.work()
	add("MLCNetSuiteFailing", 30, suffer("mlc_upstream_requests_total", 2, "system", "netsuite", "code", "5"), func() { e.world.NetSuite.ClearFaults(); w.release() })

	// The certificate.
	for _, c := range []struct {
		days string
		left time.Duration
	}{{"60", 45 * 24 * time.Hour}, {"30", 20 * 24 * time.Hour}, {"14", 10 * 24 * time.Hour}, {"7", 3 * 24 * time.Hour}, {"1", 12 * time.Hour}} {
		w.change(func(tn *tenant.Tenant) { tn.NetSuite.Certificate = certificate(t, time.Now().Add(c.left)) })
		before, during := last, w.scrape()
		w.change(func(tn *tenant.Tenant) { tn.NetSuite.Certificate = certificate(t, time.Now().Add(700*24*time.Hour)) })
		last = w.idle()
		bouts = append(bouts, bout{alert: "MLCCertificateEnding", days: c.days, before: before, during: during, after: last, minutes: 30})
	}

	if err := own.Del(ctx, queue.KeyEpoch).Err(); err != nil { // as on a server that was emptied
		t.Fatal(err)
	}
	w.work()
	add("MLCRedisLostData", 20, w.until("a loss", func(get func(string, ...string) float64) bool { return get("mlc_redis_losses_total") > 0 }), nil)

	// The end.
	e.stop()
	before = last
	e.rdb = client
	e.start()
	e.rdb = own
	last = w.idle()
	bouts = append(bouts, bout{alert: "MLCDown", before: before, after: last, minutes: 20})

	var fired []string
	for _, b := range bouts {
		if !b.clean {
			fired = append(fired, strings.TrimSpace(b.alert+" "+b.days))
		}
	}
	slices.Sort(fired)
	const rules = "../deploy/prometheus/rules.yaml"
	if diff := cmp.Diff(fired, ruled(t, rules)); diff != "" {
		t.Errorf("alerts with a fault (-) and in the rules (+) differ:\n%s", diff)
	}
	judge(t, rules, bouts)
	t.Logf("figure alerts: %d fired by their own fault and cleared; none in a clean day", len(fired))
}
