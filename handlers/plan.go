package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// The operations of a plan, in the words of state.Intent.Op.
const (
	opCreatePurchase   = "create_purchase"
	opSetRate          = "set_rate"
	opVoidPurchase     = "void_purchase"
	opVoidStray        = "void_stray_purchase" // a bare draft that carries the marker of a record with another purchase
	opUndoPurchase     = "undo_purchase"
	opPostOrder        = "post_order"
	opDraftInvoice     = "draft_invoice"
	opAuthoriseInvoice = "authorise_invoice"
	opUndoInvoice      = "undo_invoice"
	opVoidInvoice      = "void_invoice"
	opDraftStock       = "draft_stock"    // a receipt that opens a group: a second one has no effect
	opDraftPutAway     = "draft_put_away" // the same without put-away
	opPostStock        = "post_stock"
	opReplaceStock     = "replace_stock"
	opVoidStock        = "void_stock"
	opPostPutAway      = "post_put_away"
	opDraftCredit      = "draft_credit_note"
	opAuthoriseCredit  = "authorise_credit_note"
	opVoidCredit       = "void_credit_note"
	opDraftJournal     = "draft_journal"
	opReplaceJournal   = "replace_journal"
	opCompleteJournal  = "complete_journal"
	opUndoJournal      = "undo_journal"
	opVoidJournal      = "void_journal"
)

// op is one call that is missing, with everything it sends.
type op struct {
	Kind string
	For  queue.Ref // the record on whose behalf
	Why  string    // plain words, for the timeline and for `plan`
	Task string    // of undo and void: what is undone

	Header  *cin7.NewPurchase
	Update  *cin7.UpdatePurchase
	Order   *cin7.NewOrder
	Invoice *cin7.NewInvoice
	Stock   *cin7.NewStock // of all that receives and puts away
	Credit  *cin7.NewCreditNote
	Journal *cin7.Journal
	// Receipts are the receipts that a stock call carries, when it carries
	// whole ones: they are then tied to the group.
	Receipts []queue.Ref
	About    []queue.Ref // whose goods, or parts of them, a stock call carries: for their timelines
	// Again, of void_purchase: the purchase is made anew afterwards.
	Again bool
	// Sent is the hash of the wanted document that the call completes, Source
	// that of what NetSuite says of it; what is posted is remembered by them.
	Sent, Source string
}

// rules are the settings, and what we have learnt of the account, that the
// plan depends on.
type rules struct {
	PutAway   bool
	ReceiveOn string
	// Repost: what changed in NetSuite after it was posted is undone and posted
	// again (sync.after_post_change: void_and_repost), else it is parked.
	Repost bool
	Lock   cin7.Date // Cin7's books are closed up to and including; "" open
	// NoZeroGroup: Cin7 has refused to open a further group for an invoice.
	NoZeroGroup bool
	// NoUndo: an undo of the purchase left its order authorised.
	NoUndo bool
	// Settings is the version of the tenant's settings, to be told.
	Settings int64
}

// outlook is the answer of the planner.
type outlook struct {
	Ops []op // calls that can go now, in order; planned again after each
	// Verdicts say of every document why it is not in step: a *Problem, a
	// *Wait, or nil when Cin7 matches (or will once Ops are done).
	Verdicts map[queue.Ref]error
	// Older are the documents that stay as they are posted although they would
	// be posted otherwise under the settings of today, with how.
	Older map[queue.Ref]string
	// Posted are documents that stand as planned without our remembering it:
	// the answer of the call that posted them was lost. Each is that call.
	Posted []op
	Stage  string // ORDER, INVOICE, RECEIVE or DONE; "" before the order
}

// plan compares the purchase as it is (nil: there is none) with the one that
// is wanted. It is pure: equal arguments give equal plans, and a plan whose
// calls all took effect is followed by an empty one.
func plan(r rules, w *want, p *cin7.Purchase, known ties) outlook {
	out := outlook{Verdicts: map[queue.Ref]error{w.Ref: nil}}
	for k, err := range w.Held {
		if errors.Is(err, errDead) {
			err = nil // as long as Cin7 does not have it
		}
		out.Verdicts[k] = err
	}
	if p == nil {
		if w.Void == "" {
			out.Ops = append(out.Ops, op{Kind: opCreatePurchase, For: w.Ref, Header: &w.Header, Why: "Cin7 has no purchase for " + w.Number})
		} // else it never was in Cin7, and never will be
		return out
	}
	b := builder{rules: r, want: w, have: p, groups: groupsOf(p), known: known, out: &out, kept: map[queue.Ref]bool{}}
	b.keepPosted()
	if b.purchase() {
		return out
	}
	b.deadDocuments()
	if p.Approach == cin7.ApproachStock {
		b.receiptsFirst()
		b.invoicesOnReceipts()
	} else {
		b.invoicesFirst()
		b.receiptsOnInvoices()
	}
	b.credits()
	planRates(w, p, b.groups, &out)
	out.Stage = stageOf(w, p, b.groups)
	return out
}

// builder carries the plan of the groups.
type builder struct {
	rules
	want   *want
	have   *cin7.Purchase
	groups []*group
	known  ties
	out    *outlook
	kept   map[queue.Ref]bool // bills that stay as they are posted: keepPosted
}

func (b *builder) add(o op)                    { b.out.Ops = append(b.out.Ops, o) }
func (b *builder) hold(r queue.Ref, err error) { b.out.Verdicts[r] = err }

// inStep says that nothing is wrong with a document, unless something was said
// of it before.
func (b *builder) inStep(r queue.Ref) {
	if _, held := b.out.Verdicts[r]; !held {
		b.out.Verdicts[r] = nil
	}
}

// locked says that a date lies in closed books.
func (b *builder) locked(d cin7.Date) bool { return b.Lock != "" && d != "" && d <= b.Lock }

// tiedElsewhere says that we remember a group by another document of r's type.
func (b *builder) tiedElsewhere(g *group, r queue.Ref) bool {
	for other, t := range b.known {
		if other != r && other.Type == r.Type && t.has(g.task) {
			return true
		}
	}
	return false
}

// purchase plans the life of the purchase and its order. It reports true when
// nothing further can be planned.
func (b *builder) purchase() (stop bool) {
	w, p := b.want, b.have
	posted := b.anyPosted()
	void := op{Kind: opVoidPurchase, For: w.Ref, Task: p.ID}
	switch {
	case strings.Contains(p.Status, cin7.StatusVoided):
		if w.Void == "" {
			b.holdAll(problem(ParkEditedInCin7, "cancel the order in NetSuite too, or skip this record: Cin7 cannot bring a voided purchase back",
				"purchase %s was voided in Cin7, order %s is alive in NetSuite", p.OrderNumber, w.Number), "its purchase was voided in Cin7")
		}
		return true
	case w.Void != "" && posted && b.leaves():
		return true
	case w.Void != "" && posted && (!w.Alone || !b.Repost):
		b.holdAll(problem(ParkVoidedAfterPost, "decide in Cin7 what becomes of the posted documents, then skip this record",
			"%s was %s, purchase %s has posted documents", w.Number, w.Void, p.OrderNumber), "its order was "+w.Void)
		return true
	case w.Void != "":
		if posted && b.heldFast() {
			return true
		}
		void.Why = w.Number + " was " + w.Void
		b.add(void)
		return true
	case p.Order.Status == cin7.StatusVoided:
		b.holdAll(problem(ParkEditedInCin7, "cancel the order in NetSuite too, or skip this record",
			"the order of purchase %s was voided in Cin7", p.OrderNumber), "its order was voided in Cin7")
		return true
	case p.SupplierID != "" && !cin7.SameID(p.SupplierID, w.Header.SupplierID):
		if posted {
			b.holdAll(problem(ParkOrderChanged, "credit the posted documents in Cin7 by hand, or give the order its vendor back in NetSuite",
				"order %s is now of another vendor; purchase %s of %s has posted documents", w.Number, p.OrderNumber, p.Supplier), "its order is of another vendor than the one in Cin7")
			return true
		}
		void.Why, void.Again = "order "+w.Number+" is now of another vendor than "+p.Supplier, true
		b.add(void)
		return true
	case w.Alone && posted && b.aloneChanged():
		return true
	case !w.Blind && p.Order.Status != cin7.StatusAuthorised:
		order := w.Order
		order.TaskID = p.ID
		b.add(op{Kind: opPostOrder, For: w.Ref, Order: &order, Sent: sentOrder(w), Source: w.Source, Why: "the order of " + firstOf(p.OrderNumber, "the purchase for "+w.Number) + " is not authorised"})
		return true
	}
	if diff := diffLines(w.Order.Lines, w.Order.AdditionalCharges, p.Order.Lines, p.Order.AdditionalCharges); diff != "" && !w.Blind {
		if b.orderChanged(diff, posted) {
			return true
		}
	} else if t := b.known[w.Ref]; !w.Blind && (t.Sent == "" || !w.Alone && t.As[orderPart] == "") {
		order := w.Order
		b.out.Posted = append(b.out.Posted, op{Kind: opPostOrder, For: w.Ref, Order: &order, Sent: sentOrder(w), Source: w.Source})
	}
	if len(b.groups) == 0 && len(w.Invoices)+len(w.Receipts) > 0 {
		b.holdAll(problem(ParkGroupConflict, "open the purchase in Cin7 and check that it is an advanced purchase with an authorised order",
			"purchase %s shows no invoicing and receiving group", p.OrderNumber), "its purchase shows no group")
		return true
	}
	return false
}

// leaves plans what goes before a dead order: its dead documents. It reports
// whether any of them can go.
func (b *builder) leaves() bool {
	b.deadDocuments()
	return len(b.out.Ops) > 0
}

// holdAll holds the purchase back with all that belongs to it.
func (b *builder) holdAll(err error, why string) {
	for _, i := range b.want.Invoices {
		b.hold(i.Ref, &Wait{Reason: WaitOrder, Message: why})
	}
	for _, r := range b.want.Receipts {
		b.hold(r.Ref, &Wait{Reason: WaitOrder, Message: why})
	}
	for _, c := range b.want.Credits {
		b.hold(c.Ref, &Wait{Reason: WaitOrder, Message: why})
	}
	b.hold(b.want.Ref, err)
}

// anyPosted says that something hangs on the purchase: an invoice or credit
// note that counts, or goods that were, or are just being, received.
func (b *builder) anyPosted() bool {
	return slices.ContainsFunc(b.groups, func(g *group) bool { return posted(g.invoice) || b.received(g) || g.handled() }) ||
		slices.ContainsFunc(b.have.CreditNote, func(n cin7.CreditNote) bool { return n.Status == cin7.StatusAuthorised })
}

// orderChanged brings an authorised order in line while nothing hangs on it:
// undone, else voided and made again. Otherwise it is parked, and the bills and
// receipts, which speak for themselves, go on.
func (b *builder) orderChanged(diff string, posted bool) (stop bool) {
	w, p := b.want, b.have
	switch t := b.known[w.Ref]; {
	case b.orderAsPosted():
		// Only our own settings have changed: an authorised order, which the
		// vendor may have, is not made another one for that.
		if _, told := b.out.Older[w.Ref]; !told {
			b.older(w.Ref, diff)
		}
		return false
	case t.Sent != "" && (t.Sent == sentOrder(w) || t.Source != "" && t.Source == w.Source):
		b.hold(w.Ref, problem(ParkEditedInCin7, "bring the order of the purchase back in Cin7 (undo, edit, authorise), then retry this record",
			"the order of purchase %s was edited in Cin7: %s", p.OrderNumber, diff))
		return false
	case posted:
		b.hold(w.Ref, problem(ParkOrderChanged, "bring the order of the purchase in line in Cin7 (undo, edit, authorise), or undo the change in NetSuite",
			"order %s and purchase %s differ: %s", w.Number, p.OrderNumber, diff))
		return false
	case b.NoUndo:
		b.add(op{Kind: opVoidPurchase, For: w.Ref, Task: p.ID, Again: true, Why: "order " + w.Number + " changed (" + diff + ") and Cin7 does not undo " + p.OrderNumber})
		return true
	}
	b.add(op{Kind: opUndoPurchase, For: w.Ref, Task: p.ID, Why: "order " + w.Number + " changed before anything was billed or received: " + diff + b.anew(b.known[w.Ref])})
	return true
}

// aloneChanged handles a bill without an order that changed after it was
// posted: its purchase is nobody else's, so it is voided and made again.
func (b *builder) aloneChanged() (stop bool) {
	w, p := b.want, b.have
	for _, inv := range w.Invoices {
		g := b.invoiceGroup(inv)
		if g == nil || !posted(g.invoice) || b.kept[inv.Ref] {
			continue
		}
		diff := diffInvoice(inv, g.invoice)
		if diff == "" {
			continue
		}
		if !b.changedSince(inv) || !b.Repost {
			b.differs(inv, g, diff)
			return true
		}
		if b.heldFast() {
			return true
		}
		b.add(op{Kind: opVoidPurchase, For: w.Ref, Task: p.ID, Again: true, Why: "bill " + inv.Number + " changed after it was posted: " + diff + b.anew(b.known[inv.Ref])})
		return true
	}
	return false
}

// heldFast parks a purchase whose posted documents must not be touched: paid,
// credited, or in closed books.
func (b *builder) heldFast() bool {
	for _, g := range b.groups {
		if p := b.untouchable(g); p != nil {
			b.holdAll(p, "its purchase cannot be undone")
			return true
		}
	}
	return false
}

// untouchable says why a posted invoice must not be undone, nil when it may.
func (b *builder) untouchable(g *group) *Problem {
	i := g.invoice
	credited := slices.ContainsFunc(b.have.CreditNote, func(n cin7.CreditNote) bool {
		return n.Status == cin7.StatusAuthorised && n.CreditNoteInvoiceNumber == i.InvoiceNumber
	})
	switch {
	case !posted(i):
	case i.Status == cin7.StatusPaid:
		return problem(ParkBillChanged, "correct the paid invoice in Cin7 with a credit note, then skip this record",
			"invoice %s of purchase %s is paid in Cin7 and changed in NetSuite", i.InvoiceNumber, b.have.OrderNumber)
	case credited:
		return problem(ParkBillChanged, "void the credit note in Cin7 or correct the invoice there by hand, then retry or skip this record",
			"invoice %s of purchase %s is credited in Cin7 and changed in NetSuite", i.InvoiceNumber, b.have.OrderNumber)
	case b.locked(i.InvoiceDate):
		return problem(ParkPeriodLocked, "move the lock date in Cin7, or correct the invoice there by a journal and skip this record",
			"invoice %s of purchase %s is dated %s; Cin7 is locked up to and including %s", i.InvoiceNumber, b.have.OrderNumber, i.InvoiceDate, b.Lock)
	}
	return nil
}

// sentOrder, sentInvoice and sentCredit name a wanted document by its content,
// to tell later who changed: NetSuite, or somebody in Cin7.
func sentOrder(w *want) string { return hashOf([]any{w.Order.Lines, w.Order.AdditionalCharges}) }

func sentInvoice(i wantInvoice) string {
	return hashOf([]any{i.Number, i.Date, i.Lines, i.Charges})
}

func sentCredit(c wantCredit) string {
	return hashOf([]any{c.Number, c.Date, c.Lines, c.Charges, c.Goods})
}

// stageOf is how far the purchase has come.
func stageOf(w *want, p *cin7.Purchase, groups []*group) string {
	billed, got := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	charged := decimal.Zero
	anyInvoice, anyReceipt := false, false
	for _, g := range groups {
		if posted(g.invoice) {
			anyInvoice = true
			addTo(billed, invoiced(g.invoice))
			for _, c := range g.invoice.AdditionalCharges {
				charged = charged.Add(c.Total.Decimal)
			}
		}
		if g.putAway.Status == cin7.StatusAuthorised {
			anyReceipt = true
			addTo(got, perProduct(g.putAway.Lines))
		}
	}
	ordered := p.Order.Lines
	if w.Blind && len(w.Invoices) > 0 {
		ordered = w.Invoices[0].Lines // what there is to receive
	}
	done := anyInvoice || w.Closed
	for _, l := range ordered {
		k := strings.ToLower(l.ProductID)
		if !w.Closed && !slices.Contains(w.Short, strings.ToUpper(l.SKU)) && (billed[k].LessThan(l.Quantity.Decimal) || got[k].LessThan(l.Quantity.Decimal)) {
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

// what names a quantity for people.
func what(quantity fmt.Stringer, l cin7.StockLine) string {
	return quantity.String() + " of " + firstOf(l.SKU, l.ProductID)
}
