package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// taskFact is the fact of a bill or receipt that says which group of the
// purchase (of PO po) it was posted to.
func taskFact(po string) string { return taskPrefix + po }

const taskPrefix = "task:"

// The facts of a document about its place in a purchase.
const (
	factVoided   = "voided" // the purchase that we voided
	fieldNoGroup = "no_group"
)

// sentFact is the hash of a document as it was posted to the purchase of po.
func sentFact(po string) string { return "sent:" + po }

// ties are what we remember of the documents.
func (u *unit) ties() ties {
	out := ties{}
	for r, rec := range u.records {
		t := tie{Sent: rec.Facts[sentFact(u.owner.ID)]}
		if task := rec.Facts[taskFact(u.owner.ID)]; task != "" {
			t.Tasks = strings.Split(task, ",")
		}
		if t.Sent != "" || len(t.Tasks) > 0 {
			out[r] = t
		}
	}
	return out
}

// tie remembers where a document went, and as what.
func (u *unit) tie(ctx context.Context, r queue.Ref, task, sent string) error {
	facts := map[string]string{}
	if t := u.ties()[r]; task != "" && !t.has(task) {
		facts[taskFact(u.owner.ID)] = strings.Join(append(t.Tasks, task), ",")
	}
	if sent != "" {
		facts[sentFact(u.owner.ID)] = sent
		facts[state.FactSettings] = strconv.FormatInt(u.t.Version, 10)
	}
	return u.keep(ctx, r, facts)
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
