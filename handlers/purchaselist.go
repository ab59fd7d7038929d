package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// A look-up in Cin7 for each of thousands of marks would be most of a
// backfill's calls. A batch of many marks shares one: the list of all
// purchases is read whole, a page of 1,000 a call, kept by the process, and
// brought up to date once per batch by what was updated since.
//
// Such a list is a little old, so it is believed only where nothing can have
// been made that Redis does not know of: a create that another worker has sent
// is a link or an intent in Redis before the lane changes hands. Look-ups of a
// record with an open intent, or with a create that once had to be looked for
// (state.FactDoubt), and all of them until 10 minutes after the quarantine that
// follows a loss of Redis, read Cin7 anew. TestModel has this rule.
const (
	// listOverlap is by how much one reading of the list overlaps the one
	// before it: clocks that differ, and lists that lag behind creates.
	listOverlap = 10 * time.Minute
	// listEvery is how often it is read whole all the same.
	listEvery = 6 * time.Hour
	// listIdle is after how long without use it is dropped.
	listIdle = 30 * time.Minute
	// listPage is how many rows a call reads.
	listPage = 1000
	// listMost is the longest list that is kept; beyond it each look-up is a call.
	listMost = 200_000
	// fieldListFrom of the watermarks is from when on a list may be believed
	// again after Redis lost data, RFC 3339.
	fieldListFrom = "list_from"
)

// purchaseList are the purchases of Cin7 as they were at asOf, or later.
type purchaseList struct {
	rows    map[string]*listed   // by lower-case id
	by      map[string][]*listed // by lower-case id of the supplier
	asOf    time.Time            // zero: never read to its end
	whole   time.Time            // when it was last read whole
	reading *listReading         // under way: it may take several turns
	off     bool                 // it cannot be had: each look-up is a call
}

// listed is what is kept of a row.
type listed struct {
	id, updated string
	owner       queue.Ref // the record that it belongs to, when that is known
}

// listReading is a reading of the list from page to page.
type listReading struct {
	began time.Time
	since time.Time // zero: of the whole list
	page  int
	seen  int
	into  *purchaseList
}

func newPurchaseList() *purchaseList {
	return &purchaseList{rows: map[string]*listed{}, by: map[string][]*listed{}}
}

// add takes a row as Cin7 shows it.
func (l *purchaseList) add(row cin7.PurchaseRow) {
	id := strings.ToLower(row.ID)
	if have := l.rows[id]; have != nil {
		have.updated = row.LastUpdatedDate
		return
	}
	r := &listed{id: row.ID, updated: row.LastUpdatedDate}
	supplier := strings.ToLower(row.SupplierID)
	l.rows[id], l.by[supplier] = r, append(l.by[supplier], r)
}

// of are the rows of a supplier that were updated at a time or later and may
// be a record's: all but those that are known to belong to another.
func (l *purchaseList) of(supplier string, since time.Time, owner queue.Ref) []cin7.PurchaseRow {
	var out []cin7.PurchaseRow
	for _, r := range l.by[strings.ToLower(supplier)] {
		if r.owner != (queue.Ref{}) && r.owner != owner {
			continue
		}
		if at, err := time.Parse(time.RFC3339, r.updated); err == nil && at.Before(since) {
			continue
		}
		out = append(out, cin7.PurchaseRow{ID: r.id, SupplierID: supplier, LastUpdatedDate: r.updated})
	}
	return out
}

// belongs notes whose a purchase is; nothing on a nil list.
func (l *purchaseList) belongs(id string, owner queue.Ref) {
	if l == nil {
		return
	}
	if r := l.rows[strings.ToLower(id)]; r != nil {
		r.owner = owner
	}
}

// dropList forgets a list that no batch has used for a while.
func (t *turn) dropList() {
	l := t.s.purchases
	if l == nil {
		return
	}
	used := l.asOf
	if l.reading != nil && l.reading.began.After(used) {
		used = l.reading.began
	}
	if t.w.now().Sub(used) > listIdle {
		t.s.purchases = nil
	}
}

// listMayServe says whether look-ups of this turn may use a list at all.
func (t *turn) listMayServe() bool {
	if t.marks < t.w.o.Listing || t.rehearsal != nil || t.script != nil {
		return false
	}
	if t.w.now().Before(t.lane.CreatesFrom) {
		return false
	}
	if from, err := time.Parse(time.RFC3339, t.wm[fieldListFrom]); err == nil && t.w.now().Before(from) {
		return false
	}
	return true
}

// knownPurchases is the list that this unit's look-ups may use, up to date for
// the batch; nil when they must read Cin7 anew.
func (u *unit) knownPurchases(ctx context.Context) (*purchaseList, error) {
	if u.anew {
		return nil, nil
	}
	if !u.listMayServe() {
		return nil, nil
	}
	if l := u.s.purchases; u.listMet && l != nil && !l.off {
		return l, nil
	}
	if err := u.bringUpToDate(ctx); err != nil {
		return nil, u.classify(err)
	}
	l := u.s.purchases
	if u.listMet = u.marks > 0; l.off || !u.listMet {
		return nil, nil
	}
	return l, nil
}

// bringUpToDate brings the list up to date, or reads it whole. What the budget of
// calls interrupts goes on where it was.
func (t *turn) bringUpToDate(ctx context.Context) error {
	now := t.w.now()
	l := t.s.purchases
	if l == nil {
		l = newPurchaseList()
		t.s.purchases = l
	}
	if l.off && now.Sub(l.whole) < listEvery {
		l.asOf = now
		return nil
	}
	if l.reading == nil {
		r := &listReading{began: now, page: 1, into: l}
		if l.off || l.asOf.IsZero() || now.Sub(l.whole) >= listEvery {
			r.into = newPurchaseList()
		} else {
			r.since = l.asOf.Add(-listOverlap)
		}
		l.reading = r
	}
	r := l.reading
	for more := true; more; {
		page, next, err := t.c7.PurchasesPage(ctx, cin7.PurchaseFilter{UpdatedSince: r.since}, r.page)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			r.into.add(row)
		}
		if !t.bulk && r.since.IsZero() && page.Total > listPage*t.marks {
			t.marks, l.reading = 0, nil // it would cost more than it spares
			return nil
		}
		more = next
		r.page, r.seen = r.page+1, r.seen+len(page.Rows)
		// Too long to keep, or rows have moved between its pages: nothing is
		// concluded from such a list.
		if page.Total > listMost || !more && page.Total >= 0 && r.seen < page.Total {
			t.s.purchases = &purchaseList{off: true, whole: now, asOf: now}
			return nil
		}
	}
	l.reading = nil
	if r.since.IsZero() {
		r.into.whole = r.began
	}
	r.into.asOf, t.s.purchases = r.began, r.into
	if !r.began.Equal(now) {
		return t.bringUpToDate(ctx) // begun for an earlier batch: what was updated since
	}
	return nil
}
