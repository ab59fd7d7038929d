package netsuitetest

import "github.com/shopspring/decimal"

// link ties two lines in both tables (contract 3.5).
func (t *tx) link(previousType string, previous, previousLine int64, nextType string, next, nextLine int64, linkType string, amount decimal.Decimal) {
	r := row{"previousdoc": previous, "previousline": previousLine, "nextdoc": next, "nextline": nextLine, "linktype": linkType, "foreignamount": amount}
	r["previoustype"] = previousType
	t.insert("nexttransactionlinelink", r)
	delete(r, "previoustype")
	r["nexttype"] = nextType
	t.insert("previoustransactionlinelink", r)
}

// linkHeaders ties two documents in both tables.
func (t *tx) linkHeaders(previousType string, previous int64, nextType string, next int64, linkType string, amount decimal.Decimal) {
	r := row{"previousdoc": previous, "nextdoc": next, "linktype": linkType, "foreignamount": amount}
	r["previoustype"] = previousType
	t.insert("nexttransactionlink", r)
	delete(r, "previoustype")
	r["nexttype"] = nextType
	t.insert("previoustransactionlink", r)
}

// linkBill ties a bill line to its PO line. The row stands three times, as a
// real tool found by summing, and a second link type joins the same lines:
// without DISTINCT and linktype one counts four (contract 3.5).
func (t *tx) linkBill(po, poLine, bill, billLine int64, amount decimal.Decimal) {
	for range 3 {
		t.link(typeOrder, po, poLine, typeBill, bill, billLine, "OrdBill", amount)
	}
	t.link(typeOrder, po, poLine, typeBill, bill, billLine, "OrdPick", amount)
}

// linkReceipts ties a bill to the receipts of its POs, which are no orders.
func (t *tx) linkReceipts(bill int64, orders []int64) {
	for _, o := range orders {
		for doc := range t.s.model.byOrder[o] {
			r, ok := t.s.model.receipts[doc]
			if !ok || len(r.Lines) == 0 {
				continue
			}
			t.link(typeReceipt, doc, r.Lines[0].ID, typeBill, bill, 2, "RcptBill", decimal.Zero)
			t.linkHeaders(typeReceipt, doc, typeBill, bill, "RcptBill", decimal.Zero)
		}
	}
}
