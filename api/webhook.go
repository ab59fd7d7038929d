package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
	"github.com/ml-connector/ml-connector/trace"
)

const (
	// acceptTimeout is how long a post may wait for Redis in all, both steps: its
	// sender has an answer within a second, the way there and back included.
	acceptTimeout = 900 * time.Millisecond
	// In-flight posts, in all and per tenant; beyond it we answer 503, which
	// costs nothing: the poller finds what was missed.
	maxInFlight       = 1024
	maxTenantInFlight = 256
)

// acceptedShapes tells the author of a script what we read (contract 5.4).
var acceptedShapes = [...]string{
	`{"recordType":"vendorbill","id":"48213"}`,
	`{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`,
	`[{"type":"purchaseorder","id":"1"},{"type":"vendor","id":"2"}]`,
	`recordtype=purchaseorder&internalid=123`,
}

// gauge counts what is in flight.
type gauge struct {
	mu        sync.Mutex
	all       int
	perTenant map[string]int // tenant id, known or not -> posts
}

func (g *gauge) enter(tenantID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxInFlight || g.perTenant[tenantID] >= maxTenantInFlight {
		return false
	}
	g.all++
	g.perTenant[tenantID]++
	return true
}

func (g *gauge) leave(tenantID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.perTenant[tenantID]--; g.perTenant[tenantID] == 0 {
		delete(g.perTenant, tenantID)
	}
}

// outcome of a webhook: what is counted, logged, kept and answered.
type outcome struct {
	result            string // of the closed set
	accepted, ignored int
	known             bool   // the tenant exists
	detail            string // plain words; no secret, no body
	problem           *Problem
	err               error // of ours, for the log alone
}

// refused fills in what a refusal says; what was counted so far stands.
func (o outcome) refused(result, detail string, p *Problem) outcome {
	o.result, o.detail, o.problem = result, detail, p
	return o
}

// failed is the outcome of an error of ours.
func (o outcome) failed(detail string, err error) outcome {
	o.err, o.accepted, o.ignored = err, 0, 0
	return o.refused(resultUnavailable, detail, problemOf(err))
}

// webhook admits a post, makes its marks durable and answers.
func (a *public) webhook(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	tenantID := chi.URLParam(r, "tenant")
	var span oteltrace.Span
	if a.traced {
		var ctx context.Context
		ctx, span = trace.Record(r.Context(), a.c.Tracer, "webhook", []string{traceparent(r)})
		defer func() { span.End() }() // not deferred itself: it would put the text of a panic into the span
		r = r.WithContext(ctx)
	}
	if a.probe(w, r, tenantID) {
		return
	}
	o := a.receive(w, r, tenantID)
	a.m.requests[o.result].Inc()
	if o.problem != nil {
		writeProblem(w, r, o.problem)
	} else {
		writeAccepted(w, o.accepted, o.ignored)
	}
	took := time.Since(start)
	a.m.took(r.Context(), took)
	if a.traced {
		span.SetAttributes(attribute.String("outcome", o.result))
		if o.known { // else the name is a stranger's invention
			span.SetAttributes(attribute.String("tenant", tenantID))
		}
	}
	if o.known {
		a.keepHook(r.Context(), tenantID, state.Hook{At: start, Verdict: o.result, Detail: o.detail, Accepted: o.accepted, Ignored: o.ignored})
	}
	a.tell(r, tenantID, o, took)
}

// told are the fields of a line of the log, to be used again.
var told = sync.Pool{New: func() any { return new([16]zap.Field) }}

// tell logs a post: one line tells all of it.
func (a *public) tell(r *http.Request, tenantID string, o outcome, took time.Duration) {
	buf := told.Get().(*[16]zap.Field)
	defer func() {
		clear(buf[:]) // they hold the request
		told.Put(buf)
	}()
	fields := buf[:0]
	fields = append(fields, zap.Inline(knockOf(r.Context())), zap.String("route", r.Pattern),
		zap.String("outcome", o.result), zap.Int("accepted", o.accepted), zap.Int("ignored", o.ignored), zap.Int64("duration_ms", took.Milliseconds()))
	if a.traced {
		if id := trace.ID(r.Context()); id != "" {
			fields = append(fields, zap.String("trace_id", id))
		}
	}
	if o.known {
		fields = append(fields, zap.String("tenant", tenantID))
	}
	if o.detail != "" {
		fields = append(fields, zap.String("reason", o.detail))
	}
	if o.err != nil {
		a.c.Log.Error("webhook", append(fields, zap.Error(o.err))...)
		return
	}
	a.c.Log.Info("webhook", fields...)
}

// usualBody is longer than most bodies of webhooks: room for one is used again.
const usualBody = 4 << 10

var rooms = sync.Pool{New: func() any { return new([usualBody]byte) }}

// receive does everything but the answer.
func (a *public) receive(w http.ResponseWriter, r *http.Request, tenantID string) outcome {
	var o outcome
	if encoded(r.Header) {
		return o.refused(resultEncoded, "the body has a Content-Encoding", problem(http.StatusUnsupportedMediaType, "content-encoding", "send the body without Content-Encoding"))
	}
	if !a.inFlight.enter(tenantID) {
		p := problem(http.StatusServiceUnavailable, "busy", "too many posts at once: try again later")
		p.retryAfter = "1"
		return o.refused(resultBusy, "too many posts at once", p)
	}
	defer a.inFlight.leave(tenantID)
	began := time.Now()
	v, err := a.admit(r, tenantID)
	left := acceptTimeout - time.Since(began) // the body may take its time
	if err != nil {
		return o.failed("the tenant could not be read", err)
	}
	o.known = v.Tenant != nil
	if v.Flush {
		a.countUses(r.Context())
	}
	if !v.Admitted {
		// One answer for every refusal: what was wrong is nobody's business.
		return o.refused(v.Reason, strings.ReplaceAll(v.Reason, "_", " "), problem(http.StatusUnauthorized, "unauthorized", ""))
	}
	room := rooms.Get().(*[usualBody]byte)
	defer rooms.Put(room) // nothing of a body is kept
	body, err := readBody(w, r, a.c.MaxBodyBytes, room[:])
	if err != nil {
		p := problemOf(err)
		if p.Status == http.StatusRequestEntityTooLarge {
			return o.refused(resultTooLarge, "the body is over the limit", p)
		}
		return o.refused(resultCut, "the body was cut short", p)
	}
	var query url.Values
	if r.URL.RawQuery != "" {
		query = r.URL.Query()
	}
	events, unsupported, err := netsuite.ParseEvent(body, query, eventOptions(v.Tenant))
	// Once read, a webhook is worth keeping even if its sender has hung up.
	until := time.Now().Add(left)
	if err != nil {
		ctx, cancel := context.WithDeadline(context.WithoutCancel(r.Context()), until)
		defer cancel()
		return a.unreadable(ctx, o, tenantID, err)
	}
	var one [1]queue.Mark // nearly all bodies name one record
	marks := one[:0]
	from := a.passedOn(r)
	for _, e := range events {
		if !v.Tenant.Syncs(string(e.Type)) {
			unsupported++
			continue
		}
		marks = append(marks, queue.Mark{Ref: queue.Ref{Type: string(e.Type), ID: e.ID.String()}, Source: sourceWebhook, Note: e.Kind, Trace: from})
	}
	o.result, o.accepted, o.ignored = resultAccepted, len(marks), unsupported
	if len(marks) == 0 {
		o.result = resultIgnored
		return o
	}
	if _, err := a.c.Queue.MarkUntil(until, tenantID, queue.Live, marks...); err != nil {
		return o.failed("the marks could not be made durable", err)
	}
	return o
}

// encoded reports a body that has to be unpacked, by any of several header
// lines. Nothing is ever unpacked for a stranger.
func encoded(h http.Header) bool {
	for _, line := range h.Values("Content-Encoding") {
		if e := strings.TrimSpace(line); e != "" && !strings.EqualFold(e, "identity") {
			return true
		}
	}
	return false
}

// eventOptions are the tenant's hints for reading a body.
func eventOptions(t *tenant.Tenant) netsuite.EventOptions {
	return netsuite.EventOptions{DefaultType: netsuite.RecordType(t.Webhook.DefaultType), IDPaths: t.Webhook.IDPaths, TypePaths: t.Webhook.TypePaths}
}

// admit asks the tenant's door.
func (a *public) admit(r *http.Request, tenantID string) (tenant.Verdict, error) {
	k := knockOf(r.Context())
	shown := k.secret
	k.secret = "" // nobody asks for it any more, and what works on behind the answer keeps the request
	return a.c.Door.Check(r.Context(), tenantID, k.addr, shown)
}

// unreadable answers an admitted post in which no record could be found. An
// early poll finds what it was about.
func (a *public) unreadable(ctx context.Context, o outcome, tenantID string, cause error) outcome {
	if err := pollNow(ctx, a.c, tenantID); err != nil {
		return o.failed("no record in the body, and no early poll could be scheduled", err)
	}
	detail := "nothing usable in the body"
	var none netsuite.ErrNoRecord
	if errors.As(cause, &none) {
		detail = none.Error()
	}
	p := problem(http.StatusUnprocessableEntity, "no-record", detail+"; an early poll of NetSuite is scheduled, so nothing is lost")
	p.Accepted = acceptedShapes[:]
	return o.refused(resultUnreadable, detail, p)
}

// passedOn is the trace that a mark carries: our span, or without tracing the
// caller's.
func (a *public) passedOn(r *http.Request) string {
	if a.traced {
		if p := trace.Parent(r.Context()); p != "" {
			return p
		}
	}
	return traceparent(r)
}

var traceForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceparent is the caller's trace, "" unless it has the form of W3C Trace
// Context: it is stored, so a stranger must not choose its length.
func traceparent(r *http.Request) string {
	if s := r.Header.Get("Traceparent"); s != "" && traceForm.MatchString(s) {
		return s
	}
	return ""
}
