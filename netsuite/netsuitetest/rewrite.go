package netsuitetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// rewriter turns one SuiteQL statement into SQLite's words and refuses what
// the role cannot see or the dialect does not know (contract 2.3, 2.4).
type rewriter struct {
	catalog *catalog
	hideFns map[string]bool
	now     time.Time
	toks    []token
	match   []int // index of "(" -> index of its ")"
}

// maxIn is how many values an IN list may have (contract 2.3).
const maxIn = 1000

// rewrite translates q. The error is a refusal.
func rewrite(c *catalog, hideFns map[string]bool, now time.Time, q string) (string, error) {
	toks, ok := lex(q)
	if !ok || len(toks) == 0 || !toks[0].is("select") {
		return "", unsupported
	}
	r := &rewriter{catalog: c, hideFns: hideFns, now: now, toks: toks, match: make([]int, len(toks))}
	var open []int
	for i, t := range toks {
		switch {
		case t.is("("):
			open = append(open, i)
		case t.is(")"):
			if len(open) == 0 {
				return "", unsupported
			}
			r.match[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return "", unsupported
	}
	return r.query(0, len(toks), nil)
}

// at is the token at i, or an empty one past hi.
func (r *rewriter) at(i, hi int) token {
	if i < 0 || i >= hi {
		return token{}
	}
	return r.toks[i]
}

// top yields the index of every token in [lo, hi) outside parentheses.
func (r *rewriter) top(lo, hi int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := lo; i < hi; i++ {
			if !yield(i) {
				return
			}
			if r.toks[i].is("(") {
				i = r.match[i] - 1
			}
		}
	}
}

// query is one SELECT or several joined by UNION, INTERSECT or MINUS.
func (r *rewriter) query(lo, hi int, parent *scope) (string, error) {
	var b strings.Builder
	from, arms := lo, 1
	for i := range r.top(lo, hi) {
		if r.toks[i].is("union", "intersect", "minus") {
			arms++
		}
	}
	arm := func(lo, hi int) error {
		s, err := r.arm(lo, hi, parent)
		if arms > 1 && strings.Contains(s, " LIMIT ") {
			s = "SELECT * FROM (" + s + ")"
		}
		b.WriteString(s)
		return err
	}
	for i := range r.top(lo, hi) {
		if i < from || !r.toks[i].is("union", "intersect", "minus") {
			continue
		}
		if err := arm(from, i); err != nil {
			return "", err
		}
		op := strings.ToUpper(strings.Replace(r.toks[i].text, "minus", "except", 1))
		from = i + 1
		if r.at(from, hi).is("all") {
			op, from = op+" ALL", from+1
		}
		b.WriteString(" " + op + " ")
	}
	if err := arm(from, hi); err != nil {
		return "", err
	}
	return b.String(), nil
}

// clauses of a SELECT, in their order.
var clauseWords = [...]string{"select", "from", "where", "group", "having", "order", "fetch"}

// arm is a single SELECT.
func (r *rewriter) arm(lo, hi int, parent *scope) (string, error) {
	if !r.at(lo, hi).is("select") {
		return "", unsupported
	}
	// start of each clause, and its end at the start of the next
	starts, last := map[string]int{"select": lo}, 0
	bounds := []int{lo}
	for i := range r.top(lo+1, hi) {
		t := r.toks[i]
		if t.is("limit", "offset", "with", "for", "connect", "start") && !r.at(i-1, hi).is(".", "as") && !r.at(i+1, hi).is("(", ".") {
			return "", unsupported
		}
		for n, w := range clauseWords {
			if n == 0 || !t.is(w) || r.at(i-1, hi).is(".", "within", "as") {
				continue
			}
			if n <= last {
				return "", unsupported
			}
			last, starts[w] = n, i
			bounds = append(bounds, i)
		}
	}
	bounds = append(bounds, hi)
	part := func(w string) (int, int) {
		s, ok := starts[w]
		if !ok {
			return 0, 0
		}
		for i, b := range bounds {
			if b == s {
				return s + 1, bounds[i+1]
			}
		}
		return 0, 0
	}
	if _, ok := starts["from"]; !ok {
		return "", unsupported
	}

	sc := &scope{parent: parent}
	flo, fhi := part("from")
	wlo, whi := part("where")
	segments, err := r.sources(flo, fhi, sc, r.listed(flo, fhi, wlo, whi))
	if err != nil {
		return "", err
	}
	slo, shi := part("select")
	list, err := r.expr(slo, shi, sc, true)
	if err != nil {
		return "", err
	}
	from, err := r.render(segments, sc)
	if err != nil {
		return "", err
	}

	rownum := -1
	var where string
	if whi > 0 {
		var at int
		if rownum, at, err = r.rownum(wlo, whi); err != nil {
			return "", err
		}
		if rownum < 0 {
			where, err = r.expr(wlo, whi, sc, false)
		} else {
			where, err = r.without(wlo, whi, at, sc)
		}
		if err != nil {
			return "", err
		}
	}
	tail := ""
	for _, c := range []struct{ word, sql string }{{"group", " GROUP "}, {"having", " HAVING "}, {"order", " ORDER "}} {
		if clo, chi := part(c.word); chi > 0 {
			s, err := r.expr(clo, chi, sc, false)
			if err != nil {
				return "", err
			}
			tail += c.sql + s
		}
	}
	limit := ""
	if clo, chi := part("fetch"); chi > 0 { // FETCH FIRST n ROWS ONLY
		n := r.at(clo+1, chi)
		if chi-clo != 4 || !r.at(clo, chi).is("first", "next") || n.kind != number || !r.at(clo+2, chi).is("rows", "row") || !r.at(clo+3, chi).is("only") {
			return "", unsupported
		}
		limit = " LIMIT " + n.text
	}

	if rownum >= 0 {
		// ROWNUM counts before the sort and before the grouping (contract
		// 2.3): the rows are cut in a subquery of their own, which can be
		// said of one table only.
		simple := tail == "" && limit == "" && !r.aggregates(slo, shi)
		switch {
		case simple:
			limit = " LIMIT " + strconv.Itoa(rownum)
		case len(sc.sources) == 1 && sc.sources[0].table != nil:
			a := sc.sources[0].alias
			from = fmt.Sprintf("(SELECT * FROM %q AS %q WHERE %s LIMIT %d) AS %q", sc.sources[0].table.name, a, where, rownum, a)
			where = ""
		default:
			return "", unsupported
		}
	}
	if where != "" {
		where = " WHERE " + where
	}
	return "SELECT " + list + " FROM " + from + where + tail + limit, nil
}
