package netsuitetest

import (
	"fmt"
	"strings"
)

// function is an entry of the list of contract 2.3: how many arguments it
// takes and what SQLite calls it.
type function struct {
	min, max int
	sqlite   string
}

// functions that SuiteQL allows here. Names with "suiteql_" are in sqlite.go.
func allowed(name string) (function, bool) {
	switch name {
	case "abs", "upper", "lower", "length", "ceil", "floor", "sign":
		return function{1, 1, name}, true
	case "round", "ltrim", "rtrim", "trim":
		return function{1, 2, name}, true
	case "min", "max", "count":
		return function{1, 1, name}, true
	case "sum", "avg":
		return function{1, 1, "suiteql_" + name}, true
	case "coalesce":
		return function{2, 100, name}, true
	case "nvl":
		return function{2, 2, "coalesce"}, true
	case "nvl2":
		return function{3, 3, "suiteql_nvl2"}, true
	case "nullif", "instr":
		return function{2, 2, name}, true
	case "substr":
		return function{2, 3, name}, true
	case "replace":
		return function{3, 3, name}, true
	case "concat":
		return function{2, 2, name}, true
	case "mod":
		return function{2, 2, name}, true
	case "greatest":
		return function{2, 100, "max"}, true
	case "least":
		return function{2, 100, "min"}, true
	case "decode":
		return function{3, 100, "suiteql_decode"}, true
	case "to_char", "trunc":
		return function{1, 2, "suiteql_" + name}, true
	case "to_date", "to_timestamp":
		return function{2, 2, "suiteql_to_date"}, true
	case "to_number", "sys_extract_utc":
		return function{1, 1, "suiteql_" + name}, true
	case "row_number", "rank", "dense_rank":
		return function{0, 0, name}, true
	}
	return function{}, false
}

// call rewrites the function call at i; end is the index of its last token.
func (r *rewriter) call(i, hi int, sc *scope) (sql string, end int, err error) {
	name, lo, end := r.toks[i].text, i+2, r.match[i+1]
	if r.hideFns[name] {
		return "", 0, unsupported
	}
	if name == "listagg" {
		return r.listagg(lo, end, hi, sc)
	}
	if name == "cast" { // CAST(x AS type)
		return "", 0, unsupported
	}
	f, ok := allowed(name)
	n := r.commas(lo, end) + 1
	if lo == end {
		n = 0
	}
	if !ok || n < f.min || n > f.max {
		return "", 0, unsupported
	}
	if name == "count" && end == lo+1 && r.toks[lo].is("*") {
		return "count(*)", end, nil
	}
	args, err := r.expr(lo, end, sc, false)
	if err != nil {
		return "", 0, err
	}
	return f.sqlite + "(" + args + ")", end, nil
}

// listagg is LISTAGG(x, sep) WITHIN GROUP (ORDER BY y) as group_concat.
func (r *rewriter) listagg(lo, end, hi int, sc *scope) (string, int, error) {
	args, err := r.expr(lo, end, sc, false)
	if err != nil {
		return "", 0, err
	}
	if r.commas(lo, end) == 0 {
		args += ", ''"
	}
	if !r.at(end+1, hi).is("within") || !r.at(end+2, hi).is("group") || !r.at(end+3, hi).is("(") {
		return fmt.Sprintf("group_concat(%s)", args), end, nil
	}
	order, err := r.expr(end+4, r.match[end+3], sc, false)
	if err != nil {
		return "", 0, err
	}
	if strings.HasPrefix(args, "DISTINCT ") { // SQLite takes no separator with DISTINCT
		return "", 0, unsupported
	}
	return fmt.Sprintf("group_concat(%s %s)", args, order), r.match[end+3], nil
}
