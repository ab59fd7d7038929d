package reconcile

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// What is kept of a document comes back as it was: each account, its rows, and
// each amount to its last digit and exponent, however large or small.
func TestPackedIsTheVector(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) decimal.Decimal {
			return rapid.OneOf(
				rapid.Map(rapid.Int64(), func(n int64) decimal.Decimal { return decimal.New(n, -2) }),
				rapid.Map(rapid.Int64(), func(n int64) decimal.Decimal { return decimal.New(n, 3) }),
				rapid.Map(rapid.StringMatching(`-?[0-9]{1,60}\.[0-9]{1,30}`), decimal.RequireFromString),
				rapid.Map(rapid.Int32Range(-20000, 20000), func(e int32) decimal.Decimal { return decimal.New(7, e) }),
				rapid.Just(decimal.Decimal{}),
			).Draw(t, "number")
		})
		in := newAccountNumbers()
		var want vector
		p := packed{in: in}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			account, base, doc, rows := rapid.SampledFrom([]string{"", "2000", "1200", "NetSuite 6990 Sundry \x00 Penalties"}).Draw(t, "account"), number.Draw(t, "base"), number.Draw(t, "doc"), rapid.IntRange(-1, 300).Draw(t, "n")
			if base.Exponent() > 100 || doc.Exponent() > 100 || base.Exponent() < -100 || doc.Exponent() < -100 {
				want = append(want, amount{account, base, doc, rows}) // a sum would have as many digits as the exponents are apart
				p = in.pack(want)
				continue
			}
			want.add(account, base, doc, rows)
			p.add(account, base, doc, rows)
			if len(p.vector()) != len(want) {
				p = in.pack(want)
			}
		}
		got := p.vector()
		if len(got) != len(want) {
			t.Fatalf("got %d accounts, want %d", len(got), len(want))
		}
		for i, g := range got {
			w := want[i]
			if g.account != w.account || g.rows != w.rows || g.base.Cmp(w.base) != 0 || g.doc.Cmp(w.doc) != 0 || g.base.Exponent() != w.base.Exponent() || g.doc.Exponent() != w.doc.Exponent() {
				t.Fatalf("account %d: got %+v, want %+v", i, g, w)
			}
		}
	})
}
