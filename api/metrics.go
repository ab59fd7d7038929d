package api

import (
	"context"
	"github.com/prometheus/client_golang/prometheus"
	"time"

	"github.com/ml-connector/ml-connector/tenant"
	"github.com/ml-connector/ml-connector/trace"
)

// The verdicts on a webhook: a closed set, also the metric's label and the
// verdict of a recent webhook.
const (
	resultAccepted    = "accepted"
	resultIgnored     = "ignored" // every record is of a type that the tenant does not sync
	resultUnknown     = tenant.DoorUnknownTenant
	resultBadSecret   = tenant.DoorBadSecret
	resultBadAddress  = tenant.DoorBadAddress
	resultTooLarge    = "too_large"
	resultEncoded     = "content_encoding"
	resultUnreadable  = "unreadable"
	resultBusy        = "busy"
	resultUnavailable = "unavailable"
	resultCut         = "cut"
	resultPanic       = "panic"
	resultProbe       = "probe" // the doctor asked whether it gets through
)

var results = [...]string{resultAccepted, resultIgnored, resultUnknown, resultBadSecret, resultBadAddress, resultTooLarge, resultEncoded,
	resultUnreadable, resultBusy, resultUnavailable, resultCut, resultPanic, resultProbe}

// sourceWebhook is the source of the marks that are made here.
const sourceWebhook = "webhook"

// The listeners.
const (
	listenerPublic = "public"
	listenerOps    = "ops"
)

type metrics struct {
	requests map[string]prometheus.Counter // by result
	duration prometheus.Histogram
	panics   *prometheus.CounterVec
}

// took counts how long a post took, with its trace when there is one.
func (m *metrics) took(ctx context.Context, d time.Duration) {
	if id := trace.ID(ctx); id != "" {
		if e, ok := m.duration.(prometheus.ExemplarObserver); ok {
			e.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": id})
			return
		}
	}
	m.duration.Observe(d.Seconds())
}

// newMetrics registers the metrics of both listeners, every series at zero.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: map[string]prometheus.Counter{},
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mlc_webhook_duration_seconds", Help: "Time to answer a webhook post.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_http_panics_total", Help: "Requests that ended in a panic, by listener."}, []string{"listener"}),
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_webhook_requests_total", Help: "Webhook posts by verdict."}, []string{"result"})
	for _, r := range results {
		m.requests[r] = requests.WithLabelValues(r)
	}
	for _, l := range []string{listenerPublic, listenerOps} {
		m.panics.WithLabelValues(l)
	}
	reg.MustRegister(requests, m.duration, m.panics)
	return m
}
