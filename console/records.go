package console

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

const (
	recordsOnPage = 100
	// scanMost bounds what a search or a grouping reads for one page; the page
	// says so and offers to go on.
	scanMost = 2000
)

// recordTypes are offered by the filter.
var recordTypes = []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}

type recordsData struct {
	F       state.Filter
	States  []queue.State
	Types   []string
	Reasons []reasonCount
	Rows    []state.Record
	Groups  []cause
	Grouped bool
	Found   bool  // by the search index
	Scan    bool  // the search reads the records themselves, the newest first
	Seen    int64 // records that a search by reading has looked at, on this page and those before
	All     int64 // records in the states that it looks at
	More    bool  // there is more behind Next
	Next    string
	Counts  map[queue.State]int64
}

// ScanOn keeps a search on the way that it goes.
func (d recordsData) ScanOn() string {
	if d.Scan {
		return "on"
	}
	return ""
}

// SeenOn carries on how far a search by reading has looked.
func (d recordsData) SeenOn() string {
	if d.Scan {
		return strconv.FormatInt(d.Seen, 10)
	}
	return ""
}

// cause is a group of records that stand still for the same reason.
type cause struct {
	Reason, State, Text string
	Fix                 string
	N                   int
	First               state.Record // the one that stands longest
	Some                []state.Record
}

// filter reads the filters of a URL.
func filter(q url.Values) (state.Filter, error) {
	f := state.Filter{State: queue.State(q.Get("state")), Type: q.Get("type"), Reason: q.Get("reason"), Query: strings.TrimSpace(q.Get("q")), Cursor: q.Get("cursor"), Limit: recordsOnPage}
	if f.State != "" && !slices.Contains(queue.States[:], f.State) {
		return f, &said{http.StatusBadRequest, "There is no such state. Choose one from the list."}
	}
	if f.Type != "" && !slices.Contains(recordTypes, f.Type) {
		return f, &said{http.StatusBadRequest, "There is no such record type. Choose one from the list."}
	}
	if f.Cursor != "" && !state.ValidCursor(f.Cursor) {
		return f, &said{http.StatusBadRequest, "This link is broken. Go back to the first page."}
	}
	return f, nil
}

// records lists, searches and groups.
func (a *console) records(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	f, err := filter(r.URL.Query())
	if err != nil {
		return err
	}
	recs := a.States.Tenant(t.ID)
	d := recordsData{F: f, States: queue.States[:], Types: recordTypes, Grouped: r.URL.Query().Get("group") == "cause"}
	if d.Counts, err = recs.Counts(r.Context()); err != nil {
		return err
	}
	d.Scan = r.URL.Query().Get("scan") != ""
	var page state.Page
	switch {
	case d.Grouped:
		d.F.Cursor = ""
		d.Groups, d.More, err = a.causes(r.Context(), recs, f)
	case f.Query != "" && !d.Scan:
		// The index finds numbers, names and ids at once. What it knows nothing
		// of is looked for in the records themselves.
		if page, d.Found, err = recs.Find(r.Context(), recordTypes, f); err != nil || d.Found {
			break
		}
		fallthrough
	default:
		d.Scan = f.Query != ""
		f.Scan = scanMost
		page, err = recs.List(r.Context(), f)
	}
	if err != nil {
		return err
	}
	if !d.Grouped {
		d.Rows, d.Next, d.More = page.Records, page.Next, page.Next != ""
		d.Seen, d.All = seenBefore(r)+int64(page.Looked), among(d.Counts, f.State)
		d.Seen = min(d.Seen, d.All)
	}
	a.render(w, r, http.StatusOK, "records", view{Title: "Records of " + t.Name, Tenant: t, Tab: "records", Data: d})
	return nil
}

// seenBefore is how many records the pages before have looked at, as the link
// to this page says.
func seenBefore(r *http.Request) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get("seen"), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0
	}
	return n
}

// among is how many records are in a state, or in any.
func among(counts map[queue.State]int64, s queue.State) int64 {
	if s != "" {
		return counts[s]
	}
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	return n
}

// causes groups what a filter selects, up to scanMost records, most frequent
// first.
func (a *console) causes(ctx context.Context, recs *state.Records, f state.Filter) (out []cause, more bool, err error) {
	at := map[string]int{}
	seen := 0
	f.Limit, f.Cursor, f.Scan = 1000, "", scanMost
	for {
		page, err := recs.List(ctx, f)
		if err != nil {
			return nil, false, err
		}
		for _, rec := range page.Records {
			text := causeOf(rec)
			key := string(rec.State) + "\x00" + rec.Reason + "\x00" + text
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key] = i
				out = append(out, cause{Reason: rec.Reason, State: string(rec.State), Text: text, Fix: rec.Fix, First: rec})
			}
			c := &out[i]
			c.N++
			if stands(rec).Before(stands(c.First)) {
				c.First = rec
			}
			if len(c.Some) < 5 {
				c.Some = append(c.Some, rec)
			}
		}
		seen += page.Looked
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
		if seen >= scanMost {
			more = true
			break
		}
	}
	slices.SortStableFunc(out, func(x, y cause) int { return y.N - x.N })
	return out, more, nil
}

// stands is since when a record is as it is.
func stands(rec state.Record) time.Time {
	if rec.Since.IsZero() {
		return rec.UpdatedAt
	}
	return rec.Since
}

var (
	amounts   = regexp.MustCompile(`-?\d[\d,]*\.\d+`)
	dates     = regexp.MustCompile(`\d{4}-\d\d-\d\d(T[\d:.]+Z?)?`)
	guids     = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}`)
	documents = regexp.MustCompile(`\b(bill|credit|receipt|order|purchase order|purchase) [\w./-]*\d[\w./-]*`)
)

// causeOf is what a record's message says without what differs from record to
// record: its own number, amounts, dates.
func causeOf(rec state.Record) string {
	s := rec.Message
	for _, own := range []string{rec.Facts[state.FactNumber], rec.Facts[state.FactCin7Number], rec.Facts[state.FactParty]} {
		if len(own) > 2 {
			s = strings.ReplaceAll(s, own, "…")
		}
	}
	s = guids.ReplaceAllString(s, "…")
	s = dates.ReplaceAllString(s, "…")
	s = documents.ReplaceAllString(s, "$1 …")
	return amounts.ReplaceAllString(s, "…")
}

type retryData struct {
	F    state.Filter
	N    int
	Back string
}

// retryAsk says how many records a bulk retry is about, before it does it.
func (a *console) retryAsk(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	f, err := filter(r.URL.Query())
	if err != nil {
		return err
	}
	n, err := a.desk().Retry(r.Context(), t, f, "", true)
	if err != nil {
		return err
	}
	a.render(w, r, http.StatusOK, "retry", view{Title: "Retry", Tenant: t, Tab: "records", Data: retryData{F: f, N: n, Back: a.backTo(t, f)}})
	return nil
}

func (a *console) backTo(t *tenant.Tenant, f state.Filter) string {
	return a.url(t, "records") + query("state", f.State, "type", f.Type, "reason", f.Reason, "q", f.Query)
}

// retry marks all that a filter selects again.
func (a *console) retry(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	f, err := filter(r.PostForm)
	if err != nil {
		return err
	}
	n, err := a.desk().Retry(r.Context(), t, f, asker(r), false)
	if err != nil {
		return err
	}
	tell(r, "records", strconv.Itoa(n))
	return done(w, r, a.backTo(t, f), "retried", n)
}
