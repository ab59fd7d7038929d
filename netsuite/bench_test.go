package netsuite

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParseEvent reads bodies of 1 KB as scripts send them.
func BenchmarkParseEvent(b *testing.B) {
	pad := strings.Repeat("x", 900)
	for name, body := range map[string]string{
		"flat":         `{"recordType":"vendorbill","id":"48213","memo":"` + pad + `"}`,
		"subscription": `{"context":{"recordType":"VENDORBILL","memo":"` + pad + `"},"payload":{"recordId":"48213"}}`,
		"list":         `[{"type":"purchaseorder","id":"1"},{"type":"vendor","id":"2","memo":"` + pad + `"}]`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ParseEvent([]byte(body), nil, EventOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPage decodes a page of SuiteQL of 1,000 rows, and beside it the
// same page with encoding/json into a struct and into maps.
func BenchmarkPage(b *testing.B) {
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`{"links":[],"id":"%d","tranid":"BILL-%d","trandate":"11/06/2026","lastmodified":"2026-11-06 10:11:12","entity":"%d","currency":"1","exchangerate":"1","foreigntotal":"-330.00","status":"Bill:Open","memo":"inbound freight of week %d with a longer note","duedate":"12/06/2026","linesequencenumber":"%d","account":"151","accountnumber":"5010","item":"2001","quantity":"100","rate":"2.40","foreignamount":"240.00","location":"1","department":null,"custbody_approver":"Somebody With A Name","custbody_note":"a field that nobody asked for, as SELECT lists grow"}`, 40_000+i, i, 300+i%40, i%52, i))
	}
	page := []byte(`{"links":[{"rel":"self","href":"https://x"}],"count":1000,"hasMore":true,"items":[` + strings.Join(rows, ",") + `],"offset":0,"totalResults":5000}`)
	b.Run("rows", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			if got, err := decodeRows(page); err != nil || len(got) != 1000 {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("struct", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			var into struct {
				Items []struct {
					ID, Tranid, Trandate, Lastmodified, Entity, Currency, Exchangerate, Foreigntotal, Status, Memo, Duedate, Linesequencenumber, Account, Accountnumber, Item, Quantity, Rate, Foreignamount, Location string
				}
			}
			if err := json.Unmarshal(page, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("maps", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			var into map[string]any
			if err := json.Unmarshal(page, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}
