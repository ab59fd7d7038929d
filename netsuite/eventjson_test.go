package netsuite

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// awkward are bodies at the limits of the grammar and of our rules.
func awkward() []string {
	many := strings.Builder{}
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	return []string{
		`{"recordType":"vendorbill","id":"48213","memo":"a \"quoted\" \u00e9 \ud83d\ude00"}`, ` [ {"type" : "po" , "id":1.5e3}, {"TYPE":"vendor","ID":7}, null, true, [ ] , { } ] `,
		`{"a":1,"A":2,"recordtype":"bill","id":3}`, `{"a":1,"\u0061":2}`, `{"id":1,"Id":2}`, `{"x":{"id":1,"ID":2}}`, `{"x":[{"y":1,"y":2}]}`, `{"id":1} {}`, `{"id":1}x`, `{"id":`, `[1,]`, `{"id":01}`, `"\ud800"`, `{"\ud800":1,"\ud801":2}`,
		`{` + many.String() + `"k3":1}`, `{` + many.String() + `"K3":1}`, `{` + many.String() + `"id":1,"ID":2}`, `{` + many.String() + `"recordType":"bill","id":12}`,
		`{"type":"po","id":1,"x":` + nested(16) + `}`, `{"type":"po","id":1,"x":` + nested(17) + `}`, `{"type":"po","id":1,"x":` + strings.Replace(nested(16), "[]", "[0]", 1) + `}`, `{"type":"po","id":true,"internalid":null,"recid":7}`,
		nested(16), nested(17), nested(18), nested(10_000), nested(10_001), strings.Repeat(`{"x":`, 17) + "1" + strings.Repeat("}", 17),
		`{"İd":1,"K":2,"k":3}`, `{"resource":"&id=12&recordtype=purchaseorder"}`, `{"resource":"id=12&tag=a&tag=b","type":"po"}`, `{"payload":{"newRecord":{"internalid":"5","entity":"vendor"}}}`,
		`{"type":"` + strings.Repeat("-", 90) + `bill","id":1}`, `{"type":"Vendor Bİll","id":1}`, `{"event":"vendor.up:dated","id":1}`, `{"type":"edit.","id":1}`,
		"{\"a\":\"\x7f\"}", "[\"\x01\"]", "[\"1234567\x1f\"]", `["12345678\"]`, "[\"\\\x00\"]", "[1,2", "[1 2]", `{"a" 1}`, `{"a":1 "b":2}`, `{,}`, `{"a":1,}`, `[,1]`, `{1:2}`, "{}\x00", "{}}", "[nul]", "[nulll]", "[truefalse]",
		`[-]`, `[-0]`, `[-01]`, `[1.]`, `[.5]`, `[1.5e]`, `[1e+]`, `[1E-07]`, `[0e0]`, `[+1]`, `[0x1]`, `["\x"]`, `["\u12g4"]`, `["\u123"]`, `["\u12`, `["\`, `["`, `[`, `{`, `{"`, `{"a"`, `{"a":`, ``, ` `, `[]]`,
	}
}

// The walker takes what encoding/json takes, and takes it whole.
func FuzzWalker(f *testing.F) {
	for _, s := range awkward() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := walker{s: s}
		got := w.skip(0)
		w.end(errFollowed)
		switch {
		case (w.err == nil) != json.Valid([]byte(s)):
			t.Errorf("%q: got %v, and encoding/json says %v", s, w.err, json.Valid([]byte(s)))
		case w.err == nil && got != strings.Trim(s, " \t\r\n"):
			t.Errorf("%q: got %q", s, got)
		}
	})
}

// sameAsSlow holds ParseEvent to the plain reader: both find the same records
// and refuse the same bodies.
func sameAsSlow(t *testing.T, body []byte) (found int) {
	t.Helper()
	for _, o := range []EventOptions{{}, {DefaultType: TypeVendor}, {DefaultType: "salesorder", IDPaths: []string{"x.y", "Ref.ID", "k3", ""}, TypePaths: []string{"a", "x.type"}}, {TypePaths: []string{"a"}}} {
		want, wantUnsynced, wantErr := slowEvents(body, o)
		got, unsynced, err := ParseEvent(body, url.Values{}, o)
		if (err != nil) != (wantErr != nil) || unsynced != wantUnsynced {
			t.Errorf("%+v: %q: got %d unsynced, %v, want %d, %v", o, body, unsynced, err, wantUnsynced, wantErr)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %q: got %v, want %v", o, body, got, want)
		}
		found += len(got)
	}
	return found
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range awkward() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || b[0] != '{' && b[0] != '[' {
			return // a form: FuzzParseEvent has those
		}
		sameAsSlow(t, b)
	})
}

// Bodies made of our own words, whole and damaged, are read as the plain reader
// reads them.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 4))
	n, found, damaged := soak.N(3_000, 300_000), 0, 0
	for range n {
		b, err := json.Marshal(randomValue(r, 5, true))
		if err != nil {
			t.Fatal(err)
		}
		found += sameAsSlow(t, b)
		i, j := r.IntN(len(b)), r.IntN(len(b))
		if b[i] = b[j]; i > 0 { // the first byte tells JSON from a form
			sameAsSlow(t, b)
		}
		if !json.Valid(b) {
			damaged++
		}
		if t.Failed() {
			return
		}
	}
	soak.Figure(t, "webhook bodies read as a plain reader reads them", "%d, and each with a byte changed, %d of them damaged by it; %d records", n, damaged, found)
	if found < n/4 || damaged < n/4 {
		t.Errorf("%d records and %d damaged bodies of %d: nothing is proved", found, damaged, n)
	}
}

// randomValue makes bodies of the keys and words that we look at, and of some
// that we do not.
func randomValue(r *rand.Rand, depth int, outside bool) any {
	keys := []string{"id", "internalId", "record_id", "recordType", "type", "topic", "entity", "eventType", "event", "action", "events", "data", "payload", "record", "context", "resource", "x", "y", "k3", "a", "ref", "memo", ""}
	words := []any{"vendor", "Vendor Bill", "po", "salesorder", "edit", "delete", "vendor.updated", "PO_READY", "vendor_bill.created", "301", "12", "0", "1 OR 1", "&id=12&recordtype=purchaseorder", "?id=7&k3=9&resource=id%3D3", json.Number("12"), json.Number("1e2"), json.Number("-4"), nil, true, "é\"\n"}
	switch n := r.IntN(10); {
	case outside && n < 8, depth > 0 && n < 5:
		o := map[string]any{}
		for range r.IntN(7) {
			o[keys[r.IntN(len(keys))]] = randomValue(r, depth-1, false)
		}
		if r.IntN(3) == 0 {
			o["id"], o["type"] = 1+r.IntN(3), []string{"bill", "vendor", "salesorder", "event"}[r.IntN(4)]
		}
		if r.IntN(40) == 0 {
			o["Memo"], o["ID"] = 1, 2 // perhaps for the second time
		}
		return o
	case outside, depth > 0 && n < 7:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomValue(r, depth-1, outside))
		}
		return list
	}
	return words[r.IntN(len(words))]
}
