package netsuite

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
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
	// IDPaths and TypePaths say where a script of the customer's own puts id and
	// type: keys joined by dots, from the event's object on, case does not count.
	// Where one of IDPaths holds an id, nothing else is looked at.
	IDPaths, TypePaths []string
}

// strict: any key may be one that we look at.
func (o EventOptions) strict() bool { return len(o.IDPaths)+len(o.TypePaths) > 0 }

// ErrNoRecord says that a body holds no usable record id. Its text quotes at
// most a key of the body.
type ErrNoRecord struct{ Detail string }

func (e ErrNoRecord) Error() string { return "no record id: " + e.Detail }

const (
	maxEvents = 1000 // of one body
	maxDepth  = 16   // of nested values
)

// ParseEvent finds record ids and types in whatever body a customer's script
// sends (contract 5.4): JSON, a form, or nothing but the URL's query, told
// apart by the first byte because content types lie. Everything else in the
// body is ignored. unsupported counts well-formed events of record types that
// are not synced. A body from which nothing can be read, or that two readers
// could read differently, is an ErrNoRecord.
func ParseEvent(body []byte, query url.Values, o EventOptions) (events []Event, unsupported int, err error) {
	v, err := decodeBody(body, o.strict())
	if err != nil {
		return nil, 0, ErrNoRecord{err.Error()}
	}
	hits := o.find(v)
	if len(hits) == 0 {
		q, err := formObject(query, o.strict())
		if err != nil {
			return nil, 0, ErrNoRecord{err.Error()}
		}
		hits = o.find(q)
	}
	switch {
	case len(hits) == 0 && o.strict():
		return nil, 0, ErrNoRecord{"neither the tenant's id_paths (" + strings.Join(o.IDPaths, ", ") + ") nor any of the keys " + strings.Join(idKeys[:], ", ") + " holds a number beside a record type"}
	case len(hits) == 0:
		return nil, 0, ErrNoRecord{"none of the keys " + strings.Join(idKeys[:], ", ") + " holds a number beside a record type"}
	case len(hits) > maxEvents:
		return nil, 0, ErrNoRecord{fmt.Sprintf("the body names more than %d records", maxEvents)}
	}
	for _, h := range hits {
		t := typeNamed(h.typ)
		if t == "" {
			unsupported++
			continue
		}
		if h.kind == "" {
			h.kind = kindChanged
		}
		events = append(events, Event{Type: t, ID: h.id, Kind: h.kind})
	}
	return events, unsupported, nil
}

// find finds the records by the tenant's paths, else by what scripts use.
func (o EventOptions) find(v any) []hit {
	if len(o.IDPaths) > 0 {
		if hits := o.byPaths(v); len(hits) > 0 {
			return hits
		}
	}
	hits, _ := resolve(v, hit{typ: string(o.DefaultType)})
	return hits
}

// byPaths finds the records whose id is at one of the tenant's paths, in the
// value, in lists, and in what may hold events.
func (o EventOptions) byPaths(v any) (hits []hit) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			hits = append(hits, o.byPaths(e)...)
		}
	case object:
		h := hit{kind: v.kind()}
		for _, p := range o.IDPaths {
			if h.id = asID(v.at(p)); h.id != 0 {
				break
			}
		}
		if h.id == 0 {
			for _, w := range v.unwrap() {
				hits = append(hits, o.byPaths(w)...)
			}
			return hits
		}
		for _, p := range o.TypePaths {
			s, _ := v.at(p).(string)
			if h.typ = typeIn(s); h.typ != "" {
				break
			}
			if h.typ = s; s != "" {
				break
			}
		}
		if h.typ == "" {
			h.typ, _ = v.typ()
		}
		if h.typ == "" {
			h.typ = string(o.DefaultType)
		}
		if h.typ != "" {
			hits = append(hits, h)
		}
	}
	return hits
}

func decodeBody(body []byte, strict bool) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		return decodeJSON(body, strict)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is neither JSON nor a form")
	}
	return formObject(form, strict)
}

// hit is a record that a body names, or what outer objects said of the inner.
type hit struct {
	typ  string // as it was spelled
	kind string // one of our words, or ""
	id   ID
}

// resolve finds the records that a value names. They are sure when an object
// holds an id and a type of its own. Guesses, which take their type from
// around them, count only where nothing is sure: an envelope's number is not
// taken for a record, and a context's number not for the record beside it.
func resolve(v any, outer hit) (hits []hit, sure bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			h, s := resolve(e, outer)
			hits, sure = append(hits, h...), sure || s
		}
		return hits, sure
	case object:
		return v.resolve(outer)
	}
	return nil, false
}

func (o object) resolve(outer hit) (hits []hit, sure bool) {
	around := hit{typ: outer.typ, kind: outer.kind}
	if k := o.kind(); k != "" {
		around.kind = k
	}
	own, named := o.typ()
	if own != "" {
		around.typ = own
	}
	inner := o.unwrap()
	// The type and the id of an Event Subscriber are in siblings: context and payload.
	for _, w := range inner {
		if in, ok := w.(object); ok && own == "" {
			if t, _ := in.typ(); t != "" {
				around.typ = t
				break
			}
		}
	}
	for _, w := range inner {
		h, s := resolve(w, around)
		if s && !sure {
			hits = nil // guesses found so far
		}
		if s || !sure {
			hits = append(hits, h...)
		}
		sure = sure || s
	}
	id := o.id()
	mine := hit{typ: around.typ, kind: around.kind, id: id}
	switch {
	case id == 0 || mine.typ == "":
		return hits, sure
	case named && !sure:
		return []hit{mine}, true
	case named:
		for _, h := range hits {
			if h.id == id && typeNamed(h.typ) == typeNamed(mine.typ) {
				return hits, true // the serialised record repeats its envelope
			}
		}
		return append(hits, mine), true
	case len(hits) == 0:
		return []hit{mine}, false
	}
	return hits, sure
}
