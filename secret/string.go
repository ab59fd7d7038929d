package secret

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// String is a value that must not be seen: printed, logged, marshalled or
// formatted in any way it reads [redacted]. Reveal is the only way to the
// text, so that every use can be found by searching for it.
//
// The text is behind a pointer because fmt's %p asks no method and would print
// the fields of the struct.
type String struct{ text *string }

// New wraps a text.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal returns the text.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the text is empty; it serves `omitzero`.
func (s String) IsZero() bool { return s.text == nil }

// String returns [redacted], or "" for the empty text.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString serves %#v.
func (s String) GoString() string { return s.String() }

// Format serves every verb of fmt.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText serves JSON, YAML and everything else that encodes text.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *String) UnmarshalText(b []byte) error { *s = New(string(b)); return nil }
