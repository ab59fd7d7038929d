package handlers

import (
	"sort"

	"github.com/shopspring/decimal"
)

// minorDigits is the number of decimals of a currency (ISO 4217). Cin7 keeps
// line totals with two (contract cin7 9), so three-decimal currencies are
// rounded there and parked when that loses anything.
func minorDigits(currency string) int32 {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// lineTotal is what Cin7 computes for a line: quantity x price, rounded half
// away from zero to two decimals (contract cin7 9).
func lineTotal(quantity, price decimal.Decimal) decimal.Decimal {
	return quantity.Mul(price).Round(2)
}

// unitPrice finds a price with at most four decimals whose line total is
// exactly amount. ok is false when there is none: then the line cannot be
// expressed and the caller says so.
func unitPrice(amount, quantity decimal.Decimal) (price decimal.Decimal, ok bool) {
	if quantity.IsZero() {
		return decimal.Zero, false
	}
	price = amount.DivRound(quantity, 4)
	return price, lineTotal(quantity, price).Equal(amount)
}

// spread divides total over the weights so that the parts sum to total
// exactly, each a whole number of units of the given decimals; what is left
// over by rounding goes to the largest remainders, first come first on ties.
// All weights zero: everything goes to the first part. The total must itself
// have no more than the given decimals.
func spread(total decimal.Decimal, weights []decimal.Decimal, digits int32) []decimal.Decimal {
	parts := make([]decimal.Decimal, len(weights))
	if len(weights) == 0 {
		return parts
	}
	sum := decimal.Zero
	for _, w := range weights {
		sum = sum.Add(w.Abs())
	}
	if sum.IsZero() {
		parts[0] = total
		for i := range parts[1:] {
			parts[i+1] = decimal.Zero
		}
		return parts
	}
	unit := decimal.New(1, -digits)
	type rest struct {
		at   int
		frac decimal.Decimal
	}
	rests := make([]rest, len(weights))
	given := decimal.Zero
	for i, w := range weights {
		exact := total.Mul(w.Abs()).DivRound(sum, digits+16)
		parts[i] = exact.Truncate(digits)
		given = given.Add(parts[i])
		rests[i] = rest{i, exact.Sub(parts[i]).Abs()}
	}
	sort.SliceStable(rests, func(i, j int) bool { return rests[i].frac.GreaterThan(rests[j].frac) })
	left := total.Sub(given)
	if left.IsNegative() {
		unit = unit.Neg()
	}
	for i := 0; left.Abs().GreaterThanOrEqual(unit.Abs()) && i < len(rests); i++ {
		parts[rests[i].at] = parts[rests[i].at].Add(unit)
		left = left.Sub(unit)
	}
	// A total with more decimals than asked for leaves a rest below one unit.
	parts[rests[0].at] = parts[rests[0].at].Add(left)
	return parts
}

// sumOf adds up what f gives for each element.
func sumOf[T any](list []T, f func(T) decimal.Decimal) decimal.Decimal {
	s := decimal.Zero
	for _, e := range list {
		s = s.Add(f(e))
	}
	return s
}
