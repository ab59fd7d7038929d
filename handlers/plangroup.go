package handlers

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// group is one invoicing and receiving group of a purchase (contract cin7 7.6).
type group struct {
	task    string
	number  int
	invoice cin7.Invoice
	stock   cin7.StockTask
	putAway cin7.StockTask

	billed queue.Ref // the bill whose invoice it holds, or will
	taken  bool      // a wanted receipt belongs here
	dead   bool      // holds the invoice of a bill that is cancelled
}

// groupsOf reads the groups from the task lists, in their own order.
func groupsOf(p *cin7.Purchase) []*group {
	var out []*group
	find := func(task string, number int) *group {
		i := slices.IndexFunc(out, func(g *group) bool { return cin7.SameID(g.task, task) })
		if i >= 0 {
			return out[i]
		}
		g := &group{task: task, number: number}
		out = append(out, g)
		return g
	}
	for _, i := range p.Invoice {
		find(i.TaskID, i.InvoicingAndReceivingNumber).invoice = i
	}
	for _, s := range p.StockReceived {
		find(s.TaskID, s.InvoicingAndReceivingNumber).stock = s
	}
	for _, s := range p.PutAway {
		find(s.TaskID, s.InvoicingAndReceivingNumber).putAway = s
	}
	slices.SortStableFunc(out, func(a, b *group) int { return a.number - b.number })
	return out
}

func posted(i cin7.Invoice) bool {
	return i.Status == cin7.StatusAuthorised || i.Status == cin7.StatusPaid
}

func openTask(s cin7.StockTask) bool {
	return s.Status == "" || s.Status == cin7.StatusNotAvailable || s.Status == cin7.StatusDraft
}

// received says that the goods of a group are in: with put-away the stock task
// says so, without it the put-away (contract cin7 7.5). Lines of a draft, or
// of what was undone, do not count.
func (b *builder) received(g *group) bool {
	return g.putAway.Status == cin7.StatusAuthorised || b.PutAway && g.stock.Status == cin7.StatusAuthorised
}

// receivedLines are what the group holds, and where, as far as Cin7 says.
func (b *builder) receivedLines(g *group) []cin7.StockLine {
	if g.putAway.Status == cin7.StatusAuthorised || !b.PutAway {
		return g.putAway.Lines
	}
	return g.stock.Lines
}

// handled says that somebody is receiving into the group: lines that are not
// authorised yet.
func (g *group) handled() bool {
	return openTask(g.stock) && len(g.stock.Lines) > 0 || openTask(g.putAway) && len(g.putAway.Lines) > 0 || g.stock.Status == cin7.StatusPartiallyReceived
}

// untouched says that the group can take a receipt of its own.
func (g *group) untouched() bool {
	return openTask(g.stock) && openTask(g.putAway) && !g.handled()
}

// freeForInvoice says that nobody's invoice is in the group: none, the empty
// draft that Cin7 makes with a group, or the draft that is left of a bill that
// was cancelled.
func (g *group) freeForInvoice() bool {
	i := g.invoice
	return g.billed == (queue.Ref{}) && (i.Status == "" || i.Status == cin7.StatusNotAvailable ||
		i.Status == cin7.StatusDraft && (g.dead || len(i.Lines)+len(i.AdditionalCharges) == 0))
}

// perProduct sums quantities: lower-case product ID -> quantity.
func perProduct(lines []cin7.StockLine) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range lines {
		k := strings.ToLower(l.ProductID)
		out[k] = out[k].Add(l.Quantity.Decimal)
	}
	return out
}

func invoiced(i cin7.Invoice) map[string]decimal.Decimal {
	out := map[string]decimal.Decimal{}
	for _, l := range i.Lines {
		k := strings.ToLower(l.ProductID)
		out[k] = out[k].Add(l.Quantity.Decimal)
	}
	return out
}

func addTo(sum, more map[string]decimal.Decimal) {
	for k, q := range more {
		sum[k] = sum[k].Add(q)
	}
}

// within says that a holds no more than b of anything.
func within(a, b map[string]decimal.Decimal) bool {
	for k, q := range a {
		if q.GreaterThan(b[k]) {
			return false
		}
	}
	return true
}

func equalQuantities(a, b map[string]decimal.Decimal) bool { return within(a, b) && within(b, a) }

// missingLines is want less have, product by product: what is there counts
// against the oldest wanted lines. extra names what is there beyond.
func missingLines(want, have []cin7.StockLine) (missing []cin7.StockLine, extra string) {
	there := perProduct(have)
	for _, l := range want {
		k := strings.ToLower(l.ProductID)
		used := decimal.Min(there[k], l.Quantity.Decimal)
		there[k] = there[k].Sub(used)
		if rest := l.Quantity.Sub(used); rest.IsPositive() {
			l.Quantity = cin7.NewNumber(rest)
			missing = append(missing, l)
		}
	}
	for _, l := range have {
		if q := there[strings.ToLower(l.ProductID)]; q.IsPositive() {
			return missing, what(q, l)
		}
	}
	return missing, ""
}
