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

// Settle records outcomes and removes the entries that they settle, under the
// fence and in one round trip, of which each script settles up to 200 wholly. A
// record that was marked again since it was taken stays Pending with its new
// entry, whatever its outcome. Settling the same entry twice does nothing.
func (t *Turn) Settle(ctx context.Context, out ...Settlement) error {
	if len(out) == 0 {
		return nil
	}
	var calls []call
	for some := range slices.Chunk(out, scriptBatch) {
		calls = append(calls, t.settlements(some))
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
	for _, v := range vs {
		if err := t.verdict("settle "+out[0].Ref.String(), v, nil); err != nil {
			return err
		}
	}
	for _, s := range out {
		if s.Entry != nil {
			delete(t.hands, s.Entry.stream)
		}
	}
	return nil
}

// settlements is the call of settleScript for outcomes.
func (t *Turn) settlements(out []Settlement) call {
	l := t.q.lane(t.Tenant)
	keys := append(append(make([]string, 0, 1+laneKeys+2*len(out)), KeyLane(t.Tenant)), l.keys...)
	args := append(make([]any, 0, 2+16*len(out)), t.fence, t.q.o.LogCap)
	for _, s := range out {
		t.settled++
		keys = append(keys, l.record(s.Ref), l.log(s.Ref))
		id, want, class := "", int64(0), Live
		if s.Entry != nil {
			id, want, class = s.Entry.stream, s.Entry.Want, s.Entry.class
		}
		at := int64(0)
		if !s.NextAt.IsZero() {
			at = s.NextAt.UnixMilli()
		}
		failed := "0"
		if s.Failed {
			failed = "1"
		}
		args = append(args, id, string(class), want, string(s.State), s.Reason, s.Message, s.Fix, at, failed, t.fence+"/"+strconv.Itoa(t.settled), len(s.Facts))
		for k, v := range s.Facts {
			args = append(args, k, v)
		}
		if s.Quiet {
			args = append(args, 0)
			continue
		}
		args = append(args, len(s.Steps)+1)
		for _, step := range s.Steps {
			args = append(args, StepText(step))
		}
		args = append(args, StepText(Step{Name: "settled", Text: settledText(s)}))
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
