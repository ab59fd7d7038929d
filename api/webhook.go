package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

const (
	// acceptDeadline is how long a post may wait for Redis.
	acceptDeadline = time.Second
	// In-flight posts, in all and per tenant; beyond it we answer 503, which
	// costs nothing: the poller finds what was missed.
	maxInFlight       = 1024
	maxTenantInFlight = 256
)

// acceptedShapes tells the author of a script what we read.
var acceptedShapes = []string{
	`{"recordType":"vendorbill","id":"48213"}`,
	`{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`,
	`[{"type":"purchaseorder","id":"1"},{"type":"vendor","id":"2"}]`,
	`recordtype=purchaseorder&internalid=123`,
}

// gauge counts what is in flight.
type gauge struct {
	mu        sync.Mutex
	all       int
	perTenant map[string]int
}

func (g *gauge) enter(tenant string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxInFlight || g.perTenant[tenant] >= maxTenantInFlight {
		return false
	}
	g.all++
	g.perTenant[tenant]++
	return true
}

func (g *gauge) leave(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.perTenant[tenant]--; g.perTenant[tenant] == 0 {
		delete(g.perTenant, tenant)
	}
}

// outcome of a webhook: what is counted, logged and answered.
type outcome struct {
	result   string
	accepted int
	ignored  int
	known    bool   // the tenant exists
	detail   string // plain words, no secret, no body
	problem  *Problem
}

// webhook admits a post, makes its marks durable and answers.
func (a *public) webhook(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	tenantID := chi.URLParam(r, "tenant")
	o := a.receive(r, tenantID)
	a.m.requests.WithLabelValues(o.result).Inc()
	if o.problem != nil {
		writeProblem(w, r, o.problem)
	} else {
		writeJSON(w, http.StatusAccepted, map[string]int{"accepted": o.accepted, "ignored": o.ignored})
	}
	took := time.Since(start)
	a.m.duration.Observe(took.Seconds())
	addr := allowlist.Client(r)
	fields := []zap.Field{zap.String("request_id", requestID(r.Context())), zap.Stringer("remote_ip", addr), zap.String("outcome", o.result),
		zap.Int("accepted", o.accepted), zap.Int("ignored", o.ignored), zap.Int64("duration_ms", took.Milliseconds())}
	if o.known {
		fields = append(fields, zap.String("tenant", tenantID))
		// What was refused, and why, is what an operator looks for first.
		keep, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), acceptDeadline)
		defer cancel()
		h := state.Hook{At: start, Address: addr.String(), Verdict: o.result, Detail: o.detail, Accepted: o.accepted, Ignored: o.ignored}
		if err := a.c.States.Tenant(tenantID).AddHook(keep, h); err != nil {
			fields = append(fields, zap.String("hook_error", err.Error()))
		}
	}
	if o.detail != "" {
		fields = append(fields, zap.String("reason", o.detail))
	}
	a.c.Log.Info("webhook", fields...)
}

// receive does everything but the answer.
func (a *public) receive(r *http.Request, tenantID string) outcome {
	if !a.inFlight.enter(tenantID) {
		p := problem(http.StatusServiceUnavailable, "busy", "too many posts at once: try again later")
		p.retryAfter = "1"
		return outcome{result: resultBusy, problem: p}
	}
	defer a.inFlight.leave(tenantID)
	ctx, cancel := context.WithTimeout(r.Context(), acceptDeadline)
	defer cancel()
	v, err := a.c.Door.Check(ctx, tenantID, allowlist.Client(r), shownSecret(r.Context()))
	if err != nil {
		a.c.Log.Error("ask the door", zap.Error(err))
		return outcome{result: resultUnavailable, problem: problemOf(err)}
	}
	o := outcome{known: v.Tenant != nil}
	if !v.Admitted {
		// One answer for every refusal: what was wrong is nobody's business.
		o.result, o.detail = v.Reason, strings.ReplaceAll(v.Reason, "_", " ")
		o.problem = problem(http.StatusUnauthorized, "unauthorized", "")
		return o
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		o.result, o.detail, o.problem = resultEncoded, "content encoding", problem(http.StatusUnsupportedMediaType, "content-encoding", "send the body without Content-Encoding")
		return o
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, a.c.MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		o.result, o.detail, o.problem = resultTooLarge, "body over the limit", problem(http.StatusRequestEntityTooLarge, "too-large", "the body is over the limit")
		return o
	case err != nil:
		o.result, o.detail, o.problem = resultCut, "the body was cut short", problem(http.StatusBadRequest, "cut", "the body ended before its length")
		return o
	}
	events, unsupported, err := netsuite.ParseEvent(body, r.URL.Query(), netsuite.EventOptions{})
	if err != nil {
		return a.unreadable(ctx, o, tenantID, err)
	}
	var marks []queue.Mark
	for _, e := range events {
		if !v.Tenant.Syncs(string(e.Type)) {
			unsupported++
			continue
		}
		marks = append(marks, queue.Mark{Ref: queue.Ref{Type: string(e.Type), ID: e.ID.String()}, Source: "webhook", Note: e.Kind, Trace: r.Header.Get("Traceparent")})
	}
	o.accepted, o.ignored, o.result = len(marks), unsupported, resultAccepted
	if len(marks) == 0 {
		o.result = resultIgnored
		return o
	}
	// The body may have taken longer to arrive than Redis is given to answer.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(r.Context()), acceptDeadline)
	defer cancel()
	if _, err := a.c.Queue.Mark(ctx, tenantID, queue.Live, marks...); err != nil {
		a.c.Log.Error("make marks durable", zap.String("tenant", tenantID), zap.Error(err))
		return outcome{result: resultUnavailable, known: true, detail: "Redis cannot take it", problem: problemOf(err)}
	}
	for _, m := range marks {
		a.m.marks.WithLabelValues("webhook", m.Type).Inc()
	}
	return o
}

// unreadable answers an admitted post in which no record could be found. An
// early poll finds what it was about.
func (a *public) unreadable(ctx context.Context, o outcome, tenantID string, cause error) outcome {
	o.result, o.detail = resultUnreadable, cause.Error()
	o.problem = problem(http.StatusUnprocessableEntity, "no-record", cause.Error()+"; an early poll of NetSuite is scheduled, so nothing is lost")
	o.problem.Accepted = acceptedShapes
	if err := pollNow(ctx, a.c, tenantID); err != nil {
		a.c.Log.Error("schedule an early poll", zap.String("tenant", tenantID), zap.Error(err))
	}
	return o
}

// pollNow asks the tenant's lane for a poll.
func pollNow(ctx context.Context, c Config, tenantID string) error {
	if err := c.States.Tenant(tenantID).RequestPoll(ctx); err != nil {
		return err
	}
	return c.Queue.Wake(ctx, tenantID, time.Time{})
}
