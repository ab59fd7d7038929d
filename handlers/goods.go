package handlers

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
)

// goods are the lines of the wanted receipts on their way into groups: what
// was given to one group is gone for the next.
type goods struct {
	lines []goodsLine // oldest receipt first
}

type goodsLine struct {
	cin7.StockLine
	of   queue.Ref
	left decimal.Decimal
}

func newGoods(receipts []wantReceipt) *goods {
	n := 0
	for _, r := range receipts {
		n += len(r.Lines)
	}
	g := &goods{lines: make([]goodsLine, 0, n)}
	for _, r := range receipts {
		for _, l := range r.Lines {
			g.lines = append(g.lines, goodsLine{l, r.Ref, l.Quantity.Decimal})
		}
	}
	return g
}

// left is what is not given yet, per product, of the receipts that may go to
// the bill: a receipt on paper goes with its own bill.
func (g *goods) left(bill queue.Ref) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range g.lines {
		if l.fits(bill) {
			k := strings.ToLower(l.ProductID)
			out[k] = out[k].Add(l.left)
		}
	}
	return out
}

func (l goodsLine) fits(bill queue.Ref) bool {
	return l.of.Type != string(netsuite.TypeVendorBill) || bill == (queue.Ref{}) || l.of == bill
}

// take gives quantities of products to a group, oldest first. What there is
// too little of is given as far as it goes.
func (g *goods) take(need map[string]decimal.Decimal, bill queue.Ref, suits func(cin7.StockLine) bool) []goodsLine {
	left := map[string]decimal.Decimal{}
	addTo(left, need)
	var out []goodsLine
	for i := range g.lines {
		l := &g.lines[i]
		k := strings.ToLower(l.ProductID)
		q := decimal.Min(l.left, left[k])
		if !q.IsPositive() || !l.fits(bill) || suits != nil && !suits(l.StockLine) {
			continue
		}
		l.left, left[k] = l.left.Sub(q), left[k].Sub(q)
		part := *l
		part.Quantity = cin7.NewNumber(q)
		out = append(out, part)
	}
	return out
}

func stockLines(list []goodsLine) []cin7.StockLine {
	out := []cin7.StockLine{}
	for _, l := range list {
		i := slices.IndexFunc(out, func(h cin7.StockLine) bool {
			return cin7.SameID(h.ProductID, l.ProductID) && cin7.SameID(h.LocationID, l.LocationID) && h.Date == l.Date
		})
		if i < 0 {
			out = append(out, l.StockLine)
			continue
		}
		out[i].Quantity = cin7.NewNumber(out[i].Quantity.Add(l.Quantity.Decimal))
	}
	return out
}
