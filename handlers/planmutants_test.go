package handlers

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/mutants"
)

// Faults in the planner and the sender, each found by the test that guards
// that place.
func TestPlannerMutants(t *testing.T) {
	const arrivals = "TestArrivalOrders/"
	mutants.Run(t, 1, []mutants.Mutant{
		{Name: "a draft is authorised without a look at it", File: "handlers/planinvoice.go", Old: "	case !same:\n		b.add(op{Kind: opDraftInvoice", New: "	case !same && g.invoice.Status != cin7.StatusDraft:\n		b.add(op{Kind: opDraftInvoice", Test: "TestPlan"},
		{Name: "a posted invoice that differs is passed over", File: "handlers/planinvoice.go", Old: "case posted(g.invoice) && !same:", New: "case posted(g.invoice) && !same && same:", Test: "TestPlan"},
		{Name: "paid does not count as posted", File: "handlers/plangroup.go", Old: "return i.Status == cin7.StatusAuthorised || i.Status == cin7.StatusPaid", New: "return i.Status == cin7.StatusAuthorised", Test: "TestPlan"},
		{Name: "a voided group takes an invoice", File: "handlers/plangroup.go", Old: "(i.Status == \"\" || i.Status == cin7.StatusNotAvailable ||", New: "(i.Status == \"\" || i.Status == cin7.StatusNotAvailable || i.Status == cin7.StatusVoided ||", Test: arrivals + "changed_after_posting"},
		{Name: "somebody's draft invoice is overwritten", File: "handlers/plangroup.go", Old: "i.Status == cin7.StatusDraft && (g.dead ||", New: "i.Status == cin7.StatusDraft && (true ||", Test: "TestPlan"},
		{Name: "a draft of goods counts as received", File: "handlers/plangroup.go", Old: "return g.putAway.Status == cin7.StatusAuthorised || b.PutAway && g.stock.Status == cin7.StatusAuthorised", New: "return len(g.putAway.Lines) > 0 || b.PutAway && g.stock.Status == cin7.StatusAuthorised", Test: arrivals + "changed_after_posting"},
		{Name: "goods go in before all of an invoice have come", File: "handlers/planreceipt.go", Old: "if within(need, in.left(g.billed)) {", New: "if len(in.left(g.billed)) > 0 {", Test: arrivals + "bills_and_receipts"},
		{Name: "the same goods are given to two groups", File: "handlers/goods.go", Old: "l.left, left[k] = l.left.Sub(q), left[k].Sub(q)", New: "left[k] = left[k].Sub(q)", Test: "TestLifecycleDocument"},
		{Name: "goods in Cin7 are not counted against the receipts", File: "handlers/planreceipt.go", Old: "got := in.take(perProduct([]cin7.StockLine{h}), g.billed, suits)", New: "got := newGoods(b.want.Receipts).take(perProduct([]cin7.StockLine{h}), g.billed, suits)", Test: "TestLifecycleDocument"},
		{Name: "a receipt beyond the order is taken", File: "handlers/wantcredit.go", Old: "if with[k].GreaterThan(ordered[k]) {", New: "if with[k].IsNegative() {", Test: "TestLifecycleDocument"},
		{Name: "exactly what was ordered is too much", File: "handlers/wantcredit.go", Old: "if with[k].GreaterThan(ordered[k]) {", New: "if with[k].GreaterThanOrEqual(ordered[k]) {", Test: "TestLifecycleDocument"},
		{Name: "a bill joins a bigger receipt although more is to come", File: "handlers/planinvoice.go", Old: "	if b.moreToCome(need) {\n		return nil\n	}\n", New: "", Test: arrivals + "bills_and_receipts"},
		{Name: "a split bill is posted part by part", File: "handlers/planinvoice.go", Old: "return o.Kind == opDraftInvoice })", New: "return o.Kind == opVoidInvoice })", Test: "TestSplitBillIsDraftedWhole"},
		{Name: "the tax of a split bill is not divided", File: "handlers/planinvoice.go", Old: "cin7.NewNumber(taxes[i])", New: "cin7.NewNumber(taxes[0].Add(taxes[i]))", Test: "TestSplitBillIsDraftedWhole"},
		{Name: "what was edited in Cin7 is overwritten", File: "handlers/planinvoice.go", Old: "case t.Sent != \"\" && (t.Sent == sentInvoice(inv) ||", New: "case t.Sent == \"-\" && (t.Sent == sentInvoice(inv) ||", Test: "TestLifecycleDocument"},
		{Name: "a change of the mapping counts as a change of the bill", File: "handlers/posted.go", Old: "return t.Source != \"\" && t.Source == b.want.Sources[r] &&", New: "return t.Source == \"-\" &&", Test: "TestWhatIsPostedOutlivesTheMapping"},
		{Name: "what was edited in Cin7 is taken for posted under an older mapping", File: "handlers/posted.go", Old: "t.As[strings.ToLower(task)] == text", New: "text != \"\"", Test: "TestWhatIsPostedOutlivesTheMapping"},
		{Name: "a repost does not say under which version", File: "handlers/posted.go", Old: "if t.Settings == 0 || t.Settings == r.Settings", New: "if t.Settings != 0 || t.Settings == r.Settings", Test: "TestWhatIsPostedOutlivesTheMapping"},
		{Name: "a paid invoice is undone", File: "handlers/plan.go", Old: "case i.Status == cin7.StatusPaid:", New: "case i.Status == \"-\":", Test: "TestLifecycleDocument"},
		{Name: "closed books are opened again", File: "handlers/plan.go", Old: "d != \"\" && d <= b.Lock", New: "d != \"\" && d < b.Lock", Test: "TestPlan"},
		{Name: "an order is changed under its invoices", File: "handlers/plan.go", Old: "	case posted:\n		b.hold(w.Ref, problem(ParkOrderChanged", New: "	case posted && b.NoUndo:\n		b.hold(w.Ref, problem(ParkOrderChanged", Test: "TestPlan"},
		{Name: "a credit note is doubled", File: "handlers/plancredit.go", Old: "named := n.CreditNoteNumber == c.Number && !b.noteTiedElsewhere(n.TaskID, c.Ref)\n			if", New: "named := false\n			if", Test: arrivals + "credits"},
		{Name: "a batch is returned twice", File: "handlers/plancredit.go", Old: "gone[k] = gone[k].Add(u.Quantity.Decimal)", New: "_ = k", Test: arrivals + "credits/two_returns_from_two_receipts"},
		{Name: "goods are returned that have not come", File: "handlers/plancredit.go", Old: "		if left.IsPositive() {\n			return nil, what(left, l)\n		}\n", New: "", Test: "TestLifecycleDocument"},
		{Name: "money moves on an old picture", File: "handlers/send.go", Old: "		if next.mustRead() && !s.fresh() {", New: "		if next.mustRead() && next.Kind == opPostOrder {", Test: "TestConvergeReadsBeforeMoney"},
	})
}
