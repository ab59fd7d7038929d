package service_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/trace"
)

// One trace leads from the caller's own span over the webhook, through Redis,
// to the requests to both systems; it reaches a collector by OTLP; no span
// holds a secret or a query string; the lag's histogram names it.
func TestTraces(t *testing.T) {
	var mu sync.Mutex
	var spans []*tracepb.Span
	var wire strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var d tracepb.TracesData
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "a b" || proto.Unmarshal(body, &d) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		wire.Write(body)
		for _, r := range d.GetResourceSpans() {
			for _, s := range r.GetScopeSpans() {
				spans = append(spans, s.GetSpans()...)
			}
		}
	}))
	defer collector.Close()
	settings := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=a%20b"}
	tracer, flush, err := trace.Setup(t.Context(), func(k string) string { return settings[k] }, "v1", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.tracer = tracer
	e.world.TellPast()
	e.start()
	e.apply()
	e.tellLive(1)
	e.allWell()
	const trc, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	e.world.NetSuite.Webhooks("", 0) // the one below shall be the only one
	id := e.world.NetSuite.PutVendor(netsuitetest.Vendor{CompanyName: "Traced Supplies"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.hook(), strings.NewReader(fmt.Sprintf(`{"type":"vendor","id":"%d"}`, id)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+trc+"-"+parent+"-01")
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	e.await(30*time.Second, func() []string {
		for l := range strings.Lines(e.logText()) {
			if strings.Contains(l, `"record settled"`) && strings.Contains(l, fmt.Sprintf(`"record_id":"%d"`, id)) && strings.Contains(l, trc) {
				return nil
			}
		}
		return []string{"no record was settled in the trace"}
	})
	page := e.getAs("/metrics", "application/openmetrics-text; version=1.0.0")
	if !strings.Contains(page, `trace_id="`) {
		t.Error("no histogram names a trace")
	}
	e.stop()
	if err := flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	names, parents := map[string]int{}, map[string]string{}
	for _, s := range spans {
		if fmt.Sprintf("%x", s.GetTraceId()) != trc {
			continue
		}
		names[s.GetName()]++
		parents[fmt.Sprintf("%x", s.GetSpanId())] = fmt.Sprintf("%x", s.GetParentSpanId())
	}
	for _, want := range []string{"webhook", "record", "POST cin7"} {
		if names[want] == 0 {
			t.Errorf("the trace has %v, want %s", names, want)
		}
	}
	for _, s := range spans {
		for _, a := range s.GetAttributes() {
			if strings.ContainsAny(a.GetValue().GetStringValue(), "?&") {
				t.Errorf("span %s: %s is %q", s.GetName(), a.GetKey(), a.GetValue().GetStringValue())
			}
		}
	}
	for s := range parents { // every span leads back to the caller's
		for n := 0; s != parent; n++ {
			next, ok := parents[s]
			if !ok || n > len(parents) {
				t.Errorf("span %s does not lead back to the caller", s)
				break
			}
			s = next
		}
	}
	for _, secret := range []string{distributor.Cin7Key, distributor.WebhookSecret, "secret=", "Bearer"} {
		if strings.Contains(wire.String(), secret) {
			t.Errorf("a span holds %q", secret)
		}
	}
}

// Without a collector nothing is traced; what cannot be is refused by name.
func TestTraceSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"nothing", nil, ""},
		{"switched off", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, ""},
		{"no exporter", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, ""},
		{"another exporter", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER"},
		{"gRPC", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"no URL", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"headers", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS": "x"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		{"timeout", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "long"}, "OTEL_EXPORTER_OTLP_TIMEOUT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tracer, stop, err := trace.Setup(t.Context(), func(k string) string { return c.env[k] }, "v1", zap.NewNop())
			if c.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			_, span := tracer.Start(t.Context(), "x")
			if span.IsRecording() {
				t.Error("it records")
			}
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
