package handlers

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
)

var update = flag.Bool("update", false, "write the golden files anew")

const lifecycleFile = "../docs/lifecycle.md"

// docs/lifecycle.md says how each history of the catalogue ends. It is written
// from playing them: `go test ./handlers -run TestLifecycleDocument -update`.
func TestLifecycleDocument(t *testing.T) {
	var out strings.Builder
	head, err := os.ReadFile("testdata/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	out.Write(head)
	topic := ""
	for _, h := range catalogue() {
		if h.topic != topic {
			topic = h.topic
			fmt.Fprintf(&out, "\n## %s\n\n| case | what happens | INVOICE | STOCK |\n|---|---|---|---|\n", strings.ToUpper(topic[:1])+topic[1:])
		}
		ends := map[string]string{}
		for _, approach := range []string{"INVOICE", "STOCK"} {
			o := h.sim
			o.ZeroGroupInvoice = true
			r := newCompany(t, o).start(h, approach)
			var order []int
			for i := range h.events {
				order = append(order, i)
			}
			order = natural(h, order)
			r.play(t, order)
			ends[approach] = r.ends
			if strings.Contains(h.decides, approach) {
				ends[approach] += " *"
			}
		}
		if ends["STOCK"] == ends["INVOICE"] {
			ends["STOCK"] = "same"
		}
		name := h.name
		if h.note != "" {
			name += ". " + h.note
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", name, names(h, natural(h, seq(len(h.events)))), ends["INVOICE"], ends["STOCK"])
	}
	have, err := os.ReadFile(lifecycleFile)
	if *update {
		err = os.WriteFile(lifecycleFile, []byte(out.String()), 0o644)
		have = []byte(out.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), out.String()); d != "" {
		t.Errorf("docs/lifecycle.md is not what the catalogue says; -update writes it (-have +want)\n%s", d)
	}
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// natural is the written order of a history, as far as it can happen so.
func natural(h *history, _ []int) []int {
	all := orders(h)
	slices.SortFunc(all, slices.Compare)
	return all[0]
}

// ending is how a purchase ends, in a line.
func (r *run) ending() string {
	var out []string
	if stage := r.last.Stage; stage != "" && r.err == nil {
		out = append(out, stage)
	}
	alive, void := 0, 0
	for _, p := range r.sim.Purchases() {
		switch {
		case !strings.Contains(p.Note, r.marker()):
		case p.Voided:
			void++
		default:
			alive++
			out = append(out, documents(p)...)
		}
	}
	switch {
	case alive == 0 && void == 0:
		out = append(out, "nothing in Cin7")
	case alive == 0:
		out = append(out, "purchase void")
	case void > 0:
		out = append(out, "made anew, the first is void")
	}
	v := r.verdicts()
	for _, name := range []string{"PO", "B1", "B2", "B3", "R1", "R2", "R3", "C1", "C2"} {
		if s := v[name]; s != "" && s != "completed" {
			if r.s.PO.ID == 0 && name == "PO" {
				continue
			}
			out = append(out, name+" "+code(s))
		}
	}
	return strings.Join(out, "; ")
}

// code sets the reason of a verdict in code type.
func code(s string) string {
	i := strings.LastIndex(s, " ")
	return s[:i+1] + "`" + s[i+1:] + "`"
}

// documents are what counts of a purchase, in short.
func documents(p cin7test.Purchase) []string {
	var out []string
	goods := func(lines []cin7test.StockLine) string {
		sums := map[string]cin7test.StockLine{}
		var keys []string
		for _, l := range lines {
			s, ok := sums[l.SKU]
			if !ok {
				keys = append(keys, l.SKU)
				s.SKU = l.SKU
			}
			s.Quantity = s.Quantity.Add(l.Quantity)
			sums[l.SKU] = s
		}
		slices.Sort(keys)
		var texts []string
		for _, k := range keys {
			texts = append(texts, sums[k].Quantity.String()+" "+k)
		}
		return strings.Join(texts, " + ")
	}
	var groups []string
	for _, g := range p.Groups {
		in := ""
		if g.PutAway.Status == cin7test.Authorised {
			in = goods(g.PutAway.Lines)
		}
		switch {
		case g.Invoice.Status == cin7test.Authorised || g.Invoice.Status == cin7test.Paid:
			s := "invoice " + g.Invoice.Number
			if in != "" {
				s += " with " + in + " received"
			}
			groups = append(groups, s)
		case in != "":
			groups = append(groups, in+" received")
		}
	}
	slices.Sort(groups)
	out = append(out, groups...)
	for _, n := range p.CreditNotes {
		if n.Status == cin7test.Authorised {
			s := "credit note " + n.Number
			if len(n.Unstock) > 0 {
				s += " with " + goods(n.Unstock) + " returned"
			}
			out = append(out, s)
		}
	}
	return out
}
