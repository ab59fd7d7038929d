package poller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// The kinds of a walk.
const (
	kindFirst   = "first"   // everything, because there is no watermark
	kindRound   = "round"   // what changed since the watermark, less 75 minutes
	kindWide    = "wide"    // less 26 hours
	kindCompare = "compare" // everything, compared with what we know
)

// walk is one scan of NetSuite. It is kept between turns of the lane, so that
// a long one lets the lane's marks go in between, and so that another process
// can go on with it.
type walk struct {
	Kind  string                `json:"kind"`
	Types []netsuite.RecordType `json:"types"`
	Since string                `json:"since,omitempty"`
	Lines bool                  `json:"lines,omitempty"` // the second half: lines of documents, contacts of vendors
	High  string                `json:"high,omitempty"`  // the watermark once it has ended
	After netsuite.ID           `json:"after,omitempty"` // ids up to here are done
	Began time.Time             `json:"began"`
	Rows  int                   `json:"rows"` // read so far

	Seen   map[netsuite.RecordType]int `json:"seen,omitempty"`
	Marked map[netsuite.RecordType]int `json:"marked,omitempty"`

	// Of comparisons alone.
	Sweep   int64                              `json:"sweep,omitempty"`   // its number
	Found   map[netsuite.RecordType]int        `json:"found,omitempty"`   // changes that no poll had seen
	Numbers map[netsuite.RecordType]numberLine `json:"numbers,omitempty"` // running numbers

	held []queue.Sighting // decided and not yet durable: they go with the next script
}

// numberLine is what was seen of the running numbers of a type.
type numberLine struct {
	Low, High int64
	N         int64
}

func (w *walk) source() string { return "poll" }

// class is the stream that marks go to: a first look and a comparison must not
// hold up what happens today.
func (w *walk) class() queue.Class {
	if w.Kind == kindFirst || w.Kind == kindCompare {
		return queue.Bulk
	}
	return queue.Live
}

// field names the walk among the watermarks.
func (w *walk) field() string { return "walk:" + w.Kind + ":" + string(w.Types[0]) }

// openWalks are the walks that an earlier turn left unfinished.
func openWalks(wm map[string]string) ([]*walk, error) {
	var out []*walk
	for k, v := range wm {
		if !strings.HasPrefix(k, "walk:") {
			continue
		}
		w := &walk{}
		if err := json.Unmarshal([]byte(v), w); err != nil || len(w.Types) == 0 {
			return nil, fmt.Errorf("the unfinished walk %s cannot be read: %w", k, err)
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *walk) int { return strings.Compare(a.field(), b.field()) })
	return out, nil
}

// scriptRows is how many sightings go into one script: enough to be quick,
// few enough that Redis answers others in between.
const scriptRows = 500

// walk reads on until the walk has ended or the turn's pages are spent.
func (r *round) walk(ctx context.Context, w *walk) (ended bool, err error) {
	ctx = netsuite.Background(ctx)
	if w.Seen == nil {
		w.Seen = map[netsuite.RecordType]int{}
	}
	if w.Marked == nil {
		w.Marked = map[netsuite.RecordType]int{}
	}
	for {
		ended, err := r.half(ctx, w)
		if err != nil || !ended {
			return false, err
		}
		if w.Lines || !w.hasLines() {
			return true, r.finish(ctx, w)
		}
		if err := r.flush(ctx, w); err != nil {
			return false, err
		}
		w.Lines, w.After = true, 0
	}
}

// hasLines reports whether a walk has a second half: over the lines of
// documents, and, once an hour, over the contacts of vendors. A contact has a
// stamp of its own and may change without its vendor (contract 4.3), and is
// seldom urgent.
func (w *walk) hasLines() bool {
	return w.Since != "" && (w.Types[0] != netsuite.TypeVendor || w.Kind == kindWide)
}

// hiddenField is where it is noted that the account does not show what the
// second half reads.
func (w *walk) hiddenField() string {
	if w.Types[0] == netsuite.TypeVendor {
		return fieldContactsHidden
	}
	return fieldLinesHidden
}

// half reads the headers, or the lines.
func (r *round) half(ctx context.Context, w *walk) (ended bool, err error) {
	scan := netsuite.Scan{Types: w.Types, Since: w.Since, Lines: w.Lines, After: w.After}
	for page, err := range r.NetSuite.Scan(ctx, scan) {
		if w.Lines && err != nil && hiddenColumn(err) {
			r.note(w.hiddenField(), err.Error())
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if err := r.keep(ctx, w, page); err != nil {
			return false, err
		}
		if r.pages--; r.pages <= 0 && len(page) > 0 {
			return false, r.flush(ctx, w)
		}
	}
	if w.Lines && r.wm[w.hiddenField()] != "" {
		r.note(w.hiddenField(), "")
	}
	if w.Kind == kindCompare {
		return true, r.vanished(ctx, w, nil, 0)
	}
	return true, nil
}

// flush makes what was decided last durable: marks, and how far the walk has
// come.
func (r *round) flush(ctx context.Context, w *walk) error {
	progress, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode the progress of a walk: %w", err)
	}
	_, err = r.Queue.Sight(ctx, r.Tenant.ID, r.Fence, w.class(), w.held, map[string]string{w.field(): string(progress)})
	if err == nil {
		w.held = nil
		delete(r.notes, w.field())
	}
	return err
}

// keep decides about a page and makes all but its last part durable; that one
// goes with what comes next, the watermark if nothing does.
func (r *round) keep(ctx context.Context, w *walk, page []netsuite.Change) error {
	for len(page) > 0 {
		part := page[:min(scriptRows, len(page))]
		page = page[len(part):]
		if len(w.held) > 0 {
			if err := r.flush(ctx, w); err != nil {
				return err
			}
		}
		refs := make([]queue.Ref, len(part))
		for i, c := range part {
			refs[i] = queue.Ref{Type: string(c.Type), ID: c.ID.String()}
		}
		known, err := r.Records.Get(ctx, refs...)
		if err != nil {
			return err
		}
		if w.Kind == kindCompare {
			if err := r.vanished(ctx, w, part, part[len(part)-1].ID); err != nil {
				return err
			}
		}
		var sightings []queue.Sighting
		var parents []queue.Mark
		for i, rec := range known {
			s := sighting(w, rec, part[i], r.Now)
			w.Rows++
			if !w.Lines || part[i].ModifiedAt < w.Since { // else the first half has counted it
				w.Seen[part[i].Type]++
			}
			if s.Marks {
				w.Marked[part[i].Type]++
				parents = append(parents, parentOf(rec, s)...)
			}
			w.count(part[i], rec, s)
			if s.Marks || len(s.Facts) > 0 || rec.Facts[state.FactDay] == "" || w.Kind == kindCompare {
				sightings = append(sightings, s)
			}
		}
		w.After = part[len(part)-1].ID
		if len(parents) > 0 {
			if _, err := r.Queue.Mark(ctx, r.Tenant.ID, w.class(), parents...); err != nil {
				return err
			}
		}
		w.held = sightings
	}
	return nil
}

// parentOf is the purchase order that a changed bill, receipt or credit was
// last known to belong to: it must be read again even if the document has gone
// over to another (contract 4.3).
func parentOf(rec state.Record, s queue.Sighting) []queue.Mark {
	po := rec.Facts[state.FactPO]
	if po == "" {
		return nil
	}
	return []queue.Mark{{Ref: queue.Ref{Type: string(netsuite.TypePurchaseOrder), ID: po}, Source: s.Source, Note: "its " + rec.Type + " " + rec.ID + " changed"}}
}

// finish moves the watermarks, in one script with the last marks.
func (r *round) finish(ctx context.Context, w *walk) error {
	fields := map[string]string{w.field(): ""}
	for _, t := range w.Types {
		switch {
		case w.Kind == kindCompare:
			fields[fieldCompared(t)] = w.Began.UTC().Format(time.RFC3339)
			continue
		case w.High > r.wm[fieldWatermark(t)]: // text in one form and zone: order is time
			fields[fieldWatermark(t)] = w.High
		}
		fields[fieldPolled(t)] = w.Began.UTC().Format(time.RFC3339)
		fields[fieldError(t)] = ""
		if r.wm[fieldFirst(t)] == "" {
			fields[fieldFirst(t)] = w.Began.UTC().Format(time.RFC3339)
		}
		if w.Kind != kindRound {
			fields[fieldSweep(t)] = w.Began.UTC().Format(time.RFC3339)
		}
	}
	if w.Kind == kindCompare {
		if err := r.compared(ctx, w, fields); err != nil {
			return err
		}
	}
	if _, err := r.Queue.Sight(ctx, r.Tenant.ID, r.Fence, w.class(), w.held, fields); err != nil {
		return err
	}
	for k, v := range fields {
		r.wm[k] = v
		delete(r.notes, k)
	}
	for t, n := range w.Seen {
		r.res.Seen[t] += n
		r.res.Marked[t] += w.Marked[t]
	}
	return nil
}
