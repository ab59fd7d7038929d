package handlers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// goods are the lines of the wanted receipts on their way into groups: what
// was given to one group is gone for the next.
type goods struct {
	lines []goodsLine // oldest receipt first
}

type goodsLine struct {
	cin7.StockLine
	of   queue.Ref
	left decimal.Decimal
}

func newGoods(receipts []wantReceipt) *goods {
	g := &goods{}
	for _, r := range receipts {
		for _, l := range r.Lines {
			g.lines = append(g.lines, goodsLine{l, r.Ref, l.Quantity.Decimal})
		}
	}
	return g
}

// left is what is not given yet, per product, of the receipts that may go to
// the bill: a receipt on paper goes with its own bill.
func (g *goods) left(bill queue.Ref) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range g.lines {
		if l.fits(bill) {
			k := strings.ToLower(l.ProductID)
			out[k] = out[k].Add(l.left)
		}
	}
	return out
}

func (l goodsLine) fits(bill queue.Ref) bool {
	return l.of.Type != string(netsuite.TypeVendorBill) || bill == (queue.Ref{}) || l.of == bill
}

// take gives quantities of products to a group, oldest first. What there is
// too little of is given as far as it goes.
func (g *goods) take(need map[string]decimal.Decimal, bill queue.Ref, suits func(cin7.StockLine) bool) []goodsLine {
	left := map[string]decimal.Decimal{}
	addTo(left, need)
	var out []goodsLine
	for i := range g.lines {
		l := &g.lines[i]
		k := strings.ToLower(l.ProductID)
		q := decimal.Min(l.left, left[k])
		if !q.IsPositive() || !l.fits(bill) || suits != nil && !suits(l.StockLine) {
			continue
		}
		l.left, left[k] = l.left.Sub(q), left[k].Sub(q)
		part := *l
		part.Quantity = cin7.NewNumber(q)
		out = append(out, part)
	}
	return out
}

func stockLines(list []goodsLine) []cin7.StockLine {
	out := []cin7.StockLine{}
	for _, l := range list {
		i := slices.IndexFunc(out, func(h cin7.StockLine) bool {
			return cin7.SameID(h.ProductID, l.ProductID) && cin7.SameID(h.LocationID, l.LocationID) && h.Date == l.Date
		})
		if i < 0 {
			out = append(out, l.StockLine)
			continue
		}
		out[i].Quantity = cin7.NewNumber(out[i].Quantity.Add(l.Quantity.Decimal))
	}
	return out
}

// receiptsOnInvoices fills the invoiced groups with what was received. Cin7
// takes a product into a group once (contract cin7 7.5, 7.7), so the goods of
// an invoice go in when all of them are there, or when the order is closed and
// no more will come; what is beyond the invoices waits for its bill.
func (b *builder) receiptsOnInvoices() {
	if b.ReceiveOn == tenant.ReceiveOnNever {
		return // people receive in Cin7
	}
	for _, r := range b.want.Receipts {
		b.inStep(r.Ref)
	}
	if g := b.somebodys(); g != nil {
		// What they receive may be the very goods of a receipt here.
		for _, r := range b.want.Receipts {
			b.hold(r.Ref, b.byHand(g))
		}
		return
	}
	in := newGoods(b.want.Receipts)
	groups := slices.Clone(b.groups)
	slices.SortStableFunc(groups, func(x, y *group) int { return cmp.Compare(x.invoice.InvoiceDate, y.invoice.InvoiceDate) })
	var open, shut []*group // shut: received, with less than its invoice bills
	held := b.count(groups, in)
	for _, g := range groups {
		switch {
		case b.received(g):
			b.receivedGroup(g, held[g])
			if posted(g.invoice) && !within(invoiced(g.invoice), perProduct(b.receivedLines(g))) {
				shut = append(shut, g)
			}
		case posted(g.invoice):
			open = append(open, g)
		}
	}
	var short []*group
	for _, g := range open {
		need := invoiced(g.invoice)
		if len(need) == 0 {
			continue
		}
		if within(need, in.left(g.billed)) {
			b.fill(g, in.take(need, g.billed, nil))
			continue
		}
		short = append(short, g)
	}
	if b.want.Closed {
		for _, g := range short {
			if lines := in.take(invoiced(g.invoice), g.billed, nil); len(lines) > 0 {
				b.fill(g, lines)
			}
		}
	}
	b.waitForRest(in, short, shut)
}

// count sets what the groups hold already against the receipts: first by
// date and place, as far as Cin7 shows them, then by product alone.
func (b *builder) count(groups []*group, in *goods) map[*group][]goodsLine {
	out := map[*group][]goodsLine{}
	left := map[*group][]cin7.StockLine{}
	for _, exactly := range []bool{true, false} {
		for _, g := range groups {
			if !b.received(g) {
				continue
			}
			have := left[g]
			if exactly {
				have = b.receivedLines(g)
			}
			left[g] = nil
			for _, h := range have {
				suits := func(l cin7.StockLine) bool {
					return !exactly || l.Date == h.Date && (h.LocationID == "" || cin7.SameID(h.LocationID, l.LocationID))
				}
				got := in.take(perProduct([]cin7.StockLine{h}), g.billed, suits)
				out[g] = append(out[g], got...)
				for _, l := range got {
					h.Quantity = cin7.NewNumber(h.Quantity.Sub(l.Quantity.Decimal))
				}
				if h.Quantity.IsPositive() {
					left[g] = append(left[g], h)
				}
			}
		}
	}
	return out
}

// receivedGroup puts away what is still to be, and tells of goods that no
// receipt shows.
func (b *builder) receivedGroup(g *group, lines []goodsLine) {
	have := b.receivedLines(g)
	if _, extra := missingLines(stockLines(lines), have); extra != "" {
		b.extra(g, extra, have)
		return
	}
	b.fill(g, lines)
}

// extra tells of goods in Cin7 that NetSuite does not show (any more).
func (b *builder) extra(g *group, extra string, have []cin7.StockLine) {
	err := problem(ParkGroupConflict, "bring the receipt in line in Cin7 (credit note, stock adjustment) or in NetSuite, then retry or skip this record",
		"purchase %s group %d has received %s that NetSuite does not show", b.have.OrderNumber, g.number, extra)
	told := false
	for _, d := range b.want.Dead {
		if d.Ref.Type == string(netsuite.TypeItemReceipt) {
			b.hold(d.Ref, err)
			told = true
		}
	}
	products := perProduct(have)
	for _, r := range b.want.Receipts {
		if slices.ContainsFunc(r.Lines, func(l cin7.StockLine) bool { return products[strings.ToLower(l.ProductID)].IsPositive() }) {
			b.hold(r.Ref, err)
			told = true
		}
	}
	if !told {
		b.hold(b.want.Ref, err)
	}
}

// fill brings a group to the goods that were given to it.
func (b *builder) fill(g *group, lines []goodsLine) {
	slices.SortStableFunc(lines, func(x, y goodsLine) int { // Cin7 shows them in any order
		return cmp.Or(cmp.Compare(x.Date, y.Date), cmp.Compare(x.SKU, y.SKU), cmp.Compare(len(x.of.ID), len(y.of.ID)), cmp.Compare(x.of.ID, y.of.ID))
	})
	before := len(b.out.Ops)
	defer func() {
		for i := range b.out.Ops[before:] {
			for _, l := range lines {
				if o := &b.out.Ops[before+i]; !slices.Contains(o.About, l.of) {
					o.About = append(o.About, l.of)
				}
			}
		}
	}()
	if err := b.receiveInto(g, stockLines(lines), nil); err != nil {
		missing := b.lacking(g, lines)
		for i, l := range lines {
			if missing[i] || !slices.Contains(missing, true) {
				b.hold(l.of, err)
			}
		}
	}
}

// waitForRest says of what was given to no group what it waits for.
func (b *builder) waitForRest(in *goods, short, shut []*group) {
	for _, l := range in.lines {
		if !l.left.IsPositive() {
			continue
		}
		k := strings.ToLower(l.ProductID)
		var wait error = &Wait{Reason: WaitBill, Message: fmt.Sprintf("%s are received but not yet invoiced in Cin7", what(l.left, l.StockLine))}
		for _, g := range shut {
			if invoiced(g.invoice)[k].GreaterThan(perProduct(b.receivedLines(g))[k]) {
				left := l.StockLine
				left.Quantity = cin7.NewNumber(l.left)
				wait = b.closedGroup(g, []cin7.StockLine{left})
			}
		}
		for _, g := range short {
			if billed := invoiced(g.invoice)[k]; billed.IsPositive() {
				wait = &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("invoice %s bills %s of %s, %s are here: Cin7 takes the goods of an invoice at once, so they go in when all have come or the order is closed",
					g.invoice.InvoiceNumber, billed, firstOf(l.SKU, l.ProductID), in.left(g.billed)[k])}
				break
			}
		}
		if have, held := b.out.Verdicts[l.of]; !held || have == nil {
			b.hold(l.of, wait)
		}
	}
}

// receiveInto brings the goods of a group to the wanted lines, by product and
// quantity: Cin7's stock lines have no reference of ours.
func (b *builder) receiveInto(g *group, lines []cin7.StockLine, whole []queue.Ref) error {
	if g.task == "" {
		b.draftInto(lines, whole)
		return nil
	}
	if b.PutAway && g.putAway.Status != cin7.StatusAuthorised && g.stock.Status != cin7.StatusAuthorised {
		missing, extra := missingLines(lines, g.stock.Lines)
		switch {
		case g.stock.Status == cin7.StatusPartiallyReceived && len(missing) == 0 && extra == "":
			// all that is here is there: on to put it away
		case g.stock.Status == cin7.StatusPartiallyReceived && extra == "":
			b.add(b.stockOp(opReplaceStock, g.task, placeless(lines), whole)) // adding would be refused for the same product
			return nil
		case openTask(g.stock) && len(g.stock.Lines) == 0:
			b.add(b.stockOp(opPostStock, g.task, placeless(lines), whole))
			return nil
		case openTask(g.stock) && len(missing) == 0 && extra == "":
			b.add(b.stockOp(opPostStock, g.task, nil, whole)) // authorises what is stored
			return nil
		case openTask(g.stock) && b.drafted(g, whole):
			b.add(b.stockOp(opReplaceStock, g.task, placeless(lines), whole)) // the receipt changed since
			return nil
		case openTask(g.stock):
			return b.byHand(g)
		default:
			return b.closedGroup(g, lines)
		}
	}
	missing, extra := missingLines(lines, g.putAway.Lines)
	switch {
	case g.putAway.Status == cin7.StatusAuthorised && extra != "":
		return b.surplus(g, extra)
	case g.putAway.Status == cin7.StatusAuthorised && len(missing) > 0:
		return b.closedGroup(g, missing)
	case g.putAway.Status == cin7.StatusAuthorised:
	case !openTask(g.putAway):
		return b.closedGroup(g, lines)
	case len(g.putAway.Lines) == 0:
		b.add(b.stockOp(opPostPutAway, g.task, lines, whole))
	case len(missing) == 0 && extra == "":
		b.add(b.stockOp(opPostPutAway, g.task, nil, whole))
	default:
		return b.byHand(g)
	}
	return nil
}

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

// placeless are lines without a place: Cin7 drops it there anyway (contract cin7 7.5).
func placeless(lines []cin7.StockLine) []cin7.StockLine {
	out := slices.Clone(lines)
	for i := range out {
		out[i].LocationID, out[i].Location = "", ""
	}
	return out
}

// lacking says of each wanted line whether the group does not hold all of it;
// what is there counts for the oldest lines.
func (b *builder) lacking(g *group, lines []goodsLine) []bool {
	out := make([]bool, len(lines))
	have := perProduct(g.putAway.Lines)
	for i, l := range lines {
		k := strings.ToLower(l.ProductID)
		used := decimal.Min(have[k], l.Quantity.Decimal)
		have[k] = have[k].Sub(used)
		out[i] = used.LessThan(l.Quantity.Decimal)
	}
	return out
}

func (b *builder) closedGroup(g *group, missing []cin7.StockLine) error {
	return problem(ParkGroupConflict, "undo the receiving of that group in Cin7 and retry this record, or receive the rest there by hand and skip it",
		"purchase %s group %d no longer takes receipts in Cin7, %s are missing", b.have.OrderNumber, g.number, what(missing[0].Quantity, missing[0]))
}

func (b *builder) surplus(g *group, extra string) error {
	return problem(ParkGroupConflict, "bring the receipt in line in Cin7 or in NetSuite, then retry this record",
		"purchase %s group %d has received %s that NetSuite does not show", b.have.OrderNumber, g.number, extra)
}

// somebodys is a group into which somebody is receiving by hand: a draft with
// goods where no document of ours belongs.
func (b *builder) somebodys() *group {
	for _, g := range b.groups {
		if g.handled() && !g.dead && !g.taken && g.billed == (queue.Ref{}) && !b.received(g) && !(b.have.Approach == cin7.ApproachStock && b.leftBehind(g)) {
			return g
		}
	}
	return nil
}

func (b *builder) byHand(g *group) error {
	lines := g.stock.Lines
	if len(lines) == 0 {
		lines = g.putAway.Lines
	}
	return problem(ParkEditedInCin7, "authorise or empty the draft in Cin7, then retry this record",
		"somebody is receiving into purchase %s group %d in Cin7: the draft holds %s", b.have.OrderNumber, g.number, stockText(lines))
}

func (b *builder) stockOp(kind, task string, lines []cin7.StockLine, whole []queue.Ref) op {
	verb := "receive "
	if kind == opPostPutAway || kind == opDraftPutAway {
		verb = "put away "
	}
	what := "what the draft of " + b.have.OrderNumber + " holds"
	if len(lines) > 0 {
		var texts []string
		for _, l := range lines {
			texts = append(texts, l.Quantity.String()+" of "+l.SKU)
		}
		what = strings.Join(texts, ", ") + " into " + b.have.OrderNumber
	} else {
		lines = []cin7.StockLine{}
	}
	return op{
		Kind: kind, For: b.want.Ref, Receipts: whole, Why: verb + what,
		Stock: &cin7.NewStock{PurchaseID: b.have.ID, TaskID: task, Status: cin7.StatusAuthorised, Lines: lines},
	}
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
