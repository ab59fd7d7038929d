package handlers

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

var (
	poRef      = ref(netsuite.TypePurchaseOrder, 48213)
	billRef    = ref(netsuite.TypeVendorBill, 51877)
	bill2Ref   = ref(netsuite.TypeVendorBill, 51900)
	receiptRef = ref(netsuite.TypeItemReceipt, 50001)
	receipt2   = ref(netsuite.TypeItemReceipt, 50002)
)

func num(s string) cin7.Number { return cin7.NewNumber(dec(s)) }

func itemLine(quantity, price, total, tax, account string) cin7.Line {
	return cin7.Line{ProductID: "p1", SKU: "WEB", Name: "Webbing", Quantity: num(quantity), Price: num(price), Total: num(total), Tax: num(tax), TaxRule: "Tax", Account: account}
}

// aWant is PO1042: 100 x 2.40, billed and received as the options say.
func aWant(change ...func(*want)) *want {
	w := &want{Ref: poRef, Number: "PO1042", Held: map[queue.Ref]error{}}
	w.Header = cin7.NewPurchase{SupplierID: "s1", Approach: cin7.ApproachInvoice}
	w.Order = cin7.NewOrder{Status: cin7.StatusAuthorised, Lines: []cin7.Line{itemLine("100", "2.4", "240", "24", "")}}
	for _, c := range change {
		c(w)
	}
	return w
}

func billed(r queue.Ref, number, quantity, total, tax string) func(*want) {
	return func(w *want) {
		w.Invoices = append(w.Invoices, wantInvoice{Ref: r, Number: number, Date: "2026-11-06", Due: "2026-12-06",
			Lines: []cin7.Line{itemLine(quantity, "2.4", total, tax, "1200")}, Net: dec(total), Tax: dec(tax)})
	}
}

func receivedGoods(r queue.Ref, quantity string) func(*want) {
	return func(w *want) {
		w.Receipts = append(w.Receipts, wantReceipt{Ref: r, Date: "2026-11-05",
			Lines: []cin7.StockLine{{Date: "2026-11-05", ProductID: "p1", SKU: "WEB", Quantity: num(quantity), LocationID: "l1"}}})
	}
}

// aPurchase is the purchase with its order authorised and one empty group.
func aPurchase(change ...func(*cin7.Purchase)) *cin7.Purchase {
	p := &cin7.Purchase{ID: "P", OrderNumber: "PO-00001", Status: "ORDERED", Approach: cin7.ApproachInvoice,
		Order:         cin7.Order{Status: cin7.StatusAuthorised, Lines: []cin7.Line{itemLine("100", "2.4", "240", "24", "")}},
		Invoice:       []cin7.Invoice{{TaskID: "G0", Status: cin7.StatusNotAvailable}},
		StockReceived: []cin7.StockTask{{TaskID: "G0", Status: cin7.StatusNotAvailable}},
		PutAway:       []cin7.StockTask{{TaskID: "G0", Status: cin7.StatusNotAvailable}},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func ordered(quantity string) func(*cin7.Purchase) {
	return func(p *cin7.Purchase) { p.Order.Lines[0].Quantity = num(quantity) }
}

func stockFirst(p *cin7.Purchase) { p.Approach = cin7.ApproachStock }

func hasInvoice(task, number, status, quantity, total, tax string) func(*cin7.Purchase) {
	return func(p *cin7.Purchase) {
		i := cin7.Invoice{TaskID: task, InvoiceNumber: number, InvoiceDate: "2026-11-06", Status: status, Lines: []cin7.Line{itemLine(quantity, "2.4", total, tax, "1200")}}
		if task == "G0" {
			p.Invoice[0] = i
			return
		}
		i.InvoicingAndReceivingNumber = 1
		p.Invoice = append(p.Invoice, i)
	}
}

func hasStock(quantity, stock, putAway string) func(*cin7.Purchase) {
	return func(p *cin7.Purchase) {
		lines := []cin7.StockLine{{Date: "2026-11-05", ProductID: "P1", SKU: "WEB", Quantity: num(quantity)}}
		p.StockReceived[0] = cin7.StockTask{TaskID: "G0", Status: stock, Lines: lines}
		if putAway != "" {
			p.PutAway[0] = cin7.StockTask{TaskID: "G0", Status: putAway, Lines: lines}
		}
	}
}

// hasDraft adds a group that holds goods which are not authorised yet.
func hasDraft(task, quantity string) func(*cin7.Purchase) {
	return func(p *cin7.Purchase) {
		n := len(p.StockReceived)
		p.Invoice = append(p.Invoice, cin7.Invoice{TaskID: task, InvoicingAndReceivingNumber: n, Status: cin7.StatusDraft})
		p.PutAway = append(p.PutAway, cin7.StockTask{TaskID: task, InvoicingAndReceivingNumber: n, Status: cin7.StatusNotAvailable})
		p.StockReceived = append(p.StockReceived, cin7.StockTask{TaskID: task, InvoicingAndReceivingNumber: n, Status: cin7.StatusDraft,
			Lines: []cin7.StockLine{{Date: "2026-11-05", ProductID: "P1", SKU: "WEB", Quantity: num(quantity)}}})
	}
}

func TestPlan(t *testing.T) {
	type call struct{ Kind, Task string }
	cases := []struct {
		name     string
		rules    rules
		want     *want
		have     *cin7.Purchase
		known    ties
		ops      []call
		verdicts map[queue.Ref]string // reason; absent: in step
		stage    string
	}{
		{name: "nothing in Cin7 yet", want: aWant(), ops: []call{{opCreatePurchase, ""}}},
		{name: "rejected before it came to Cin7", want: aWant(func(w *want) { w.Void = "rejected" })},
		{name: "header without order", want: aWant(), have: aPurchase(func(p *cin7.Purchase) { p.Order = cin7.Order{Status: cin7.StatusNotAvailable} }),
			ops: []call{{opPostOrder, "P"}}},
		{name: "order authorised, nothing else", want: aWant(), have: aPurchase(), stage: "ORDER"},
		{name: "order changed, nothing hangs on it: undone", want: aWant(), have: aPurchase(ordered("90")), ops: []call{{opUndoPurchase, "P"}}},
		{name: "order changed, Cin7 does not undo: voided and made again", rules: rules{NoUndo: true}, want: aWant(), have: aPurchase(ordered("90")), ops: []call{{opVoidPurchase, "P"}}},
		{name: "order changed after an invoice", want: aWant(billed(billRef, "B1", "100", "240", "24")), have: aPurchase(ordered("90"), hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")),
			verdicts: map[queue.Ref]string{poRef: ParkOrderChanged}, stage: "INVOICE"},
		{name: "order changed while somebody receives", want: aWant(), have: aPurchase(ordered("90"), hasStock("30", cin7.StatusDraft, "")),
			verdicts: map[queue.Ref]string{poRef: ParkOrderChanged}, stage: "ORDER"},
		{name: "order edited in Cin7", want: aWant(), have: aPurchase(ordered("90")), known: ties{poRef: {Sent: sentOrder(aWant())}},
			verdicts: map[queue.Ref]string{poRef: ParkEditedInCin7}, stage: "ORDER"},
		{name: "order of another vendor now", want: aWant(), have: aPurchase(func(p *cin7.Purchase) { p.SupplierID = "s2" }), ops: []call{{opVoidPurchase, "P"}}},
		{name: "voided in Cin7", want: aWant(billed(billRef, "B1", "100", "240", "24")), have: aPurchase(func(p *cin7.Purchase) { p.Status = "VOIDED" }),
			verdicts: map[queue.Ref]string{poRef: ParkEditedInCin7, billRef: WaitOrder}},
		{name: "cancelled with nothing posted", want: aWant(func(w *want) { w.Void = "rejected" }), have: aPurchase(), ops: []call{{opVoidPurchase, "P"}}},
		{name: "cancelled with an invoice posted", want: aWant(func(w *want) { w.Void = "rejected" }),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{poRef: ParkVoidedAfterPost}},

		{name: "INVOICE: bill drafted into the first group", want: aWant(billed(billRef, "B1", "100", "240", "24")), have: aPurchase(),
			ops: []call{{opDraftInvoice, "G0"}}, stage: "ORDER"},
		{name: "INVOICE: a draft that reads back right is authorised", want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusDraft, "100", "240", "24")), ops: []call{{opAuthoriseInvoice, "G0"}}, stage: "ORDER"},
		{name: "INVOICE: a draft that reads back wrong is drafted again", want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusDraft, "100", "240", "23.99")), ops: []call{{opDraftInvoice, "G0"}}, stage: "ORDER"},
		{name: "INVOICE: posted and equal", want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), stage: "INVOICE"},
		{name: "INVOICE: paid counts as posted", want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusPaid, "100", "240", "24")), stage: "INVOICE"},
		{name: "INVOICE: posted and different is never overwritten", want: aWant(billed(billRef, "B1", "90", "216", "21.60")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{billRef: ParkBillChanged}, stage: "INVOICE"},
		{name: "INVOICE: posted under another number, known by its group", want: aWant(billed(billRef, "B1", "100", "240", "24")), known: ties{billRef: {Tasks: []string{"g0"}}},
			have: aPurchase(hasInvoice("G0", "B1/2", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{billRef: ParkBillChanged}, stage: "INVOICE"},
		{name: "a bill that changed after it was posted is undone when the tenant wants it so", rules: rules{Repost: true}, known: ties{billRef: {Tasks: []string{"G0"}, Sent: "of old", Source: "of old"}},
			want: aWant(billed(billRef, "B1", "90", "216", "21.60")), have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), ops: []call{{opUndoInvoice, "G0"}}, stage: "INVOICE"},
		{name: "nothing is undone when nobody knows who changed it", rules: rules{Repost: true},
			want: aWant(billed(billRef, "B1", "90", "216", "21.60")), have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{billRef: ParkBillChanged}, stage: "INVOICE"},
		{name: "nothing is undone in closed books", rules: rules{Repost: true, Lock: "2026-11-06"}, known: ties{billRef: {Tasks: []string{"G0"}, Sent: "of old", Source: "of old"}},
			want: aWant(billed(billRef, "B1", "90", "216", "21.60")), have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{billRef: ParkPeriodLocked}, stage: "INVOICE"},
		{name: "a voided bill without goods is voided", rules: rules{Repost: true}, known: ties{billRef: {Tasks: []string{"G0"}}}, want: aWant(func(w *want) { w.Held[billRef] = errDead; w.Dead = []wantDead{{billRef, "B1"}} }),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), ops: []call{{opVoidInvoice, "G0"}}, stage: "INVOICE"},
		{name: "a voided bill with goods is undone, another may take them over", rules: rules{Repost: true, PutAway: true}, known: ties{billRef: {Tasks: []string{"G0"}}}, want: aWant(receivedGoods(receiptRef, "100"), func(w *want) { w.Held[billRef] = errDead; w.Dead = []wantDead{{billRef, "B1"}} }),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("100", cin7.StatusAuthorised, cin7.StatusAuthorised)), ops: []call{{opUndoInvoice, "G0"}}, stage: "DONE"},
		{name: "INVOICE: Cin7 has refused to open a group before", rules: rules{NoZeroGroup: true}, want: aWant(billed(billRef, "B1", "60", "144", "14.40"), billed(bill2Ref, "B2", "40", "96", "9.60")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "60", "144", "14.40")), verdicts: map[queue.Ref]string{bill2Ref: ParkGroupConflict}, stage: "INVOICE"},
		{name: "INVOICE: a second bill opens a group", want: aWant(billed(billRef, "B1", "60", "144", "14.40"), billed(bill2Ref, "B2", "40", "96", "9.60")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "60", "144", "14.40")), ops: []call{{opDraftInvoice, cin7.ZeroID}}, stage: "INVOICE"},
		{name: "INVOICE: somebody's draft is left alone", want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "SOMEONE", cin7.StatusDraft, "100", "240", "24")), ops: []call{{opDraftInvoice, cin7.ZeroID}}, stage: "ORDER"},
		{name: "INVOICE: a receipt waits for its bill", want: aWant(receivedGoods(receiptRef, "100")), have: aPurchase(),
			verdicts: map[queue.Ref]string{receiptRef: WaitBill}, stage: "ORDER"},
		{name: "INVOICE: goods into the invoiced group", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "100")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), ops: []call{{opPostStock, "G0"}}, stage: "INVOICE"},
		{name: "INVOICE: put away what is received", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "100")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("100", cin7.StatusAuthorised, "")), ops: []call{{opPostPutAway, "G0"}}, stage: "INVOICE"},
		{name: "INVOICE: without put-away the goods go there at once", want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "100")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), ops: []call{{opPostPutAway, "G0"}}, stage: "INVOICE"},
		{name: "INVOICE: done", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "100")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("100", cin7.StatusAuthorised, cin7.StatusAuthorised)), stage: "DONE"},
		{name: "INVOICE: a second receipt joins while Cin7 lets it", rules: rules{PutAway: true},
			want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("60", cin7.StatusPartiallyReceived, "")),
			ops:  []call{{opReplaceStock, "G0"}}, stage: "INVOICE"},
		{name: "INVOICE: a second receipt after Cin7 closed the group", rules: rules{PutAway: true},
			want:     aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have:     aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised)),
			verdicts: map[queue.Ref]string{receipt2: ParkGroupConflict}, stage: "RECEIVE"},
		{name: "INVOICE: more in Cin7 than NetSuite received", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "60")),
			have:     aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("100", cin7.StatusAuthorised, cin7.StatusAuthorised)),
			verdicts: map[queue.Ref]string{receiptRef: ParkGroupConflict}, stage: "DONE"},
		{name: "receive never: people's receipts are theirs", rules: rules{PutAway: true, ReceiveOn: tenant.ReceiveOnNever}, want: aWant(billed(billRef, "B1", "100", "240", "24")),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24"), hasStock("70", cin7.StatusAuthorised, cin7.StatusAuthorised)), stage: "RECEIVE"},

		{name: "STOCK: the bill waits for the goods", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24")), have: aPurchase(stockFirst),
			verdicts: map[queue.Ref]string{billRef: WaitReceipt}, stage: "ORDER"},
		{name: "STOCK: goods into the first group", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "100")), have: aPurchase(stockFirst),
			ops: []call{{opPostStock, "G0"}}, stage: "ORDER"},
		{name: "STOCK: the bill joins the group that holds its goods", rules: rules{PutAway: true}, want: aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "100")),
			have: aPurchase(stockFirst, hasStock("100", cin7.StatusAuthorised, cin7.StatusAuthorised)), ops: []call{{opDraftInvoice, "G0"}}, stage: "RECEIVE"},
		{name: "STOCK: a second receipt opens a group", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised)), ops: []call{{opDraftStock, ""}}, stage: "RECEIVE"},
		{name: "STOCK: the draft of a receipt is authorised, remembered or not", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised), hasDraft("G1", "40")), ops: []call{{opPostStock, "G1"}}, stage: "RECEIVE"},
		{name: "STOCK: of two drafts of a receipt the first is taken", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised), hasDraft("G1", "40"), hasDraft("G2", "40")), ops: []call{{opPostStock, "G1"}}, stage: "RECEIVE"},
		{name: "STOCK: a draft of what is received already is left behind", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised), hasDraft("G1", "60")), ops: []call{{opDraftStock, ""}}, stage: "RECEIVE"},
		{name: "STOCK: a draft of ours follows its receipt", rules: rules{PutAway: true}, known: ties{receipt2: {Tasks: []string{"G1"}}}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised), hasDraft("G1", "30")), ops: []call{{opReplaceStock, "G1"}}, stage: "RECEIVE"},
		{name: "STOCK: a draft of somebody's is left to them", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40")),
			have:     aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised), hasDraft("G1", "30")),
			verdicts: map[queue.Ref]string{receipt2: ParkEditedInCin7}, stage: "RECEIVE"},
		{name: "STOCK: a changed receipt is not received twice", rules: rules{PutAway: true}, want: aWant(receivedGoods(receiptRef, "80")),
			have: aPurchase(stockFirst, hasStock("60", cin7.StatusAuthorised, cin7.StatusAuthorised)), verdicts: map[queue.Ref]string{receiptRef: ParkGroupConflict}, stage: "RECEIVE"},

		{name: "a bill voided after it was posted", known: ties{billRef: {Tasks: []string{"G0"}}}, want: aWant(func(w *want) { w.Held[billRef] = errDead; w.Dead = []wantDead{{billRef, "B1"}} }),
			have: aPurchase(hasInvoice("G0", "B1", cin7.StatusAuthorised, "100", "240", "24")), verdicts: map[queue.Ref]string{billRef: ParkVoidedAfterPost}, stage: "INVOICE"},
		{name: "a bill voided before it came to Cin7", want: aWant(func(w *want) { w.Held[billRef] = errDead; w.Dead = []wantDead{{billRef, "B1"}} }), have: aPurchase(), stage: "ORDER"},
		{name: "closed short", want: aWant(func(w *want) { w.Closed = true }), have: aPurchase(), stage: "DONE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out := plan(c.rules, c.want, c.have, c.known)
			var ops []call
			for _, o := range out.Ops {
				task := o.Task
				switch {
				case o.Order != nil:
					task = o.Order.TaskID
				case o.Invoice != nil:
					task = o.Invoice.TaskID
				case o.Stock != nil:
					task = o.Stock.TaskID
				}
				ops = append(ops, call{o.Kind, task})
			}
			if d := cmp.Diff(ops, c.ops); d != "" {
				t.Errorf("calls (-got +want):\n%s", d)
			}
			got := map[queue.Ref]string{}
			for r, err := range out.Verdicts {
				var p *Problem
				var w *Wait
				switch {
				case errors.As(err, &p):
					got[r] = p.Reason
				case errors.As(err, &w):
					got[r] = w.Reason
				case err != nil:
					got[r] = err.Error()
				}
			}
			if c.verdicts == nil {
				c.verdicts = map[queue.Ref]string{}
			}
			if d := cmp.Diff(got, c.verdicts); d != "" {
				t.Errorf("verdicts (-got +want):\n%s", d)
			}
			if out.Stage != c.stage {
				t.Errorf("stage: got %q, want %q", out.Stage, c.stage)
			}
		})
	}
}

// The invoices of one bill over two receipts are all drafted, and read back,
// before the first of them counts.
func TestSplitBillIsDraftedWhole(t *testing.T) {
	w := aWant(billed(billRef, "B1", "100", "240", "24"), receivedGoods(receiptRef, "60"), receivedGoods(receipt2, "40"))
	group := func(task string, number int, quantity string) func(*cin7.Purchase) {
		return func(p *cin7.Purchase) {
			done := cin7.StockTask{TaskID: task, InvoicingAndReceivingNumber: number, Status: cin7.StatusAuthorised,
				Lines: []cin7.StockLine{{Date: "2026-11-05", ProductID: "p1", SKU: "WEB", Quantity: num(quantity), CardID: task}}}
			p.StockReceived, p.PutAway = append(p.StockReceived, done), append(p.PutAway, done)
			p.Invoice = append(p.Invoice, cin7.Invoice{TaskID: task, InvoicingAndReceivingNumber: number, Status: cin7.StatusDraft})
		}
	}
	p := aPurchase(stockFirst, func(p *cin7.Purchase) { p.StockReceived, p.PutAway, p.Invoice = nil, nil, nil }, group("G0", 0, "60"), group("G1", 1, "40"))
	r := rules{PutAway: true}
	var seen []string
	for range 6 {
		out := plan(r, w, p, ties{})
		if len(out.Ops) == 0 {
			break
		}
		o := out.Ops[0]
		seen = append(seen, o.Kind+" "+o.Invoice.TaskID)
		for i := range p.Invoice {
			if p.Invoice[i].TaskID == o.Invoice.TaskID {
				n := p.Invoice[i].InvoicingAndReceivingNumber
				p.Invoice[i] = cin7.Invoice{TaskID: o.Invoice.TaskID, InvoicingAndReceivingNumber: n, InvoiceNumber: o.Invoice.InvoiceNumber, InvoiceDate: o.Invoice.InvoiceDate,
					Status: o.Invoice.Status, Lines: o.Invoice.Lines, AdditionalCharges: o.Invoice.AdditionalCharges}
			}
		}
	}
	want := []string{"draft_invoice G0", "draft_invoice G1", "authorise_invoice G0", "authorise_invoice G1"}
	if d := cmp.Diff(seen, want); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
	if tax := p.Invoice[0].Lines[0].Tax.Add(p.Invoice[1].Lines[0].Tax.Decimal); !tax.Equal(dec("24")) {
		t.Errorf("the taxes of the parts sum to %s", tax)
	}
}

// What moves money, or takes something back, is decided on a fresh read alone.
func TestConvergeReadsBeforeMoney(t *testing.T) {
	for _, k := range kinds {
		if !(op{Kind: k.name}).mustRead() {
			continue
		}
		var trail []string
		fresh, left := false, true
		_, err := converge(t.Context(), site{
			plan: func() outlook {
				out := outlook{Verdicts: map[queue.Ref]error{}}
				if left {
					out.Ops = []op{{Kind: k.name, Why: "test"}}
				}
				return out
			},
			there:  func() bool { return true },
			fresh:  func() bool { return fresh },
			reread: func(context.Context) error { trail, fresh = append(trail, "read"), true; return nil },
			alone:  func(context.Context) (bool, error) { return false, nil },
			do:     func(context.Context, op) error { trail, fresh, left = append(trail, "do"), false, false; return nil },
		})
		if d := cmp.Diff(trail, []string{"read", "do", "read"}); d != "" || err != nil {
			t.Errorf("%s: %v (-got +want)\n%s", k.name, err, d)
		}
	}
}
