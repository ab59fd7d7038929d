package netsuite

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

var errFollowed = errors.New("the JSON is followed by something else")

// message is what a webhook says of what we look at: values in the order in
// which they came, behind a list or an object what is in it. A value is named by
// its place among them; 0 is that of no value.
type message struct {
	strict bool // any key may be one that we look at
	values []value
	open   []string // keys of the objects that are being read
	hits   []hit    // the records found
}

// value is a value of JSON, or a field of a form.
type value struct {
	key  string // in lower case, of a member of an object
	text string // what a string says, or a number, true, false or null
	end  int    // the place behind all that is in it
	kind byte   // the first byte of the value, 0 of none
}

func (m *message) add(v value) int {
	v.end = len(m.values) + 1
	push(&m.values, v)
	return v.end - 1
}

// push is append for a list that begins on the stack and stays there while it
// fits; append itself would have it moved to the heap.
func push[T any](list *[]T, v T) {
	n := len(*list)
	if n == cap(*list) {
		*list = append(make([]T, 0, 4*n), *list...)
	}
	*list = (*list)[:n+1]
	(*list)[n] = v
}

// body reads what was posted.
func (m *message) body(body []byte) (int, error) {
	if !utf8.Valid(body) {
		return 0, errors.New("the body is not UTF-8")
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		return m.json(string(body))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return 0, errors.New("the body is neither JSON nor a form")
	}
	return m.form(form)
}

// form reads form fields; a field that we look at may come once.
func (m *message) form(q url.Values) (int, error) {
	form, outer := m.add(value{kind: '{'}), len(m.open)
	for k, texts := range q {
		key, looked := m.looked(k)
		for _, text := range texts {
			if looked {
				push(&m.open, key)
				m.add(value{key: key, kind: '"', text: text})
			}
		}
	}
	m.values[form].end = len(m.values)
	if k, again := m.close(outer); again {
		return 0, fmt.Errorf("the field %.40q comes twice", k)
	}
	return form, nil
}

// json reads one JSON value of bounded depth, and of it what we look at: all of
// it if strict, for then we may look at any key. A key that comes twice is
// refused, wherever, and so is one that we look at in two spellings:
// encoding/json would take the last, other readers the first.
func (m *message) json(s string) (int, error) {
	w := walker{s: s}
	top := len(m.values)
	m.value(&w, 0, "", true)
	w.end(errFollowed)
	return top, w.err
}

// value reads a value and, if wanted, keeps it under a key.
func (m *message) value(w *walker, depth int, key string, wanted bool) {
	if depth > maxDepth {
		w.fail(fmt.Errorf("the JSON is nested deeper than %d", maxDepth))
		return
	}
	v := value{key: key, kind: w.next()}
	switch v.kind {
	case '{', '[':
		place := 0
		if wanted {
			place = m.add(v)
		}
		if w.at++; v.kind == '{' {
			m.members(w, depth, wanted)
		} else {
			for first := true; w.more(first, ']'); first = false {
				m.value(w, depth+1, "", wanted)
			}
		}
		if wanted {
			m.values[place].end = len(m.values)
		}
		return
	case '"':
		s, escaped := w.text()
		if wanted {
			v.text = unquoted(s, escaped)
		}
	default:
		v.text = w.word()
	}
	if wanted {
		m.add(v)
	}
}

// members reads the inside of an object.
func (m *message) members(w *walker, depth int, wanted bool) {
	outer := len(m.open)
	for first := true; w.more(first, '}'); first = false {
		key, looked := m.looked(unquoted(w.key()))
		push(&m.open, key)
		m.value(w, depth+1, key, wanted && looked)
	}
	if k, again := m.close(outer); again {
		w.fail(fmt.Errorf("the key %.40q comes twice", k))
	}
}

// close leaves an object for what is around it, and finds a key of its that
// came twice.
func (m *message) close(outer int) (key string, again bool) {
	keys := m.open[outer:]
	m.open = m.open[:outer]
	slices.Sort(keys)
	for i, k := range keys {
		if i > 0 && k == keys[i-1] {
			return k, true
		}
	}
	return "", false
}

// looked says whether we look at a key. If so, its case does not count: two
// spellings of it in one object could be read differently by two readers.
func (m *message) looked(k string) (string, bool) {
	if known := lookedAt[string(lower(new(word), k, ""))]; known != "" {
		return known, true
	}
	if m.strict {
		return strings.ToLower(k), true
	}
	return k, false
}

// get finds a member of an object.
func (m *message) get(object int, key string) int {
	if m.values[object].kind == '{' {
		for i := object + 1; i < m.values[object].end; i = m.values[i].end {
			if m.values[i].key == key {
				return i
			}
		}
	}
	return 0
}

// at finds the value at a path of keys joined by dots.
func (m *message) at(object int, path string) int {
	for rest, more := strings.ToLower(path), true; more; {
		var k string
		k, rest, more = strings.Cut(rest, ".")
		object = m.get(object, k)
	}
	return object
}

// text is what a member of an object says, "" if it is no string.
func (m *message) text(object int, key string) string {
	return m.values[m.get(object, key)].string()
}

func (v value) string() string {
	if v.kind != '"' {
		return ""
	}
	return v.text
}
