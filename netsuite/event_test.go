package netsuite

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseEvent(t *testing.T) {
	bill := []Event{{TypeVendorBill, 48213, "changed"}}
	cases := []struct {
		name, body, query string
		o                 EventOptions
		want              []Event
		unsupported       int
	}{
		{name: "1 Event Subscriber", body: `{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`, want: bill},
		{name: "2 flat", body: `{"recordType":"vendor","id":"123","eventType":"create"}`, want: []Event{{TypeVendor, 123, "created"}}},
		{name: "2 with recordId and operation", body: `{"recordType":"vendor","recordId":123,"operation":"edit"}`, want: []Event{{TypeVendor, 123, "updated"}}},
		{name: "3 type in the event name", body: `{"eventType":"PO_READY","internalId":123,"tranId":"PO16"}`, want: []Event{{TypePurchaseOrder, 123, "changed"}}},
		{name: "4 record inside", body: `{"event_type":"vendor.updated","account_id":"1","record":{"id":"123","type":"vendor"}}`, want: []Event{{TypeVendor, 123, "updated"}}},
		{name: "5 serialised record", body: `{"id":"48213","type":"vendorbill","isDynamic":false,"fields":{"entity":"301"},"sublists":{"item":{}}}`, want: bill},
		{name: "6 list", body: `[{"id":"1","type":"vendor"},{"id":"2","type":"PurchOrd"}]`, want: []Event{{TypeVendor, 1, "changed"}, {TypePurchaseOrder, 2, "changed"}}},
		{name: "6 events", body: `{"events":[{"id":"1","type":"Item Receipt","action":"delete"}]}`, want: []Event{{TypeItemReceipt, 1, "deleted"}}},
		{name: "6 records, type outside", body: `{"recordType":"vendor_credit","records":[{"id":1},{"id":2}]}`, want: []Event{{TypeVendorCredit, 1, "changed"}, {TypeVendorCredit, 2, "changed"}}},
		{name: "7 topic", body: `{"topic":"purchaseorder","resource":"&id=12&recordtype=purchaseorder","sent":"x"}`, want: []Event{{TypePurchaseOrder, 12, "changed"}}},
		{name: "8 form", body: "recordtype=purchaseorder&internalid=123&type=edit", want: []Event{{TypePurchaseOrder, 123, "updated"}}},
		{name: "8 query alone", query: "recordtype=vendorbill&id=48213", want: bill},
		{name: "9 old and new", body: `{"type":"purchaseorder","internalId":123,"old":{"a":1},"new":{"a":2}}`, want: []Event{{TypePurchaseOrder, 123, "changed"}}},
		{name: "type is a kind word", body: `{"type":"delete","recordType":"bill","id":"48213"}`, want: []Event{{TypeVendorBill, 48213, "deleted"}}},
		{name: "type is a user event that says little", body: `{"type":"PAYBILLS","recordtype":"vendorbill","internalid":48213}`, want: bill},
		{name: "kind after an unknown name", body: `{"eventType":"sync","action":"update","recordType":"vendor","id":"1"}`, want: []Event{{TypeVendor, 1, "updated"}}},
		{name: "type in front of the kind", body: `{"type":"vendor_bill.updated","id":"48213"}`, want: []Event{{TypeVendorBill, 48213, "updated"}}},
		{name: "longest type in an event name", body: `{"event":"VENDOR_BILL_READY","internalId":48213}`, want: bill},
		{name: "known type before an unknown one", body: `{"type":"webhook","entity":"vendorbill","id":"48213"}`, want: bill},
		{name: "entity is the vendor, not the type", body: `{"id":"48213","entity":"301"}`, o: EventOptions{DefaultType: TypeVendorBill}, want: bill},
		{name: "entity is a name, not the type", body: `{"id":"48213","entity":"ACME"}`, o: EventOptions{DefaultType: TypeVendorBill}, want: bill},
		{name: "keys in other case", body: `{"RECORDTYPE":"bill","ID":48213}`, want: bill},
		{name: "id of another kind first", body: `{"id":"evt_9","recordId":"48213","recordType":"bill"}`, want: bill},
		{name: "number of the envelope", body: `{"id":991,"event_type":"vendor.updated","record":{"id":"123","type":"vendor"}}`, want: []Event{{TypeVendor, 123, "updated"}}},
		{name: "number of the envelope, type in its name alone", body: `{"id":991,"event":"vendor.updated","data":{"id":"123"}}`, want: []Event{{TypeVendor, 123, "updated"}}},
		{name: "number of the context", body: `{"recordType":"bill","id":"48213","context":{"id":"77"}}`, want: bill},
		{name: "record repeats its envelope", body: `{"recordType":"vendorbill","id":"48213","record":{"id":48213,"type":"VendBill"}}`, want: bill},
		{name: "record inside another", body: `{"recordType":"bill","id":"48213","data":{"type":"vendor","id":"301"}}`, want: []Event{{TypeVendor, 301, "changed"}, bill[0]}},
		{name: "resource alone", body: `{"resource":"?id=48213&recordtype=vendorbill"}`, want: bill},
		{name: "resource in a resource", body: `{"resource":"resource=id%3D1%26recordtype%3Dvendor","recordType":"bill","id":48213}`, want: bill},
		{name: "large list that is none of ours", body: `{"recordType":"bill","id":48213,"sublists":[` + strings.Repeat("{},", 2000) + `{}]}`, want: bill},
		{name: "empty object, query", body: `{}`, query: "recordtype=vendorbill&id=48213", want: bill},
		{name: "body before query", body: `{"recordType":"bill","id":48213}`, query: "recordtype=vendor&id=1", want: bill},
		{name: "byte order mark", body: "\ufeff" + `{"recordType":"bill","id":48213}`, want: bill},
		{name: "other key twice in two spellings", body: `{"recordType":"bill","id":48213,"memo":"a","Memo":"b"}`, want: bill},
		{name: "1000 of them", body: "[" + strings.Repeat(`{"type":"salesorder","id":1},`, 999) + `{"type":"bill","id":48213}]`, want: bill, unsupported: 999},
		{name: "default type", body: `{"id":"48213"}`, o: EventOptions{DefaultType: TypeVendorBill}, want: bill},
		{name: "id at a path of the tenant's", body: `{"status":{"orderId":"48213"}}`, o: EventOptions{DefaultType: TypeVendorBill, IDPaths: []string{"status.orderId"}}, want: bill},
		{name: "paths in a list", body: `[{"doc":{"no":48213,"what":"Vendor Bill"}},{"doc":{"no":7,"what":"salesorder"}}]`, o: EventOptions{IDPaths: []string{"x.y", "doc.no"}, TypePaths: []string{"doc.what"}}, want: bill, unsupported: 1},
		{name: "paths in a wrapper", body: `{"events":[{"netsuite_customer_id":48213}]}`, o: EventOptions{DefaultType: TypeVendorBill, IDPaths: []string{"netsuite_customer_id"}}, want: bill},
		{name: "a path before the usual keys", body: `{"id":1,"recordType":"bill","ref":{"id":48213}}`, o: EventOptions{IDPaths: []string{"ref.id"}}, want: bill},
		{name: "the usual keys where the path leads nowhere", body: `{"id":48213,"recordType":"bill"}`, o: EventOptions{IDPaths: []string{"ref.id"}}, want: bill},
		{name: "a path of a form", body: "bill_no=48213", o: EventOptions{DefaultType: TypeVendorBill, IDPaths: []string{"bill_no"}}, want: bill},
		{name: "not ours", body: `{"recordType":"salesorder","id":"5"}`, unsupported: 1},
		{name: "mixed", body: `[{"recordType":"salesorder","id":"5"},{"recordType":"bill","id":48213}]`, want: bill, unsupported: 1},
		{name: "white space in front", body: "\n  " + `{"recordType":"bill","id":48213}`, want: bill},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, unsupported, err := ParseEvent([]byte(c.body), q, c.o)
			if err != nil || unsupported != c.unsupported {
				t.Fatalf("got %v, %d unsupported", err, unsupported)
			}
			if d := cmp.Diff(got, c.want, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	cases := map[string]string{
		"empty":                 "",
		"no id":                 `{"recordType":"vendor"}`,
		"no type":               `{"id":"1"}`,
		"id is a word":          `{"recordType":"vendor","id":"1 OR 1=1"}`,
		"id is a fraction":      `{"recordType":"vendor","id":1.5}`,
		"id is negative":        `{"recordType":"vendor","id":-1}`,
		"id is huge":            `{"recordType":"vendor","id":"1234567890123456789012"}`,
		"key twice":             `{"recordType":"vendor","id":"1","id":"2"}`,
		"key twice, other case": `{"recordType":"vendor","id":"1","ID":"2"}`,
		"damaged":               `{"recordType":"vendor","id":"1"`,
		"wrapper twice":         `{"record":{"id":"1","type":"vendor"},"Record":{"id":"2","type":"vendor"}}`,
		"type twice":            `{"recordType":"vendor","RecordType":"bill","id":"1"}`,
		"key twice, deep":       `{"recordType":"vendor","id":"1","x":[{"y":1,"y":2}]}`,
		"key twice, escaped":    `{"recordType":"vendor","id":"1","\u0069d":"2"}`,
		"field twice":           "recordtype=vendor&id=1&id=2",
		"field twice, case":     "recordtype=vendor&id=1&ID=2",
		"neither JSON nor form": "%zz",
		"text":                  `"48213"`,
		"followed by more":      `{"recordType":"vendor","id":"1"} {}`,
		"too deep":              strings.Repeat("[", 40) + strings.Repeat("]", 40),
		"too many":              "[" + strings.Repeat(`{"type":"vendor","id":1},`, 1000) + `{"type":"vendor","id":1}]`,
		"not UTF-8":             "{\"id\":\"\xff\"}",
		"other ids only":        `{"email":"a@b","netsuite_customer_id":123}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			got, _, err := ParseEvent([]byte(body), nil, EventOptions{})
			var none ErrNoRecord
			if !errors.As(err, &none) || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// A key that a path names may not come in two spellings either.
func TestParseEventRefusesTwoSpellingsOfAPath(t *testing.T) {
	for _, body := range []string{`{"status":{"orderId":1,"orderID":2}}`, `{"status":{"orderId":1},"Status":{"orderId":2}}`, "orderId=1&orderID=2", `{"resource":"orderId=1&orderID=2"}`} {
		got, _, err := ParseEvent([]byte(body), nil, EventOptions{DefaultType: TypeVendor, IDPaths: []string{"status.orderId", "orderid"}})
		if err == nil {
			t.Errorf("%s: got %v", body, got)
		}
	}
}

// A usual body costs its own copy and the list of events, whatever else a
// script puts into it.
func TestParseEventAllocates(t *testing.T) {
	var fields strings.Builder
	for i := range 20 {
		fmt.Fprintf(&fields, `,"custbody_%d":"%d"`, i, i)
	}
	for name, body := range map[string]string{
		"flat":         `{"recordType":"vendorbill","id":"48213","eventType":"edit"}`,
		"subscription": `{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`,
		"serialised":   `{"id":"48213","type":"vendorbill","isDynamic":false,"fields":{"entity":"301"` + fields.String() + `},"sublists":{"item":{}` + fields.String() + `}}`,
		"list":         `[{"type":"purchaseorder","id":"1"},{"type":"Vendor","id":2}]`,
	} {
		posted := []byte(body)
		got := testing.AllocsPerRun(20, func() {
			if _, _, err := ParseEvent(posted, nil, EventOptions{}); err != nil {
				t.Fatal(err)
			}
		})
		if got > 2 {
			t.Errorf("%s: %.0f allocations", name, got)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, body := range []string{
		`{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`,
		`{"recordType":"vendor","id":"123","eventType":"create"}`,
		`{"eventType":"PO_READY","internalId":123,"tranId":"PO16"}`,
		`{"event_type":"vendor.updated","record":{"id":"123","type":"vendor"}}`,
		`{"id":"48213","type":"vendorbill","fields":{"entity":"301"},"sublists":{"item":{}}}`,
		`[{"id":"1","type":"vendor"},{"events":[{"id":2}]}]`,
		`{"topic":"x","resource":"&id=12&resource=id%3D3"}`,
		"recordtype=purchaseorder&internalid=123&type=edit",
		`{"type":"purchaseorder","internalId":123,"old":{},"new":{}}`,
		`{"id":1,"ID":2}`, `{"id":1e2}`, "\ufeff{}", "\xff", "[[[[", "%",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, o := range []EventOptions{{}, {DefaultType: TypeVendor}, {DefaultType: TypeVendor, IDPaths: []string{"record.id", "a.b"}, TypePaths: []string{"type"}}} {
			events, unsupported, err := ParseEvent(body, nil, o)
			again, _, _ := ParseEvent(body, nil, o)
			if d := cmp.Diff(events, again); d != "" {
				t.Fatalf("read twice, read differently:\n%s", d)
			}
			var none ErrNoRecord
			switch {
			case err == nil && len(events)+unsupported == 0, len(events)+unsupported > maxEvents:
				t.Fatalf("%d events, %d unsupported, %v", len(events), unsupported, err)
			case err != nil && (events != nil || unsupported != 0 || !errors.As(err, &none)):
				t.Fatalf("%d events beside %v", len(events), err)
			}
			for _, e := range events {
				if e.ID <= 0 || typeNamed(string(e.Type)) != e.Type || !slices.Contains([]string{"created", "updated", "deleted", "changed"}, e.Kind) {
					t.Fatalf("event %+v", e)
				}
			}
		}
	})
}
