package netsuite

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
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
	// The compiler puts this function, and so the room for one event, into the caller's.
	return appendEvents(make([]Event, 0, 1), body, query, o)
}

func appendEvents(events []Event, body []byte, query url.Values, o EventOptions) (_ []Event, unsupported int, err error) {
	// Room for what most bodies say, so that reading them allocates little.
	var values [32]value
	var open [32]string
	var hits [4]hit
	m := message{strict: o.strict(), values: values[:1], open: open[:0], hits: hits[:0]}
	top, err := m.body(body)
	if err != nil {
		return nil, 0, ErrNoRecord{err.Error()}
	}
	m.find(top, o)
	if len(m.hits) == 0 {
		if top, err = m.form(query); err != nil {
			return nil, 0, ErrNoRecord{err.Error()}
		}
		m.find(top, o)
	}
	switch {
	case len(m.hits) == 0 && o.strict():
		return nil, 0, ErrNoRecord{"neither the tenant's id_paths (" + strings.Join(o.IDPaths, ", ") + ") nor any of the keys " + strings.Join(idKeys[:], ", ") + " holds a number beside a record type"}
	case len(m.hits) == 0:
		return nil, 0, ErrNoRecord{"none of the keys " + strings.Join(idKeys[:], ", ") + " holds a number beside a record type"}
	case len(m.hits) > maxEvents:
		return nil, 0, ErrNoRecord{fmt.Sprintf("the body names more than %d records", maxEvents)}
	}
	for _, h := range m.hits {
		if h.typ == unsynced {
			unsupported++
			continue
		}
		events = append(events, Event{Type: h.typ, ID: h.id, Kind: cmp.Or(h.kind, kindChanged)})
	}
	return events, unsupported, nil
}

// find finds the records by the tenant's paths, else by what scripts use.
func (m *message) find(v int, o EventOptions) {
	if len(o.IDPaths) > 0 {
		m.byPaths(v, o)
	}
	if len(m.hits) == 0 {
		m.resolve(v, hit{typ: named(string(o.DefaultType))})
	}
}

// byPaths finds the records whose id is at one of the tenant's paths, in the
// value, in lists, and in what may hold events.
func (m *message) byPaths(v int, o EventOptions) {
	switch m.values[v].kind {
	case '[':
		for i := v + 1; i < m.values[v].end; i = m.values[i].end {
			m.byPaths(i, o)
		}
	case '{':
		h := hit{kind: m.kind(v)}
		for _, p := range o.IDPaths {
			if h.id = m.values[m.at(v, p)].id(); h.id != 0 {
				break
			}
		}
		if h.id == 0 {
			for _, in := range m.unwrap(nil, v) {
				m.byPaths(in, o)
			}
			return
		}
		for _, p := range o.TypePaths {
			s := m.values[m.at(v, p)].string()
			if h.typ = cmp.Or(typeIn(s), named(s)); h.typ != "" {
				break
			}
		}
		if h.typ == "" {
			h.typ, _ = m.typ(v)
		}
		if h.typ = cmp.Or(h.typ, named(string(o.DefaultType))); h.typ != "" {
			push(&m.hits, h)
		}
	}
}

// hit is a record that a body names, or what outer objects said of the inner.
type hit struct {
	typ  RecordType // unsynced if it is none of ours
	kind string     // one of our words, or ""
	id   ID
}

// resolve finds the records that a value names. They are sure when an object
// holds an id and a type of its own. Guesses, which take their type from
// around them, count only where nothing is sure: an envelope's number is not
// taken for a record, and a context's number not for the record beside it.
func (m *message) resolve(v int, outer hit) (sure bool) {
	switch m.values[v].kind {
	case '[':
		for i := v + 1; i < m.values[v].end; i = m.values[i].end {
			sure = m.resolve(i, outer) || sure
		}
	case '{':
		return m.object(v, outer)
	}
	return sure
}

// object is resolve for an object.
func (m *message) object(v int, outer hit) (sure bool) {
	around := hit{typ: outer.typ, kind: cmp.Or(m.kind(v), outer.kind)}
	own, byKey := m.typ(v)
	if own != "" {
		around.typ = own
	}
	var room [len(wrappers) + 1]int
	inner := m.unwrap(room[:0], v)
	// The type and the id of an Event Subscriber are in siblings: context and payload.
	for _, in := range inner {
		if own == "" {
			if t, _ := m.typ(in); t != "" {
				around.typ = t
				break
			}
		}
	}
	begin := len(m.hits)
	for _, in := range inner {
		end := len(m.hits)
		switch s := m.resolve(in, around); {
		case s && !sure: // the hits so far were guesses
			n := copy(m.hits[begin:], m.hits[end:])
			m.hits, sure = m.hits[:begin+n], true
		case !s && sure:
			m.hits = m.hits[:end]
		}
	}
	mine := hit{typ: around.typ, kind: around.kind, id: m.id(v)}
	switch {
	case mine.id == 0 || mine.typ == "":
		return sure
	case byKey && !sure:
		m.hits = m.hits[:begin]
	case byKey:
		for _, h := range m.hits[begin:] {
			if h.id == mine.id && h.typ == mine.typ {
				return true // the serialised record repeats its envelope
			}
		}
	case len(m.hits) > begin:
		return sure
	}
	push(&m.hits, mine)
	return byKey
}
