package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A document that NetSuite has deleted leaves no row and no link, and no bill
// that could be read as voided. What we remember of it stands in its place: once
// its deletion is confirmed, the document takes part in its purchase as a voided
// one, so that the same rules undo it or park it. An empty answer confirms
// nothing: the role may not see the record, or a replica may be behind.

// factGone names, on an order (or a bill without one), its documents that
// NetSuite has deleted: "type/id", with commas. Nothing else would bring them
// back to mind when only the order is looked at.
const factGone = "gone"

// deleted reports whether NetSuite says that it has deleted a record: by its
// list of deletions, or, where the role may not read that, by two nightly
// sweeps that missed it (the poller notes state.FactDeleted).
func (t *turn) deleted(ctx context.Context, rec state.Record) (bool, error) {
	if rec.Facts[state.FactDeleted] != "" {
		return true, nil
	}
	since := rec.Facts[state.FactVersion]
	if !netsuite.IsStamp(since) {
		since = ""
	}
	gone, err := t.ns.Deleted(ctx, since)
	if errors.Is(err, netsuite.ErrHidden) {
		return false, nil
	}
	if err != nil {
		return false, t.classify(err)
	}
	return slices.ContainsFunc(gone, func(d netsuite.Deletion) bool {
		return string(d.Type) == rec.Type && d.ID.String() == rec.ID
	}), nil
}

// rememberedOrders are the orders (or the bills without one) that a document
// belonged to, as we remember: by its last one, and by the groups that it was
// posted to.
func rememberedOrders(rec state.Record) []netsuite.ID {
	var out []netsuite.ID
	add := func(s string) {
		if id, err := netsuite.ParseID(s); err == nil && id != 0 && s != rec.ID {
			out = append(out, id)
		}
	}
	if rec.Type == string(netsuite.TypePurchaseOrder) || rec.Type == string(netsuite.TypeVendor) {
		return nil
	}
	add(rec.Facts[state.FactPO])
	for name, v := range rec.Facts {
		if po, ok := strings.CutPrefix(name, taskPrefix); ok && v != "" {
			add(po)
		}
	}
	return unique(out)
}

// shows reports whether NetSuite showed a record in this batch.
func (b *work) shows(r queue.Ref) bool {
	id, err := netsuite.ParseID(r.ID)
	if err != nil {
		return false
	}
	var ok bool
	switch netsuite.RecordType(r.Type) {
	case netsuite.TypeVendor:
		_, ok = b.read.vendors[id]
	case netsuite.TypePurchaseOrder:
		_, ok = b.read.pos[id]
	case netsuite.TypeItemReceipt:
		_, ok = b.read.receipts[id]
	case netsuite.TypeVendorBill:
		_, ok = b.read.bills[id]
	case netsuite.TypeVendorCredit:
		_, ok = b.read.credits[id]
	}
	return ok
}

// findGone confirms the deletion of what is marked but not shown, and of the
// orders of the batch that are not shown, as far as Cin7 may have them.
func (t *turn) findGone(ctx context.Context, b *work) error {
	b.gone = map[queue.Ref]state.Record{}
	b.goneOf = map[netsuite.ID][]queue.Ref{}
	confirm := func(rec state.Record) error {
		_, done := b.gone[rec.Ref]
		if done || rec.Type == string(netsuite.TypeVendor) || b.shows(rec.Ref) {
			return nil
		}
		of := rememberedOrders(rec)
		if len(of) == 0 && !inCin7(rec) && rec.Intent == nil {
			return nil // leftover speaks for it
		}
		ok, err := t.deleted(ctx, rec)
		if err != nil || !ok {
			return err
		}
		b.gone[rec.Ref] = rec
		for _, id := range of {
			b.goneOf[id] = append(b.goneOf[id], rec.Ref)
		}
		return nil
	}
	for _, rec := range b.records {
		if err := confirm(rec); err != nil {
			return err
		}
	}
	for _, rec := range b.owners {
		if err := confirm(rec); err != nil {
			return err
		}
		if rec.Facts[factGone] == "" {
			continue
		}
		known, err := t.recs.Get(ctx, goneRefs(rec)...)
		if err != nil {
			return fmt.Errorf("read the deleted documents of %s: %w", rec.Ref, err)
		}
		id, err := netsuite.ParseID(rec.ID)
		if err != nil {
			return fmt.Errorf("record %s: %w", rec.Ref, err)
		}
		for _, k := range known {
			if !b.shows(k.Ref) { // it may be there again: then it speaks for itself
				b.gone[k.Ref] = k
				b.goneOf[id] = append(b.goneOf[id], k.Ref)
			}
		}
	}
	for id, refs := range b.goneOf {
		slices.SortFunc(refs, func(x, y queue.Ref) int { return strings.Compare(x.String(), y.String()) })
		b.goneOf[id] = slices.Compact(refs)
	}
	return nil
}

func goneRefs(rec state.Record) []queue.Ref {
	var out []queue.Ref
	for s := range strings.SplitSeq(rec.Facts[factGone], ",") {
		if kind, id, ok := strings.Cut(s, "/"); ok {
			out = append(out, queue.Ref{Type: kind, ID: id})
		}
	}
	return out
}

// goneDocument is what we remember of a deleted document, as a voided one.
func goneDocument(rec state.Record) netsuite.Document {
	d := netsuite.Document{Type: netsuite.RecordType(rec.Type), TranID: rec.Facts[state.FactNumber], Voided: true}
	d.ID, _ = netsuite.ParseID(rec.ID)
	d.Vendor, _ = netsuite.ParseID(rec.Facts[state.FactVendor])
	return d
}

// withGone adds the deleted documents of an order (or of a bill without one)
// to what NetSuite says about it.
func (u *unit) withGone(id netsuite.ID, s *sources) {
	for _, r := range u.b.goneOf[id] {
		if r == u.owner {
			continue
		}
		d := goneDocument(u.b.gone[r])
		switch d.Type {
		case netsuite.TypeVendorBill:
			s.Bills = append(s.Bills, netsuite.Bill{Document: d})
		case netsuite.TypeItemReceipt:
			s.Receipts = append(s.Receipts, netsuite.Receipt{Document: d})
		case netsuite.TypeVendorCredit:
			s.Credits = append(s.Credits, netsuite.Bill{Document: d})
		}
		u.knowGone(r)
		u.facts[r][state.FactPO] = u.owner.ID
		u.lost = append(u.lost, r)
	}
}

// knowGone adds a deleted document to the unit. What people search it by stays
// as it was last seen.
func (u *unit) knowGone(r queue.Ref) {
	u.docs = append(u.docs, r)
	u.facts[r] = map[string]string{}
}

// keepGone remembers the deleted documents on their order, before anything is
// done about them.
func (u *unit) keepGone(ctx context.Context) error {
	if len(u.lost) == 0 {
		return nil
	}
	names := make([]string, len(u.lost))
	for i, r := range u.lost {
		names[i] = r.Type + "/" + r.ID
	}
	return u.keep(ctx, u.owner, map[string]string{factGone: strings.Join(names, ",")})
}
