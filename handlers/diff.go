package handlers

import (
	"fmt"
	"sort"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
)

// diffInvoice says in words how an invoice in Cin7 differs from the wanted
// one; "" when it is the same to the cent.
func diffInvoice(w wantInvoice, have cin7.Invoice) string {
	var out []string
	note := func(what, want, have string) {
		if want != have {
			out = append(out, fmt.Sprintf("%s is %s, should be %s", what, have, want))
		}
	}
	note("the number", w.Number, have.InvoiceNumber)
	note("the date", string(w.Date), string(have.InvoiceDate))
	if d := diffLines(w.Lines, w.Charges, have.Lines, have.AdditionalCharges); d != "" {
		out = append(out, d)
	}
	net := sumOf(have.Lines, func(l cin7.Line) decimal.Decimal { return l.Total.Decimal }).
		Add(sumOf(have.AdditionalCharges, func(c cin7.Charge) decimal.Decimal { return c.Total.Decimal }))
	tax := sumOf(have.Lines, func(l cin7.Line) decimal.Decimal { return l.Tax.Decimal }).
		Add(sumOf(have.AdditionalCharges, func(c cin7.Charge) decimal.Decimal { return c.Tax.Decimal }))
	note("the sum of the lines", w.Net.StringFixed(2), net.StringFixed(2))
	note("the tax", w.Tax.StringFixed(2), tax.StringFixed(2))
	return strings.Join(out, "; ")
}

// sameInvoice says that diffInvoice would find nothing; without its words, when
// already the number of lines tells.
func sameInvoice(w wantInvoice, have cin7.Invoice) bool {
	return len(w.Lines)+len(w.Charges) == len(have.Lines)+len(have.AdditionalCharges) && diffInvoice(w, have) == ""
}

// diffLines compares lines and charges without regard to order (Cin7 answers
// in any). It names what is missing and what is there instead.
func diffLines(wantLines []cin7.Line, wantCharges []cin7.Charge, haveLines []cin7.Line, haveCharges []cin7.Charge) string {
	count := map[string]int{}
	wantLines, haveLines = unpaired(wantLines, haveLines)
	for _, l := range wantLines {
		count[lineText(l)]++
	}
	for _, c := range wantCharges {
		count[chargeText(c)]++
	}
	for _, l := range haveLines {
		count[lineText(l)]--
	}
	for _, c := range haveCharges {
		count[chargeText(c)]--
	}
	var out []string
	for text, n := range count {
		switch {
		case n > 0:
			out = append(out, "missing "+text)
		case n < 0:
			out = append(out, "in Cin7 "+text)
		}
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

// unpaired leaves out the lines that are the same in the same place: their
// texts, which take most of the time, would only cancel each other.
func unpaired(want, have []cin7.Line) (w, h []cin7.Line) {
	paired := min(len(want), len(have))
	for i := range paired {
		if !sameLine(want[i], have[i]) {
			w, h = append(w, want[i]), append(h, have[i])
		}
	}
	return append(w, want[paired:]...), append(h, have[paired:]...)
}

// sameLine says that two lines have the same lineText; that it says no proves
// nothing.
func sameLine(a, b cin7.Line) bool {
	return a.SKU == b.SKU && a.Account == b.Account && a.Quantity.Equal(b.Quantity.Decimal) && a.Price.Equal(b.Price.Decimal) &&
		a.Total.Equal(b.Total.Decimal) && a.Tax.Equal(b.Tax.Decimal) && a.Discount.Equal(b.Discount.Decimal)
}

func lineText(l cin7.Line) string {
	return amounts(l.Quantity, l.SKU, l.Price, l.Discount, l.Total, l.Tax, l.Account)
}

func chargeText(c cin7.Charge) string {
	return amounts(c.Quantity, c.Description, c.Price, c.Discount, c.Total, c.Tax, c.Account)
}

func amounts(quantity cin7.Number, what string, price, discount, total, tax cin7.Number, account string) string {
	s := fmt.Sprintf("%s x %s at %s = %s tax %s", quantity, strings.ToUpper(what), price.StringFixed(4), total.StringFixed(2), tax.StringFixed(2))
	if !discount.IsZero() {
		s += " less " + discount.String() + " %"
	}
	if account != "" {
		s += " on account " + account
	}
	return s
}
