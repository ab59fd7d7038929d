// Package plain keeps text from elsewhere from steering what shows it: a
// terminal by escape sequences, a reader of lines by a line break that is not
// one, an eye by letters that run the other way.
package plain

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Steers reports a character that does something instead of being seen: the
// controls of both sets, the separators of lines and paragraphs, and what
// changes the direction of writing. Line feed and tab are left to the caller.
func Steers(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}

// JSON returns a writer of JSON, or of lines with JSON in them, that spells
// such characters as \uXXXX: they stand within strings alone, so what is read
// back is the same.
func JSON(w io.Writer) io.Writer {
	return writer{w, func(r rune) string { return fmt.Sprintf(`\u%04x`, r) }}
}

// Text returns a writer for a terminal that shows U+FFFD in their place.
func Text(w io.Writer) io.Writer {
	return writer{w, func(rune) string { return string(utf8.RuneError) }}
}

// quiet reports text of which a glance shows that nothing steers: nearly all.
func quiet(p []byte) bool {
	for _, c := range p {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// writer takes whole characters: none may be cut by the end of a write.
type writer struct {
	w      io.Writer
	spells func(rune) string
}

// Write reports the bytes of p, whatever became of them.
func (x writer) Write(p []byte) (int, error) {
	if quiet(p) || bytes.IndexFunc(p, Steers) < 0 {
		return x.w.Write(p)
	}
	out := make([]byte, 0, len(p)+64)
	for rest := p; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if Steers(r) {
			out = append(out, x.spells(r)...)
		} else {
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	if _, err := x.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
