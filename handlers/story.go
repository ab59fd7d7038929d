package handlers

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// deed says in plain words what a call has done, for the timelines of the
// records that it concerns. number is the purchase's.
func deed(o op, number string) string {
	switch o.Kind {
	case opCreatePurchase:
		return "purchase " + number + " was made in Cin7"
	case opVoidPurchase:
		return "purchase " + number + " was voided"
	case opUndoPurchase:
		return "the order of " + number + " was undone"
	case opPostOrder:
		return fmt.Sprintf("the order of %s was authorised, %s before tax", number, linesTotal(o.Order.Lines, o.Order.AdditionalCharges))
	case opSetRate:
		return "purchase " + number + " took the exchange rate of the bill"
	case opDraftInvoice, opAuthoriseInvoice:
		verb := "drafted"
		if o.Kind == opAuthoriseInvoice {
			verb = "authorised: it is in the books"
		}
		return fmt.Sprintf("invoice %s of %s, %s before tax, was %s", o.Invoice.InvoiceNumber, number, linesTotal(o.Invoice.Lines, o.Invoice.AdditionalCharges), verb)
	case opUndoInvoice:
		return "the invoice was undone in " + number + ": it has left the books"
	case opVoidInvoice:
		return "the invoice was voided in " + number
	case opDraftStock, opDraftPutAway:
		return "a receipt was drafted in " + number + ": " + goodsOr(o.Stock.Lines)
	case opPostStock, opReplaceStock:
		return "received into " + number + ": " + goodsOr(o.Stock.Lines)
	case opVoidStock:
		return "the receipt was taken out of " + number
	case opPostPutAway:
		return "put away for " + number + ": " + goodsOr(o.Stock.Lines)
	case opDraftCredit, opAuthoriseCredit:
		verb := "drafted"
		if o.Kind == opAuthoriseCredit {
			verb = "authorised: it is in the books"
		}
		return fmt.Sprintf("credit note %s against invoice %s of %s, %s before tax, was %s", o.Credit.CreditNoteNumber, o.Credit.CreditNoteInvoiceNumber, number,
			linesTotal(o.Credit.Lines, o.Credit.AdditionalCharges), verb)
	case opVoidCredit:
		return "the credit note was voided in " + number
	case opDraftJournal, opReplaceJournal:
		return "journal " + number + " was drafted"
	case opCompleteJournal:
		return "journal " + number + " was completed: it is in the books"
	case opUndoJournal:
		return "journal " + number + " was undone: it has left the books"
	case opVoidJournal:
		return "journal " + number + " was voided"
	}
	return ""
}

func linesTotal(lines []cin7.Line, charges []cin7.Charge) string {
	return money(sumOf(lines, func(l cin7.Line) decimal.Decimal { return l.Total.Decimal }).
		Add(sumOf(charges, func(c cin7.Charge) decimal.Decimal { return c.Total.Decimal })))
}

func goodsOr(lines []cin7.StockLine) string {
	if len(lines) == 0 {
		return "what the draft held"
	}
	var out []string
	for _, l := range lines {
		s := l.Quantity.String() + " of " + l.SKU
		if l.Location != "" {
			s += " in " + l.Location
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// concerns are the records whose timelines tell of a call: the one on whose
// behalf it goes, those whose goods it carries, and the owner.
func (o op) concerns(owner queue.Ref) []queue.Ref {
	var out []queue.Ref
	seen := map[queue.Ref]bool{}
	for _, r := range append(append([]queue.Ref{owner, o.For}, o.Receipts...), o.About...) {
		if !seen[r] && r.ID != "" {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}
