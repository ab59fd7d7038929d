package handlers

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/trace"
)

// span begins the span of a unit: of its own mark, or of those of the
// documents that it serves.
func (t *turn) span(ctx context.Context, b *work, kind netsuite.RecordType, id netsuite.ID) (context.Context, oteltrace.Span) {
	owner := ref(kind, id)
	var parents []string
	mark := func(r queue.Ref) {
		if e := b.entries[r]; e != nil {
			parents = append(parents, e.Trace)
		}
	}
	mark(owner)
	for _, l := range b.links[id] {
		mark(ref(l.Type, l.Doc))
	}
	return trace.Record(ctx, t.w.o.Tracer, "record", parents,
		attribute.String("tenant", t.t.ID), attribute.String("record_type", owner.Type), attribute.String("record_id", owner.ID))
}

// observe tells a histogram of a value and, when there is one, of the trace
// that shows how it came about.
func observe(ctx context.Context, o prometheus.Observer, v float64) {
	if id := trace.ID(ctx); id != "" {
		if e, ok := o.(prometheus.ExemplarObserver); ok {
			e.ObserveWithExemplar(v, prometheus.Labels{"trace_id": id})
			return
		}
	}
	o.Observe(v)
}
