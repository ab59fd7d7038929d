package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ml-connector/ml-connector/api"
)

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

func TestMetricsStartAtZero(t *testing.T) {
	h := open(t)
	got := h.call(http.MethodGet, "/metrics", "")
	for _, line := range []string{
		`mlc_webhook_requests_total{result="accepted"} 0`, `mlc_webhook_requests_total{result="bad_secret"} 0`, `mlc_webhook_requests_total{result="panic"} 0`,
		`mlc_webhook_duration_seconds_count 0`, `mlc_http_panics_total{listener="ops"} 0`,
	} {
		if !strings.Contains(string(got.body), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	families, err := h.config.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// Strangers' words make no series.
func TestMetricsAreBounded(t *testing.T) {
	h := open(t)
	before := series(t, h)
	for i := range 300 {
		h.post(fmt.Sprintf("/webhooks/netsuite/t%d?secret=%s", i, otherSecret), bill)
		h.post(fmt.Sprintf("/x%d", i), "")
		h.post(hook, fmt.Sprintf(`{"recordType":"custom%d","id":"1"}`, i))
	}
	if after := series(t, h); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func series(t *testing.T, h *house) int {
	t.Helper()
	families, err := h.config.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		n += len(f.GetMetric())
	}
	return n
}

func TestPanicOnTheOpsListener(t *testing.T) {
	h := open(t, func(c *api.Config) { c.Ready = nil })
	if got := h.call(http.MethodGet, "/readyz?verbose", ""); got.status != http.StatusServiceUnavailable && got.status != http.StatusInternalServerError {
		t.Errorf("got %d", got.status)
	}
	if n := h.metric("mlc_http_panics_total", "listener", "ops"); n != 1 {
		t.Errorf("counted %v", n)
	}
}

// metric is the value of a series.
func (h *house) metric(name string, labels ...string) float64 {
	h.t.Helper()
	families, err := h.config.Registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			have := ""
			for _, l := range m.GetLabel() {
				have += l.GetName() + "=" + l.GetValue() + ","
			}
			want := ""
			for i := 0; i+1 < len(labels); i += 2 {
				want += labels[i] + "=" + labels[i+1] + ","
			}
			if f.GetName() == name && have == want {
				return m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	h.t.Fatalf("no series %s%v", name, labels)
	return 0
}
