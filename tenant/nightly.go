package tenant

import (
	"fmt"
	"hash/fnv"
	"time"
)

// ReconcileOff as reconcile.every ties nothing out by itself.
const ReconcileOff = "off"

// minReconcile is the shortest interval of tie-outs: each reads months of both
// systems.
const minReconcile = time.Hour

// ReconcileSchedule is when the books are tied out by themselves: it returns
// the next time after a given one, the zero time for never. By default once a
// night between 2 and 4 UTC, at a minute that the tenant's id picks, so that
// not all tenants come at once.
func (t *Tenant) ReconcileSchedule() func(after time.Time) time.Time {
	if t.Document.Reconcile.Every == ReconcileOff {
		return func(time.Time) time.Time { return time.Time{} }
	}
	every := t.Document.Reconcile.Every
	if every == "" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(t.ID))
		minute := h.Sum32() % 120
		every = fmt.Sprintf("%d %d * * *", minute%60, 2+minute/60)
	}
	next, err := ParseSchedule(every)
	if err != nil { // checked when the document was applied
		return func(time.Time) time.Time { return time.Time{} }
	}
	return next
}

// reconcile checks the section.
func (c *checker) reconcile(r *Reconcile) {
	if r.Every == "" || r.Every == ReconcileOff {
		return
	}
	next, err := ParseSchedule(r.Every)
	if err != nil {
		c.add("reconcile.every", "%v", err)
		return
	}
	at := next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if next(at).Sub(at) < minReconcile {
		c.add("reconcile.every", "%q: want at least %s between two tie-outs", r.Every, minReconcile)
	}
}
