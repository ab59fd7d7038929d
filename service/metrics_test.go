package service_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// get reads a page of the ops listener.
func (e *env) get(path string) string { e.t.Helper(); return e.getAs(path, "") }

// getAs asks for a form of it.
func (e *env) getAs(path, form string) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.ops+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Accept", form)
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		e.t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
	return string(body)
}

// scrape reads the metrics as Prometheus does.
func (e *env) scrape() map[string]*dto.MetricFamily {
	e.t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(strings.NewReader(e.get("/metrics")))
	if err != nil {
		e.t.Fatal(err)
	}
	return families
}

// value is a series of a scrape; labels come in pairs.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	sum, found := 0.0, false
series:
	for _, m := range families[name].GetMetric() {
		for i := 0; i+1 < len(labels); i += 2 {
			if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == labels[i] && l.GetValue() == labels[i+1] }) {
				continue series
			}
		}
		found = true
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	if !found {
		t.Errorf("no series %s%v", name, labels)
	}
	return sum
}

// row is a line of the table in docs/metrics.md.
var row = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)(?:\\{([a-z_,]+)\\})?` \\| (counter|gauge|histogram) \\| (.*) \\|$")

// What the service tells under a month's work is what docs/metrics.md says.
func TestMetrics(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE", "certificate_id:", "certificate: |\n"+indent(certificate(t, time.Now().Add(20*24*time.Hour)))+"  certificate_id:")
	e.world.TellPast()
	e.start()
	e.apply()
	e.tellLive(1)
	e.allWell()
	ctx := t.Context()
	if err := e.rooms.States.Tenant(tenantID).SetTieOut(ctx, state.TieOutFigures{Unexplained: 1234}, time.Now(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	e.await(30*time.Second, func() []string {
		if wm, err := e.rooms.States.Tenant(tenantID).Watermarks(ctx); err != nil || wm["last_poll"] == "" {
			return []string{"not polled"}
		}
		return nil
	})
	if os.Getenv("MLC_OPS") != "" { // make ops-check has promtool
		cmd := exec.CommandContext(ctx, "promtool", "check", "metrics")
		cmd.Stdin = strings.NewReader(e.get("/metrics"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	}
	families := e.scrape()
	var got []string
	var ours []*dto.MetricFamily
	for name, f := range families {
		if !strings.HasPrefix(name, "mlc_") {
			continue
		}
		ours = append(ours, f)
		labels := map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
		var names []string
		for l := range labels {
			names = append(names, l)
		}
		slices.Sort(names)
		got = append(got, strings.Join([]string{name, strings.Join(names, ","), strings.ToLower(f.GetType().String()), f.GetHelp()}, " | "))
	}
	slices.Sort(got)
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		want = append(want, strings.Join(m[1:], " | "))
	}
	slices.Sort(want)
	if len(want) < 30 {
		t.Fatalf("docs/metrics.md has %d rows that can be read", len(want))
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the service (-) and docs/metrics.md (+) differ:\n%s", diff)
	}
	if problems, err := promlint.NewWithMetricFamilies(ours).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}

	of := []string{"tenant", tenantID}
	for _, c := range []struct {
		name   string
		labels []string
		ok     func(float64) bool
	}{
		{"mlc_marks_total", []string{"source", "webhook"}, positive},
		{"mlc_marks_total", []string{"source", "poll"}, positive},
		{"mlc_marks_total", []string{"source", "other"}, exactly(0)},
		{"mlc_marks_total", []string{"type", "other"}, exactly(0)},
		{"mlc_webhook_requests_total", []string{"result", "accepted"}, positive},
		{"mlc_record_outcomes_total", []string{"outcome", "completed"}, positive},
		{"mlc_upstream_requests_total", []string{"system", "cin7", "code", "200"}, positive},
		{"mlc_upstream_requests_total", []string{"system", "netsuite"}, positive},
		{"mlc_sync_lag_seconds", nil, positive},
		{"mlc_redis_ok", nil, exactly(1)},
		{"mlc_tenants", nil, exactly(1)},
		{"mlc_lane_depth", of, exactly(0)},
		{"mlc_lane_held", of, exactly(0)},
		{"mlc_unmapped_accounts", of, exactly(1)},
		{"mlc_uncertain_writes_open", of, exactly(0)},
		{"mlc_tieout_unexplained_minor_units", of, exactly(1234)},
		{"mlc_parked_records", append(of, "reason", "unmapped_account"), exactly(1)},
		{"mlc_poll_watermark_age_seconds", append(of, "type", "vendorbill"), func(v float64) bool { return v >= 0 && v < 300 }},
		{"mlc_cin7_budget_remaining", of, func(v float64) bool { return v >= 0 && v <= 4 }},
		{"mlc_certificate_expiry_timestamp_seconds", of, func(v float64) bool { return v > float64(time.Now().Add(19*24*time.Hour).Unix()) }},
		{"mlc_webhook_last_timestamp_seconds", of, func(v float64) bool { return v > float64(time.Now().Add(-10*time.Minute).Unix()) }},
	} {
		if v := value(t, families, c.name, c.labels...); !c.ok(v) {
			t.Errorf("%s%v is %v", c.name, c.labels, v)
		}
	}
}

func positive(v float64) bool { return v > 0 }

func exactly(want float64) func(float64) bool { return func(v float64) bool { return v == want } }

// indent makes a text a block of a YAML file.
func indent(s string) string {
	out := ""
	for line := range strings.Lines(s) {
		out += "    " + line
	}
	return out
}

// Without tenant metrics no series names a tenant; with Redis gone the scrape
// still answers and says so.
func TestMetricsWithoutTenantsOrRedis(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.environ = []string{"MLC_TENANT_METRICS=false"}
	e.start()
	e.apply()
	if page := e.get("/metrics"); strings.Contains(page, "tenant=") || !strings.Contains(page, "mlc_tenants 1\n") {
		t.Errorf("got\n%s", page)
	}
	// Nor does a scrape read the tenants then, however many there are.
	ctx := t.Context()
	stored := e.rdb.HGetAll(ctx, queue.KeyConfig(tenantID)).Val()
	for i := range 200 {
		id := fmt.Sprintf("many%03d", i)
		e.rdb.HSet(ctx, queue.KeyConfig(id), stored)
		e.rdb.SAdd(ctx, "mlc:tenants", id)
	}
	if err := e.rdb.ConfigResetStat(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if page := e.get("/metrics"); !strings.Contains(page, "mlc_tenants 201\n") {
		t.Errorf("with 200 tenants more got\n%s", page)
	}
	var reads int
	stats := e.rdb.Info(ctx, "commandstats").Val()
	if _, calls, ok := strings.Cut(stats, "cmdstat_hgetall:calls="); ok {
		if _, err := fmt.Sscanf(calls, "%d", &reads); err != nil {
			t.Fatal(err)
		}
	}
	if reads >= 200 {
		t.Errorf("a scrape without tenant metrics read %d hashes of 201 tenants", reads)
	}
	if err := e.rdb.ShutdownNoSave(t.Context()).Err(); err != nil {
		t.Logf("shut Redis down: %v", err) // it answers by hanging up
	}
	if page := e.get("/metrics"); !strings.Contains(page, "mlc_redis_ok 0\n") {
		t.Errorf("without Redis got\n%s", page)
	}
}

// certificate is one that ends at a time, as PEM.
func certificate(t *testing.T, end time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
