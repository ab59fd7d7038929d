package reconcile

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/internal/plain"
)

// Formats are the forms that Write knows.
var formats = [...]string{"table", "csv", "json", "html"}

// Formats lists the forms that Write knows.
func Formats() []string { return formats[:] }

// Write writes the report as table, csv, json or html.
func (p *Report) Write(w io.Writer, format string) error {
	switch format {
	case "table":
		return p.table(w)
	case "csv":
		return p.csv(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(p)
	case "html":
		return p.html(w)
	}
	return fmt.Errorf("format %q: want one of %s", format, strings.Join(formats[:], ", "))
}

// Read reads a report that was written as json. What Check needs beyond the
// page is not in it.
func Read(b []byte) (*Report, error) {
	var p Report
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("read a reconciliation: %w", err)
	}
	if p.Schema != Schema {
		return nil, fmt.Errorf("read a reconciliation: schema %.60q, want %s", p.Schema, Schema)
	}
	p.From, p.To = cin7.Date(p.Period.From), cin7.Date(p.Period.To)
	if p.Standing == "" { // kept before the field was there
		p.Standing = Apart
		if p.OK {
			p.Standing = InStep
		}
	}
	for i := range p.Differences {
		x := &p.Differences[i]
		x.Date, x.Cin7Date = cin7.Date(x.Dated.NetSuite), cin7.Date(x.Dated.Cin7)
	}
	return &p, nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func newTable(w io.Writer, title string, numbers []int, head ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	t.SetTitle(title)
	t.AppendHeader(head)
	var c []table.ColumnConfig
	for _, n := range numbers {
		c = append(c, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	t.SetColumnConfigs(c)
	return t
}

// shown is a text from a stranger in one cell or line, for people to read.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || plain.Steers(r) {
			return '?'
		}
		return r
	}, s)
}

// table is the report for a terminal: totals, then differences.
func (p *Report) table(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s to %s, %s. %s\n\n", shown(p.Name), p.From, p.To, p.BaseCurrency, p.Verdict())
	t := newTable(w, "By account, debit positive", []int{3, 4, 5}, "Account", "Name", "NetSuite", "Cin7", "Difference")
	for _, a := range p.Accounts {
		t.AppendRow(table.Row{shown(a.Key), shown(a.Name), money(a.NetSuite), money(a.Cin7), money(a.Difference)})
	}
	t.AppendFooter(table.Row{"", "Bills less credits", money(p.Totals.NetSuite), money(p.Totals.Cin7), money(p.Totals.Difference)})
	t.Render()
	if p.Goods.Compared {
		fmt.Fprintf(w, "Goods received for %s: NetSuite %s, Cin7 %s\n", count(p.Goods.Orders, "order", "orders"), p.Goods.NetSuite, p.Goods.Cin7)
	}
	if len(p.Classes) > 0 {
		fmt.Fprintln(w)
		t = newTable(w, "Why they differ", []int{2, 3, 4, 5}, "Class", "Differences", "On accounts payable", "On other accounts", "Quantity", "")
		for _, c := range p.Classes {
			who := actOn(c)
			t.AppendRow(table.Row{Title(c.Class), c.Differences, money(c.Amount), money(c.Moved), c.Quantity, who})
		}
		t.AppendFooter(table.Row{"Sum", len(p.Differences), money(p.Totals.Difference), "", "", ""})
		t.Render()
	}
	for i, x := range p.Differences {
		if i == 0 {
			fmt.Fprintln(w, "\nDifferences")
		}
		fmt.Fprintf(w, "  %s %s, %s: %s (%s)\n    %s\n", docType(x.Type), shown(x.Number), shown(x.Vendor), shown(x.worth(p.BaseCurrency)), Title(x.Class), shown(x.Text))
		for _, l := range x.Lines {
			fmt.Fprintf(w, "      %s %-8s %-28s %14s\n", l.Period, shown(l.Account), shown(l.Name), money(l.Base))
		}
		if x.Fix != "" {
			fmt.Fprintf(w, "    Fix: %s\n", shown(x.Fix))
		}
	}
	for _, l := range p.LeftOut {
		fmt.Fprintf(w, "\nLeft out of Cin7's ledger: %s of %s, %s", count(l.Rows, "row", "rows"), l.What, money(l.Amount))
	}
	if len(p.LeftOut) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s compared; %s to Cin7 (%s of lists, %s)\n", count(len(p.Documents), "document", "documents"), count(p.Calls.Lists+p.Calls.Documents, "call", "calls"),
		count(p.Calls.Lists, "page", "pages"), count(p.Calls.Documents, "single purchase", "single purchases"))
	return nil
}

// cell keeps a spreadsheet from taking a text for a formula, whatever blanks
// stand before it.
func cell(s string) string {
	s = shown(s)
	if t := strings.TrimSpace(s); t != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(t)[0]) {
		return "'" + s
	}
	return s
}

// csv is one row with the verdict, then one per account of every difference,
// then one per document, under one header. Amounts are plain numbers.
func (p *Report) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"row", "class", "kind", "needs_person", "type", "netsuite_id", "number", "vendor", "netsuite_date", "cin7_date", "cin7_order",
		"period", "account", "account_name", "currency", "netsuite", "cin7", "difference", "document_difference", "sku", "quantity", "text", "fix"}}
	num := func(d decimal.Decimal) string { return d.StringFixed(2) }
	rows = append(rows, []string{"verdict", p.Standing, "", strconv.FormatBool(p.Standing != InStep), "", "", "", "", string(p.From), string(p.To), "",
		"", "", "", p.BaseCurrency, num(p.Totals.NetSuite), num(p.Totals.Cin7), num(p.Totals.Difference), "", "", "", p.Verdict(), ""})
	for _, x := range p.Differences {
		head := []string{"difference", x.Class, x.Kind, strconv.FormatBool(x.NeedsPerson), x.Type, x.ID, cell(x.Number), cell(x.Vendor), string(x.Date), string(x.Cin7Date), cell(x.Cin7Order)}
		tail := []string{cell(x.Text), cell(x.Fix)}
		for _, l := range x.Lines {
			rows = append(rows, append(append(append([]string{}, head...), l.Period, cell(l.Account), cell(l.Name), cell(x.Currency), "", "", num(l.Base), num(l.Document), "", ""), tail...))
		}
		if len(x.Lines) == 0 {
			sku, quantity := "", ""
			if x.Goods != nil {
				sku, quantity = cell(x.Goods.SKU), x.Goods.Difference.String()
			}
			rows = append(rows, append(append(append([]string{}, head...), "", "", "", cell(x.Currency), "", "", "0.00", "0.00", sku, quantity), tail...))
		}
	}
	for _, d := range p.Documents {
		rows = append(rows, []string{"document", d.Result, "", "", d.Type, d.ID, cell(d.Number), cell(d.Vendor), d.Dated.NetSuite, d.Dated.Cin7, cell(d.Cin7Order),
			"", "", "", cell(d.Currency), num(d.NetSuite), num(d.Cin7), num(d.NetSuite.Sub(d.Cin7)), "", "", "", "", ""})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
