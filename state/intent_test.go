package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"
)

// laneOf holds the lane of acme with a record at work.
func laneOf(t *testing.T, rdb redis.UniversalClient, ref queue.Ref) *queue.Turn {
	t.Helper()
	q := queue.New(rdb, queue.Options{})
	if _, err := q.Mark(t.Context(), "acme", queue.Live, queue.Mark{Ref: ref, Source: "webhook"}); err != nil {
		t.Fatal(err)
	}
	turn, err := q.Claim(t.Context(), "w")
	if err != nil || turn == nil {
		t.Fatal(turn, err)
	}
	return turn
}

// A record has one open write at a time. Its hash, once closed, is as small as
// if there had been none.
func TestIntent(t *testing.T) {
	ctx, rdb := t.Context(), redistest.Server(t)
	ref := queue.Ref{Type: "vendorbill", ID: "1"}
	recs, fence := state.New(rdb).Tenant("acme"), laneOf(t, rdb, ref).Fence
	open := func() *state.Intent {
		t.Helper()
		got, err := recs.Get(ctx, queue.Ref{Type: "vendor", ID: "9"}, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Intent != nil {
			t.Errorf("another record has the intent %+v", got[0].Intent)
		}
		return got[1].Intent
	}
	in := state.Intent{Slot: "invoice", Op: "post_invoice", Marker: "NS:vendorbill:1@1234567", Hash: strings.Repeat("a", 64), Fence: fence, SentAt: time.UnixMilli(1).UTC(), Said: "one\ntwo"}
	if err := recs.OpenIntent(ctx, fence, ref, in); err != nil {
		t.Fatal(err)
	}
	if got := open(); got == nil || *got != in {
		t.Errorf("opened %+v, want %+v", got, in)
	}
	if err := recs.OpenIntent(ctx, fence, ref, in); err != nil {
		t.Errorf("the same again: %v", err)
	}
	other := in
	other.Slot = "purchase"
	for what, err := range map[string]error{
		"open another":   recs.OpenIntent(ctx, fence, ref, other),
		"update another": recs.UpdateIntent(ctx, fence, ref, other),
	} {
		if !errors.Is(err, state.ErrIntentOpen) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := recs.UpdateIntent(ctx, fence-1, ref, in); !errors.Is(err, queue.ErrStale) {
		t.Errorf("under an old fence: %v", err)
	}
	in.Unknown = true
	if err := recs.UpdateIntent(ctx, fence, ref, in); err != nil {
		t.Fatal(err)
	}
	if err := recs.Link(ctx, fence, ref, "purchase", "G-1", nil); err != nil {
		t.Fatal(err)
	}
	if got := open(); got == nil || !got.Unknown {
		t.Errorf("after a link of another slot: %+v", got)
	}
	if err := recs.Link(ctx, fence, ref, "invoice", "G-2", nil); err != nil {
		t.Fatal(err)
	}
	if got := open(); got != nil {
		t.Errorf("its link left it open: %+v", got)
	}
	if err := recs.OpenIntent(ctx, fence, ref, other); err != nil {
		t.Fatal(err)
	}
	if err := recs.CloseIntent(ctx, fence, ref); err != nil || open() != nil {
		t.Errorf("closed: %v, %+v", err, open())
	}
	if e := rdb.ObjectEncoding(ctx, queue.KeyRecord("acme", ref)).Val(); e != "listpack" {
		t.Errorf("the record is kept as %s", e)
	}
}

// An intent that an earlier version left in the record's hash counts.
func TestIntentInTheRecord(t *testing.T) {
	ctx, rdb := t.Context(), redistest.Embedded(t)
	ref := queue.Ref{Type: "vendorbill", ID: "1"}
	recs, fence := state.New(rdb).Tenant("acme"), laneOf(t, rdb, ref).Fence
	rdb.HSet(ctx, queue.KeyRecord("acme", ref), "intent", `{"slot":"invoice","op":"post_invoice"}`, "intent_slot", "invoice", "intent_op", "post_invoice")
	got, err := recs.Get(ctx, ref)
	if err != nil || got[0].Intent == nil || got[0].Intent.Op != "post_invoice" {
		t.Fatalf("read %+v, %v", got, err)
	}
	if err := recs.OpenIntent(ctx, fence, ref, state.Intent{Slot: "purchase", Op: "create_purchase"}); !errors.Is(err, state.ErrIntentOpen) {
		t.Errorf("another was opened: %v", err)
	}
	if err := recs.UpdateIntent(ctx, fence, ref, state.Intent{Slot: "invoice", Op: "post_invoice", Unknown: true}); err != nil {
		t.Fatal(err)
	}
	if got, _ := recs.Get(ctx, ref); got[0].Intent == nil || !got[0].Intent.Unknown {
		t.Errorf("updated: %+v", got[0].Intent)
	}
	if err := recs.Link(ctx, fence, ref, "invoice", "G-2", nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := recs.Get(ctx, ref); got[0].Intent != nil || len(rdb.HGet(ctx, queue.KeyRecord("acme", ref), "intent").Val()) > 0 {
		t.Errorf("left open: %+v", got[0].Intent)
	}
}
