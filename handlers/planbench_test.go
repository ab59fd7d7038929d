package handlers

import (
	"fmt"
	"testing"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// BenchmarkPlan plans a purchase of 500 lines with 10 bills and 10 receipts,
// of which Cin7 has the order alone.
func BenchmarkPlan(b *testing.B) {
	const lines, parts = 500, 10
	w, p := aWant(), aPurchase()
	w.Order.Lines, p.Order.Lines = nil, nil
	line := func(i int, quantity, total, account string) cin7.Line {
		l := itemLine(quantity, "2.4", total, "0", account)
		l.ProductID, l.SKU = fmt.Sprintf("p%d", i), fmt.Sprintf("SKU-%d", i)
		return l
	}
	for i := range lines {
		w.Order.Lines = append(w.Order.Lines, line(i, "100", "240", ""))
		p.Order.Lines = append(p.Order.Lines, line(i, "100", "240", ""))
	}
	for n := range parts {
		billed(ref(netsuite.TypeVendorBill, netsuite.ID(60_000+n)), fmt.Sprintf("B-%d", n), "10", "24", "0")(w)
		receivedGoods(ref(netsuite.TypeItemReceipt, netsuite.ID(50_000+n)), "10")(w)
		inv, rec := &w.Invoices[n], &w.Receipts[n]
		inv.Lines, rec.Lines, inv.Net = nil, nil, dec("12000")
		for i := range lines {
			inv.Lines = append(inv.Lines, line(i, "10", "24", "1200"))
			rec.Lines = append(rec.Lines, cin7.StockLine{Date: "2026-11-05", ProductID: fmt.Sprintf("p%d", i), SKU: fmt.Sprintf("SKU-%d", i), Quantity: num("10"), LocationID: "l1"})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if out := plan(rules{PutAway: true}, w, p, nil); len(out.Verdicts) == 0 {
			b.Fatal("no verdict")
		}
	}
}
