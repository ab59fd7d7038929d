package handlers

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/tenant"
)

// roundingKey is the key of sync.mapping.charges that names the service
// product of a rounding adjustment. Without it nothing is adjusted.
const roundingKey = "rounding"

// adjustment collects what lines cannot express: Cin7 computes a line as
// quantity x price with four decimals, so 100.00 for 7000 pieces has no price.
// Then the price is rounded down and the cents that are missing become one
// named charge on the same account (M5).
type adjustment struct {
	amount decimal.Decimal
	code   string // Cin7 account of the lines; "" on orders
	lines  int    // lines that it completes
}

// roundDown is the highest price with four decimals whose line total is at
// most amount, and what is then missing.
func roundDown(amount, quantity decimal.Decimal) (price, missing decimal.Decimal) {
	price = amount.DivRound(quantity, 16).Truncate(4)
	return price, amount.Sub(lineTotal(quantity, price))
}

// take adds a line's missing cents. ok is false when they cannot be part of
// the adjustment: it is posted to one account.
func (a *adjustment) take(missing decimal.Decimal, code string) (ok bool) {
	if a.lines > 0 && a.code != code {
		return false
	}
	a.amount, a.code, a.lines = a.amount.Add(missing), code, a.lines+1
	return true
}

// charge is the named line of the adjustment, for a document of n lines. More
// than a cent a line is no rounding.
func (a *adjustment) charge(t *tenant.Tenant, refs *reference, rule, where string, n int) (*cin7.Charge, *Problem) {
	if a.amount.IsZero() {
		return nil, nil
	}
	if most := cent.Mul(decimal.NewFromInt(int64(n))); a.amount.GreaterThan(most) {
		return nil, problem(ParkUnbalanced, "split the lines in NetSuite so that their prices have at most four decimals",
			"%s: %d of its %d lines have no price with four decimals, %s would be missing; at most %s may be rounded", where, a.lines, n, money(a.amount), money(most))
	}
	product, ok := refs.Services[fold(t.Sync.Mapping.Charges[roundingKey])]
	if !ok {
		return nil, problem(ParkUnknownCharge, "create the service product in Cin7, or correct sync.mapping.charges",
			"%s: Cin7 has no active service product %q for the rounding of %s", where, t.Sync.Mapping.Charges[roundingKey], money(a.amount))
	}
	c := cin7.Charge{Description: product.Name, Reference: fmt.Sprintf("rounding of %d lines", a.lines), Quantity: cin7.NewNumber(decimal.New(1, 0)),
		Price: cin7.NewNumber(a.amount), TaxRule: rule, Account: a.code, Total: cin7.NewNumber(a.amount)}
	return &c, nil
}

// inCents brings amounts that are finer than a cent (dinars have three
// decimals) to cents without changing their sum, which must be in cents: what
// rounding leaves over goes to the largest remainders.
func inCents(amounts []decimal.Decimal) []decimal.Decimal {
	coarse := true
	for _, a := range amounts {
		coarse = coarse && a.Round(2).Equal(a)
	}
	if coarse {
		return amounts
	}
	out := make([]decimal.Decimal, len(amounts))
	left := decimal.Zero
	for i, a := range amounts {
		out[i] = a.RoundFloor(2)
		left = left.Add(a.Sub(out[i]))
	}
	for left.GreaterThanOrEqual(cent) {
		at := -1
		for i, a := range amounts {
			if at < 0 || a.Sub(out[i]).GreaterThan(amounts[at].Sub(out[at])) {
				at = i
			}
		}
		out[at] = out[at].Add(cent)
		left = left.Sub(cent)
	}
	return out
}
