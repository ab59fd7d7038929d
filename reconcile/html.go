package reconcile

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/shopspring/decimal"
)

//go:embed report.gohtml
var pageText string

// html is the report as one page: no script, no style sheet, no picture from
// elsewhere.
func (p *Report) html(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"money": func(d decimal.Decimal) string { return thousands(d.StringFixed(2)) },
		"title": Title, "doc": docType, "act": actOn,
		"sign": func(d decimal.Decimal) string {
			if d.IsZero() {
				return "zero"
			}
			return "off"
		},
		"count": count,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	if err := t.Execute(pageWriter{w}, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// pageWriter keeps out of a page what plain keeps off a terminal. The template
// writes each text at once, so that no character comes in two parts.
type pageWriter struct{ w io.Writer }

func (p pageWriter) Write(b []byte) (int, error) {
	out := bytes.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || unseen(r) {
			return '?'
		}
		return r
	}, b)
	if _, err := p.w.Write(out); err != nil {
		return 0, err //nolint:wrapcheck // of the caller's own writer
	}
	return len(b), nil
}

// thousands puts a thin gap between thousands, which no locale misreads.
func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	return sign + whole + "." + frac
}
