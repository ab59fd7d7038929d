package poller

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

const (
	// compareEvery is how often everything is compared.
	compareEvery = 24 * time.Hour
	// daysShown is how far back records are counted per day on both sides.
	daysShown = 35
	// Ids that vanish in numbers are a changed role rather than deletions:
	// beyond both of these nothing is concluded from their absence.
	vanishLeast = 20
	vanishShare = 5 // per cent of the known
)

// comparison is what the last comparison of a type came to.
type comparison struct {
	At       time.Time      `json:"at"`
	Rows     int            `json:"rows"`     // that NetSuite shows
	Found    int            `json:"found"`    // changes that no poll had seen
	Missing  int            `json:"missing"`  // known ids that it does not show
	Held     bool           `json:"held"`     // too many to conclude from, or none at all was shown
	Numbers  int64          `json:"numbers"`  // running numbers between the lowest and the highest that nothing explains
	Between  string         `json:"between"`  // the lowest and the highest
	Deleted  int            `json:"deleted"`  // deletions that NetSuite tells of
	Unseen   bool           `json:"unseen"`   // the role may not read deletions
	NetSuite map[string]int `json:"netsuite"` // day -> records created, as NetSuite counts them
	Ours     map[string]int `json:"ours"`
}

// count keeps what a comparison adds up.
func (w *walk) count(ch netsuite.Change, rec state.Record, s queue.Sighting) {
	if w.Kind != kindCompare {
		return
	}
	if w.Found == nil {
		w.Found = map[netsuite.RecordType]int{}
	}
	if w.Numbers == nil {
		w.Numbers = map[netsuite.RecordType]numberLine{}
	}
	// What a poll had its chance to see.
	if s.Marks && rec.State != queue.Pending && ch.ModifiedAt < before(w.High, overlap) {
		w.Found[ch.Type]++
	}
	n, ok := runningNumber(ch.Number)
	if !ok {
		return
	}
	l := w.Numbers[ch.Type]
	if l.N == 0 {
		l.Low, l.High = n, n
	}
	l.Low, l.High, l.N = min(l.Low, n), max(l.High, n), l.N+1
	w.Numbers[ch.Type] = l
}

// runningNumber is the number at the end of a transaction number.
func runningNumber(s string) (int64, bool) {
	digits := s[len(strings.TrimRight(s, "0123456789")):]
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}

// vanished notes the known ids in the range that ends at upTo (0: no end)
// which the comparison did not meet, and takes off those that it met.
func (r *round) vanished(ctx context.Context, w *walk, met []netsuite.Change, upTo netsuite.ID) error {
	for _, t := range w.Types {
		there := map[int64]bool{}
		for _, c := range met {
			if c.Type == t {
				there[int64(c.ID)] = true
			}
		}
		known, err := r.Records.Known(ctx, string(t), int64(w.After), int64(upTo))
		if err != nil {
			return err
		}
		missing, err := r.missing(ctx, t)
		if err != nil {
			return err
		}
		change := map[int64]int64{}
		for _, id := range known {
			first, was := missing[id]
			switch {
			case there[id] && was:
				change[id] = 0
			case !there[id] && (!was || first > w.Sweep):
				change[id] = w.Sweep
			}
		}
		if err := r.Records.SetMissing(ctx, r.Fence, string(t), change); err != nil {
			return err
		}
		for id, sweep := range change {
			if missing[id] = sweep; sweep == 0 {
				delete(missing, id)
			}
		}
	}
	return nil
}

// missing are the ids that earlier sweeps missed, read once per turn.
func (r *round) missing(ctx context.Context, t netsuite.RecordType) (map[int64]int64, error) {
	if m, ok := r.missed[t]; ok {
		return m, nil
	}
	m, err := r.Records.Missing(ctx, string(t))
	if err != nil {
		return nil, err
	}
	r.missed[t] = m
	return m, nil
}

// compared concludes from a comparison that has read everything.
func (r *round) compared(ctx context.Context, w *walk, fields map[string]string) error {
	deletions, unseen, err := r.allDeletions(ctx)
	if err != nil {
		return err
	}
	days, err := r.daysOf(ctx, w)
	if err != nil {
		return err
	}
	for _, t := range w.Types {
		c := comparison{At: w.Began, Rows: w.Seen[t], Found: w.Found[t], Unseen: unseen, NetSuite: days[t], Ours: map[string]int{}}
		for _, d := range deletions {
			if d.Type == t {
				c.Deleted++
			}
		}
		if l, ok := w.Numbers[t]; ok {
			c.Numbers, c.Between = max(0, l.High-l.Low+1-l.N-int64(c.Deleted)), fmt.Sprintf("%d and %d", l.Low, l.High)
		}
		if err := r.conclude(ctx, w, t, &c); err != nil {
			return err
		}
		ours, err := r.Records.Days(ctx, string(t))
		if err != nil {
			return err
		}
		for day, n := range ours {
			if day >= string(r.firstDay(w)) {
				c.Ours[day] = n
			}
		}
		text, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode what a comparison came to: %w", err)
		}
		fields[fieldComparison(t)] = string(text)
		fields[fieldSweepNumber(t)] = strconv.FormatInt(w.Sweep, 10)
	}
	return nil
}

// conclude marks what two sweeps have missed, unless nothing can be concluded:
// an empty answer proves nothing, and ids that vanish in numbers are a changed
// role.
func (r *round) conclude(ctx context.Context, w *walk, t netsuite.RecordType, c *comparison) error {
	missing, err := r.missing(ctx, t)
	if err != nil {
		return err
	}
	known, err := r.Records.KnownCount(ctx, string(t))
	if err != nil {
		return err
	}
	c.Missing = len(missing)
	if c.Held = len(missing) > 0 && (c.Rows == 0 || c.Missing > vanishLeast && int64(c.Missing)*100 > known*vanishShare); c.Held {
		return nil
	}
	var gone []queue.Sighting
	off := map[int64]int64{}
	for id, first := range missing {
		if first >= w.Sweep {
			continue // missed once
		}
		how := "missing"
		if !c.Unseen {
			how = "" // NetSuite tells of deletions, and not of this one
		}
		gone = append(gone, goneSighting(t, netsuite.ID(id), how, "NetSuite has not shown it in two comparisons"))
		off[id] = 0
	}
	for len(gone) > 0 {
		part := gone[:min(scriptRows, len(gone))]
		gone = gone[len(part):]
		if err := r.markGone(ctx, part); err != nil {
			return err
		}
	}
	if err := r.Records.SetMissing(ctx, r.Fence, string(t), off); err != nil {
		return err
	}
	c.Missing -= len(off)
	return nil
}

// firstDay is the first of the days that are counted on both sides.
func (r *round) firstDay(w *walk) netsuite.Date {
	label := before(w.High, daysShown*24*time.Hour)
	day, _, _ := strings.Cut(label, " ")
	return netsuite.Date(day)
}

// daysOf counts the records of each day as NetSuite has them.
func (r *round) daysOf(ctx context.Context, w *walk) (map[netsuite.RecordType]map[string]int, error) {
	counts, err := r.NetSuite.CreatedPerDay(ctx, r.firstDay(w), w.Types...)
	if err != nil {
		return nil, err
	}
	out := map[netsuite.RecordType]map[string]int{}
	for _, t := range w.Types {
		out[t] = map[string]int{}
	}
	for _, c := range counts {
		if out[c.Type] != nil {
			out[c.Type][string(c.Day)] = c.N
		}
	}
	return out, nil
}
