package cin7test

import (
	"encoding/json"
	"reflect"
	"strings"
)

// unknownNames lists the names in a JSON body that its struct has no field
// for, as dotted paths.
func unknownNames(body []byte, into any) []string {
	var out []string
	walkNames(body, reflect.TypeOf(into), "", map[string]bool{}, &out)
	return out
}

func walkNames(raw json.RawMessage, t reflect.Type, at string, seen map[string]bool, out *[]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil {
			for _, i := range items {
				walkNames(i, t.Elem(), at, seen, out)
			}
		}
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
			return
		}
		fields := map[string]json.RawMessage{}
		if json.Unmarshal(raw, &fields) != nil {
			return
		}
		for name, value := range fields {
			path := strings.TrimPrefix(at+"."+name, ".")
			f, ok := t.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, name) })
			switch {
			case ok:
				walkNames(value, f.Type, path, seen, out)
			case !seen[path]:
				seen[path] = true
				*out = append(*out, path)
			}
		}
	}
}
