package handlers_test

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// amend changes some of what was planned and applied before: the second
// thoughts of both companies, each kind as often as chance has it.
func (p *planned) amend() {
	for _, change := range []struct {
		name  string
		oneIn int
		do    func() bool // false: there was nothing to do it to
	}{
		{"vendor changed", 3, p.changeVendor},
		{"order changed", 1, p.changeOrder},
		{"order cancelled", 3, p.cancelOrder},
		{"bill corrected", 2, p.correctBill},
		{"bill voided", 3, p.voidBill},
		{"receipt moved to another day", 3, p.moveReceipt},
		{"receipt corrected", 2, p.correctReceipt},
		{"receipt deleted", 4, p.deleteReceipt},
		{"bill without an order corrected", 2, p.correctAlone},
		{"bill without an order voided", 4, p.voidAlone},
		{"credited", 1, p.credit},
		{"credit corrected", 2, p.correctCredit},
		{"credit voided", 4, p.voidCredit},
		{"received in part by hand", 2, p.receivePart},
	} {
		if p.rng.IntN(change.oneIn) == 0 && change.do() {
			p.changes[change.name]++
		}
	}
}

// one is one of the list, by chance.
func one[T any](p *planned, list []T) (out T, ok bool) {
	if len(list) == 0 {
		return out, false
	}
	return list[p.rng.IntN(len(list))], true
}

func (p *planned) changeVendor() bool {
	v, _ := p.world.NetSuite.Vendor(p.vendors[p.rng.IntN(len(p.vendors))])
	v.Email = fmt.Sprintf("ap%d@example.org", p.id())
	p.world.NetSuite.PutVendor(v)
	return true
}

// fresh are the orders that nothing hangs on.
func (p *planned) fresh() []*order {
	var out []*order
	for _, o := range p.orders {
		if po, _ := p.world.NetSuite.PurchaseOrder(o.id); len(o.bills)+len(o.receipts) == 0 && po.Status == "" {
			out = append(out, o)
		}
	}
	return out
}

func (p *planned) changeOrder() bool {
	o, ok := one(p, p.fresh())
	if !ok {
		return false
	}
	l := &o.lines[0]
	q := l.left.goods + int64(1+p.rng.IntN(5))
	l.left.goods, l.left.bills = q, q
	l.Quantity, l.Amount = fmt.Sprint(q), amount(q*l.cents)
	po, _ := p.world.NetSuite.PurchaseOrder(o.id)
	po.Lines = slices.Clone(po.Lines)
	po.Lines[0].Quantity, po.Lines[0].Amount = l.Quantity, l.Amount
	p.world.NetSuite.PutPurchaseOrder(po)
	return true
}

func (p *planned) cancelOrder() bool {
	o, ok := one(p, p.fresh())
	if !ok {
		return false
	}
	po, _ := p.world.NetSuite.PurchaseOrder(o.id)
	po.Status = "C"
	p.world.NetSuite.PutPurchaseOrder(po)
	for i := range o.lines {
		o.lines[i].left.goods, o.lines[i].left.bills = 0, 0
	}
	return true
}

// open are the bills of the list that count in NetSuite.
func (p *planned) open(ids []int64) []netsuitetest.Bill {
	var out []netsuitetest.Bill
	for _, id := range ids {
		if b, ok := p.world.NetSuite.Bill(id); ok && !b.Voided && b.Status != "D" {
			b.Lines = slices.Clone(b.Lines)
			out = append(out, b)
		}
	}
	return out
}

func (p *planned) billed() []netsuitetest.Bill {
	var ids []int64
	for _, o := range p.orders {
		ids = append(ids, o.bills...)
	}
	return p.open(ids)
}

// dearer raises the first amount of a document.
func dearer(b *netsuitetest.Bill, cents int64) {
	b.Lines[0].Amount = decimal.RequireFromString(b.Lines[0].Amount).Add(decimal.New(cents, -2)).StringFixed(2)
}

func (p *planned) correctBill() bool {
	b, ok := one(p, p.billed())
	if !ok {
		return false
	}
	q, err := strconv.ParseInt(b.Lines[0].Quantity, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.flip() {
		b.Date = "2026-11-07"
	} else {
		dearer(&b, 5*q) // a piece
	}
	p.world.NetSuite.PutBill(b)
	return true
}

func (p *planned) voidBill() bool {
	b, ok := one(p, p.billed())
	if !ok {
		return false
	}
	b.Voided = true
	p.world.NetSuite.PutBill(b)
	return true
}

func (p *planned) correctAlone() bool {
	b, ok := one(p, p.open(p.alone))
	if !ok {
		return false
	}
	dearer(&b, 125)
	p.world.NetSuite.PutBill(b)
	return true
}

func (p *planned) voidAlone() bool {
	b, ok := one(p, p.open(p.alone))
	if !ok {
		return false
	}
	b.Voided = true
	p.world.NetSuite.PutBill(b)
	return true
}

func (p *planned) moveReceipt() bool {
	var ids []int64
	for _, o := range p.orders {
		ids = append(ids, o.receipts...)
	}
	id, ok := one(p, ids)
	if !ok {
		return false
	}
	r, _ := p.world.NetSuite.Receipt(id)
	r.Date = "2026-11-08"
	p.world.NetSuite.PutReceipt(r)
	return true
}

// correctReceipt: one piece less came than was entered.
func (p *planned) correctReceipt() bool {
	for _, o := range p.orders {
		for _, id := range o.receipts {
			r, ok := p.world.NetSuite.Receipt(id)
			if !ok || len(r.Lines) == 0 || r.Lines[0].Quantity == "1" {
				continue
			}
			q, err := strconv.ParseInt(r.Lines[0].Quantity, 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			r.Lines = slices.Clone(r.Lines)
			r.Lines[0].Quantity = fmt.Sprint(q - 1)
			o.lines[r.Lines[0].POLine-1].left.goods++
			p.world.NetSuite.PutReceipt(r)
			return true
		}
	}
	return false
}

func (p *planned) deleteReceipt() bool {
	for _, o := range p.orders {
		if len(o.receipts) == 0 {
			continue
		}
		id := o.receipts[len(o.receipts)-1]
		r, _ := p.world.NetSuite.Receipt(id)
		for _, l := range r.Lines {
			q, err := strconv.ParseInt(l.Quantity, 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			o.lines[l.POLine-1].left.goods += q
		}
		p.world.NetSuite.Delete("itemreceipt", id)
		o.receipts = o.receipts[:len(o.receipts)-1]
		p.lost = append(p.lost, id)
		return true
	}
	return false
}

// credit takes back some of a bill: a charge, or goods that went back.
func (p *planned) credit() bool {
	b, ok := one(p, append(p.billed(), p.open(p.alone)...))
	if !ok {
		return false
	}
	l := netsuitetest.BillLine{Account: expenses[p.rng.IntN(len(expenses)-1)], Quantity: "1", Amount: amount(int64(50 + p.rng.IntN(150)))}
	if of := b.Lines[0]; of.Item != 0 && p.flip() {
		for _, x := range products {
			if x.item == of.Item {
				l = netsuitetest.BillLine{Item: x.item, Quantity: "1", Amount: amount(x.cents)}
			}
		}
	}
	c := netsuitetest.Credit{AppliedTo: []int64{b.ID}, Bill: netsuitetest.Bill{ID: p.id(), Vendor: b.Vendor, Date: "2026-11-10", Rate: b.Rate, Lines: []netsuitetest.BillLine{l}}}
	c.Number = fmt.Sprintf("CR-%d", c.ID)
	p.world.NetSuite.PutCredit(c)
	p.credits = append(p.credits, c.ID)
	return true
}

func (p *planned) openCredit() (netsuitetest.Credit, bool) {
	var list []netsuitetest.Credit
	for _, id := range p.credits {
		if c, ok := p.world.NetSuite.Credit(id); ok && !c.Voided {
			c.Lines = slices.Clone(c.Lines)
			list = append(list, c)
		}
	}
	return one(p, list)
}

func (p *planned) correctCredit() bool {
	c, ok := p.openCredit()
	if ok {
		dearer(&c.Bill, 10)
		p.world.NetSuite.PutCredit(c)
	}
	return ok
}

func (p *planned) voidCredit() bool {
	c, ok := p.openCredit()
	if ok {
		c.Voided = true
		p.world.NetSuite.PutCredit(c)
	}
	return ok
}

// receivePart: somebody has begun to receive an invoice in Cin7, as Cin7 shows
// it where it keeps such a group open (contract cin7 7.7); NetSuite has it all.
func (p *planned) receivePart() bool {
	for _, o := range p.orders {
		for _, x := range p.world.Cin7.Purchases() {
			if o.id == 0 || p.tenant.Sync.Approach == "STOCK" || !p.tenant.PutAway() || !markedFor(x, o.id) || len(x.Groups) != 1 {
				continue
			}
			g := x.Groups[0]
			if g.Invoice.Status != cin7test.Authorised || len(g.Invoice.Lines) == 0 || len(g.Stock.Lines) > 0 || g.Stock.Status == cin7test.Voided {
				continue
			}
			l := g.Invoice.Lines[0]
			if !l.Quantity.GreaterThan(decimal.NewFromInt(1)) {
				continue
			}
			p.world.Cin7.EditPurchase(x.ID, func(x *cin7test.Purchase) {
				x.Groups[0].Stock.Status = cin7test.PartiallyReceived
				x.Groups[0].Stock.Lines = []cin7test.StockLine{{Date: "2026-11-05", ProductID: l.ProductID, SKU: l.SKU, Name: l.Name, Quantity: decimal.NewFromInt(1)}}
			})
			p.receiveAll(o)
			return true
		}
	}
	return false
}

// receiveAll: what is left of an order comes.
func (p *planned) receiveAll(o *order) {
	r := netsuitetest.Receipt{ID: p.id(), PO: o.id, Date: "2026-11-05"}
	for i := range o.lines {
		l := &o.lines[i]
		if l.Item != 0 && l.left.goods > 0 {
			r.Lines = append(r.Lines, netsuitetest.ReceiptLine{POLine: int64(i + 1), Quantity: fmt.Sprint(l.left.goods)})
			l.left.goods = 0
		}
	}
	if len(r.Lines) > 0 {
		p.world.NetSuite.PutReceipt(r)
		o.receipts = append(o.receipts, r.ID)
	}
}
