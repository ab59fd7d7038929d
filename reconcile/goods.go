package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// GoodsTotal is what was received for the orders that have a receipt in the
// period, all their receipts counted.
type GoodsTotal struct {
	Compared bool            `json:"compared"`
	Why      string          `json:"why,omitempty"` // not compared
	Orders   int             `json:"orders"`
	NetSuite decimal.Decimal `json:"netsuite"`
	Cin7     decimal.Decimal `json:"cin7"`
}

// Goods is a quantity of one product that differs.
type Goods struct {
	SKU        string          `json:"sku"`
	NetSuite   decimal.Decimal `json:"netsuite"`
	Cin7       decimal.Decimal `json:"cin7"`
	Difference decimal.Decimal `json:"difference"`
}

// received is what NetSuite counts of one order.
type received struct {
	po       netsuite.ID
	vendor   netsuite.ID
	number   string
	quantity map[string]decimal.Decimal // Cin7 SKU -> received
	full     bool                       // everything ordered has come, and no more
	sum      decimal.Decimal
}

// goods compares what was received, order by order. An order that both
// systems call received in full needs no call; others are read.
func (r *run) goods(ctx context.Context) error {
	t := r.in.Tenant
	g := &r.report.Goods
	switch {
	case t.Sync.ReceiveOn != tenant.ReceiveOnItemReceipt:
		g.Why = "receiving does not follow NetSuite's receipts (sync.receive_on: " + t.Sync.ReceiveOn + ")"
		return nil
	case !t.Syncs(string(netsuite.TypeItemReceipt)):
		g.Why = "sync.types does not name itemreceipt"
		return nil
	}
	g.Compared = true
	var batch []received
	flush := func() error {
		err := r.compareGoods(ctx, batch)
		batch = batch[:0]
		return err
	}
	for o, err := range r.in.NetSuite.ReceivedOrders(ctx, netsuite.Date(r.in.From), netsuite.Date(r.in.To)) {
		if err != nil {
			return fmt.Errorf("read the receipts of NetSuite: %w", err)
		}
		if len(batch) == 0 || batch[len(batch)-1].po != o.PO {
			if len(batch) == 500 {
				if err := flush(); err != nil {
					return err
				}
			}
			batch = append(batch, received{po: o.PO, vendor: o.Vendor, number: o.Number, quantity: map[string]decimal.Decimal{}, full: true})
		}
		if o.ItemType == "Service" || o.ItemType == "OthCharge" {
			continue // not received in Cin7
		}
		x := &batch[len(batch)-1]
		sku := strings.ToUpper(handlers.Cin7SKU(t, o.Item, o.SKU))
		x.quantity[sku] = x.quantity[sku].Add(o.Received)
		x.full = x.full && o.Received.Equal(o.Ordered)
		x.sum = x.sum.Add(o.Received)
	}
	return flush()
}

func (r *run) compareGoods(ctx context.Context, batch []received) error {
	if len(batch) == 0 {
		return nil
	}
	var ids []netsuite.ID
	var refs []queue.Ref
	vendors := map[netsuite.ID]bool{}
	for _, o := range batch {
		ids = append(ids, o.po)
		refs = append(refs, orderRef(o.po))
		vendors[o.vendor] = true
	}
	if _, err := r.vendorNames(ctx, vendors); err != nil {
		return err
	}
	if err := r.know(ctx, refs...); err != nil {
		return err
	}
	docs, err := r.in.NetSuite.DocumentsOf(ctx, ids...)
	if err != nil {
		return fmt.Errorf("read the documents of %d orders: %w", len(ids), err)
	}
	links := map[netsuite.ID][]queue.Ref{}
	for _, l := range docs {
		links[l.PO] = append(links[l.PO], queue.Ref{Type: string(l.Type), ID: l.Doc.String()})
	}
	for _, o := range batch {
		p := r.purchaseOf(o.po, links[o.po])
		r.report.Goods.Orders++
		r.report.Goods.NetSuite = r.report.Goods.NetSuite.Add(o.sum)
		if !r.in.Deep && p != nil && p.whole == nil && o.full && strings.EqualFold(p.receiving, "FULLY RECEIVED") {
			r.report.Goods.Cin7 = r.report.Goods.Cin7.Add(o.sum)
			continue
		}
		if p == nil {
			// Nothing points to it: the vendor's purchases that nothing else explains.
			if err := r.lookAmong(ctx, r.vendors[o.vendor]); err != nil {
				return err
			}
			p = r.purchaseOf(o.po, links[o.po])
		}
		if p != nil {
			if err := r.look(ctx, p); err != nil {
				return err
			}
		}
		if err := r.know(ctx, links[o.po]...); err != nil {
			return err
		}
		r.goodsOf(o, p, links[o.po])
	}
	return nil
}

// purchaseOf finds the purchase of an order: by the ledger documents of its
// bills, by a marker that was read, else where we remember it.
func (r *run) purchaseOf(po netsuite.ID, links []queue.Ref) *purchase {
	ref := orderRef(po)
	if p := r.purchases[strings.ToLower(r.records[ref].Links["purchase"])]; p != nil {
		return p
	}
	for _, l := range links {
		b := r.byRef[l]
		if b == nil {
			continue
		}
		for _, d := range b.docs {
			if d.purchase != nil && (d.purchase.owner == ref || d.purchase.owner.ID == "" && len(b.docs) == 1) {
				return d.purchase
			}
		}
	}
	for _, p := range r.purchases {
		if p.owner == ref {
			return p
		}
	}
	return nil
}

// goodsOf classes the quantities of one order.
func (r *run) goodsOf(o received, p *purchase, links []queue.Ref) {
	have, billed := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	number, vendor, order := o.number, r.vendors[o.vendor], ""
	if p != nil {
		order = p.order
	}
	if p != nil && p.whole != nil {
		for _, s := range p.whole.PutAway {
			if s.Status != cin7.StatusVoided {
				addQuantities(have, s.Lines)
			}
		}
		if len(have) == 0 { // put away is not used, or not yet done
			for _, s := range p.whole.StockReceived {
				if s.Status == cin7.StatusAuthorised || s.Status == cin7.StatusPartiallyReceived {
					addQuantities(have, s.Lines)
				}
			}
		}
		for _, i := range p.whole.Invoice {
			if posted(i.Status) {
				for _, l := range i.Lines {
					billed[strings.ToUpper(l.SKU)] = billed[strings.ToUpper(l.SKU)].Add(l.Quantity.Decimal)
				}
			}
		}
	}
	skus := map[string]bool{}
	for _, m := range []map[string]decimal.Decimal{o.quantity, have} {
		for k, q := range m {
			if !q.IsZero() {
				skus[k] = true
			}
		}
	}
	for _, q := range have {
		r.report.Goods.Cin7 = r.report.Goods.Cin7.Add(q)
	}
	for _, sku := range sortedNames(skus) {
		ns, c7 := o.quantity[sku], have[sku]
		if ns.Equal(c7) {
			continue
		}
		short := ns.Sub(c7)
		put := func(c cause, part decimal.Decimal) {
			r.put(Difference{Class: c.class, Kind: c.kind, NeedsPerson: NeedsPerson(c.class), Type: string(netsuite.TypePurchaseOrder), ID: o.po.String(),
				Number: number, Vendor: vendor, Cin7Order: order, Currency: r.report.BaseCurrency, Text: c.text, Fix: c.fix,
				Goods: &Goods{SKU: sku, NetSuite: ns, Cin7: c7, Difference: part}})
		}
		if short.IsNegative() {
			put(cause{class: OnlyInCin7, kind: "receipt_over", text: fmt.Sprintf("%s of %s are received in Cin7, %s in NetSuite", c7, sku, ns),
				fix: "undo the receiving in Cin7, or receive the rest in NetSuite"}, short)
			continue
		}
		if p != nil && p.voided {
			put(cause{class: EditedInCin7, kind: "voided_in_cin7", text: "purchase " + p.order + " was voided in Cin7", fix: "cancel the order in NetSuite too, or enter it in Cin7 again"}, short)
			continue
		}
		// Under the INVOICE approach Cin7 takes goods only up to what is invoiced.
		if p != nil && p.whole != nil && strings.EqualFold(p.whole.Approach, cin7.ApproachInvoice) {
			if unbilled := decimal.Min(short, ns.Sub(decimal.Max(billed[sku], c7))); unbilled.IsPositive() {
				put(cause{class: ReceivedNotBilled, kind: "receipt", text: fmt.Sprintf("%s of %s came before their bill; Cin7 takes them with it", unbilled, sku)}, unbilled)
				short = short.Sub(unbilled)
			}
		}
		if short.IsPositive() {
			put(r.whyShort(links, o, sku, short), short)
		}
	}
}

// whyShort says why goods that NetSuite received are not in Cin7.
func (r *run) whyShort(links []queue.Ref, o received, sku string, short decimal.Decimal) cause {
	refs := append([]queue.Ref{orderRef(o.po)}, links...)
	for _, k := range refs {
		if k.Type != string(netsuite.TypeItemReceipt) && k.Type != string(netsuite.TypePurchaseOrder) {
			continue
		}
		rec := r.records[k]
		if c, ok := known(rec); ok {
			return c
		}
	}
	completed := slices.ContainsFunc(refs, func(k queue.Ref) bool {
		return k.Type == string(netsuite.TypeItemReceipt) && r.records[k].State == queue.Completed
	})
	if completed {
		return cause{class: EditedInCin7, kind: "receipt_short", text: fmt.Sprintf("%s of %s were received in Cin7 and are not there any more", short, sku), fix: "receive them again in Cin7, or correct the receipt in NetSuite"}
	}
	return cause{class: OnlyInNetSuite, kind: "receipt_short", text: fmt.Sprintf("%s of %s are received in NetSuite, not in Cin7", short, sku), fix: "have the service take the order up: Try again now on its page of the console, or ml-connector records sync " + r.in.Tenant.ID + " purchaseorder " + o.po.String()}
}

func addQuantities(to map[string]decimal.Decimal, lines []cin7.StockLine) {
	for _, l := range lines {
		k := strings.ToUpper(l.SKU)
		to[k] = to[k].Add(l.Quantity.Decimal)
	}
}

func sortedNames(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
