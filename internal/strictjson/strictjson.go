// Package strictjson finds in a JSON document what encoding/json reads without
// a word although two readers may read it differently: a key that comes twice,
// of which it takes the last, and a key in another case than the field's,
// which it takes too.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// maxDepth is more than any document of ours is nested.
const maxDepth = 32

// Check reads a document that shall become a value of the type of into, a
// pointer. Its error names the key and never a value. Damaged JSON is left to
// the decoder, whose error says more.
func Check(b []byte, into any) error {
	_, err := value(json.NewDecoder(bytes.NewReader(b)), reflect.TypeOf(into), 0)
	return err
}

// WrongType is the decoder's error of a value of the wrong type in words for
// who wrote it. It leaves out the value, which the error has of numbers.
func WrongType(err *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(err.Value, " ")
	return "this may not be a JSON " + kind
}

// value reads one value; damaged says that there is none.
func value(d *json.Decoder, t reflect.Type, depth int) (damaged bool, err error) {
	if depth > maxDepth {
		return false, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	tok, err := d.Token()
	if err != nil {
		return true, nil //nolint:nilerr // the decoder reports it
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tok {
	case json.Delim('{'):
		damaged, err = object(d, t, depth)
	case json.Delim('['):
		for d.More() && !damaged && err == nil {
			damaged, err = value(d, element(t), depth+1)
		}
	default:
		return false, nil
	}
	if damaged || err != nil {
		return damaged, err
	}
	_, end := d.Token() // the closing bracket
	return end != nil, nil
}

func object(d *json.Decoder, t reflect.Type, depth int) (damaged bool, err error) {
	fields := fieldsOf(t)
	seen := map[string]bool{}
	for d.More() {
		tok, end := d.Token()
		k, ok := tok.(string)
		if end != nil || !ok {
			return true, nil //nolint:nilerr // the decoder reports it
		}
		if seen[k] {
			return false, fmt.Errorf("the key %.60q comes twice", k)
		}
		seen[k] = true
		next := element(t)
		if fields != nil {
			f, known := fields[k]
			if name, other := spelled(fields, k); !known && other {
				return false, fmt.Errorf("the key %.60q is written %q", k, name)
			}
			next = f
		}
		if damaged, err = value(d, next, depth+1); damaged || err != nil {
			return damaged, err
		}
	}
	return false, nil
}

// element is the type of what a list or a map holds; nil when unknown.
func element(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
		return t.Elem()
	}
	return nil
}

// fieldsOf are a struct's fields by their JSON names; nil when it is none.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case name == "" && f.Anonymous:
			continue // its own fields are visible themselves
		case name == "":
			name = f.Name
		}
		out[name] = f.Type
	}
	return out
}

func spelled(fields map[string]reflect.Type, k string) (string, bool) {
	for name := range fields {
		if strings.EqualFold(name, k) {
			return name, true
		}
	}
	return "", false
}
