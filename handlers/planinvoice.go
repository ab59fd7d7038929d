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
)

// invoiceGroups finds the groups that already hold a bill's invoice: by our
// own memory, else by its number. Usually it is one; under STOCK a bill of
// several receipts has an invoice in the group of each.
func (b *builder) invoiceGroups(inv wantInvoice) []*group {
	var out []*group
	for _, g := range b.groups {
		i := g.invoice
		if g.billed != (queue.Ref{}) || i.TaskID == "" || i.Status == cin7.StatusVoided {
			continue
		}
		tied := b.known[inv.Ref].has(g.task) && i.InvoiceNumber != ""
		named := i.InvoiceNumber == inv.Number && i.Status != cin7.StatusNotAvailable && i.Status != "" && !b.tiedElsewhere(g, inv.Ref)
		if tied || named {
			out = append(out, g)
		}
	}
	return out
}

func (b *builder) invoiceGroup(inv wantInvoice) *group {
	if gs := b.invoiceGroups(inv); len(gs) > 0 {
		return gs[0]
	}
	return nil
}

// planInvoice brings one invoice in line in its group. whole is the bill, of
// which inv may be the share of this group.
func (b *builder) planInvoice(whole, inv wantInvoice, g *group) {
	g.billed = inv.Ref
	b.inStep(inv.Ref)
	body := cin7.NewInvoice{
		PurchaseID: b.have.ID, TaskID: g.task, InvoiceNumber: inv.Number, InvoiceDate: inv.Date, InvoiceDueDate: inv.Due,
		Status: cin7.StatusDraft, Lines: inv.Lines, AdditionalCharges: inv.Charges,
	}
	same := sameInvoice(inv, g.invoice)
	post := func() op { // its hash is for those that need it
		authorise := body
		authorise.Status = cin7.StatusAuthorised
		return op{Kind: opAuthoriseInvoice, For: inv.Ref, Invoice: &authorise, Sent: sentInvoice(whole), Source: b.want.Sources[inv.Ref], Why: "the draft of " + inv.Number + " reads back as planned"}
	}
	switch {
	case posted(g.invoice) && !same:
		b.differs(whole, g, diffInvoice(inv, g.invoice))
	case posted(g.invoice):
		b.stands(post(), g.task)
	case !same:
		b.add(op{Kind: opDraftInvoice, For: inv.Ref, Invoice: &body, Why: "bill " + inv.Number + " is not in " + b.have.OrderNumber + b.anew(b.known[inv.Ref])})
	default:
		b.add(post())
	}
}

// differs decides about a posted invoice that is not what NetSuite says: it is
// never overwritten. When NetSuite changed and the tenant wants it so, it is
// undone and posted again.
func (b *builder) differs(inv wantInvoice, g *group, diff string) {
	t := b.known[inv.Ref]
	fast := b.untouchable(g)
	switch {
	case b.invoiceAsPosted(inv.Ref, g):
		// Another part of the bill is not posted yet: this one stays.
		b.older(inv.Ref, diff)
	case t.Sent != "" && (t.Sent == sentInvoice(inv) || t.Source != "" && t.Source == b.want.Sources[inv.Ref]):
		b.hold(inv.Ref, problem(ParkEditedInCin7, "bring the invoice back in Cin7, or correct the bill in NetSuite, then retry this record",
			"invoice %s of %s was edited in Cin7 after it was posted: %s", inv.Number, b.have.OrderNumber, diff))
	case !b.Repost || !b.changedSince(inv):
		// Without memory nobody knows whether NetSuite, Cin7 or the mapping was edited.
		b.hold(inv.Ref, problem(ParkBillChanged, "undo the invoice in Cin7 and retry this record, or correct it there with a credit note and skip this record",
			"bill %s and the posted invoice of %s differ: %s", inv.Number, b.have.OrderNumber, diff))
	case fast != nil:
		b.hold(inv.Ref, fast)
	case b.have.Approach == cin7.ApproachInvoice && b.received(g) && !equalQuantities(invoiced(cin7.Invoice{Lines: inv.Lines}), perProduct(b.receivedLines(g))):
		// Undone, the goods of the group could not be received again as they are.
		b.hold(inv.Ref, problem(ParkBillChanged, "undo the receiving and the invoice in Cin7 and retry this record, or credit the difference there and skip this record",
			"bill %s changed its quantities after its goods were received into %s: %s", inv.Number, b.have.OrderNumber, diff))
	default:
		b.add(op{Kind: opUndoInvoice, For: inv.Ref, Task: g.task, Why: "bill " + inv.Number + " changed after it was posted: " + diff + b.anew(t)})
	}
}

// changedSince says that we know NetSuite to have changed a bill after it was
// posted.
func (b *builder) changedSince(inv wantInvoice) bool {
	t := b.known[inv.Ref]
	return t.Sent != "" && t.Source != "" && t.Sent != sentInvoice(inv) && t.Source != b.want.Sources[inv.Ref]
}

// invoicesFirst is the INVOICE approach: each bill gets a group of its own.
func (b *builder) invoicesFirst() {
	var fresh []wantInvoice
	for _, inv := range b.want.Invoices {
		if b.kept[inv.Ref] {
			continue
		}
		if g := b.invoiceGroup(inv); g != nil {
			b.planInvoice(inv, inv, g)
			continue
		}
		fresh = append(fresh, inv)
	}
	for _, inv := range fresh {
		i := slices.IndexFunc(b.groups, func(g *group) bool { return g.freeForInvoice() && !b.received(g) && (g.dead || g.untouched()) })
		switch {
		case i >= 0:
			b.planInvoice(inv, inv, b.groups[i])
		case b.NoZeroGroup:
			b.hold(inv.Ref, noFurtherGroup(inv.Number, "it has refused that for this account before"))
		default:
			// The likely, but unconfirmed, way to open one more group.
			b.planInvoice(inv, inv, &group{task: cin7.ZeroID})
		}
	}
}

// noFurtherGroup is why a second bill cannot go under INVOICE.
func noFurtherGroup(number, why string) *Problem {
	return problem(ParkGroupConflict, "enter the invoice in Cin7 by hand and skip the bill, or use the STOCK approach for such vendors",
		"Cin7 opens no further group for bill %s: %s", number, why)
}

// invoicesOnReceipts puts each bill into the groups that hold what it bills.
func (b *builder) invoicesOnReceipts() {
	var fresh []wantInvoice
	for _, inv := range b.want.Invoices {
		if b.kept[inv.Ref] {
			continue
		}
		// A draft among goods that were voided since cannot count: it is worth
		// nothing, and the bill looks for goods anew.
		own := slices.DeleteFunc(b.invoiceGroups(inv), func(g *group) bool {
			return !posted(g.invoice) && (g.stock.Status == cin7.StatusVoided || g.putAway.Status == cin7.StatusVoided)
		})
		if len(own) > 0 {
			b.billReceipts(inv, own)
			continue
		}
		fresh = append(fresh, inv)
	}
	for _, inv := range fresh {
		b.billReceipts(inv, nil)
	}
}

// billReceipts plans the invoices of a bill under STOCK: own are the groups
// that hold its invoice already.
func (b *builder) billReceipts(inv wantInvoice, own []*group) {
	into := b.groupsFor(inv, own)
	if len(into) == 0 {
		b.hold(inv.Ref, b.notReceived(inv))
		return
	}
	slices.SortStableFunc(into, func(x, y *group) int { return cmp.Compare(oldest(x.putAway.Lines), oldest(y.putAway.Lines)) })
	parts, p := splitInvoice(inv, into)
	if p != nil {
		b.hold(inv.Ref, p)
		return
	}
	before := len(b.out.Ops)
	for i, g := range into {
		b.planInvoice(inv, parts[i], g)
	}
	// Never partly posted: all parts are drafted and read back before the first counts.
	added := b.out.Ops[before:]
	if slices.ContainsFunc(added, func(o op) bool { return o.Kind == opDraftInvoice }) {
		b.out.Ops = append(b.out.Ops[:before], slices.DeleteFunc(slices.Clone(added), func(o op) bool { return o.Kind == opAuthoriseInvoice })...)
	}
}

// groupsFor chooses the groups of a bill under STOCK: one that holds just what
// it bills; else several of which it bills all; else one that holds more.
// Empty when there are none (yet).
func (b *builder) groupsFor(inv wantInvoice, own []*group) []*group {
	need := invoiced(cin7.Invoice{Lines: inv.Lines})
	covers := func(g *group) bool { return len(need) > 0 && within(need, perProduct(g.putAway.Lines)) }
	if len(own) == 1 && (covers(own[0]) || len(need) == 0) {
		return own
	}
	var free []*group
	for _, g := range b.groups {
		if g.freeForInvoice() && g.putAway.Status == cin7.StatusAuthorised && !slices.Contains(own, g) {
			free = append(free, g)
		}
	}
	if len(own) == 0 {
		if i := slices.IndexFunc(free, func(g *group) bool { return covers(g) && within(perProduct(g.putAway.Lines), need) }); i >= 0 {
			return free[i : i+1]
		}
	}
	left := map[string]decimal.Decimal{}
	addTo(left, need)
	chosen := slices.Clone(own)
	take := func(g *group) {
		for k, q := range perProduct(g.putAway.Lines) {
			left[k] = left[k].Sub(q)
		}
	}
	for _, g := range own {
		take(g)
	}
	for _, g := range free {
		if got := perProduct(g.putAway.Lines); len(got) > 0 && within(got, left) {
			chosen = append(chosen, g)
			take(g)
		}
	}
	whole := len(need) > 0
	for _, q := range left {
		whole = whole && q.IsZero()
	}
	switch {
	case whole:
		return chosen
	case len(own) > 0:
		return own // the difference is told
	}
	if b.moreToCome(need) {
		return nil
	}
	if i := slices.IndexFunc(free, covers); i >= 0 {
		return free[i : i+1]
	}
	// The order is closed: no more will come than is there, and the bill is owed.
	i := slices.IndexFunc(free, func(g *group) bool {
		return b.want.Closed && slices.ContainsFunc(g.putAway.Lines, func(l cin7.StockLine) bool { return need[strings.ToLower(l.ProductID)].IsPositive() })
	})
	if i >= 0 {
		return free[i : i+1]
	}
	return nil
}

// moreToCome says that goods of a bill are ordered that have not come yet:
// then a receipt of just what it bills may still come.
func (b *builder) moreToCome(need map[string]decimal.Decimal) bool {
	if b.want.Closed || b.want.Alone {
		return false
	}
	in := map[string]decimal.Decimal{}
	for _, g := range b.groups {
		if g.putAway.Status == cin7.StatusAuthorised {
			addTo(in, perProduct(g.putAway.Lines))
		}
	}
	for _, l := range b.want.Order.Lines {
		k := strings.ToLower(l.ProductID)
		if need[k].IsPositive() && in[k].LessThan(l.Quantity.Decimal) && !slices.Contains(b.want.Short, strings.ToUpper(l.SKU)) {
			return true
		}
	}
	return false
}

func oldest(lines []cin7.StockLine) cin7.Date {
	var out cin7.Date
	for _, l := range lines {
		if out == "" || l.Date < out {
			out = l.Date
		}
	}
	return out
}

// splitInvoice divides a bill over the groups that hold its goods, oldest
// first: quantities as they were received, the tax of each line in proportion,
// charges with the first. The parts carry the bill's number and sum to it.
func splitInvoice(inv wantInvoice, into []*group) ([]wantInvoice, *Problem) {
	if len(into) == 1 {
		return []wantInvoice{inv}, nil
	}
	parts := make([]wantInvoice, len(into))
	for i := range parts {
		parts[i] = wantInvoice{Ref: inv.Ref, Number: inv.Number, Date: inv.Date, Due: inv.Due, Lines: []cin7.Line{}, Charges: []cin7.Charge{}}
	}
	parts[0].Charges = inv.Charges
	for _, l := range inv.Lines {
		k := strings.ToLower(l.ProductID)
		left, sum := l.Quantity.Decimal, decimal.Zero
		shares := make([]decimal.Decimal, len(into))
		for i, g := range into {
			shares[i] = decimal.Min(left, perProduct(g.putAway.Lines)[k])
			left = left.Sub(shares[i])
		}
		taxes := spread(l.Tax.Decimal, shares, 2)
		for i, q := range shares {
			if !q.IsPositive() {
				continue
			}
			part := l
			part.Quantity, part.Tax, part.Total = cin7.NewNumber(q), cin7.NewNumber(taxes[i]), cin7.NewNumber(lineTotal(q, l.Price.Decimal))
			sum = sum.Add(part.Total.Decimal)
			parts[i].Lines = append(parts[i].Lines, part)
		}
		if !left.IsZero() || !sum.Equal(l.Total.Decimal) {
			return nil, problem(ParkGroupConflict, "enter the invoices in Cin7 by hand and skip this record",
				"bill %s bills %s of %s for %s, received in %d receipts: their invoices would sum to %s", inv.Number, l.Quantity, l.SKU, money(l.Total.Decimal), len(into), money(sum))
		}
	}
	for i := range parts {
		p := &parts[i]
		for _, l := range p.Lines {
			p.Net, p.Tax = p.Net.Add(l.Total.Decimal), p.Tax.Add(l.Tax.Decimal)
		}
		for _, c := range p.Charges {
			p.Net, p.Tax = p.Net.Add(c.Total.Decimal), p.Tax.Add(c.Tax.Decimal)
		}
	}
	return parts, nil
}

// notReceived says whether a bill waits for goods, or bills goods that Cin7
// holds in groups that its invoice cannot join.
func (b *builder) notReceived(inv wantInvoice) error {
	got := map[string]decimal.Decimal{}
	for _, g := range b.groups {
		if g.putAway.Status == cin7.StatusAuthorised {
			addTo(got, perProduct(g.putAway.Lines))
		}
	}
	for _, l := range inv.Lines {
		q := got[strings.ToLower(l.ProductID)]
		switch {
		case !q.LessThan(l.Quantity.Decimal):
		case b.want.Closed:
			return problem(ParkGroupConflict, "enter the invoice in Cin7 by hand and skip this record",
				"bill %s bills %s of %s, %s are received in Cin7 and the order is closed: under STOCK an invoice needs a receipt of its own", inv.Number, l.Quantity, l.SKU, q)
		default:
			return &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("bill %s bills %s of %s, %s are received in Cin7", inv.Number, l.Quantity, l.SKU, q)}
		}
	}
	if need := invoiced(cin7.Invoice{Lines: inv.Lines}); b.moreToCome(need) {
		return &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("bill %s bills %s: no receipt of just that is in Cin7, and more goods are to come", inv.Number, goodsText(inv.Lines))}
	}
	if len(inv.Lines) == 0 {
		return problem(ParkGroupConflict, "bill the charges together with goods in NetSuite, or enter the invoice in Cin7 by hand and skip this record",
			"bill %s bills charges alone: under STOCK an invoice of purchase %s needs goods", inv.Number, b.have.OrderNumber)
	}
	return problem(ParkGroupConflict, "enter the invoice in Cin7 by hand and skip this record",
		"bill %s (%s) matches no receiving group of purchase %s that has no invoice yet: Cin7 takes one invoice per receipt", inv.Number, goodsText(inv.Lines), b.have.OrderNumber)
}

func goodsText(lines []cin7.Line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Quantity.String()+" of "+l.SKU)
	}
	return strings.Join(out, ", ")
}

// deadDocuments: what NetSuite cancelled, rejected, voided or deleted must not
// be posted in Cin7.
func (b *builder) deadDocuments() {
	for _, d := range b.want.Dead {
		b.hold(d.Ref, nil)
		switch d.Ref.Type {
		case string(netsuite.TypeVendorBill):
			b.deadBill(d)
		case string(netsuite.TypeItemReceipt):
			b.deadReceipt(d)
		case string(netsuite.TypeVendorCredit):
			b.deadCredit(d)
		}
	}
}

func (b *builder) deadBill(d wantDead) {
	alive := slices.ContainsFunc(b.want.Invoices, func(i wantInvoice) bool { return i.Number == d.Number })
	for _, g := range b.groups {
		named := d.Number != "" && g.invoice.InvoiceNumber == d.Number && !alive && !b.tiedElsewhere(g, d.Ref)
		if !b.known[d.Ref].has(g.task) && !named || g.invoice.InvoiceNumber == "" || g.invoice.Status == cin7.StatusVoided || b.overwritten(g) {
			continue
		}
		g.dead = true
		fast := b.untouchable(g)
		switch {
		case !posted(g.invoice): // a draft has no effect; the next bill takes it over
		case !b.Repost:
			b.hold(d.Ref, problem(ParkVoidedAfterPost, "void the invoice in Cin7 or credit it there, then retry this record",
				"the bill of invoice %s (purchase %s) was cancelled, rejected, voided or deleted in NetSuite", g.invoice.InvoiceNumber, b.have.OrderNumber))
		case fast != nil:
			b.hold(d.Ref, fast)
		case b.received(g):
			// Voided, the group would take no other invoice for its goods.
			b.add(op{Kind: opUndoInvoice, For: d.Ref, Task: g.task, Why: "bill " + g.invoice.InvoiceNumber + " was voided or deleted in NetSuite; its goods stay for another bill"})
		default:
			b.add(op{Kind: opVoidInvoice, For: d.Ref, Task: g.task, Why: "bill " + g.invoice.InvoiceNumber + " was voided or deleted in NetSuite"})
		}
	}
}

// overwritten says that a group that we remember by a dead bill was taken over
// by one that is alive.
func (b *builder) overwritten(g *group) bool {
	return slices.ContainsFunc(b.want.Invoices, func(i wantInvoice) bool { return b.known[i.Ref].has(g.task) && i.Number == g.invoice.InvoiceNumber })
}
