package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
)

// mostCandidates is how many purchases of a vendor are opened in search of one
// bill that nothing points from.
const mostCandidates = 25

// inspect reads what is needed to say why open clusters differ: their
// purchases in Cin7, the orders of their bills and the bills of their
// documents in NetSuite. Then it pairs them anew, by whom the purchases were
// made for.
func (r *run) inspect(ctx context.Context, open []*cluster) error {
	if len(open) == 0 {
		return nil
	}
	var bills []*bill
	var docs []*ledgerDoc
	for _, c := range open {
		bills = append(bills, c.bills...)
		docs = append(docs, c.docs...)
	}
	r.say("%s in NetSuite and %s in Cin7's ledger do not agree by the lists alone: their purchases are read one by one", count(len(bills), "bill", "bills"), count(len(docs), "document", "documents"))
	for _, d := range docs {
		if d.purchase == nil {
			continue
		}
		if err := r.look(ctx, d.purchase); err != nil {
			return err
		}
	}
	if err := r.ordersOf(ctx, bills); err != nil {
		return err
	}
	if err := r.purchasesOf(ctx, bills, docs); err != nil {
		return err
	}
	r.assign(bills, docs)
	// A bill without an order may be a journal of another month.
	if slices.ContainsFunc(bills, func(b *bill) bool { return len(b.docs) == 0 && len(b.orders) == 0 }) {
		if err := r.listJournals(ctx); err != nil {
			return err
		}
	}
	return r.billsOf(ctx, docs)
}

// ordersOf reads the purchase orders of bills, and what is remembered of all
// of them.
func (r *run) ordersOf(ctx context.Context, bills []*bill) error {
	byID := map[netsuite.ID]*bill{}
	var ids []netsuite.ID
	var refs []queue.Ref
	for _, b := range bills {
		byID[b.id] = b
		ids = append(ids, b.id)
		refs = append(refs, b.Ref)
	}
	for part := range slices.Chunk(ids, 500) {
		links, err := r.in.NetSuite.OrdersOf(ctx, part...)
		if err != nil {
			return fmt.Errorf("read the orders of %d bills: %w", len(part), err)
		}
		for _, l := range links {
			if b := byID[l.Doc]; b != nil && !slices.Contains(b.orders, l.PO) {
				b.orders = append(b.orders, l.PO)
				refs = append(refs, orderRef(l.PO))
			}
		}
	}
	return r.know(ctx, refs...)
}

func orderRef(id netsuite.ID) queue.Ref {
	return queue.Ref{Type: string(netsuite.TypePurchaseOrder), ID: id.String()}
}

// equals reports whether a ledger document holds what the bill says, in base
// currency.
func (b *bill) equals(d *ledgerDoc) bool { return b.lines.vector().less(d.lines.vector()).zeroBase() }

// owners are the records that a purchase of this bill may be marked for.
func (b *bill) owners() []queue.Ref {
	out := []queue.Ref{b.Ref}
	for _, id := range b.orders {
		out = append(out, orderRef(id))
	}
	return out
}

// purchasesOf reads the purchases that may hold a bill which no ledger
// document was found for: those that we remember, else those of the vendor
// that nothing else explains.
func (r *run) purchasesOf(ctx context.Context, bills []*bill, docs []*ledgerDoc) error {
	marked := map[queue.Ref]bool{}
	for _, d := range docs {
		if d.purchase != nil && d.purchase.owner.ID != "" {
			marked[d.purchase.owner] = true
		}
	}
	for _, b := range bills {
		known := false
		for _, o := range b.owners() {
			known = known || marked[o]
			if p := r.purchases[strings.ToLower(r.records[o].Links["purchase"])]; p != nil {
				if err := r.look(ctx, p); err != nil {
					return err
				}
				known = true
			}
		}
		if known {
			continue
		}
		if err := r.lookAmong(ctx, b.vendor); err != nil {
			return err
		}
	}
	return nil
}

// lookAmong reads purchases of a vendor that nothing explains yet.
func (r *run) lookAmong(ctx context.Context, vendor string) error {
	tried := 0
	for _, p := range r.suppliers[fold(vendor)] {
		if p.paired || p.looked {
			continue
		}
		if tried++; tried > mostCandidates {
			break
		}
		if err := r.look(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// assign gives ledger documents to bills: by whom their purchase is marked
// for, then by the vendor and number of the cluster. One purchase gives one
// document to a bill; a second is a double.
func (r *run) assign(bills []*bill, docs []*ledgerDoc) {
	slices.SortStableFunc(bills, func(a, b *bill) int { return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID)) })
	byOwner := map[queue.Ref][]*ledgerDoc{}
	byName := map[string][]*ledgerDoc{}
	for _, d := range docs {
		o := d.owner
		if d.purchase != nil {
			o = d.purchase.owner
		}
		if o.ID != "" {
			byOwner[o] = append(byOwner[o], d)
		} else {
			k := fold(d.supplier) + "\x00" + fold(d.number)
			byName[k] = append(byName[k], d)
		}
	}
	take := func(b *bill, among []*ledgerDoc, suits func(*ledgerDoc) bool) {
		best := -1
		for i, d := range among {
			if d.bill != nil || !d.ap || d.credit != b.credit() || !suits(d) {
				continue
			}
			if best < 0 || b.equals(d) && !b.equals(among[best]) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		d := among[best]
		d.bill = b
		b.docs = append(b.docs, d)
		if d.purchase != nil {
			d.purchase.paired = true
		}
	}
	// Each pass is weaker than the one before, and takes from what that left.
	passes := []func(*bill, *ledgerDoc) bool{
		func(b *bill, d *ledgerDoc) bool { return fold(d.number) == fold(b.number) },
		func(b *bill, d *ledgerDoc) bool {
			return strings.HasPrefix(fold(d.number), fold(b.number)+"/") || strings.HasPrefix(fold(d.number), fold(b.number)+"-")
		},
		func(b *bill, d *ledgerDoc) bool { return b.equals(d) },
	}
	for i, suits := range passes {
		for _, b := range bills {
			if i > 0 && len(b.docs) > 0 {
				continue
			}
			for _, o := range b.owners() {
				take(b, byOwner[o], func(d *ledgerDoc) bool { return suits(b, d) })
			}
		}
	}
	for _, b := range bills {
		if len(b.docs) == 0 {
			take(b, byName[fold(b.vendor)+"\x00"+fold(b.number)], func(*ledgerDoc) bool { return true })
		}
	}
}

// billsOf finds what NetSuite knows of the ledger documents that no bill of
// the period was found for: a bill of another period, or one that does not
// post.
func (r *run) billsOf(ctx context.Context, docs []*ledgerDoc) error {
	numbers := map[netsuite.RecordType][]string{}
	owners := map[netsuite.RecordType][]netsuite.ID{}
	var refs []queue.Ref
	for _, d := range docs {
		if d.bill != nil || !d.ap {
			continue
		}
		if id, err := netsuite.ParseID(d.owner.ID); err == nil { // a journal says whose it is
			t := netsuite.RecordType(d.owner.Type)
			owners[t] = append(owners[t], id)
			continue
		}
		t := netsuite.TypeVendorBill
		if d.credit {
			t = netsuite.TypeVendorCredit
		}
		if !slices.Contains(numbers[t], d.number) {
			numbers[t] = append(numbers[t], d.number)
		}
	}
	for _, t := range []netsuite.RecordType{netsuite.TypeVendorBill, netsuite.TypeVendorCredit} {
		found, err := r.in.NetSuite.DocumentsNumbered(ctx, t, numbers[t]...)
		if err != nil {
			return fmt.Errorf("look %d numbers up in NetSuite: %w", len(numbers[t]), err)
		}
		owning, err := r.in.NetSuite.Documents(ctx, t, owners[t]...)
		if err != nil {
			return fmt.Errorf("look the owners of %d journals up in NetSuite: %w", len(owners[t]), err)
		}
		found = append(found, owning...)
		vendors := map[netsuite.ID]bool{}
		for _, f := range found {
			vendors[f.Vendor] = true
		}
		names, err := r.vendorNames(ctx, vendors)
		if err != nil {
			return err
		}
		for _, f := range found {
			b := r.newBill(f)
			b.vendor = names[f.Vendor]
			r.elsewhere[b.Ref] = b
			refs = append(refs, b.Ref)
		}
	}
	return r.know(ctx, refs...)
}

// elsewhereOf is the bill of NetSuite that an unpaired ledger document belongs
// to although it is not among the postings of the period; nil when there is
// none.
func (r *run) elsewhereOf(d *ledgerDoc) *bill {
	here := func(b *bill) bool { return b.posts && b.date >= r.in.From && b.date <= r.in.To } // it has its own ledger document
	if b := r.elsewhere[d.owner]; b != nil && !here(b) {
		return b
	}
	var best *bill
	for _, b := range r.elsewhere {
		if here(b) || b.credit() != d.credit || fold(b.number) != fold(d.number) || fold(b.vendor) != fold(d.supplier) {
			continue
		}
		if best == nil || b.posts && !best.posts || b.posts == best.posts && b.ID < best.ID {
			best = b
		}
	}
	return best
}
