package handlers

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
)

// Cin7 has one exchange rate for a whole purchase (contract cin7 7.2 and 9),
// NetSuite one for each bill. So the purchase gets the rate of its bill before
// the bill's invoice is drafted, and a bill at another rate than what is
// posted already cannot go: it would be worth something else in base currency.

// rateKept is how many decimals of a rate Cin7 is sure to keep.
const rateKept = 4

// sameWorth reports whether an amount is worth the same in base currency at
// both rates: to the cent, or, when Cin7 has kept four decimals of a finer
// rate, within one part in ten thousand.
func sameWorth(amount, rate, kept decimal.Decimal) bool {
	if amount.Mul(rate).Round(2).Equal(amount.Mul(kept).Round(2)) {
		return true
	}
	return kept.Equal(rate.Round(rateKept)) && rate.Sub(kept).Abs().LessThanOrEqual(rate.Mul(decimal.New(1, -4)))
}

// planRates holds the calls of a plan that post an invoice against the rate of
// the purchase: it puts a change of the rate before them while nothing is
// posted yet, and takes them out when it is too late.
func planRates(w *want, p *cin7.Purchase, groups []*group, out *outlook) {
	var at *group // of an invoice that is posted
	for _, g := range groups {
		if posted(g.invoice) {
			at = g
		}
	}
	for _, inv := range w.Invoices {
		total := inv.Net.Add(inv.Tax)
		if !inv.Rate.IsPositive() || out.Verdicts[inv.Ref] != nil || sameWorth(total, inv.Rate, p.CurrencyRate.Decimal) {
			continue
		}
		have, want := money(total.Mul(p.CurrencyRate.Decimal).Round(2)), money(total.Mul(inv.Rate).Round(2))
		var ops []op
		planned := false
		for _, o := range out.Ops {
			if o.For != inv.Ref || o.Kind != opDraftInvoice && o.Kind != opAuthoriseInvoice {
				ops = append(ops, o)
				continue
			}
			planned = true
			if at == nil {
				rate := cin7.NewNumber(inv.Rate)
				ops = append(ops, op{Kind: opSetRate, For: inv.Ref, Update: &cin7.UpdatePurchase{ID: p.ID, Location: p.Location, CurrencyRate: &rate},
					Why: fmt.Sprintf("bill %s has the exchange rate %s, purchase %s has %s", inv.Number, inv.Rate, p.OrderNumber, p.CurrencyRate)})
			}
		}
		switch {
		case planned && at != nil:
			out.Verdicts[inv.Ref] = problem(ParkCurrencyMismatch, "enter the invoice in Cin7 by hand on a purchase of its own and skip this record, or give the bill the rate of the earlier one in NetSuite",
				"bill %s is %s in base currency at %s; purchase %s has the rate %s of invoice %s, at which it would be %s: Cin7 has one rate for all invoices of a purchase",
				inv.Number, want, inv.Rate, p.OrderNumber, p.CurrencyRate, at.invoice.InvoiceNumber, have)
		case !planned && heldBy(groups, inv):
			out.Verdicts[inv.Ref] = problem(ParkBillChanged, "correct the exchange rate of the bill in NetSuite or of the purchase in Cin7, or skip this record",
				"bill %s is %s in base currency at %s, its invoice of %s is posted at %s, which makes %s", inv.Number, want, inv.Rate, p.OrderNumber, p.CurrencyRate, have)
		}
		out.Ops = ops
	}
}

// heldBy reports whether a posted invoice has the number of the bill.
func heldBy(groups []*group, inv wantInvoice) bool {
	for _, g := range groups {
		if posted(g.invoice) && g.invoice.InvoiceNumber == inv.Number {
			return true
		}
	}
	return false
}
