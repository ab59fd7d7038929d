package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// noTax is the key of sync.mapping.tax that names the rule of bills without
// tax.
const noTax = "none"

// billRule is the Cin7 tax rule of a bill: what sync.mapping.tax says for the
// account that its tax posts to, else rule. Cin7 posts the tax of a line to
// the account of the line's rule. NetSuite does not show which line a tax row
// belongs to, so rows that want different rules cannot be told apart.
func billRule(t *tenant.Tenant, refs *reference, rule string, b netsuite.Bill) (string, *Problem) {
	var names, rows []string
	for _, l := range b.Lines {
		if l.Kind != netsuite.LineTax || l.Amount.IsZero() {
			continue
		}
		name := rule
		for _, k := range []string{l.Account.Number, "id:" + l.Account.ID.String(), l.Account.Name} {
			if m := t.Sync.Mapping.Tax[k]; k != "" && m != "" {
				name = m
				break
			}
		}
		rows = append(rows, fmt.Sprintf("%s (%s %s) to %q", accountName(l.Account), money(l.Amount), b.Currency, name))
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 && t.Sync.Mapping.Tax[noTax] != "" && impliedTax(refs, rule, b).IsZero() {
		names = []string{t.Sync.Mapping.Tax[noTax]}
	}
	switch len(names) {
	case 0:
		return rule, nil
	case 1:
		if r, ok := refs.purchaseTax(names[0]); ok {
			return r.Name, nil
		}
		return "", problem(ParkUnmappedTax, "create the rule in Cin7, or correct sync.mapping.tax",
			"bill %s: Cin7 has no active purchase tax rule %q", billNumber(b), names[0])
	}
	return "", problem(ParkUnmappedTax, "bring the bill to one kind of tax in NetSuite, or map its tax accounts to one rule in sync.mapping.tax",
		"bill %s: its tax goes by more than one rule (%s), and NetSuite does not show which line each belongs to", billNumber(b), strings.Join(rows, ", "))
}

// impliedTax is the tax of a bill whose tax NetSuite keeps in no rows (with
// SuiteTax, contract netsuite 7): its total less its lines, if that is what
// the rule's percentage makes of them, to a cent a line; else zero. A line
// that the role may not see is so not taken for tax.
func impliedTax(refs *reference, rule string, b netsuite.Bill) decimal.Decimal {
	net, n := decimal.Zero, int64(0)
	for _, l := range b.Lines {
		if l.Kind == netsuite.LineTax {
			return decimal.Zero
		}
		net = net.Add(l.Amount)
		n++
	}
	r, ok := refs.purchaseTax(rule)
	implied := b.Total.Sub(net)
	if !ok || !r.TaxPercent.IsPositive() || !implied.IsPositive() {
		return decimal.Zero
	}
	if off := net.Mul(r.TaxPercent.Decimal).Shift(-2).Sub(implied).Abs(); off.GreaterThan(cent.Mul(decimal.NewFromInt(n))) {
		return decimal.Zero
	}
	return implied
}
