package console_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// What an operator must know first, and since when it is so.
func TestVerdict(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	read := func(edit func(*console.Glance)) console.Glance {
		g := console.Glance{T: &tenant.Tenant{}, Counts: map[queue.State]int64{}, Polled: before(time.Minute), Every: 15 * time.Minute, Changed: before(3 * time.Hour)}
		edit(&g)
		return g
	}
	for _, c := range []struct {
		name string
		g    console.Glance
		want console.Verdict
	}{
		{"nothing open: since a record last changed its state", read(func(*console.Glance) {}), console.Verdict{Level: "good", Text: "In step", Since: before(3 * time.Hour)}},
		{"what waits for something known is in step too", read(func(g *console.Glance) { g.Counts[queue.Waiting], g.Open = 2, 2 }), console.Verdict{Level: "good", Text: "In step", Since: before(3 * time.Hour)}},
		{"on its way", read(func(g *console.Glance) { g.Depth, g.Open, g.Oldest = 3, 3, before(time.Minute) }), console.Verdict{Level: "good", Text: "Catching up", Since: before(time.Minute)}},
		{"on its way for too long", read(func(g *console.Glance) { g.Depth, g.Open, g.Oldest = 3, 3, before(time.Hour) }), console.Verdict{Level: "wait", Text: "Behind", Since: before(time.Hour)}},
		{"parked: since the first", read(func(g *console.Glance) { g.Counts[queue.Parked], g.Stands = 2, before(50*time.Hour) }), console.Verdict{Level: "act", Text: "2 records need a person", Since: before(50 * time.Hour)}},
		{"not read for four rounds", read(func(g *console.Glance) { g.Polled = before(61 * time.Minute) }), console.Verdict{Level: "act", Text: "NetSuite is not being read", Since: before(61 * time.Minute)}},
		{"read once an hour, as it was set", read(func(g *console.Glance) { g.Polled, g.Every = before(61*time.Minute), time.Hour }), console.Verdict{Level: "good", Text: "In step", Since: before(3 * time.Hour)}},
		{"never read", read(func(g *console.Glance) { g.Polled = time.Time{} }), console.Verdict{Level: "wait", Text: "Not read yet"}},
		{"the certificate", read(func(g *console.Glance) { g.Cert, g.Days = true, 9 }), console.Verdict{Level: "act", Text: "Certificate ends in 9 days"}},
		{"the books before what is parked", read(func(g *console.Glance) { g.TieOut, g.Counts[queue.Parked] = reconcile.Apart, 1 }), console.Verdict{Level: "act", Text: "The books do not tie out"}},
		{"paused", read(func(g *console.Glance) { g.T = &tenant.Tenant{Paused: "by ada"} }), console.Verdict{Level: "wait", Text: "Paused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, console.Judge(c.g, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The overview says what is parked and for what, how the books stand in which
// currency, and since when.
func TestOverviewAtAGlance(t *testing.T) {
	h := open(t)
	h.parkAll(bill{"7", map[string]string{"number": "VB-7"}, "unmapped_account", "bill VB-7"}, bill{"8", map[string]string{"number": "VB-8"}, "period_locked", "bill VB-8"},
		bill{"9", map[string]string{"number": "VB-9"}, "unmapped_account", "bill VB-9"})
	recs := h.config.States.Tenant("acme")
	if err := recs.SetTieOut(t.Context(), state.TieOutFigures{Parked: 3, Worth: 123456, Currency: "EUR"}, h.now.Add(-3*time.Hour), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	p := h.as(viewerToken)
	for at, wants := range map[string][]string{
		"/console/":        {"One company needs you", "3 records need a person", "2 × No Cin7 account", "1 × The period is locked", "1\u202f234.56 EUR parked", "3 hours ago"},
		"/console/t/acme/": {"3 records need a person", "1\u202f234.56 EUR", "3 documents to decide about"},
	} {
		body := p.page(at)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q", at, want)
			}
		}
	}
}

// What NetSuite does not have is not shown as in step.
func TestWhatIsNotInNetSuite(t *testing.T) {
	h := open(t)
	h.settle(queue.Settlement{Ref: queue.Ref{Type: "vendorbill", ID: "999"}, State: queue.Completed, Reason: state.ReasonAbsent, Message: "NetSuite has no such record, and nothing of it is in Cin7"})
	p := h.as(viewerToken)
	for _, at := range []string{"/console/t/acme/", "/console/t/acme/records", "/console/t/acme/records/vendorbill/999"} {
		if body := p.page(at); !strings.Contains(body, "Not in NetSuite") || strings.Contains(body, `class="state completed"`) {
			t.Errorf("%s does not tell it", at)
		}
	}
}

// A search that reads records says how far it has looked, over all its pages.
func TestSearchSaysHowFarItLooked(t *testing.T) {
	h := open(t)
	var bills []bill
	for i := range 30 {
		bills = append(bills, bill{strconv.Itoa(i + 1), map[string]string{"number": "VB-" + strconv.Itoa(i)}, "unmapped_account", "no account"})
	}
	h.parkAll(bills...)
	p := h.as(viewerToken)
	if body := p.page("/console/t/acme/records?q=nowhere"); !strings.Contains(body, "Looked at every record") || !strings.Contains(body, "No record fits") {
		t.Error("the end of a search is not told")
	}
	if body := p.page("/console/t/acme/records?q=B-2&scan=on&seen=2000"); strings.Contains(body, "of 30 records") {
		t.Error("more are said to be looked at than there are")
	}
}

// A change that leads to what Cin7 does not have is told, and cannot be saved
// by the button.
func TestRehearsalKnowsWhatCin7Has(t *testing.T) {
	old := tenant.Mapping{Terms: map[string]string{"Old": "gone from Cin7"}}
	now := tenant.Mapping{Terms: map[string]string{"Old": "gone from Cin7", "Net 30": "30 DAYS", "Net 45": "45 days"}, Items: map[string]string{"A": "B"}}
	got := console.UnknownNames(old, now, console.Names{Tables: map[string][]string{"terms": {"30 days"}}})
	if diff := cmp.Diff([]string{`"45 days" is not in Cin7 (payment terms)`}, got); diff != "" {
		t.Error(diff)
	}
}
