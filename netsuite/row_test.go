package netsuite

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeRows(t *testing.T) {
	t.Parallel()
	body := `{"links":[],"count":2,"hasMore":false,"items":[
		{"links":[],"ID":"48213","Amount":-12.50,"flag":true,"off":false,"gone":null,"memo":"é \"x\"","long":12345678901234567890.12},
		{"links":[],"id":48214}],"offset":0,"totalResults":2}`
	got, err := decodeRows([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{{"id": "48213", "amount": "-12.50", "flag": "T", "off": "F", "memo": `é "x"`, "long": "12345678901234567890.12"}, {"id": "48214"}}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
}

// What is no UTF-8 is replaced as encoding/json does it, in names and values.
func TestDecodeRowsRepairs(t *testing.T) {
	t.Parallel()
	got, err := decodeRows([]byte("{\"items\":[{\"memo\xff\":\"a\xff\xffb\"}]}"))
	if d := cmp.Diff(got, []Row{{"memo\ufffd": "a\ufffd\ufffdb"}}); d != "" || err != nil {
		t.Errorf("%v, (-got +want)\n%s", err, d)
	}
}

func TestDecodeRowsRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"nothing":            {"", "decode the rows: unexpected end of JSON input"},
		"a page of HTML":     {"<html>", "decode the rows: invalid character '<' looking for beginning of value"},
		"cut in a row":       {`{"items":[{"id":"1"},{"id":"2`, "decode the rows: unexpected end of JSON input"},
		"cut behind a quote": {`{"items":[{"id":"`, "decode the rows: unexpected end of JSON input"},
		"followed by more":   {`{"items":[{"id":"1"}]} {}`, "decode the rows: invalid character '{' after top-level value"},
		"a list":             {`[{"id":"1"}]`, "the answer has no items"},
		"items are no list":  {`{"items":{"id":"1"}}`, "the answer has no items"},
		"a row is no object": {`{"items":[{"id":"1"},[2]]}`, "row 1: want an object, got [2]"},
		"a value is a list":  {`{"items":[{"id":[1]}]}`, `row 0, column "id": want a plain value, got [1]`},
		"a short page":       {`{"hasMore":true,"items":[{"id":"1"}]}`, "the page ends after 1 rows, and says that more follow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := decodeRows([]byte(c.body))
			if rows != nil || err == nil || err.Error() != c.want {
				t.Errorf("got %v, %v, want %s", rows, err, c.want)
			}
		})
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text             string
		id, amount, date string // what is read; "!" for an error
	}{
		{"", "0", "0", ""},
		{"12", "12", "12", "!"},
		{"12.0", "12", "12", "!"},
		{"1E2", "100", "100", "!"},
		{"-.5", "!", "-0.5", "!"},
		{".5", "!", "0.5", "!"},
		{"-1280", "!", "-1280", "!"},
		{"0.123456789012345678901234", "!", "0.123456789012345678901234", "!"},
		{"1e999999999", "!", "!", "!"},
		{"1e-999999999", "!", "!", "!"},
		{"999999999999999999999", "!", "999999999999999999999", "!"},
		{"NaN", "!", "!", "!"},
		{"1,280.00", "!", "!", "!"},
		{" 7 ", "7", "7", "!"},
		{"2026-11-05", "!", "!", "2026-11-05"},
		{"2026-13-05", "!", "!", "!"},
		{"11/5/2026", "!", "!", "!"},
	} {
		t.Run(c.text, func(t *testing.T) {
			for _, read := range []struct {
				what, want string
				of         func(*reader) any
			}{
				{"id", c.id, func(x *reader) any { return x.id("c") }},
				{"amount", c.amount, func(x *reader) any { return x.amount("c") }},
				{"date", c.date, func(x *reader) any { return x.date("c") }},
			} {
				x := reader{r: Row{"c": c.text}, what: "row"}
				got := fmt.Sprint(read.of(&x))
				if x.err != nil {
					got = "!"
				}
				if got != read.want {
					t.Errorf("%s: got %s (%v), want %s", read.what, got, x.err, read.want)
				}
			}
		})
	}
}

// What is kept of a row is a copy: it does not keep a page of a megabyte in
// memory.
func TestReaderCopiesWhatIsKept(t *testing.T) {
	rows, err := decodeRows([]byte(`{"items":[{"memo":"inbound freight","trandate":"2026-11-05"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	x := reader{r: rows[0], what: "row"}
	var kept string
	var day Date
	for name, read := range map[string]func(){
		"text": func() { kept = x.text("memo") },
		"date": func() { day = x.date("trandate") },
	} {
		if got := testing.AllocsPerRun(10, read); got != 1 {
			t.Errorf("%s: %.0f allocations, want a copy", name, got)
		}
	}
	if kept != "inbound freight" || day != "2026-11-05" || x.err != nil {
		t.Errorf("got %q, %q, %v", kept, day, x.err)
	}
}

// An answer and a body that are cut anywhere are refused.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	page := `{"links":[{"rel":"self"}],"items":[{"links":[],"id":"1","a\u00e9\n":-1.5e3,"b":true,"c":null},{"id":"2\"\\"}],"hasMore":false}`
	body := `{"recordType":"vendorbill","id":"48213","x":[{"a\u00e9\n":-1.5e3,"b":true,"c":null},"2\"\\"]}`
	if _, err := decodeRows([]byte(page)); err != nil {
		t.Error(err)
	}
	if _, _, err := ParseEvent([]byte(body), nil, EventOptions{}); err != nil {
		t.Error(err)
	}
	for n := range page {
		if rows, err := decodeRows([]byte(page[:n])); err == nil || rows != nil {
			t.Errorf("%q: got %v", page[:n], rows)
		}
	}
	for n := range body {
		for _, o := range []EventOptions{{}, {IDPaths: []string{"id"}}} {
			if events, _, err := ParseEvent([]byte(body[:n]), nil, o); err == nil || events != nil {
				t.Errorf("%q: got %v", body[:n], events)
			}
		}
	}
}
