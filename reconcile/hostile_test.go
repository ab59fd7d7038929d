package reconcile_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/reconcile"
)

// Names, numbers and amounts that no bookkeeper would choose come out of every
// form as what they are: the arithmetic holds, and none of them acts.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{"=HYPERLINK(\"http://x\",\"y\")", "+1+1", "-2+3", "@SUM(A1)", "\tTab", "\rReturn", "<img src=x onerror=alert(1)>", "</table></body>", "{{.Name}}",
		"\x1b]0;title\x07", "\u202eevil\u202c", "\u2066isolated", "\u200b\u200b", "line\nbreak", strings.Repeat("long ", 400), "a,b;c\"d'e", "\u0000"} {
		t.Run(url.QueryEscape(name[:min(len(name), 12)]), func(t *testing.T) {
			b := newBooks(t, 3)
			d := b.docs[1]
			b.changeBill(d, func(x *netsuitetest.Bill) { x.Number = name })
			b.edit(d, func(p *cin7test.Purchase) {
				p.Groups[0].Invoice.Number, p.Supplier = name, name
				p.Groups[0].Invoice.Charges[0].Account = "465"
			})
			r := b.run()
			if len(r.Differences) == 0 {
				t.Error("a line on another account is not found")
			}
			table, csv, html := write(t, r, "table"), write(t, r, "csv"), write(t, r, "html")
			for _, bad := range []string{"\x1b", "\x07", "\u202e", "\u2066", "\x00"} {
				if strings.Contains(table, bad) {
					t.Errorf("the terminal gets %q", bad)
				}
			}
			for _, bad := range []string{"<img", "</table></body>", "\u202e", "\u2066", "\x1b"} {
				if i := strings.Index(html, bad); i >= 0 && !strings.HasPrefix(html[i:], "</table></body>\n</html>") {
					t.Errorf("the page has %q as it is", bad)
				}
			}
			for _, bad := range []string{",\"=", ",=", ",+1+", ",-2+", ",@", "\u202e", "\x1b"} {
				if strings.Contains(csv, bad) {
					t.Errorf("a spreadsheet gets %q", bad)
				}
			}
		})
	}
}

// Amounts that no distributor has come through whole: beyond any company's,
// negative, and nothing at all. Equal is equal, and a unit
// less is found.
func TestHostileAmounts(t *testing.T) {
	for _, amount := range []string{"99999999999.99", "-8.95", "0.00"} {
		for _, off := range []int64{0, 1} {
			t.Run(fmt.Sprintf("%s less %d", amount, off), func(t *testing.T) {
				b := newBooks(t, 3)
				d := b.docs[0]
				b.changeBill(d, func(x *netsuitetest.Bill) { x.Lines[3].Amount = amount })
				b.edit(d, func(p *cin7test.Purchase) {
					p.Groups[0].Invoice.Charges[1].Total = decimal.RequireFromString(amount).Sub(units(off))
				})
				r := b.run()
				if n := len(r.Differences); n != int(off) || !r.Totals.Difference.Equal(units(off)) {
					t.Errorf("%d differences, %s in all, want %d: %v", n, r.Totals.Difference, off, r.Differences)
				}
				for _, format := range reconcile.Formats() {
					if s := write(t, r, format); strings.Contains(s, "e+") || strings.Contains(s, "E+") || strings.Contains(s, "NaN") {
						t.Errorf("%s: an amount is not written out", format)
					}
				}
				checkAgainstOracle(t, b)
			})
		}
	}
}

// A bill of nothing posts nothing in Cin7, and is no difference.
func TestBillOfNothing(t *testing.T) {
	b := newBooks(t, 3)
	d := b.docs[0]
	b.changeBill(d, func(x *netsuitetest.Bill) {
		x.Taxes = nil
		for i := range x.Lines {
			x.Lines[i].Amount = "0.00"
		}
	})
	b.edit(d, func(p *cin7test.Purchase) {
		i := &p.Groups[0].Invoice
		for k := range i.Lines {
			i.Lines[k].Price, i.Lines[k].Total, i.Lines[k].Tax = decimal.Zero, decimal.Zero, decimal.Zero
		}
		for k := range i.Charges {
			i.Charges[k].Price, i.Charges[k].Total, i.Charges[k].Tax = decimal.Zero, decimal.Zero, decimal.Zero
		}
	})
	if got := found(b); len(got) > 0 {
		t.Errorf("differences: %v", got)
	}
	b.note("vendorbill", d.bill, "state", "parked", "reason", "unmapped_account", "message", "no account")
	if got := found(b); len(got) != 1 || !strings.HasPrefix(got[0], "parked/unmapped_account vendorbill B-00000") {
		t.Errorf("parked: %v, want it listed", got)
	}
}

// A period without a document is not called books that agree.
func TestNothingToCompare(t *testing.T) {
	b := newBooks(t, 3)
	b.in.From, b.in.To = "2026-01-01", "2026-01-31"
	if r := b.run(); !strings.HasPrefix(r.Verdict(), "There is nothing to compare") || r.Standing != reconcile.InStep {
		t.Errorf("%s (%s)", r.Verdict(), r.Standing)
	}
}
