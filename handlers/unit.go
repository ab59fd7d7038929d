package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// measure is the unit in which a document shows a line, beside the base unit
// in which NetSuite's database keeps its quantity (contract netsuite 3.6).
type measure struct{ shown, base netsuite.ID }

// plain: the document shows the base unit, or the account has no units.
func (m measure) plain() bool { return m.shown == 0 || m.base == 0 || m.shown == m.base }

// wantQuantity is a quantity in the unit of the Cin7 product. What a document
// shows in the base unit goes as it is. Anything else is converted by
// NetSuite's table of units into the unit that the product is counted in, or
// not at all: a roll is never taken for a metre.
func wantQuantity(t *tenant.Tenant, refs *reference, product cin7.Product, quantity decimal.Decimal, m measure, where string) (decimal.Decimal, *Problem) {
	if m.plain() {
		return quantity, nil
	}
	shown, base, ok := refs.pair(m)
	if !ok {
		return decimal.Zero, problem(ParkUnitMismatch, "give the integration role the permission to see units of measure, or buy in the base unit, then retry this record",
			"%s: %s of %s is in unit %d, its base unit is %d, and NetSuite shows no conversion between them", where, quantity, product.SKU, m.shown, m.base)
	}
	counted := func(u netsuite.Unit) bool {
		name := u.Name
		for from, to := range t.Sync.Mapping.Units {
			if fold(from) == fold(u.Name) {
				name = to
			}
		}
		return fold(name) == fold(product.UOM)
	}
	switch {
	case counted(base):
		return quantity, nil
	case counted(shown):
		units := quantity.DivRound(shown.Rate, 16)
		if kept := units.Round(4); kept.Equal(units) && kept.Mul(shown.Rate).Equal(quantity) {
			return kept, nil
		}
		return decimal.Zero, problem(ParkUnitMismatch, "count the product in the base unit in Cin7, or correct the quantity in NetSuite",
			"%s: %s %s of %s are no number of %s (%s each) with four decimals", where, quantity, base.Name, product.SKU, shown.Name, shown.Rate)
	}
	return decimal.Zero, problem(ParkUnitMismatch, "set the product's unit in Cin7, or say in sync.mapping.units which Cin7 unit the NetSuite unit is",
		"%s: %s of %s is bought in %s (%s %s each), Cin7 counts it in %q", where, quantity, product.SKU, shown.Name, shown.Rate, base.Name, product.UOM)
}

// pair finds both units in one units type; an id is unique only within one.
func (r *reference) pair(m measure) (shown, base netsuite.Unit, ok bool) {
	found := 0
	for _, u := range r.Units {
		if u.ID != m.shown {
			continue
		}
		i := slices.IndexFunc(r.Units, func(b netsuite.Unit) bool { return b.ID == m.base && b.Type == u.Type })
		if i < 0 {
			continue
		}
		// The rate is to the type's base unit; the item's may be another one.
		shown, base = u, r.Units[i]
		shown.Rate = u.Rate.DivRound(base.Rate, 16)
		found++
	}
	return shown, base, found == 1
}

// units looks up the units that the documents name and the reference does not
// know yet. Hidden units are none: only lines that need them are parked.
func (t *turn) units(ctx context.Context, refs *reference, s sources) error {
	var missing []netsuite.ID
	need := func(m measure) {
		if m.plain() {
			return
		}
		for _, id := range []netsuite.ID{m.shown, m.base} {
			if !slices.Contains(missing, id) && !slices.ContainsFunc(refs.Units, func(u netsuite.Unit) bool { return u.ID == id }) {
				missing = append(missing, id)
			}
		}
	}
	for _, l := range s.PO.Lines {
		need(measure{l.Units, l.BaseUnits})
	}
	for _, b := range slices.Concat(s.Bills, s.Credits) {
		for _, l := range b.Lines {
			need(measure{l.Units, l.BaseUnits})
		}
	}
	for _, r := range s.Receipts {
		for _, l := range r.Lines {
			need(measure{l.Units, l.BaseUnits})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := t.ns.Units(ctx, missing...)
	if err != nil && !errors.Is(err, netsuite.ErrHidden) {
		return t.classify(err)
	}
	refs.Units = append(refs.Units, found...)
	return nil
}

// foldDiscounts nets what NetSuite writes below a line to lower it (a discount
// item, a rebate) into that line, when both post to the same account: sums and
// accounts stay what they are, and Cin7 is not known to take negative lines.
// Everything else stays as it is.
func foldDiscounts(src []sourceLine) []sourceLine {
	var out []sourceLine
	for _, l := range src {
		goods := l.item != 0 && !strings.EqualFold(l.itemType, "Discount")
		if !goods && l.amount.IsZero() && (len(out) > 0 || l.tax.IsZero()) {
			// What was less than a cent and has been rounded away.
			if n := len(out); n > 0 {
				out[n-1].tax = out[n-1].tax.Add(l.tax)
			}
			continue
		}
		if n := len(out); l.amount.IsNegative() && !goods && n > 0 {
			above := &out[n-1]
			net := above.amount.Add(l.amount)
			if above.amount.IsPositive() && !net.IsNegative() && above.code == l.code && (l.item != 0 || above.account.ID == l.account.ID) {
				above.amount, above.tax = net, above.tax.Add(l.tax)
				continue
			}
		}
		out = append(out, l)
	}
	return out
}
