package cin7test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

const (
	testAccount = "704EF231-cd93-49c9-a201-26b4b5d0d35b"
	testKey     = "0342a546-e0c2-0dff-f0be-6a5e17154033"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// company is a simulator with reference data behind a real server.
type company struct {
	t        *testing.T
	sim      *Sim
	url      string
	clock    *clock
	supplier Supplier
	check    func(method, path string, status int, body []byte) // of every answer, may be nil
}

func newCompany(t *testing.T, o Options) *company {
	t.Helper()
	c := &company{t: t, clock: newClock(), check: checkContract(t)}
	if o.Now == nil {
		o.Now = c.clock.Now
	}
	if o.CallsPerMinute == 0 {
		o.CallsPerMinute = -1
	}
	s := New(o)
	s.AddKey(testAccount, testKey)
	for _, a := range []Account{
		{Code: "1200", Name: "Inventory Asset", Type: "CURRENT", Class: "ASSET", SystemAccountCode: "INVENTORY"},
		{Code: "1370", Name: "Tax Paid", Type: "CURRENT", Class: "ASSET", SystemAccount: "GST / VAT", SystemAccountCode: "GST"},
		{Code: "2000", Name: "Accounts Payable", Type: "CURRLIAB", Class: "LIABILITY", SystemAccount: "Accounts payable", SystemAccountCode: "CREDITORS"},
		{Code: "2150", Name: "Accrued duty", Type: "CURRLIAB", Class: "LIABILITY"},
		{Code: "4000", Name: "Sales", Type: "REVENUE", Class: "REVENUE"},
		{Code: "5100", Name: "Freight In", Type: "EXPENSE", Class: "EXPENSE"},
		{Code: "5999", Name: "Old costs", Type: "EXPENSE", Class: "EXPENSE", Status: "ARCHIVED"},
	} {
		s.AddAccount(a)
	}
	s.AddTaxRule(TaxRule{Name: "Tax on Purchases", Account: "1370"})
	s.AddTaxRule(TaxRule{Name: "Use Tax 10", Account: "1370", Percent: decimal.NewFromInt(10)})
	s.AddTaxRule(TaxRule{Name: "Sales only", Account: "1370", ForSale: true, NotForPurchase: true})
	s.AddTaxRule(TaxRule{Name: "Old rule", Inactive: true})
	s.AddLocation(Location{ID: warehouse, Name: "Main Warehouse", Default: true, Bins: []Bin{{ID: bin, Name: "A-01-01"}}})
	s.AddLocation(Location{Name: "Closed Shed", Deprecated: true})
	s.AddTerm(Term{Name: "30 days", Duration: 30, Default: true})
	s.AddTerm(Term{Name: "Old terms", Inactive: true})
	s.AddProduct(Product{ID: webbing, SKU: "WEB-25-BLK", Name: "Nylon webbing 25 mm black, metre", InventoryAccount: "1200"})
	s.AddProduct(Product{SKU: "BUC-25", Name: "Side release buckle 25 mm", InventoryAccount: "1200"})
	s.AddProduct(Product{SKU: "FREIGHT", Name: "Inbound freight", Type: "Service"})
	s.AddProduct(Product{SKU: "OLD-1", Name: "Old thing", Status: "Deprecated"})
	c.supplier = s.AddSupplier(Supplier{Name: "Cascade Webbing Co", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases"})
	c.sim = s
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c.url = srv.URL + "/ExternalApi/v2/"
	return c
}

const (
	warehouse = "5e17c9a0-3b84-4f2d-a6e8-90d47b1c2f35"
	bin       = "91f6b3a2-7c58-4e0d-8a4f-2b6d19e7c053"
	webbing   = "0a9d4f17-6c25-4e8b-9f31-7b52c8de6a04"
)

// reply is an answer as it came over the wire.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("answer %d %.300s: %v", r.status, r.body, err)
	}
	return m
}

// exception reads the text of a refusal, "" when there is none.
func (r reply) exception() string {
	var list []struct{ Exception string }
	if json.Unmarshal(r.body, &list) == nil && len(list) == 1 {
		return list[0].Exception
	}
	var one struct{ Exception, Message string }
	_ = json.Unmarshal(r.body, &one)
	return one.Exception + one.Message
}

func (c *company) send(ctx context.Context, method, path, body string, header map[string]string) reply {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("api-auth-accountid", testAccount)
	req.Header.Set("api-auth-applicationkey", testKey)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if c.check != nil && err == nil {
		c.check(method, path, res.StatusCode, b)
	}
	return reply{res.StatusCode, res.Header, b, err}
}

func (c *company) do(method, path, body string) reply {
	return c.send(c.t.Context(), method, path, body, nil)
}

// ok sends a request that must succeed.
func (c *company) ok(method, path, body string) map[string]any {
	c.t.Helper()
	r := c.do(method, path, body)
	if r.err != nil || r.status != http.StatusOK || r.exception() != "" {
		c.t.Fatalf("%s %s: %d %s %v, want 200\n%s", method, path, r.status, r.body, r.err, body)
	}
	return r.json(c.t)
}

// refused sends a request that must be refused with a text that contains want.
func (c *company) refused(method, path, body string, status int, want string) {
	c.t.Helper()
	before := len(c.sim.Journal())
	r := c.do(method, path, body)
	if r.status != status || !strings.Contains(r.exception(), want) || r.exception() == "" {
		c.t.Errorf("%s %s: %d %q, want %d %q", method, path, r.status, r.exception(), status, want)
	}
	if n := len(c.sim.Journal()); n != before {
		c.t.Errorf("%s %s was refused and had %d effects", method, path, n-before)
	}
}

// js writes a JSON object with single quotes in a readable way.
func js(format string, replace ...string) string {
	return strings.NewReplacer(append(replace, "'", `"`)...).Replace(format)
}

// purchase creates a purchase of 100 webbing at 2.40 and freight of 60, with
// its order in the given state ("" leaves the header alone).
func (c *company) purchase(approach, order string) string {
	c.t.Helper()
	id := c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'A','PurchaseType':'Advanced','Location':'Main Warehouse',
		'TaxRule':'Tax on Purchases','Terms':'30 days','Note':'NS:purchaseorder:48213@1234567_SB1 PO1042'}`, "'S'", `"`+c.supplier.ID+`"`, "'A'", `"`+approach+`"`))["ID"].(string)
	if order != "" {
		c.ok("POST", "purchase/order", orderOf(id, order))
	}
	return id
}

func orderOf(id, status string) string {
	return js(`{'TaskID':'P','CombineAdditionalCharges':false,'Memo':'','Status':'T',
		'Lines':[{'SKU':'WEB-25-BLK','Name':'Nylon webbing','Quantity':100,'Price':2.4,'Discount':0,'Tax':24,'TaxRule':'Use Tax 10','Total':240}],
		'AdditionalCharges':[{'Description':'Inbound freight','Quantity':1,'Price':60,'Tax':0,'TaxRule':'Tax on Purchases','Total':60}]}`, "'P'", `"`+id+`"`, "'T'", `"`+status+`"`)
}

// invoiceOf bills a quantity of webbing at 2.40 and the freight.
func invoiceOf(id, taskID, number, status, quantity string) string {
	q := decimal.RequireFromString(quantity)
	price := decimal.RequireFromString("2.4")
	return js(`{'PurchaseID':'P','TaskID':'G','CombineAdditionalCharges':false,'InvoiceDate':'2026-11-20T00:00:00','InvoiceDueDate':'2026-12-20T00:00:00',
		'InvoiceNumber':'N','Status':'T',
		'Lines':[{'SKU':'WEB-25-BLK','Name':'Nylon webbing','Quantity':QQ,'Price':2.4,'Tax':XX,'TaxRule':'Use Tax 10','Account':'1200','Total':LL}],
		'AdditionalCharges':[{'Description':'Inbound freight','Quantity':1,'Price':60,'Tax':0,'TaxRule':'Tax on Purchases','Account':'5100','Total':60}]}`,
		"'P'", `"`+id+`"`, "'G'", `"`+taskID+`"`, "'N'", `"`+number+`"`, "'T'", `"`+status+`"`, "QQ", quantity,
		"XX", q.Mul(price).Div(decimal.NewFromInt(10)).String(), "LL", q.Mul(price).Round(2).String())
}

// stockOf receives a quantity of webbing; place is put into each line.
func stockOf(id, taskID, status, quantity, place string) string {
	task := ""
	if taskID != "" {
		task = `"TaskID":"` + taskID + `",`
	}
	return js(`{'PurchaseID':'P',TASK'Status':'T','Lines':[{'Date':'2026-11-18T00:00:00','Quantity':QQ,'SKU':'WEB-25-BLK'PLACE}]}`,
		"'P'", `"`+id+`"`, "TASK", task, "'T'", `"`+status+`"`, "QQ", quantity, "PLACE", place)
}

const inWarehouse = `,"Location":"Main Warehouse"`

func one0(list any) map[string]any { return list.([]any)[0].(map[string]any) }
