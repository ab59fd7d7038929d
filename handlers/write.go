package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// The write protocol. Cin7 has no idempotency key, so a write goes
//
//	look up -> open intent (durable) -> gate -> call -> record the result, close the intent
//
// and when the answer leaves open whether the call took effect, the intent
// stays: nothing else is written for that record until its quarantine is over
// and a look-up has settled what happened.

// hold is an error of the whole lane: an upstream is down, refuses our
// credentials, or the budget is spent. No record's attempts are spent on it.
type hold struct {
	reason string
	until  time.Time
	cause  error
}

func (h *hold) Error() string { return h.reason + ": " + h.cause.Error() }
func (h *hold) Unwrap() error { return h.cause }

// How long a lane stays away from an upstream that fails as a whole.
const (
	holdLimited     = 10 * time.Second // over a limit, when the answer does not say
	holdUnavailable = 30 * time.Second
	holdCredentials = 5 * time.Minute
)

// errStopping: the process is shutting down; the record goes back untouched.
var errStopping = errors.New("stopping")

// write sends one call under the protocol. rec is the record that owns the
// write; call must send exactly one request.
func (t *turn) write(ctx context.Context, owner queue.Ref, in state.Intent, body any, call func(ctx context.Context) error) error {
	if ctx.Err() != nil {
		return errStopping
	}
	in.Fence, in.SentAt, in.Hash = t.lane.Fence, t.w.now(), hashOf(body)
	if err := t.recs.OpenIntent(ctx, t.lane.Fence, owner, in); err != nil {
		return fmt.Errorf("open intent %s of %s: %w", in.Op, owner, err)
	}
	// From here on a shutdown must not cut the call: it is finished, and its
	// result recorded, within the grace period.
	ctx = context.WithoutCancel(ctx)
	err := call(ctx)
	if err == nil {
		t.step(owner, "called", fmt.Sprintf("Cin7 %s: done", in.Op))
		return t.closeIntent(ctx, owner)
	}
	var ce *cin7.Error
	if errors.As(err, &ce) && ce.Applied == cin7.NotApplied {
		t.step(owner, "called", "Cin7 "+in.Op+": "+err.Error())
		if cerr := t.closeIntent(ctx, owner); cerr != nil {
			return cerr
		}
		return t.classify(err)
	}
	in.Unknown, in.BelieveAt = true, t.w.now().Add(t.w.o.Settle)
	t.w.m.uncertain.WithLabelValues(in.Op, "opened").Inc()
	t.step(owner, "uncertain", fmt.Sprintf("Cin7 %s left the outcome open (%v); a look-up may be believed from %s", in.Op, err, in.BelieveAt.UTC().Format(time.RFC3339)))
	if uerr := t.recs.UpdateIntent(ctx, t.lane.Fence, owner, in); uerr != nil {
		return fmt.Errorf("keep intent %s of %s: %w", in.Op, owner, uerr)
	}
	return settling(in)
}

func settling(in state.Intent) *Wait {
	return &Wait{Reason: WaitSettling, At: in.BelieveAt,
		Message: fmt.Sprintf("the outcome of %s is not known; looked up again at %s", in.Op, in.BelieveAt.UTC().Format(time.RFC3339))}
}

func (t *turn) closeIntent(ctx context.Context, owner queue.Ref) error {
	if err := t.recs.CloseIntent(ctx, t.lane.Fence, owner); err != nil {
		return fmt.Errorf("close intent of %s: %w", owner, err)
	}
	return nil
}

// settle decides what became of an open write before anything else happens to
// its record. find looks for the object that a create would have made: it
// returns its GUID, "" when there is none. Other writes need no search: the
// fresh read that follows shows what they did.
func (t *turn) settle(ctx context.Context, owner queue.Ref, in state.Intent, isCreate bool, slot string, find func(context.Context) (string, error)) error {
	if in.BelieveAt.IsZero() {
		// The process died between the intent and the answer.
		in.BelieveAt = in.SentAt.Add(t.w.o.Settle)
	}
	if t.w.now().Before(in.BelieveAt) {
		return settling(in)
	}
	if !isCreate {
		t.w.m.uncertain.WithLabelValues(in.Op, "read_back").Inc()
		t.step(owner, "settled", "the outcome of "+in.Op+" is read back from Cin7")
		return t.closeIntent(ctx, owner)
	}
	guid, err := find(ctx)
	switch {
	case err != nil:
		return err
	case guid != "":
		t.w.m.uncertain.WithLabelValues(in.Op, "found").Inc()
		t.w.m.prevented.WithLabelValues(in.Op).Inc()
		t.step(owner, "settled", fmt.Sprintf("%s had taken effect: adopted %s", in.Op, guid))
		return t.link(ctx, owner, slot, guid, nil)
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
	return t.closeIntent(ctx, owner)
}

func (t *turn) link(ctx context.Context, owner queue.Ref, slot, guid string, facts map[string]string) error {
	if err := t.recs.Link(ctx, t.lane.Fence, owner, slot, guid, facts); err != nil {
		return fmt.Errorf("link %s of %s: %w", slot, owner, err)
	}
	return nil
}

// classify turns an upstream error into what becomes of the record (*Problem,
// *Wait) or of the lane (*hold). Other errors pass.
func (t *turn) classify(err error) error {
	now := t.w.now()
	var ce *cin7.Error
	var ne *netsuite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, queue.ErrStale), errors.Is(err, errStopping):
		return err
	case errors.Is(err, context.Canceled):
		return errStopping // a read that a stop cut short
	case errors.As(err, &ce):
		switch {
		case errors.Is(ce, cin7.ErrLimited):
			return &hold{WaitBudget, now.Add(max(ce.RetryAfter, holdLimited)), err}
		case errors.Is(ce, cin7.ErrNotSent):
			var spent *budgetSpent
			if errors.As(err, &spent) {
				return &hold{WaitBudget, spent.until, err}
			}
			return &hold{WaitRetry, now.Add(holdUnavailable), err}
		case errors.Is(ce, cin7.ErrCredentials):
			return &hold{WaitUpstream, now.Add(holdCredentials), err}
		case errors.Is(ce, cin7.ErrRefused), errors.Is(ce, cin7.ErrNotFound):
			return problem(ParkCin7Refused, "correct what Cin7 names, in NetSuite, in the mapping or in Cin7, then retry this record", "%v", err)
		}
		if ce.Status == 500 {
			return &Wait{Reason: WaitRetry, Message: err.Error(), Failed: true}
		}
		return &hold{WaitRetry, now.Add(holdUnavailable), err}
	case errors.As(err, &ne):
		switch {
		case errors.Is(ne, netsuite.ErrLimited):
			return &hold{WaitRetry, now.Add(max(ne.RetryAfter, holdLimited)), err}
		case errors.Is(ne, netsuite.ErrCredentials), errors.Is(ne, netsuite.ErrForbidden):
			return &hold{WaitUpstream, now.Add(holdCredentials), err}
		case errors.Is(ne, netsuite.ErrHidden), errors.Is(ne, netsuite.ErrQuery):
			return problem(ParkNetSuiteHidden, "give the integration role the permission that NetSuite names, then retry this record", "%v", err)
		}
		return &hold{WaitRetry, now.Add(holdUnavailable), err}
	}
	return err
}

// backoff is when a failed record is tried again: doubling from 5 s to 15 min,
// the upper half of it random so that records do not come back in step.
func backoff(now time.Time, attempts int) time.Time {
	d := 15 * time.Minute
	if attempts < 8 {
		d = min(d, 5*time.Second<<attempts)
	}
	return now.Add(d/2 + time.Duration(rand.Int64N(int64(d/2)+1)))
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
