package netsuitetest

import "strconv"

// rownum finds ROWNUM <= n among the conditions; at is its index, n is -1
// when there is none.
func (r *rewriter) rownum(lo, hi int) (n, at int, err error) {
	n = -1
	either := false
	for i := range r.top(lo, hi) {
		either = either || r.toks[i].is("or")
		if !r.toks[i].is("rownum") {
			continue
		}
		v, convErr := strconv.Atoi(r.at(i+2, hi).text)
		op := r.at(i+1, hi)
		switch {
		case n >= 0 || convErr != nil || !op.is("<=", "<", "="):
			return 0, 0, unsupported
		case op.is("<"):
			v--
		case op.is("=") && v != 1: // the first row is never the second
			v = 0
		}
		n, at = max(v, 0), i
	}
	if n >= 0 && either {
		return 0, 0, unsupported
	}
	return n, at, nil
}

// without is the condition with the three tokens of ROWNUM <= n made true.
func (r *rewriter) without(lo, hi, at int, sc *scope) (string, error) {
	before, err := r.expr(lo, at, sc, false)
	if err != nil {
		return "", err
	}
	after, err := r.expr(at+3, hi, sc, false)
	return before + " 1 = 1 " + after, err
}

func (r *rewriter) aggregates(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if r.toks[i].is("count", "sum", "min", "max", "avg", "listagg", "distinct") {
			return true
		}
	}
	return false
}
