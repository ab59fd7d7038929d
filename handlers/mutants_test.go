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
		{Name: "a name of another class is taken", File: "handlers/account.go", Old: "if names[fold(of(c))] && usable(c) && sameClass(a.Type, c.Class) {", New: "if names[fold(of(c))] && usable(c) {", Test: "TestMatchAccount"},
		{Name: "the first of two namesakes is taken", File: "handlers/account.go", Old: "if len(hits) != 1 {", New: "if len(hits) == 0 {", Test: "TestMatchAccount"},
		{Name: "an inactive vendor stays active", File: "handlers/wantvendor.go", Old: `s.Status = "Deprecated"`, New: `s.Status = "Active"`, Test: "TestWantSupplier"},
		{Name: "a changed address loses its id", File: "handlers/wantvendor.go", Old: "a.ID = have.Addresses[i].ID", New: `a.ID = ""`, Test: "TestMergeSupplier"},
		{Name: "invoices go at the order's rate", File: "handlers/plan.go", Old: "planRates(w, p, b.groups, &out)", New: "", Test: "TestThePurchaseTakesTheRateOfItsBill"},
		{Name: "a later bill changes the rate of what is posted", File: "handlers/rate.go", Old: "if at == nil {", New: "if at == nil || true {", Test: "TestABillAtAnotherRateIsParked"},
		{Name: "a rate is compared with two decimals", File: "handlers/rate.go", Old: "kept.Equal(rate.Round(rateKept))", New: "kept.Equal(rate.Round(2))", Test: "TestSameWorth"},
		{Name: "tax without rows has the wrong sign", File: "handlers/tax.go", Old: "implied := b.Total.Sub(net)", New: "implied := b.Total.Add(net)", Test: "TestImpliedTax"},
		{Name: "the rule of a tax account is ignored", File: "handlers/tax.go", Old: "name = m", New: "name = rule", Test: "TestBillRule"},
		{Name: "a discount is netted into another account", File: "handlers/unit.go", Old: "above.code == l.code && (", New: "(", Test: "TestRandomBills"},
		{Name: "remainders of dinars are dropped", File: "handlers/rounding.go", Old: "out[at] = out[at].Add(cent)", New: "_ = cent", Test: "TestRandomBills"},
		{Name: "twice a cent a line is rounding too", File: "handlers/rounding.go", Old: "a.amount.GreaterThan(most)", New: "a.amount.GreaterThan(most.Add(most))", Test: "TestRandomBills"},
		{Name: "a ledger that does not balance goes on", File: "handlers/balance.go", Old: "if !sum.IsZero() {", New: "if !sum.IsZero() && false {", Test: "TestRandomBills"},
		{Name: "a line at another rate goes on", File: "handlers/balance.go", Old: "off.GreaterThan(rateTolerance(l.Amount).Add(spare(b)))", New: "off.GreaterThan(rateTolerance(l.Amount).Add(b.Total))", Test: "TestRandomBills"},
		{Name: "the limit itself needs approval", File: "handlers/balance.go", Old: "base.Abs().GreaterThan(limit)", New: "base.Abs().GreaterThanOrEqual(limit)", Test: "TestParkedRecordsGoOnByThemselves/needs_approval/the_limit_is_raised"},
		{Name: "a clerk's contact loses its place", File: "handlers/wantcontact.go", Old: "c.Default = c.Default && !chosen", New: "_ = chosen", Test: "TestVendorAdoption"},
		{Name: "a contact that is there is added", File: "handlers/wantcontact.go", Old: "c.ID, c.Default = h.ID, ", New: `c.ID, c.Default = "", `, Test: "TestVendorContacts"},
		{Name: "a supplier that is not ours is deprecated", File: "handlers/deadvendor.go", Old: "if !marked(have.Comments", New: "if false && !marked(have.Comments", Test: "TestVendorDeletions"},
		{Name: "a mapping releases nothing", File: "handlers/release.go", Old: `"the settings were changed", state.SettingReasons[:]...`, New: `"the settings were changed", ParkPoison`, Test: "TestOneMappingReleasesAllThatWaited"},
		{Name: "a missing account is not looked for again", File: "handlers/reference.go", Old: "if len(missing) == 0 || ", New: "if true || len(missing) == 0 || ", Test: "TestAMissingAccountIsLookedForOnce"},
	})
}
