package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// The operations of a plan, in the words of state.Intent.Op.
const (
	opCreatePurchase   = "create_purchase"
	opVoidPurchase     = "void_purchase"
	opVoidStray        = "void_stray_purchase" // a bare draft that carries the marker of a record with another purchase
	opPostOrder        = "post_order"
	opDraftInvoice     = "draft_invoice"
	opAuthoriseInvoice = "authorise_invoice"
	opPostStock        = "post_stock"
	opPostPutAway      = "post_put_away"
)

// op is one call that is missing, with everything it sends.
type op struct {
	Kind string
	For  queue.Ref // the record on whose behalf
	Why  string    // plain words, for the timeline and for `plan`

	Header  *cin7.NewPurchase
	Order   *cin7.NewOrder
	Invoice *cin7.NewInvoice
	Stock   *cin7.NewStock // of post_stock and post_put_away
	// Receipts are the receipts that a stock call carries, when it carries
	// whole ones: they are then tied to the group.
	Receipts []queue.Ref
}

// rules are the settings that the plan depends on.
type rules struct {
	PutAway   bool
	ReceiveOn string
}

// ties say which group of the purchase a bill or receipt was posted to, as
// far as we remember: record -> TaskID. Without memory the plan finds them by
// content.
type ties map[queue.Ref]string

// outlook is the answer of the planner.
type outlook struct {
	Ops []op // calls that can go now, in order; planned again after each
	// Verdicts say of every document why it is not in step: a *Problem, a
	// *Wait, or nil when Cin7 matches (or will once Ops are done).
	Verdicts map[queue.Ref]error
	Stage    string // ORDER, INVOICE, RECEIVE or DONE; "" before the order
}

// group is one invoicing and receiving group of a purchase (contract cin7 7.6).
type group struct {
	task     string
	number   int
	invoice  cin7.Invoice
	stock    cin7.StockTask
	putAway  cin7.StockTask
	claimed  bool // a wanted document belongs here
	received bool // holds received lines
}

// groupsOf reads the groups from the task lists, in their own order.
func groupsOf(p *cin7.Purchase) []*group {
	var out []*group
	find := func(task string, number int) *group {
		i := slices.IndexFunc(out, func(g *group) bool { return cin7.SameID(g.task, task) })
		if i >= 0 {
			return out[i]
		}
		g := &group{task: task, number: number}
		out = append(out, g)
		return g
	}
	for _, i := range p.Invoice {
		find(i.TaskID, i.InvoicingAndReceivingNumber).invoice = i
	}
	for _, s := range p.StockReceived {
		find(s.TaskID, s.InvoicingAndReceivingNumber).stock = s
	}
	for _, s := range p.PutAway {
		find(s.TaskID, s.InvoicingAndReceivingNumber).putAway = s
	}
	slices.SortStableFunc(out, func(a, b *group) int { return a.number - b.number })
	for _, g := range out {
		g.received = len(g.stock.Lines)+len(g.putAway.Lines) > 0 && g.stock.Status != cin7.StatusVoided
	}
	return out
}

func posted(i cin7.Invoice) bool {
	return i.Status == cin7.StatusAuthorised || i.Status == cin7.StatusPaid
}

// plan compares the purchase as it is (nil: there is none) with the one that
// is wanted. It is pure: equal arguments give equal plans, and a plan whose
// calls all took effect is followed by an empty one.
func plan(r rules, w *want, p *cin7.Purchase, known ties) outlook {
	out := outlook{Verdicts: map[queue.Ref]error{w.Ref: nil}}
	for k, err := range w.Held {
		out.Verdicts[k] = err
	}
	if p == nil {
		if w.Void != "" {
			return out // it never was in Cin7, and never will be
		}
		out.Ops = append(out.Ops, op{Kind: opCreatePurchase, For: w.Ref, Header: &w.Header, Why: "Cin7 has no purchase for " + w.Number})
		return out
	}
	groups := groupsOf(p)
	if stop := planHeader(w, p, groups, &out); stop {
		return out
	}
	b := builder{rules: r, want: w, have: p, groups: groups, known: known, out: &out}
	if p.Approach == cin7.ApproachStock {
		b.receiptsFirst()
		b.invoicesOnReceipts()
	} else {
		b.invoicesFirst()
		b.receiptsOnInvoices()
	}
	b.deadBills()
	out.Stage = stageOf(w, p, groups)
	return out
}

// planHeader handles the life of the purchase and its order. It reports true
// when nothing further can be planned.
func planHeader(w *want, p *cin7.Purchase, groups []*group, out *outlook) (stop bool) {
	anyPosted := slices.ContainsFunc(groups, func(g *group) bool { return posted(g.invoice) || g.received })
	holdAll := func(err error, why string) {
		out.Verdicts[w.Ref] = err
		for _, i := range w.Invoices {
			out.Verdicts[i.Ref] = &Wait{Reason: WaitOrder, Message: why}
		}
		for _, g := range w.Receipts {
			out.Verdicts[g.Ref] = &Wait{Reason: WaitOrder, Message: why}
		}
	}
	switch {
	case strings.Contains(p.Status, cin7.StatusVoided):
		if w.Void == "" {
			holdAll(problem(ParkEditedInCin7, "cancel the order in NetSuite too, or skip this record: Cin7 cannot bring a voided purchase back",
				"purchase %s was voided in Cin7, order %s is alive in NetSuite", p.OrderNumber, w.Number), "its purchase was voided in Cin7")
		}
		return true
	case w.Void != "" && anyPosted:
		holdAll(problem(ParkVoidedAfterPost, "decide in Cin7 what becomes of the posted documents, then skip this record",
			"order %s was %s, purchase %s has posted documents", w.Number, w.Void, p.OrderNumber), "its order was "+w.Void)
		return true
	case w.Void != "":
		out.Ops = append(out.Ops, op{Kind: opVoidPurchase, For: w.Ref, Why: "order " + w.Number + " was " + w.Void})
		return true
	case p.Order.Status == cin7.StatusVoided:
		holdAll(problem(ParkEditedInCin7, "cancel the order in NetSuite too, or skip this record",
			"the order of purchase %s was voided in Cin7", p.OrderNumber), "its order was voided in Cin7")
		return true
	case p.Order.Status != cin7.StatusAuthorised:
		order := w.Order
		order.TaskID = p.ID
		out.Ops = append(out.Ops, op{Kind: opPostOrder, For: w.Ref, Order: &order, Why: "the order of " + p.OrderNumber + " is not authorised"})
		return true
	}
	if diff := diffLines(w.Order.Lines, w.Order.AdditionalCharges, p.Order.Lines, p.Order.AdditionalCharges); diff != "" {
		holdAll(problem(ParkOrderChanged, "bring the order of the purchase in line in Cin7 (undo, edit, authorise), or undo the change in NetSuite",
			"order %s and purchase %s differ: %s", w.Number, p.OrderNumber, diff), "its order differs from the one in Cin7")
		return true
	}
	if len(groups) == 0 && len(w.Invoices)+len(w.Receipts) > 0 {
		holdAll(problem(ParkGroupConflict, "open the purchase in Cin7 and check that it is an advanced purchase with an authorised order",
			"purchase %s shows no invoicing and receiving group", p.OrderNumber), "its purchase shows no group")
		return true
	}
	return false
}

// builder carries the plan of the groups.
type builder struct {
	rules
	want   *want
	have   *cin7.Purchase
	groups []*group
	known  ties
	out    *outlook
}

func (b *builder) add(o op)                    { b.out.Ops = append(b.out.Ops, o) }
func (b *builder) hold(r queue.Ref, err error) { b.out.Verdicts[r] = err }
func (b *builder) inStep(r queue.Ref)          { b.keep(r, nil) }
func (b *builder) keep(r queue.Ref, err error) {
	if _, held := b.out.Verdicts[r]; !held {
		b.out.Verdicts[r] = err
	}
}

// invoiceGroup finds the group that already holds a bill's invoice: by our
// own memory, else by its number.
func (b *builder) invoiceGroup(inv wantInvoice) *group {
	task := b.known[inv.Ref]
	for _, g := range b.groups {
		if g.claimed || g.invoice.TaskID == "" || g.invoice.Status == cin7.StatusVoided {
			continue
		}
		if task != "" && cin7.SameID(g.task, task) && g.invoice.InvoiceNumber != "" {
			return g
		}
	}
	for _, g := range b.groups {
		if !g.claimed && g.invoice.InvoiceNumber == inv.Number && g.invoice.Status != cin7.StatusVoided && g.invoice.Status != cin7.StatusNotAvailable {
			return g
		}
	}
	return nil
}

// freeForInvoice says that nobody's invoice is in the group: none, or the
// empty draft that Cin7 makes with a group.
func freeForInvoice(g *group) bool {
	i := g.invoice
	return !g.claimed && (i.Status == "" || i.Status == cin7.StatusNotAvailable ||
		i.Status == cin7.StatusDraft && len(i.Lines)+len(i.AdditionalCharges) == 0)
}

// planInvoice brings one invoice in line in its group.
func (b *builder) planInvoice(inv wantInvoice, g *group) {
	g.claimed = true
	b.inStep(inv.Ref)
	body := cin7.NewInvoice{
		PurchaseID: b.have.ID, TaskID: g.task, InvoiceNumber: inv.Number, InvoiceDate: inv.Date, InvoiceDueDate: inv.Due,
		Status: cin7.StatusDraft, Lines: inv.Lines, AdditionalCharges: inv.Charges,
	}
	diff := diffInvoice(inv, g.invoice)
	switch {
	case posted(g.invoice) && diff != "":
		b.hold(inv.Ref, problem(ParkBillChanged, "undo the invoice in Cin7 and retry this record, or correct it there with a credit note and skip this record",
			"bill %s and the posted invoice of %s differ: %s", inv.Number, b.have.OrderNumber, diff))
	case posted(g.invoice):
	case diff != "":
		b.add(op{Kind: opDraftInvoice, For: inv.Ref, Invoice: &body, Why: "bill " + inv.Number + " is not in " + b.have.OrderNumber})
	default:
		body.Status = cin7.StatusAuthorised
		b.add(op{Kind: opAuthoriseInvoice, For: inv.Ref, Invoice: &body, Why: "the draft of " + inv.Number + " reads back as planned"})
	}
}

// invoicesFirst is the INVOICE approach: each bill gets a group of its own.
func (b *builder) invoicesFirst() {
	var fresh []wantInvoice
	for _, inv := range b.want.Invoices {
		if g := b.invoiceGroup(inv); g != nil {
			b.planInvoice(inv, g)
			continue
		}
		fresh = append(fresh, inv)
	}
	for _, inv := range fresh {
		i := slices.IndexFunc(b.groups, func(g *group) bool { return freeForInvoice(g) && !g.received })
		if i < 0 {
			// The likely, but unconfirmed, way to open one more group.
			b.planInvoice(inv, &group{task: cin7.ZeroID})
			continue
		}
		b.planInvoice(inv, b.groups[i])
	}
}

// perProduct sums quantities: product -> quantity.
func perProduct(lines []cin7.StockLine) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range lines {
		k := strings.ToLower(l.ProductID)
		out[k] = out[k].Add(l.Quantity.Decimal)
	}
	return out
}

func invoiced(i cin7.Invoice) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range i.Lines {
		k := strings.ToLower(l.ProductID)
		out[k] = out[k].Add(l.Quantity.Decimal)
	}
	return out
}

// receiptsOnInvoices fills the invoiced groups with what was received, oldest
// first; what is received beyond what is invoiced waits for its bill.
func (b *builder) receiptsOnInvoices() {
	if b.ReceiveOn == tenant.ReceiveOnNever {
		return // people receive in Cin7
	}
	type share struct {
		line cin7.StockLine
		of   queue.Ref
	}
	room := make([]map[string]decimal.Decimal, len(b.groups))
	given := make([][]share, len(b.groups))
	for i, g := range b.groups {
		if posted(g.invoice) {
			room[i] = invoiced(g.invoice)
		}
	}
	for _, r := range b.want.Receipts {
		b.inStep(r.Ref)
		for _, l := range r.Lines {
			k, left := strings.ToLower(l.ProductID), l.Quantity.Decimal
			for i := range b.groups {
				take := decimal.Min(left, room[i][k])
				if !take.IsPositive() {
					continue
				}
				room[i][k] = room[i][k].Sub(take)
				left = left.Sub(take)
				part := l
				part.Quantity = cin7.NewNumber(take)
				given[i] = append(given[i], share{part, r.Ref})
			}
			if left.IsPositive() {
				b.hold(r.Ref, &Wait{Reason: WaitBill, Message: fmt.Sprintf("%s of %s are received but not yet invoiced in Cin7", left, l.SKU)})
			}
		}
	}
	for i, g := range b.groups {
		lines := make([]cin7.StockLine, len(given[i]))
		for j, s := range given[i] {
			lines[j] = s.line
		}
		if err := b.receiveInto(g, lines, nil); err != nil {
			short := b.lacking(g, lines)
			if len(given[i]) == 0 {
				b.hold(b.want.Ref, err)
			}
			for j, s := range given[i] {
				if short[j] || !slices.Contains(short, true) {
					b.hold(s.of, err)
				}
			}
		}
	}
}

// receiveInto brings the received lines of a group to the wanted ones, by
// product and quantity: Cin7's stock lines have no reference of ours, and its
// POST adds, so only what is missing is sent.
func (b *builder) receiveInto(g *group, lines []cin7.StockLine, whole []queue.Ref) error {
	have := g.putAway.Lines
	if b.PutAway {
		have = g.stock.Lines
	}
	missing, extra := missingLines(lines, have)
	if extra != "" {
		return problem(ParkGroupConflict, "bring the receipt in line in Cin7 or in NetSuite, then retry this record",
			"purchase %s group %d has received %s that NetSuite does not show", b.have.OrderNumber, g.number, extra)
	}
	open := func(s cin7.StockTask) bool {
		return s.Status == "" || s.Status == cin7.StatusNotAvailable || s.Status == cin7.StatusDraft || s.Status == cin7.StatusPartiallyReceived
	}
	task := g.task
	if !b.PutAway {
		switch {
		case len(missing) > 0 && !open(g.putAway):
			return b.closedGroup(g, missing)
		case len(missing) > 0:
			b.add(b.stockOp(opPostPutAway, task, missing, whole))
		}
		return nil
	}
	switch {
	case len(missing) > 0 && !open(g.stock):
		return b.closedGroup(g, missing)
	case len(missing) > 0:
		for i := range missing {
			missing[i].LocationID, missing[i].Location = "", "" // dropped there anyway (contract cin7 7.5)
		}
		b.add(b.stockOp(opPostStock, task, missing, whole))
		return nil
	}
	away, _ := missingLines(lines, g.putAway.Lines)
	switch {
	case len(away) > 0 && !open(g.putAway):
		return b.closedGroup(g, away)
	case len(away) > 0:
		b.add(b.stockOp(opPostPutAway, task, away, whole))
	}
	return nil
}

// lacking says of each wanted line whether the group does not hold all of it;
// what is there counts for the oldest lines.
func (b *builder) lacking(g *group, lines []cin7.StockLine) []bool {
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
		"purchase %s group %d no longer takes receipts in Cin7, %s of %s are missing", b.have.OrderNumber, g.number, missing[0].Quantity, missing[0].SKU)
}

func (b *builder) stockOp(kind, task string, lines []cin7.StockLine, whole []queue.Ref) op {
	what := "receive"
	if kind == opPostPutAway {
		what = "put away"
	}
	return op{
		Kind: kind, For: b.want.Ref, Receipts: whole,
		Why:   fmt.Sprintf("%s %s of %s", what, lines[0].Quantity, lines[0].SKU),
		Stock: &cin7.NewStock{PurchaseID: b.have.ID, TaskID: task, Status: cin7.StatusAuthorised, Lines: lines},
	}
}

// missingLines is want less have, product by product: what is there counts
// against the oldest wanted lines. extra names what is there beyond.
func missingLines(want, have []cin7.StockLine) (missing []cin7.StockLine, extra string) {
	there := perProduct(have)
	for _, l := range want {
		k := strings.ToLower(l.ProductID)
		used := decimal.Min(there[k], l.Quantity.Decimal)
		there[k] = there[k].Sub(used)
		if rest := l.Quantity.Sub(used); rest.IsPositive() {
			l.Quantity = cin7.NewNumber(rest)
			missing = append(missing, l)
		}
	}
	for _, l := range have {
		if q := there[strings.ToLower(l.ProductID)]; q.IsPositive() {
			return missing, q.String() + " of " + firstOf(l.SKU, l.ProductID)
		}
	}
	return missing, ""
}

// receiptsFirst is the STOCK approach: each receipt has a group of its own.
func (b *builder) receiptsFirst() {
	if b.ReceiveOn == tenant.ReceiveOnNever {
		return // people receive in Cin7
	}
	holds := func(g *group, r wantReceipt) bool {
		lines := g.stock.Lines
		if !b.PutAway {
			lines = g.putAway.Lines
		}
		missing, extra := missingLines(r.Lines, lines)
		return len(missing) == 0 && extra == ""
	}
	var fresh []wantReceipt
	place := func(r wantReceipt, g *group) {
		g.claimed = true
		b.inStep(r.Ref)
		if err := b.receiveInto(g, r.Lines, []queue.Ref{r.Ref}); err != nil {
			b.hold(r.Ref, err)
		}
	}
	for _, r := range b.want.Receipts {
		i := slices.IndexFunc(b.groups, func(g *group) bool { return !g.claimed && b.known[r.Ref] != "" && cin7.SameID(g.task, b.known[r.Ref]) })
		if i < 0 {
			i = slices.IndexFunc(b.groups, func(g *group) bool { return !g.claimed && g.received && holds(g, r) })
		}
		if i < 0 {
			fresh = append(fresh, r)
			continue
		}
		place(r, b.groups[i])
	}
	stray := slices.IndexFunc(b.groups, func(g *group) bool { return g.received && !g.claimed })
	for _, r := range fresh {
		if stray >= 0 {
			// Opening one more group could receive the same goods twice.
			b.hold(r.Ref, problem(ParkGroupConflict, "bring the receipt in line in Cin7 or in NetSuite, then retry this record",
				"purchase %s group %d holds a receipt that matches none in NetSuite", b.have.OrderNumber, b.groups[stray].number))
			continue
		}
		i := slices.IndexFunc(b.groups, func(g *group) bool { return !g.claimed && !g.received && freeForInvoice(g) })
		if i >= 0 {
			place(r, b.groups[i])
			continue
		}
		// No TaskID opens a new group (contract cin7 7.6), on purpose here. One
		// at a time: the next receipt is planned when this group is seen.
		g := &group{number: len(b.groups)}
		place(r, g)
		break
	}
	for _, r := range fresh {
		if _, planned := b.out.Verdicts[r.Ref]; !planned {
			b.hold(r.Ref, &Wait{Reason: WaitRetry, Message: "goes after the receipt before it"})
		}
	}
	for _, g := range b.groups {
		g.claimed = false // invoices claim anew
	}
}

// invoicesOnReceipts puts each bill into the group that holds what it bills.
func (b *builder) invoicesOnReceipts() {
	var fresh []wantInvoice
	for _, inv := range b.want.Invoices {
		if g := b.invoiceGroup(inv); g != nil {
			b.planInvoice(inv, g)
			continue
		}
		fresh = append(fresh, inv)
	}
	covers := func(g *group, inv wantInvoice, exactly bool) bool {
		if !freeForInvoice(g) || g.putAway.Status != cin7.StatusAuthorised || len(inv.Lines) == 0 {
			return false
		}
		got, billed := perProduct(g.putAway.Lines), invoiced(cin7.Invoice{Lines: inv.Lines})
		for k, q := range billed {
			if got[k].LessThan(q) || exactly && !got[k].Equal(q) {
				return false
			}
		}
		return !exactly || len(got) == len(billed)
	}
	for _, inv := range fresh {
		i := slices.IndexFunc(b.groups, func(g *group) bool { return covers(g, inv, true) })
		if i < 0 {
			i = slices.IndexFunc(b.groups, func(g *group) bool { return covers(g, inv, false) })
		}
		if i >= 0 {
			b.planInvoice(inv, b.groups[i])
			continue
		}
		b.hold(inv.Ref, b.notReceived(inv))
	}
}

// notReceived says whether a bill waits for goods, or bills goods that Cin7
// holds in groups that one invoice cannot join.
func (b *builder) notReceived(inv wantInvoice) error {
	got := map[string]decimal.Decimal{}
	for _, g := range b.groups {
		for k, q := range perProduct(g.putAway.Lines) {
			got[k] = got[k].Add(q)
		}
	}
	for _, l := range inv.Lines {
		if q := got[strings.ToLower(l.ProductID)]; q.LessThan(l.Quantity.Decimal) {
			return &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("bill %s bills %s of %s, %s are received in Cin7", inv.Number, l.Quantity, l.SKU, q)}
		}
	}
	return problem(ParkGroupConflict, "enter the invoice in Cin7 by hand and skip this record",
		"bill %s matches no single receiving group of purchase %s", inv.Number, b.have.OrderNumber)
}

// deadBills: a bill that NetSuite cancelled, rejected or voided must not be
// posted in Cin7.
func (b *builder) deadBills() {
	for r, err := range b.want.Held {
		if !errors.Is(err, errDead) {
			continue
		}
		b.hold(r, nil)
		task := b.known[r]
		for _, g := range b.groups {
			if task != "" && cin7.SameID(g.task, task) && posted(g.invoice) {
				b.hold(r, problem(ParkVoidedAfterPost, "void the invoice in Cin7 or credit it there, then retry this record",
					"the bill of invoice %s (purchase %s) was cancelled, rejected or voided in NetSuite", g.invoice.InvoiceNumber, b.have.OrderNumber))
			}
		}
	}
}

// stageOf is how far the purchase has come.
func stageOf(w *want, p *cin7.Purchase, groups []*group) string {
	billed, got := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	charged := decimal.Zero
	anyInvoice, anyReceipt := false, false
	for _, g := range groups {
		if posted(g.invoice) {
			anyInvoice = true
			for k, q := range invoiced(g.invoice) {
				billed[k] = billed[k].Add(q)
			}
			for _, c := range g.invoice.AdditionalCharges {
				charged = charged.Add(c.Total.Decimal)
			}
		}
		if g.putAway.Status == cin7.StatusAuthorised {
			anyReceipt = true
			for k, q := range perProduct(g.putAway.Lines) {
				got[k] = got[k].Add(q)
			}
		}
	}
	done := anyInvoice || w.Closed
	for _, l := range p.Order.Lines {
		k := strings.ToLower(l.ProductID)
		if !w.Closed && (billed[k].LessThan(l.Quantity.Decimal) || got[k].LessThan(l.Quantity.Decimal)) {
			done = false
		}
	}
	if !w.Closed && charged.LessThan(sumOf(p.Order.AdditionalCharges, func(c cin7.Charge) decimal.Decimal { return c.Total.Decimal })) {
		done = false
	}
	last, first := "RECEIVE", "INVOICE"
	if p.Approach == cin7.ApproachStock {
		anyInvoice, anyReceipt = anyReceipt, anyInvoice
		last, first = first, last
	}
	switch {
	case done:
		return "DONE"
	case anyReceipt:
		return last
	case anyInvoice:
		return first
	}
	return "ORDER"
}
