package netsuitetest

import "github.com/shopspring/decimal"

// entry is a line's amount in document currency, debit positive.
type entry struct {
	line    int64
	account int64
	amount  decimal.Decimal
}

// post writes the ledger rows of a bill or credit in base currency (contract
// 3.4): the entries against the payable account on line 0, in balance to the
// cent in every book. What rounding leaves over goes to the largest entry.
func (t *tx) post(h header, payable int64, entries []entry) {
	rate := amount(h.rate)
	var total decimal.Decimal
	for _, e := range entries {
		total = total.Add(e.amount)
	}
	places := int32(2)
	for _, c := range t.s.model.currencies {
		if c.Base {
			places = int32(max(c.Precision, 0))
		}
	}
	base := total.Mul(rate).Round(places)
	left, largest := base, -1
	amounts := make([]decimal.Decimal, len(entries))
	for i, e := range entries {
		amounts[i] = e.amount.Mul(rate).Round(places)
		left = left.Sub(amounts[i])
		if largest < 0 || e.amount.Abs().GreaterThan(entries[largest].amount.Abs()) {
			largest = i
		}
	}
	if largest >= 0 {
		amounts[largest] = amounts[largest].Add(left)
	}
	books := 1
	if t.s.o.MultiBook {
		books = 2
	}
	for book := 1; book <= books; book++ {
		t.ledgerRow(h, book, 0, payable, base.Neg())
		for i, e := range entries {
			t.ledgerRow(h, book, e.line, e.account, amounts[i])
		}
	}
}

func (t *tx) ledgerRow(h header, book int, line, account int64, debit decimal.Decimal) {
	r := row{"transaction": h.id, "transactionline": line, "accountingbook": book, "account": account, "amount": debit, "netamount": debit,
		"exchangerate": amount(h.rate), "posting": h.posting}
	if debit.IsNegative() {
		r["credit"] = debit.Neg()
	} else {
		r["debit"] = debit
	}
	t.insert("transactionaccountingline", r)
}
