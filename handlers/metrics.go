package handlers

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ml-connector/ml-connector/netsuite"
)

// metrics are what the workers count; labels come from closed sets and start
// at zero.
type metrics struct {
	outcomes  *prometheus.CounterVec   // type, outcome
	lag       *prometheus.HistogramVec // type
	requests  *prometheus.CounterVec   // system, operation, code
	duration  *prometheus.HistogramVec // system, operation
	limited   *prometheus.CounterVec   // system
	uncertain *prometheus.CounterVec   // operation, verdict
	prevented *prometheus.CounterVec   // operation
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_record_outcomes_total",
			Help: "Records settled, by type and outcome."}, []string{"type", "outcome"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mlc_sync_lag_seconds",
			Help: "Time from a mark to its settlement.", Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400}}, []string{"type"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_upstream_requests_total",
			Help: "Requests to NetSuite and Cin7, by HTTP status; 0 means no answer."}, []string{"system", "operation", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mlc_upstream_duration_seconds",
			Help: "Duration of requests to NetSuite and Cin7.", Buckets: prometheus.ExponentialBuckets(.01, 2.5, 11)}, []string{"system", "operation"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_rate_limited_total",
			Help: "Requests that an upstream refused as over its limit."}, []string{"system"}),
		uncertain: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_uncertain_writes_total",
			Help: "Writes whose answer left the outcome open, by what became of them."}, []string{"operation", "verdict"}),
		prevented: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_duplicates_prevented_total",
			Help: "Creates that were not sent because a look-up found the object."}, []string{"operation"}),
	}
	for _, t := range recordTypes {
		for _, o := range []string{"completed", "waiting", "parked", "skipped", "retried"} {
			m.outcomes.WithLabelValues(string(t), o)
		}
		m.lag.WithLabelValues(string(t))
	}
	for _, s := range []string{"netsuite", "cin7"} {
		m.limited.WithLabelValues(s)
	}
	for _, o := range []string{opCreatePurchase, opCreateSupplier, opVoidStray} {
		m.prevented.WithLabelValues(o)
	}
	for _, o := range WriteOperations() {
		for _, v := range []string{"opened", "read_back", "found", "absent"} {
			m.uncertain.WithLabelValues(o, v)
		}
	}
	reg.MustRegister(m.outcomes, m.lag, m.requests, m.duration, m.limited, m.uncertain, m.prevented)
	return m
}

// recordTypes are the types that are synced, in the order in which a turn
// serves them.
var recordTypes = [...]netsuite.RecordType{
	netsuite.TypeVendor, netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit,
}

// observe returns the hook that the clients call after every request.
func (m *metrics) observe(system string) func(operation string, status int, took time.Duration) {
	return func(operation string, status int, took time.Duration) {
		m.requests.WithLabelValues(system, operation, strconv.Itoa(status)).Inc()
		m.duration.WithLabelValues(system, operation).Observe(took.Seconds())
		if status == 429 {
			m.limited.WithLabelValues(system).Inc()
		}
	}
}
