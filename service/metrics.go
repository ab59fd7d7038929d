package service

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
)

// The closed label sets of mlc_marks_total. Whatever is not in them counts as
// "other", so that no series can be made from outside.
var (
	markSources = [...]string{"webhook", "poll", "backfill", "retry", "recheck", "release", "operator", "other"}
	markTypes   = [...]string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit", "other"}
)

// newRegistry returns the registry of a process with what is true of every
// process, and the function that counts marks.
func newRegistry() (reg *prometheus.Registry, marked func(source, recordType string)) {
	reg = prometheus.NewRegistry()
	v := Version()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "mlc_build_info", Help: "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go}})
	info.Set(1)
	marks := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_marks_total",
		Help: "Marks made durable, by where they came from and record type."}, []string{"source", "type"})
	type series struct{ source, recordType string }
	counters := map[series]prometheus.Counter{}
	for _, s := range markSources {
		for _, t := range markTypes {
			counters[series{s, t}] = marks.WithLabelValues(s, t)
		}
	}
	reg.MustRegister(info, marks, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg, func(source, recordType string) {
		if c, ok := counters[series{source, recordType}]; ok {
			c.Inc()
			return
		}
		marks.WithLabelValues(oneOf(markSources[:], source), oneOf(markTypes[:], recordType)).Inc()
	}
}

func oneOf(set []string, s string) string {
	if slices.Contains(set, s) {
		return s
	}
	return "other"
}

// poolCollector tells how the connections to Redis are used.
type poolCollector struct {
	rdb redis.UniversalClient

	connections, idle, hits, misses, timeouts, stale *prometheus.Desc
}

func newPoolCollector(rdb redis.UniversalClient) *poolCollector {
	d := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("mlc_redis_pool_"+name, help, nil, nil)
	}
	return &poolCollector{rdb: rdb,
		connections: d("connections", "Open connections to Redis."),
		idle:        d("idle_connections", "Open connections to Redis that nobody uses."),
		hits:        d("hits_total", "Times a free connection was found in the pool."),
		misses:      d("misses_total", "Times a connection had to be opened or waited for."),
		timeouts:    d("timeouts_total", "Times the wait for a connection was given up."),
		stale:       d("stale_total", "Connections that were found broken and closed."),
	}
}

// Describe serves prometheus.Collector.
func (p *poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.connections, p.idle, p.hits, p.misses, p.timeouts, p.stale} {
		ch <- d
	}
}

// Collect serves prometheus.Collector.
func (p *poolCollector) Collect(ch chan<- prometheus.Metric) {
	s := p.rdb.PoolStats()
	if s == nil {
		return
	}
	for d, v := range map[*prometheus.Desc]uint32{p.connections: s.TotalConns, p.idle: s.IdleConns} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	for d, v := range map[*prometheus.Desc]uint32{p.hits: s.Hits, p.misses: s.Misses, p.timeouts: s.Timeouts, p.stale: s.StaleConns} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
}
