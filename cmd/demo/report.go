package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ml-connector/ml-connector/reconcile"
)

// result is what the demo ends with, for people and for machines.
type result struct {
	OK             bool              `json:"ok"`
	Took           string            `json:"took"`
	Records        []recordLine      `json:"records"`
	Parked         []parkedLine      `json:"parked"`
	Waiting        []parkedLine      `json:"waiting"`
	Calls          []callLine        `json:"calls"`
	Reconciliation *reconcile.Report `json:"reconciliation"`
	Webhooks       int               `json:"webhooks_accepted"`
	Broken         []string          `json:"broken"` // expectations that do not hold
}

type recordLine struct {
	Type     string `json:"type"`
	Number   string `json:"netsuite_number"`
	Party    string `json:"vendor,omitempty"`
	Total    string `json:"total,omitempty"`
	Cin7     string `json:"cin7_number,omitempty"`
	State    string `json:"state"`
	Stage    string `json:"stage,omitempty"`
	Accounts string `json:"accounts,omitempty"`
}

type parkedLine struct {
	Type    string `json:"type"`
	Number  string `json:"netsuite_number"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

type callLine struct {
	System    string `json:"system"`
	Operation string `json:"operation"`
	Calls     int    `json:"calls"`
}

func (r *result) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// page writes the reconciliation as a page to print.
func (r *result) page(file string) error {
	f, err := os.Create(file) //nolint:gosec // whoever runs the demo names the file
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	if err := r.Reconciliation.Write(f, "html"); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func newTable(w io.Writer, title string, head ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	t.SetTitle(title)
	t.AppendHeader(head)
	return t
}

func rightAligned(columns ...int) []table.ColumnConfig {
	var out []table.ColumnConfig
	for _, c := range columns {
		out = append(out, table.ColumnConfig{Number: c, Align: text.AlignRight, AlignFooter: text.AlignRight, AlignHeader: text.AlignRight})
	}
	return out
}

func (r *result) print(w io.Writer) {
	t := newTable(w, "Records", "Type", "NetSuite", "Vendor", "Total", "Cin7", "State", "Stage", "Accounts")
	for _, l := range r.Records {
		t.AppendRow(table.Row{l.Type, l.Number, l.Party, l.Total, l.Cin7, l.State, l.Stage, l.Accounts})
	}
	t.SetColumnConfigs(rightAligned(4))
	t.Render()
	for _, list := range []struct {
		title string
		lines []parkedLine
	}{{"Parked: needs a person", r.Parked}, {"Waiting: goes on by itself", r.Waiting}} {
		if len(list.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", list.title)
		for _, p := range list.lines {
			fmt.Fprintf(w, "  %s %s: %s\n", p.Type, p.Number, p.Reason)
			fmt.Fprintf(w, "    %s\n", p.Message)
			if p.Fix != "" {
				fmt.Fprintf(w, "    Fix: %s\n", p.Fix)
			}
		}
	}
	fmt.Fprintln(w)
	t = newTable(w, "Calls spent", "System", "Operation", "Calls")
	totals := map[string]int{}
	for _, c := range r.Calls {
		t.AppendRow(table.Row{c.System, c.Operation, c.Calls})
		totals[c.System] += c.Calls
	}
	t.AppendFooter(table.Row{"", "NetSuite / Cin7", fmt.Sprintf("%d / %d", totals["netsuite"], totals["cin7"])})
	t.SetColumnConfigs(rightAligned(3))
	t.Render()
	fmt.Fprintln(w)
	if err := r.Reconciliation.Write(w, "table"); err != nil {
		fmt.Fprintln(w, err)
	}
	fmt.Fprintln(w)
	if r.OK {
		fmt.Fprintf(w, "Everything is as it must be: %d records, %d webhooks, %s unexplained, in %s.\n", len(r.Records), r.Webhooks, r.Reconciliation.Unexplained.StringFixed(2), r.Took)
		return
	}
	fmt.Fprintf(w, "NOT as it must be:\n  %s\n", strings.Join(r.Broken, "\n  "))
}

// took rounds a duration for people.
func took(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
