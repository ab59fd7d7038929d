package handlers_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// planWorld is a world made for an operation that worlds made at random seldom
// need: it is planned and applied after each of its steps, and the last one
// needs the operation.
type planWorld struct {
	name, approach string
	edit           func(*distributor.Options)
	journals       bool
	steps          []func(p *planned)
	needs          string
}

const (
	pwVendor, pwOrder, pwBill, pwReceipt, pwCredit = 501, 601, 701, 801, 901
)

func (w planWorld) play(t *testing.T) (ops []string) {
	p := &planned{t: t, rng: rand.New(rand.NewPCG(1, 8)), next: 10_000, changes: map[string]int{}}
	o := distributor.Options{}
	o.Cin7.CallsPerMinute, o.Cin7.Seed, o.Cin7.ZeroGroupInvoice = -1, 1, true
	if w.edit != nil {
		w.edit(&o)
	}
	p.found(o, w.approach, true, w.journals)
	p.world.NetSuite.PutVendor(netsuitetest.Vendor{ID: pwVendor, EntityID: "V-501", CompanyName: "Vendor 501 Ltd", Currency: "USD", Terms: "Net 30"})
	p.vendors = []int64{pwVendor}
	for i, step := range w.steps {
		step(p)
		done := p.planAndApply(t)
		if last := i == len(w.steps)-1; last != slices.Contains(done, w.needs) {
			t.Errorf("step %d made %v, want %s at the last one only", i+1, done, w.needs)
		}
		ops = append(ops, done...)
	}
	return ops
}

// enterOrder enters an order of 10 webbing and 20 buckles.
func enterOrder(p *planned) {
	p.world.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: pwOrder, Number: "PO601", Vendor: pwVendor, Date: "2026-11-03", Rate: "1", Tax: "0.00", Location: 1,
		Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}, {Item: 2002, Quantity: "20", Amount: "14.40"}}})
	p.orders = []*order{{id: pwOrder, vendor: pwVendor}}
}

// enterReceipt enters what came of each line in one receipt; "" nothing.
func enterReceipt(id int64, webbing, buckles string) func(p *planned) {
	return func(p *planned) {
		r := netsuitetest.Receipt{ID: id, PO: pwOrder, Date: "2026-11-05"}
		for i, q := range []string{webbing, buckles} {
			if q != "" {
				r.Lines = append(r.Lines, netsuitetest.ReceiptLine{POLine: int64(i + 1), Quantity: q})
			}
		}
		p.world.NetSuite.PutReceipt(r)
		if o := p.orders[0]; !slices.Contains(o.receipts, id) {
			o.receipts = append(o.receipts, id)
		}
	}
}

func loseReceipt(id int64) func(p *planned) {
	return func(p *planned) { p.world.NetSuite.Delete("itemreceipt", id) }
}

// enterBill enters a bill of the whole order.
func enterBill(p *planned) {
	p.world.NetSuite.PutBill(netsuitetest.Bill{ID: pwBill, Number: "INV-701", Vendor: pwVendor, Date: "2026-11-06", Due: "2026-12-06", Rate: "1",
		Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "10", Amount: "24.00", PO: pwOrder, POLine: 1}, {Item: 2002, Quantity: "20", Amount: "14.40", PO: pwOrder, POLine: 2}}})
	p.orders[0].bills = []int64{pwBill}
}

// abroad makes the vendor one in euros.
func abroad(p *planned) {
	v, _ := p.world.NetSuite.Vendor(pwVendor)
	v.Currency = "EUR"
	p.world.NetSuite.PutVendor(v)
}

// atRate sets the exchange rate of the bill, if there is one, else of the order.
func atRate(rate string) func(p *planned) {
	return func(p *planned) {
		if b, ok := p.world.NetSuite.Bill(pwBill); ok {
			b.Rate = rate
			p.world.NetSuite.PutBill(b)
			return
		}
		o, _ := p.world.NetSuite.PurchaseOrder(pwOrder)
		o.Rate = rate
		p.world.NetSuite.PutPurchaseOrder(o)
	}
}

func redateBill(p *planned) {
	b, _ := p.world.NetSuite.Bill(pwBill)
	b.Date = "2026-11-07"
	p.world.NetSuite.PutBill(b)
}

func voidBill(p *planned) {
	b, _ := p.world.NetSuite.Bill(pwBill)
	b.Voided = true
	p.world.NetSuite.PutBill(b)
}

// enterRent enters a bill without an order.
func enterRent(amount string, voided bool) func(p *planned) {
	return func(p *planned) {
		p.world.NetSuite.PutBill(netsuitetest.Bill{ID: pwBill, Number: "RENT-1", Vendor: pwVendor, Date: "2026-11-06", Due: "2026-12-06", Rate: "1", Voided: voided,
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: amount}}})
		p.alone = []int64{pwBill}
	}
}

// enterCredit enters a credit of the bill, or voids it.
func enterCredit(voided bool) func(p *planned) {
	return func(p *planned) {
		c := netsuitetest.Credit{AppliedTo: []int64{pwBill}, Bill: netsuitetest.Bill{ID: pwCredit, Number: "CR-901", Vendor: pwVendor, Date: "2026-11-10", Rate: "1", Voided: voided,
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: "5.00"}}}}
		p.world.NetSuite.PutCredit(c)
		p.credits = []int64{pwCredit}
	}
}

func then(steps ...func(p *planned)) func(p *planned) {
	return func(p *planned) {
		for _, s := range steps {
			s(p)
		}
	}
}

// receiveOneByHand: somebody receives one piece of what the invoice bills, in a
// group that Cin7 keeps open (contract cin7 7.7).
func receiveOneByHand(p *planned) {
	x := p.world.Cin7.Purchases()[0]
	l := x.Groups[0].Invoice.Lines[0]
	p.world.Cin7.EditPurchase(x.ID, func(x *cin7test.Purchase) {
		l.Quantity = l.Quantity.Div(l.Quantity)
		x.Groups[0].Stock = cin7test.Stock{Status: cin7test.PartiallyReceived,
			Lines: []cin7test.StockLine{{Date: "2026-11-05", ProductID: l.ProductID, SKU: l.SKU, Name: l.Name, Quantity: l.Quantity}}}
	})
}

// leaveStray: a create that was repeated on the way has left a second draft.
func leaveStray(p *planned) {
	for _, x := range p.world.Cin7.Purchases() {
		if strings.Contains(x.Note, "NS:purchaseorder:") {
			x.ID, x.OrderNumber, x.Groups, x.Order = "", "", nil, cin7test.Order{}
			p.world.Cin7.PutPurchase(x)
			return
		}
	}
	p.t.Fatal("Cin7 has no purchase to leave a second one of")
}

func noPutAway(o *distributor.Options) { o.Cin7.NoPutAway = true }
func ownGroup(o *distributor.Options)  { o.Cin7.FirstGroupOwnID = true }

var planWorlds = []planWorld{
	{name: "a receipt was corrected", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20")), enterReceipt(pwReceipt, "9", "20")}},
	{name: "a receipt was corrected, no put away", approach: "STOCK", needs: "void_stock", edit: noPutAway,
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20")), enterReceipt(pwReceipt, "9", "20")}},
	{name: "a receipt was corrected, a first group with an id of its own", approach: "STOCK", needs: "void_stock", edit: ownGroup,
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20")), enterReceipt(pwReceipt, "9", "20")}},
	{name: "a receipt and its bill were corrected", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20"), enterBill), then(enterReceipt(pwReceipt, "9", "20"), redateBill)}},
	{name: "the first of two receipts was corrected", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "")), enterReceipt(pwReceipt+1, "", "20"), enterReceipt(pwReceipt, "9", "")}},
	{name: "both of two receipts were corrected, and billed", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "9", "")), enterReceipt(pwReceipt+1, "", "19"),
			then(enterReceipt(pwReceipt, "10", ""), enterReceipt(pwReceipt+1, "", "20"), enterBill)}},
	{name: "a new order's receipts, one corrected later", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", ""), enterReceipt(pwReceipt+1, "", "20")), enterReceipt(pwReceipt+1, "", "18")}},
	{name: "a receipt was deleted", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20")), loseReceipt(pwReceipt)}},
	{name: "a receipt was deleted and entered anew", approach: "STOCK", needs: "void_stock",
		steps: []func(*planned){then(enterOrder, enterReceipt(pwReceipt, "10", "20")), then(loseReceipt(pwReceipt), enterReceipt(pwReceipt+1, "10", "20"))}},
	{name: "somebody began to receive by hand", approach: "INVOICE", needs: "replace_stock",
		steps: []func(*planned){then(enterOrder, enterBill), then(receiveOneByHand, enterReceipt(pwReceipt, "10", "20"))}},
	{name: "a credit was voided", approach: "INVOICE", needs: "void_credit_note",
		steps: []func(*planned){then(enterOrder, enterBill, enterReceipt(pwReceipt, "10", "20"), enterCredit(false)), enterCredit(true)}},
	{name: "a journal was voided", approach: "INVOICE", journals: true, needs: "void_journal",
		steps: []func(*planned){enterRent("900.00", false), enterRent("900.00", true)}},
	{name: "a journal was corrected", approach: "INVOICE", journals: true, needs: "replace_journal",
		steps: []func(*planned){enterRent("900.00", false), enterRent("950.00", false)}},
	{name: "a bill came at another rate", approach: "INVOICE", needs: "set_rate",
		steps: []func(*planned){then(abroad, enterOrder, atRate("1.0875")), then(enterBill, atRate("1.0950"))}},
	{name: "a bill was voided", approach: "INVOICE", needs: "void_invoice",
		steps: []func(*planned){then(enterOrder, enterBill), voidBill}},
	{name: "a second draft was left behind", approach: "INVOICE", needs: "void_stray_purchase",
		steps: []func(*planned){enterOrder, then(leaveStray, enterBill)}},
}
