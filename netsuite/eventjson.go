package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// formObject reads form fields; a field that we look at may come once.
func formObject(q url.Values, strict bool) (object, error) {
	o := object{}
	for k, values := range q {
		low := strings.ToLower(k)
		if _, again := o[low]; (strict || read(low)) && (again || len(values) > 1) {
			return nil, fmt.Errorf("the field %.40q comes twice", k)
		}
		if len(values) > 0 {
			o[low] = values[0]
		}
	}
	return o, nil
}

var errDamaged = errors.New("the JSON is damaged")

// decodeJSON reads one JSON value of bounded depth. A key that comes twice is
// refused, and so is one that we look at in two spellings: encoding/json would
// take the last, other readers the first. strict: we may look at any key.
func decodeJSON(b []byte, strict bool) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := decodeValue(d, 0, strict)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the JSON is followed by something else")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int, strict bool) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errDamaged
	}
	switch t {
	case json.Delim('{'):
		return decodeObject(d, depth, strict)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1, strict)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, closing(d)
	}
	return t, nil
}

func decodeObject(d *json.Decoder, depth int, strict bool) (any, error) {
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
		if o[low], err = decodeValue(d, depth+1, strict); err != nil {
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
