package handlers

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
)

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
			return &hold{WaitRetry, now.Add(t.apart(holdUnavailable)), err}
		case errors.Is(ce, cin7.ErrCredentials):
			return &hold{WaitUpstream, now.Add(holdCredentials), err}
		case errors.Is(ce, cin7.ErrRefused), errors.Is(ce, cin7.ErrNotFound):
			return problem(ParkCin7Refused, "correct what Cin7 names, in NetSuite, in the mapping or in Cin7, then retry this record", "%v", err)
		}
		if ce.Status == 500 {
			return &Wait{Reason: WaitRetry, Message: err.Error(), Failed: true}
		}
		return &hold{WaitRetry, now.Add(t.apart(holdUnavailable)), err}
	case errors.As(err, &ne):
		switch {
		case errors.Is(ne, netsuite.ErrLimited):
			return &hold{WaitRetry, now.Add(max(ne.RetryAfter, holdLimited)), err}
		case errors.Is(ne, netsuite.ErrCredentials), errors.Is(ne, netsuite.ErrForbidden):
			return &hold{WaitUpstream, now.Add(holdCredentials), err}
		case errors.Is(ne, netsuite.ErrHidden), errors.Is(ne, netsuite.ErrQuery):
			return problem(ParkNetSuiteHidden, "give the integration role the permission that NetSuite names, then retry this record", "%v", err)
		}
		return &hold{WaitRetry, now.Add(t.apart(holdUnavailable)), err}
	}
	return err
}

// Retries of a record that failed by itself: full jitter under a bound that
// doubles from a second to a quarter of an hour, for three days.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Minute
	retryFor   = 72 * time.Hour
)

// backoff is when a failed record is tried again. The jitter is drawn from the
// record and its count, not from chance: records do not come back in step, and
// a run can be repeated.
func backoff(now time.Time, tenant string, r queue.Ref, attempts int) time.Time {
	bound := lastRetry
	if attempts < 10 {
		bound = min(bound, firstRetry<<attempts)
	}
	return now.Add(draw(bound, tenant, r.String(), strconv.Itoa(attempts)))
}

// apart moves a hold by up to half of itself, so that the lanes of many
// tenants do not come back to an upstream in step.
func (t *turn) apart(d time.Duration) time.Duration {
	return d + draw(d/2, t.t.ID, strconv.FormatInt(t.lane.Fence, 10))
}

// draw is a time up to a bound, the same for equal names.
func draw(bound time.Duration, names ...string) time.Duration {
	h := fnv.New64a()
	for _, n := range names {
		_, _ = h.Write([]byte(n + "\x00"))
	}
	return time.Duration(rand.New(rand.NewPCG(h.Sum64(), 0)).Int64N(int64(bound) + 1))
}
