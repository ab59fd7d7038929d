package handlers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// candidates reads the purchases that carry this unit's marker: among the
// supplier's purchases changed since the order was created in NetSuite (a day
// and more earlier, because that time is in a zone we do not know), less those
// that belong to other records. Voided ones are none.
func (u *unit) candidates(ctx context.Context, vendor, supplier string) ([]cin7.Purchase, error) {
	var since time.Time
	if at, err := time.Parse(time.DateTime, u.created); err == nil {
		since = at.Add(-26 * time.Hour)
	}
	known, err := u.knownPurchases(ctx)
	if err != nil {
		return nil, err
	}
	var rows []cin7.PurchaseRow
	if known != nil {
		rows = known.of(supplier, since, u.owner)
	} else {
		rows, err = u.c7.Purchases(ctx, cin7.PurchaseFilter{Search: vendor, UpdatedSince: since})
		if err != nil {
			return nil, u.classify(err)
		}
		rows = slices.DeleteFunc(rows, func(r cin7.PurchaseRow) bool { return !cin7.SameID(r.SupplierID, supplier) })
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	owners, err := u.recs.Owners(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("look up the owners of %d purchases: %w", len(ids), err)
	}
	var ours []cin7.Purchase
	for _, row := range rows {
		o, taken := owners[strings.ToLower(row.ID)]
		if taken {
			known.belongs(row.ID, o.Ref)
		}
		if taken && o.Ref != u.owner || !taken && u.s.strangers.is(row) {
			continue
		}
		if u.have != nil && cin7.SameID(row.ID, u.have.ID) {
			continue // added below, as it is known
		}
		p, err := u.c7.Purchase(ctx, row.ID)
		if err != nil {
			return nil, u.classify(err)
		}
		account, r, ok := findMarker(p.Note)
		ok = ok && strings.EqualFold(account, u.t.NetSuite.AccountID)
		switch {
		case strings.Contains(p.Status, cin7.StatusVoided):
		case ok && r == u.owner || taken:
			ours = append(ours, p)
		case ok:
			known.belongs(p.ID, r)
			if err := u.remember(ctx, r, p.ID); err != nil {
				return nil, err
			}
		default:
			u.s.strangers.add(row)
		}
	}
	if u.have != nil && !strings.Contains(u.have.Status, cin7.StatusVoided) {
		ours = append(ours, *u.have)
	}
	return ours, nil
}

// remember notes that a purchase carries another record's marker, so that it
// is read once. A record that has a purchase keeps it.
func (u *unit) remember(ctx context.Context, r queue.Ref, id string) error {
	recs, err := u.recs.Get(ctx, r)
	if err != nil {
		return fmt.Errorf("read record %s: %w", r, err)
	}
	if recs[0].Links[slotPurchase] != "" {
		return nil
	}
	return u.link(ctx, r, slotPurchase, id, nil)
}

// strangers are purchases without a marker, as they were when they were read:
// GUID -> last update. They are not read again until somebody changes them.
type strangers map[string]string

func (s strangers) is(row cin7.PurchaseRow) bool {
	seen, ok := s[row.ID]
	return ok && seen == row.LastUpdatedDate && seen != ""
}

func (s strangers) add(row cin7.PurchaseRow) {
	if len(s) > 50_000 {
		clear(s) // they are read again
	}
	s[row.ID] = row.LastUpdatedDate
}

// bare says of a purchase that it is what our create leaves behind, and
// nothing more: a draft without a line.
func bare(p cin7.Purchase) bool {
	if touched(p) || len(p.Order.Lines)+len(p.Order.AdditionalCharges) > 0 {
		return false
	}
	return !slices.ContainsFunc(groupsOf(&p), func(g *group) bool {
		return len(g.invoice.Lines)+len(g.invoice.AdditionalCharges)+len(g.stock.Lines)+len(g.putAway.Lines) > 0
	})
}

// touched says that something of a purchase has been authorised.
func touched(p cin7.Purchase) bool {
	final := func(status string) bool {
		return status != "" && status != cin7.StatusDraft && status != cin7.StatusNotAvailable && status != cin7.StatusVoided
	}
	return final(p.Order.Status) || slices.ContainsFunc(groupsOf(&p), func(g *group) bool {
		return final(g.invoice.Status) || final(g.stock.Status) || final(g.putAway.Status)
	}) || slices.ContainsFunc(p.CreditNote, func(n cin7.CreditNote) bool { return final(n.Status) })
}

// choose decides between purchases that carry one marker: the one of which
// something is authorised, else the oldest, so that every worker chooses the
// same. The others are to be voided if they are bare drafts. Two that are
// authorised, or a draft that somebody has filled, are for a person.
func choose(owner queue.Ref, cands []cin7.Purchase) (keep *cin7.Purchase, extra []cin7.Purchase, err error) {
	if len(cands) == 0 {
		return nil, nil, nil
	}
	cands = slices.Clone(cands)
	slices.SortFunc(cands, func(a, b cin7.Purchase) int {
		if touched(a) != touched(b) {
			if touched(a) {
				return -1
			}
			return 1
		}
		// Numbers only grow; a longer one is later.
		return cmp.Or(cmp.Compare(len(a.OrderNumber), len(b.OrderNumber)), cmp.Compare(a.OrderNumber, b.OrderNumber), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range cands[1:] {
		if !bare(p) {
			var names []string
			for _, c := range cands {
				names = append(names, c.OrderNumber+" "+c.ID)
			}
			return nil, nil, problem(ParkTwoCandidates, "void all but one of them in Cin7, then retry this record",
				"%s: Cin7 has %d purchases marked for it (%s), and more than one is filled", owner, len(cands), strings.Join(names, ", "))
		}
	}
	return &cands[0], cands[1:], nil
}

// search looks for the purchase of this unit by its marker; "" when there is none.
func (u *unit) search(ctx context.Context, vendor, supplier string) (string, error) {
	cands, err := u.candidates(ctx, vendor, supplier)
	if err != nil {
		return "", err
	}
	keep, _, err := choose(u.owner, cands)
	if keep == nil || err != nil {
		return "", err
	}
	return keep.ID, nil
}

// alone makes sure, before anything that counts, that the purchase in hand is
// the only one of its record: drafts that a lost create left behind are
// voided. changed says that another purchase is in hand now, or the same one
// must be read again.
func (u *unit) alone(ctx context.Context, vendor, supplier string) (changed bool, err error) {
	if u.unique || u.have == nil || u.rehearsal != nil && !u.rehearsal.known[strings.ToLower(u.have.ID)] {
		return false, nil // one that is only planned is looked up before it is made
	}
	cands, err := u.candidates(ctx, vendor, supplier)
	if err != nil {
		return false, err
	}
	keep, extra, err := choose(u.owner, cands)
	if err != nil {
		return false, err
	}
	if keep != nil && !cin7.SameID(keep.ID, u.have.ID) {
		u.step(u.owner, "adopted", "purchase "+keep.OrderNumber+" is the older one for this record, it is kept instead of "+u.have.OrderNumber)
		if err := u.link(ctx, u.owner, slotPurchase, keep.ID, map[string]string{state.FactCin7Number: keep.OrderNumber}); err != nil {
			return false, err
		}
		u.have, u.fresh, changed = keep, true, true
	}
	for _, p := range extra {
		o := op{Kind: opVoidStray, For: u.owner, Task: p.ID, Why: "purchase " + p.OrderNumber + " is an empty draft that a lost create left behind"}
		if u.rehearsal != nil {
			if err := u.rehearseStray(o, p); err != nil {
				return false, err
			}
			continue
		}
		if u.script != nil {
			if err := u.permit(o); err != nil {
				return false, err
			}
		}
		if err := u.voidStray(ctx, u.owner, p); err != nil {
			return false, err
		}
	}
	u.unique = true
	return changed, nil
}

// voidStray voids a bare draft that carries a record's marker although the
// record has another purchase, and reads back that it is void.
func (t *turn) voidStray(ctx context.Context, owner queue.Ref, p cin7.Purchase) error {
	in := state.Intent{Slot: slotPurchase, Op: opVoidStray, Marker: marker(t.t.NetSuite.AccountID, owner)}
	err := t.write(ctx, owner, in, p.ID, func(ctx context.Context) error {
		err := t.c7.DeletePurchase(ctx, p.ID, true)
		t.at(in.Op, stepAnswered)
		return err
	})
	if err != nil {
		return err
	}
	after, err := t.c7.Purchase(ctx, p.ID)
	if err != nil {
		return t.classify(err)
	}
	if !strings.Contains(after.Status, cin7.StatusVoided) {
		return problem(ParkTwoCandidates, "void purchase "+p.OrderNumber+" in Cin7, then retry this record",
			"purchase %s is a second, empty draft for %s, and Cin7 did not void it", p.OrderNumber, owner)
	}
	t.w.m.prevented.WithLabelValues(opVoidStray).Inc()
	t.step(owner, "called", "purchase "+p.OrderNumber+", an empty draft left behind by a lost create, is voided")
	return nil
}
