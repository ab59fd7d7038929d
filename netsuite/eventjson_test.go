package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeJSON holds the reader of webhook bodies to one made of
// encoding/json's tokens, which builds everything: both must find the same
// records and refuse the same bodies.
func FuzzDecodeJSON(f *testing.F) {
	many := strings.Builder{}
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	for _, s := range []string{
		`{"recordType":"vendorbill","id":"48213","memo":"a \"quoted\" \u00e9 \ud83d\ude00"}`, ` [ {"type" : "po" , "id":1.5e3}, {"TYPE":"vendor","ID":7}, null, true, [ ] , { } ] `,
		`{"a":1,"A":2,"recordtype":"bill","id":3}`, `{"a":1,"\u0061":2}`, `{"id":1,"Id":2}`, `{"x":{"id":1,"ID":2}}`, `{"x":[{"y":1,"y":2}]}`, `{"id":1} {}`, `{"id":1}x`, `{"id":`, `[1,]`, `{"id":01}`, `"\ud800"`, `{"\ud800":1,"\ud801":2}`,
		`{` + many.String() + `"k3":1}`, `{` + many.String() + `"K3":1}`, `{` + many.String() + `"id":1,"ID":2}`, `{` + many.String() + `"recordType":"bill","id":12}`,
		strings.Repeat("[", 16) + strings.Repeat("]", 16), strings.Repeat("[", 17) + strings.Repeat("]", 17), strings.Repeat("[", 18) + strings.Repeat("]", 18), strings.Repeat(`{"x":`, 17) + "1" + strings.Repeat("}", 17),
		`{"İd":1,"K":2,"k":3}`, `{"resource":"&id=12&recordtype=purchaseorder"}`, `{"payload":{"newRecord":{"internalid":"5","entity":"vendor"}}}`, "{\"a\":\"\x7f\"}", "[\"\x01\"]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) || len(b) == 0 {
			t.Skip() // decodeBody refuses it
		}
		for _, o := range []EventOptions{{}, {DefaultType: TypeVendor}, {IDPaths: []string{"x.y", "k3"}, TypePaths: []string{"a"}}} {
			want, wantErr := reference(b, o.strict())
			got, err := decodeJSON(b, o.strict())
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("strict %v: %q: got %v, want %v", o.strict(), b, err, wantErr)
			}
			if err != nil {
				continue
			}
			if d := cmp.Diff(o.find(got), o.find(want), cmp.AllowUnexported(hit{})); d != "" {
				t.Fatalf("strict %v: %q: -got +want\n%s", o.strict(), b, d)
			}
		}
	})
}

func reference(b []byte, strict bool) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	v, err := referenceValue(d, 0, strict)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errDamaged
	}
	return v, nil
}

func referenceValue(d *json.Decoder, depth int, strict bool) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errDamaged
	}
	switch t {
	case json.Delim('{'):
		return referenceObject(d, depth, strict)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := referenceValue(d, depth+1, strict)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, closing(d)
	}
	return t, nil
}

func referenceObject(d *json.Decoder, depth int, strict bool) (any, error) {
	o := object{}
	spelled := map[string]bool{} // keys as they stand
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errDamaged
		}
		k, _ := t.(string)
		low := strings.ToLower(k)
		if _, again := o[low]; spelled[k] || again && (strict || read(low)) {
			return nil, fmt.Errorf("the key %.40q comes twice", k)
		}
		spelled[k] = true
		if o[low], err = referenceValue(d, depth+1, strict); err != nil {
			return nil, err
		}
	}
	return o, closing(d)
}

// closing takes the bracket that ends a list or an object.
func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errDamaged
	}
	return nil
}
