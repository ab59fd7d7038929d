package netsuite

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// reads are all reads of the client, with ids and texts that came from
// elsewhere.
func reads(ctx context.Context, cl *Client, id ID, stamp string, day Date, number string) map[string]error {
	out := map[string]error{}
	note := func(name string, err error) { out[name] = errors.Join(out[name], err) }
	docs := []RecordType{TypePurchaseOrder, TypeItemReceipt, TypeVendorBill, TypeVendorCredit}
	_, err := cl.Vendors(ctx, id)
	note("vendors", err)
	_, err = cl.PurchaseOrders(ctx, id)
	note("orders", err)
	_, err = cl.Receipts(ctx, id)
	note("receipts", err)
	_, err = cl.Bills(ctx, id)
	note("bills", err)
	_, err = cl.Credits(ctx, id)
	note("credits", err)
	_, err = cl.Units(ctx, id)
	note("units", err)
	_, err = cl.OrdersOf(ctx, id)
	note("orders of", err)
	_, err = cl.DocumentsOf(ctx, id)
	note("documents of", err)
	_, err = cl.BillsOf(ctx, id)
	note("bills of", err)
	_, err = cl.CreditsOf(ctx, id)
	note("credits of", err)
	_, err = cl.Accounts(ctx)
	note("accounts", err)
	_, err = cl.BaseCurrency(ctx)
	note("base currency", err)
	_, err = cl.HighWater(ctx, docs...)
	note("high water", err)
	for _, s := range []Scan{{Types: []RecordType{TypeVendor}, Since: stamp}, {Types: docs, Since: stamp, After: id, Dated: day}, {Types: docs, Since: stamp, Lines: true}} {
		for _, err := range cl.Scan(ctx, s) {
			note("scan", err)
		}
		_, err = cl.Counts(ctx, s)
		note("counts", err)
	}
	_, err = cl.Deleted(ctx, stamp)
	note("deleted", err)
	_, _, err = cl.Anchor(ctx, id)
	note("anchor", err)
	_, err = cl.CreatedPerDay(ctx, day, docs...)
	note("created per day", err)
	for _, err := range cl.DocumentsDated(ctx, TypeVendorBill, day, day) {
		note("dated", err)
	}
	_, err = cl.DocumentsNumbered(ctx, TypeVendorBill, number)
	note("numbered", err)
	for _, err := range cl.Postings(ctx, TypeVendorBill, day, day) {
		note("postings", err)
	}
	for _, err := range cl.ReceivedOrders(ctx, day, day) {
		note("received", err)
	}
	return out
}

// Whatever NetSuite answers to a statement, each read ends, with an *Error or
// with rows, and shows nothing of a secret.
func FuzzRows(f *testing.F) {
	for _, body := range []string{
		`{"items":[]}`, `{"items":[{"links":[],"id":"1"}]}`, `{"items":[{"id":"`, `{"items":[{"id":1,"lastmodifieddate":"2026-11-01 10:00:00","many":"3","top":4,"type":"VendBill","status":"A"}]}`,
		`{"items":[{"transaction":"9","lineid":"1","item":5,"sku":"A","itemtype":"InvtPart","quantity":-1,"foreignamount":"1E2","mainline":"F","account":"7"}]}`,
		`{"items":[{"id":"1e99999999"}]}`, `{"items":[{"ID":{"a":1}}]}`, `{"items":null}`, `[]`, `{"items":[null]}`, `{"items":[{"id":"9","trandate":"2026-13-99","foreigntotal":"."}]}`,
		`{"items":[{"recordid":3,"kind":1,"type":"Vendor","deletedat":"x","hw":"2026-11-01 10:00:00","symbol":"USD"}]}`,
	} {
		f.Add(body)
	}
	u := &upstream{}
	cl, _ := dial(f, u)
	f.Fuzz(func(t *testing.T, body string) {
		if _, err := decodeRows([]byte(body)); err != nil {
			return // would be asked for again and again, with pauses
		}
		u.mu.Lock()
		u.query = func(int, string) reply { return reply{body: body} }
		u.mu.Unlock()
		for name, err := range reads(t.Context(), cl, 7, "2026-11-01 10:00:00", "2026-11-01", "INV-1") {
			var e *Error
			switch {
			case err == nil:
			case !errors.As(err, &e):
				t.Errorf("%s: %v is no *Error", name, err)
			case strings.Contains(err.Error(), keyWord) || strings.Contains(err.Error(), "token-"):
				t.Errorf("%s shows a secret: %v", name, err)
			}
		}
	})
}

// literal is a text of SuiteQL, number one of its numbers and lists of them.
var (
	literal = regexp.MustCompile(`'(?:[^']|'')*'`)
	number  = regexp.MustCompile(`\b\d+\b`)
)

// skeleton is a statement without what its texts and numbers say.
func skeleton(q string) string {
	return number.ReplaceAllString(literal.ReplaceAllString(q, "'?'"), "#")
}

// Nothing that came from a webhook, a file or the other system can change what
// a statement asks: ids are numbers, times and dates have one form, and a
// document's number stays a text.
func FuzzStatements(f *testing.F) {
	f.Add(int64(7), "2026-11-01 10:00:00", "2026-11-01", "INV-1")
	f.Add(int64(-1), "2026-11-01 10:00:00' OR 1=1 --", "2026-11-01') OR (1=1", "O'Neil")
	f.Add(int64(0), "'", "'", "'; DROP TABLE vendor --")
	f.Add(int64(1)<<62, "", "", `\' OR ''='`)
	f.Add(int64(3), "2026-11-01\n10:00:00", "2026-11-01\x00", "{t.terms:, secret}")
	f.Add(int64(3), "٢٠٢٦-11-01 10:00:00", "２０２６-11-01", "’")
	u := &upstream{}
	cl, _ := dial(f, u)
	asked := func(t *testing.T, id int64, stamp, day, number string) map[string]bool {
		u.mu.Lock()
		u.asked = nil
		u.mu.Unlock()
		_ = reads(t.Context(), cl, ID(id), stamp, Date(day), number)
		u.mu.Lock()
		defer u.mu.Unlock()
		out := map[string]bool{}
		for _, q := range u.asked {
			out[skeleton(q)] = true
		}
		return out
	}
	var known map[string]bool
	f.Fuzz(func(t *testing.T, id int64, stamp, day, number string) {
		if known == nil {
			known = map[string]bool{}
			for i, stamp := range []string{"2026-11-01 10:00:00", ""} {
				for _, day := range []string{"2026-11-01", ""} {
					for q := range asked(t, int64(7-7*i), stamp, day, "INV-1") {
						known[q] = true
					}
				}
			}
			if len(known) < 25 {
				t.Fatalf("%d statements: nothing is proved", len(known))
			}
		}
		for q := range asked(t, id, stamp, day, number) {
			// A negative id is one more minus sign; NetSuite has none such.
			if !known[q] && !known[strings.ReplaceAll(q, "-#", "#")] {
				t.Errorf("another statement: %s", q)
			}
		}
	})
}

// A key that a tenant file holds is read or refused, and never shown.
func FuzzPrivateKey(f *testing.F) {
	_, key := dial(f, &upstream{})
	f.Add(pkcs8(f, key))
	f.Add("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
	f.Add("-----BEGIN EC PRIVATE KEY-----\nDEK-Info: x\n\nAAAA\n-----END EC PRIVATE KEY-----\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := privateKey([]byte(text))
		if (k == nil) == (err == nil) {
			t.Errorf("got %T and %v", k, err)
		}
		if err != nil && strings.Contains(err.Error(), keyWord) {
			t.Errorf("shows the key: %v", err)
		}
	})
}
