package api

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The verdicts on a webhook: a closed set, also the metric's label.
const (
	resultAccepted    = "accepted"
	resultIgnored     = "ignored"
	resultUnknown     = "unknown_tenant"
	resultBadSecret   = "bad_secret"
	resultBadAddress  = "bad_address"
	resultTooLarge    = "too_large"
	resultEncoded     = "content_encoding"
	resultUnreadable  = "unreadable"
	resultBusy        = "busy"
	resultUnavailable = "unavailable"
	resultCut         = "cut"
	resultPanic       = "panic"
)

type metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	marks    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_webhook_requests_total", Help: "Webhook posts by verdict."}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mlc_webhook_duration_seconds", Help: "Time to answer a webhook post.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}),
		marks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mlc_marks_total", Help: "Marks made durable, by where they came from and record type."}, []string{"source", "type"}),
	}
	for _, r := range []string{resultAccepted, resultIgnored, resultUnknown, resultBadSecret, resultBadAddress, resultTooLarge, resultEncoded,
		resultUnreadable, resultBusy, resultUnavailable, resultCut, resultPanic} {
		m.requests.WithLabelValues(r)
	}
	for _, s := range []string{"webhook", "operator"} {
		for _, t := range recordTypes {
			m.marks.WithLabelValues(s, string(t))
		}
	}
	reg.MustRegister(m.requests, m.duration, m.marks)
	return m
}
