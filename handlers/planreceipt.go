package handlers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

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
	// The quantities of a group are summed once, not once for each line.
	type sums struct{ billed, got map[string]decimal.Decimal }
	known := map[*group]sums{}
	for _, g := range slices.Concat(short, shut) {
		known[g] = sums{invoiced(g.invoice), perProduct(b.receivedLines(g))}
	}
	for _, l := range in.lines {
		if !l.left.IsPositive() || b.out.Verdicts[l.of] != nil { // the first word about a receipt stands
			continue
		}
		k := strings.ToLower(l.ProductID)
		var wait error = &Wait{Reason: WaitBill, Message: fmt.Sprintf("%s are received but not yet invoiced in Cin7", what(l.left, l.StockLine))}
		for _, g := range shut {
			if known[g].billed[k].GreaterThan(known[g].got[k]) {
				left := l.StockLine
				left.Quantity = cin7.NewNumber(l.left)
				wait = b.closedGroup(g, []cin7.StockLine{left})
			}
		}
		for _, g := range short {
			if billed := known[g].billed[k]; billed.IsPositive() {
				wait = &Wait{Reason: WaitReceipt, Message: fmt.Sprintf("invoice %s bills %s of %s, %s are here: Cin7 takes the goods of an invoice at once, so they go in when all have come or the order is closed",
					g.invoice.InvoiceNumber, billed, firstOf(l.SKU, l.ProductID), in.left(g.billed)[k])}
				break
			}
		}
		b.hold(l.of, wait)
	}
}
