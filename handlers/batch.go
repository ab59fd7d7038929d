package handlers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/trace"
)

// work is a batch of marks, sorted into units, with everything that NetSuite
// says about them.
type work struct {
	entries map[queue.Ref]*queue.Entry
	records map[queue.Ref]state.Record // what we know of the marked records
	vendors []netsuite.ID
	pos     []netsuite.ID
	alone   []netsuite.ID                   // bills without a PO
	links   map[netsuite.ID][]netsuite.Link // PO -> its documents
	// aloneCredits are the credits of bills without a PO: bill -> credits
	aloneCredits map[netsuite.ID][]netsuite.ID
	read         readings
	owners       map[queue.Ref]state.Record  // what we know of the orders, and of the bills without one
	gone         map[queue.Ref]state.Record  // what NetSuite has deleted, as we remember it
	goneOf       map[netsuite.ID][]queue.Ref // order, or bill without one -> its deleted documents
	settled      map[queue.Ref]bool
}

// readings are the records of a batch as NetSuite has them now.
type readings struct {
	vendors  map[netsuite.ID]netsuite.Vendor
	pos      map[netsuite.ID]netsuite.PurchaseOrder
	receipts map[netsuite.ID]netsuite.Receipt
	bills    map[netsuite.ID]netsuite.Bill
	credits  map[netsuite.ID]netsuite.Bill
}

// errYield: bulk marks stand back for live ones; what is left of the batch
// comes again when no live marks wait.
var errYield = errors.New("live marks wait")

// batch serves a batch of marks. It returns a *hold when the lane must be left
// alone; marks not settled then are taken again later.
func (t *turn) batch(ctx context.Context, entries []queue.Entry) error {
	t.marks, t.listMet = len(entries), false
	b, err := t.group(ctx, entries)
	if err != nil {
		return t.classifyBatch(ctx, entries, err)
	}
	bulk := len(entries) > 0 && entries[0].Class() == queue.Bulk
	yields := func() bool { return bulk && t.lane.LiveWaits(ctx) }
	for _, id := range b.vendors {
		if yields() {
			return errYield
		}
		if err := t.guard(ctx, b, netsuite.TypeVendor, id, t.vendorUnit); err != nil {
			return err
		}
	}
	for _, id := range b.pos {
		if yields() {
			return errYield
		}
		if err := t.guard(ctx, b, netsuite.TypePurchaseOrder, id, t.purchaseUnit); err != nil {
			return err
		}
	}
	for _, id := range b.alone {
		if yields() {
			return errYield
		}
		if err := t.guard(ctx, b, netsuite.TypeVendorBill, id, t.billUnit); err != nil {
			return err
		}
	}
	// Whatever no unit spoke for.
	for r, e := range b.entries {
		if !b.settled[r] {
			if err := t.leftover(ctx, b, r, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// classifyBatch decides about an error that struck the whole batch: what
// NetSuite refuses for good parks the marks, everything else holds the lane.
func (t *turn) classifyBatch(ctx context.Context, entries []queue.Entry, err error) error {
	err = t.classify(err)
	p, ok := asProblem(err)
	if !ok {
		return err
	}
	for i := range entries {
		s := queue.Settlement{Ref: entries[i].Ref, Entry: &entries[i], State: queue.Parked, Reason: p.Reason, Message: p.Message, Fix: p.Fix}
		if err := t.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// group sorts marks into units and reads all of them from NetSuite, after the
// marks were taken, so that anything newer is marked again (I5).
func (t *turn) group(ctx context.Context, entries []queue.Entry) (*work, error) {
	b := &work{entries: map[queue.Ref]*queue.Entry{}, records: map[queue.Ref]state.Record{}, links: map[netsuite.ID][]netsuite.Link{}, settled: map[queue.Ref]bool{}}
	ids := map[netsuite.RecordType][]netsuite.ID{}
	var refs []queue.Ref
	for i := range entries {
		e := &entries[i]
		id, err := netsuite.ParseID(e.ID)
		if err != nil || !slices.Contains(recordTypes[:], netsuite.RecordType(e.Type)) || e.Crashes >= 3 {
			if err := t.poison(ctx, e, err); err != nil {
				return nil, err
			}
			continue
		}
		if !t.t.Syncs(e.Type) {
			out := queue.Settlement{Ref: e.Ref, Entry: e, State: queue.Skipped, Reason: "not_synced", Message: "sync.types does not name " + e.Type}
			if err := t.settleRecord(ctx, out); err != nil {
				return nil, err
			}
			continue
		}
		b.entries[e.Ref] = e
		refs = append(refs, e.Ref)
		ids[netsuite.RecordType(e.Type)] = append(ids[netsuite.RecordType(e.Type)], id)
	}
	known, err := t.recs.Get(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	for _, k := range known {
		b.records[k.Ref] = k
	}
	if err := t.findOrders(ctx, b, ids); err != nil {
		return nil, err
	}
	if err := t.readAll(ctx, b, ids); err != nil {
		return nil, err
	}
	return b, t.findGone(ctx, b)
}

// findOrders resolves bills, receipts and credits to their purchase orders: by
// NetSuite's links, and by what we remember, because a deleted document has
// no links any more.
func (t *turn) findOrders(ctx context.Context, b *work, ids map[netsuite.RecordType][]netsuite.ID) error {
	pos := map[netsuite.ID]bool{}
	add := func(id netsuite.ID) {
		if id != 0 && !pos[id] {
			pos[id] = true
			b.pos = append(b.pos, id)
		}
	}
	for _, id := range ids[netsuite.TypePurchaseOrder] {
		add(id)
	}
	docs := slices.Concat(ids[netsuite.TypeItemReceipt], ids[netsuite.TypeVendorBill], ids[netsuite.TypeVendorCredit])
	linked := map[netsuite.ID]bool{}
	if len(docs) > 0 {
		links, err := t.ns.OrdersOf(ctx, docs...)
		if err != nil {
			return err
		}
		for _, l := range links {
			add(l.PO)
			linked[l.Doc] = true
		}
	}
	for r, rec := range b.records {
		of, err := t.ordersAmong(ctx, b, rec)
		if err != nil {
			return err
		}
		for _, id := range of {
			add(id)
			if d, err := netsuite.ParseID(r.ID); err == nil {
				linked[d] = true
			}
		}
	}
	for _, id := range ids[netsuite.TypeVendorBill] {
		if !linked[id] {
			b.alone = append(b.alone, id)
		}
	}
	// A credit without an order may be of a bill without one.
	credits := slices.DeleteFunc(slices.Clone(ids[netsuite.TypeVendorCredit]), func(id netsuite.ID) bool { return linked[id] })
	named, err := t.ns.BillsOf(ctx, credits...)
	if err != nil {
		return err
	}
	for _, bills := range named {
		b.alone = append(b.alone, bills...)
	}
	b.alone = unique(b.alone)
	b.vendors = ids[netsuite.TypeVendor]
	var owners []queue.Ref
	for _, id := range b.pos {
		owners = append(owners, ref(netsuite.TypePurchaseOrder, id))
	}
	for _, id := range b.alone {
		owners = append(owners, ref(netsuite.TypeVendorBill, id))
	}
	known, err := t.recs.Get(ctx, owners...)
	if err != nil {
		return fmt.Errorf("read the records of orders: %w", err)
	}
	b.owners = map[queue.Ref]state.Record{}
	for _, rec := range known {
		b.owners[rec.Ref] = rec
	}
	return nil
}

// ordersAmong are the orders that we remember of a document. A credit of a bill
// without an order remembers the bill, which stands alone.
func (t *turn) ordersAmong(ctx context.Context, b *work, rec state.Record) ([]netsuite.ID, error) {
	of := rememberedOrders(rec)
	if rec.Type != string(netsuite.TypeVendorCredit) {
		return of, nil
	}
	var out []netsuite.ID
	for _, id := range of {
		bill, err := t.recs.Get(ctx, ref(netsuite.TypeVendorBill, id))
		if err != nil {
			return nil, fmt.Errorf("read the bill of %s: %w", rec.Ref, err)
		}
		if bill[0].State != "" {
			b.alone = append(b.alone, id)
		} else {
			out = append(out, id)
		}
	}
	return out, nil
}

// readAll reads the batch: a handful of statements for all of it.
func (t *turn) readAll(ctx context.Context, b *work, ids map[netsuite.RecordType][]netsuite.ID) error {
	bills, receipts, credits := slices.Clone(b.alone), slices.Clone(ids[netsuite.TypeItemReceipt]), slices.Clone(ids[netsuite.TypeVendorCredit])
	if len(b.pos) > 0 {
		links, err := t.ns.DocumentsOf(ctx, b.pos...)
		if err != nil {
			return err
		}
		seen := map[netsuite.Link]bool{}
		for _, l := range links {
			if seen[l] {
				continue
			}
			seen[l] = true
			b.links[l.PO] = append(b.links[l.PO], l)
			switch l.Type {
			case netsuite.TypeVendorBill:
				bills = append(bills, l.Doc)
			case netsuite.TypeItemReceipt:
				receipts = append(receipts, l.Doc)
			case netsuite.TypeVendorCredit:
				credits = append(credits, l.Doc)
			}
		}
	}
	var err error
	if b.aloneCredits, err = t.ns.CreditsOf(ctx, b.alone...); err != nil {
		return err
	}
	for _, ids := range b.aloneCredits {
		credits = append(credits, ids...)
	}
	if b.read.pos, err = t.ns.PurchaseOrders(ctx, b.pos...); err != nil {
		return err
	}
	if b.read.bills, err = t.ns.Bills(ctx, unique(bills)...); err != nil {
		return err
	}
	if b.read.receipts, err = t.ns.Receipts(ctx, unique(receipts)...); err != nil {
		return err
	}
	if b.read.credits, err = t.ns.Credits(ctx, unique(credits)...); err != nil {
		return err
	}
	vendors := slices.Clone(b.vendors)
	for _, po := range b.read.pos {
		vendors = append(vendors, po.Vendor)
	}
	for _, id := range b.alone {
		vendors = append(vendors, b.read.bills[id].Vendor)
	}
	for r, rec := range b.owners {
		if id, err := netsuite.ParseID(rec.Facts[state.FactVendor]); err == nil && !b.shows(r) {
			vendors = append(vendors, id)
		}
	}
	vendors = slices.DeleteFunc(unique(vendors), func(id netsuite.ID) bool { return id == 0 })
	if b.read.vendors, err = t.ns.Vendors(ctx, vendors...); err != nil {
		return err
	}
	t.people, err = t.contacts(ctx, b)
	return err
}

func unique(ids []netsuite.ID) []netsuite.ID {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// vendorUnit serves a marked vendor.
func (t *turn) vendorUnit(ctx context.Context, b *work, id netsuite.ID) error {
	r := ref(netsuite.TypeVendor, id)
	v, ok := b.read.vendors[id]
	if !ok {
		return nil // leftover speaks for it
	}
	b.settled[r] = true
	_, err := t.vendor(ctx, v, b.entries[r])
	return onlyLane(err)
}

// onlyLane drops what has been settled as the outcome of a record, and keeps
// what concerns the lane.
func onlyLane(err error) error {
	if _, ok := asProblem(err); ok {
		return nil
	}
	if _, ok := asWait(err); ok {
		return nil
	}
	return err
}

// leftover settles a mark that no unit spoke for: NetSuite shows no such
// record, or one that has nothing to do with purchases.
func (t *turn) leftover(ctx context.Context, b *work, r queue.Ref, e *queue.Entry) error {
	out := queue.Settlement{Ref: r, Entry: e, State: queue.Completed}
	id, _ := netsuite.ParseID(r.ID)
	rec := b.records[r]
	c, isCredit := b.read.credits[id]
	receipt, isReceipt := b.read.receipts[id]
	skip, leftOut := rec.Skipped(t.w.now())
	if r.Type == string(netsuite.TypeVendor) && inCin7(rec) && !leftOut {
		gone, err := t.deleted(ctx, rec)
		if err != nil {
			return err
		}
		if gone {
			return t.deprecate(ctx, rec, e)
		}
	}
	switch {
	case leftOut:
		out.State, out.Reason, out.Message = queue.Skipped, state.ReasonSkip, skip.String()
	case isCredit && r.Type == string(netsuite.TypeVendorCredit):
		p := problem(ParkCin7Refused, "apply the credit to one bill in NetSuite, or enter the credit note in Cin7 by hand and skip this record",
			"vendor credit %s names no bill: a Cin7 credit note is written against one invoice", billNumber(c))
		out.State, out.Reason, out.Message, out.Fix = queue.Parked, p.Reason, p.Message, p.Fix
		out.Facts = map[string]string{state.FactNumber: c.TranID, state.FactParty: c.VendorName, state.FactVersion: c.ModifiedAt}
	case isReceipt && r.Type == string(netsuite.TypeItemReceipt):
		out.State, out.Reason, out.Message = queue.Skipped, "no_purchase_order", "the receipt comes from no purchase order"
		out.Facts = map[string]string{state.FactNumber: receipt.TranID, state.FactVersion: receipt.ModifiedAt}
	case e.Attempts < 2 && (e.Source != queue.SourceRecheck || rec.Reason != ParkNetSuiteHidden):
		// One empty answer is not "deleted": it may be a role, or a replica behind.
		out.State, out.Reason, out.Failed = queue.Waiting, WaitRetry, true
		out.Message = "NetSuite shows no such record; looked for again"
		out.NextAt = t.w.now().Add(t.w.o.Settle)
	case !inCin7(rec):
		out.Reason, out.Message = state.ReasonAbsent, "NetSuite has no such record, and nothing of it is in Cin7"
		if number := rec.Facts[state.FactNumber]; number != "" {
			out.Message = fmt.Sprintf("%s is no longer in NetSuite, and nothing of it is in Cin7", number)
		}
	default:
		p := problem(ParkNetSuiteHidden, "if it was deleted, decide in Cin7 what becomes of its documents and skip this record; if not, give the integration role the permission to see it",
			"NetSuite no longer shows %s, Cin7 has documents of it", r)
		out.State, out.Reason, out.Message, out.Fix = queue.Parked, p.Reason, p.Message, p.Fix
	}
	return t.settleRecord(ctx, out)
}

// inCin7 reports whether Cin7 holds anything of a record, as far as we know.
func inCin7(rec state.Record) bool {
	for name := range rec.Facts {
		if strings.HasPrefix(name, taskPrefix) {
			return true
		}
	}
	return len(rec.Links) > 0
}

// guard serves one unit, and keeps a panic in it from the rest of the batch:
// the unit's marks are retried, and parked as poison at the third time.
func (t *turn) guard(ctx context.Context, b *work, kind netsuite.RecordType, id netsuite.ID, serve func(context.Context, *work, netsuite.ID) error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		owner := ref(kind, id)
		t.log.Error("a unit panicked", zap.String("record_type", owner.Type), zap.String("record_id", owner.ID), zap.String("panic", secret.PanicText(p)), zap.ByteString("stack", debug.Stack()))
		err = t.panicked(ctx, b, owner, b.links[id], p)
	}()
	ctx, span := t.span(ctx, b, kind, id)
	defer func() { span.End() }() // not deferred itself: it would put the text of a panic into the span
	if err = serve(ctx, b, id); err != nil {
		trace.Fail(span, "not settled")
	}
	return err
}

// panicked settles the marks of a unit whose work panicked.
func (t *turn) panicked(ctx context.Context, b *work, owner queue.Ref, links []netsuite.Link, cause any) error {
	refs := []queue.Ref{owner}
	for _, l := range links {
		refs = append(refs, ref(l.Type, l.Doc))
	}
	for _, r := range refs {
		e := b.entries[r]
		if e == nil || b.settled[r] {
			continue
		}
		b.settled[r] = true
		why := fmt.Errorf("its work panicked: %s", secret.PanicText(cause))
		if e.Attempts >= 2 {
			if err := t.poison(ctx, e, why); err != nil {
				return err
			}
			continue
		}
		s := queue.Settlement{Ref: r, Entry: e}
		t.waiting(&s, &Wait{Reason: WaitRetry, Message: why.Error(), Failed: true}, e)
		if err := t.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// poison parks a mark that cannot be worked on, or whose work has killed its
// worker three times.
func (t *turn) poison(ctx context.Context, e *queue.Entry, cause error) error {
	what := "its type is not one of ours"
	switch {
	case cause != nil:
		what = cause.Error()
	case e.Crashes >= 3:
		what = fmt.Sprintf("%d workers died on it", e.Crashes)
	}
	p := problem(ParkPoison, "look at the log around these times, report it, then retry this record", "%s cannot be worked on: %s", e.Ref, what)
	return t.settleRecord(ctx, queue.Settlement{Ref: e.Ref, Entry: e, State: queue.Parked, Reason: p.Reason, Message: p.Message, Fix: p.Fix})
}

// stopsLane reports whether an error concerns the lane, not the record.
func stopsLane(err error) bool {
	var h *hold
	return errors.As(err, &h) || errors.Is(err, errStopping) || errors.Is(err, queue.ErrStale)
}
