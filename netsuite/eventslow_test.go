package netsuite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// slowEvents reads a webhook's JSON as contract 5.4 says, with encoding/json's
// tokens, maps of everything and no thought of speed: what ParseEvent is held to.
func slowEvents(body []byte, o EventOptions) (events []Event, unsupported int, err error) {
	if !utf8.Valid(body) {
		return nil, 0, errors.New("not UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	v, err := slowValue(d, 0, o.strict())
	if err != nil {
		return nil, 0, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, 0, errFollowed
	}
	found := slowPaths(v, o)
	if len(found) == 0 {
		found, _ = slowRecords(v, slowRecord{typ: string(o.DefaultType)}, o.strict())
	}
	if len(found) == 0 || len(found) > maxEvents {
		return nil, 0, fmt.Errorf("%d records", len(found))
	}
	for _, r := range found {
		if r.kind == "" {
			r.kind = "changed"
		}
		if t := slowTypes[slowSqueeze(r.typ)]; t != "" {
			events = append(events, Event{t, r.id, r.kind})
		} else {
			unsupported++
		}
	}
	return events, unsupported, nil
}

func slowValue(d *json.Decoder, depth int, strict bool) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o, spelled := map[string]any{}, map[string]bool{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			k, _ := t.(string)
			low := strings.ToLower(k)
			if _, again := o[low]; spelled[k] || again && (strict || lookedAt[low] != "") {
				return nil, fmt.Errorf("the key %q comes twice", k)
			}
			spelled[k] = true
			if o[low], err = slowValue(d, depth+1, strict); err != nil {
				return nil, err
			}
		}
		_, err = d.Token() // the bracket
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := slowValue(d, depth+1, strict)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return t, nil
}

type slowRecord struct {
	typ, kind string
	id        ID
}

// slowRecords finds the records in a value, and whether they are sure: named by
// an id beside a type, not by a number in some envelope.
func slowRecords(v any, outer slowRecord, strict bool) (found []slowRecord, sure bool) {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			f, s := slowRecords(e, outer, strict)
			found, sure = append(found, f...), sure || s
		}
		return found, sure
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	mine := outer
	if k := slowKind(o); k != "" {
		mine.kind = k
	}
	own, byKey := slowType(o)
	types := []string{own}
	for _, in := range slowInner(o, strict) {
		in, _ := in.(map[string]any)
		t, _ := slowType(in)
		types = append(types, t) // an Event Subscriber names the type beside the record
	}
	if i := slices.IndexFunc(types, func(t string) bool { return t != "" }); i >= 0 {
		mine.typ = types[i]
	}
	var surely, perhaps []slowRecord
	for _, in := range slowInner(o, strict) {
		if f, s := slowRecords(in, mine, strict); s {
			surely, sure = append(surely, f...), true
		} else {
			perhaps = append(perhaps, f...)
		}
	}
	if found = perhaps; sure {
		found = surely
	}
	for _, k := range idKeys {
		if mine.id = slowID(o[k]); mine.id != 0 {
			break
		}
	}
	repeated := slices.ContainsFunc(found, func(f slowRecord) bool {
		return f.id == mine.id && slowTypes[slowSqueeze(f.typ)] == slowTypes[slowSqueeze(mine.typ)]
	})
	switch {
	case mine.id == 0 || mine.typ == "" || sure && byKey && repeated || !byKey && len(found) > 0:
		return found, sure
	case byKey && !sure:
		return []slowRecord{mine}, true
	}
	return append(found, mine), byKey
}

// slowPaths finds the records by the paths of a tenant.
func slowPaths(v any, o EventOptions) (found []slowRecord) {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			found = append(found, slowPaths(e, o)...)
		}
		return found
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	r := slowRecord{kind: slowKind(in)}
	for _, p := range o.IDPaths {
		if r.id == 0 {
			r.id = slowID(slowAt(in, p))
		}
	}
	if r.id == 0 {
		for _, w := range slowInner(in, true) {
			found = append(found, slowPaths(w, o)...)
		}
		return found
	}
	var types []string
	for _, p := range o.TypePaths {
		s, _ := slowAt(in, p).(string)
		types = append(types, slowTypeIn(s), s)
	}
	t, _ := slowType(in)
	for _, t := range append(types, t, string(o.DefaultType)) {
		if t != "" {
			r.typ = t
			return []slowRecord{r}
		}
	}
	return nil
}

func slowAt(v any, path string) any {
	for _, k := range strings.Split(strings.ToLower(path), ".") {
		o, _ := v.(map[string]any)
		v = o[k]
	}
	return v
}

// slowInner lists what may hold events inside an object.
func slowInner(o map[string]any, strict bool) (in []any) {
	for _, k := range wrappers {
		in = append(in, o[k])
	}
	if s, ok := o["resource"].(string); ok {
		q, err := url.ParseQuery(strings.TrimLeft(s, "?&"))
		form := map[string]any{}
		for k, texts := range q {
			low := strings.ToLower(k)
			if form[low] != nil || len(texts) > 1 {
				if strict || lookedAt[low] != "" {
					return in
				}
			}
			form[low] = texts[0]
		}
		delete(form, "resource")
		if err == nil {
			in = append(in, form)
		}
	}
	return in
}

func slowType(o map[string]any) (typ string, byKey bool) {
	for _, k := range typeKeys {
		s, _ := o[k].(string)
		if t := slowTypeIn(s); t != "" {
			return t, true
		}
		if typ == "" && k != "entity" && slowKindOf(s) == "" && strings.Trim(s, "0123456789") != "" {
			typ, byKey = s, true
		}
	}
	for _, k := range nameKeys {
		s, _ := o[k].(string)
		if t := slowTypeIn(s); t != "" {
			return t, false
		}
	}
	return typ, byKey
}

// slowTypeIn is the longest type that s begins with, up to a mark.
func slowTypeIn(s string) string {
	for end := len(s); end > 0 && len(s) <= maxWord; end-- {
		if (end == len(s) || strings.ContainsRune("._:", rune(s[end]))) && slowTypes[slowSqueeze(s[:end])] != "" {
			return s[:end]
		}
	}
	return ""
}

var slowMarks = strings.NewReplacer(" ", "", "_", "", "-", "")

func slowSqueeze(s string) string { return slowMarks.Replace(strings.ToLower(s)) }

func slowKind(o map[string]any) string {
	for _, k := range slices.Concat(kindKeys[:], typeKeys[:]) {
		s, _ := o[k].(string)
		if kind := slowKindOf(s); kind != "" {
			return kind
		}
	}
	return ""
}

func slowKindOf(s string) string {
	parts := strings.FieldsFunc(strings.ToLower("."+s+"."), func(r rune) bool { return strings.ContainsRune("._: ", r) })
	if len(parts) == 0 || !strings.HasSuffix(strings.ToLower(s), parts[len(parts)-1]) {
		return ""
	}
	return slowKinds[parts[len(parts)-1]]
}

func slowID(v any) ID {
	id, err := ParseID(fmt.Sprint(v))
	if err != nil {
		return 0
	}
	return id
}

var (
	slowTypes = slowWords(map[RecordType]string{
		"vendor": "vendor supplier", "purchaseorder": "purchaseorder purchord po", "itemreceipt": "itemreceipt itemrcpt",
		"vendorbill": "vendorbill vendbill bill", "vendorcredit": "vendorcredit vendcred",
	})
	slowKinds = slowWords(map[string]string{
		"created": "create created copy", "updated": "edit edited update updated xedit approve approved save saved change",
		"deleted": "delete deleted", "changed": "changed cancel reject dropship specialorder orderitems paybills",
	})
)

// slowWords turns what each thing is called round.
func slowWords[T comparable](called map[T]string) map[string]T {
	out := map[string]T{}
	for t, words := range called {
		for _, w := range strings.Fields(words) {
			out[w] = t
		}
	}
	return out
}
