package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	mlconnector "github.com/ml-connector/ml-connector"
	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

func TestClerksWords(t *testing.T) {
	tn := &tenant.Tenant{}
	tn.ID = "acme"
	for _, c := range []struct{ name, in, want string }{
		{"a remedy", "map the account in sync.mapping.accounts, or add it to the chart of accounts in Cin7 (docs/parked.md#unmapped_account)",
			`Map the account in <a href="/console/t/acme/accounts">the accounts table</a>, or add it to the chart of accounts in Cin7.`},
		{"two tables", "correct sync.tax_rule or sync.mapping.tax", `Correct <a href="/console/t/acme/settings">the tax rule of the settings</a> or <a href="/console/t/acme/accounts#tax">the tax table</a>.`},
		{"words of the command line", "void it in Cin7, then retry this record", "Void it in Cin7, then try it again."},
		{"markup", `<script>alert(1)</script> sync.mapping`, `&lt;script&gt;alert(1)&lt;/script&gt; <a href="/console/t/acme/accounts">the mapping</a>.`},
		{"our own signs", "\x0100\x02", "00."},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(console.Advice(tn, c.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No word of the tenant file, the command line or the documentation's files is
// left in the help.
func TestHelpSpeaksToClerks(t *testing.T) {
	h := open(t)
	body := h.as(viewerToken).page("/console/help?t=acme")
	for _, jargon := range []string{"sync.", "parked.md", "`", "ml-connector tenant", "records skip", "PUT /"} {
		if i := strings.Index(body, jargon); i >= 0 {
			t.Errorf("the help says %q", body[max(0, i-60):min(len(body), i+60)])
		}
	}
	if !strings.Contains(mlconnector.ParkedReasons, "sync.") || !strings.Contains(body, "/console/t/acme/accounts") {
		t.Error("the help has no links, or nothing to put into words")
	}
}

func TestStoryInWords(t *testing.T) {
	for _, c := range []struct{ step, in, want string }{
		{"marked", "webhook: changed", "NetSuite sent word: changed"},
		{"marked", "poll", "found when NetSuite was read"},
		{"marked", "operator: asked for in the console by owner 1f", "asked for in the console by owner 1f"},
		{"marked", "something else", "something else"},
		{"called", "Cin7 create_purchase: done", "create purchase: done"},
		{"settled", "parked, unmapped_account: bill 7: no account", "Parked. No Cin7 account for a NetSuite account: bill 7: no account"},
		{"settled", "completed", "In step"},
		{"settled", "odd", "odd"},
		{"read", "as it was", "as it was"},
	} {
		if got := console.StepText(c.step, c.in); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.step, c.in, got, c.want)
		}
	}
}

func TestTrack(t *testing.T) {
	doc := func(typ, total string, st queue.State) state.Record {
		return state.Record{Ref: queue.Ref{Type: typ, ID: "1"}, State: st, Facts: map[string]string{state.FactTotal: total}}
	}
	docs := []state.Record{doc("purchaseorder", "330.00 USD", queue.Completed), doc("itemreceipt", "", queue.Completed), doc("vendorbill", "200.00 USD", queue.Completed),
		doc("vendorcredit", "20.50 USD", queue.Completed), doc("vendorbill", "130.00 USD", queue.Parked), doc("vendorbill", "?", queue.Parked)}
	var got []string
	for _, s := range console.Track(docs, "ORDER", "INVOICE") {
		got = append(got, s.Name+" "+s.Class+" "+strings.Join(s.Amounts, ", "))
	}
	want := []string{"ORDER done 330.00 USD ordered", "INVOICE next 179.50 USD in step, 130.00 USD parked", "RECEIVE todo 1 receipt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := console.Track(nil, "DONE", "STOCK"); got[1].Name != "RECEIVE" || got[2].Class != "done" {
		t.Errorf("received before invoiced: %+v", got)
	}
}

// From a bill to its order and back.
func TestDocumentsOfAPurchaseLeadToEachOther(t *testing.T) {
	h := open(t)
	h.settleAs(queue.Ref{Type: "purchaseorder", ID: "4"}, map[string]string{"number": "PO-4", "cin7_number": "PO-00007", "total": "12.50 USD"})
	h.park("7", map[string]string{"number": "VB-1042", "cin7_number": "PO-00007", "total": "12.50 USD", "po": "4"}, "unmapped_account", "no account")
	h.park("8", map[string]string{"number": "VB-1043", "po": "4"}, "unmapped_account", "no account")
	p := h.as(viewerToken)
	for at, want := range map[string][]string{
		"vendorbill/7":    {"records/purchaseorder/4", "12.50 USD ordered", "12.50 USD parked"},
		"purchaseorder/4": {"records/vendorbill/7", "12.50 USD parked"},
		"vendorbill/8":    {"records/purchaseorder/4"},
	} {
		body := p.page("/console/t/acme/records/" + at)
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s lacks %q", at, w)
			}
		}
	}
}

// Another site may lead to a page, and not to one that makes both systems work.
func TestOtherSitesMakeNoWork(t *testing.T) {
	h := open(t)
	h.park("1", nil, "unmapped_account", "bill 1")
	p := h.as(ownerToken)
	for at, want := range map[string]int{
		"/t/acme/records/vendorbill/1/sides": 403, "/t/acme/accounts": 403, "/t/acme/ping": 403, "/t/acme/doctor": 403,
		"/t/acme/tie-out?from=2026-11-01&to=2026-11-30": 403, "/t/acme/tie-out/csv?from=2026-11-01&to=2026-11-30": 403,
		"/t/acme/tie-out": 200, "/t/acme/records/vendorbill/1": 200, "/": 200,
	} {
		for site, want := range map[string]int{"cross-site": want, "same-site": want, "same-origin": 200, "none": 200, "": 200} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/console"+at, nil)
			if err != nil {
				t.Fatal(err)
			}
			if site != "" {
				req.Header.Set("Sec-Fetch-Site", site)
			}
			if status, _, _ := p.do(req); status != want {
				t.Errorf("%s from %q: got %d, want %d", at, site, status, want)
			}
		}
	}
}

func TestAddressesAreForgiving(t *testing.T) {
	h := open(t)
	p := h.as(viewerToken)
	if status, _, to := p.get("/console/t/acme"); status != http.StatusSeeOther || to != "/console/t/acme/" {
		t.Errorf("without the last slash: %d %q", status, to)
	}
	for at, want := range map[string]int{"/console/": 200, "/console/t/acme/": 200, "/console/static/console.css": 200, "/console/nothing": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, h.url+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body, _ := p.do(req); status != want || body != "" {
			t.Errorf("HEAD %s: got %d %q, want %d", at, status, body, want)
		}
	}
}
