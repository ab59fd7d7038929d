package reconcile_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
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
