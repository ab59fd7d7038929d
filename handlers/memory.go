package handlers

import (
	"context"
	"fmt"

	"github.com/ml-connector/ml-connector/queue"
)

// The facts of a document about its place in a purchase.
const (
	factVoided   = "voided" // the purchase that we voided
	fieldNoGroup = "no_group"
)

// ties are what we remember of the documents.
func (u *unit) ties() ties {
	out := ties{}
	for r, rec := range u.records {
		if t := tieOf(rec.Facts, u.owner.ID); t.Sent != "" || len(t.Tasks) > 0 {
			out[r] = t
		}
	}
	return out
}

// tie remembers where a document went, and as what.
func (u *unit) tie(ctx context.Context, r queue.Ref, o op, task string) error {
	return u.keep(ctx, r, u.ties()[r].after(o, task, u.t.Version).facts(u.owner.ID))
}

// recall remembers what stands as planned by calls whose answers were lost.
func (u *unit) recall(ctx context.Context, done []op) error {
	for _, o := range done {
		if err := u.tie(context.WithoutCancel(ctx), o.For, o, o.Task); err != nil {
			return err
		}
	}
	return nil
}

// keep sets facts of a record, here and in Redis; "" deletes one.
func (u *unit) keep(ctx context.Context, r queue.Ref, facts map[string]string) error {
	rec := u.records[r]
	if rec.Facts == nil {
		rec.Facts = map[string]string{}
	}
	changed := map[string]string{}
	for k, v := range facts {
		if rec.Facts[k] != v {
			rec.Facts[k], changed[k] = v, v
		}
	}
	if len(changed) == 0 {
		return nil
	}
	rec.Ref = r
	u.records[r] = rec
	if u.rehearsal != nil {
		return nil // foreseen, for this plan alone
	}
	if err := u.recs.SetFacts(ctx, u.lane.Fence, r, changed); err != nil {
		return fmt.Errorf("remember what became of %s: %w", r, err)
	}
	return nil
}
