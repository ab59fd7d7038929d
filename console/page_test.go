package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// A clerk finds a bill by its number and reads why it stands still.
func TestAClerkFindsABill(t *testing.T) {
	h := open(t)
	h.park("7", map[string]string{"number": "VB-1042", "party": "Cascade Webbing Co", "total": "12.50 USD"}, "unmapped_account",
		"bill VB-1042: no active Cin7 account for NetSuite account 6990 Sundry Penalties (12.50 USD)")
	p := h.as(viewerToken)
	list := p.page("/console/t/acme/records?q=VB-1042")
	if !strings.Contains(list, "/console/t/acme/records/vendorbill/7") {
		t.Fatalf("the search does not find it:\n%s", list)
	}
	if byID := p.page("/console/t/acme/records?q=7"); !strings.Contains(byID, "VB-1042") {
		t.Error("its NetSuite id does not find it")
	}
	story := p.page("/console/t/acme/records/vendorbill/7")
	for _, want := range []string{"VB-1042", "Cascade Webbing Co", "12.50 USD", "No Cin7 account for a NetSuite account", "6990 Sundry Penalties", "What to do", "marked", "settled"} {
		if !strings.Contains(story, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	if strings.Contains(story, "Try again now") {
		t.Error("a viewer is offered a button that is not for viewers")
	}
	if beside := p.page("/console/t/acme/records/vendorbill/7/sides"); !strings.Contains(beside, "differs") {
		t.Error("a difference is not marked")
	}
}

// 40 failures are 2 causes, and a bulk retry says how many before it acts.
func TestCausesAndBulkRetry(t *testing.T) {
	h := open(t)
	var bills []bill
	for i := range 20 {
		n := fmt.Sprintf("VB-%d", 1000+i)
		bills = append(bills, bill{fmt.Sprint(i + 1), map[string]string{"number": n}, "unmapped_account", fmt.Sprintf("bill %s: no active Cin7 account for NetSuite account 6990 Penalties (%d.50 USD)", n, i)},
			bill{fmt.Sprint(i + 101), map[string]string{"number": "X" + n}, "period_locked", "bill X" + n + " is dated 2026-01-02; Cin7 is locked up to and including 2026-01-31"})
	}
	h.parkAll(bills...)
	p := h.as(operatorToken)
	if body := p.page("/console/t/acme/records?state=parked&group=cause"); !strings.Contains(body, "40 records, 2 causes") {
		t.Errorf("the causes are not told apart:\n%s", body)
	}
	if body := p.page("/console/t/acme/parked"); !strings.Contains(body, "40 records need a person") {
		t.Error("the work list does not count them")
	}
	if body := p.page("/console/t/acme/retry?state=parked&reason=period_locked"); !strings.Contains(body, "Try 20 records again?") {
		t.Errorf("the retry does not say how many:\n%s", body)
	}
	if lane, _ := h.config.Queue.Lane(t.Context(), "acme"); lane.Depth[queue.Live] != 0 {
		t.Fatal("asking has marked something")
	}
	_, _, to := p.post("/console/t/acme/retry", url.Values{"state": {"parked"}, "reason": {"period_locked"}})
	if body := p.page(to); !strings.Contains(body, "20 records are tried again.") {
		t.Errorf("it does not say what it did: %s", to)
	}
	if lane, _ := h.config.Queue.Lane(t.Context(), "acme"); lane.Depth[queue.Live] != 20 {
		t.Errorf("%d marks wait, want 20", lane.Depth[queue.Live])
	}
	if body := p.page("/console/audit"); !strings.Contains(body, "console retry") || !strings.Contains(body, "reason period_locked") || !strings.Contains(body, "records 20") {
		t.Errorf("the audit log does not tell it:\n%s", body)
	}
}

func TestMappingIsRehearsedThenSaved(t *testing.T) {
	h := open(t)
	h.park("7", map[string]string{"number": "VB-1042"}, "unmapped_account", "bill VB-1042: no account")
	p := h.as(ownerToken)
	tn, err := h.config.Tenants.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"version": {fmt.Sprint(tn.Version)}, "account.6990": {"429 General Expenses"}, "account.5000": {"429"}}
	if _, body, _ := p.post("/console/t/acme/accounts", form); !strings.Contains(body, "account 6990 to 429") || !strings.Contains(body, "Save the mapping") {
		t.Errorf("the rehearsal does not tell the change:\n%s", body)
	}
	if now, _ := h.config.Tenants.Get(t.Context(), "acme"); now.Version != tn.Version {
		t.Fatal("a rehearsal has saved something")
	}
	form.Set("save", "yes")
	if _, _, to := p.post("/console/t/acme/accounts", form); !strings.Contains(p.page(to), "1 record is tried again") {
		t.Errorf("saving does not take up what was parked: %s", to)
	}
	now, err := h.config.Tenants.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"5000": "429", "6990": "429"}, now.Sync.Mapping.Accounts); diff != "" {
		t.Error(diff)
	}
	if status, _, _ := p.post("/console/t/acme/accounts", form); status != 409 {
		t.Errorf("an old page may still save: %d", status)
	}
}

func TestFormMapping(t *testing.T) {
	old := tenant.Mapping{Accounts: map[string]string{"5000": "429", "id:9": "470"}, Terms: map[string]string{"Net 30": "30 days"}}
	for _, c := range []struct {
		name    string
		form    url.Values
		want    tenant.Mapping
		changes []string
		wrong   []string
	}{
		{"nothing", url.Values{}, old, nil, nil},
		{"an account from the list, with its name", url.Values{"account.6100": {"465 Rent"}},
			tenant.Mapping{Accounts: map[string]string{"5000": "429", "id:9": "470", "6100": "465"}, Terms: old.Terms}, []string{"account 6100 to 465"}, nil},
		{"an account emptied", url.Values{"account.5000": {" "}},
			tenant.Mapping{Accounts: map[string]string{"id:9": "470"}, Terms: old.Terms}, []string{"account 5000 no longer to 429"}, nil},
		{"an account changed", url.Values{"account.id:9": {"471"}},
			tenant.Mapping{Accounts: map[string]string{"5000": "429", "id:9": "471"}, Terms: old.Terms}, []string{"account id:9 to 471 instead of 470"}, nil},
		{"a table is taken whole, empty rows left out", url.Values{"terms.from": {"Net 60", " "}, "terms.to": {"60 days", ""}},
			tenant.Mapping{Accounts: old.Accounts, Terms: map[string]string{"Net 60": "60 days"}}, []string{"terms Net 30 no longer to 30 days", "terms Net 60 to 60 days"}, nil},
		{"half rows and a row twice are told, each with its place", url.Values{"terms.from": {"Net 30", "", "Net 9", "Net 30"}, "terms.to": {"30 days", "x", "", "31 days"}}, old, nil,
			[]string{`Payment terms, row 2: what "x" is called in NetSuite is missing. Fill it in, or empty the row.`,
				`Payment terms, row 3: what "Net 9" is called in Cin7 is missing. Fill it in, or empty the row.`,
				`Payment terms, row 4: "Net 30" stands in row 1 already. Keep one of the two.`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changes, wrong := console.FormMapping(old, c.form)
			if diff := cmp.Diff(c.wrong, wrong); diff != "" {
				t.Errorf("wrong: %s", diff)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("mapping: %s", diff)
			}
			if diff := cmp.Diff(c.changes, changes); diff != "" {
				t.Errorf("changes: %s", diff)
			}
		})
	}
}

// hostile makes 500 strings that would be markup or script if anything let
// them.
func hostile() []string {
	seeds := []string{`<script>alert(%d)</script>`, `"><img src=x onerror=alert(%d)>`, `'><svg onload=alert(%d)>`, `javascript:alert(%d)`, `</title><script>%d</script>`,
		`{{.Secret%d}}`, `<!--%d-->`, "<a href=\"//evil.example/%d\">x</a>", `" autofocus onfocus=alert(%d) x="`, "</textarea><script>%d</script>", "<iframe srcdoc='<script>%d</script>'>",
		"\u2028<b>%d</b>", "<style>*{display:none}%d</style>", "<base href=//evil.example/%d>", "<form action=//evil.example/%d><button>", "<object data=x%d>", "`${alert(%d)}`",
		"<math><mtext></form><form><mglyph><style></math><img src onerror=alert(%d)>", "<x hx-get=/console/t/acme/pause hx-trigger=load id=%d>", "<meta http-equiv=refresh content=0;url=//evil.example/%d>"}
	var out []string
	for i := range 500 {
		out = append(out, fmt.Sprintf(seeds[i%len(seeds)], i))
	}
	return out
}

// Vendor names, memos and errors stay text on every page that shows them.
func TestHostileTextStaysText(t *testing.T) {
	h := open(t)
	texts := hostile()
	var bills []bill
	for i, s := range texts {
		bills = append(bills, bill{fmt.Sprint(i + 1), map[string]string{"number": s, "party": s, "total": s, "cin7_number": s, "accounts": s, "stage": s}, "cin7_refused", s})
	}
	h.parkAll(bills...)
	p := h.as(ownerToken)
	pages := []string{"/console/", "/console/t/acme/", "/console/t/acme/parked", "/console/t/acme/records?group=cause&state=parked"}
	for i, s := range texts {
		if i%25 == 0 {
			pages = append(pages, fmt.Sprintf("/console/t/acme/records/vendorbill/%d", i+1), "/console/t/acme/records?q="+url.QueryEscape(s), "/console/t/acme/settings?done="+url.QueryEscape(s))
		}
	}
	pages = append(pages, "/console/t/acme/records?state=parked")
	for _, at := range pages {
		body := p.page(at)
		for _, s := range texts {
			if strings.ContainsAny(s, "<") && strings.Contains(body, s) {
				t.Fatalf("%s shows %q as markup", at, s)
			}
		}
	}
}

// A form cannot make the audit log name another record than the one touched.
func TestAuditNamesWhatWasTouched(t *testing.T) {
	h := open(t)
	h.park("7", nil, "unmapped_account", "bill 7")
	p := h.as(operatorToken)
	p.post("/console/t/acme/records/vendorbill/7/sync", url.Values{"type": {"forged"}, "nsid": {"8"}})
	if body := p.page("/console/audit"); strings.Contains(body, "type forged") || !strings.Contains(body, "nsid 7") {
		t.Errorf("the log is misled:\n%s", body)
	}
}

// What is in step, or was never seen, is not left out by a form sent by hand.
func TestOnlyWhatStandsStillIsLeftOut(t *testing.T) {
	h := open(t)
	h.park("7", nil, "unmapped_account", "bill 7")
	p := h.as(operatorToken)
	form := url.Values{"reason": {"paid by card"}, "until": {"2026-12-31"}}
	if status, _, _ := p.post("/console/t/acme/records/vendorbill/8/skip", form); status != 404 {
		t.Errorf("a record that was never seen: got %d", status)
	}
	if _, _, to := p.post("/console/t/acme/records/vendorbill/7/skip", form); !strings.Contains(to, "done=skipped") {
		t.Errorf("a parked one: %q", to)
	}
}

// A row that cannot be used is named, nothing is saved, and what was typed is
// still there.
func TestHalfARowIsNotDropped(t *testing.T) {
	h := open(t)
	p := h.as(ownerToken)
	status, body, _ := p.post("/console/t/acme/accounts", url.Values{"version": {"1"}, "save": {"yes"}, "account.6990": {"429"}, "terms.from": {"Net 45"}, "terms.to": {""}})
	if status != 422 || !strings.Contains(body, "Payment terms, row 1") || !strings.Contains(body, `value="Net 45"`) {
		t.Errorf("got %d\n%s", status, body)
	}
	if now, err := h.config.Tenants.Get(t.Context(), "acme"); err != nil || now.Version != 1 {
		t.Errorf("it was saved all the same: %v", err)
	}
}

// A link that somebody else made puts no words of his into a page.
func TestNobodyElsesWords(t *testing.T) {
	h := open(t)
	p := h.as(viewerToken)
	for _, q := range []string{"done=Call+me+at+555", "done=mapped&n=call+555", "done=retried&n=-1", "done=retried"} {
		if body := p.page("/console/?" + q); strings.Contains(body, "555") || strings.Contains(body, `role="status"`) {
			t.Errorf("%s stands on the page", q)
		}
	}
	if body := p.page("/console/?done=retried&n=1"); !strings.Contains(body, "1 record is tried again.") {
		t.Error("what was done is not told")
	}
}

// The audit log says how each change ended: done, refused and why.
func TestAuditTellsHowItEnded(t *testing.T) {
	h := open(t)
	h.park("7", nil, "unmapped_account", "bill 7")
	p := h.as(ownerToken)
	p.post("/console/t/acme/records/vendorbill/7/skip", url.Values{"reason": {""}, "until": {"2026-12-31"}})
	p.post("/console/t/acme/accounts", url.Values{"version": {"1"}, "save": {"yes"}, "account.6990": {"429"}})
	list, err := h.config.Audit.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)
	var got []string
	for _, e := range list {
		got = append(got, e.Action+"|"+e.Detail["outcome"]+"|"+e.Detail["changed"]+"|"+e.Detail["retried"])
	}
	want := []string{"console skip|||", "console skip ended|refused: It is not left out: a skip needs a reason: say why the record is left out.||",
		"console accounts|||", `mapping||sync.mapping.accounts.6990: nothing -> "429"|`, "console accounts ended|done||1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is nowhere leaves nothing: it is asked for in NetSuite first.
func TestSyncOfWhatIsNowhere(t *testing.T) {
	h := open(t, func(h *house) {
		h.config.Shows = func(_ context.Context, _ *tenant.Tenant, k queue.Ref) (bool, error) { return k.ID == "9", nil }
	})
	p := h.as(operatorToken)
	if status, body, _ := p.post("/console/t/acme/records/vendorbill/8/sync", nil); status != 404 || !strings.Contains(body, "NetSuite shows no such record") {
		t.Errorf("got %d\n%s", status, body)
	}
	if status, _, _ := p.get("/console/t/acme/records/vendorbill/8"); status != 404 {
		t.Errorf("a ghost is left: %d", status)
	}
	if status, _, _ := p.post("/console/t/acme/records/vendorbill/9/sync", nil); status != 303 {
		t.Errorf("one that NetSuite shows: %d", status)
	}
	if lane, _ := h.config.Queue.Lane(t.Context(), "acme"); lane.Depth[queue.Live] != 1 {
		t.Errorf("%d marks wait, want 1", lane.Depth[queue.Live])
	}
}

// What cannot be written into the audit log does not happen.
func TestNoAuditNoChange(t *testing.T) {
	h := open(t)
	h.park("7", nil, "unmapped_account", "bill 7")
	p := h.as(ownerToken)
	h.auditFails = errors.New("the keyset is gone")
	for _, at := range []string{"pause", "rotate", "retry", "poll"} {
		if status, body, _ := p.post("/console/t/acme/"+at, url.Values{"state": {"parked"}}); status != 503 || strings.Contains(body, "keyset") {
			t.Errorf("%s: got %d\n%s", at, status, body)
		}
	}
	tn, err := h.config.Tenants.Get(t.Context(), "acme")
	if err != nil || tn.Paused != "" {
		t.Errorf("it was paused all the same: %q, %v", tn.Paused, err)
	}
	if lane, _ := h.config.Queue.Lane(t.Context(), "acme"); lane.Depth[queue.Live] != 0 {
		t.Error("records were marked all the same")
	}
}

// A new webhook secret is shown once, and stands nowhere else.
func TestRotatedSecretIsShownOnce(t *testing.T) {
	h := open(t)
	p := h.as(ownerToken)
	_, body, _ := p.post("/console/t/acme/rotate", nil)
	m := regexp.MustCompile(`secret=([\w-]{32,})`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no new address:\n%s", body)
	}
	for _, at := range []string{"/console/t/acme/settings", "/console/audit", "/console/t/acme/webhooks"} {
		if strings.Contains(p.page(at), m[1]) {
			t.Errorf("%s shows the secret", at)
		}
	}
	if status, _, _ := p.post("/console/t/acme/retire", nil); status != 409 {
		t.Errorf("ending the old one although the new one was never used: got %d", status)
	}
	if _, _, to := p.post("/console/t/acme/retire", url.Values{"force": {"yes"}}); !strings.Contains(p.page(to), "refused from now on") {
		t.Errorf("it is not ended although it was insisted on: %s", to)
	}
}

// A backfill is counted before it is started.
func TestBackfillIsCountedFirst(t *testing.T) {
	h := open(t)
	p := h.as(operatorToken)
	_, body, _ := p.post("/console/t/acme/backfill", url.Values{"since": {"2026-01-01"}})
	for _, want := range []string{"<strong>7</strong> Bill", "<strong>28</strong> calls to Cin7", "3 minutes", "Start it"} {
		if !strings.Contains(body, want) {
			t.Errorf("the forecast lacks %q:\n%s", want, body)
		}
	}
	if _, _, to := p.post("/console/t/acme/backfill", url.Values{"start": {"yes"}}); !strings.Contains(to, "done=backfill") {
		t.Errorf("starting leads to %q", to)
	}
}
