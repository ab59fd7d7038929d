package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
)

// aspect says in a few words what an operation touches, as it stands in p; ""
// for what is not there.
func aspect(p *cin7.Purchase, o op, task string) string {
	if p == nil {
		return ""
	}
	switch {
	case o.Kind == opPostOrder:
		return "order " + documentText(p.Order.Status, p.Order.Lines, p.Order.AdditionalCharges)
	case o.Invoice != nil, o.Kind == opUndoInvoice, o.Kind == opVoidInvoice:
		for _, i := range p.Invoice {
			if cin7.SameID(i.TaskID, task) {
				return strings.TrimSpace("invoice "+i.InvoiceNumber) + " " + documentText(i.Status, i.Lines, i.AdditionalCharges)
			}
		}
	case o.Credit != nil, o.Kind == opVoidCredit:
		for _, n := range p.CreditNote {
			if cin7.SameID(n.TaskID, task) {
				return "credit note " + n.CreditNoteNumber + " " + documentText(n.Status, n.Lines, n.AdditionalCharges)
			}
		}
	case o.Kind == opPostPutAway, o.Kind == opDraftPutAway:
		return "put away " + receivedText(p.PutAway)
	case o.Stock != nil, o.Kind == opVoidStock:
		return "received " + receivedText(p.StockReceived)
	default:
		return "purchase " + p.Status
	}
	return ""
}

func documentText(status string, lines []cin7.Line, charges []cin7.Charge) string {
	if len(lines)+len(charges) == 0 {
		return status
	}
	net := sumOf(lines, func(l cin7.Line) decimal.Decimal { return l.Total.Decimal }).Add(sumOf(charges, func(c cin7.Charge) decimal.Decimal { return c.Total.Decimal }))
	tax := sumOf(lines, func(l cin7.Line) decimal.Decimal { return l.Tax.Decimal }).Add(sumOf(charges, func(c cin7.Charge) decimal.Decimal { return c.Tax.Decimal }))
	return fmt.Sprintf("%s, net %s, tax %s", status, net.StringFixed(2), tax.StringFixed(2))
}

func receivedText(tasks []cin7.StockTask) string {
	var names []string
	sums := map[string]decimal.Decimal{}
	for _, t := range tasks {
		if t.Status == cin7.StatusVoided {
			continue
		}
		for _, l := range t.Lines {
			k := firstOf(l.SKU, l.ProductID)
			if _, ok := sums[k]; !ok {
				names = append(names, k)
			}
			sums[k] = sums[k].Add(l.Quantity.Decimal)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	slices.Sort(names)
	for i, k := range names {
		names[i] = sums[k].String() + " " + k
	}
	return strings.Join(names, ", ")
}

func journalAspect(have []cin7.Journal) string {
	if len(have) == 0 {
		return ""
	}
	j := have[0]
	sum := decimal.Zero
	for _, l := range j.Lines {
		sum = sum.Add(l.Amount.Decimal)
	}
	return strings.TrimSpace("journal "+j.JournalNumber) + fmt.Sprintf(" %s, %d lines, %s %s", j.Status, len(j.Lines), sum.StringFixed(2), j.Currency)
}

func supplierText(s cin7.Supplier) string {
	if s.Name == "" {
		return ""
	}
	return fmt.Sprintf("supplier %s, %s, %s, %s", s.Name, s.Status, s.Currency, s.PaymentTerm)
}
