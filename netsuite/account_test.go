package netsuite_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// Every kind of key opens the door that verifies it with real cryptography.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"rsa3072", "p256", "p384", "p521"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			a := openAccount(t, netsuitetest.Options{}, key)
			if err := a.Ping(t.Context()); err != nil {
				t.Errorf("%v; NetSuite says: %v", err, a.Logins())
			}
		})
	}
}

func tokensAsked(a account) (n int) {
	for _, c := range a.Calls() {
		if strings.HasSuffix(c.Path, "/token") {
			n++
		}
	}
	return n
}

func TestTokenOverTime(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	for _, step := range []struct {
		name   string
		do     func()
		tokens int
	}{
		{"the first", func() {}, 1},
		{"kept for 49 minutes", func() { a.clock.add(49 * time.Minute) }, 1},
		{"renewed after 50", func() { a.clock.add(2 * time.Minute) }, 2},
		{"minted anew when NetSuite ends it", a.ExpireTokens, 3},
		{"minted anew after a 401 midway", func() { a.FailNext(netsuitetest.Fault{Path: "suiteql", Status: 401}) }, 4},
	} {
		step.do()
		if err := a.Ping(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := tokensAsked(a); got != step.tokens {
			t.Errorf("%s: %d tokens asked for, want %d", step.name, got, step.tokens)
		}
	}
	a.RevokeCertificate("cert")
	a.ExpireTokens()
	err := a.Ping(t.Context())
	var e *netsuite.Error
	if !errors.As(err, &e) || !errors.Is(err, netsuite.ErrCredentials) || !strings.Contains(e.Remedy, "mapping") {
		t.Errorf("revoked: got %v", err)
	}
}

func TestHiddenTable(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{HideTables: []string{"vendoraddressbook"}}, "p256")
	shop(a)
	_, err := a.Vendors(t.Context(), 301)
	if !errors.Is(err, netsuite.ErrHidden) || !strings.Contains(err.Error(), "vendoraddressbook") {
		t.Errorf("got %v", err)
	}
}

// A document of more lines than a page is read whole, and so are many.
func TestManyLines(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	shop(a)
	lines := make([]netsuitetest.OrderLine, 1100)
	for i := range lines {
		lines[i] = netsuitetest.OrderLine{Item: 2001, Quantity: "1", Amount: "2.40"}
	}
	a.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: 4002, Number: "PO1042", Vendor: 301, Lines: lines})
	a.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: 4003, Number: "PO1043", Vendor: 301, Lines: lines[:3]})
	got, err := a.PurchaseOrders(t.Context(), 4003, 4002, 4001)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []int{len(got[4001].Lines), len(got[4002].Lines), len(got[4003].Lines)}, []int{3, 1100, 3})
	for i, l := range got[4002].Lines {
		if l.ID != netsuite.ID(i+1) {
			t.Fatalf("line %d has id %d", i, l.ID)
		}
	}
	diff(t, got[4002].Total, d("2640"))
}

func changed(t *testing.T, a account, typ netsuite.RecordType, since string) []netsuite.ID {
	t.Helper()
	var ids []netsuite.ID
	for page, err := range a.Scan(t.Context(), netsuite.Scan{Types: []netsuite.RecordType{typ}, Since: since}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			if c.Type != typ || c.ModifiedAt == "" || c.CreatedOn == "" {
				t.Errorf("got %+v", c)
			}
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func TestChanged(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{}, "p256")
	ctx := t.Context()
	if hw, err := a.HighWater(ctx, netsuite.TypeVendorBill); hw != "" || err != nil {
		t.Errorf("of nothing: got %q, %v", hw, err)
	}
	shop(a)
	hw, err := a.HighWater(ctx, netsuite.TypePurchaseOrder)
	if hw != noon || err != nil {
		t.Errorf("high water: got %q, %v, want %q", hw, err, noon)
	}
	for _, c := range []struct {
		typ   netsuite.RecordType
		since string
		want  []netsuite.ID
	}{
		{netsuite.TypeVendor, "", []netsuite.ID{301, 302}},
		{netsuite.TypeVendor, noon, []netsuite.ID{301, 302}},
		{netsuite.TypeVendor, "2026-11-10 12:00:01", nil},
		{netsuite.TypePurchaseOrder, noon, []netsuite.ID{4001}},
		{netsuite.TypeItemReceipt, noon, []netsuite.ID{5001}},
		{netsuite.TypeVendorBill, noon, []netsuite.ID{6001}},
		{netsuite.TypeVendorCredit, noon, []netsuite.ID{7001, 7002}},
		{netsuite.TypeVendorBill, "2026-11-10 12:00:01", nil},
	} {
		t.Run(fmt.Sprintf("%s since %q", c.typ, c.since), func(t *testing.T) { diff(t, changed(t, a, c.typ, c.since), c.want) })
	}
	t.Run("a line without its header", func(t *testing.T) {
		if err := a.Exec("UPDATE transactionline SET linelastmodifieddate = ? WHERE transaction = 6001 AND id = 3", a.clock.now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		diff(t, changed(t, a, netsuite.TypeVendorBill, "2026-11-10 12:01:00"), []netsuite.ID(nil))
		scan := netsuite.Scan{Types: []netsuite.RecordType{netsuite.TypePurchaseOrder, netsuite.TypeVendorBill}, Since: "2026-11-10 12:01:00", Lines: true}
		for page, err := range a.Scan(ctx, scan) {
			if err != nil {
				t.Fatal(err)
			}
			want := []netsuite.Change{{ID: 6001, Type: netsuite.TypeVendorBill, ModifiedAt: noon, LineAt: "2026-11-10 12:01:00", CreatedOn: "2026-11-10", Vendor: 301}}
			if len(page) != 1 || page[0].Total.Sign() != 0 {
				t.Fatalf("got %+v", page)
			}
			page[0].Total = want[0].Total
			diff(t, page, want)
		}
	})
	t.Run("a watermark that is none", func(t *testing.T) {
		for _, err := range a.Scan(ctx, netsuite.Scan{Types: []netsuite.RecordType{netsuite.TypeVendor}, Since: "2026-11-10' OR '1'='1"}) {
			if err == nil {
				t.Error("taken")
			}
		}
	})
	t.Run("more than a page, left early and read whole", func(t *testing.T) {
		a := openAccount(t, netsuitetest.Options{}, "p256")
		for i := range 1003 {
			a.PutVendor(netsuitetest.Vendor{ID: int64(i + 1)})
		}
		a.ResetCalls()
		for _, err := range a.Scan(ctx, netsuite.Scan{Types: []netsuite.RecordType{netsuite.TypeVendor}}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if ids := changed(t, a, netsuite.TypeVendor, ""); len(ids) != 1003 || !slices.IsSorted(ids) {
			t.Errorf("got %d ids, sorted %v", len(ids), slices.IsSorted(ids))
		}
		// One page for the early leaver, two and a count for the other, one token.
		if n := len(a.Calls()); n != 5 {
			t.Errorf("got %d calls, want 5", n)
		}
	})
}

func TestLineStampsHidden(t *testing.T) {
	t.Parallel()
	a := openAccount(t, netsuitetest.Options{HideColumns: []string{"transactionline.linelastmodifieddate"}}, "p256")
	shop(a)
	diff(t, changed(t, a, netsuite.TypeVendorBill, noon), []netsuite.ID{6001})
}

// What the simulated scripts post is what ParseEvent reads.
func TestEventsOfScripts(t *testing.T) {
	t.Parallel()
	for variant := 1; variant <= 9; variant++ {
		for _, onlyQuery := range []bool{false, true} {
			if onlyQuery && variant != 8 {
				continue
			}
			t.Run(fmt.Sprintf("variant %d, query only %v", variant, onlyQuery), func(t *testing.T) {
				t.Parallel()
				a := openAccount(t, netsuitetest.Options{}, "p256")
				var mu sync.Mutex
				got := map[netsuite.Event]bool{}
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					events, unsupported, err := netsuite.ParseEvent(body, r.URL.Query(), netsuite.EventOptions{})
					if err != nil || unsupported != 0 || len(events) != 1 {
						t.Errorf("%s: got %v, %d unsupported, %v", body, events, unsupported, err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					got[netsuite.Event{Type: events[0].Type, ID: events[0].ID}] = true
				}))
				t.Cleanup(srv.Close)
				a.Deliver(netsuitetest.Delivery{URL: srv.URL + "/?secret=x", Variant: variant, OnlyQuery: onlyQuery, ContentType: "text/plain"})
				shop(a)
				if err := a.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				defer mu.Unlock()
				want := map[netsuite.Event]bool{{Type: netsuite.TypeVendor, ID: 301}: true, {Type: netsuite.TypeVendor, ID: 302}: true, {Type: netsuite.TypePurchaseOrder, ID: 4001}: true,
					{Type: netsuite.TypeItemReceipt, ID: 5001}: true, {Type: netsuite.TypeVendorBill, ID: 6001}: true, {Type: netsuite.TypeVendorCredit, ID: 7001}: true, {Type: netsuite.TypeVendorCredit, ID: 7002}: true}
				diff(t, got, want)
			})
		}
	}
}
