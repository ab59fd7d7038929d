package handlers

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/mutants"
)

// Faults in the code of money and mapping, each found by the test that guards
// that place.
func TestMoneyMutants(t *testing.T) {
	mutants.Run(t, 2, []mutants.Mutant{
		{Name: "tax counts with the wrong sign", File: "handlers/balance.go", Old: "s.tax = s.tax.Add(l.Amount)", New: "s.tax = s.tax.Sub(l.Amount)", Test: "TestBillInvoice"},
		{Name: "the rest of a spread total is dropped", File: "handlers/money.go", Old: "parts[rests[i].at] = parts[rests[i].at].Add(unit)", New: "_ = unit", Test: "TestSpread"},
		{Name: "remainders go to the smallest", File: "handlers/money.go", Old: "rests[i].frac.GreaterThan(rests[j].frac)", New: "rests[i].frac.LessThan(rests[j].frac)", Test: "TestSpread"},
		{Name: "a price of three decimals is exact enough", File: "handlers/money.go", Old: "price = amount.DivRound(quantity, 4)", New: "price = amount.DivRound(quantity, 3)", Test: "TestUnitPrice"},
		{Name: "line totals are cut, not rounded", File: "handlers/money.go", Old: "return quantity.Mul(price).Round(2)", New: "return quantity.Mul(price).Truncate(2)", Test: "TestUnitPrice"},
		{Name: "a sum that differs from the total goes on", File: "handlers/balance.go", Old: "!sum.Equal(b.Total)", New: "sum.LessThan(b.Total.Sub(b.Total))", Test: "TestBillInvoiceParks"},
		{Name: "the lock date itself is open", File: "handlers/wantbill.go", Old: `if lock == "" || date > lock {`, New: `if lock == "" || date >= lock {`, Test: "TestBillInvoiceParks"},
		{Name: "the next open day is the locked one", File: "handlers/wantbill.go", Old: "return nextDay(lock), nil", New: "return lock, nil", Test: "TestClosedPeriodGoesToTheNextDay"},
		{Name: "an inactive account is taken", File: "handlers/account.go", Old: `return strings.EqualFold(c.Status, "ACTIVE")`, New: "return true", Test: "TestMatchAccount"},
		{Name: "a name of another class is taken", File: "handlers/account.go", Old: "usable(c) && sameClass(a.Type, c.Class)", New: "usable(c)", Test: "TestMatchAccount"},
		{Name: "the first of two namesakes is taken", File: "handlers/account.go", Old: "if len(hits) != 1 {", New: "if len(hits) == 0 {", Test: "TestMatchAccount"},
		{Name: "an inactive vendor stays active", File: "handlers/wantvendor.go", Old: `s.Status = "Deprecated"`, New: `s.Status = "Active"`, Test: "TestWantSupplier"},
		{Name: "a changed address loses its id", File: "handlers/wantvendor.go", Old: "a.ID = have.Addresses[i].ID", New: `a.ID = ""`, Test: "TestMergeSupplier"},
	})
}
