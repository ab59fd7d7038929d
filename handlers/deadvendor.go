package handlers

import (
	"context"
	"fmt"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A vendor that NetSuite has deleted, or merged into another, leaves a supplier
// in Cin7, which has no delete: it is deprecated. A merge changes the vendor of
// documents without giving them a new stamp (contract netsuite 7), so those
// that we know of are read again.

// deprecate brings the supplier of a deleted vendor in line and settles the
// vendor.
func (t *turn) deprecate(ctx context.Context, rec state.Record, e *queue.Entry) error {
	message, err := t.deprecated(ctx, rec)
	out := queue.Settlement{Ref: rec.Ref, Entry: e, State: queue.Completed, Message: message, Facts: map[string]string{state.FactHash: ""}}
	p, parked := asProblem(err)
	wait, waits := asWait(err)
	switch {
	case err == nil:
	case parked:
		out.State, out.Reason, out.Message, out.Fix = queue.Parked, p.Reason, p.Message, p.Fix
	case waits:
		t.waiting(&out, wait, e)
	default:
		return err
	}
	if err := t.settleRecord(ctx, out); err != nil {
		return err
	}
	docs, err := t.recs.OfVendor(ctx, rec.ID)
	if err != nil {
		return fmt.Errorf("find the documents of %s: %w", rec.Ref, err)
	}
	marks := make([]queue.Mark, len(docs))
	for i, d := range docs {
		marks[i] = queue.Mark{Ref: d, Source: "retry", Note: "its vendor was deleted or merged in NetSuite"}
	}
	_, err = t.w.queue.Mark(ctx, t.t.ID, queue.Live, marks...)
	return err
}

// deprecated deprecates the supplier and says what was done.
func (t *turn) deprecated(ctx context.Context, rec state.Record) (string, error) {
	const gone = "deleted or merged in NetSuite; "
	name := rec.Facts[state.FactNumber]
	if rec.Intent != nil {
		find := func(ctx context.Context) (string, error) { return t.findSupplier(ctx, rec.Ref, name, true) }
		if err := t.settle(ctx, rec.Ref, *rec.Intent, slotSupplier, find); err != nil {
			return "", err
		}
		again, err := t.recs.Get(ctx, rec.Ref)
		if err != nil {
			return "", fmt.Errorf("read record %s: %w", rec.Ref, err)
		}
		rec = again[0]
	}
	guid := rec.Links[slotSupplier]
	if guid == "" {
		return gone + "Cin7 has no supplier of it", nil
	}
	have, err := t.c7.Supplier(ctx, guid)
	if err != nil {
		return "", t.classify(err)
	}
	if !marked(have.Comments, t.t.NetSuite.AccountID, rec.Ref) {
		return gone + "its supplier " + have.Name + " is not marked as ours any more and is left alone", nil
	}
	if have.Status == "Deprecated" {
		return gone + "its supplier " + have.Name + " is deprecated", nil
	}
	body := have
	// Addresses and contacts stay when they are not sent (contract cin7 5).
	body.Status, body.Addresses, body.Contacts = "Deprecated", nil, nil
	in := state.Intent{Slot: slotSupplier, Op: opUpdateSupplier, Marker: have.Comments}
	err = t.write(ctx, rec.Ref, in, body, func(ctx context.Context) error {
		_, err := t.c7.UpdateSupplier(ctx, body)
		t.at(in.Op, stepAnswered)
		return err
	})
	return gone + "its supplier " + have.Name + " is deprecated", err
}
