package handlers

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// The invariants of money. Each is a test of the same name in balance_test.go.
//
//	M1  lines + tax = total, in the bill's currency                     checkTotal
//	M2  the same in base currency                                       checkBase
//	M3  each line's base amount is its amount x rate, within rounding   checkLineRates
//	M4  debits = credits                                                checkBase
//	M5  a rounding adjustment is one named line, at most a cent a line  rounding.go
//	M6  never partly posted: drafts are read back before they are authorised, one call posts   purchase.go
//	M7  what Cin7 keeps is what was planned, to the cent                diff.go
//	M8  zero, negative, 0 and 3 decimals, with and without tax          all of these
//	M9  above the tenant's ceiling a posting waits for a person         checkCeiling

// statement is a bill added up: the lines that go to Cin7, and its sums in the
// bill's currency.
type statement struct {
	lines    []netsuite.BillLine // without tax, without rows that say nothing
	net, tax decimal.Decimal
	implied  bool // the tax is in no rows: see impliedTax
}

// cent is the unit that Cin7 keeps totals in, in every currency (contract cin7 9).
var cent = decimal.New(1, -2)

// addUp checks a bill against itself and against the company it goes to, and
// returns its sums. It is done before anything is written: a bill that
// contradicts itself is parked with both numbers. rule is the tax rule of
// bills whose tax NetSuite does not keep in rows.
func addUp(t *tenant.Tenant, refs *reference, rule string, b netsuite.Bill) (statement, *Problem) {
	var s statement
	for _, l := range b.Lines {
		switch {
		case l.Kind == netsuite.LineTax:
			s.tax = s.tax.Add(l.Amount)
		case l.Amount.IsZero() && l.Quantity.IsZero():
			// a description or a subtotal
		default:
			s.lines = append(s.lines, l)
			s.net = s.net.Add(l.Amount)
		}
	}
	if tax := impliedTax(refs, rule, b); !tax.IsZero() {
		s.tax, s.implied = tax, true
	}
	for _, check := range []func() *Problem{
		func() *Problem { return checkTotal(b, s) },
		func() *Problem { return checkDecimals(b, s) },
		func() *Problem { return checkRate(refs, b) },
		func() *Problem { return checkBase(b, s) },
		func() *Problem { return checkLineRates(t, b) },
		func() *Problem { return checkCeiling(t, b) },
	} {
		if p := check(); p != nil {
			return statement{}, p
		}
	}
	return s, nil
}

// checkTotal is M1: what the lines and the tax say must be what the header says.
func checkTotal(b netsuite.Bill, s statement) *Problem {
	if sum := s.net.Add(s.tax); !sum.Equal(b.Total) {
		return problem(ParkUnbalanced, "check the bill in NetSuite; if it is right, the integration role may not see all lines",
			"bill %s: lines %s and tax %s sum to %s %s, the total is %s", billNumber(b), money(s.net), money(s.tax), money(sum), b.Currency, money(b.Total))
	}
	if len(s.lines) == 0 {
		return problem(ParkUnbalanced, "add lines to the bill in NetSuite", "bill %s has no lines", billNumber(b))
	}
	return nil
}

// checkDecimals: Cin7 keeps two decimals in every currency, so a sum with a
// third one (as dinars have) cannot be kept to the minor unit.
func checkDecimals(b netsuite.Bill, s statement) *Problem {
	for _, v := range []struct {
		what   string
		amount decimal.Decimal
	}{{"lines", s.net}, {"tax", s.tax}} {
		if kept := v.amount.Round(2); !kept.Equal(v.amount) {
			return problem(ParkUnbalanced, "enter the bill in Cin7 by hand and skip this record: Cin7 keeps two decimals",
				"bill %s: its %s sum to %s %s, of which Cin7 would keep %s", billNumber(b), v.what, v.amount, b.Currency, kept.StringFixed(2))
		}
	}
	return nil
}

// checkRate: a bill in the base currency has the rate 1. Both base currencies
// must be the same, else every rate is about something else.
func checkRate(refs *reference, b netsuite.Bill) *Problem {
	one := decimal.New(1, 0)
	switch {
	case !b.ExchangeRate.IsPositive():
		return problem(ParkUnbalanced, "correct the exchange rate of the bill in NetSuite",
			"bill %s is in %s with the exchange rate %s; a rate is above 0", billNumber(b), b.Currency, b.ExchangeRate)
	case refs.Me.Currency == b.Currency && !b.ExchangeRate.Equal(one):
		return problem(ParkCurrencyMismatch, "check the base currency of the subsidiary in NetSuite and of the company in Cin7; they must be the same",
			"bill %s is in %s, the base currency of Cin7, but NetSuite converts it at %s", billNumber(b), b.Currency, b.ExchangeRate)
	}
	return nil
}

// ledger reports whether NetSuite shows what a bill posts in base currency.
func ledger(b netsuite.Bill) bool {
	if !b.PayableBase.IsZero() {
		return true
	}
	for _, l := range b.Lines {
		if !l.BaseAmount.IsZero() {
			return true
		}
	}
	return false
}

// checkBase is M2 and M4: in base currency the lines and the tax are what is
// owed, debits are credits.
func checkBase(b netsuite.Bill, s statement) *Problem {
	if !ledger(b) {
		return nil
	}
	debits := sumOf(b.Lines, func(l netsuite.BillLine) decimal.Decimal { return l.BaseAmount })
	sum := debits.Add(b.PayableBase)
	if s.implied {
		// The tax has no row; what is missing must be the tax.
		tax := s.tax.Mul(b.ExchangeRate)
		if sum.Add(tax).Abs().LessThanOrEqual(rateTolerance(b.Total).Add(spare(b))) {
			return nil
		}
	}
	if !sum.IsZero() {
		return problem(ParkUnbalanced, "check the GL impact of the bill in NetSuite; if it is right, the integration role may not see all lines",
			"bill %s: its lines post %s in base currency, %s is owed", billNumber(b), money(debits), money(b.PayableBase.Neg()))
	}
	return nil
}

// rateTolerance is how far a line's base amount may be from amount x rate: a
// cent of rounding, and a rate that NetSuite shows with few decimals (M3).
func rateTolerance(amount decimal.Decimal) decimal.Decimal {
	return cent.Add(amount.Abs().Mul(decimal.New(5, -5)))
}

// spare is what rounding the lines of a bill can leave over: half a cent each.
func spare(b netsuite.Bill) decimal.Decimal {
	return cent.Mul(decimal.NewFromInt(int64(len(b.Lines)))).Div(decimal.NewFromInt(2))
}

// checkLineRates is M3. NetSuite puts what rounding leaves over onto one line,
// so a line may also be off by a cent for each line of the bill. Books other
// than the primary one have rates of their own, which the header does not show.
func checkLineRates(t *tenant.Tenant, b netsuite.Bill) *Problem {
	if !ledger(b) || t.NetSuite.AccountingBook > 1 {
		return nil
	}
	for _, l := range b.Lines {
		expected := l.Amount.Mul(b.ExchangeRate)
		if off := l.BaseAmount.Sub(expected).Abs(); off.GreaterThan(rateTolerance(l.Amount).Add(spare(b))) {
			return problem(ParkUnbalanced, "check the exchange rate and the GL impact of the bill in NetSuite",
				"bill %s line %d: %s %s at %s are %s, it posts %s in base currency", billNumber(b), l.Number, money(l.Amount), b.Currency, b.ExchangeRate,
				money(expected.Round(2)), money(l.BaseAmount))
		}
	}
	return nil
}

// checkCeiling is M9: above the ceiling a person looks first.
func checkCeiling(t *tenant.Tenant, b netsuite.Bill) *Problem {
	base := b.Total.Mul(b.ExchangeRate)
	if limit := t.ApproveLimit; limit.IsPositive() && base.Abs().GreaterThan(limit) {
		return problem(ParkNeedsApproval, "raise sync.approve_above above the amount and apply the tenant; the bill then goes on by itself",
			"bill %s is %s in base currency, above the limit of %s", billNumber(b), money(base.Round(2)), limit)
	}
	return nil
}

// money writes an amount with at least two decimals, and with all that it has.
func money(d decimal.Decimal) string {
	if d.Round(2).Equal(d) {
		return d.StringFixed(2)
	}
	return fmt.Sprint(d)
}
