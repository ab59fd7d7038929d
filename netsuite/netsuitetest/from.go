package netsuitetest

import (
	"fmt"
	"strings"
)

// segment of a FROM clause: text that is ready, or an ON condition that waits
// until all sources are known.
type segment struct {
	sql    string
	lo, hi int
}

func (r *rewriter) render(segments []segment, sc *scope) (string, error) {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(s.sql)
		if s.hi > 0 {
			on, err := r.expr(s.lo, s.hi, sc, false)
			if err != nil {
				return "", err
			}
			b.WriteString(on)
		}
	}
	return b.String(), nil
}

// listed reports whether WHERE names rows of the first source one by one:
// alias.column IN (1, 2, ...).
func (r *rewriter) listed(flo, fhi, wlo, whi int) bool {
	alias := r.at(flo, fhi)
	if t := r.at(flo+1, fhi); t.kind == word && !t.is("as", "inner", "left", "right", "full", "cross", "join", "on", "natural") {
		alias = t
	}
	for i := wlo; i < whi; i++ {
		if r.toks[i].kind == word && strings.EqualFold(r.toks[i].text, alias.text) && r.at(i+1, whi).is(".") && r.at(i+3, whi).is("in") && r.at(i+5, whi).kind == number {
			return true
		}
	}
	return false
}

// sources reads a FROM clause into the scope. inOrder joins as it is written:
// left to itself, SQLite would multiply all documents of a type with the named
// ones before it looks at the lines between them.
func (r *rewriter) sources(lo, hi int, sc *scope, inOrder bool) ([]segment, error) {
	var out []segment
	i := lo
	for {
		// one table or subquery
		var src source
		switch t := r.at(i, hi); {
		case t.is("(") && r.at(i+1, hi).is("select"):
			sub, err := r.query(i+1, r.match[i], sc.parent)
			if err != nil {
				return nil, err
			}
			out = append(out, segment{sql: "(" + sub + ")"})
			i = r.match[i] + 1
		case t.kind == word:
			found, err := r.catalog.lookup(t.text)
			if err != nil {
				return nil, err
			}
			src.table, src.alias = found, t.text
			out = append(out, segment{sql: fmt.Sprintf("%q", found.name)})
			i++
		default:
			return nil, unsupported
		}
		if r.at(i, hi).is("as") {
			i++
		}
		if t := r.at(i, hi); t.kind == quoted || t.kind == word && !t.is("inner", "left", "right", "full", "cross", "join", "on", "natural") {
			src.alias = strings.ToLower(t.text)
			i++
		}
		if src.alias != "" {
			out = append(out, segment{sql: fmt.Sprintf(" AS %q", src.alias)})
		}
		sc.sources = append(sc.sources, src)

		if r.at(i, hi).is("on") {
			end := i + 1
			for j := range r.top(i+1, hi) {
				if r.toks[j].is(",", "inner", "left", "right", "full", "cross", "join") {
					break
				}
				end = j + 1
				if r.toks[j].is("(") {
					end = r.match[j] + 1
				}
			}
			out = append(out, segment{sql: " ON "}, segment{lo: i + 1, hi: end})
			i = end
		}
		if i >= hi {
			return out, nil
		}
		join := ""
		for r.at(i, hi).is(",", "inner", "left", "right", "full", "outer", "cross", "join") {
			t := r.toks[i]
			join += " " + strings.ToUpper(t.text)
			i++
			if t.is(",", "join") {
				break
			}
		}
		if join == "" {
			return nil, unsupported
		}
		if inOrder && (join == " JOIN" || join == " INNER JOIN") {
			join = " CROSS JOIN"
		}
		out = append(out, segment{sql: join + " "})
	}
}
