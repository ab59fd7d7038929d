package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// A worker that freezes between the gate and its request, for longer than the
// quarantine, can leave a second draft behind: empty, worth nothing, but in
// the way; so can a network that repeats a create. A purchase that is worked on
// again finds it (alone); for the others the lane looks once a day, and, where
// creates relied on the kept list of purchases, which does not show what was
// made a moment ago, as soon as the lane has nothing else to do.
const (
	sweepEvery = 24 * time.Hour
	// sweepBack is how far the first look goes, and how much each overlaps the
	// one before it.
	sweepBack = 30 * 24 * time.Hour
	sweepOver = 26 * time.Hour
	// fieldSwept of the watermarks is when the last sweep began, RFC 3339.
	fieldSwept = "swept"
	// FieldUnseen is since when creates relied on the list, RFC 3339; "" when
	// the drafts beside them have been looked for.
	FieldUnseen = "created_by_list"
)

// sweep voids the stray drafts of the tenant. What it cannot finish for want
// of calls goes on in a later turn.
func (t *turn) sweep(ctx context.Context) error {
	began := t.w.now()
	daily := t.due(fieldSwept, sweepEvery)
	since := began.Add(-sweepBack)
	if last, err := time.Parse(time.RFC3339, t.wm[fieldSwept]); err == nil {
		since = last.Add(-sweepOver)
	}
	if !daily {
		first, err := time.Parse(time.RFC3339, t.wm[FieldUnseen])
		if err != nil {
			return nil //nolint:nilerr // no create has relied on the list
		}
		since = first.Add(-listOverlap)
	}
	rows, err := t.c7.Purchases(ctx, cin7.PurchaseFilter{UpdatedSince: since})
	if err != nil {
		return t.classify(err)
	}
	rows = slices.DeleteFunc(rows, func(r cin7.PurchaseRow) bool {
		return r.OrderStatus == cin7.StatusAuthorised || strings.Contains(r.Status, cin7.StatusVoided)
	})
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	owners, err := t.recs.Owners(ctx, ids...)
	if err != nil {
		return fmt.Errorf("look up the owners of %d purchases: %w", len(ids), err)
	}
	open := false
	for _, row := range rows {
		if _, taken := owners[strings.ToLower(row.ID)]; taken || t.s.strangers.is(row) {
			continue
		}
		later, err := t.sweepOne(ctx, row)
		if err != nil {
			return err
		}
		open = open || later
	}
	if t.wm[FieldUnseen] != "" && !open {
		if err := t.note(ctx, FieldUnseen, ""); err != nil {
			return err
		}
	}
	if !daily {
		return nil
	}
	return t.note(ctx, fieldSwept, began.UTC().Format(time.RFC3339))
}

// createdByList notes, before a create whose look-ups rely on the kept list,
// that the drafts beside it are still to be looked for.
func (t *turn) createdByList(ctx context.Context) error {
	if !t.listMayServe() || t.wm[FieldUnseen] != "" {
		return nil
	}
	return t.note(ctx, FieldUnseen, t.w.now().UTC().Format(time.RFC3339))
}

// sweepOne looks at a draft that belongs to no record as far as we know. later
// says that its record is being worked on: it is to be looked at again.
func (t *turn) sweepOne(ctx context.Context, row cin7.PurchaseRow) (later bool, err error) {
	p, err := t.c7.Purchase(ctx, row.ID)
	if errors.Is(err, cin7.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, t.classify(err)
	}
	account, r, ok := findMarker(p.Note)
	if !ok || !strings.EqualFold(account, t.t.NetSuite.AccountID) {
		t.s.strangers.add(row)
		return false, nil
	}
	recs, err := t.recs.Get(ctx, r)
	if err != nil {
		return false, fmt.Errorf("read record %s: %w", r, err)
	}
	linked := recs[0].Links[slotPurchase]
	switch {
	case recs[0].Intent != nil && slices.Contains([]queue.State{queue.Pending, queue.Running, queue.Waiting}, recs[0].State):
		return true, nil // its own work comes first
	case recs[0].Intent != nil:
		return true, t.markUnsettled(ctx, r) // nobody would settle it else
	case linked == "" || cin7.SameID(linked, p.ID):
		return false, nil // its own work finds it
	case !bare(p):
		t.log.Warn("a draft that somebody has filled carries the marker of a record with another purchase: look at it in Cin7",
			zap.String("purchase", p.OrderNumber), zap.String("record_type", r.Type), zap.String("record_id", r.ID))
		return false, nil
	}
	// Its record has no work in hand: with the mark first, its own turn settles
	// what becomes of this call, even if this process dies of it.
	if err := t.markUnsettled(ctx, r); err != nil {
		return false, err
	}
	err = t.voidStray(ctx, r, p)
	_, waits := asWait(err)
	refused := isProblem(err)
	switch {
	case refused && t.s.strays[p.ID]:
		t.log.Warn("a stray draft stays until tomorrow", zap.Error(err))
		return false, nil
	case refused:
		t.s.strays[p.ID] = true // once more, in the next turn
	case waits:
	case err != nil:
		return false, err
	}
	return waits || refused, t.tell(ctx, r)
}

func (t *turn) markUnsettled(ctx context.Context, r queue.Ref) error {
	_, err := t.w.queue.Mark(ctx, t.t.ID, queue.Live, queue.Mark{Ref: r, Source: "retry", Note: "a write of the look for stray drafts has to be settled"})
	return err
}

// tell writes the steps kept for a record to its timeline, when it does not
// settle in this turn.
func (t *turn) tell(ctx context.Context, r queue.Ref) error {
	steps := t.steps[r]
	delete(t.steps, r)
	return t.recs.Note(ctx, r, steps...)
}
