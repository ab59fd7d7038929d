package state_test

import (
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"
)

// Since when a record stands still is counted from when it began to, for the
// reason that it has: looking again, and parking it again for the same, does
// not begin it anew.
func TestSinceWhenARecordStandsStill(t *testing.T) {
	ctx, rdb := t.Context(), redistest.Embedded(t)
	q, recs := queue.New(rdb, queue.Options{}), state.New(rdb).Tenant("acme")
	k := queue.Ref{Type: "vendorbill", ID: "1"}
	settle := func(st queue.State, reason string) state.Record {
		t.Helper()
		if _, err := q.Mark(ctx, "acme", queue.Live, queue.Mark{Ref: k, Source: "poll"}); err != nil {
			t.Fatal(err)
		}
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
		recs, err := recs.Get(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		later(t, rdb.Time(ctx).Val(), func() time.Time { return rdb.Time(ctx).Val() })
		return recs[0]
	}
	first := settle(queue.Parked, "unmapped_account")
	if first.Since.IsZero() || first.Since.After(first.UpdatedAt) {
		t.Errorf("parked: since %s, changed %s", first.Since, first.UpdatedAt)
	}
	again := settle(queue.Parked, "unmapped_account")
	if !again.Since.Equal(first.Since) || !again.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("parked again: since %s, before %s; changed %s, before %s", again.Since, first.Since, again.UpdatedAt, first.UpdatedAt)
	}
	by, err := recs.Standing(ctx)
	if s := by["unmapped_account"]; err != nil || s.N != 1 || !s.Oldest.Equal(first.Since) {
		t.Errorf("standing: %+v, %v", by, err)
	}
	if at, err := recs.LastChange(ctx); err != nil || !at.Equal(again.UpdatedAt) {
		t.Errorf("last change: %s, %v, want %s", at, err, again.UpdatedAt)
	}
	other := settle(queue.Parked, "period_locked")
	if !other.Since.After(again.Since) {
		t.Errorf("parked for another reason: since %s", other.Since)
	}
	if waits := settle(queue.Waiting, "period_locked"); !waits.Since.After(other.Since) {
		t.Errorf("waiting: since %s", waits.Since)
	}
	if in := settle(queue.Completed, ""); !in.Since.IsZero() {
		t.Errorf("in step: stands still since %s", in.Since)
	}
}

// later waits until a clock shows another millisecond.
func later(t *testing.T, than time.Time, clock func() time.Time) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); clock().Truncate(time.Millisecond).Compare(than.Truncate(time.Millisecond)) <= 0; {
		if time.Now().After(end) {
			t.Fatal("the clock stands still")
		}
	}
}
