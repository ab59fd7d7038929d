package console

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// stageStep is one of ORDER, INVOICE and RECEIVE as the track draws it.
type stageStep struct {
	Name, Class, Text string
	Amounts           []string
}

// track says how far a purchase is, and with which amounts: of its order, its
// bills less its credits, its receipts. The stage is the one that the planner
// keeps: what is reached last. It is pure.
func track(docs []state.Record, stage, approach string) []stageStep {
	names := []string{"ORDER", "INVOICE", "RECEIVE"}
	if approach == "STOCK" {
		names = []string{"ORDER", "RECEIVE", "INVOICE"}
	}
	reached := -1
	switch stage {
	case "DONE":
		reached = len(names)
	case "":
	default:
		for i, n := range names {
			if n == stage {
				reached = i
			}
		}
	}
	out := make([]stageStep, len(names))
	for i, n := range names {
		out[i] = stageStep{Name: n, Class: "todo", Text: "not yet", Amounts: amountsOf(n, docs)}
		switch {
		case i <= reached:
			out[i].Class, out[i].Text = "done", "done"
		case i == reached+1:
			out[i].Class, out[i].Text = "next", "next"
		}
	}
	return out
}

// amountsOf are the lines that a stage shows of a purchase's documents.
func amountsOf(stage string, docs []state.Record) []string {
	var out []string
	switch stage {
	case "ORDER":
		for _, d := range docs {
			if d.Type == "purchaseorder" && d.Facts[state.FactTotal] != "" {
				out = append(out, d.Facts[state.FactTotal]+" ordered")
			}
		}
	case "INVOICE":
		sum := func(of string, pick func(state.Record) bool) {
			for _, total := range totals(docs, pick) {
				out = append(out, total+" "+of)
			}
		}
		sum("in step", func(d state.Record) bool { return d.State == queue.Completed })
		sum("parked", func(d state.Record) bool { return d.State == queue.Parked })
		sum("under way", func(d state.Record) bool {
			return d.State == queue.Pending || d.State == queue.Running || d.State == queue.Waiting
		})
		sum("left out", func(d state.Record) bool { return d.State == queue.Skipped })
	case "RECEIVE":
		n := int64(0)
		for _, d := range docs {
			if d.Type == "itemreceipt" {
				n++
			}
		}
		if n > 0 {
			out = append(out, count(n, "receipt", "receipts"))
		}
	}
	return out
}

// totals adds bills up and takes credits off, by currency in the order in
// which it comes.
func totals(docs []state.Record, pick func(state.Record) bool) []string {
	sums := map[string]decimal.Decimal{}
	var order []string
	for _, d := range docs {
		sign := decimal.NewFromInt(1)
		switch d.Type {
		case "vendorbill":
		case "vendorcredit":
			sign = sign.Neg()
		default:
			continue
		}
		amount, currency, _ := strings.Cut(d.Facts[state.FactTotal], " ")
		n, err := decimal.NewFromString(amount)
		if err != nil || !pick(d) {
			continue
		}
		if _, ok := sums[currency]; !ok {
			order = append(order, currency)
		}
		sums[currency] = sums[currency].Add(n.Mul(sign))
	}
	var out []string
	for _, c := range order {
		out = append(out, strings.TrimSpace(money(sums[c])+" "+c))
	}
	return out
}
