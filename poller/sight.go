package poller

import (
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// unsettled is how close to the latest label of the source a label may still
// come to stand for another edit of the same record: one that was stamped in
// the same second and is committed later. Such a record is looked at once more
// after that time; if nothing changed it costs a share of a batch's reads.
const unsettled = 12 * time.Minute

// clockBack is how much earlier than the latest label a label of now may be:
// the hour that the source's clock goes back.
const clockBack = time.Hour

// seen is what the fact of a sighting says: the label, and whether it was
// unsettled when it was marked at a time.
type seen struct {
	label string
	since time.Time // zero: settled
}

func parseSeen(s string) seen {
	label, at, ok := strings.Cut(s, "?")
	if !ok {
		return seen{label: label}
	}
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return seen{}
	}
	return seen{label, time.Unix(n, 0)}
}

func (s seen) String() string {
	if s.since.IsZero() {
		return s.label
	}
	return s.label + "?" + strconv.FormatInt(s.since.Unix(), 10)
}

// sighting decides about one row: whether its record must be marked, and what
// to remember of it. high is the latest label when the walk began.
func sighting(w *walk, rec state.Record, ch netsuite.Change, now time.Time) queue.Sighting {
	label, fact, what := ch.ModifiedAt, state.FactSeen, "modified "
	if w.Lines {
		label, fact, what = ch.LineAt, state.FactSeenLine, "a line modified "
		if ch.Type == netsuite.TypeVendor {
			what = "a contact modified "
		}
	}
	out := queue.Sighting{Day: string(ch.CreatedOn), Facts: map[string]string{}}
	out.Ref = queue.Ref{Type: string(ch.Type), ID: ch.ID.String()}
	out.Source, out.Note = w.source(), what+label
	if ch.Vendor != 0 && rec.Facts[state.FactVendor] != ch.Vendor.String() {
		out.Facts[state.FactVendor] = ch.Vendor.String()
	}
	if rec.Facts[state.FactDeleted] != "" {
		out.Facts[state.FactDeleted], out.Marks, out.Note = "", true, "it is there again"
	}
	if old := rec.Facts[state.FactVendor]; old != "" && out.Facts[state.FactVendor] != "" {
		out.Marks, out.Note = true, "its vendor was "+old // a merge leaves no new stamp (contract 7)
	}
	was := parseSeen(rec.Facts[fact])
	moving := rec.State == queue.Pending || rec.State == queue.Running
	if w.Kind == kindFirst || w.Kind == kindCompare {
		moving = false // marking what waits costs nothing, and helps if its entry was lost
	}
	applied := !w.Lines && rec.State != "" && !moving && rec.Facts[state.FactVersion] == label
	fresh := w.High != "" && label >= before(w.High, unsettled+clockBack)
	next := seen{label: label}
	switch {
	case w.Lines && label <= ch.ModifiedAt && ch.Type != netsuite.TypeVendor:
		next = was // the header tells the same; a contact is saved by itself
	case was.label != label:
		out.Marks = out.Marks || !applied || w.Lines
		if fresh {
			next.since = now
		}
	case !was.since.IsZero() && now.Sub(was.since) >= unsettled:
		if !out.Marks {
			out.Source = queue.SourceRecheck // it is no news until it is
		}
		out.Marks, out.Note = true, out.Note+", looked at again because more may have been committed under that time"
	default:
		next = was
		if !w.Lines && !moving && !applied && rec.State != queue.Running {
			out.Marks, out.Note = true, out.Note+", not what was applied"
		}
	}
	if w.Kind == kindCompare && rec.State == queue.Completed && !out.Marks && otherTotal(rec, ch) {
		out.Marks, out.Note = true, "its total is "+ch.Total.StringFixed(2)
	}
	if s := next.String(); s != rec.Facts[fact] {
		out.Facts[fact] = s
	}
	return out
}

// otherTotal reports whether a document's total is not the one that was
// applied. Receipts have none.
func otherTotal(rec state.Record, ch netsuite.Change) bool {
	applied, _, ok := strings.Cut(rec.Facts[state.FactTotal], " ")
	return ok && ch.Type != netsuite.TypeVendor && strings.TrimPrefix(applied, "-") != ch.Total.StringFixed(2)
}

// before subtracts from a text of the form YYYY-MM-DD HH:MM:SS as if every
// day had 24 hours. It is arithmetic on a label, not a conversion: which zone
// the label is in does not matter.
func before(label string, d time.Duration) string {
	t, err := time.Parse(time.DateTime, label)
	if err != nil {
		return ""
	}
	return t.Add(-d).Format(time.DateTime)
}
