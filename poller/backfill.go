package poller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// The states of a backfill.
const (
	BackfillNone      = "none"
	BackfillRunning   = "running"
	BackfillPaused    = "paused"
	BackfillCancelled = "cancelled"
	BackfillDone      = "done"
)

const (
	// aheadMost is how many marks of a backfill wait at a time: what a pause
	// still lets through.
	aheadMost = 200
	// feedPause is how long a feed waits when enough marks wait.
	feedPause = 5 * time.Second
)

// backfillTypes is the order that a backfill reads in: what others need first.
var backfillTypes = [...]netsuite.RecordType{
	netsuite.TypeVendor, netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit,
}

// BackfillRequest says what a backfill reads.
type BackfillRequest struct {
	Since          netsuite.Date `json:"since,omitempty"` // documents dated then or later; "" is all. Vendors have no date
	Types          []string      `json:"types,omitempty"` // default all that the tenant syncs
	CallsPerMinute int           `json:"calls_per_minute,omitempty"`
}

// Check says what is wrong with a request.
func (b BackfillRequest) Check(t *tenant.Tenant, now time.Time) error {
	wrong := func(field, want, format string, args ...any) error {
		return &RequestError{error: fmt.Errorf(format+": "+want, args...), Field: field, Want: want}
	}
	if b.Since != "" {
		at, err := time.Parse(time.DateOnly, string(b.Since))
		if err != nil {
			return wrong("since", "want a date, YYYY-MM-DD", "since %.40q", string(b.Since))
		}
		if at.After(now.Add(24 * time.Hour)) {
			return wrong("since", "nothing would be read; want the date of the oldest document to read", "since %s is in the future", b.Since)
		}
	}
	for _, typ := range b.Types {
		if !slices.Contains(backfillTypes[:], netsuite.RecordType(typ)) {
			return wrong("types", "want some of vendor, purchaseorder, itemreceipt, vendorbill, vendorcredit", "types: %.40q is no record type", typ)
		}
		if !t.Syncs(typ) {
			return wrong("types", "want some of "+strings.Join(t.Sync.Types, ", "), "types: %s is not among sync.types of tenant %s", typ, t.ID)
		}
	}
	if b.CallsPerMinute < 0 || b.CallsPerMinute > t.Cin7.CallsPerMinute {
		want := fmt.Sprintf("want 1 to %d, which is cin7.calls_per_minute of tenant %s; 0 takes all that live records leave", t.Cin7.CallsPerMinute, t.ID)
		return wrong("calls_per_minute", want, "calls per minute %d", b.CallsPerMinute)
	}
	return nil
}

// Backfill is one backfill of a tenant, for people and scripts.
type Backfill struct {
	State string `json:"state"`
	BackfillRequest
	StartedAt  *time.Time     `json:"started_at,omitempty"`
	FinishedAt *time.Time     `json:"finished_at,omitempty"`
	Counted    map[string]int `json:"counted,omitempty"` // records in NetSuite by type
	Forecast   *Forecast      `json:"forecast,omitempty"`
	Read       int            `json:"read"`    // records read so far
	Marked     int            `json:"marked"`  // of them not in step
	Waiting    int            `json:"waiting"` // marked and not worked off
	Total      int            `json:"total"`
	// EndsAt is when it will have ended at the pace so far; absent until there
	// is one.
	EndsAt *time.Time `json:"ends_at,omitempty"`
	Error  string     `json:"error,omitempty"`
}

// Share is how much of it is done, 0 to 1.
func (b Backfill) Share() float64 {
	if b.State == BackfillDone {
		return 1
	}
	if b.Total == 0 {
		return 0
	}
	return min(1, max(0, float64(b.Read-b.Waiting)/float64(b.Total)))
}

// job is what was started.
type job struct {
	BackfillRequest
	StartedAt time.Time      `json:"started_at"`
	Counted   map[string]int `json:"counted"`
	Forecast  Forecast       `json:"forecast"`
}

// progress is how far it has come.
type progress struct {
	StartedAt  time.Time   `json:"started_at"` // of the job that it belongs to
	Type       int         `json:"type"`       // index into types
	After      netsuite.ID `json:"after"`
	Read       int         `json:"read"`
	Marked     int         `json:"marked"`
	FinishedAt time.Time   `json:"finished_at,omitzero"`
	Worked     float64     `json:"worked_seconds"` // not counting pauses
	LastAt     time.Time   `json:"last_at,omitzero"`
	Error      string      `json:"error,omitempty"`
}

// types of a job in the order of reading.
func (j job) types(t *tenant.Tenant) []netsuite.RecordType {
	var out []netsuite.RecordType
	for _, typ := range backfillTypes {
		if t.Syncs(string(typ)) && (len(j.Types) == 0 || slices.Contains(j.Types, string(typ))) {
			out = append(out, typ)
		}
	}
	return out
}

// loadBackfill reads a tenant's backfill; ok is false when there is none.
func loadBackfill(ctx context.Context, recs *state.Records) (j job, want string, p progress, ok bool, err error) {
	h, err := recs.Backfill(ctx)
	if err != nil || h[state.BackfillJob] == "" {
		return job{}, "", progress{}, false, err
	}
	if err := json.Unmarshal([]byte(h[state.BackfillJob]), &j); err != nil {
		return job{}, "", progress{}, false, fmt.Errorf("the stored backfill cannot be read: %w", err)
	}
	if s := h[state.BackfillProgress]; s != "" {
		if err := json.Unmarshal([]byte(s), &p); err != nil {
			return job{}, "", progress{}, false, fmt.Errorf("the stored progress of the backfill cannot be read: %w", err)
		}
	}
	if !p.StartedAt.Equal(j.StartedAt) {
		p = progress{StartedAt: j.StartedAt}
	}
	return j, h[state.BackfillWant], p, true, nil
}

// BackfillOf is how a tenant's backfill stands.
func BackfillOf(ctx context.Context, t *tenant.Tenant, recs *state.Records, q *queue.Queue, now time.Time) (Backfill, error) {
	j, want, p, ok, err := loadBackfill(ctx, recs)
	if err != nil {
		return Backfill{}, err
	}
	if !ok {
		return Backfill{State: BackfillNone}, nil
	}
	lane, err := q.Lane(ctx, t.ID)
	if err != nil {
		return Backfill{}, err
	}
	b := Backfill{State: want, BackfillRequest: j.BackfillRequest, StartedAt: &j.StartedAt, Counted: j.Counted, Forecast: &j.Forecast,
		Read: p.Read, Marked: p.Marked, Error: p.Error}
	for _, n := range j.Counted {
		b.Total += n
	}
	if !p.FinishedAt.IsZero() {
		b.State, b.FinishedAt = BackfillDone, &p.FinishedAt
		return b, nil
	}
	b.Waiting = min(int(lane.Depth[queue.Bulk]), p.Marked)
	if share := b.Share(); share > 0.01 && p.Worked > 0 && b.State == BackfillRunning {
		at := now.Add(time.Duration(p.Worked * (1 - share) / share * float64(time.Second))).UTC().Truncate(time.Second)
		b.EndsAt = &at
	}
	return b, nil
}

// StartBackfill counts, foretells and, unless dry, starts a backfill. The
// worker that holds the lane does it.
func StartBackfill(ctx context.Context, t *tenant.Tenant, ns *netsuite.Client, recs *state.Records, q *queue.Queue, in BackfillRequest, dry bool, now time.Time) (Backfill, error) {
	if err := in.Check(t, now); err != nil {
		return Backfill{}, err
	}
	// Read before it is looked at, and before the counting, which takes seconds:
	// what is started meanwhile is not replaced.
	stored, err := recs.Backfill(ctx)
	if err != nil {
		return Backfill{}, err
	}
	_, want, p, ok, err := loadBackfill(ctx, recs)
	if err != nil {
		return Backfill{}, err
	}
	if ok && p.FinishedAt.IsZero() && want != BackfillCancelled {
		return Backfill{}, fmt.Errorf("tenant %s: %w (%s); cancel it first", t.ID, state.ErrBackfillRuns, want)
	}
	j := job{BackfillRequest: in, StartedAt: now.UTC(), Counted: map[string]int{}}
	c, err := count(ctx, t, ns, recs, j)
	if err != nil {
		return Backfill{}, err
	}
	for typ, n := range c.records {
		j.Counted[string(typ)] = n
	}
	j.Forecast = forecast(c, perMinute(t, in), now)
	b := Backfill{State: BackfillNone, BackfillRequest: in, Counted: j.Counted, Forecast: &j.Forecast}
	for _, n := range j.Counted {
		b.Total += n
	}
	if dry {
		return b, nil
	}
	text, err := json.Marshal(j)
	if err != nil {
		return Backfill{}, fmt.Errorf("encode the backfill: %w", err)
	}
	if err := recs.StartBackfill(ctx, string(text), stored[state.BackfillJob]); err != nil {
		return Backfill{}, err
	}
	b.State, b.StartedAt = BackfillRunning, &j.StartedAt
	return b, comeSoon(ctx, t, recs, q)
}

// RequestError is a mistake in what was asked for. Want says what would be
// right, without what was sent; Field, if it is about one, which.
type RequestError struct {
	error
	Field, Want string
}

// SteerBackfill pauses, resumes or cancels. What is marked already, at most
// 200 records, is still worked off.
func SteerBackfill(ctx context.Context, t *tenant.Tenant, recs *state.Records, q *queue.Queue, verb string, now time.Time) (Backfill, error) {
	b, err := BackfillOf(ctx, t, recs, q, now)
	if err != nil {
		return Backfill{}, err
	}
	to, from := BackfillPaused, []string{BackfillRunning, BackfillPaused}
	switch verb {
	case "resume":
		to = BackfillRunning
	case "cancel":
		to = BackfillCancelled
	case "pause":
	default:
		return Backfill{}, &RequestError{error: fmt.Errorf("%.40q: want pause, resume or cancel", verb), Want: "want pause, resume or cancel"}
	}
	if !slices.Contains(from, b.State) {
		why := "the last one is " + b.State
		if b.State == BackfillNone {
			why = "none was ever started"
		}
		why = fmt.Sprintf("there is no backfill to %s: %s; only one that runs or is paused can be steered", verb, why)
		return Backfill{}, &RequestError{error: errors.New(why), Want: why}
	}
	if err := recs.WantBackfill(ctx, to); err != nil {
		return Backfill{}, err
	}
	b.State = to
	if to == BackfillRunning {
		err = comeSoon(ctx, t, recs, q)
	}
	return b, err
}

// comeSoon makes the lane take the backfill up, after the turn under way if
// there is one.
func comeSoon(ctx context.Context, t *tenant.Tenant, recs *state.Records, q *queue.Queue) error {
	if err := recs.RequestTurn(ctx); err != nil {
		return err
	}
	return q.Wake(ctx, t.ID, time.Time{})
}

// Feed marks the next records of a tenant's backfill, behind all live ones,
// while few of its marks wait. It returns when the lane should come again;
// zero when there is nothing to do.
func Feed(ctx context.Context, in Round) (time.Time, error) {
	j, want, p, ok, err := loadBackfill(ctx, in.Records)
	if err != nil || !ok || want != BackfillRunning || !p.FinishedAt.IsZero() {
		return time.Time{}, err
	}
	f := feeder{Round: in, j: j, p: p}
	if !p.LastAt.IsZero() {
		// A pause shows as a gap; a feed comes at least each minute.
		f.p.Worked += min(in.Now.Sub(p.LastAt), time.Minute).Seconds()
	}
	f.p.LastAt = in.Now.UTC()
	next, err := f.feed(ctx)
	f.p.Error = ""
	if err != nil {
		if stops(ctx, err) {
			return time.Time{}, err
		}
		f.p.Error, next = err.Error(), in.Now.Add(time.Minute)
	}
	return next, errors.Join(err, f.save(ctx))
}

type feeder struct {
	Round
	j job
	p progress
}

func (f *feeder) save(ctx context.Context) error {
	text, err := json.Marshal(f.p)
	if err != nil {
		return fmt.Errorf("encode the progress of the backfill: %w", err)
	}
	return f.Records.SetBackfill(ctx, f.Fence, string(text))
}

func (f *feeder) feed(ctx context.Context) (time.Time, error) {
	lane, err := f.Queue.Lane(ctx, f.Tenant.ID)
	if err != nil {
		return time.Time{}, err
	}
	types := f.j.types(f.Tenant)
	waiting := int(lane.Depth[queue.Bulk])
	room := min(aheadMost-waiting, f.allowance()-f.p.Marked)
	switch {
	case f.p.Type >= len(types) && waiting == 0:
		f.p.FinishedAt = f.Now.UTC()
		return time.Time{}, nil
	case f.p.Type >= len(types) || room <= 0:
		return f.Now.Add(feedPause), nil
	}
	for pages := 0; f.p.Type < len(types) && room > 0 && pages < pagesPerTurn; pages++ {
		n, err := f.page(ctx, types[f.p.Type], room)
		if err != nil {
			return time.Time{}, err
		}
		room -= n
	}
	return f.Now, nil
}

// allowance is how many records may have been marked by now at the calls per
// minute of the request.
func (f *feeder) allowance() int {
	if f.j.CallsPerMinute == 0 {
		return 1 << 40
	}
	per := 1.0
	if n := f.j.Forecast.Records; n > 0 && f.j.Forecast.Cin7Calls > 0 {
		per = max(0.05, float64(f.j.Forecast.Cin7Calls)/float64(n))
	}
	return int(f.p.Worked/60*float64(f.j.CallsPerMinute)/per) + max(1, int(float64(f.j.CallsPerMinute)/per))
}

// page marks records of one page that are not in step, at most room.
func (f *feeder) page(ctx context.Context, typ netsuite.RecordType, room int) (marked int, err error) {
	scan := netsuite.Scan{Types: []netsuite.RecordType{typ}, Dated: f.j.Since, After: f.p.After}
	for page, err := range f.NetSuite.Scan(netsuite.Background(ctx), scan) {
		if err != nil {
			return marked, err
		}
		refs := make([]queue.Ref, len(page))
		for i, ch := range page {
			refs[i] = queue.Ref{Type: string(ch.Type), ID: ch.ID.String()}
		}
		known, err := f.Records.Get(ctx, refs...)
		if err != nil {
			return marked, err
		}
		w := &walk{Kind: kindFirst, Types: scan.Types}
		var sightings []queue.Sighting
		rest := 0
		for i, rec := range known {
			s := sighting(w, rec, page[i], f.Now)
			if s.Marks && marked == room {
				rest = len(page) - i
				break
			}
			if s.Marks {
				marked++
				s.Source, s.Note = "backfill", "backfill"
			}
			sightings = append(sightings, s)
			f.p.After = page[i].ID
		}
		for len(sightings) > 0 {
			part := sightings[:min(scriptRows, len(sightings))]
			sightings = sightings[len(part):]
			if _, err := f.Queue.Sight(ctx, f.Tenant.ID, f.Fence, queue.Bulk, part, nil); err != nil {
				return marked, err
			}
		}
		f.p.Read += len(page) - rest
		f.p.Marked += marked
		if rest == 0 && len(page) < scanPage {
			f.p.Type, f.p.After = f.p.Type+1, 0
		}
		// Progress after its marks: dying in between reads a page again.
		return marked, f.save(ctx)
	}
	f.p.Type, f.p.After = f.p.Type+1, 0
	return marked, nil
}

// scanPage is how many rows a page of a scan has when there are more.
const scanPage = 1000

// backfilling reports whether a backfill is to read what a first look would:
// one that has been started and not cancelled, of everything.
func backfilling(ctx context.Context, t *tenant.Tenant, recs *state.Records) (bool, error) {
	j, want, p, ok, err := loadBackfill(ctx, recs)
	if err != nil || !ok || want == BackfillCancelled || !p.FinishedAt.IsZero() {
		return false, err
	}
	return len(j.types(t)) == len(t.Sync.Types) && (j.Since == "" || string(j.Since) <= t.StartDate), nil
}
