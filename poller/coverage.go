package poller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Coverage says how completely one record type of a tenant has been read.
type Coverage struct {
	Type string `json:"type"`
	// CompleteTo is the time up to which every change that NetSuite showed has
	// been marked: the start of the last round that ended well. Zero: never.
	CompleteTo *time.Time `json:"complete_to,omitempty"`
	Complete   bool       `json:"complete"`            // no gap is known
	Watermark  string     `json:"watermark,omitempty"` // in NetSuite's session zone
	Known      int64      `json:"known"`               // records seen and not seen go
	ComparedAt *time.Time `json:"compared_at,omitempty"`
	Found      int        `json:"found_by_comparison"` // changes that only the comparison found
	Gaps       []Gap      `json:"gaps"`
	Notes      []string   `json:"notes,omitempty"`
	Days       []Day      `json:"days,omitempty"` // at the last comparison
}

// Gap is a known hole in what was read, or may have been.
type Gap struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	Fix  string `json:"fix,omitempty"`
}

// The kinds of a Gap: a closed set.
const (
	GapNeverPolled = "never_polled"
	GapReading     = "reading"      // a first look is under way
	GapFailing     = "failing"      // the last poll failed
	GapLate        = "late"         // a poll has been due for more than ten minutes
	GapHidden      = "hidden"       // records told by webhooks or known before that the role does not show
	GapNumbers     = "numbers"      // running numbers without a record
	GapVanished    = "vanished"     // many known records are no longer shown
	GapDays        = "days"         // both sides count differently
	GapZone        = "zone_changed" // and not everything has been compared since
	GapNotCompared = "not_compared" // the comparison is overdue
)

// Day is how many records were created on a day, on both sides.
type Day struct {
	Day      string `json:"day"`
	NetSuite int    `json:"netsuite"`
	Ours     int    `json:"ours"`
}

// lateAfter is how long a poll that is due may stay away.
const lateAfter = 10 * time.Minute

// Text is the statement in one line.
func (c Coverage) Text() string {
	out := "never read"
	if c.CompleteTo != nil {
		out = "complete up to " + c.CompleteTo.Format(time.RFC3339)
		if !c.Complete {
			out = "read up to " + c.CompleteTo.Format(time.RFC3339)
		}
	}
	if len(c.Gaps) == 0 {
		return out + ", no gaps"
	}
	var gaps []string
	for _, g := range c.Gaps {
		gaps = append(gaps, g.Text)
	}
	return out + ", gaps: " + strings.Join(gaps, "; ")
}

// hiddenReason is the park reason of what NetSuite does not show
// (handlers.ParkNetSuiteHidden, which this package does not know).
const hiddenReason = "netsuite_hidden"

// CoverageOf states the coverage of every type that a tenant syncs. It reads
// Redis alone.
func CoverageOf(ctx context.Context, t *tenant.Tenant, recs *state.Records, now time.Time) ([]Coverage, error) {
	wm, err := recs.Watermarks(ctx)
	if err != nil {
		return nil, err
	}
	hidden, err := recs.ParkedFor(ctx, hiddenReason)
	if err != nil {
		return nil, err
	}
	open, err := openWalks(wm)
	if err != nil {
		return nil, err
	}
	j, want, p, ok, err := loadBackfill(ctx, recs)
	if err != nil {
		return nil, err
	}
	out := []Coverage{}
	for _, typ := range t.Sync.Types {
		c := coverage(netsuite.RecordType(typ), wm, open, hidden[typ], now)
		compared := c.ComparedAt != nil && c.ComparedAt.After(j.StartedAt)
		if ok && p.FinishedAt.IsZero() && !compared && slices.Contains(j.types(t), netsuite.RecordType(typ)) {
			c.Gaps, c.Complete = append(c.Gaps, Gap{GapReading, fmt.Sprintf("a backfill is %s: %d records read of all types", want, p.Read), "see ml-connector backfill status " + t.ID + "; the next daily comparison reads what a cancelled one has not"}), false
		}
		if c.Known, err = recs.KnownCount(ctx, typ); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// coverage states one type.
func coverage(t netsuite.RecordType, wm map[string]string, open []*walk, hidden int, now time.Time) Coverage {
	c := Coverage{Type: string(t), Watermark: wm[fieldWatermark(t)], Gaps: []Gap{}}
	gap := func(kind, fix, format string, args ...any) {
		c.Gaps = append(c.Gaps, Gap{kind, fmt.Sprintf(format, args...), fix})
	}
	polled := timeOf(wm, fieldPolled(t))
	if polled.IsZero() {
		gap(GapNeverPolled, "the first poll begins by itself; if it does not, look at the log", "no %s has been read yet", t)
	} else {
		c.CompleteTo = &polled
	}
	for _, w := range open {
		if w.Kind == kindFirst && slices.Contains(w.Types, t) {
			gap(GapReading, "wait: it goes on by itself", "everything is being read: %d rows so far, ids up to %d", w.Rows, w.After)
		}
	}
	if at, text, failing := strings.Cut(wm[fieldError(t)], " "); failing {
		gap(GapFailing, "correct what the error names; polls go on by themselves", "polls have failed, last at %s: %s", at, text)
	} else if next := timeOf(wm, fieldNext); !polled.IsZero() && now.Sub(next) > lateAfter {
		gap(GapLate, "see whether a worker runs, and whether the tenant is paused or held back", "the last poll was at %s, the next was due at %s", wm[fieldPolled(t)], wm[fieldNext])
	}
	if at, text, failing := strings.Cut(wm[fieldError(typeDeletions)], " "); failing {
		gap(GapFailing, "correct what the error names; polls go on by themselves", "deletions could not be read, last at %s: %s", at, text)
	}
	if hidden > 0 {
		gap(GapHidden, "give the integration role the permission to see them, then retry the records parked as netsuite_hidden", "NetSuite does not show %d %ss that webhooks told of or that were there before", hidden, t)
	}
	comparedGaps(&c, t, wm, gap)
	if at := timeOf(wm, fieldCompared(t)); !polled.IsZero() {
		begun := at
		if begun.IsZero() {
			begun = timeOf(wm, fieldFirst(t))
		}
		if !at.IsZero() {
			c.ComparedAt = &at
		}
		if !begun.IsZero() && now.Sub(begun) > compareEvery+12*time.Hour {
			gap(GapNotCompared, "see whether polls fail: each comparison belongs to a poll", "nothing has been compared since %s", begun.UTC().Format(time.RFC3339))
		}
	}
	if at, text, changed := strings.Cut(wm[fieldZoneAt], " "); changed {
		if when, err := time.Parse(time.RFC3339, at); err == nil && polled.Before(when) {
			gap(GapZone, "set the time zone of the integration user once and leave it; everything is being read again", "NetSuite's session time zone changed at %s: %s", at, text)
		} else {
			c.Notes = append(c.Notes, "NetSuite's session time zone changed at "+at+": "+text+"; everything was read again since")
		}
	}
	if wm[fieldDeletionsHidden] != "" {
		c.Notes = append(c.Notes, "the role may not read deleted records: a deletion is known after two daily comparisons; the permission Deleted Records makes it known with the next poll")
	}
	if wm[fieldLinesHidden] != "" && t != netsuite.TypeVendor {
		c.Notes = append(c.Notes, "the account does not show when lines were modified: a line that changes without its header and its total is not noticed")
	}
	if why := wm[fieldContactsHidden]; why != "" && t == netsuite.TypeVendor {
		c.Notes = append(c.Notes, "suppliers get the e-mail address and numbers of the vendor alone, not its contacts: "+why)
	}
	if off := wm[fieldOffset]; off != "" {
		c.Notes = append(c.Notes, "NetSuite shows times at UTC"+off)
	}
	c.Complete = len(c.Gaps) == 0
	return c
}

// comparedGaps are what the last comparison could not explain.
func comparedGaps(c *Coverage, t netsuite.RecordType, wm map[string]string, gap func(kind, fix, format string, args ...any)) {
	var last comparison
	if json.Unmarshal([]byte(wm[fieldComparison(t)]), &last) != nil {
		return
	}
	c.Found = last.Found
	if last.Numbers > 0 {
		fix := "compare the count with NetSuite as an administrator sees it, and give the role all subsidiaries, departments, classes and locations"
		if last.Unseen {
			fix += "; with the permission Deleted Records, deletions among them are told apart"
		}
		gap(GapNumbers, fix, "%d of the running numbers between %s belong to no %s that the role sees and to no known deletion", last.Numbers, last.Between, t)
	}
	if last.Held {
		gap(GapVanished, "see whether the role changed; if they were deleted, give it the permission Deleted Records", "%d %ss that were there are no longer shown, %d are: too many to take for deletions", last.Missing, t, last.Rows)
	}
	days := map[string]bool{}
	for d := range last.NetSuite {
		days[d] = true
	}
	for d := range last.Ours {
		days[d] = true
	}
	var differ []string
	for d := range days {
		c.Days = append(c.Days, Day{d, last.NetSuite[d], last.Ours[d]})
	}
	slices.SortFunc(c.Days, func(a, b Day) int { return strings.Compare(b.Day, a.Day) })
	for _, d := range c.Days {
		if d.NetSuite != d.Ours {
			differ = append(differ, fmt.Sprintf("%s (%d in NetSuite, %d here)", d.Day, d.NetSuite, d.Ours))
		}
	}
	if len(differ) > 0 {
		more := ""
		if len(differ) > 5 {
			more = fmt.Sprintf(" and %d more days", len(differ)-5)
			differ = differ[:5]
		}
		gap(GapDays, "look for records of that day: ml-connector records ls", "both sides count %ss differently on %s%s", t, strings.Join(differ, ", "), more)
	}
}

// PolledAt is when NetSuite was last asked for changes of a type and answered,
// from the tenant's watermarks; zero when it never was.
func PolledAt(wm map[string]string, recordType string) time.Time {
	return timeOf(wm, fieldPolled(netsuite.RecordType(recordType)))
}

// Interval is the time from the last poll to the next that is due; a poll that
// failed is due again sooner. 15 minutes when there was none.
func Interval(wm map[string]string) time.Duration {
	last, next := timeOf(wm, fieldLast), timeOf(wm, fieldNext)
	if last.IsZero() || next.IsZero() {
		return 15 * time.Minute
	}
	return max(0, next.Sub(last))
}
