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
// the way. A purchase that is worked on again finds it (alone); for the others
// the lane looks once a day.
const (
	sweepEvery = 24 * time.Hour
	// sweepBack is how far the first look goes, and how much each overlaps the
	// one before it.
	sweepBack = 30 * 24 * time.Hour
	sweepOver = 26 * time.Hour
	// fieldSwept of the watermarks is when the last sweep began, RFC 3339.
	fieldSwept = "swept"
)

// sweep voids the stray drafts of the tenant. What it cannot finish for want
// of calls goes on in a later turn.
func (t *turn) sweep(ctx context.Context) error {
	if !t.due(fieldSwept, sweepEvery) {
		return nil
	}
	began := t.w.now()
	since := began.Add(-sweepBack)
	if last, err := time.Parse(time.RFC3339, t.wm[fieldSwept]); err == nil {
		since = last.Add(-sweepOver)
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
	for _, row := range rows {
		if _, taken := owners[strings.ToLower(row.ID)]; taken || t.s.strangers.is(row) {
			continue
		}
		if err := t.sweepOne(ctx, row); err != nil {
			return err
		}
	}
	return t.note(ctx, fieldSwept, began.UTC().Format(time.RFC3339))
}

// sweepOne looks at a draft that belongs to no record as far as we know.
func (t *turn) sweepOne(ctx context.Context, row cin7.PurchaseRow) error {
	p, err := t.c7.Purchase(ctx, row.ID)
	if errors.Is(err, cin7.ErrNotFound) {
		return nil
	}
	if err != nil {
		return t.classify(err)
	}
	account, r, ok := findMarker(p.Note)
	if !ok || !strings.EqualFold(account, t.t.NetSuite.AccountID) {
		t.s.strangers.add(row)
		return nil
	}
	recs, err := t.recs.Get(ctx, r)
	if err != nil {
		return fmt.Errorf("read record %s: %w", r, err)
	}
	linked := recs[0].Links[slotPurchase]
	switch {
	case linked == "" || cin7.SameID(linked, p.ID) || recs[0].Intent != nil:
		return nil // its own work finds it
	case !bare(p):
		t.log.Warn("a draft that somebody has filled carries the marker of a record with another purchase: look at it in Cin7",
			zap.String("purchase", p.OrderNumber), zap.String("record_type", r.Type), zap.String("record_id", r.ID))
		return nil
	}
	err = t.voidStray(ctx, r, p)
	if _, waits := asWait(err); waits {
		// Its outcome is open: the record's own turn settles it.
		_, err = t.w.queue.Mark(ctx, t.t.ID, queue.Live, queue.Mark{Ref: r, Source: "retry", Note: "a write of the daily look for stray drafts has to be settled"})
	}
	if isProblem(err) {
		t.log.Warn("a stray draft stays", zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	return t.tell(ctx, r)
}

// tell writes the steps kept for a record to its timeline, when it does not
// settle in this turn.
func (t *turn) tell(ctx context.Context, r queue.Ref) error {
	steps := t.steps[r]
	delete(t.steps, r)
	return t.recs.Note(ctx, r, steps...)
}
