package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// Filter selects records; empty fields select all.
type Filter struct {
	State  queue.State
	Type   string
	Reason string
	Vendor string // NetSuite id of the vendor of a document
	Query  string // in id, number, party, Cin7 number or GUID; case folded
	Cursor string // from the previous Page
	Limit  int    // default 100, at most 1000
	Scan   int    // records looked at for one page, rounded up to chunks; 0: as many as it takes
}

// Page is a part of a list, newest change first.
type Page struct {
	Records []Record
	Next    string // cursor of the next page, "" at the end
	Looked  int    // records looked at
}

// chunk is how many index rows are read at once.
const chunk = 500

// List reads a page of records.
func (r *Records) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 1000)
	states := queue.States[:]
	if f.State != "" {
		states = []queue.State{f.State}
	}
	at, err := parseCursor(f.Cursor)
	if err != nil {
		return Page{}, err
	}
	var page Page
	for {
		rows, more, err := r.indexRows(ctx, states, at)
		if err != nil {
			return Page{}, err
		}
		refs := make([]queue.Ref, 0, len(rows))
		for _, row := range rows {
			if ref, ok := queue.ParseRef(row.member); ok && (f.Type == "" || ref.Type == f.Type) {
				refs = append(refs, ref)
			}
			at = row
		}
		page.Looked += len(rows)
		records, err := r.Get(ctx, refs...)
		if err != nil {
			return Page{}, err
		}
		for _, rec := range records {
			if !f.selects(rec) {
				continue
			}
			if len(page.Records) == f.Limit {
				last := page.Records[f.Limit-1]
				page.Next = indexRow{last.UpdatedAt.UnixMilli(), last.Ref.String()}.cursor()
				return page, nil
			}
			page.Records = append(page.Records, rec)
		}
		if !more {
			return page, nil
		}
		if f.Scan > 0 && page.Looked >= f.Scan {
			page.Next = at.cursor()
			return page, nil
		}
	}
}

func (f Filter) selects(rec Record) bool {
	if f.Reason != "" && rec.Reason != f.Reason || f.Vendor != "" && rec.Facts[FactVendor] != f.Vendor {
		return false
	}
	return f.Query == "" || f.named(rec)
}

// named reports whether a record has what is searched for.
func (f Filter) named(rec Record) bool {
	q := queue.FindTerm(f.Query)
	for _, s := range []string{rec.ID, rec.Facts[FactNumber], rec.Facts[FactParty], rec.Facts[FactCin7Number]} {
		if strings.Contains(queue.FindTerm(s), q) {
			return true
		}
	}
	for _, guid := range rec.Links {
		if strings.EqualFold(guid, q) {
			return true
		}
	}
	return false
}

// indexRow is a row of the indexes by state; rows are ordered by score, then
// member, both falling.
type indexRow struct {
	score  int64
	member string
}

func (a indexRow) compare(b indexRow) int {
	if c := cmp.Compare(b.score, a.score); c != 0 {
		return c
	}
	return cmp.Compare(b.member, a.member)
}

func (a indexRow) cursor() string { return strconv.FormatInt(a.score, 10) + "_" + a.member }

func parseCursor(s string) (indexRow, error) {
	if s == "" {
		return indexRow{}, nil
	}
	score, member, ok := strings.Cut(s, "_")
	n, err := strconv.ParseInt(score, 10, 64)
	if !ok || err != nil {
		return indexRow{}, fmt.Errorf("cursor %.60q: take it from the answer before", s)
	}
	return indexRow{n, member}, nil
}

// indexRows reads the rows after a place, of several states in one order.
func (r *Records) indexRows(ctx context.Context, states []queue.State, after indexRow) (rows []indexRow, more bool, err error) {
	top := "+inf"
	if after.member != "" {
		top = strconv.FormatInt(after.score, 10)
	}
	var horizon *indexRow // beyond it, a state that was not read to its end may have rows
	for _, s := range states {
		// Rows of the same millisecond as the place may have been seen already;
		// they are left out below, so enough are read to get past them.
		for offset := int64(0); ; offset += chunk {
			z, err := r.rdb.ZRevRangeByScoreWithScores(ctx, queue.KeyByState(r.tenant, s), &redis.ZRangeBy{Min: "-inf", Max: top, Offset: offset, Count: chunk}).Result()
			if err != nil {
				return nil, false, fmt.Errorf("list records of %s: %w", r.tenant, err)
			}
			fresh := 0
			var row indexRow
			for _, e := range z {
				member, _ := e.Member.(string)
				row = indexRow{int64(e.Score), member}
				if after.member == "" || after.compare(row) < 0 {
					rows = append(rows, row)
					fresh++
				}
			}
			if len(z) < chunk {
				break
			}
			more = true
			if fresh > 0 {
				if horizon == nil || row.compare(*horizon) < 0 {
					horizon = &row
				}
				break
			}
		}
	}
	slices.SortFunc(rows, indexRow.compare)
	if horizon != nil {
		rows = rows[:sort.Search(len(rows), func(i int) bool { return horizon.compare(rows[i]) < 0 })]
	}
	return rows, more, nil
}

// Counts returns how many records are in each state; every state has a key.
func (r *Records) Counts(ctx context.Context) (map[queue.State]int64, error) {
	p := r.rdb.Pipeline()
	cmds := map[queue.State]*redis.IntCmd{}
	for _, s := range queue.States {
		cmds[s] = p.ZCard(ctx, queue.KeyByState(r.tenant, s))
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("count the records of %s: %w", r.tenant, err)
	}
	out := map[queue.State]int64{}
	for s, c := range cmds {
		out[s] = c.Val()
	}
	return out, nil
}

// Standing is what stands parked for a reason.
type Standing struct {
	N      int64
	Oldest time.Time // since when the one has that stands longest
}

// Reasons returns how many parked records each reason has.
func (r *Records) Reasons(ctx context.Context) (map[string]int64, error) {
	by, err := r.Standing(ctx)
	out := map[string]int64{}
	for reason, s := range by {
		out[reason] = s.N
	}
	return out, err
}

// Standing returns what is parked, by reason.
func (r *Records) Standing(ctx context.Context) (map[string]Standing, error) {
	out := map[string]Standing{}
	err := r.eachParked(ctx, func(_ queue.Ref, reason string, since time.Time) {
		s := out[reason]
		if s.N++; s.Oldest.IsZero() || since.Before(s.Oldest) {
			s.Oldest = since
		}
		out[reason] = s
	})
	return out, err
}

// eachParked tells of every parked record, reading no more of it than that.
func (r *Records) eachParked(ctx context.Context, tell func(ref queue.Ref, reason string, since time.Time)) error {
	for at := int64(0); ; at += chunk {
		// The oldest first: one that is parked or taken up meanwhile moves to the end.
		z, err := r.rdb.ZRangeWithScores(ctx, queue.KeyByState(r.tenant, queue.Parked), at, at+chunk-1).Result()
		if err != nil {
			return fmt.Errorf("list the parked records of %s: %w", r.tenant, err)
		}
		if len(z) == 0 {
			return nil
		}
		p := r.rdb.Pipeline()
		cmds := make([]*redis.SliceCmd, len(z))
		refs := make([]queue.Ref, len(z))
		for i, e := range z {
			member, _ := e.Member.(string)
			refs[i], _ = queue.ParseRef(member)
			cmds[i] = p.HMGet(ctx, queue.KeyRecord(r.tenant, refs[i]), "reason", "since")
		}
		if _, err := p.Exec(ctx); err != nil {
			return fmt.Errorf("read %d parked records of %s: %w", len(z), r.tenant, err)
		}
		for i, c := range cmds {
			reason, _ := c.Val()[0].(string)
			text, _ := c.Val()[1].(string)
			stands := since(text)
			if stands.IsZero() {
				stands = time.UnixMilli(int64(z[i].Score)).UTC()
			}
			tell(refs[i], reason, stands)
		}
		if len(z) < chunk {
			return nil
		}
	}
}

// LastChange is when a record last changed its state; zero when there is none.
func (r *Records) LastChange(ctx context.Context) (time.Time, error) {
	p := r.rdb.Pipeline()
	var cmds []*redis.ZSliceCmd
	for _, s := range queue.States {
		cmds = append(cmds, p.ZRevRangeWithScores(ctx, queue.KeyByState(r.tenant, s), 0, 0))
	}
	if _, err := p.Exec(ctx); err != nil {
		return time.Time{}, fmt.Errorf("read the last change of %s: %w", r.tenant, err)
	}
	var last time.Time
	for _, c := range cmds {
		for _, z := range c.Val() {
			if at := time.UnixMilli(int64(z.Score)).UTC(); at.After(last) {
				last = at
			}
		}
	}
	return last, nil
}

// ChangedPerHour counts the records that were completed, parked or skipped
// last in each of the last hours; the present hour comes last. A record counts
// once, where its last change was.
func (r *Records) ChangedPerHour(ctx context.Context, now time.Time, hours int) ([]int64, error) {
	start := now.Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	p := r.rdb.Pipeline()
	var cmds [][]*redis.IntCmd
	for h := range hours {
		from := start.Add(time.Duration(h) * time.Hour)
		var of []*redis.IntCmd
		for _, s := range []queue.State{queue.Completed, queue.Parked, queue.Skipped} {
			of = append(of, p.ZCount(ctx, queue.KeyByState(r.tenant, s), strconv.FormatInt(from.UnixMilli(), 10), "("+strconv.FormatInt(from.Add(time.Hour).UnixMilli(), 10)))
		}
		cmds = append(cmds, of)
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("count the changes of %s: %w", r.tenant, err)
	}
	out := make([]int64, hours)
	for h, of := range cmds {
		for _, c := range of {
			out[h] += c.Val()
		}
	}
	return out, nil
}
