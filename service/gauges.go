package service

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// gauges reads what stands in Redis when somebody scrapes. Every process tells
// the same, so queries over several take the max by tenant, never the sum.
type gauges struct {
	rooms  Rooms
	rdb    redis.UniversalClient
	budget *handlers.Budget
	log    *zap.Logger
	each   bool // series per tenant

	depth, oldest, records, parked, held, paused, budgetLeft, polled, interval, gaps, unmapped, tieOut, certificate, webhook, open *prometheus.Desc

	ok, durable, memory, tenants *prometheus.Desc

	mu   sync.Mutex
	keys map[string]cin7Key // tenant -> what its budget is counted under
}

// cin7Key spares opening the credentials at each scrape.
type cin7Key struct {
	version int64
	creds   tenant.Credentials
}

const (
	// collectTimeout ends a scrape before Prometheus' own 10 s do.
	collectTimeout = 8 * time.Second
	// collectAtOnce is how many tenants are read side by side.
	collectAtOnce = 16
)

func newGauges(c Config, rooms Rooms, rdb redis.UniversalClient, budget *handlers.Budget, log *zap.Logger) *gauges {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("mlc_"+name, help, labels, nil)
	}
	return &gauges{rooms: rooms, rdb: rdb, budget: budget, log: log, each: c.TenantMetrics, keys: map[string]cin7Key{},
		depth:       d("lane_depth", "Marks that are not settled.", "tenant"),
		oldest:      d("oldest_mark_age_seconds", "Age of the oldest mark that is not settled; 0 when there is none.", "tenant"),
		records:     d("records", "Records by state.", "tenant", "state"),
		parked:      d("parked_records", "Parked records by reason.", "tenant", "reason"),
		held:        d("lane_held", "1 while the lane was last held back for this reason.", "tenant", "reason"),
		paused:      d("lane_paused", "1 while an operator has paused the tenant.", "tenant"),
		budgetLeft:  d("cin7_budget_remaining", "Calls to Cin7 that may go out at once right now.", "tenant"),
		polled:      d("poll_watermark_age_seconds", "Time since NetSuite was last asked for changes of this type; since the tenant was applied when it never was.", "tenant", "type"),
		interval:    d("poll_interval_seconds", "Time from the last poll to the next one that is due; 900 when there was none.", "tenant"),
		gaps:        d("coverage_gaps", "Known gaps in what was read of this type: 0 means complete up to the last poll.", "tenant", "type"),
		unmapped:    d("unmapped_accounts", "NetSuite accounts that parked records name and that no Cin7 account matches.", "tenant"),
		tieOut:      d("tieout_unexplained_minor_units", "Difference between the books that nothing explains, as the last reconciliation found it, in hundredths of the base currency.", "tenant"),
		certificate: d("certificate_expiry_timestamp_seconds", "When the NetSuite certificate ends; only for tenants that gave it.", "tenant"),
		webhook:     d("webhook_last_timestamp_seconds", "When the last good webhook came; only for tenants with subscriptions, once one came.", "tenant"),
		open:        d("uncertain_writes_open", "Records that wait for the outcome of a write to be known.", "tenant"),
		ok:          d("redis_ok", "1 when Redis answers."),
		durable:     d("redis_durable", "1 when Redis keeps what it acknowledged through a crash and a loss of power; -1 when it does not let us look."),
		memory:      d("redis_memory_used_ratio", "Share of maxmemory in use; 0 when there is no limit."),
		tenants:     d("tenants", "Tenants that are set up."),
	}
}

// Describe serves prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.depth, g.oldest, g.records, g.parked, g.held, g.paused, g.budgetLeft, g.polled, g.interval, g.gaps, g.unmapped, g.tieOut, g.certificate,
		g.webhook, g.open, g.ok, g.durable, g.memory, g.tenants} {
		ch <- d
	}
}

// Collect serves prometheus.Collector. Whatever happens, mlc_redis_ok is told.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	h := lookAtRedis(ctx, g.rdb)
	gauge(g.ok, number(h.answers))
	if !h.answers {
		return
	}
	switch {
	case h.known:
		gauge(g.durable, number(h.durable))
	default:
		gauge(g.durable, -1)
	}
	gauge(g.memory, h.used)
	if !g.each { // thousands, so that their number is all that is read
		ids, err := g.rooms.Tenants.IDs(ctx)
		if err != nil {
			g.log.Warn("collect metrics: count the tenants", zap.Error(err))
			return
		}
		gauge(g.tenants, float64(len(ids)))
		return
	}
	tenants, err := g.rooms.Tenants.List(ctx)
	if err != nil {
		g.log.Warn("collect metrics: list the tenants", zap.Error(err))
		return
	}
	gauge(g.tenants, float64(len(tenants)))
	var eg errgroup.Group
	eg.SetLimit(collectAtOnce)
	for _, t := range tenants {
		eg.Go(func() error {
			if err := g.tenant(ctx, t, gauge); err != nil {
				g.log.Warn("collect metrics of a tenant", zap.String("tenant", t.ID), zap.Error(err))
			}
			return nil
		})
	}
	_ = eg.Wait()
}

// tenant tells everything of one tenant.
func (g *gauges) tenant(ctx context.Context, t *tenant.Tenant, gauge func(*prometheus.Desc, float64, ...string)) error {
	now := time.Now()
	lane, err := g.rooms.Queue.Lane(ctx, t.ID)
	if err != nil {
		return err
	}
	age := 0.0
	if !lane.Oldest.IsZero() {
		age = max(0, now.Sub(lane.Oldest).Seconds())
	}
	gauge(g.depth, float64(lane.Depth[queue.Live]+lane.Depth[queue.Bulk]), t.ID)
	gauge(g.oldest, age, t.ID)
	gauge(g.paused, number(lane.Paused != ""), t.ID)
	recs := g.rooms.States.Tenant(t.ID)
	counts, err := recs.Counts(ctx)
	if err != nil {
		return err
	}
	for s, n := range counts {
		gauge(g.records, float64(n), t.ID, string(s))
	}
	reasons, err := recs.Reasons(ctx)
	if err != nil {
		return err
	}
	for _, r := range handlers.ParkReasons {
		gauge(g.parked, float64(reasons[r]), t.ID, r)
	}
	wm, err := recs.Watermarks(ctx)
	if err != nil {
		return err
	}
	held, _, _ := strings.Cut(wm[state.Held], ":")
	for _, r := range handlers.HoldReasons {
		gauge(g.held, number(held == r), t.ID, r)
	}
	for _, typ := range t.Sync.Types {
		since := poller.PolledAt(wm, typ)
		if since.IsZero() {
			since = t.AppliedAt
		}
		gauge(g.polled, max(0, now.Sub(since).Seconds()), t.ID, typ)
	}
	gauge(g.interval, poller.Interval(wm).Seconds(), t.ID)
	covered, err := poller.CoverageOf(ctx, t, recs, now)
	if err != nil {
		return err
	}
	for _, c := range covered {
		gauge(g.gaps, float64(len(c.Gaps)), t.ID, c.Type)
	}
	if v, ok := state.TieOut(wm); ok {
		gauge(g.tieOut, float64(v.Unexplained), t.ID)
	}
	if at := t.CertificateEnd(); !at.IsZero() {
		gauge(g.certificate, float64(at.Unix()), t.ID)
	}
	if err := g.slow(ctx, t, recs, reasons, gauge); err != nil {
		return err
	}
	left, err := g.left(ctx, t)
	if err != nil {
		return err
	}
	gauge(g.budgetLeft, float64(left), t.ID)
	return nil
}

// slow tells what needs reading records or webhooks.
func (g *gauges) slow(ctx context.Context, t *tenant.Tenant, recs *state.Records, reasons map[string]int64, gauge func(*prometheus.Desc, float64, ...string)) error {
	n := 0
	if reasons[handlers.ParkUnmappedAccount] > 0 {
		page, err := recs.List(ctx, state.Filter{State: queue.Parked, Reason: handlers.ParkUnmappedAccount, Limit: 1000})
		if err != nil {
			return err
		}
		n = len(handlers.UnmappedAccounts(page.Records))
	}
	gauge(g.unmapped, float64(n), t.ID)
	open, err := recs.Settling(ctx, handlers.WaitSettling)
	if err != nil {
		return err
	}
	gauge(g.open, float64(open), t.ID)
	if !t.Subscriptions() {
		return nil
	}
	hooks, err := recs.Hooks(ctx, 200)
	if err != nil {
		return err
	}
	for _, h := range hooks { // newest first
		if h.Verdict == "accepted" || h.Verdict == "ignored" {
			gauge(g.webhook, float64(h.At.Unix()), t.ID)
			break
		}
	}
	return nil
}

// left is how many calls to Cin7 may go out at once now.
func (g *gauges) left(ctx context.Context, t *tenant.Tenant) (int, error) {
	g.mu.Lock()
	k, ok := g.keys[t.ID]
	g.mu.Unlock()
	if !ok || k.version != t.Version {
		creds, err := g.rooms.Tenants.Open(ctx, t)
		if err != nil {
			return 0, err
		}
		k = cin7Key{t.Version, tenant.Credentials{Cin7Key: creds.Cin7Key}}
		g.mu.Lock()
		g.keys[t.ID] = k
		g.mu.Unlock()
	}
	return g.budget.Remaining(ctx, t, k.creds)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func parseFloat(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
