package netsuite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOptionalColumns(t *testing.T) {
	t.Parallel()
	const q = "SELECT t.id{t.terms:, t.terms, BUILTIN.DF(t.terms) AS termsname}{ml.subsidiary:, ml.subsidiary} FROM transaction t{ml.subsidiary: JOIN line ml}"
	full, noTerms, bare := "SELECT t.id, t.terms, BUILTIN.DF(t.terms) AS termsname, ml.subsidiary FROM transaction t JOIN line ml",
		"SELECT t.id, ml.subsidiary FROM transaction t JOIN line ml", "SELECT t.id FROM transaction t"
	lacks := func(columns ...string) func(int, string) reply {
		return func(_ int, q string) reply {
			for _, c := range columns {
				if strings.Contains(q, c) {
					return problem(400, "INVALID_PARAMETER", unprocessed+"Unknown identifier '"+strings.ToUpper(c)+"'. Available identifiers are: {t=t}")
				}
			}
			return reply{}
		}
	}
	for _, c := range []struct {
		name  string
		query func(int, string) reply
		kind  error
		want  []string // statements of two reads
	}{
		{"all there", lacks(), nil, []string{full, full}},
		{"one missing", lacks("terms"), nil, []string{full, noTerms, noTerms}},
		{"two missing", lacks("terms", "subsidiary"), nil, []string{full, noTerms, bare, bare}},
		{"named with its alias", lacks("t.terms"), nil, []string{full, noTerms, noTerms}},
		{"one that cannot be spared", lacks("t.id"), ErrHidden, []string{full, full}},
		{"refused although left out", func(int, string) reply {
			return problem(400, "X", unprocessed+"Field 'terms' for record 'transaction' was not found.")
		}, ErrHidden, []string{full, noTerms, noTerms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &upstream{query: c.query}
			cl, _ := dial(t, u)
			for range 2 {
				_, err := cl.rows(t.Context(), "test", q)
				if c.kind != nil {
					_ = asError(t, err, c.kind)
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(u.asked, c.want); d != "" {
				t.Errorf("statements (-got +want)\n%s", d)
			}
		})
	}
	t.Run("of one table only", func(t *testing.T) {
		cl, _ := dial(t, &upstream{})
		if !cl.refuse("{v.expenseaccount:, v.expenseaccount}", "expenseaccount") {
			t.Fatal("not refused")
		}
		if got := cl.compose("SELECT 1{tl.expenseaccount:, tl.expenseaccount}{v.expenseaccount:, x}"); got != "SELECT 1, tl.expenseaccount" {
			t.Errorf("got %q", got)
		}
	})
}
