package service

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/queue"
)

// gauges reads what stands in Redis when somebody scrapes.
type gauges struct {
	rooms Rooms
	rdb   redis.UniversalClient
	log   *zap.Logger

	depth, oldest, records, parked, ok *prometheus.Desc
}

func registerGauges(reg *prometheus.Registry, rooms Rooms, rdb redis.UniversalClient, log *zap.Logger) {
	reg.MustRegister(&gauges{rooms: rooms, rdb: rdb, log: log,
		depth:   prometheus.NewDesc("mlc_lane_depth", "Marks that are not settled.", []string{"tenant"}, nil),
		oldest:  prometheus.NewDesc("mlc_oldest_mark_age_seconds", "Age of the oldest mark that is not settled; 0 when there is none.", []string{"tenant"}, nil),
		records: prometheus.NewDesc("mlc_records", "Records by state.", []string{"tenant", "state"}, nil),
		parked:  prometheus.NewDesc("mlc_parked_records", "Parked records by reason.", []string{"tenant", "reason"}, nil),
		ok:      prometheus.NewDesc("mlc_redis_ok", "1 when Redis answers.", nil, nil),
	})
	v := Version()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "mlc_build_info", Help: "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go}})
	info.Set(1)
	reg.MustRegister(info)
}

// Describe serves prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.depth, g.oldest, g.records, g.parked, g.ok} {
		ch <- d
	}
}

// Collect serves prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	up := 1.0
	if err := g.collect(ctx, ch); err != nil {
		g.log.Warn("collect metrics from Redis", zap.Error(err))
		up = 0
	}
	ch <- prometheus.MustNewConstMetric(g.ok, prometheus.GaugeValue, up)
}

func (g *gauges) collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	tenants, err := g.rooms.Tenants.List(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		lane, err := g.rooms.Queue.Lane(ctx, t.ID)
		if err != nil {
			return err
		}
		recs := g.rooms.States.Tenant(t.ID)
		counts, err := recs.Counts(ctx)
		if err != nil {
			return err
		}
		reasons, err := recs.Reasons(ctx)
		if err != nil {
			return err
		}
		age := 0.0
		if !lane.Oldest.IsZero() {
			age = max(0, time.Since(lane.Oldest).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(g.depth, prometheus.GaugeValue, float64(lane.Depth[queue.Live]+lane.Depth[queue.Bulk]), t.ID)
		ch <- prometheus.MustNewConstMetric(g.oldest, prometheus.GaugeValue, age, t.ID)
		for s, n := range counts {
			ch <- prometheus.MustNewConstMetric(g.records, prometheus.GaugeValue, float64(n), t.ID, string(s))
		}
		for reason, n := range reasons {
			ch <- prometheus.MustNewConstMetric(g.parked, prometheus.GaugeValue, float64(n), t.ID, reason)
		}
	}
	return nil
}
