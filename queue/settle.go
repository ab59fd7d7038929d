package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Settlement is the outcome of a record in a turn.
type Settlement struct {
	Ref
	Entry   *Entry // the mark that this settles; nil if the record was settled in passing
	State   State  // Completed, Waiting, Parked or Skipped
	Reason  string // closed set: a park reason, or why it waits
	Message string // a sentence with names and amounts
	Fix     string // a sentence that says what to do
	// NextAt is when a Waiting record is tried again by itself; zero waits
	// for the next mark.
	NextAt time.Time
	Failed bool              // counts an attempt; any state but Waiting sets the count back
	Facts  map[string]string // extra fields of the record to set, "" deletes
	Steps  []Step
	Quiet  bool // nothing new: neither Steps nor the outcome go into the timeline
}

// Settle records outcomes and removes the entries that they settle, each
// outcome in one script under the fence, all in one round trip. A record that
// was marked again since it was taken stays Pending with its new entry,
// whatever its outcome. Settling the same entry twice does nothing.
func (t *Turn) Settle(ctx context.Context, out ...Settlement) error {
	if len(out) == 0 {
		return nil
	}
	calls := make([]call, len(out))
	for i, s := range out {
		calls[i] = t.settlement(s)
	}
	vs, err := settleScript.runAll(ctx, t.q.rdb, calls, func(p redis.Pipeliner) {
		for _, s := range out {
			Index(ctx, p, t.Tenant, s.Ref, s.Facts)
		}
	})
	if err != nil {
		return fmt.Errorf("settle %d records of %s, the first %s: %w", len(out), t.Tenant, out[0].Ref, err)
	}
	t.Valid(0) // the turn gets on
	for i, s := range out {
		if err := t.verdict("settle "+s.Ref.String(), vs[i], nil); err != nil {
			return err
		}
		if s.Entry != nil {
			delete(t.hands, s.Entry.stream)
		}
	}
	return nil
}

// settlement is the call of settleScript for an outcome.
func (t *Turn) settlement(s Settlement) call {
	t.settled++
	id, want, class := "", int64(0), Live
	if s.Entry != nil {
		id, want, class = s.Entry.stream, s.Entry.Want, s.Entry.class
	}
	keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, s.Ref), KeyStream(t.Tenant, class), KeyDue(t.Tenant), KeyLog(t.Tenant, s.Ref)}, byState(t.Tenant)...)
	at := int64(0)
	if !s.NextAt.IsZero() {
		at = s.NextAt.UnixMilli()
	}
	failed := "0"
	if s.Failed {
		failed = "1"
	}
	args := []any{t.fence, s.Ref.String(), id, want, string(s.State), s.Reason, s.Message, s.Fix, at, failed, t.q.o.LogCap, len(s.Facts),
		t.fence + "/" + strconv.Itoa(t.settled)}
	for k, v := range s.Facts {
		args = append(args, k, v)
	}
	var steps []Step
	if !s.Quiet {
		steps = append(slices.Clone(s.Steps), Step{Name: "settled", Text: settledText(s)})
	}
	for _, step := range steps {
		args = append(args, StepText(step))
	}
	return call{keys, args}
}

func settledText(s Settlement) string {
	out := string(s.State)
	if s.Reason != "" {
		out += ", " + s.Reason
	}
	if s.Message != "" {
		out += ": " + s.Message
	}
	return out
}
