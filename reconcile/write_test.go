package reconcile_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/reconcile"
)

// spoiled books have a difference of several classes, and names that a
// stranger chose badly.
func spoiled(t *testing.T) *books {
	b := newBooks(t, 12)
	b.edit(b.docs[0], func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" })
	b.edit(b.docs[1], func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Total = units(20) })
	p := b.docs[3].newPurchase()
	p.Note, p.Groups[0].Invoice.Number = "", "=2+2"
	b.world.Cin7.PutPurchase(p)
	n := b.add(24)
	b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
	b.changeBill(n, func(x *netsuitetest.Bill) { x.Number = "<script>alert(1)</script>" })
	b.note("vendorbill", n.bill, "state", "parked", "reason", "unmapped_account", "message", "\x1b[2Jno account & no fix")
	return b
}

func write(t *testing.T, r *reconcile.Report, format string) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Write(&out, format); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestFormats(t *testing.T) {
	r := spoiled(t).run()
	if r.OK || r.NeedPerson != 3 {
		t.Errorf("ok %v, %d need a person, want 3", r.OK, r.NeedPerson)
	}
	t.Run("table", func(t *testing.T) {
		s := write(t, r, "table")
		for _, want := range []string{"do not tie out: 3 differences need a person, besides 1 parked document worth", "which somebody must decide about", "needs a decision", "By account", "Changed in Cin7 by hand", " USD between accounts (Changed in Cin7 by hand)", "Fix:", "Parked"} {
			if !strings.Contains(s, want) {
				t.Errorf("the table lacks %q:\n%s", want, s)
			}
		}
		if strings.Contains(s, "\x1b") {
			t.Error("a control character of a stranger reaches the terminal")
		}
	})
	t.Run("csv", func(t *testing.T) {
		in := csv.NewReader(strings.NewReader(write(t, r, "csv")))
		head, err := in.Read()
		if err != nil {
			t.Fatal(err)
		}
		documents, first := 0, true
		for {
			row, err := in.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err) // a row of another length
			}
			if first && (row[0] != "verdict" || row[1] != reconcile.Apart || !strings.Contains(strings.Join(row, " "), "parked document")) {
				t.Errorf("the first row is %v, want the verdict", row)
			}
			first = false
			if row[0] == "document" {
				documents++
			}
			for i, c := range row {
				if strings.HasPrefix(c, "=") {
					t.Errorf("column %s holds a formula: %s", head[i], c)
				}
			}
		}
		if documents != len(r.Documents) {
			t.Errorf("%d documents, want %d", documents, len(r.Documents))
		}
	})
	t.Run("json", func(t *testing.T) {
		var got map[string]any
		if err := json.Unmarshal([]byte(write(t, r, "json")), &got); err != nil {
			t.Fatal(err)
		}
		if got["schema"] != reconcile.Schema {
			t.Errorf("schema %v", got["schema"])
		}
		var keys []string
		for _, k := range []string{"schema", "tenant", "period", "made_at", "base_currency", "standing", "ok", "need_person", "parked", "unexplained", "totals", "classes", "accounts", "periods",
			"vendors", "currencies", "goods", "differences", "documents", "left_out", "cin7_calls"} {
			if _, ok := got[k]; !ok {
				keys = append(keys, k)
			}
		}
		if len(keys) > 0 {
			t.Errorf("the JSON lacks %v", keys)
		}
		d, _ := got["differences"].([]any)[0].(map[string]any)
		if diff := cmp.Diff(d["dated"], map[string]any{"netsuite": "2026-11-01", "cin7": "2026-11-01"}); diff != "" {
			t.Errorf("dated (-got +want):\n%s", diff)
		}
	})
	t.Run("html", func(t *testing.T) {
		s := write(t, r, "html")
		if strings.Contains(s, "<script") || !strings.Contains(s, "&lt;script&gt;") {
			t.Error("a number of a stranger is not escaped")
		}
		if found := regexp.MustCompile(`(?i)(src|href|url\()\s*=?\s*["']?(https?:)?//`).FindString(s); found != "" {
			t.Errorf("the page reaches out: %s", found)
		}
		at := -1
		for _, part := range []string{"Bills less credits in NetSuite", "Why they differ", "By account</h2>", "Differences</h2>", "Everything that was compared"} {
			i := strings.Index(s, ">"+part)
			if i <= at {
				t.Errorf("%q is missing or out of order", part)
			}
			at = i
		}
	})
}

// Books whose only difference is parked are not called in step: somebody must
// decide, in every form.
func TestParkedBooksAreHeld(t *testing.T) {
	b := newBooks(t, 6)
	if r := b.run(); r.Standing != reconcile.InStep || r.Verdict() != "The books agree: no differences." {
		t.Errorf("clean books are %s: %s", r.Standing, r.Verdict())
	}
	n := b.add(24)
	b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
	b.note("vendorbill", n.bill, "state", "waiting", "reason", "order", "message", "goes on by itself")
	if r := b.run(); r.Standing != reconcile.InStep || r.Verdict() != "The books tie out so far: every difference is explained, and 1 of them waits for what it names." {
		t.Errorf("books with a waiting bill are %s: %s", r.Standing, r.Verdict())
	}
	b.note("vendorbill", n.bill, "state", "parked", "reason", "unmapped_account", "message", "no account")
	r := b.run()
	worth := r.Totals.Difference.StringFixed(2)
	if r.Standing != reconcile.Held || r.Parked.Documents != 1 || r.Parked.Worth.StringFixed(2) != worth || !r.OK {
		t.Errorf("standing %s, parked %+v, ok %v; want held, 1 document worth %s", r.Standing, r.Parked, r.OK, worth)
	}
	want := "in step except for 1 parked document worth " + worth + " USD, which somebody must decide about (unmapped account: 1)"
	for _, format := range reconcile.Formats() {
		s := write(t, r, format)
		if format == "json" {
			if !strings.Contains(s, `"standing": "held"`) || !strings.Contains(s, `"worth": "`) {
				t.Errorf("json lacks the standing:\n%.400s", s)
			}
			continue
		}
		if !strings.Contains(s, want) || strings.Contains(s, "tie out") {
			t.Errorf("%s lacks %q", format, want)
		}
	}
	if f := r.Figures(); f.Unexplained != 0 || f.Parked != 1 || f.Worth != r.Parked.Worth.Shift(2).IntPart() || reconcile.Standing(f.Unexplained, f.Parked) != reconcile.Held {
		t.Errorf("figures %+v", f)
	}
}

func TestRunRefusesPeriods(t *testing.T) {
	for name, p := range map[string][2]string{
		"no date": {"", "2026-11-30"}, "no such day": {"2026-02-30", "2026-03-01"}, "backwards": {"2026-11-30", "2026-11-01"}, "too long": {"2025-01-01", "2026-11-30"},
		"a statement": {"2026-11-01'; --", "2026-11-30"}, "in the future": {"2027-01-01", "2027-01-31"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t, 1)
			b.in.From, b.in.To = cin7.Date(p[0]), cin7.Date(p[1])
			if _, err := reconcile.Run(t.Context(), b.in); err == nil {
				t.Error("got a report, want an error")
			}
		})
	}
}
