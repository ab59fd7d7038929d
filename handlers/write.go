package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// The write protocol. Cin7 has no idempotency key, so a write goes
//
//	look up -> call budget -> open intent (durable) -> gate -> call -> record the result, close the intent
//
// and when the answer leaves open whether the call took effect, the intent
// stays: nothing else is written for that record until its quarantine is over
// and a look-up has settled what happened (settle.go).

// step is a place in the protocol where a process can die. Options.At is told
// of each as it is reached.
type step string

// The steps of a write, in their order, and those of its settlement.
const (
	stepDecided  step = "decided"  // the call is planned, nothing is kept yet
	stepIntent   step = "intent"   // the intent is durable, nothing is sent
	stepAnswered step = "answered" // the answer is here, nothing of it is kept
	stepRecorded step = "recorded" // the result is kept, the intent closed
	stepUnknown  step = "unknown"  // the answer left the outcome open, and that is kept
	stepSettling step = "settling" // the quarantine is over, the look-up is next
	stepLooked   step = "looked"   // looked up, nothing of it is kept
	stepSettled  step = "settled"  // what became of the call is kept
)

// WriteSteps are the names of all of them, as Options.At is told.
func WriteSteps() []string {
	return []string{string(stepDecided), string(stepIntent), string(stepAnswered), string(stepRecorded),
		string(stepUnknown), string(stepSettling), string(stepLooked), string(stepSettled)}
}

func (t *turn) at(op string, s step) {
	if t.w.o.At != nil {
		t.w.o.At(op, string(s))
	}
}

// write sends one call under the protocol. owner is the record that owns the
// write; call must send exactly one request and record what a success says.
func (t *turn) write(ctx context.Context, owner queue.Ref, in state.Intent, body any, call func(ctx context.Context) error) error {
	if ctx.Err() != nil {
		return errStopping
	}
	if t.rehearsal != nil {
		t.rehearsal.open(owner, in.Op+": "+errForeseen.Error())
		return errForeseen
	}
	if err := t.alone(ctx); err != nil {
		return err
	}
	k, known := kindOf(in.Op)
	if !known {
		return fmt.Errorf("write for %s: operation %q is not in the list of kinds", owner, in.Op)
	}
	in.Fence, in.Hash = t.lane.Fence, hashOf(body)
	if words, again := t.refused[in.Op+in.Hash]; again {
		return problem(ParkCin7Refused, "correct what Cin7 names, in NetSuite, in the mapping or in Cin7, then retry this record", "Cin7 %s: %s", in.Op, words)
	}
	if k.creates {
		if err := t.mayCreate(owner); err != nil {
			return err
		}
	}
	t.at(in.Op, stepDecided)
	// The budget first: an intent says when its call was sent.
	if err := t.pay(ctx); err != nil {
		return t.classify(&cin7.Error{Kind: cin7.ErrNotSent, Operation: in.Op, Applied: cin7.NotApplied, Cause: err})
	}
	if t.script != nil {
		if err := t.script.take(); err != nil {
			return err
		}
	}
	in.SentAt = t.w.now()
	if err := t.recs.OpenIntent(ctx, t.lane.Fence, owner, in); err != nil {
		return fmt.Errorf("open intent %s of %s: %w", in.Op, owner, err)
	}
	t.at(in.Op, stepIntent)
	// From here on a shutdown must not cut the call: it is finished, and its
	// result recorded, within the grace period.
	ctx = context.WithoutCancel(ctx)
	err := call(ctx)
	var ce *cin7.Error
	switch {
	case err == nil:
		t.step(owner, "called", fmt.Sprintf("Cin7 %s: done", in.Op))
		err = t.closeIntent(ctx, owner)
		t.at(in.Op, stepRecorded)
		return err
	case errors.As(err, &ce) && ce.Applied == cin7.NotApplied:
		t.step(owner, "called", "Cin7 "+in.Op+": "+err.Error())
		if cerr := t.closeIntent(ctx, owner); cerr != nil {
			return cerr
		}
		t.at(in.Op, stepRecorded)
		return t.classify(err)
	case errors.Is(err, cin7.ErrRefused):
		// Cin7's words, in an answer that may have followed an effect: they
		// count if the look-up finds none.
		in.Said = err.Error()
	}
	return t.leaveOpen(ctx, owner, in, err)
}

func (t *turn) closeIntent(ctx context.Context, owner queue.Ref) error {
	if err := t.recs.CloseIntent(ctx, t.lane.Fence, owner); err != nil {
		return fmt.Errorf("close intent of %s: %w", owner, err)
	}
	return nil
}

func (t *turn) link(ctx context.Context, owner queue.Ref, slot, guid string, facts map[string]string) error {
	if t.offline() {
		return nil
	}
	if err := t.recs.Link(ctx, t.lane.Fence, owner, slot, guid, facts); err != nil {
		return fmt.Errorf("link %s of %s: %w", slot, owner, err)
	}
	return nil
}

// mayCreate makes creates wait while Redis may have lost what we knew: a call
// that was under way then can still land, and no intent tells of it.
func (t *turn) mayCreate(owner queue.Ref) error {
	if from := t.lane.CreatesFrom; t.w.now().Before(from) {
		return &Wait{Reason: WaitSettling, At: from,
			Message: fmt.Sprintf("Redis is new or has lost data of this tenant: nothing is created for %s before %s, when no call of before can still take effect", owner, from.UTC().Format(time.RFC3339))}
	}
	return nil
}

// hashOf names a value by its JSON.
func hashOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}
