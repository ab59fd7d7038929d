package cin7_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/secret"
)

const canary = "canary-key-8d1f"

func client(t *testing.T, url string, change ...func(*cin7.Config)) *cin7.Client {
	t.Helper()
	c := cin7.Config{AccountID: "704ef231-0000-4000-8000-000000000001", ApplicationKey: secret.New(canary), BaseURL: url, Timeout: 2 * time.Second}
	for _, f := range change {
		f(&c)
	}
	cl, err := cin7.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func TestRedirectsAreRefused(t *testing.T) {
	var followed atomic.Int32
	there := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer there.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there.URL, status) }))
		_, err := client(t, here.URL).CreateSupplier(t.Context(), cin7.Supplier{Name: "A"})
		if !errors.Is(err, cin7.ErrUnavailable) {
			t.Errorf("%d: got %v", status, err)
		}
		here.Close()
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A write on a kept connection that dies before the answer is sent once.
func TestNoWriteIsRepeated(t *testing.T) {
	var writes atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if req.Method != http.MethodGet {
						writes.Add(1)
						return // took effect, no answer
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n{\"Company\":\"A\",\"Currency\":\"USD\"}")
				}
			}()
		}
	}()
	c := client(t, "http://"+l.Addr().String())
	sends := 0
	for _, send := range []func() error{
		func() error { _, err := c.CreateSupplier(t.Context(), cin7.Supplier{Name: "A"}); return err },
		func() error { _, err := c.UpdateSupplier(t.Context(), cin7.Supplier{ID: "1"}); return err },
		func() error { _, err := c.CreatePurchase(t.Context(), cin7.NewPurchase{}); return err },
		func() error { return c.DeletePurchase(t.Context(), "1", true) },
		func() error { _, err := c.PostInvoice(t.Context(), cin7.NewInvoice{}); return err },
	} {
		_, _ = c.Me(t.Context()) // leaves a connection behind
		err := send()
		sends++
		var ce *cin7.Error
		if !errors.As(err, &ce) || ce.Applied != cin7.Unknown {
			t.Errorf("a lost answer: got %v", err)
		}
	}
	if n := int(writes.Load()); n != sends {
		t.Errorf("%d writes reached the server for %d calls", n, sends)
	}
}

func TestNotSentIsNotApplied(t *testing.T) {
	stop := errors.New("no budget")
	for name, c := range map[string]*cin7.Client{
		"limiter":        client(t, "http://127.0.0.1:1", func(c *cin7.Config) { c.Limit = func(context.Context) error { return stop } }),
		"nobody listens": client(t, "http://127.0.0.1:1"),
		"no such name":   client(t, "http://cin7.invalid"),
	} {
		_, err := c.CreatePurchase(t.Context(), cin7.NewPurchase{})
		var ce *cin7.Error
		if !errors.As(err, &ce) || ce.Applied != cin7.NotApplied {
			t.Errorf("%s: got %+v", name, ce)
		}
	}
}

func TestSlowAndEndlessAnswersEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		if strings.Contains(r.URL.Path, "me") {
			<-r.Context().Done()
			return
		}
		block := []byte(strings.Repeat(" ", 1<<16))
		for r.Context().Err() == nil {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	c := client(t, s.URL, func(c *cin7.Config) { c.Timeout = 300 * time.Millisecond })
	if _, err := c.Me(t.Context()); !errors.Is(err, cin7.ErrUnavailable) {
		t.Errorf("slow: got %v", err)
	}
	if _, err := c.Purchase(t.Context(), "1"); !errors.Is(err, cin7.ErrUnavailable) {
		t.Errorf("endless: got %v", err)
	}
}

// No failure shows the key, however it is printed.
func TestKeyIsNeverShown(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("api-auth-applicationkey") != canary {
			t.Error("the key was not sent")
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `"Incorrect credentials!"`)
	}))
	defer s.Close()
	_, refused := client(t, s.URL).Me(t.Context())
	_, gone := client(t, "http://127.0.0.1:1").Me(t.Context())
	_, wrong := cin7.New(cin7.Config{AccountID: "a", ApplicationKey: secret.New(canary), BaseURL: "ftp://x"})
	for _, err := range []error{refused, gone, wrong} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(form, err); err == nil || strings.Contains(text, canary) {
				t.Errorf("%s shows the key or is nothing: %s", form, text)
			}
		}
	}
}

func TestListsReadAllPages(t *testing.T) {
	sim := cin7test.New(cin7test.Options{CallsPerMinute: -1})
	sim.AddKey("704ef231-0000-4000-8000-000000000001", canary)
	for i := range 2500 {
		sim.AddAccount(cin7test.Account{Code: fmt.Sprint(i), Name: fmt.Sprint("Account ", i), Class: "EXPENSE"})
	}
	s := httptest.NewServer(sim)
	defer s.Close()
	got, err := client(t, s.URL+"/ExternalApi/v2").Accounts(t.Context())
	if err != nil || len(got) != 2500 {
		t.Fatalf("got %d accounts, %v", len(got), err)
	}
	if n := len(sim.Calls()); n != 3 {
		t.Errorf("%d calls, want 3 of 1,000 rows", n)
	}
}

// A purchase from header to ledger against the simulator.
func TestPurchase(t *testing.T) {
	ctx := t.Context()
	sim := cin7test.New(cin7test.Options{})
	sim.AddKey("704ef231-0000-4000-8000-000000000001", canary)
	sim.AddAccount(cin7test.Account{Code: "2000", Name: "Payable", Class: "LIABILITY", SystemAccountCode: "CREDITORS", SystemAccount: "Accounts payable"})
	sim.AddAccount(cin7test.Account{Code: "1200", Name: "Inventory", Class: "ASSET"})
	sim.AddTaxRule(cin7test.TaxRule{Name: "Tax", Account: "2000"})
	sim.AddTerm(cin7test.Term{Name: "30 days"})
	sim.AddLocation(cin7test.Location{Name: "Main"})
	sim.AddProduct(cin7test.Product{SKU: "WEB-1", Name: "Webbing"})
	sim.AddProduct(cin7test.Product{SKU: "WEB-10", Name: "Webbing 10"})
	s := httptest.NewServer(sim)
	defer s.Close()
	c := client(t, s.URL+"/externalapi/v2/")
	n := func(v string) cin7.Number { return cin7.NewNumber(decimal.RequireFromString(v)) }

	products, err := c.ProductsBySKU(ctx, "web-1", "nothing")
	if err != nil || len(products) != 1 || products["WEB-1"].Name != "Webbing" {
		t.Fatalf("products: %v, %v", products, err)
	}
	sup, err := c.CreateSupplier(ctx, cin7.Supplier{Name: "Cascade", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax", Status: "Active",
		Addresses: []cin7.SupplierAddress{{Line1: "88 Mill Road", Country: "United States", Type: "Billing", DefaultForType: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Supplier(ctx, sup.ID); err != nil || got.Name != "Cascade" || len(got.Addresses) != 1 || got.Addresses[0].ID == "" {
		t.Errorf("supplier: %+v, %v", got, err)
	}
	if _, err := c.Supplier(ctx, "00000000-0000-4000-8000-00000000dead"); !errors.Is(err, cin7.ErrNotFound) {
		t.Errorf("unknown supplier: got %v", err)
	}
	p, err := c.CreatePurchase(ctx, cin7.NewPurchase{SupplierID: sup.ID, Approach: cin7.ApproachInvoice, PurchaseType: "Advanced", Location: "Main", TaxRule: "Tax", TaxCalculation: "Exclusive", Terms: "30 days", Note: "NS:purchaseorder:1@A"})
	if err != nil {
		t.Fatal(err)
	}
	line := cin7.Line{ProductID: products["WEB-1"].ID, SKU: "WEB-1", Name: "Webbing", Quantity: n("0.5"), Price: n("2.4"), Tax: n("0.12"), TaxRule: "Tax", Total: n("1.20")}
	if _, err := c.PostOrder(ctx, cin7.NewOrder{TaskID: p.ID, Memo: "m", Status: cin7.StatusAuthorised, Lines: []cin7.Line{line}, AdditionalCharges: []cin7.Charge{}}); err != nil {
		t.Fatal(err)
	}
	if p, err = c.Purchase(ctx, p.ID); err != nil || p.Order.Status != cin7.StatusAuthorised || len(p.Invoice) == 0 {
		t.Fatalf("purchase: %+v, %v", p, err)
	}
	task := p.Invoice[0].TaskID
	line.Account = "1200"
	inv := cin7.NewInvoice{PurchaseID: p.ID, TaskID: task, InvoiceNumber: "B1", InvoiceDate: "2026-11-06", InvoiceDueDate: "2026-12-06", Status: cin7.StatusAuthorised, Lines: []cin7.Line{line}, AdditionalCharges: []cin7.Charge{}}
	got, err := c.PostInvoice(ctx, inv)
	if err != nil || got[0].Status != cin7.StatusAuthorised || got[0].InvoiceDate != "2026-11-06" {
		t.Fatalf("invoice: %+v, %v", got, err)
	}
	if _, err := c.PostInvoice(ctx, inv); !errors.Is(err, cin7.ErrRefused) {
		t.Errorf("a second authorisation: got %v", err)
	}
	stock := cin7.NewStock{PurchaseID: p.ID, TaskID: task, Status: cin7.StatusAuthorised, Lines: []cin7.StockLine{{Date: "2026-11-07", Quantity: n("0.5"), SKU: "WEB-1"}}}
	if _, err := c.PostStock(ctx, stock); err != nil {
		t.Fatal(err)
	}
	stock.Lines[0].Location = "Main"
	if away, err := c.PostPutAway(ctx, stock); err != nil || away[0].Status != cin7.StatusAuthorised {
		t.Fatalf("put-away: %+v, %v", away, err)
	}
	rows, err := c.Purchases(ctx, cin7.PurchaseFilter{Search: "Cascade", UpdatedSince: time.Now().Add(-time.Hour)})
	if err != nil || len(rows) != 1 || rows[0].InvoiceNumber != "B1" {
		t.Errorf("list: %+v, %v", rows, err)
	}
	ledger, err := c.Transactions(ctx, "2026-11-06", "2026-11-06")
	if err != nil || len(ledger) == 0 || ledger[0].DebitAccountCode != "1200" || !ledger[0].Amount.Equal(decimal.RequireFromString("1.2")) {
		t.Errorf("ledger: %+v, %v", ledger, err)
	}
	if none, err := c.Transactions(ctx, "2026-11-07", "2026-11-30"); err != nil || len(none) != 0 {
		t.Errorf("ledger of other days: %+v, %v", none, err)
	}
}
