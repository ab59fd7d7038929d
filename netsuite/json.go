package netsuite

import (
	"encoding/json"
	"errors"
	"math/bits"
	"strings"
)

// walker goes over JSON once and checks it on the way: it takes what
// encoding/json takes, copies nothing and builds nothing. Its first error ends
// it: from there on nothing follows.
type walker struct {
	s   string
	at  int
	err error
}

var errDamaged = errors.New("the JSON is damaged")

func (w *walker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.at = len(w.s)
}

// next goes to the next byte that is no white space; it is 0 at the end.
func (w *walker) next() byte {
	for ; w.at < len(w.s); w.at++ {
		switch c := w.s[w.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// more goes to the next element of a list or member of an object, past the
// comma unless it is the first. When there is none, it goes past the bracket.
func (w *walker) more(first bool, closing byte) bool {
	switch c := w.next(); {
	case c == closing:
		w.at++
		return false
	case first:
		return w.err == nil
	case c == ',':
		w.at++
		return true
	}
	w.fail(errDamaged)
	return false
}

// end wants nothing more.
func (w *walker) end(otherwise error) {
	if w.next() != 0 || w.at < len(w.s) {
		w.fail(otherwise)
	}
}

// key takes the key of a member, and the colon.
func (w *walker) key() (k string, escaped bool) {
	k, escaped = w.text()
	if w.next() != ':' {
		w.fail(errDamaged)
		return "", false
	}
	w.at++
	return k, escaped
}

// text takes a string: what is between its quotes, as it stands.
func (w *walker) text() (s string, escaped bool) {
	if w.next() != '"' {
		w.fail(errDamaged)
		return "", false
	}
	w.at++
	for begin := w.at; ; {
		w.at += plain(w.s[w.at:])
		rest := w.s[w.at:]
		if strings.HasPrefix(rest, `"`) {
			w.at++
			return w.s[begin : w.at-1], escaped
		}
		n := escape(rest)
		if n == 0 {
			w.fail(errDamaged)
			return "", false
		}
		w.at, escaped = w.at+n, true
	}
}

// word takes a number, true, false or null.
func (w *walker) word() string {
	rest := w.s[w.at:]
	n := numeral(rest)
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(rest, word) {
			n = len(word)
		}
	}
	if n == 0 {
		w.fail(errDamaged)
	}
	w.at += n
	return rest[:n]
}

// deepest is how many lists and objects encoding/json takes inside each other.
const deepest = 10_000

// skip takes a value as it stands; it is "" if it is damaged.
func (w *walker) skip(depth int) string {
	c := w.next()
	begin := w.at
	switch {
	case c == '"':
		w.text()
	case depth == deepest && (c == '{' || c == '['):
		w.fail(errDamaged)
	case c == '{':
		w.at++
		for first := true; w.more(first, '}'); first = false {
			w.key()
			w.skip(depth + 1)
		}
	case c == '[':
		w.at++
		for first := true; w.more(first, ']'); first = false {
			w.skip(depth + 1)
		}
	default:
		w.word()
	}
	if w.err != nil {
		return ""
	}
	return w.s[begin:w.at]
}

// plain is how many bytes at the front of s may stand in a string as they are:
// neither a quote nor a backslash nor a control byte. It looks at eight a time.
func plain(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		b := s[i : i+8]
		v := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// The lowest top bit of (x - n*ones) &^ x is in the first byte of x below n.
		quote, slash := v^ones*'"', v^ones*'\\'
		if found := ((v-ones*' ')&^v | (quote-ones)&^quote | (slash-ones)&^slash) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// escape is the length of the escape at the front of s, 0 if there is none.
func escape(s string) int {
	switch {
	case len(s) < 2 || s[0] != '\\':
	case s[1] != 'u':
		if strings.IndexByte(`"\/bfnrt`, s[1]) >= 0 {
			return 2
		}
	case len(s) >= 6 && strings.Trim(s[2:6], "0123456789abcdefABCDEF") == "":
		return 6
	}
	return 0
}

// numeral is the length of the number at the front of s, 0 if there is none.
func numeral(s string) int {
	rest := strings.TrimPrefix(s, "-")
	n := digits(rest)
	if n == 0 {
		return 0
	}
	if rest[0] == '0' {
		n = 1
	}
	rest = rest[n:]
	if strings.HasPrefix(rest, ".") {
		if n = digits(rest[1:]); n == 0 {
			return 0
		}
		rest = rest[1+n:]
	}
	if rest != "" && rest[0]|' ' == 'e' {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if n = digits(rest); n == 0 {
			return 0
		}
		rest = rest[n:]
	}
	return len(s) - len(rest)
}

// digits counts the digits at the front of s.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// unquoted is what a string says that stands like this between its quotes.
func unquoted(s string, escaped bool) string {
	if escaped {
		return unescaped(s)
	}
	return s
}

func unescaped(s string) string {
	var out string
	// It was checked; what is no character becomes U+FFFD.
	_ = json.Unmarshal([]byte(`"`+s+`"`), &out)
	return out
}
