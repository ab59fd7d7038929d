package reconcile

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// amount is what an account carries, debit positive, in base currency and in
// the document's own.
type amount struct {
	account   string
	base, doc decimal.Decimal
	rows      int // ledger rows that it sums, for the tolerance of rounding
}

// vector is the amounts of a document by account, each account once.
type vector []amount

func (v *vector) add(account string, base, doc decimal.Decimal, rows int) {
	for i := range *v {
		if a := &(*v)[i]; a.account == account {
			a.base, a.doc, a.rows = a.base.Add(base), a.doc.Add(doc), a.rows+rows
			return
		}
	}
	*v = append(*v, amount{account, base, doc, rows})
}

func (v *vector) addAll(w vector) {
	for _, a := range w {
		v.add(a.account, a.base, a.doc, a.rows)
	}
}

// less is v - w; the rows of both count.
func (v vector) less(w vector) vector {
	out := slices.Clone(v)
	for _, a := range w {
		out.add(a.account, a.base.Neg(), a.doc.Neg(), a.rows)
	}
	slices.SortFunc(out, func(a, b amount) int { return strings.Compare(a.account, b.account) })
	return out
}

func (v vector) negated() vector { return vector(nil).less(v) }

func (v vector) of(account string) amount {
	for _, a := range v {
		if a.account == account {
			return a
		}
	}
	return amount{account: account}
}

// zero reports whether nothing is left on any account.
func (v vector) zero() bool { return v.zeroBase() && v.zeroDoc() }

func (v vector) zeroBase() bool {
	return !slices.ContainsFunc(v, func(a amount) bool { return !a.base.IsZero() })
}

func (v vector) zeroDoc() bool {
	return !slices.ContainsFunc(v, func(a amount) bool { return !a.doc.IsZero() })
}

// cent is the smallest amount that Cin7 posts.
var cent = decimal.New(1, -2)

// rounded reports whether no account differs by more than half a cent on each
// side for every row, in base currency; in document currency too when doc is
// set.
func (v vector) rounded(doc bool) bool {
	for _, a := range v {
		most := cent.Mul(decimal.NewFromInt(int64(max(a.rows, 1))))
		if a.base.Abs().GreaterThan(most) || doc && a.doc.Abs().GreaterThan(most) {
			return false
		}
	}
	return true
}
