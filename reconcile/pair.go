package reconcile

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// cluster is the bills and ledger documents of one vendor and number: one of
// each as a rule, several ledger documents for a bill over several orders.
type cluster struct {
	bills []*bill
	docs  []*ledgerDoc
}

// pair puts bills and ledger documents together by vendor, number and
// direction, and returns what is not settled by that: clusters that differ, or
// miss a side. What is settled needs no further call.
func (r *run) pair() []*cluster {
	type key struct {
		vendor, number string
		credit         bool
	}
	byKey := map[key]*cluster{}
	var all []*cluster
	of := func(vendor, number string, credit bool) *cluster {
		k := key{r.same(fold(vendor)), fold(number), credit}
		c := byKey[k]
		if c == nil {
			c = &cluster{}
			byKey[k] = c
			all = append(all, c)
		}
		return c
	}
	for _, b := range r.bills {
		r.byRef[b.Ref] = b
		if !b.posts {
			continue // it should not be in Cin7; whoever is there finds it in settle
		}
		c := of(b.vendor, b.number, b.credit())
		c.bills = append(c.bills, b)
	}
	for _, d := range r.docs {
		if b := r.byRef[d.owner]; d.owner.ID != "" && b != nil {
			d.supplier, d.number = b.vendor, b.number
		}
		if d.foreign(r.report.BaseCurrency) {
			continue // its own currency is not known yet
		}
		v := d.lines.vector()
		for i := range v {
			v[i].doc = v[i].base
		}
		d.lines = r.numbers.pack(v)
	}
	for _, d := range r.docs {
		if !d.ap {
			all = append(all, &cluster{docs: []*ledgerDoc{d}}) // no bill has such rows
			continue
		}
		c := of(d.supplier, d.number, d.credit)
		c.docs = append(c.docs, d)
	}

	var open, foreign []*cluster
	for _, c := range all {
		switch {
		case len(c.bills) != 1 || len(c.docs) == 0 || !c.agrees(r.report.BaseCurrency):
			open = append(open, c)
		case c.foreign(r.report.BaseCurrency):
			foreign = append(foreign, c)
		default:
			c.join()
		}
	}
	return append(open, r.provenByTotal(foreign)...)
}

// agrees reports whether the two sides say the same in base currency, up to
// the rounding of rows when they are in a foreign one.
func (c *cluster) agrees(base string) bool {
	d := c.difference()
	return d.zeroBase() || c.foreign(base) && d.rounded(false)
}

func (c *cluster) difference() vector {
	var ns, c7 vector
	for _, b := range c.bills {
		ns.addAll(b.lines.vector())
	}
	for _, d := range c.docs {
		c7.addAll(d.lines.vector())
	}
	return ns.less(c7)
}

func (c *cluster) foreign(base string) bool {
	for _, d := range c.docs {
		if d.foreign(base) {
			return true
		}
	}
	return !strings.EqualFold(c.bills[0].currency, base)
}

// join settles a cluster: its documents belong to its only bill.
func (c *cluster) join() {
	b := c.bills[0]
	b.docs = c.docs
	for _, d := range c.docs {
		d.bill = b
		if d.purchase != nil {
			d.purchase.paired = true
		}
	}
}

// provenByTotal settles the clusters in foreign currency whose purchases show,
// in the list, exactly what their bills add up to in that currency; the others
// stay open.
func (r *run) provenByTotal(foreign []*cluster) (open []*cluster) {
	billed := map[*purchase]decimal.Decimal{}
	whole := map[*purchase]bool{} // every document of the purchase is in a cluster of its own
	for _, c := range foreign {
		p := c.docs[0].purchase
		if len(c.docs) == 1 && p != nil && !c.bills[0].credit() {
			billed[p] = billed[p].Add(c.bills[0].total)
			whole[p] = true
		}
	}
	for _, c := range foreign {
		p := c.docs[0].purchase
		if len(c.docs) != 1 || p == nil || !whole[p] || !billed[p].Equal(p.invoiced) || !strings.EqualFold(p.currency, c.bills[0].currency) {
			open = append(open, c)
			continue
		}
		// The same total in the document's currency, the same amounts in base
		// currency up to rounding: the accounts agree in the document's too.
		d := c.docs[0]
		v := d.lines.vector()
		for _, a := range c.bills[0].lines.vector() {
			v.add(a.account, decimal.Zero, a.doc, 0)
		}
		d.lines = r.numbers.pack(v)
		c.join()
	}
	return open
}

// openAgain is pair after every purchase was read: a settled pair whose
// document currency turns out to differ is open again, and so is one whose
// ledger rows are not what the document says.
func (r *run) openAgain(open []*cluster) []*cluster {
	for _, b := range r.bills {
		if len(b.docs) == 0 {
			continue
		}
		c := &cluster{bills: []*bill{b}, docs: b.docs}
		if !c.difference().zeroDoc() || slices.ContainsFunc(c.docs, func(d *ledgerDoc) bool { return r.misposted(d) != nil }) {
			b.docs = nil
			for _, d := range c.docs {
				d.bill = nil
			}
			open = append(open, c)
		}
	}
	return open
}
