package cin7test

import (
	"slices"

	"github.com/shopspring/decimal"
)

// The combined values compare what is authorised with the order, product by
// product: none, some, all (7.9).

const (
	none = iota
	some
	all
)

// coverage compares quantities with those that were ordered. Without an order
// to compare with, anything is all.
func coverage(ordered, got map[string]decimal.Decimal) int {
	full, something := true, false
	for _, q := range got {
		something = something || q.IsPositive()
	}
	for id, q := range ordered {
		if got[id].LessThan(q) {
			full = false
		}
	}
	switch {
	case !something:
		return none
	case full:
		return all
	}
	return some
}

// orderedGoods are the products that can be received.
func (p *Purchase) orderedGoods() map[string]decimal.Decimal {
	return quantities(slices.DeleteFunc(slices.Clone(p.Order.Lines), func(l Line) bool { return l.NonInventory }))
}

func chargeQuantities(into map[string]decimal.Decimal, charges []Charge) {
	for _, c := range charges {
		k := "charge " + c.Description
		into[k] = into[k].Add(c.Quantity)
	}
}

func (p *Purchase) receivedCoverage() int {
	got := map[string]decimal.Decimal{}
	for _, g := range p.Groups {
		if g.PutAway.Status != Authorised {
			continue
		}
		for id, q := range stockQuantities(g.PutAway.Lines) {
			got[id] = got[id].Add(q)
		}
	}
	return coverage(p.orderedGoods(), got)
}

func (p *Purchase) invoicedCoverage() int {
	ordered, got := quantities(p.Order.Lines), map[string]decimal.Decimal{}
	chargeQuantities(ordered, p.Order.Charges)
	for _, g := range p.Groups {
		if !g.invoiced() {
			continue
		}
		for id, q := range quantities(g.Invoice.Lines) {
			got[id] = got[id].Add(q)
		}
		chargeQuantities(got, g.Invoice.Charges)
	}
	return coverage(ordered, got)
}

func (p *Purchase) credited() bool {
	return slices.ContainsFunc(p.CreditNotes, func(n CreditNote) bool { return n.Status == Authorised })
}

// nothingToReceive: expenses alone.
func (p *Purchase) nothingToReceive() bool {
	return p.Type == serviceType || p.Order.Status == Authorised && len(p.orderedGoods()) == 0
}

// CombinedReceivingStatus is judged by put-away, the place where goods are in (7.9).
func (p *Purchase) CombinedReceivingStatus() string {
	switch {
	case p.Voided:
		return "VOIDED"
	case p.nothingToReceive() || p.Order.Status != Authorised && !p.BlindReceipt:
		return "NOT AVAILABLE"
	}
	return []string{"NOT RECEIVED", "PARTIALLY RECEIVED", "FULLY RECEIVED"}[p.receivedCoverage()]
}

// CombinedInvoiceStatus compares authorised invoices with the order (7.9).
func (p *Purchase) CombinedInvoiceStatus() string {
	if p.Voided || p.Order.Status != Authorised && !p.BlindReceipt {
		return "NOT AVAILABLE"
	}
	st := []string{"NOT INVOICED", "PARTIALLY INVOICED", "INVOICED"}[p.invoicedCoverage()]
	if p.credited() && st != "NOT INVOICED" {
		st += " / CREDITED"
	}
	return st
}

// CombinedPaymentStatus knows invoices that are paid in full (7.9).
func (p *Purchase) CombinedPaymentStatus() string {
	paid, open := 0, 0
	for _, g := range p.Groups {
		switch g.Invoice.Status {
		case Paid:
			paid++
		case Authorised:
			open++
		}
	}
	switch {
	case p.Voided:
		return "VOIDED"
	case paid == 0:
		return "UNPAID"
	case open > 0:
		return "PARTIALLY PAID"
	}
	return "PAID"
}

// Status is the overall status (7.9).
func (p *Purchase) Status() string {
	inv, rec := p.invoicedCoverage(), p.receivedCoverage()
	receiving := slices.ContainsFunc(p.Groups, func(g Group) bool {
		return g.Stock.Status != NotAvailable && g.Stock.Status != Voided || g.PutAway.Status != NotAvailable && g.PutAway.Status != Voided
	})
	switch {
	case p.Voided:
		return "VOIDED"
	case p.credited() && rec == all:
		return "RECEIVED / CREDITED"
	case p.credited() && receiving:
		return "RECEIVING / CREDITED"
	case p.credited():
		return "CREDITED"
	case p.BlindReceipt && p.Order.Status != Authorised:
		return p.blindStatus(inv, rec, receiving)
	case p.Order.Status == NotAvailable:
		return "DRAFT"
	case p.Order.Status == Draft:
		return "ORDERING"
	case inv == all && (rec == all || p.nothingToReceive()):
		return "COMPLETED"
	case inv == all:
		return "INVOICED"
	case rec == all && inv == some:
		return "PARTIALLY INVOICED"
	case rec == all:
		return "RECEIVED"
	case receiving:
		return "RECEIVING"
	case inv == some:
		return "PARTIALLY INVOICED"
	}
	return "ORDERED"
}

func (p *Purchase) blindStatus(inv, rec int, receiving bool) string {
	switch {
	case inv == all && rec == all:
		return "COMPLETED"
	case inv == all:
		return "INVOICED"
	case rec == all:
		return "RECEIVED"
	case receiving:
		return "RECEIVING"
	}
	return "DRAFT"
}

// taskStatus sums up the groups for a list row: the furthest of them.
func (p *Purchase) taskStatus(of func(Group) string) string {
	rank := []string{NotAvailable, Draft, Voided, PartiallyReceived, Authorised, Paid}
	best := 0
	for _, g := range p.Groups {
		best = max(best, slices.Index(rank, of(g)))
	}
	return rank[best]
}
