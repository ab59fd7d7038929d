package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestSkipCheck(t *testing.T) {
	good := state.Skip{Until: "2026-12-31", By: "kim", Why: "paid by card"}
	for _, c := range []struct {
		name string
		edit func(*state.Skip)
		want string // in the error; "" is none
	}{
		{"good", func(*state.Skip) {}, ""},
		{"today is a day", func(s *state.Skip) { s.Until = "2026-11-28" }, ""},
		{"yesterday", func(s *state.Skip) { s.Until = "2026-11-27" }, "2026-11-27"},
		{"no reason", func(s *state.Skip) { s.Why = " " }, "needs a reason"},
		{"an essay", func(s *state.Skip) { s.Why = strings.Repeat("x", 301) }, "301 bytes"},
		{"no date", func(s *state.Skip) { s.Until = "" }, "YYYY-MM-DD"},
		{"a date of another country", func(s *state.Skip) { s.Until = "31.12.2026" }, "31.12.2026"},
		{"for ever", func(s *state.Skip) { s.Until = "2036-12-31" }, "400 days"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good
			c.edit(&s)
			err := s.Check(noon)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A skip holds through its last day and is reopened on the next.
func TestSkipHoldsUntilItsLastDay(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Embedded(t)
	q, recs := queue.New(rdb, queue.Options{}), state.New(rdb).Tenant("acme")
	k := queue.Ref{Type: "vendorbill", ID: "1"}
	s := state.Skip{Until: "2026-11-30", By: "kim", Why: "paid by card"}
	if err := recs.Skip(ctx, q, k, s, noon); !errors.Is(err, state.ErrNotFound) {
		t.Fatalf("skipping what was never seen: %v", err)
	}
	settle := func(st queue.State, reason string) {
		t.Helper()
		turn, err := q.Claim(ctx, "w")
		if err != nil || turn == nil {
			t.Fatalf("claim: %v, %v", turn, err)
		}
		got, err := turn.Take(ctx, 10)
		if err != nil || len(got) != 1 {
			t.Fatalf("take: %v, %v", got, err)
		}
		if err := turn.Settle(ctx, queue.Settlement{Ref: k, Entry: &got[0], State: st, Reason: reason}); err != nil {
			t.Fatal(err)
		}
		if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Mark(ctx, "acme", queue.Live, queue.Mark{Ref: k, Source: "webhook"}); err != nil {
		t.Fatal(err)
	}
	settle(queue.Parked, "unmapped_account")
	if err := recs.Skip(ctx, q, k, s, noon); err != nil {
		t.Fatal(err)
	}
	settle(queue.Skipped, state.ReasonSkip)
	for _, c := range []struct {
		name  string
		now   time.Time
		holds bool
	}{{"the last day", time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC), true}, {"the day after", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), false}} {
		got, err := recs.Get(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		if skip, holds := got[0].Skipped(c.now); holds != c.holds || skip != s {
			t.Errorf("%s: got %v, %v", c.name, skip, holds)
		}
		n, err := recs.Reopen(ctx, q, c.now)
		if err != nil || n == 0 != c.holds {
			t.Errorf("%s: reopened %d, %v", c.name, n, err)
		}
	}
}
