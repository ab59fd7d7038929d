package poller

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

var start = time.Date(2026, 11, 10, 20, 0, 0, 0, time.UTC)

// books is a world whose clock stands at start: one vendor, n bills, an order
// with a receipt.
func books(t *testing.T, n int, o netsuitetest.Options) *world {
	t.Helper()
	w := newWorld(t, o)
	w.sim.PutAccount(netsuitetest.Account{ID: 121, Number: "2000", Name: "Accounts Payable", Type: "AcctPay"})
	w.sim.PutAccount(netsuitetest.Account{ID: 151, Number: "5100", Name: "Freight In", Type: "COGS"})
	w.sim.PutItem(netsuitetest.Item{ID: 2001, SKU: "WEB-25", Name: "Webbing", AssetAccount: 151})
	old := start.Add(-48 * time.Hour)
	for _, id := range []int64{301, 302} {
		w.sim.PutVendor(netsuitetest.Vendor{ID: id, CompanyName: fmt.Sprint("Vendor ", id), Modified: old})
	}
	for i := range n {
		w.bill(int64(6001+i), "100", old.Add(15*time.Duration(i)*time.Second))
	}
	w.sim.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: 4001, Number: "PO1", Vendor: 301, Date: "2026-11-02", Modified: old, Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "2", Amount: "20"}}})
	w.sim.PutReceipt(netsuitetest.Receipt{ID: 5001, PO: 4001, Date: "2026-11-03", Modified: old, Lines: []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "1"}}})
	return w
}

func (w *world) bill(id int64, amount string, at time.Time) {
	w.sim.PutBill(netsuitetest.Bill{ID: id, Number: fmt.Sprint("INV-", id), Vendor: 301, Date: "2026-11-06", Modified: at, Lines: []netsuitetest.BillLine{{Account: 151, Amount: amount}}})
}

func at(now *time.Time) netsuitetest.Options {
	*now = start
	return netsuitetest.Options{Now: func() time.Time { return *now }}
}

// settled is a world that was polled and worked off.
func settled(t *testing.T, n int, now *time.Time, edit func(*netsuitetest.Options)) *world {
	t.Helper()
	o := at(now)
	if edit != nil {
		edit(&o)
	}
	w := books(t, n, o)
	for range 3 { // until no second is unsettled
		w.poll(t, *now)
		w.settleAll(t)
		*now = now.Add(13 * time.Minute)
	}
	return w
}

func (w *world) note(t *testing.T, notes map[queue.Ref]string, typ netsuite.RecordType, id int) string {
	t.Helper()
	return notes[queue.Ref{Type: string(typ), ID: fmt.Sprint(id)}]
}

func TestNothingNewMarksNothing(t *testing.T) {
	var now time.Time
	w := settled(t, 5, &now, nil)
	now = now.Add(10 * time.Minute)
	if res := w.poll(t, now); len(w.settleAll(t)) != 0 {
		t.Errorf("marked %v", res.Marked)
	}
	for typ, c := range w.coverage(t) {
		if !c.Complete || c.CompleteTo == nil || !c.CompleteTo.Equal(now) {
			t.Errorf("%s: %s", typ, c.Text())
		}
	}
}

// A document is counted once, although a poll reads headers and then lines.
func TestSeenCountsDocuments(t *testing.T) {
	var now time.Time
	w := settled(t, 3, &now, nil)
	if res := w.poll(t, now); res.Seen[netsuite.TypeVendorBill] != 3 || res.Seen[netsuite.TypePurchaseOrder] != 1 {
		t.Errorf("nothing changed, all within the overlap of polls: saw %v, want each once", res.Seen)
	}
	now = now.Add(30 * time.Hour)
	w.bill(6004, "100", now)
	w.poll(t, now)
	w.settleAll(t)
	now = now.Add(time.Hour)
	w.bill(6001, "120", now)
	if err := w.sim.Exec("UPDATE transactionline SET linelastmodifieddate = ? WHERE transaction = 6002 AND id > 0", now); err != nil {
		t.Fatal(err)
	}
	if res := w.poll(t, now); res.Seen[netsuite.TypeVendorBill] != 3 {
		t.Errorf("the newest bill, an edited one and one of which a line changed: saw %v, want 3 bills", res.Seen)
	}
}

// A line that changes without its header is noticed, and so is a document that
// was settled at an older version than it has.
func TestLineAndStaleRead(t *testing.T) {
	var now time.Time
	w := settled(t, 3, &now, nil)
	now = now.Add(10 * time.Minute)
	if err := w.sim.Exec("UPDATE transactionline SET linelastmodifieddate = ? WHERE transaction = 6002 AND id > 0", now); err != nil {
		t.Fatal(err)
	}
	w.poll(t, now)
	notes := w.settleAll(t)
	if !strings.HasPrefix(w.note(t, notes, netsuite.TypeVendorBill, 6002), "a line modified") || len(notes) != 1 {
		t.Errorf("a line: marked %v", notes)
	}
	w.bill(6003, "100", now)
	w.poll(t, now)
	if notes := w.settleAll(t); len(notes) == 0 {
		t.Fatal("an edit was not marked")
	}
	// A replica behind its master: what was applied is older than what a poll saw.
	ref := queue.Ref{Type: "vendorbill", ID: "6003"}
	if err := w.r.Records.SetFacts(t.Context(), w.r.Fence, ref, map[string]string{state.FactVersion: "2026-11-08 00:00:00"}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(5 * time.Minute)
	w.poll(t, now)
	if notes := w.settleAll(t); !strings.Contains(notes[ref], "not what was applied") && !strings.Contains(notes[ref], "looked at again") {
		t.Errorf("a stale read: marked %v", notes)
	}
}

// A contact that changes alone has its vendor read again by the hourly look,
// once; a role that may not see contacts is named, and nothing fails for it.
func TestContactChangesAlone(t *testing.T) {
	var now time.Time
	w := settled(t, 1, &now, nil)
	w.sim.PutContact(netsuitetest.Contact{ID: 901, Vendor: 301, FirstName: "Anna", Modified: now})
	w.sim.PutContact(netsuitetest.Contact{ID: 902, Vendor: 301, FirstName: "Bo", Modified: now.Add(-time.Minute)})
	now = now.Add(time.Hour)
	w.poll(t, now)
	notes := w.settleAll(t)
	if got := w.note(t, notes, netsuite.TypeVendor, 301); !strings.HasPrefix(got, "a contact modified") || len(notes) != 1 {
		t.Errorf("marked %v", notes)
	}
	for i := range 3 {
		now = now.Add(2 * time.Hour)
		w.poll(t, now)
		for ref, note := range w.settleAll(t) {
			if i > 0 || !strings.Contains(note, "looked at again") {
				t.Errorf("look %d: %s was marked: %s", i, ref, note)
			}
		}
	}
	w.sim.PutContact(netsuitetest.Contact{ID: 902, Vendor: 301, FirstName: "Bo", Inactive: true, Modified: now})
	now = now.Add(10 * time.Minute)
	if w.poll(t, now); len(w.settleAll(t)) != 0 {
		t.Error("contacts were read before their hour")
	}
	// Then the role loses the permission.
	w.sim.FailNext(netsuitetest.Fault{Match: "FROM contact", Status: 400, Times: -1,
		Body: `{"status":400,"o:errorDetails":[{"detail":"Invalid search query. Detailed unprocessed description follows. Search error occurred: Record 'contact' was not found."}]}`})
	now = now.Add(2 * time.Hour)
	w.poll(t, now)
	w.settleAll(t)
	c := w.coverage(t)["vendor"]
	if notes := strings.Join(c.Notes, " "); !c.Complete || !strings.Contains(notes, "not its contacts") || !strings.Contains(notes, "Lists > Contacts") {
		t.Errorf("hidden: %s, notes %v", c.Text(), c.Notes)
	}
	// And has it again: what changed meanwhile is found.
	w.sim.ClearFaults()
	now = now.Add(25 * time.Hour)
	w.poll(t, now)
	if got := w.note(t, w.settleAll(t), netsuite.TypeVendor, 301); !strings.HasPrefix(got, "a contact modified") {
		t.Errorf("shown again: %q", got)
	}
	if c := w.coverage(t)["vendor"]; strings.Contains(strings.Join(c.Notes, " "), "not its contacts") {
		t.Errorf("shown again: notes %v", c.Notes)
	}
}

// A bill that goes over to another order has its old order read again.
func TestParentIsReadAgain(t *testing.T) {
	var now time.Time
	w := settled(t, 1, &now, nil)
	if err := w.r.Records.SetFacts(t.Context(), w.r.Fence, queue.Ref{Type: "vendorbill", ID: "6001"}, map[string]string{state.FactPO: "4001"}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Minute)
	w.bill(6001, "120", now)
	w.poll(t, now)
	if notes := w.settleAll(t); !strings.Contains(w.note(t, notes, netsuite.TypePurchaseOrder, 4001), "its vendorbill 6001 changed") {
		t.Errorf("marked %v", notes)
	}
}

func TestDeletions(t *testing.T) {
	var now time.Time
	w := settled(t, 5, &now, nil)
	now = now.Add(10 * time.Minute)
	w.sim.Delete("vendorbill", 6002)
	w.sim.Delete("vendorbill", 6003)
	w.sim.MergeVendor(301, 302)
	if res := w.poll(t, now); res.Deleted != 3 {
		t.Errorf("got %d deletions, want 3", res.Deleted)
	}
	notes := w.settleAll(t)
	for _, id := range []int{6002, 6003} {
		if w.note(t, notes, netsuite.TypeVendorBill, id) == "" {
			t.Errorf("bill %d: %v", id, notes)
		}
	}
	// The documents of a merged vendor change without a new stamp.
	for typ, id := range map[netsuite.RecordType]int{netsuite.TypeVendorBill: 6001, netsuite.TypePurchaseOrder: 4001} {
		if !strings.Contains(w.note(t, notes, typ, id), "its vendor was 301") {
			t.Errorf("%s %d: %q", typ, id, w.note(t, notes, typ, id))
		}
	}
	recs, err := w.r.Records.Get(t.Context(), queue.Ref{Type: "vendorbill", ID: "6002"})
	if err != nil || !netsuite.IsStamp(recs[0].Facts[state.FactDeleted]) {
		t.Errorf("facts %v, %v", recs[0].Facts, err)
	}
	now = now.Add(10 * time.Minute)
	if res := w.poll(t, now); res.Deleted != 0 {
		t.Errorf("told again: %d", res.Deleted)
	}
	w.settleAll(t)
	// The comparison agrees, and finds no number unexplained.
	now = now.Add(25 * time.Hour)
	w.poll(t, now)
	for typ, c := range w.coverage(t) {
		if !c.Complete || c.ComparedAt == nil || c.Found != 0 {
			t.Errorf("%s: %s, found %d", typ, c.Text(), c.Found)
		}
	}
}

// Without the permission a record is missing after two comparisons that
// missed it, not after one, and not when an answer failed or was empty.
func TestMissingAfterTwoSweeps(t *testing.T) {
	var now time.Time
	hide := func(o *netsuitetest.Options) { o.HideTables = []string{"deletedrecord"} }
	w := settled(t, 40, &now, hide)
	w.sim.Delete("vendorbill", 6007)
	missed := func(name string, want bool) {
		t.Helper()
		now = now.Add(25 * time.Hour)
		w.poll(t, now)
		notes := w.settleAll(t)
		note := w.note(t, notes, netsuite.TypeVendorBill, 6007)
		if got := strings.Contains(note, "has not shown it in two comparisons"); got != want {
			t.Errorf("%s: marked %v %q", name, got, note)
		}
	}
	missed("the first", false)
	// A comparison that fails in the middle concludes nothing.
	w.sim.FailNext(netsuitetest.Fault{Match: "COUNT(*) AS many, t.type", Status: 400, Times: -1})
	now = now.Add(25 * time.Hour)
	if err := w.r.Records.RequestPoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.r.Now = now
	if _, err := Run(t.Context(), w.r); err == nil {
		t.Fatal("the fault did not strike")
	}
	if notes := w.settleAll(t); w.note(t, notes, netsuite.TypeVendorBill, 6007) != "" {
		t.Errorf("concluded from a failed comparison: %v", notes)
	}
	w.sim.ClearFaults()
	missed("the second", true)
	recs, err := w.r.Records.Get(t.Context(), queue.Ref{Type: "vendorbill", ID: "6007"})
	if err != nil || recs[0].Facts[state.FactDeleted] != "missing" {
		t.Errorf("facts %v, %v", recs[0].Facts, err)
	}
	missed("told once", false)
	c := w.coverage(t)["vendorbill"]
	if c.Complete || !hasGap(c, GapNumbers) || len(c.Notes) == 0 {
		t.Errorf("without the permission its number is unexplained: %s, notes %v", c.Text(), c.Notes)
	}
	// It is there again, and noticed.
	w.bill(6007, "100", now)
	now = now.Add(2 * time.Minute)
	w.poll(t, now)
	if notes := w.settleAll(t); w.note(t, notes, netsuite.TypeVendorBill, 6007) == "" {
		t.Errorf("it came back: %v", notes)
	}
}

func hasGap(c Coverage, kind string) bool {
	return slices.ContainsFunc(c.Gaps, func(g Gap) bool { return g.Kind == kind })
}

// An answer that is empty all at once is a role, not a deletion.
func TestEmptyIsNotDeleted(t *testing.T) {
	var now time.Time
	w := settled(t, 8, &now, func(o *netsuitetest.Options) { o.HideTables = []string{"deletedrecord"} })
	for i := range 8 {
		w.sim.HideFromRole(int64(6001 + i))
	}
	for range 3 {
		now = now.Add(25 * time.Hour)
		w.poll(t, now)
		if notes := w.settleAll(t); len(notes) != 0 {
			t.Fatalf("concluded from an empty answer: %v", notes)
		}
	}
	if c := w.coverage(t)["vendorbill"]; c.Complete || !hasGap(c, GapVanished) {
		t.Errorf("coverage: %s", c.Text())
	}
}

// A role that hides a tenth of the bills, from the start or later, is a named
// gap and never complete.
func TestRoleHidesATenth(t *testing.T) {
	for _, later := range []bool{false, true} {
		t.Run(fmt.Sprintf("later %v", later), func(t *testing.T) {
			var now time.Time
			w := books(t, 250, at(&now))
			var hidden []int64
			for i := 5; i < 250; i += 10 {
				hidden = append(hidden, int64(6001+i))
			}
			if !later {
				w.sim.HideFromRole(hidden...)
			}
			w.poll(t, now)
			w.settleAll(t)
			if later {
				w.sim.HideFromRole(hidden...)
			}
			for range 3 {
				now = now.Add(25 * time.Hour)
				w.poll(t, now)
				for ref, note := range w.settleAll(t) {
					if ref.Type == "vendorbill" && !strings.Contains(note, "looked at again") {
						t.Errorf("%s was marked: %s", ref, note)
					}
				}
			}
			c := w.coverage(t)["vendorbill"]
			soak.Figure(t, "a role that hides a tenth of 250 bills, later "+strconv.FormatBool(later), "%s", c.Text())
			if c.Complete || !hasGap(c, GapNumbers) || later != hasGap(c, GapVanished) {
				t.Errorf("coverage: %s", c.Text())
			}
			if !strings.Contains(c.Text(), "25 of the running numbers") {
				t.Errorf("the gap is not counted: %s", c.Text())
			}
			if o := w.coverage(t)["purchaseorder"]; !o.Complete {
				t.Errorf("orders: %s", o.Text())
			}
		})
	}
}

// What no poll saw is found by the comparison: an id that is lost, a total
// that changed under an old stamp, records lost with Redis.
func TestComparisonFindsTheRest(t *testing.T) {
	var now time.Time
	w := settled(t, 6, &now, nil)
	now = now.Add(time.Hour)
	w.bill(7001, "5", now) // the rest is older than the widest overlap
	w.poll(t, now)
	w.settleAll(t)
	lost := queue.Ref{Type: "vendorbill", ID: "6004"}
	if err := w.r.Records.SetFacts(t.Context(), w.r.Fence, lost, map[string]string{state.FactVersion: "", state.FactSeen: ""}); err != nil {
		t.Fatal(err)
	}
	other := queue.Ref{Type: "vendorbill", ID: "6005"}
	if err := w.r.Records.SetFacts(t.Context(), w.r.Fence, other, map[string]string{state.FactTotal: "99.00 USD"}); err != nil {
		t.Fatal(err)
	}
	w.bill(7000, "5", start.Add(-72*time.Hour)) // committed three days after its stamp
	now = now.Add(25 * time.Hour)
	w.poll(t, now)
	notes := w.settleAll(t)
	for _, ref := range []queue.Ref{lost, other, {Type: "vendorbill", ID: "7000"}} {
		if notes[ref] == "" {
			t.Errorf("%s was not found", ref)
		}
	}
	if c := w.coverage(t)["vendorbill"]; c.Found != 3 || len(c.Days) == 0 {
		t.Errorf("found %d, days %v", c.Found, c.Days)
	}
}

// A changed session time zone shifts every label: everything is read again.
func TestZoneChange(t *testing.T) {
	var now time.Time
	o := at(&now)
	w := newWorld(t, o)
	for i := range 5 {
		w.sim.PutVendor(netsuitetest.Vendor{ID: int64(301 + i), CompanyName: fmt.Sprint("Vendor ", i), Modified: start.Add(-time.Duration(i) * time.Hour)})
	}
	w.r.Tenant.Sync.Types = []string{"vendor"}
	w.poll(t, now)
	w.settleAll(t)
	now = now.Add(2 * time.Hour)
	if c := w.coverage(t)["vendor"]; !slices.Contains(c.Notes, "NetSuite shows times at UTC-08:00") {
		t.Errorf("notes %v", c.Notes)
	}
	zone, err := time.LoadLocation("Pacific/Honolulu") // further back: labels get smaller
	if err != nil {
		t.Fatal(err)
	}
	w.sim.SetZone(zone)
	w.sim.PutVendor(netsuitetest.Vendor{ID: 301, CompanyName: "Renamed", Modified: now})
	w.poll(t, now)
	notes := w.settleAll(t)
	if len(notes) != 5 {
		t.Errorf("after the zone changed %d of 5 were marked", len(notes))
	}
	wm, err := w.r.Records.Watermarks(t.Context())
	if want := now.In(zone).Format(time.DateTime); err != nil || wm[fieldWatermark(netsuite.TypeVendor)] != want {
		t.Errorf("watermark %q, want %q", wm[fieldWatermark(netsuite.TypeVendor)], want)
	}
	if c := w.coverage(t)["vendor"]; !c.Complete || !strings.Contains(strings.Join(c.Notes, " "), "time zone changed") {
		t.Errorf("coverage %s, notes %v", c.Text(), c.Notes)
	}
}

// Answers that break the contract are clear errors, move no watermark, and do
// not keep what can be read from being read.
func TestBadAnswers(t *testing.T) {
	cases := []struct {
		name  string
		fault netsuitetest.Fault
		want  string
		typ   netsuite.RecordType // that alone is struck; "" is all
	}{
		{"truncated JSON", netsuitetest.Fault{Match: "FROM vendor t WHERE t.id > 0 AND t.lastmodifieddate", Truncate: true, Times: -1}, "decode the rows", netsuite.TypeVendor},
		{"a row without id", netsuitetest.Fault{Match: "t.id >", Status: 200, Body: `{"items":[{"modifiedat":"2026-11-10 12:00:00"}]}`, Times: -1}, "without id", ""},
		{"an id twice", netsuitetest.Fault{Match: "t.id >", Status: 200, Body: `{"items":[{"id":"7","type":"VendBill","modifiedat":"2026-11-10 12:00:00"},{"id":"7","type":"VendBill","modifiedat":"2026-11-10 12:00:00"}]}`, Times: -1}, "come twice", ""},
		{"HTML", netsuitetest.Fault{Match: "FROM vendor t WHERE t.id > 0 AND t.lastmodifieddate", Status: 200, Body: "<html>maintenance</html>", Times: -1}, "decode the rows", netsuite.TypeVendor},
		{"a date that is none", netsuitetest.Fault{Match: "MAX(t.lastmodifieddate)", Status: 200, Body: `{"items":[{"hw":"11/10/2026"}]}`, Times: -1}, "want YYYY-MM-DD HH:MM:SS", ""},
		{"a hidden table", netsuitetest.Fault{Match: "t.id >", Status: 400, Body: `{"status":400,"o:errorDetails":[{"detail":"Invalid search query. Detailed unprocessed description follows. Search error occurred: Record 'vendor' was not found."}]}`, Times: -1}, `may not see "vendor"`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // refused answers are asked for again, after a pause
			var now time.Time
			w := settled(t, 3, &now, nil)
			before, err := w.r.Records.Watermarks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(10 * time.Minute)
			w.bill(6002, "130", now)
			w.sim.FailNext(c.fault)
			if err := w.r.Records.RequestPoll(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.r.Now = now
			_, err = Run(t.Context(), w.r)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q in it", err, c.want)
			}
			after, err := w.r.Records.Watermarks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, typ := range []netsuite.RecordType{netsuite.TypeVendor, netsuite.TypeVendorBill} {
				if typ != c.typ && c.typ != "" {
					continue
				}
				if after[fieldWatermark(typ)] != before[fieldWatermark(typ)] {
					t.Errorf("%s: the watermark moved from %q to %q", typ, before[fieldWatermark(typ)], after[fieldWatermark(typ)])
				}
			}
			typ := string(netsuite.TypeVendorBill)
			if c.typ != "" {
				typ = string(c.typ)
			}
			if cov := w.coverage(t)[typ]; cov.Complete || !hasGap(cov, GapFailing) || !strings.Contains(cov.Text(), c.want) {
				t.Errorf("coverage: %s", cov.Text())
			}
			// No loss: when it is well again, the change is found, and the gap closes.
			w.sim.ClearFaults()
			now = now.Add(2 * time.Minute)
			w.poll(t, now)
			if notes := w.settleAll(t); w.note(t, notes, netsuite.TypeVendorBill, 6002) == "" {
				t.Errorf("the change is lost: %v", notes)
			}
			if cov := w.coverage(t)["vendorbill"]; !cov.Complete {
				t.Errorf("coverage: %s", cov.Text())
			}
		})
	}
}

// A label that cannot be read on one row loses neither that row nor others.
func TestUnreadableLabel(t *testing.T) {
	w := newWorld(t, netsuitetest.Options{})
	w.sim.FailNext(netsuitetest.Fault{Match: "ORDER BY t.id", Status: 200, Body: `{"items":[{"id":"7","modifiedat":"10.11.2026"},{"id":"8","modifiedat":"2026-11-10 12:00:00"}]}`})
	w.sim.PutVendor(netsuitetest.Vendor{ID: 7, CompanyName: "A"})
	res := w.run(t)
	if res.Marked[netsuite.TypeVendor] != 2 {
		t.Errorf("marked %v", res.Marked)
	}
}

// 429 and a dead token are waited out; a type that only one role lacks does
// not stop the rest; and in every variant of an account the poll sees all.
func TestAccountVariants(t *testing.T) {
	variants := map[string]netsuitetest.Options{
		"not OneWorld":       {NotOneWorld: true},
		"no account numbers": {NoAccountNumbers: true},
		"several books":      {MultiBook: true},
		"SuiteTax":           {SuiteTax: true},
		"upper-case keys":    {UpperCaseKeys: true},
		"line stamps hidden": {HideColumns: []string{"transactionline.linelastmodifieddate"}},
		"no UTC":             {HideFunctions: []string{"sys_extract_utc"}},
		"day first":          {DayFirst: true},
	}
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			o.Now = func() time.Time { return now }
			w := books(t, 3, o)
			w.poll(t, now)
			if got := len(w.settleAll(t)); got != 7 {
				t.Errorf("marked %d of 7", got)
			}
			now = now.Add(26 * time.Hour)
			w.sim.FailNext(netsuitetest.Fault{Match: "SELECT", Status: http.StatusTooManyRequests, Times: 2})
			w.bill(6001, "110", now)
			w.poll(t, now)
			if notes := w.settleAll(t); w.note(t, notes, netsuite.TypeVendorBill, 6001) == "" {
				t.Errorf("an edit was not marked: %v", notes)
			}
			for typ, c := range w.coverage(t) {
				if !c.Complete {
					t.Errorf("%s: %s", typ, c.Text())
				}
			}
		})
	}
}

// Losing the lane in the middle of a poll writes nothing more.
func TestLostLane(t *testing.T) {
	w := newWorld(t, netsuitetest.Options{})
	w.sim.PutVendor(netsuitetest.Vendor{ID: 7, CompanyName: "A"})
	w.r.Fence++
	if _, err := Run(t.Context(), w.r); !errors.Is(err, queue.ErrStale) {
		t.Fatalf("got %v, want %v", err, queue.ErrStale)
	}
	if recs, err := w.r.Records.Get(t.Context(), queue.Ref{Type: "vendor", ID: "7"}); err != nil || recs[0].State != "" {
		t.Errorf("got %+v, %v", recs, err)
	}
}

// A hundred changes cost a handful of statements.
func TestCallsPerChange(t *testing.T) {
	var now time.Time
	w := settled(t, 200, &now, nil)
	now = now.Add(20 * time.Minute)
	w.poll(t, now)
	w.settleAll(t)
	now = now.Add(15 * time.Minute)
	for i := range 100 {
		w.bill(int64(6001+i), "120", now)
	}
	w.sim.ResetCalls()
	res := w.poll(t, now)
	calls := len(w.sim.Calls())
	if res.Marked[netsuite.TypeVendorBill] < 100 {
		t.Fatalf("marked %v", res.Marked)
	}
	soak.Figure(t, "NetSuite calls of a poll with 100 changes", "%d, %.2f a changed record", calls, float64(calls)/100)
	if calls > 10 {
		t.Errorf("%d calls for 100 changes, want at most 10", calls)
	}
}
