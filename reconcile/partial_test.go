package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/reconcile"
)

// Whichever call to Cin7 fails, and however, there is no report: a part of the
// books never passes for the whole.
func TestNothingOfAPart(t *testing.T) {
	b := newBooks(t, 12)
	b.addAlone(func(*cin7test.Journal) {})
	b.edit(b.docs[0], func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" }) // a purchase is read
	whole := b.run()
	calls := whole.Calls.Lists + whole.Calls.Documents
	if calls < 7 {
		t.Fatalf("%d calls, want each kind", calls)
	}
	for _, shape := range []string{"503", "500", "429", "half_json", "wrong_length", "empty", "html", "error_200"} {
		for n := range calls {
			b.world.Cin7.FailNext(cin7test.Fault{Shape: shape, Skip: n})
			r, err := reconcile.Run(t.Context(), b.in)
			if b.world.Cin7.ClearFaults() > 0 {
				t.Errorf("%s at call %d of %d never came", shape, n+1, calls)
			}
			if err == nil {
				t.Errorf("%s at call %d of %d: %s", shape, n+1, calls, r.Verdict())
			}
		}
	}
	if again := b.run(); again.NeedPerson != whole.NeedPerson {
		t.Errorf("afterwards %d differences need a person, before %d", again.NeedPerson, whole.NeedPerson)
	}
}

// A list that ends early, or loses rows while it is read, is no list: what it
// lacks could be the difference. An answer of NetSuite that says that more
// follows is no last page.
func TestListsAreWhole(t *testing.T) {
	const n = 160 // more than a page of ledger rows
	b := newBooks(t, n)
	b.run()
	for name, c := range map[string]struct {
		path, body string
		times      int // default 1
		want       string
	}{
		"ledger ends early":           {"transactions", `{"Total":%d,"Page":2,"Transactions":[]}`, 1, "ended after 1000 of"},
		"ledger loses rows":           {"transactions", `{"Total":1000,"Page":2,"Transactions":[]}`, 3, "rows left the list"},
		"ledger has no list":          {"transactions", `{"Total":%d,"Page":2}`, 1, "no list"},
		"purchases are not all there": {"purchaseList", `{"Total":%d,"Page":1,"PurchaseList":[]}`, 1, "ended after 0 of"},
	} {
		t.Run(name, func(t *testing.T) {
			f := cin7test.Fault{Path: "=" + c.path, Status: 200, Body: c.body}
			if strings.Contains(c.body, "%d") {
				f.Body = fmt.Sprintf(c.body, len(b.world.Cin7.Transactions()))
			}
			for n := range max(c.times, 1) {
				if c.path == "transactions" {
					f.Skip = 1 + n // the second page, each time
				}
				b.world.Cin7.FailNext(f)
			}
			r, err := reconcile.Run(t.Context(), b.in)
			if b.world.Cin7.ClearFaults() > 0 {
				t.Fatal("the fault never came")
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q; report: %v", err, c.want, r)
			}
		})
	}
	t.Run("ledger loses rows once", func(t *testing.T) { // it is read anew, from the start
		b.world.Cin7.FailNext(cin7test.Fault{Path: "=transactions", Skip: 1, Status: 200, Body: `{"Total":1000,"Page":2,"Transactions":[]}`})
		if r := b.run(); len(r.Differences) > 0 || len(r.Documents) != n+n/5 {
			t.Errorf("%d documents, differences: %v", len(r.Documents), r.Differences)
		}
		if b.world.Cin7.ClearFaults() > 0 {
			t.Error("the fault never came")
		}
	})
}
