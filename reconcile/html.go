package reconcile

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/internal/plain"
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
	if err := t.Execute(plain.Text(w), p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
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
