package reconcile

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
)

// documentsOf is what Cin7's own document says that a ledger document should
// hold, by account: the invoice, credit note or journal that its TaskID names.
// Where the TaskID is that of the purchase (contracts/cin7-core.md 10 leaves
// that open), it may be one of several invoices of the number or all of them:
// each reading is given, the likeliest first. Nothing is given of a document
// whose purchase was not read.
func (r *run) documentsOf(d *ledgerDoc) (readings []vector) {
	for _, j := range r.journals[d.owner] {
		if cin7.SameID(j.TaskID, d.task) {
			return []vector{journalVector(j)}
		}
	}
	if d.purchase == nil || d.purchase.whole == nil || !d.ap {
		return nil
	}
	p := d.purchase.whole
	if d.credit {
		for _, n := range p.CreditNote {
			v := r.vectorOf(p, n.Lines, n.AdditionalCharges, -1)
			switch {
			case cin7.SameID(n.TaskID, d.task):
				readings = append([]vector{v}, readings...)
			case n.CreditNoteNumber == d.number:
				readings = append(readings, v)
			}
		}
		return readings
	}
	var all vector
	for _, i := range p.Invoice {
		if i.InvoiceNumber != d.number || !posted(i.Status) || !sameTask(d, i.TaskID, p) {
			continue
		}
		v := r.vectorOf(p, i.Lines, i.AdditionalCharges, 1)
		all.addAll(v)
		if cin7.SameID(i.TaskID, d.task) {
			readings = append([]vector{v}, readings...)
		} else {
			readings = append(readings, v)
		}
	}
	if len(readings) > 1 {
		readings = append(readings, all)
	}
	return readings
}

// vectorOf is an invoice (sign 1) or credit note (sign -1) by account: each
// line and the tax of each on its account, against the payables. Base currency
// is at the purchase's rate, rounded row by row.
func (r *run) vectorOf(p *cin7.Purchase, lines []cin7.Line, charges []cin7.Charge, sign int64) (v vector) {
	s := decimal.NewFromInt(sign)
	rate := p.CurrencyRate.Decimal
	if rate.IsZero() {
		rate = decimal.NewFromInt(1)
	}
	inclusive := strings.EqualFold(p.TaxCalculation, "Inclusive")
	row := func(account string, amount decimal.Decimal) {
		if amount.IsZero() {
			return
		}
		amount = amount.Mul(s)
		base := amount.Mul(rate).Round(2)
		v.add(account, base, amount, 1)
		v.add(r.accounts.payable, base.Neg(), amount.Neg(), 1)
	}
	post := func(account, rule string, total, tax decimal.Decimal) {
		if inclusive {
			total = total.Sub(tax)
		}
		row(account, total)
		row(r.taxAccount(rule), tax)
	}
	for _, l := range lines {
		post(l.Account, l.TaxRule, l.Total.Decimal, l.Tax.Decimal)
	}
	for _, c := range charges {
		post(c.Account, c.TaxRule, c.Total.Decimal, c.Tax.Decimal)
	}
	return v
}

func journalVector(j cin7.Journal) (v vector) {
	for _, l := range j.Lines {
		v.add(l.Debit, l.BaseAmount.Decimal, l.BaseAmount.Decimal, 1)
		v.add(l.Credit, l.BaseAmount.Neg(), l.BaseAmount.Neg(), 1)
	}
	return v
}

// misposted is what Cin7's own document says less what Cin7's ledger holds
// under its TaskID, nil when the two agree up to the rounding of rows or the
// document was not read. What the ledger reports back must be what was sent:
// the document is read back to the cent before it is authorised, so that this
// closes the circle.
func (r *run) misposted(d *ledgerDoc) vector {
	foreign := d.foreign(r.report.BaseCurrency)
	var first vector
	for n, says := range r.documentsOf(d) {
		off := says.less(d.lines.vector())
		if foreign { // the ledger is in base currency alone
			for i := range off {
				off[i].doc = decimal.Zero
			}
		}
		if off.rounded(!foreign) {
			return nil
		}
		if n == 0 {
			first = off
		}
	}
	return first
}

// ledgerCause says that Cin7's ledger is at odds with Cin7's own document.
func ledgerCause(d *ledgerDoc, off vector, e evidence) cause {
	var parts []string
	for _, a := range off {
		switch {
		case a.base.IsPositive():
			parts = append(parts, fmt.Sprintf("%s less on account %s", money(a.base), e.named([]string{a.account})))
		case a.base.IsNegative():
			parts = append(parts, fmt.Sprintf("%s more on account %s", money(a.base.Neg()), e.named([]string{a.account})))
		}
	}
	what := "invoice " + d.number
	switch {
	case d.journal:
		what = "journal " + d.reference
	case d.credit:
		what = "credit note " + d.number
	}
	if d.purchase != nil {
		what += " of " + d.purchase.order
	}
	return cause{class: Unexplained, kind: "ledger", text: "Cin7's ledger does not hold what Cin7's own " + what + " says: " + strings.Join(parts, ", "),
		fix: "open the document in Cin7 and look at its transactions; undo it and authorise it again, and ask Cin7 when they still differ"}
}
