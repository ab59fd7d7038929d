package handlers

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/trace"
)

// step keeps a line for a record's timeline; it is written when the record
// settles.
func (t *turn) step(r queue.Ref, name, text string) {
	t.steps[r] = append(t.steps[r], queue.Step{At: t.w.now(), Name: name, Text: text})
}

// failing keeps since when a record fails or its writes end in nobody knows
// what, and parks it after three days of that: then time is no remedy.
func (t *turn) failing(ctx context.Context, s *queue.Settlement) error {
	if s.Facts == nil {
		s.Facts = map[string]string{}
	}
	switch {
	case s.State == queue.Waiting && !s.Failed && s.Reason != WaitSettling:
		return nil // the count goes on
	case s.State != queue.Waiting:
		s.Facts[state.FactFailing] = ""
		return nil
	}
	recs, err := t.recs.Get(ctx, s.Ref)
	if err != nil {
		return fmt.Errorf("read record %s: %w", s.Ref, err)
	}
	known := recs[0].Facts[state.FactFailing]
	if known == "" {
		s.Facts[state.FactFailing] = t.w.now().UTC().Format(time.RFC3339)
		return nil
	}
	since, err := time.Parse(time.RFC3339, known)
	if err != nil {
		return fmt.Errorf("record %s: since when it fails: %w", s.Ref, err)
	}
	if t.w.now().Sub(since) < retryFor {
		return nil
	}
	p := problem(ParkStillFailing, "look at what the message names, then retry this record", "it has failed since %s: %s", since.UTC().Format(time.RFC3339), s.Message)
	s.State, s.Reason, s.Message, s.Fix, s.Failed, s.NextAt = queue.Parked, p.Reason, p.Message, p.Fix, false, time.Time{}
	s.Facts[state.FactFailing] = ""
	return nil
}

// settleRecord writes one outcome and its log line.
func (t *turn) settleRecord(ctx context.Context, s queue.Settlement) error {
	if t.offline() {
		t.rehearsal.outcome(s)
		delete(t.steps, s.Ref)
		return nil
	}
	if t.script != nil {
		s.Entry = nil // its marks, if any, are settled by the lane
		if s.State != queue.Completed {
			t.script.trouble = fmt.Sprintf("%s is %s: %s: %s", s.Ref, s.State, s.Reason, s.Message)
		}
	}
	if err := t.failing(ctx, &s); err != nil {
		return err
	}
	s.Steps = append(t.steps[s.Ref], s.Steps...)
	delete(t.steps, s.Ref)
	if s.State == queue.Parked && s.Entry != nil && s.Entry.Source == queue.SourceRecheck {
		before, err := t.recs.Get(ctx, s.Ref)
		if err != nil {
			return fmt.Errorf("read record %s: %w", s.Ref, err)
		}
		s.Quiet = before[0].Reason == s.Reason && before[0].Message == s.Message
	}
	if err := t.lane.Settle(context.WithoutCancel(ctx), s); err != nil {
		return fmt.Errorf("settle %s: %w", s.Ref, err)
	}
	outcome := string(s.State)
	if s.Failed {
		outcome = "retried"
	}
	fields := []zap.Field{zap.String("record_type", s.Type), zap.String("record_id", s.ID), zap.String("outcome", outcome), zap.String("reason", s.Reason)}
	if s.Entry != nil {
		lag := t.w.now().Sub(s.Entry.MarkedAt)
		observe(ctx, t.w.m.lag.WithLabelValues(s.Type), lag.Seconds())
		fields = append(fields, zap.String("source", s.Entry.Source), zap.Int64("duration_ms", lag.Milliseconds()), zap.Int("attempt", s.Entry.Attempts+1))
	}
	if s.State == queue.Parked || s.State == queue.Waiting {
		fields = append(fields, zap.String("message", s.Message))
	}
	if id := trace.ID(ctx); id != "" {
		fields = append(fields, zap.String("trace_id", id))
	}
	t.w.m.outcomes.WithLabelValues(s.Type, outcome).Inc()
	t.log.Info("record settled", fields...)
	return nil
}
