package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	document  = "docs/performance.md"
	beginMark = "<!-- bench: written by make bench-docs from performance/results.json -->\n"
	endMark   = "<!-- end of bench -->"
)

// render writes the tables and charts of the document anew.
func render() error {
	var r results
	b, err := os.ReadFile(resultsFile)
	if err != nil {
		return fmt.Errorf("%w: run make bench", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("%s: %w", resultsFile, err)
	}
	have, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(have), beginMark)
	_, tail, closed := strings.Cut(rest, endMark)
	if !ok || !closed {
		return fmt.Errorf("%s lacks the marks %q and %q", document, beginMark, endMark)
	}
	for _, c := range r.Charts {
		if err := os.WriteFile(filepath.Join(filepath.Dir(resultsFile), c.File+".svg"), []byte(c.svg()), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(document, []byte(head+beginMark+r.markdown()+endMark+tail), 0o644)
}

// markdown is what the document says of the run.
func (r results) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Measured on %s on %s, with %s.\n\n| | what | goal | figure | |\n|---|---|---|---|---|\n", r.Date, r.Machine, r.Versions)
	for _, g := range r.Goals {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", g.ID, g.What, escape(g.Goal), escape(g.Figure), map[bool]string{true: "met", false: "**missed**"}[g.Met])
	}
	for _, c := range r.Charts {
		fmt.Fprintf(&out, "\n![%s](performance/%s.svg)\n", c.Title, c.File)
	}
	for _, t := range r.Tables {
		fmt.Fprintf(&out, "\n%s:\n\n| %s |\n|%s\n", t.Title, strings.Join(t.Columns, " | "), strings.Repeat("---|", len(t.Columns)))
		for _, row := range t.Rows {
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		}
	}
	out.WriteString("\n")
	return out.String()
}

// escape keeps what Markdown would take for something else.
func escape(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "|", `\|`).Replace(s)
}

// svg draws the chart: one bar a row, its value beside it.
func (c chart) svg() string {
	const label, width, value, high, top = 190, 360, 120, 26, 44
	most := 0.0
	for _, b := range c.Bars {
		most = max(most, b.Value)
	}
	var out strings.Builder
	all, tall := label+width+value, top+high*len(c.Bars)+8
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="13">`, all, tall, all, tall)
	fmt.Fprintf(&out, "\n<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"10\" y=\"24\" font-size=\"15\" font-weight=\"bold\" fill=\"#222\">%s</text>\n", c.Title, c.Title)
	for i, b := range c.Bars {
		y := top + high*i
		color := "#9aa5b1"
		if b.Ours {
			color = "#1f6feb"
		}
		long := 0.0
		if most > 0 {
			long = b.Value / most * width
		}
		fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#222\">%s</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\" fill=\"#222\">%.0f%s</text>\n",
			label-8, y+15, b.Label, label, y, long, high-8, color, label+long+6, y+15, b.Value, c.Unit)
	}
	out.WriteString("</svg>\n")
	return out.String()
}
