package netsuite

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{name: "type is a kind word", body: `{"type":"delete","recordType":"bill","id":"48213"}`, want: []Event{{TypeVendorBill, 48213, "changed"}}},
		{name: "default type", body: `{"id":"48213"}`, o: EventOptions{DefaultType: TypeVendorBill}, want: bill},
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
			if d := cmp.Diff(got, c.want); d != "" {
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

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"context":{"recordType":"VENDORBILL"},"payload":{"recordId":"48213"}}`))
	f.Add([]byte(`[{"id":"1","type":"vendor"}]`))
	f.Add([]byte("recordtype=purchaseorder&internalid=123"))
	f.Add([]byte(`{"topic":"x","resource":"&id=12"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, _, err := ParseEvent(body, nil, EventOptions{DefaultType: TypeVendor})
		if err != nil && len(events) > 0 || len(events) > maxEvents {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for _, e := range events {
			if e.ID <= 0 || e.Type == "" || e.Kind == "" {
				t.Fatalf("event %+v", e)
			}
		}
	})
}
