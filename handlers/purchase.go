package handlers

import (
	"context"
	"fmt"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// slotPurchase is the link of a PO, or of a bill without one, to its purchase.
const slotPurchase = "purchase"

// purchaseUnit serves a PO with all its documents.
func (t *turn) purchaseUnit(ctx context.Context, b *work, id netsuite.ID) error {
	po, ok := b.read.pos[id]
	rec, gone := b.gone[ref(netsuite.TypePurchaseOrder, id)]
	if gone {
		po = netsuite.PurchaseOrder{Document: goneDocument(rec)}
	} else if !ok {
		return nil // leftover speaks for it
	}
	s := sources{PO: po, Vendor: b.read.vendors[po.Vendor]}
	for _, l := range b.links[id] {
		switch l.Type {
		case netsuite.TypeVendorBill:
			if d, ok := b.read.bills[l.Doc]; ok {
				s.Bills = append(s.Bills, d)
			}
		case netsuite.TypeItemReceipt:
			if d, ok := b.read.receipts[l.Doc]; ok {
				s.Receipts = append(s.Receipts, d)
			}
		case netsuite.TypeVendorCredit:
			if d, ok := b.read.credits[l.Doc]; ok {
				s.Credits = append(s.Credits, d)
			}
		}
	}
	u := newUnit(t, b, ref(netsuite.TypePurchaseOrder, id), po.CreatedAt)
	if gone {
		u.knowGone(u.owner)
	} else {
		u.know(po.Document, netsuite.TypePurchaseOrder, po.TranID)
	}
	for _, d := range s.Bills {
		u.know(d.Document, netsuite.TypeVendorBill, billNumber(d))
	}
	for _, d := range s.Receipts {
		u.know(d.Document, netsuite.TypeItemReceipt, d.TranID)
	}
	for _, d := range s.Credits {
		u.know(d.Document, netsuite.TypeVendorCredit, d.TranID)
	}
	u.withGone(id, &s)
	if start := t.t.StartDate; start != "" && string(po.Date) < start && !gone {
		return u.skip(ctx, "before_start", fmt.Sprintf("order %s is dated %s, before sync.start %s", po.TranID, po.Date, start))
	}
	if out, err := u.leaveOut(ctx, &s); out || err != nil {
		return err
	}
	return u.serve(ctx, s.Vendor, s.stable(), func(refs *reference, supplier string) (*want, error) {
		return wantPurchase(t.t, refs, supplier, s)
	}, s)
}

// billUnit serves a bill without a PO.
func (t *turn) billUnit(ctx context.Context, b *work, id netsuite.ID) error {
	bill, ok := b.read.bills[id]
	rec, gone := b.gone[ref(netsuite.TypeVendorBill, id)]
	if gone {
		bill = netsuite.Bill{Document: goneDocument(rec)}
	} else if !ok {
		return nil // leftover speaks for it
	}
	u := newUnit(t, b, ref(netsuite.TypeVendorBill, id), bill.CreatedAt)
	if gone {
		u.knowGone(u.owner)
	} else {
		u.know(bill.Document, netsuite.TypeVendorBill, billNumber(bill))
	}
	if start := t.t.StartDate; start != "" && string(bill.Date) < start && !gone {
		return u.skip(ctx, "before_start", fmt.Sprintf("bill %s is dated %s, before sync.start %s", billNumber(bill), bill.Date, start))
	}
	s := sources{Bills: []netsuite.Bill{bill}, Vendor: b.read.vendors[bill.Vendor]}
	for _, c := range b.aloneCredits[id] {
		if d, ok := b.read.credits[c]; ok {
			s.Credits = append(s.Credits, d)
			u.know(d.Document, netsuite.TypeVendorCredit, billNumber(d))
		}
	}
	u.withGone(id, &s)
	if t.t.Sync.StandaloneBills == tenant.StandaloneSkip {
		return u.skip(ctx, "standalone_bill", "bill "+billNumber(bill)+" has no purchase order, and sync.standalone_bills is skip")
	}
	if out, err := u.leaveOut(ctx, &s); out || err != nil {
		return err
	}
	if t.t.Sync.StandaloneBills == tenant.StandaloneJournal {
		return u.serveJournals(ctx, s)
	}
	return u.serve(ctx, s.Vendor, s.stable(), func(refs *reference, supplier string) (*want, error) {
		return wantStandalone(t.t, refs, supplier, s)
	}, s)
}

// do sends one planned call under the write protocol and takes its answer
// into the picture of the purchase.
func (u *unit) do(ctx context.Context, o op) error {
	if u.rehearsal != nil {
		return u.rehearse(ctx, o)
	}
	if u.script != nil {
		if err := u.permit(o); err != nil {
			return err
		}
	}
	for _, r := range o.concerns(u.owner) {
		u.step(r, "planned", o.Why)
	}
	in := state.Intent{Slot: slotOf(o), Op: o.Kind, Marker: marker(u.t.NetSuite.AccountID, u.owner)}
	u.fresh = false
	if o.Kind == opCreatePurchase && !u.anew {
		if err := u.createdByList(ctx); err != nil {
			return err
		}
	}
	if o.Kind == opVoidPurchase {
		if err := u.keep(ctx, u.owner, map[string]string{factVoided: o.Task}); err != nil {
			return err
		}
	}
	if at := o.authorises(); at != "" {
		// Ours from here on, even if both its answers are lost.
		if err := u.tie(ctx, o.For, op{}, at); err != nil {
			return err
		}
	}
	var task string
	err := u.write(ctx, u.owner, in, o, func(ctx context.Context) error {
		now, at, err := send(ctx, u.c7, u.have, o)
		u.at(o.Kind, stepAnswered)
		if err != nil {
			return err
		}
		u.have, task = now, at
		if o.Kind == opCreatePurchase {
			return u.link(ctx, u.owner, slotPurchase, now.ID, map[string]string{state.FactCin7Number: now.OrderNumber})
		}
		return nil
	})
	last := context.WithoutCancel(ctx)
	if p, ok := asProblem(err); ok && o.Invoice != nil && o.Invoice.TaskID == cin7.ZeroID {
		if err := u.note(last, fieldNoGroup, "refused"); err != nil {
			return err
		}
		return u.groupRefused(o, p)
	}
	if err != nil {
		return err
	}
	for _, r := range o.concerns(u.owner) {
		u.step(r, "done", deed(o, u.have.OrderNumber))
	}
	for _, r := range tiesOf(o) {
		if err := u.tie(last, r, o, task); err != nil {
			return err
		}
	}
	if o.Kind == opPostOrder {
		if err := u.tie(last, u.owner, o, ""); err != nil {
			return err
		}
	}
	return u.readBack(ctx, o)
}

// groupRefused lets the plan go on without the group that Cin7 does not open:
// from now on it says so of every such bill.
func (u *unit) groupRefused(o op, p *Problem) error {
	u.step(o.For, "called", noFurtherGroup(o.Invoice.InvoiceNumber, p.Message).Message)
	return nil
}

// readBack reads again what an undo or a void did: its answer proves nothing
// (contract cin7 7.8).
func (u *unit) readBack(ctx context.Context, o op) error {
	if !o.answersNothing() {
		return nil
	}
	if err := u.reread(ctx); err != nil {
		return err
	}
	voided := strings.Contains(u.have.Status, cin7.StatusVoided)
	switch {
	case o.Kind == opUndoPurchase && u.have.Order.Status == cin7.StatusAuthorised:
		u.noUndo = true
		u.step(o.For, "called", "Cin7 did not undo the order")
	case o.Kind == opVoidPurchase && o.Again && voided:
		return u.forget(context.WithoutCancel(ctx), u.have.OrderNumber)
	}
	return nil
}

// slotOf is what an op works on, in the words of state.Intent.Slot.
func slotOf(o op) string {
	switch {
	case o.Invoice != nil:
		return "invoice:" + o.For.ID
	case o.Stock != nil:
		return "stock:" + o.Stock.TaskID
	case o.Credit != nil:
		return "credit:" + o.For.ID
	}
	return slotPurchase
}
