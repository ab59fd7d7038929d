package handlers

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/mutants"
)

// The safeguards of the write protocol, each taken away: a test that runs the
// whole service must find it out. The gate and the fence are in the model
// (TestModel) and in the tests of package queue.
func TestProtocolMutants(t *testing.T) {
	const simulation = "internal/simulation"
	mutants.Run(t, 0, []mutants.Mutant{
		{Name: "no quarantine", File: "handlers/settle.go", Old: "if t.w.now().Before(in.BelieveAt) {", New: "if false {", Test: "TestLateCreateIsWaitedFor", Package: simulation},
		{Name: "one look-up is believed", File: "handlers/settle.go", Old: "case in.Misses == 0:", New: "case in.Misses < 0:", Test: "TestListsThatLag", Package: simulation},
		{Name: "no look-up before a create", File: "handlers/candidate.go", Old: "if keep == nil || err != nil {", New: "if keep != nil || err != nil {", Test: "TestForgottenPurchaseIsFound", Package: simulation},
		{Name: "no second look-up before what counts", File: "handlers/candidate.go", Old: "if u.unique || u.have == nil ||", New: "if u.have != nil || u.have == nil ||", Test: "TestVeryLateCreateIsVoided", Package: simulation},
		{Name: "a draft is not read back", File: "handlers/send.go", Old: "if next.mustRead() && !s.fresh() {", New: "if false {", Test: "TestDraftIsReadBack", Package: simulation},
		{Name: "a failed look-up is guessed over", File: "handlers/settle.go", Old: "case err != nil && t.w.now().Sub(in.SentAt) >= givenUp && !isProblem(err):", New: "case err != nil && in.Op == \"\":", Test: "TestOutcomeNobodyCanLookUp", Package: simulation},
		{Name: "a lost answer leaves no intent", File: "handlers/settle.go", Old: "in.Unknown, in.BelieveAt = true, t.w.now().Add(t.w.o.Settle)", New: "in.Unknown, in.BelieveAt = true, t.w.now().Add(-t.w.o.Settle)", Test: "TestLateCreateIsWaitedFor", Package: simulation},
		{Name: "an error body under success is a refusal for sure", File: "cin7/answer.go", Old: "return len(errorMessages(a.body)) > 0 }, ErrRefused, Unknown, nil},", New: "return len(errorMessages(a.body)) > 0 }, ErrRefused, NotApplied, nil},", Test: "TestVerdict"},
		{Name: "a redirect has no effect for sure", File: "cin7/answer.go", Old: "{\"neither success nor error\", func(a answer) bool { return !a.success() }, ErrUnavailable, Unknown,", New: "{\"neither success nor error\", func(a answer) bool { return !a.success() }, ErrUnavailable, NotApplied,", Test: "TestVerdict"},
		{Name: "a receipt opens its group authorised", File: "handlers/planstock.go", Old: "o.Stock.Status = cin7.StatusDraft", New: "o.Stock.Status = cin7.StatusAuthorised", Test: "TestVeryLateReceiptIsADraft", Package: simulation},
		{Name: "a vendor wakes what waits for others", File: "handlers/vendor.go", Old: "Reason: WaitVendor, Vendor: v.ID.String()}", New: "Reason: WaitVendor}", Test: "TestWhatWaitedForAVendor"},
		{Name: "what waited for a vendor comes as live work", File: "state/retry.go", Old: "if err := q.Again(ctx, r.tenant, all[done:min(done+500, len(all))]...); err != nil {", New: "if _, err := q.Mark(ctx, r.tenant, queue.Live, all[done:min(done+500, len(all))]...); err != nil {", Test: "TestWhatWaitedForAVendor", Package: "handlers"},
		{Name: "a refusal is kept for the whole turn", File: "handlers/lane.go", Old: "clear(t.refused) //", New: "_ = t.refused //", Test: "TestRetryInTheTurnOfTheRefusal"},
	})
}
