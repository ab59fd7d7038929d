package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Event is what a webhook says: this record may have changed.
type Event struct {
	Type RecordType // never "": an event without a type is unreadable
	ID   ID
	Kind string // created, updated, deleted or changed
}

// EventOptions are a tenant's hints for bodies that say too little.
type EventOptions struct {
	DefaultType RecordType // for events that name no type
}

// ErrNoRecord says that a body holds no usable record id.
type ErrNoRecord struct{ Detail string }

func (e ErrNoRecord) Error() string { return "no record id: " + e.Detail }

const (
	maxEvents = 1000 // of one body
	maxDepth  = 16   // of nested values
)

// The keys that may hold an id, a type and a kind, in order of preference
// (contract 5.4).
var (
	idKeys   = []string{"id", "internalId", "internalid", "recordId", "record_id", "recid", "nsId"}
	typeKeys = []string{"recordType", "recordtype", "record_type", "type", "topic", "entity"}
	kindKeys = []string{"eventType", "event_type", "event", "action", "operation", "triggerType"}
	wrappers = []string{"events", "records", "data", "payload", "record", "newRecord", "context"}
)

// ParseEvent finds record ids and types in whatever body a customer's script
// sends (contract 5.4). Everything else in the body is ignored. unsupported
// counts well-formed events of record types that are not synced. A body from
// which nothing can be read is an ErrNoRecord.
func ParseEvent(body []byte, query url.Values, o EventOptions) (events []Event, unsupported int, err error) {
	p := eventParser{o: o}
	trimmed := bytes.TrimSpace(body)
	switch {
	case !utf8.Valid(body):
		return nil, 0, ErrNoRecord{"the body is not UTF-8"}
	case len(trimmed) == 0:
		p.form(query)
	case trimmed[0] == '{' || trimmed[0] == '[':
		v, err := decodeStrict(trimmed)
		if err != nil {
			return nil, 0, ErrNoRecord{err.Error()}
		}
		p.value(v, found{})
	default:
		form, err := url.ParseQuery(string(trimmed))
		if err != nil {
			return nil, 0, ErrNoRecord{"the body is neither JSON nor a form"}
		}
		p.form(form)
	}
	switch {
	case p.err != nil:
		return nil, 0, p.err
	case len(p.events) == 0 && p.unsupported == 0:
		return nil, 0, ErrNoRecord{"none of the keys " + strings.Join(idKeys, ", ") + " holds a number beside a record type"}
	}
	return p.events, p.unsupported, nil
}

// object is a JSON object in which no key comes twice.
type object map[string]any

// decodeStrict decodes JSON of bounded depth. Keys that come twice, or that
// differ only in case and name an id or a type, are refused: two readers
// could take different ones.
func decodeStrict(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the JSON is followed by something else")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("the JSON is damaged")
	}
	switch t {
	case json.Delim('{'):
		return decodeObject(d, depth)
	case json.Delim('['):
		var list []any
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			if list = append(list, v); len(list) > maxEvents {
				return nil, fmt.Errorf("a list has more than %d entries", maxEvents)
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, errors.New("the JSON is damaged")
		}
		return list, nil
	}
	return t, nil
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	o := object{}
	folded := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("the JSON is damaged")
		}
		k, _ := t.(string)
		_, twice := o[k]
		low := strings.ToLower(k)
		sensitive := slices.Contains(idKeys, k) || slices.Contains(typeKeys, k) || slices.Contains([]string{"id", "internalid", "recordid", "recordtype", "type"}, low)
		if twice || sensitive && folded[low] {
			return nil, fmt.Errorf("the key %.40q comes twice", k)
		}
		folded[low] = true
		if o[k], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the JSON is damaged")
	}
	return o, nil
}

// found is what outer objects said: an inner one may lack it.
type found struct {
	typ  string
	kind string
}

type eventParser struct {
	o           EventOptions
	events      []Event
	unsupported int
	err         error
}

// value walks lists, wrappers and objects.
func (p *eventParser) value(v any, outer found) {
	if p.err != nil {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			p.value(e, outer)
		}
	case object:
		p.object(v, outer)
	}
}

func (p *eventParser) object(o object, outer found) {
	f := outer
	if s := first(o, kindKeys); s != "" {
		f.kind = s
	}
	if s := p.typeOf(o); s != "" {
		f.typ = s
	}
	// The Event Subscriber's context and payload are siblings: the type is in
	// one, the id in the other.
	for _, w := range wrappers {
		if in, ok := o[w].(object); ok {
			if s := p.typeOf(in); s != "" && f.typ == "" {
				f.typ = s
			}
		}
	}
	if id := idOf(o); id != "" {
		p.add(f, id)
		return
	}
	if s, ok := o["resource"].(string); ok { // topic style: "&id=12&recordtype=purchaseorder"
		if q, err := url.ParseQuery(strings.TrimPrefix(s, "&")); err == nil && q.Get("id") != "" {
			if t := q.Get("recordtype"); t != "" {
				f.typ = t
			}
			p.add(f, q.Get("id"))
			return
		}
	}
	for _, w := range wrappers {
		if in, ok := o[w]; ok {
			p.value(in, f)
		}
	}
}

// typeOf is the record type an object names: by a type key whose value is not
// a kind word, else by the prefix of its event name.
func (p *eventParser) typeOf(o object) string {
	for _, k := range typeKeys {
		s, ok := o[k].(string)
		if ok && s != "" && kindOf(s) == "" {
			return s
		}
	}
	if s := first(o, []string{"eventType", "event_type", "event"}); s != "" {
		if i := strings.IndexAny(s, "._:"); i > 0 && normalType(s[:i]) != "" {
			return s[:i]
		}
	}
	return ""
}

func (p *eventParser) form(q url.Values) {
	get := func(keys []string) string {
		for _, k := range keys {
			if v := q.Get(k); v != "" {
				return v
			}
		}
		return ""
	}
	id := get(idKeys)
	if id == "" {
		return
	}
	f := found{kind: get(kindKeys)}
	for _, k := range typeKeys {
		v := q.Get(k)
		switch {
		case v == "":
		case kindOf(v) != "":
			f.kind = v
		case f.typ == "":
			f.typ = v
		}
	}
	p.add(f, id)
}

// add keeps one event. An id that is no number is not an event; a type that
// we do not sync is counted.
func (p *eventParser) add(f found, id string) {
	n, err := ParseID(id)
	if err != nil {
		return
	}
	t := normalType(f.typ)
	switch {
	case f.typ == "" && p.o.DefaultType != "":
		t = p.o.DefaultType
	case f.typ == "":
		return
	case t == "":
		p.unsupported++
		return
	}
	if len(p.events) == maxEvents {
		p.err = ErrNoRecord{fmt.Sprintf("the body names more than %d records", maxEvents)}
		return
	}
	kind := kindOf(f.kind)
	if kind == "" {
		kind = "changed"
	}
	p.events = append(p.events, Event{Type: t, ID: n, Kind: kind})
}

// first is the first text among the keys of an object.
func first(o object, keys []string) string {
	for _, k := range keys {
		if s, ok := o[k].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// idOf is the first id of an object: a text or a whole number.
func idOf(o object) string {
	for _, k := range idKeys {
		switch v := o[k].(type) {
		case string:
			if _, err := ParseID(v); err == nil {
				return v
			}
		case json.Number:
			if _, err := ParseID(v.String()); err == nil {
				return v.String()
			}
		}
	}
	return ""
}

func squeeze(s string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(s))
}

// normalType reads the spellings of our record types; "" for others.
func normalType(s string) RecordType {
	switch squeeze(s) {
	case "vendor", "supplier":
		return TypeVendor
	case "purchaseorder", "purchord", "po":
		return TypePurchaseOrder
	case "itemreceipt", "itemrcpt":
		return TypeItemReceipt
	case "vendorbill", "vendbill", "bill":
		return TypeVendorBill
	case "vendorcredit", "vendcred":
		return TypeVendorCredit
	}
	return ""
}

// kindOf reads the words for what happened; "" for others. A dotted event
// name counts by its last part.
func kindOf(s string) string {
	s = squeeze(s[strings.LastIndexAny(s, ".:")+1:])
	switch s {
	case "create", "created", "copy":
		return "created"
	case "edit", "edited", "update", "updated", "xedit", "approve", "save", "change", "changed":
		return "updated"
	case "delete", "deleted":
		return "deleted"
	}
	return ""
}
