package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
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

// decodeJSON reads one JSON value of bounded depth, and of it what we look at:
// all of it if strict, for then we may look at any key. A key that comes twice
// is refused, wherever, and so is one that we look at in two spellings:
// encoding/json would take the last, other readers the first.
func decodeJSON(b []byte, strict bool) (any, error) {
	if !json.Valid(b) {
		var first json.RawMessage
		if json.NewDecoder(bytes.NewReader(b)).Decode(&first) == nil {
			return nil, errors.New("the JSON is followed by something else")
		}
		return nil, errDamaged
	}
	r := walker{b: b, strict: strict}
	return r.value(0, true)
}

// walker walks over JSON that is known to be valid. Almost all of a webhook's
// body is of no interest to us, so what is not looked at is not built either.
type walker struct {
	b      []byte
	at     int
	strict bool
}

// next goes to the next byte that is no white space.
func (r *walker) next() byte {
	for {
		switch c := r.b[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
}

// value reads a value; it is nil unless wanted.
func (r *walker) value(depth int, wanted bool) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("the JSON is nested deeper than %d", maxDepth)
	}
	switch r.next() {
	case '{':
		return r.object(depth, wanted)
	case '[':
		return r.list(depth, wanted)
	case '"':
		raw, escaped := r.text()
		if !wanted {
			return nil, nil
		}
		return unquoted(raw, escaped)
	}
	word := r.word()
	if !wanted {
		return nil, nil
	}
	switch word := string(word); word {
	case "null":
		return nil, nil
	case "true", "false":
		return word == "true", nil
	default:
		return json.Number(word), nil
	}
}

func (r *walker) list(depth int, wanted bool) (any, error) {
	list := []any{}
	for r.at++; r.comma() != ']'; {
		v, err := r.value(depth+1, wanted)
		if err != nil {
			return nil, err
		}
		if wanted {
			list = append(list, v)
		}
	}
	r.at++
	return list, nil
}

func (r *walker) object(depth int, wanted bool) (any, error) {
	var o object
	if wanted {
		o = object{}
	}
	var seen keysSeen
	for r.at++; r.comma() != '}'; {
		k, err := key(r.text())
		if err != nil {
			return nil, err
		}
		low := lower(k)
		looked := r.strict || read(low)
		if seen.add(k, low, looked) {
			return nil, fmt.Errorf("the key %.40q comes twice", k)
		}
		r.next()
		r.at++ // the colon
		v, err := r.value(depth+1, wanted && looked)
		if err != nil {
			return nil, err
		}
		if wanted && looked {
			o[low] = v
		}
	}
	r.at++
	return o, nil
}

// text takes a string with its quotes.
func (r *walker) text() (raw []byte, escaped bool) {
	begin := r.at
	for r.at++; ; r.at++ {
		switch r.b[r.at] {
		case '\\':
			escaped = true
			r.at++
		case '"':
			r.at++
			return r.b[begin:r.at], escaped
		}
	}
}

// raw takes a value as it stands.
func (r *walker) raw() []byte {
	c := r.next()
	begin := r.at
	switch c {
	case '"':
		r.text()
	case '{', '[':
		for depth := 0; ; {
			switch r.b[r.at] {
			case '"':
				r.text()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if r.at++; depth == 0 {
				return r.b[begin:r.at]
			}
		}
	default:
		r.word()
	}
	return r.b[begin:r.at]
}

// word takes a number, true, false or null.
func (r *walker) word() []byte {
	begin := r.at
	for r.at < len(r.b) && strings.IndexByte(",]} \t\n\r", r.b[r.at]) < 0 {
		r.at++
	}
	return r.b[begin:r.at]
}

// comma goes past a comma, if there is one, to what comes next.
func (r *walker) comma() byte {
	if r.next() == ',' {
		r.at++
	}
	return r.next()
}

func unquoted(raw []byte, escaped bool) (string, error) {
	if !escaped {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

// key is unquoted without a copy for the keys that we look at.
func key(raw []byte, escaped bool) (string, error) {
	if known, ok := lookedAt[string(raw[1:len(raw)-1])]; ok && !escaped {
		return known, nil
	}
	return unquoted(raw, escaped)
}

// keysSeen are the keys of an object so far: few are compared one by one, many by
// a map, so that an object of ten thousand costs no more than ten thousand.
type keysSeen struct {
	n       int
	few     [8]struct{ spelled, low string }
	spelled map[string]bool
	low     map[string]bool
}

// add reports whether a key came before: as it stands or, if we look at it, in
// another spelling.
func (s *keysSeen) add(k, low string, looked bool) (again bool) {
	if s.spelled == nil && s.n < len(s.few) {
		for _, f := range s.few[:s.n] {
			if f.low == low && (looked || f.spelled == k) {
				return true
			}
		}
		s.few[s.n].spelled, s.few[s.n].low = k, low
		s.n++
		return false
	}
	if s.spelled == nil {
		s.spelled, s.low = map[string]bool{}, map[string]bool{}
		for _, f := range s.few {
			s.spelled[f.spelled], s.low[f.low] = true, true
		}
	}
	if s.spelled[k] || looked && s.low[low] {
		return true
	}
	s.spelled[k], s.low[low] = true, true
	return false
}

// lower is strings.ToLower without a copy for the keys that we look at.
func lower(k string) string {
	var buf [16]byte
	if len(k) > len(buf) {
		return strings.ToLower(k)
	}
	changed := false
	for i := range len(k) {
		c := k[i]
		if c >= utf8.RuneSelf {
			return strings.ToLower(k)
		}
		if 'A' <= c && c <= 'Z' {
			c, changed = c+'a'-'A', true
		}
		buf[i] = c
	}
	if !changed {
		return k
	}
	if known, ok := lookedAt[string(buf[:len(k)])]; ok {
		return known
	}
	return string(buf[:len(k)])
}
