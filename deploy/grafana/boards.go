package main

import "fmt"

// show is a panel before it has a place.
type show struct {
	kind    string // timeseries, stat or table
	title   string
	about   string // what it shows and what is good: becomes the description
	unit    string // Grafana's unit id
	wide    int    // of 24 columns
	warn    *float64
	bad     *float64
	queries []query
}

// query and how its series are called.
type query struct{ expr, legend string }

// row of panels under a title.
type row struct {
	title  string
	panels []show
}

func at(v float64) *float64 { return &v }

func q(expr, legend string) query { return query{expr, legend} }

// source lets people choose their Prometheus.
func source() *datasource { return &datasource{"prometheus", "${datasource}"} }

// boards are the three dashboards by file name.
func boards() map[string]dashboard {
	return map[string]dashboard{
		"overview": board("mlc-overview", "ml-connector / Overview", "Are we in step? Lag, what is parked, tie-out, budget, over all tenants.", true, overview()),
		"tenant":   board("mlc-tenant", "ml-connector / Tenant", "One customer: lane, records, calls, freshness.", true, tenantRows()),
		"runtime":  board("mlc-runtime", "ml-connector / Runtime", "The processes themselves: HTTP, Redis, Go.", false, runtimeRows()),
	}
}

// board lays rows out from left to right, 24 columns wide.
func board(uid, title, about string, byTenant bool, rows []row) dashboard {
	d := dashboard{UID: uid, Title: title, Description: about, Tags: []string{"ml-connector"}, SchemaVersion: 39, Editable: true, Refresh: "30s",
		Time:       timeRange{"now-6h", "now"},
		Templating: templating{List: []variable{{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1}}},
		Links: []link{
			{Title: "ml-connector", Type: "dashboards", Tags: []string{"ml-connector"}, KeepTime: true, IncludeVars: true},
			{Title: "Runbook", Type: "link", URL: "https://github.com/ml-connector/ml-connector/blob/main/docs/runbook.md"},
		}}
	if byTenant {
		d.Templating.List = append(d.Templating.List, variable{Name: "tenant", Label: "Tenant", Type: "query", Query: "label_values(mlc_lane_depth, tenant)",
			Datasource: source(), Refresh: 2, Sort: 1, IncludeAll: true, Multi: true, AllValue: ".*"})
	}
	id, y := 0, 0
	for _, r := range rows {
		id++
		d.Panels = append(d.Panels, panel{ID: id, Type: "row", Title: r.title, GridPos: gridPos{1, 24, 0, y}})
		y++
		x, high := 0, 0
		for _, s := range r.panels {
			h := 8
			if s.kind == "stat" {
				h = 4
			}
			if x+s.wide > 24 {
				x, y, high = 0, y+high, 0
			}
			id++
			d.Panels = append(d.Panels, s.panel(id, gridPos{h, s.wide, x, y}))
			x, high = x+s.wide, max(high, h)
		}
		y += high
	}
	return d
}

func (s show) panel(id int, pos gridPos) panel {
	p := panel{ID: id, Type: s.kind, Title: s.title, Description: s.about, GridPos: pos, Datasource: source(),
		FieldConfig: &fields{Defaults: fieldDefaults{Unit: s.unit, Min: at(0)}, Overrides: []any{}}}
	if s.warn != nil || s.bad != nil {
		t := &thresholds{Mode: "absolute", Steps: []step{{Color: "green"}}}
		if s.warn != nil {
			t.Steps = append(t.Steps, step{"orange", s.warn})
		}
		if s.bad != nil {
			t.Steps = append(t.Steps, step{"red", s.bad})
		}
		p.FieldConfig.Defaults.Thresholds = t
	}
	switch s.kind {
	case "timeseries":
		p.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 10, "showPoints": "never", "lineWidth": 1}
		p.Options = map[string]any{"legend": map[string]any{"displayMode": "list", "placement": "bottom"}, "tooltip": map[string]any{"mode": "multi", "sort": "desc"}}
	case "stat":
		p.Options = map[string]any{"colorMode": "value", "graphMode": "area", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}}}
	}
	for i, one := range s.queries {
		p.Targets = append(p.Targets, target{RefID: string(rune('A' + i)), Expr: one.expr, LegendFormat: one.legend, Datasource: source(), Instant: s.kind == "table"})
	}
	return p
}

// ofTenant selects the chosen tenants. Every process tells the same of them,
// so gauges take the max over processes.
const ofTenant = `{tenant=~"$tenant"}`

// per is the max of a tenant's gauge over processes, by further labels.
func per(metric, by string) string {
	return fmt.Sprintf("max by (%s) (%s%s)", by, metric, ofTenant)
}

// rate is the sum of a counter's rate by labels.
func rate(selector, by string) string {
	if by == "" {
		return fmt.Sprintf("sum(rate(%s[$__rate_interval]))", selector)
	}
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, selector)
}

// quantile of a histogram by labels besides le.
func quantile(p, histogram, by string) string {
	if by != "" {
		by = ", " + by
	}
	return fmt.Sprintf("histogram_quantile(%s, sum by (le%s) (rate(%s_bucket[$__rate_interval])))", p, by, histogram)
}

func overview() []row {
	return []row{
		{"Are we in step?", []show{
			{kind: "stat", title: "Oldest mark", about: "Age of the oldest change that is not settled, over all tenants. Minutes are normal, an hour alarms.", unit: "s", wide: 4, warn: at(900), bad: at(3600),
				queries: []query{q("max("+per("mlc_oldest_mark_age_seconds", "tenant")+")", "")}},
			{kind: "stat", title: "Waiting marks", about: "Changes that are known and not settled.", unit: "short", wide: 4,
				queries: []query{q("sum("+per("mlc_lane_depth", "tenant")+")", "")}},
			{kind: "stat", title: "Parked", about: "Records that need a person.", unit: "short", wide: 4, warn: at(1), bad: at(25),
				queries: []query{q("sum("+per("mlc_parked_records", "tenant, reason")+")", "")}},
			{kind: "stat", title: "Unexplained", about: "What the last reconciliations left unexplained, in the base currencies. Anything but 0.00 needs a person.", unit: "none", wide: 4, bad: at(0.01),
				queries: []query{q("sum("+per("mlc_tieout_unexplained_minor_units", "tenant")+") / 100", "")}},
			{kind: "stat", title: "Unmapped accounts", about: "NetSuite accounts that bills use and that have no Cin7 account.", unit: "short", wide: 4, warn: at(1),
				queries: []query{q("sum("+per("mlc_unmapped_accounts", "tenant")+")", "")}},
			{kind: "stat", title: "Tenants", about: "Tenants that are set up.", unit: "short", wide: 4, queries: []query{q("max(mlc_tenants)", "")}},
			{kind: "timeseries", title: "Lag from mark to settlement", about: "How long changes take to reach Cin7: half of them, 95 %, 99 % are faster than this.", unit: "s", wide: 12, bad: at(900), queries: []query{
				q(quantile("0.5", "mlc_sync_lag_seconds", ""), "p50"), q(quantile("0.95", "mlc_sync_lag_seconds", ""), "p95"), q(quantile("0.99", "mlc_sync_lag_seconds", ""), "p99")}},
			{kind: "timeseries", title: "Records settled", about: "Records settled per second, by outcome. retried is a failed attempt.", unit: "ops", wide: 12, queries: []query{q(rate("mlc_record_outcomes_total", "outcome"), "{{outcome}}")}},
		}},
		{"What holds us up?", []show{
			{kind: "timeseries", title: "Parked by reason", about: "docs/parked.md has a remedy for every reason.", unit: "short", wide: 12,
				queries: []query{q("sum by (reason) ("+per("mlc_parked_records", "tenant, reason")+") > 0", "{{reason}}")}},
			{kind: "timeseries", title: "Lanes held back", about: "Tenants whose lane is held, by reason: budget (Cin7's calls are spent), retry (an upstream does not answer), credentials (an upstream refuses ours).", unit: "short", wide: 12,
				queries: []query{q("sum by (reason) ("+per("mlc_lane_held", "tenant, reason")+")", "{{reason}}"), q("sum("+per("mlc_lane_paused", "tenant")+")", "paused")}},
			{kind: "timeseries", title: "Cin7 calls left", about: "Calls that each tenant may send at once. At 0 for long, work arrives faster than its calls_per_minute lets it go.", unit: "short", wide: 12,
				queries: []query{q(per("mlc_cin7_budget_remaining", "tenant"), "{{tenant}}")}},
			{kind: "timeseries", title: "Uncertain writes", about: "Writes whose answer was lost, by what became of them, and creates that a look-up made unnecessary. opened without a later verdict stays open.", unit: "ops", wide: 12, queries: []query{
				q(rate("mlc_uncertain_writes_total", "verdict"), "{{verdict}}"), q(rate("mlc_duplicates_prevented_total", ""), "duplicates prevented"),
				q("sum("+per("mlc_uncertain_writes_open", "tenant")+")", "open")}},
			{kind: "timeseries", title: "Webhooks by verdict", about: "Everything but accepted and ignored was refused.", unit: "reqps", wide: 12, queries: []query{q(rate("mlc_webhook_requests_total", "result"), "{{result}}")}},
			{kind: "timeseries", title: "Marks by source", about: "Where the knowledge of changes came from. Many by poll while webhooks are set up means that webhooks are lost.", unit: "ops", wide: 12, queries: []query{q(rate("mlc_marks_total", "source"), "{{source}}")}},
			{kind: "table", title: "Certificates", about: "Days until each tenant's NetSuite certificate ends. Only tenants that gave the certificate are shown.", unit: "d", wide: 24,
				queries: []query{q("("+per("mlc_certificate_expiry_timestamp_seconds", "tenant")+" - time()) / 86400", "{{tenant}}")}},
		}},
	}
}

func tenantRows() []row {
	return []row{
		{"Lane", []show{
			{kind: "stat", title: "Oldest mark", about: "Age of the oldest change that is not settled.", unit: "s", wide: 4, warn: at(900), bad: at(3600), queries: []query{q(per("mlc_oldest_mark_age_seconds", "tenant"), "{{tenant}}")}},
			{kind: "stat", title: "Waiting marks", about: "Changes that are known and not settled.", unit: "short", wide: 4, queries: []query{q(per("mlc_lane_depth", "tenant"), "{{tenant}}")}},
			{kind: "stat", title: "Unexplained", about: "What the last reconciliation left unexplained, in the base currency.", unit: "none", wide: 4, bad: at(0.01), queries: []query{q(per("mlc_tieout_unexplained_minor_units", "tenant")+" / 100", "{{tenant}}")}},
			{kind: "stat", title: "Unmapped accounts", about: "NetSuite accounts that bills use and that have no Cin7 account.", unit: "short", wide: 4, warn: at(1), queries: []query{q(per("mlc_unmapped_accounts", "tenant"), "{{tenant}}")}},
			{kind: "stat", title: "Uncertain writes", about: "Records that wait for the outcome of a write to be known.", unit: "short", wide: 4, warn: at(1), queries: []query{q(per("mlc_uncertain_writes_open", "tenant"), "{{tenant}}")}},
			{kind: "stat", title: "Last webhook", about: "Time since the last good webhook.", unit: "s", wide: 4, bad: at(259200), queries: []query{q("time() - "+per("mlc_webhook_last_timestamp_seconds", "tenant"), "{{tenant}}")}},
			{kind: "timeseries", title: "Depth and age", about: "Marks that wait, and the age of the oldest in seconds.", unit: "short", wide: 12, queries: []query{
				q(per("mlc_lane_depth", "tenant"), "{{tenant}} waiting"), q(per("mlc_oldest_mark_age_seconds", "tenant"), "{{tenant}} oldest, s")}},
			{kind: "timeseries", title: "Held or paused", about: "1 while the lane is held back for this reason, or paused by an operator.", unit: "short", wide: 12, queries: []query{
				q(per("mlc_lane_held", "tenant, reason"), "{{tenant}} {{reason}}"), q(per("mlc_lane_paused", "tenant"), "{{tenant}} paused")}},
		}},
		{"Records", []show{
			{kind: "timeseries", title: "By state", about: "Where the records stand. completed means that Cin7 matches all that NetSuite says today.", unit: "short", wide: 12, queries: []query{q(per("mlc_records", "tenant, state"), "{{tenant}} {{state}}")}},
			{kind: "timeseries", title: "Parked by reason", about: "docs/parked.md has a remedy for every reason.", unit: "short", wide: 12, queries: []query{q(per("mlc_parked_records", "tenant, reason")+" > 0", "{{tenant}} {{reason}}")}},
		}},
		{"Freshness and calls", []show{
			{kind: "timeseries", title: "Time since the last poll", about: "Per record type. More than twice the interval alarms.", unit: "s", wide: 12, queries: []query{
				q(per("mlc_poll_watermark_age_seconds", "tenant, type"), "{{tenant}} {{type}}"), q(per("mlc_poll_interval_seconds", "tenant"), "{{tenant}} interval")}},
			{kind: "timeseries", title: "Gaps in what was read", about: "Known gaps by record type: 0 is complete up to the last poll. The API's coverage page names each gap and its remedy.", unit: "short", wide: 12, warn: at(1),
				queries: []query{q(per("mlc_coverage_gaps", "tenant, type"), "{{tenant}} {{type}}")}},
			{kind: "timeseries", title: "Cin7 calls left", about: "Calls that may go out at once.", unit: "short", wide: 12, queries: []query{q(per("mlc_cin7_budget_remaining", "tenant"), "{{tenant}}")}},
			{kind: "stat", title: "Certificate ends in", about: "Time until the NetSuite certificate ends; nothing when the tenant did not give it.", unit: "s", wide: 24, queries: []query{q(per("mlc_certificate_expiry_timestamp_seconds", "tenant")+" - time()", "{{tenant}}")}},
		}},
	}
}

func runtimeRows() []row {
	return []row{
		{"HTTP", []show{
			{kind: "timeseries", title: "Webhooks per second", about: "Posts answered, all verdicts.", unit: "reqps", wide: 8, queries: []query{q(rate("mlc_webhook_requests_total", ""), "posts")}},
			{kind: "timeseries", title: "Time to answer a webhook", about: "Until it is durable in Redis.", unit: "s", wide: 8, queries: []query{q(quantile("0.5", "mlc_webhook_duration_seconds", ""), "p50"), q(quantile("0.99", "mlc_webhook_duration_seconds", ""), "p99")}},
			{kind: "timeseries", title: "Panics", about: "Requests that ended in a panic; must be none.", unit: "short", wide: 8, bad: at(1), queries: []query{q("sum by (listener) (increase(mlc_http_panics_total[$__rate_interval]))", "{{listener}}")}},
		}},
		{"Upstreams", []show{
			{kind: "timeseries", title: "Requests by status", about: "Requests to NetSuite and Cin7; 0 means no answer.", unit: "reqps", wide: 8, queries: []query{q(rate("mlc_upstream_requests_total", "system, code"), "{{system}} {{code}}")}},
			{kind: "timeseries", title: "Duration, p95", about: "By system and operation.", unit: "s", wide: 8, queries: []query{q(quantile("0.95", "mlc_upstream_duration_seconds", "system, operation"), "{{system}} {{operation}}")}},
			{kind: "timeseries", title: "Refused over the limit", about: "Somebody else may use the same limit.", unit: "reqps", wide: 8, queries: []query{q(rate("mlc_rate_limited_total", "system"), "{{system}}")}},
		}},
		{"Redis", []show{
			{kind: "stat", title: "Answers", about: "1 when Redis answers every process.", unit: "short", wide: 4, queries: []query{q("min(mlc_redis_ok)", "")}},
			{kind: "stat", title: "Durable", about: "1 when acknowledged work survives a crash and a loss of power; -1 when Redis does not let us look.", unit: "short", wide: 4, queries: []query{q("min(mlc_redis_durable)", "")}},
			{kind: "stat", title: "Memory", about: "Share of maxmemory in use; 0 when there is no limit.", unit: "percentunit", wide: 4, warn: at(0.6), bad: at(0.75), queries: []query{q("max(mlc_redis_memory_used_ratio)", "")}},
			{kind: "timeseries", title: "Connections", about: "Of all processes: open, and free.", unit: "short", wide: 12, queries: []query{q("sum(mlc_redis_pool_connections)", "open"), q("sum(mlc_redis_pool_idle_connections)", "free")}},
			{kind: "timeseries", title: "Pool", about: "Connections found free, opened or waited for, given up, found broken; per second.", unit: "ops", wide: 24, queries: []query{
				q(rate("mlc_redis_pool_hits_total", ""), "hits"), q(rate("mlc_redis_pool_misses_total", ""), "misses"), q(rate("mlc_redis_pool_timeouts_total", ""), "timeouts"), q(rate("mlc_redis_pool_stale_total", ""), "stale")}},
			{kind: "timeseries", title: "Care", about: "Data that Redis has lost, lanes that nobody would have claimed, records that were mended: all of it should be nothing.", unit: "short", wide: 24, queries: []query{
				q("sum(increase(mlc_redis_losses_total[$__rate_interval]))", "losses"), q("sum(increase(mlc_lanes_woken_total[$__rate_interval]))", "lanes woken"), q("sum(increase(mlc_records_repaired_total[$__rate_interval]))", "records mended")}},
		}},
		{"Go", []show{
			{kind: "timeseries", title: "Memory", about: "Resident memory of each process.", unit: "bytes", wide: 6, queries: []query{q("process_resident_memory_bytes and on (instance, job) mlc_build_info", "{{instance}}")}},
			{kind: "timeseries", title: "CPU", about: "Cores used by each process.", unit: "short", wide: 6, queries: []query{q("rate(process_cpu_seconds_total[$__rate_interval]) and on (instance, job) mlc_build_info", "{{instance}}")}},
			{kind: "timeseries", title: "Goroutines", about: "Grows with lanes and requests in hand, and comes back.", unit: "short", wide: 6, queries: []query{q("go_goroutines and on (instance, job) mlc_build_info", "{{instance}}")}},
			{kind: "table", title: "Versions", about: "What runs where.", unit: "short", wide: 6, queries: []query{q("mlc_build_info", "{{instance}} {{version}} {{commit}}")}},
		}},
	}
}
