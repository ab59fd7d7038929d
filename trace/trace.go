// Package trace follows a change from the webhook through Redis to each call
// upstream, as OpenTelemetry spans. It is off unless the standard OTEL_*
// variables name a collector.
//
//	webhook            span of the post; its traceparent goes into the mark
//	  record           span of the record's turn, maybe in another process and later
//	    POST cin7 ...  span of each request
//
// A span never holds a query string, a header, a body or a secret.
package trace

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

// Name of our tracer.
const Name = "github.com/ml-connector/ml-connector"

// Off is the tracer that makes no spans.
func Off() oteltrace.Tracer { return noop.NewTracerProvider().Tracer(Name) }

// IsOff reports whether a tracer makes no spans.
func IsOff(t oteltrace.Tracer) bool {
	_, off := t.(noop.Tracer)
	return off
}

// Setup reads the OTEL_* variables by getenv. Without a collector it returns
// Off. stop sends what is left and must be called at the end.
func Setup(ctx context.Context, getenv func(string) string, version string, log *zap.Logger) (t oteltrace.Tracer, stop func(context.Context) error, err error) {
	stop = func(context.Context) error { return nil }
	c, on, err := newCollector(getenv)
	if err != nil || !on {
		return Off(), stop, err
	}
	exporter, err := otlptrace.New(ctx, c)
	if err != nil {
		return Off(), stop, fmt.Errorf("start tracing: %w", err)
	}
	// What the environment says of us (OTEL_SERVICE_NAME,
	// OTEL_RESOURCE_ATTRIBUTES) wins over our own words.
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "ml-connector"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return Off(), stop, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("tracing", zap.Error(err)) }))
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	log.Info("tracing is on", zap.String("collector", c.host()))
	return p.Tracer(Name), p.Shutdown, nil
}

// Parent is the text of a span for a mark: its traceparent, "" when there is
// none.
func Parent(ctx context.Context) string {
	m := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, m)
	return m["traceparent"]
}

// From puts what Parent wrote into a context, as the span that the next one
// belongs to; an empty or unreadable text changes nothing.
func From(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// ID is the trace of a context for logs and exemplars, "" when it is not
// sampled.
func ID(ctx context.Context) string {
	if s := oteltrace.SpanContextFromContext(ctx); s.IsSampled() && s.IsValid() {
		return s.TraceID().String()
	}
	return ""
}

// Record begins the span of a unit of work: a child of the first mark's span,
// linked to those of the others.
func Record(ctx context.Context, t oteltrace.Tracer, name string, parents []string, attrs ...attribute.KeyValue) (context.Context, oteltrace.Span) {
	o := []oteltrace.SpanStartOption{oteltrace.WithSpanKind(oteltrace.SpanKindConsumer), oteltrace.WithAttributes(attrs...)}
	first := ""
	for _, p := range parents {
		switch {
		case p == "" || p == first:
		case first == "":
			first = p
		default:
			o = append(o, oteltrace.WithLinks(oteltrace.LinkFromContext(From(context.Background(), p))))
		}
	}
	return t.Start(From(ctx, first), name, o...)
}

// Fail marks the span of a context as failed. text must be plain words.
func Fail(s oteltrace.Span, text string) { s.SetStatus(codes.Error, text) }

// Transport makes a span of every request to a system.
func Transport(t oteltrace.Tracer, system string, next http.RoundTripper) http.RoundTripper {
	return transport{t, system, next}
}

type transport struct {
	t      oteltrace.Tracer
	system string
	next   http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := t.t.Start(r.Context(), r.Method+" "+t.system, oteltrace.WithSpanKind(oteltrace.SpanKindClient), oteltrace.WithAttributes(
		attribute.String("peer.service", t.system), attribute.String("http.request.method", r.Method),
		attribute.String("server.address", r.URL.Hostname()), attribute.String("url.path", r.URL.Path))) // never the query
	defer func() { span.End() }() // not deferred itself: it would put the text of a panic into the span
	res, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		Fail(span, "no answer") // the error's text may hold the URL
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", res.StatusCode))
	if res.StatusCode >= 400 {
		Fail(span, http.StatusText(res.StatusCode))
	}
	return res, nil
}

// CloseIdleConnections lets a client close what the transport below keeps.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// within reads a duration in milliseconds, as OTEL_* has it.
func within(text string, fallback time.Duration) (time.Duration, error) {
	if text = strings.TrimSpace(text); text == "" {
		return fallback, nil
	}
	d, err := time.ParseDuration(text + "ms")
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: want milliseconds", text)
	}
	return d, nil
}
