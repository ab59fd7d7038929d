package cin7test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeys(t *testing.T) {
	c := newCompany(t, Options{})
	for name, header := range map[string]map[string]string{
		"no account": {"api-auth-accountid": ""}, "other account": {"api-auth-accountid": zeroID},
		"no key": {"api-auth-applicationkey": ""}, "key in another case": {"api-auth-applicationkey": strings.ToUpper(testKey)},
	} {
		r := c.send(t.Context(), "POST", "supplier", "{}", header)
		if r.status != 403 || r.exception() != "Incorrect credentials!" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := c.send(t.Context(), "GET", "me", "", map[string]string{"api-auth-accountid": strings.ToLower(testAccount)}); r.status != 200 {
		t.Errorf("account id in lower case: %d, want 200", r.status)
	}
	c.sim.RevokeKey(testAccount, testKey)
	c.refused("GET", "me", "", 403, "Incorrect credentials!")
}

func TestPathsAndVerbs(t *testing.T) {
	c := newCompany(t, Options{})
	c.ok("GET", "REF/ACCOUNT", "")
	c.url = strings.Replace(c.url, "ExternalApi", "externalapi", 1)
	c.ok("GET", "purchaselist", "")
	if got := c.sim.Calls()[1].Path; got != "purchaseList" {
		t.Errorf("path in the log: %s, want it as the contract spells it", got)
	}
	c.refused("PUT", "purchase/order", "{}", 405, "The requested resource does not support http method 'PUT'.")
	c.refused("PUT", "purchase/stock", "{}", 405, "'PUT'")
	c.refused("GET", "product-suppliers", "", 405, "'GET'")
	c.refused("DELETE", "supplier", "", 405, "'DELETE'")
	c.refused("POST", "ref/account", "{}", 405, "'POST'")

	for form, want := range map[string]int{"302": 302, "html": 200, "404": 404} {
		c := newCompany(t, Options{WrongPath: form})
		for _, path := range []string{"purchases", "../v1/me", ""} {
			r := c.do("GET", path, "")
			if r.status != want || form != "404" && !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s %q: %d %s %s", form, path, r.status, r.header.Get("Content-Type"), r.body)
			}
		}
	}
}

func TestBrokenBody(t *testing.T) {
	c := newCompany(t, Options{})
	for _, body := range []string{"", "{", "not json"} {
		c.refused("POST", "supplier", body, 500, "Unexpected error")
	}
	c.refused("POST", "supplier", `{"Name":7}`, 400, "cannot unmarshal")
}

func TestLimitForms(t *testing.T) {
	tests := []struct {
		form   string
		status int
		retry  []string
	}{{"", 429, []string{"30", "60 Seconds"}}, {"503", 503, []string{"", ""}}, {"400", 400, []string{"", ""}}}
	for _, tt := range tests {
		t.Run(tt.form, func(t *testing.T) {
			c := newCompany(t, Options{CallsPerMinute: 3, LimitForm: tt.form})
			other := map[string]string{"api-auth-applicationkey": "another"}
			c.sim.AddKey(testAccount, "another")
			for range 3 {
				c.ok("GET", "me", "")
				c.clock.Advance(10 * time.Second)
			}
			for _, want := range tt.retry {
				r := c.do("POST", "supplier", "{}")
				if r.status != tt.status || r.header.Get("Retry-After") != want || r.exception() != "You have reached 3 calls per 60 seconds API limit." {
					t.Errorf("%d %q %s, want %d %q", r.status, r.header.Get("Retry-After"), r.body, tt.status, want)
				}
			}
			if r := c.send(t.Context(), "GET", "me", "", other); r.status != 200 {
				t.Errorf("another application: %d, want 200", r.status)
			}
			c.clock.Advance(30 * time.Second) // the first of the three leaves the window
			c.ok("GET", "me", "")
			if r := c.do("GET", "me", ""); r.status != tt.status {
				t.Errorf("one call more: %d, want %d", r.status, tt.status)
			}
			if got := c.sim.MaxInWindow(); got != 6 {
				t.Errorf("MaxInWindow %d, want 6: refused calls count", got)
			}
		})
	}
}

func TestDefaultLimitIsSixty(t *testing.T) {
	clock := newClock()
	s := New(Options{Now: clock.Now})
	s.AddKey("a", "k")
	statuses := map[int]int{}
	for range 61 {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, base+"me", nil)
		r.Header.Set("api-auth-accountid", "a")
		r.Header.Set("api-auth-applicationkey", "k")
		s.ServeHTTP(w, r)
		statuses[w.Code]++
	}
	if diff := cmp.Diff(map[int]int{200: 60, 429: 1}, statuses); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCallLogAndJournal(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.play("INVOICE", []step{{"order D", ""}, {"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}, {"void", ""}})
	c.refused("POST", "supplier", "{}", 400, "Required")
	var calls []string
	for _, k := range c.sim.Calls() {
		calls = append(calls, k.Method+" "+k.Path+" "+http.StatusText(k.Status))
		if k.Application != testKey || k.At != c.clock.Now() {
			t.Errorf("call %+v", k)
		}
	}
	want := []string{"POST advanced-purchase OK", "POST purchase/order OK", "POST purchase/order OK", "POST advanced-purchase/invoice OK", "POST advanced-purchase/stock OK",
		"POST advanced-purchase/put-away OK", "DELETE advanced-purchase OK", "POST supplier Bad Request"}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got)\n%s", diff)
	}
	if got := c.sim.Writes(); got != 8 {
		t.Errorf("%d writes, want 8", got)
	}
	var kinds []string
	for _, e := range c.sim.Journal() {
		kinds = append(kinds, e.Kind+" "+e.Total.String())
		if e.ID != id || e.Application != testKey {
			t.Errorf("effect %+v", e)
		}
	}
	want = []string{"purchase_created 0", "order_drafted 324", "order_authorised 324", "invoice_authorised 324", "stock_authorised 100", "put_away_authorised 100",
		"invoice_voided 0", "stock_undone 0", "purchase_voided 0"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("effects (-want +got)\n%s", diff)
	}
	inv := c.sim.Journal()[3]
	if inv.Marker != "NS:purchaseorder:48213@1234567_SB1" || inv.Number != "INV-0" || len(inv.Lines) != 2 || inv.Lines[0].Account != "1200" || inv.Lines[1].Product != "Inbound freight" {
		t.Errorf("effect of the invoice %+v", inv)
	}
}

// Snapshots are copies: a test that changes one changes nothing else.
func TestSnapshotsAreCopies(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.play("INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}})
	p := c.sim.Purchases()[0]
	p.Order.Lines[0].SKU, p.Groups[0].Invoice.Lines[0].SKU, p.Groups[0].Invoice.Posted[0].DebitAccountCode = "X", "X", "X"
	c.sim.Suppliers()[0].Name = "X"
	q := c.stored(id)
	if q.Order.Lines[0].SKU == "X" || q.Groups[0].Invoice.Lines[0].SKU == "X" || c.sim.Transactions()[0].DebitAccountCode == "X" || c.sim.Suppliers()[0].Name == "X" {
		t.Error("a snapshot shares memory with the simulator")
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	c := newCompany(t, Options{})
	c.check = nil
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r := c.do("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'INVOICE','PurchaseType':'Advanced','Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))
			if r.status != 200 {
				t.Errorf("%d %s", r.status, r.body)
			}
			c.do("GET", "purchaseList", "")
			c.sim.Purchases()
			c.sim.Journal()
			c.sim.MaxInWindow()
		})
	}
	wg.Wait()
	var numbers []string
	for _, p := range c.sim.Purchases() {
		numbers = append(numbers, p.OrderNumber)
	}
	slices.Sort(numbers)
	if n := len(slices.Compact(numbers)); n != 8 {
		t.Errorf("%d numbers for 8 purchases", n)
	}
}

func TestSimplePurchase(t *testing.T) {
	c := newCompany(t, Options{})
	create := js(`{'SupplierID':'S','Approach':'STOCK','Location':'Main Warehouse','PurchaseType':'Advanced'}`, "'S'", `"`+c.supplier.ID+`"`)
	id := c.ok("POST", "purchase", create)["ID"].(string) // PurchaseType is not accepted here
	c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
	stock := func(status, lines string) string {
		return js(`{'TaskID':'P','Status':'T','Lines':[LL]}`, "'P'", `"`+id+`"`, "'T'", `"`+status+`"`, "LL", lines)
	}
	const here = `{"Date":"2026-11-18T00:00:00","Quantity":60,"SKU":"WEB-25-BLK","Location":"Main Warehouse"}`
	const there = `{"Date":"2026-11-18T00:00:00","Quantity":40,"SKU":"WEB-25-BLK","LocationID":"` + bin + `"}`
	c.refused("POST", "purchase/stock", stock("DRAFT", here+","+there), 400, "Lines is invalid")
	c.ok("POST", "purchase/stock", stock("DRAFT", here))
	c.ok("POST", "purchase/stock", stock("DRAFT", there))
	c.refused("POST", "purchase/invoice", change(t, invoiceOf(id, id, "N", "AUTHORISED", "100"), "PurchaseID", ""), 400, textStock1st)
	c.ok("POST", "purchase/stock", stock("AUTHORISED", ""))
	c.ok("POST", "purchase/invoice", change(t, invoiceOf(id, id, "N", "AUTHORISED", "100"), "PurchaseID", ""))
	c.ok("POST", "purchase/manualJournal", js(`{'TaskID':'P','Status':'AUTHORISED','Lines':[]}`, "'P'", `"`+id+`"`))
	c.ok("POST", "purchase/creditnote", js(`{'TaskID':'P','CombineAdditionalCharges':false,'CreditNoteNumber':'C','CreditNoteDate':'2026-12-02T00:00:00','Status':'DRAFT',
		'Lines':[{'SKU':'WEB-25-BLK','Name':'w','Quantity':1,'Price':2.4,'Tax':0,'TaxRule':'Use Tax 10','Account':'1200','Total':2.4}],'Unstock':[]}`, "'P'", `"`+id+`"`))
	for _, path := range []string{"invoice", "stock", "creditnote", "manualJournal"} {
		if got := c.ok("GET", "purchase/"+path+"?TaskID="+id, "")["TaskID"]; got != id {
			t.Errorf("%s: TaskID %v, want the purchase's", path, got)
		}
	}
	got := c.ok("GET", "purchase?ID="+id, "")
	if got["Status"] != "COMPLETED" || got["Invoice"].(map[string]any)["InvocieNumber"] != "N" {
		t.Errorf("purchase %v", got)
	}
	arrays := c.ok("GET", "advanced-purchase?ID="+id, "")
	if n := len(arrays["StockReceived"].([]any)); n != 0 || len(arrays["Invoice"].([]any)) != 1 || arrays["Type"] != "Simple Purchase" {
		t.Errorf("arrays of a simple purchase: %d stock tasks, %v", n, arrays["Type"])
	}
	c.refused("DELETE", "advanced-purchase/invoice?TaskID="+id, "", 400, "Simple")
	c.ok("PUT", "purchase", `{"ID":"`+id+`","Note":"n"}`)
	c.ok("DELETE", "purchase?Void=true&ID="+id, "")
}

// The deprecated resources refuse advanced purchases, even those that became
// so by a receipt (7.1, 14 point 11).
func TestDeprecatedResources(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.ok("POST", "purchase", js(`{'SupplierID':'S','Approach':'STOCK','Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))["ID"].(string)
	c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
	c.ok("GET", "purchase?ID="+id, "")
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", "")) // converts it
	for _, tt := range [][3]string{
		{"GET", "purchase?ID=" + id}, {"DELETE", "purchase?ID=" + id}, {"PUT", "purchase", `{"ID":"` + id + `"}`}, {"GET", "purchase/invoice?TaskID=" + id}, {"GET", "purchase/stock?TaskID=" + id},
		{"POST", "purchase/invoice", invoiceOf(id, id, "N", "DRAFT", "1")}, {"POST", "purchase/stock", change(t, stockOf(id, id, "DRAFT", "1", inWarehouse), "PurchaseID", "")},
		{"POST", "purchase/creditnote", `{"TaskID":"` + id + `"}`}, {"POST", "purchase/manualJournal", `{"TaskID":"` + id + `"}`},
	} {
		c.refused(tt[0], tt[1], tt[2], 400, "This endpoint is deprecated and does not support Advanced Purchase and Service Purchase. Please use AdvancedPurchase endpoint")
	}
}

func TestSimpleShell(t *testing.T) {
	c := newCompany(t, Options{SimpleShell: true})
	c.check = nil // the shell is no purchase of the description either
	id := c.ok("POST", "purchase", js(`{'SupplierID':'S','Approach':'STOCK','Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))["ID"].(string)
	if got := c.ok("GET", "advanced-purchase?ID="+id, ""); got["ID"] == id || len(got["Invoice"].([]any)) != 0 {
		t.Errorf("a shell: %v", got)
	}
}
