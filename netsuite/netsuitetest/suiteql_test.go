package netsuitetest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestRules(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	for _, c := range []struct {
		name string
		edit func(r *http.Request)
		want int
		part string // of the body
	}{
		{"good", func(*http.Request) {}, 200, `"hasMore":false`},
		{"no Prefer", func(r *http.Request) { r.Header.Del("Prefer") }, 400, `"o:errorHeader":"Prefer"`},
		{"other Prefer", func(r *http.Request) { r.Header.Set("Prefer", "respond-async") }, 400, `"o:errorHeader":"Prefer"`},
		{"Prefer with more", func(r *http.Request) { r.Header.Set("Prefer", "transient, x") }, 400, `"o:errorHeader":"Prefer"`},
		{"text", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, `"o:errorHeader":"Content-Type"`},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, 405, "METHOD_NOT_ALLOWED"},
		{"limit 0", func(r *http.Request) { r.URL.RawQuery = "limit=0" }, 400, `"o:errorQueryParam":"limit","o:errorCode":"INVALID_PARAMETER"`},
		{"limit 1001", func(r *http.Request) { r.URL.RawQuery = "limit=1001" }, 400, `"o:errorQueryParam":"limit"`},
		{"limit of letters", func(r *http.Request) { r.URL.RawQuery = "limit=many" }, 400, `"o:errorQueryParam":"limit"`},
		{"offset no multiple", func(r *http.Request) { r.URL.RawQuery = "limit=10&offset=5" }, 400, `"o:errorQueryParam":"offset"`},
		{"offset too far", func(r *http.Request) { r.URL.RawQuery = "limit=1000&offset=100000" }, 400, `"o:errorQueryParam":"offset"`},
		{"offset below 0", func(r *http.Request) { r.URL.RawQuery = "offset=-1000" }, 400, `"o:errorQueryParam":"offset"`},
		{"unknown path", func(r *http.Request) { r.URL.Path += "x" }, 404, "NONEXISTENT_ID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := a.suiteqlRequest("SELECT id FROM vendor", "")
			c.edit(r)
			if g := a.do(r); g.status != c.want || !strings.Contains(g.body, c.part) {
				t.Errorf("got %d %s, want %d with %s", g.status, g.body, c.want, c.part)
			}
		})
	}
	for name, body := range map[string]string{"no JSON": "q=SELECT", "no q": "{}", "empty q": `{"q":" "}`, "params": `{"q":"SELECT id FROM vendor","params":[]}`, "array": "[]"} {
		t.Run("body: "+name, func(t *testing.T) {
			r := a.post(suiteqlPath, "application/json", body)
			r.Header.Set("Authorization", "Bearer "+a.bearer)
			r.Header.Set("Prefer", "transient")
			if g := a.do(r); g.status != 400 || !strings.Contains(g.body, "INVALID_CONTENT") {
				t.Errorf("got %d %s, want 400", g.status, g.body)
			}
		})
	}
}

func TestPaging(t *testing.T) {
	a := open(t, Options{})
	for i := range 25 {
		a.PutLocation(Location{ID: int64(i + 1), Name: "L" + strconv.Itoa(i)})
	}
	page := func(q, params string) (result, []string) {
		r := envelope(t, a.do(a.suiteqlRequest(q, params)))
		return r, lines(r.Items, "id")
	}
	rels := func(r result) string {
		var out []string
		for _, l := range r.Links {
			out = append(out, l.Rel+" "+strings.TrimPrefix(l.Href, a.url+suiteqlPath))
		}
		return strings.Join(out, ", ")
	}
	const q = "SELECT id FROM location ORDER BY id"
	first, ids := page(q, "?limit=10&offset=0")
	if diff := cmp.Diff(result{Count: 10, Offset: 0, TotalResults: 25, HasMore: true, Links: first.Links, Items: first.Items}, first); diff != "" || ids[0] != "1" || ids[9] != "10" {
		t.Errorf("first page %v (-want +got)\n%s", ids, diff)
	}
	if got, want := rels(first), "next ?limit=10&offset=10, last ?limit=10&offset=20, self ?limit=10&offset=0"; got != want {
		t.Errorf("links of the first page: got %s, want %s", got, want)
	}
	last, ids := page(q, "?limit=10&offset=20")
	if last.Count != 5 || last.HasMore || last.TotalResults != 25 || ids[0] != "21" || ids[4] != "25" {
		t.Errorf("last page: %+v %v", last, ids)
	}
	if r, ids := page(q, "?limit=10&offset=30"); r.Count != 0 || r.HasMore || r.TotalResults != 25 || len(ids) != 0 {
		t.Errorf("page past the end: %+v", r)
	}
	if r, _ := page(q, ""); r.Count != 25 || r.TotalResults != 25 {
		t.Errorf("default page: got %d rows, want 25", r.Count)
	}
	if r, ids := page("SELECT id FROM location WHERE id > 20 ORDER BY id", "?limit=1000"); r.HasMore || len(ids) != 5 {
		t.Errorf("keyset page: %v", ids)
	}
}

// Rows past 100,000 cannot be reached and are not announced (contract 2.2).
func TestCap(t *testing.T) {
	a := open(t, Options{})
	if err := a.Exec("INSERT INTO contact (id, entityid) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100500) SELECT i, 'C' FROM n"); err != nil {
		t.Fatal(err)
	}
	r := envelope(t, a.do(a.suiteqlRequest("SELECT id FROM contact ORDER BY id", "?limit=1000&offset=99000")))
	if r.HasMore || r.TotalResults != 100_500 || r.Count != 1000 {
		t.Errorf("got hasMore %v, totalResults %d, count %d; want false, 100500, 1000", r.HasMore, r.TotalResults, r.Count)
	}
}

// One request more than the account has slots is refused (contract 2.6).
func TestConcurrency(t *testing.T) {
	a := open(t, Options{Concurrency: 2})
	a.FailNext(Fault{Path: "suiteql", Delay: time.Hour, Times: 2})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { a.do(a.suiteqlRequest("SELECT id FROM vendor", "").WithContext(ctx)) })
	}
	for tick := time.Tick(time.Millisecond); len(a.slots) < 2; {
		<-tick
	}
	g := a.ask("SELECT id FROM vendor")
	if g.status != 429 || !strings.Contains(g.body, `"detail":"Concurrent request limit exceeded. Request blocked.","o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"`) {
		t.Errorf("got %d %s, want 429", g.status, g.body)
	}
	if got := a.login(); got == "" { // tokens need no slot
		t.Error("no token while the slots are taken")
	}
	cancel()
	wg.Wait()
	for tick := time.Tick(time.Millisecond); len(a.slots) > 0; {
		<-tick
	}
	if g := a.ask("SELECT id FROM vendor"); g.status != 200 {
		t.Errorf("after the others ended: got %d, want 200", g.status)
	}
}

func TestFaults(t *testing.T) {
	const q = "SELECT id FROM vendor"
	for _, c := range []struct {
		name   string
		fault  Fault
		want   []int // statuses of requests one after the other; 0 is no answer
		body   string
		header string
	}{
		{"429 with Retry-After", Fault{Status: 429, RetryAfter: "7"}, []int{429, 200}, "CONCURRENCY_LIMIT_EXCEEDED", "7"},
		{"500", Fault{Status: 500, Times: 2}, []int{500, 500, 200}, "UNEXPECTED_ERROR", ""},
		{"503 in HTML", Fault{Status: 503}, []int{503, 200}, "<html>", ""},
		{"401 in the middle", Fault{Status: 401, After: 2}, []int{200, 200, 401, 200}, `{"links"`, ""},
		{"own body", Fault{Status: 400, Body: `{"x":1}`}, []int{400, 200}, `{"x":1}`, ""},
		{"dropped", Fault{Drop: true}, []int{0, 200}, "EOF", ""},
		{"cut", Fault{Truncate: true}, []int{200, 200}, `{"links":[{"rel":"self"`, ""},
		{"only one table", Fault{Status: 500, Match: "FROM Vendor"}, []int{500, 200}, "", ""},
		{"another table", Fault{Status: 500, Match: "from account"}, []int{200, 200}, "", ""},
		{"another path", Fault{Status: 500, Path: "token"}, []int{200}, "", ""},
		{"always", Fault{Status: 502, Times: -1}, []int{502, 502, 502}, "Bad Gateway", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, Options{})
			a.FailNext(c.fault)
			var got []int
			for i := range c.want {
				g := a.ask(q)
				got = append(got, g.status)
				if i == 0 && (!strings.Contains(g.body, c.body) || g.header.Get("Retry-After") != c.header) {
					t.Errorf("first answer: %s %v", g.body, g.header)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("statuses (-want +got)\n%s", diff)
			}
			a.ClearFaults()
			if g := a.ask(q); g.status != 200 {
				t.Errorf("after ClearFaults: %d", g.status)
			}
		})
	}
}

func TestCalls(t *testing.T) {
	a := open(t, Options{})
	a.ask("SELECT id FROM vendor")
	a.ask("SELECT id FROM xyz")
	want := []Call{
		{At: noon(), Method: "POST", Path: tokenPath, Status: 200},
		{At: noon(), Method: "POST", Path: suiteqlPath, Params: "limit=1000&offset=0", Query: "SELECT id FROM vendor", Status: 200},
		{At: noon(), Method: "POST", Path: suiteqlPath, Params: "limit=1000&offset=0", Query: "SELECT id FROM xyz", Status: 400},
	}
	if diff := cmp.Diff(want, a.Calls()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	a.ResetCalls()
	if got := a.Calls(); len(got) != 0 {
		t.Errorf("after ResetCalls: %v", got)
	}
}

func TestNew(t *testing.T) {
	for name, o := range map[string]Options{
		"account": {Account: "1234567.evil.example"}, "table": {HideTables: []string{"nope"}}, "column": {HideColumns: []string{"voided"}},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := New(o); err == nil {
				_ = s.Close()
				t.Error("no error")
			}
		})
	}
}

// A world that contradicts itself is a mistake of the test: it panics, and
// nothing of the record stays behind.
func TestContradiction(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	before := a.rows("SELECT COUNT(*) AS n FROM transactionline")
	for name, put := range map[string]func(){
		"vendor":  func() { a.PutPurchaseOrder(PurchaseOrder{Vendor: 999}) },
		"PO line": func() { a.PutBill(Bill{Lines: []BillLine{{PO: 4001, POLine: 99, Account: 151, Amount: "1"}}}) },
		"item":    func() { a.PutPurchaseOrder(PurchaseOrder{Vendor: 301, Lines: []OrderLine{{Item: 999, Quantity: "1"}}}) },
		"amount":  func() { a.PutBill(Bill{Vendor: 301, Lines: []BillLine{{Account: 151, Amount: "1,00"}}}) },
		"date":    func() { a.PutBill(Bill{Vendor: 301, Date: "11/10/2026", Lines: []BillLine{{Account: 151}}}) },
		"delete":  func() { a.Delete("vendorbill", 4001) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil {
					t.Error("no panic")
				}
			}()
			put()
		})
	}
	if diff := cmp.Diff(before, a.rows("SELECT COUNT(*) AS n FROM transactionline")); diff != "" {
		t.Errorf("rows stayed behind (-want +got)\n%s", diff)
	}
}

// Readers and writers at once.
func TestConcurrentUse(t *testing.T) {
	a := open(t, Options{Concurrency: 20})
	shop(a)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				a.PutBill(Bill{Vendor: 301, Lines: []BillLine{{Account: 151, Amount: strconv.Itoa(i + 1)}}})
			}
		})
		wg.Go(func() {
			for range 10 {
				if g := a.ask(statement("b", "{TYPE}", "VendBill")); g.status != 200 {
					t.Errorf("got %d %s", g.status, g.body)
				}
			}
		})
	}
	wg.Wait()
	if got := lines(a.rows("SELECT COUNT(*) AS n FROM transaction WHERE type = 'VendBill'"), "n"); got[0] != "41" {
		t.Errorf("got %s bills, want 41", got[0])
	}
}
