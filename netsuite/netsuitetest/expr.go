package netsuitetest

import (
	"fmt"
	"strings"
)

// keywords may stand in an expression and mean the same in SQLite.
const keywords = " and or not in is null like between case when then else end distinct as asc desc nulls first last exists all any escape over partition by order "

func keyword(t token) bool {
	return t.kind == word && strings.Contains(keywords, " "+t.text+" ")
}

// endsOperand tells that a value is complete with t, so that a word after it
// can only be an alias.
func endsOperand(t token) bool {
	return t.kind == number || t.kind == text || t.kind == quoted || t.is(")", "end", "null", "*") || t.kind == word && !keyword(t)
}

// expr rewrites a run of expressions. In the select list it learns the aliases.
func (r *rewriter) expr(lo, hi int, sc *scope, list bool) (string, error) {
	var b strings.Builder
	emit := func(s string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	for i := lo; i < hi; i++ {
		t, prev, next := r.toks[i], r.at(i-1, hi), r.at(i+1, hi)
		if i == lo {
			prev = token{}
		}
		switch {
		case t.is("("):
			end := r.match[i]
			inner, err := r.parens(i+1, end, prev, sc)
			if err != nil {
				return "", err
			}
			emit("(" + inner + ")")
			i = end
		case t.kind == number || t.kind == text:
			emit(t.text)
		case t.kind == punct:
			switch t.text {
			case "/": // a number is never an integer in Oracle
				emit("* 1.0 /")
			case "^=":
				emit("<>")
			case ".", "?": // bind parameters are not for the REST body (contract 2.1)
				return "", unsupported
			default:
				emit(t.text)
			}
		case list && prev.is("as") || list && endsOperand(prev) && (t.kind == quoted || t.kind == word && !keyword(t)):
			alias := strings.ToLower(t.text)
			if !prev.is("as") {
				emit("AS")
			}
			sc.outputs = append(sc.outputs, alias)
			emit(fmt.Sprintf("%q", alias))
		case t.is("builtin") && next.is("."):
			if !r.at(i+2, hi).is("df") || !r.at(i+3, hi).is("(") {
				return "", unsupported
			}
			df, err := r.display(i+4, r.match[i+3], sc)
			if err != nil {
				return "", err
			}
			emit(df)
			i = r.match[i+3]
		case t.kind == word && next.is("(") && !keyword(t):
			call, end, err := r.call(i, hi, sc)
			if err != nil {
				return "", err
			}
			emit(call)
			i = end
		case t.kind == word && next.is("."):
			name := r.at(i+2, hi)
			if name.is("*") {
				emit(fmt.Sprintf("%q.*", t.text))
				i += 2
				continue
			}
			if name.kind != word {
				return "", unsupported
			}
			src, err := sc.qualified(t.text, name.text)
			if err != nil {
				return "", err
			}
			if err := r.comparable(src, name.text, i+3, hi); err != nil {
				return "", err
			}
			emit(fmt.Sprintf("%q.%q", t.text, name.text))
			i += 2
		case t.is("date", "timestamp") && next.kind == text, t.is("rownum", "current_date", "current_timestamp", "systimestamp"):
			return "", unsupported // no date literals (contract 2.3); CURRENT_DATE fails (4.1)
		case t.is("sysdate"):
			if next.is("+", "-") {
				return "", unsupported
			}
			emit("'" + instant(r.now) + "'")
		case keyword(t):
			emit(strings.ToUpper(t.text))
		default:
			src, err := sc.bare(strings.ToLower(t.text))
			if err != nil {
				return "", err
			}
			if err := r.comparable(src, t.text, i+1, hi); err != nil {
				return "", err
			}
			emit(fmt.Sprintf("%q", strings.ToLower(t.text)))
		}
	}
	return b.String(), nil
}

// parens is what stands between two parentheses that are no call.
func (r *rewriter) parens(lo, hi int, before token, sc *scope) (string, error) {
	if r.at(lo, hi).is("select") {
		return r.query(lo, hi, sc)
	}
	if r.at(lo, hi).is("+") && hi == lo+1 { // (+) cannot be mixed with ANSI joins; here it is not known at all
		return "", unsupported
	}
	if before.is("in") && r.commas(lo, hi)+1 > maxIn {
		return "", unsupported
	}
	return r.expr(lo, hi, sc, false)
}

func (r *rewriter) commas(lo, hi int) int {
	n := 0
	for i := range r.top(lo, hi) {
		if r.toks[i].is(",") {
			n++
		}
	}
	return n
}

// comparable refuses a date column next to a text literal or to arithmetic: an
// ISO string compared directly is not valid SuiteQL (contract 4.1).
func (r *rewriter) comparable(src source, column string, i, hi int) error {
	if src.table == nil {
		return nil
	}
	if k := src.table.kind[strings.ToLower(column)]; k != 'D' && k != 'T' {
		return nil
	}
	op, value := r.at(i, hi), r.at(i+1, hi)
	if op.is("+", "-") || op.is("=", "<", ">", "<=", ">=", "<>", "!=", "between") && value.kind == text {
		return unsupported
	}
	return nil
}

// display is BUILTIN.DF of a column.
func (r *rewriter) display(lo, hi int, sc *scope) (string, error) {
	var src source
	var col string
	var err error
	switch {
	case hi-lo == 3 && r.toks[lo+1].is("."):
		col = r.toks[lo+2].text
		src, err = sc.qualified(r.toks[lo].text, col)
	case hi-lo == 1:
		col = r.toks[lo].text
		src, err = sc.bare(col)
	default:
		return "", unsupported
	}
	if err != nil {
		return "", err
	}
	ref := fmt.Sprintf("%q.%q", src.alias, col)
	if src.table == nil {
		return ref, nil
	}
	if sel := r.catalog.display[src.table.name+"."+col]; sel != "" {
		return "(" + fmt.Sprintf(sel, `"`+src.alias+`"`) + ")", nil
	}
	if src.table.kind[col] == 'B' {
		return "CASE " + ref + " WHEN 'T' THEN 'Yes' WHEN 'F' THEN 'No' END", nil
	}
	return ref, nil
}
