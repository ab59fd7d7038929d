package handlers

import (
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// draftInto opens a group with a receipt. Cin7 opens one for each such call,
// so a call that is repeated, or that lands when nobody waits for it any more,
// must have no effect: it is a draft, and authorised once it is read back.
func (b *builder) draftInto(lines []cin7.StockLine, whole []queue.Ref) {
	kind := opDraftPutAway
	if b.PutAway {
		kind, lines = opDraftStock, placeless(lines)
	}
	o := b.stockOp(kind, "", lines, whole)
	o.Stock.Status = cin7.StatusDraft
	o.Why = "a group for a receipt: " + o.Why
	b.add(o)
}

// draft are the lines that wait in a group to be authorised.
func (b *builder) draft(g *group) []cin7.StockLine {
	task := g.putAway
	if b.PutAway {
		task = g.stock
	}
	if task.Status != cin7.StatusDraft {
		return nil
	}
	return task.Lines
}

// drafted says that we remember to have drafted any of the receipts into a group.
func (b *builder) drafted(g *group, receipts []queue.Ref) bool {
	return slices.ContainsFunc(receipts, func(r queue.Ref) bool { return b.known[r].has(g.task) })
}

// looksDrafted says that a group, not the purchase's first, holds a draft of
// just a receipt, to the day: we opened it, whether we remember it or not.
func (b *builder) looksDrafted(g *group, r wantReceipt) bool {
	lines := b.draft(g)
	if len(lines) == 0 || g == b.groups[0] || !g.freeForInvoice() {
		return false
	}
	missing, extra := missingLines(r.Lines, lines)
	return len(missing) == 0 && extra == "" && !slices.ContainsFunc(lines, func(h cin7.StockLine) bool {
		return !slices.ContainsFunc(r.Lines, func(l cin7.StockLine) bool { return cin7.SameID(l.ProductID, h.ProductID) && l.Date == h.Date })
	})
}

// leftBehind says that a draft is ours and of no use: the second one of a
// receipt, from a call that landed late, or that of a receipt which is gone.
// Cin7 cannot remove it (contract cin7 7.8), and it has no effect.
func (b *builder) leftBehind(g *group) bool {
	return slices.ContainsFunc(b.want.Receipts, func(r wantReceipt) bool { return b.looksDrafted(g, r) }) ||
		slices.ContainsFunc(b.want.Dead, func(d wantDead) bool { return b.known[d.Ref].has(g.task) })
}

// receiptsFirst is the STOCK approach: each receipt has a group of its own.
func (b *builder) receiptsFirst() {
	if b.ReceiveOn == tenant.ReceiveOnNever {
		return // people receive in Cin7
	}
	var fresh []wantReceipt
	for _, r := range b.want.Receipts {
		g := b.receiptGroup(r)
		if g == nil {
			fresh = append(fresh, r)
			continue
		}
		b.placeReceipt(r, g)
	}
	stray := slices.IndexFunc(b.groups, func(g *group) bool { return b.received(g) && !g.taken })
	draft := b.somebodys()
	for _, r := range fresh {
		if draft != nil {
			b.hold(r.Ref, b.byHand(draft))
			continue
		}
		if stray >= 0 {
			// Opening one more group could receive the same goods twice.
			b.hold(r.Ref, problem(ParkGroupConflict, "bring the receipt in line in Cin7 or in NetSuite, then retry this record",
				"purchase %s group %d holds a receipt that matches none in NetSuite (%s)", b.have.OrderNumber, b.groups[stray].number, stockText(b.receivedLines(b.groups[stray]))))
			continue
		}
		i := slices.IndexFunc(b.groups, func(g *group) bool {
			return !g.taken && g.untouched() && g.freeForInvoice() && g.invoice.Status != cin7.StatusVoided
		})
		if i >= 0 {
			b.placeReceipt(r, b.groups[i])
			continue
		}
		// No TaskID opens a new group (contract cin7 7.6), on purpose here. One
		// at a time: the next receipt is planned when this group is seen.
		b.placeReceipt(r, &group{number: len(b.groups)})
		break
	}
	for _, r := range fresh {
		if _, planned := b.out.Verdicts[r.Ref]; !planned {
			b.hold(r.Ref, &Wait{Reason: WaitRetry, Message: "goes after the receipt before it"})
		}
	}
	if stray >= 0 && len(fresh) == 0 {
		g := b.groups[stray]
		if have, held := b.out.Verdicts[b.want.Ref]; !held || have == nil {
			b.hold(b.want.Ref, b.surplus(g, stockText(b.receivedLines(g))))
		}
	}
}

func stockText(lines []cin7.StockLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, what(l.Quantity, l))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// receiptGroup finds the group that holds a receipt: by our own memory, else
// by what it holds.
func (b *builder) receiptGroup(r wantReceipt) *group {
	for _, g := range b.groups {
		if !g.taken && b.known[r.Ref].has(g.task) && g.stock.Status != cin7.StatusVoided && g.putAway.Status != cin7.StatusVoided {
			return g
		}
	}
	for _, g := range b.groups {
		if g.taken || !b.received(g) || b.tiedElsewhere(g, r.Ref) {
			continue
		}
		if missing, extra := missingLines(r.Lines, b.receivedLines(g)); len(missing) == 0 && extra == "" {
			return g
		}
	}
	for _, g := range b.groups { // the oldest: every worker chooses the same
		if !g.taken && !b.tiedElsewhere(g, r.Ref) && b.looksDrafted(g, r) {
			return g
		}
	}
	return nil
}

// placeReceipt brings a receipt into its group. One that changed after it was
// posted is received anew when the tenant wants it so and no invoice hangs on it.
func (b *builder) placeReceipt(r wantReceipt, g *group) {
	g.taken = true
	b.inStep(r.Ref)
	if b.received(g) {
		missing, extra := missingLines(r.Lines, b.receivedLines(g))
		if (len(missing) > 0 || extra != "") && b.Repost && !posted(g.invoice) && !b.anyLocked(b.receivedLines(g)) {
			b.add(op{Kind: opVoidStock, For: r.Ref, Task: g.task, Why: "the receipt changed in NetSuite after it was posted: Cin7 holds " + stockText(b.receivedLines(g))})
			return
		}
	}
	if err := b.receiveInto(g, r.Lines, []queue.Ref{r.Ref}); err != nil {
		b.hold(r.Ref, err)
	}
}

func (b *builder) anyLocked(lines []cin7.StockLine) bool {
	return slices.ContainsFunc(lines, func(l cin7.StockLine) bool { return b.locked(l.Date) })
}

// deadReceipt: a receipt that NetSuite voided or deleted leaves its group,
// where it has one of its own that is not billed.
func (b *builder) deadReceipt(d wantDead) {
	if b.have.Approach != cin7.ApproachStock {
		return // receivedGroup sees that there is more than NetSuite shows
	}
	for _, g := range b.groups {
		if !b.known[d.Ref].has(g.task) || !b.received(g) {
			continue
		}
		if b.Repost && !posted(g.invoice) && !b.anyLocked(b.receivedLines(g)) {
			g.taken = true
			b.add(op{Kind: opVoidStock, For: d.Ref, Task: g.task, Why: "the receipt was deleted in NetSuite: Cin7 holds " + stockText(b.receivedLines(g))})
			continue
		}
		g.taken = true
		b.hold(d.Ref, problem(ParkVoidedAfterPost, "undo the receiving of that group in Cin7, or credit the goods there, then retry this record",
			"the receipt of group %d of purchase %s (%s) was deleted or voided in NetSuite", g.number, b.have.OrderNumber, stockText(b.receivedLines(g))))
	}
}
