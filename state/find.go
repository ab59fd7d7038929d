package state

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// findMost is how many records a search by the index looks at. What more of
// them fit is found as soon by reading the newest records.
const findMost = 2000

// findNames is how many vendors a part of a name may be of.
const findNames = 50

// Find returns a page of the records that the search index knows for
// f.Query, newest change first: by its number, the digits at the end of it, the
// id of either system, or a vendor's name from any of its words on. found is
// false when the index knows none, or more than it is good for: List then finds
// what there is.
func (r *Records) Find(ctx context.Context, types []string, f Filter) (page Page, found bool, err error) {
	at, err := parseCursor(f.Cursor)
	if err != nil {
		return Page{}, false, err
	}
	refs, err := r.candidates(ctx, types, f.Query)
	if err != nil || len(refs) == 0 || len(refs) > findMost {
		return Page{}, false, err
	}
	recs, err := r.Get(ctx, refs...)
	if err != nil {
		return Page{}, false, err
	}
	page.Looked = len(recs)
	recs = slices.DeleteFunc(recs, func(rec Record) bool { return rec.State == "" || !f.named(rec) })
	found = len(recs) > 0
	recs = slices.DeleteFunc(recs, func(rec Record) bool {
		return !f.selects(rec) || f.State != "" && rec.State != f.State || f.Type != "" && rec.Type != f.Type || f.Cursor != "" && at.compare(row(rec)) >= 0
	})
	slices.SortFunc(recs, func(a, b Record) int { return row(a).compare(row(b)) })
	limit := min(max(f.Limit, 1), 1000)
	if len(recs) > limit {
		recs = recs[:limit]
		page.Next = row(recs[limit-1]).cursor()
	}
	page.Records = recs
	return page, found, nil
}

func row(rec Record) indexRow { return indexRow{rec.UpdatedAt.UnixMilli(), rec.Ref.String()} }

// candidates are the records that the index names for a query; more than
// findMost when it is of no use.
func (r *Records) candidates(ctx context.Context, types []string, query string) ([]queue.Ref, error) {
	term := queue.FindTerm(query)
	if term == "" {
		return nil, nil
	}
	p := r.rdb.Pipeline()
	numbered := p.ZRangeByLex(ctx, queue.KeyFind(r.tenant, term), &redis.ZRangeBy{Min: "[" + term + "\x00", Max: "(" + term + "\x01", Count: findMost + 1})
	names := p.ZRangeByLex(ctx, queue.KeyNames(r.tenant), &redis.ZRangeBy{Min: "[" + term, Max: "(" + term + "\xff", Count: findNames})
	owner := p.HGet(ctx, queue.KeyCin7(r.tenant), term)
	if _, err := p.Exec(ctx); err != nil && owner.Err() != redis.Nil { //nolint:errorlint // go-redis gives it so
		return nil, fmt.Errorf("search the records of %s: %w", r.tenant, err)
	}
	var refs []queue.Ref
	add := func(s string) {
		if ref, ok := queue.ParseRef(s); ok && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	if strings.Trim(term, "0123456789") == "" {
		for _, typ := range types {
			refs = append(refs, queue.Ref{Type: typ, ID: term})
		}
	}
	for _, m := range numbered.Val() {
		_, s, _ := strings.Cut(m, "\x00")
		add(s)
	}
	s, _, _ := strings.Cut(owner.Val(), "/")
	add(s)
	named, err := r.bearing(ctx, types, names.Val(), findMost+1-len(refs))
	for _, ref := range named {
		if len(refs) > findMost {
			break
		}
		refs = append(refs, ref)
	}
	return refs, err
}

// bearing are the records of the vendors that rows of the names' index tell of,
// up to one more than most.
func (r *Records) bearing(ctx context.Context, types, rows []string, most int) ([]queue.Ref, error) {
	var names []string
	for _, m := range rows {
		if _, name, _ := strings.Cut(m, "\x00"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	p := r.rdb.Pipeline()
	cards := map[string]*redis.IntCmd{}
	for _, name := range names {
		for _, typ := range types {
			k := queue.KeyOf(r.tenant, typ, name)
			cards[k] = p.SCard(ctx, k)
		}
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("search the vendors of %s: %w", r.tenant, err)
	}
	n := 0
	for _, c := range cards {
		n += int(c.Val())
	}
	if n >= most { // as many as that are soon found without the index
		return make([]queue.Ref, most), nil
	}
	var out []queue.Ref
	p = r.rdb.Pipeline()
	sets := map[string][]*redis.StringSliceCmd{}
	for _, name := range names {
		for _, typ := range types {
			if k := queue.KeyOf(r.tenant, typ, name); cards[k].Val() > 0 {
				sets[typ] = append(sets[typ], p.SMembers(ctx, k))
			}
		}
	}
	if len(sets) == 0 {
		return nil, nil
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("search the vendors of %s: %w", r.tenant, err)
	}
	for typ, of := range sets {
		for _, c := range of {
			for _, id := range c.Val() {
				out = append(out, queue.Ref{Type: typ, ID: id})
			}
		}
	}
	return out, nil
}

// OfPurchase returns the records whose documents are on a Cin7 purchase, as far
// as the search index knows them.
func (r *Records) OfPurchase(ctx context.Context, cin7Number string) ([]Record, error) {
	term := queue.FindTerm(cin7Number)
	if term == "" {
		return nil, nil
	}
	rows, err := r.rdb.ZRangeByLex(ctx, queue.KeyFind(r.tenant, term), &redis.ZRangeBy{Min: "[" + term + "\x00", Max: "(" + term + "\x01", Count: findMost}).Result()
	if err != nil {
		return nil, fmt.Errorf("look up purchase %s of %s: %w", cin7Number, r.tenant, err)
	}
	var refs []queue.Ref
	for _, m := range rows {
		_, s, _ := strings.Cut(m, "\x00")
		if ref, ok := queue.ParseRef(s); ok {
			refs = append(refs, ref)
		}
	}
	recs, err := r.Get(ctx, refs...)
	return slices.DeleteFunc(recs, func(rec Record) bool { return rec.State == "" || rec.Facts[FactCin7Number] != cin7Number }), err
}
