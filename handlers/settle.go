package handlers

import (
	"context"
	"fmt"
	"time"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// givenUp is how long a look-up may be impossible before a person is asked
// what became of a write.
const givenUp = 24 * time.Hour

// leaveOpen keeps that nobody knows whether a call took effect.
func (t *turn) leaveOpen(ctx context.Context, owner queue.Ref, in state.Intent, cause error) error {
	in.Unknown, in.BelieveAt = true, t.w.now().Add(t.w.o.Settle)
	t.w.m.uncertain.WithLabelValues(in.Op, "opened").Inc()
	t.step(owner, "uncertain", fmt.Sprintf("Cin7 %s left the outcome open (%v); a look-up may be believed from %s", in.Op, cause, in.BelieveAt.UTC().Format(time.RFC3339)))
	if err := t.recs.UpdateIntent(ctx, t.lane.Fence, owner, in); err != nil {
		return fmt.Errorf("keep intent %s of %s: %w", in.Op, owner, err)
	}
	t.at(in.Op, stepUnknown)
	return settling(in)
}

func settling(in state.Intent) *Wait {
	return &Wait{Reason: WaitSettling, At: in.BelieveAt,
		Message: fmt.Sprintf("the outcome of %s is not known; looked up again at %s", in.Op, in.BelieveAt.UTC().Format(time.RFC3339))}
}

// settle decides what became of an open write before anything else happens to
// its record. find looks for the object that a create would have made: it
// returns its GUID, "" when there is none. Other writes need no search: the
// fresh read that follows shows what they did.
func (t *turn) settle(ctx context.Context, owner queue.Ref, in state.Intent, slot string, find func(context.Context) (string, error)) error {
	if t.rehearsal != nil {
		t.rehearsal.open(owner, "the outcome of an earlier "+in.Op+" is not known yet")
		return settling(in)
	}
	if in.BelieveAt.IsZero() {
		// The process died between the intent and the answer.
		in.BelieveAt = in.SentAt.Add(t.w.o.Settle)
	}
	if t.w.now().Before(in.BelieveAt) {
		return settling(in)
	}
	t.at(in.Op, stepSettling)
	if k, _ := kindOf(in.Op); !k.creates {
		t.w.m.uncertain.WithLabelValues(in.Op, "read_back").Inc()
		t.step(owner, "settled", "the outcome of "+in.Op+" is read back from Cin7")
		return t.settled(ctx, owner, in)
	}
	// A request that is later than every quarantine leaves a second draft: no
	// list from memory is believed about this record again.
	if err := t.recs.SetFacts(ctx, t.lane.Fence, owner, map[string]string{state.FactDoubt: t.w.now().UTC().Format(time.RFC3339)}); err != nil {
		return fmt.Errorf("keep that a create of %s was looked for: %w", owner, err)
	}
	guid, err := find(ctx)
	t.at(in.Op, stepLooked)
	switch {
	case err != nil && t.w.now().Sub(in.SentAt) >= givenUp && !isProblem(err):
		return problem(ParkOutcomeUnknown, "look in Cin7 for what "+in.Op+" may have made (marker "+in.Marker+"), then retry this record: it is looked up again",
			"%s was sent at %s and nobody knows whether it took effect; looking it up has failed for a day: %v", in.Op, in.SentAt.UTC().Format(time.RFC3339), err)
	case err != nil:
		return err
	case guid != "":
		t.w.m.uncertain.WithLabelValues(in.Op, "found").Inc()
		t.w.m.prevented.WithLabelValues(in.Op).Inc()
		t.step(owner, "settled", fmt.Sprintf("%s had taken effect: adopted %s", in.Op, guid))
		err := t.link(ctx, owner, slot, guid, nil)
		t.at(in.Op, stepSettled)
		return err
	case in.Misses == 0:
		// Lists may lag behind creates: believe only the second miss.
		in.Unknown, in.Misses = true, 1
		in.BelieveAt = t.w.now().Add(min(time.Minute, t.w.o.Settle/3))
		if err := t.recs.UpdateIntent(ctx, t.lane.Fence, owner, in); err != nil {
			return fmt.Errorf("keep intent %s of %s: %w", in.Op, owner, err)
		}
		return settling(in)
	}
	t.w.m.uncertain.WithLabelValues(in.Op, "absent").Inc()
	t.step(owner, "settled", in.Op+" had no effect: looked up twice")
	return t.settled(ctx, owner, in)
}

// settled closes an intent. What Cin7 said to a call that turns out to have
// had no effect is not asked for again in this batch.
func (t *turn) settled(ctx context.Context, owner queue.Ref, in state.Intent) error {
	if in.Said != "" {
		t.refused[in.Op+in.Hash] = in.Said
	}
	err := t.closeIntent(ctx, owner)
	t.at(in.Op, stepSettled)
	return err
}
