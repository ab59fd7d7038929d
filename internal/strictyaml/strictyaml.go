// Package strictyaml reads the YAML that people write for us: an unknown key, a
// key that comes twice, a second document and a nesting that no file of ours
// has are errors, and no error shows a value, which may be a secret.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxDepth is more than any file of ours is nested. The library keeps the whole
// path with each node, so that 200 KB of opening brackets take it 24 GB.
const maxDepth = 32

// maxIndent is the column, counted from 1, at which a key or a list entry of a
// block may stand at most: 32 levels of eight spaces.
const maxIndent = 8*maxDepth + 1

// ErrMore says that a file holds more than one document.
var ErrMore = errors.New("it holds more than one YAML document")

// Decode reads the one document of a file into a pointer. An empty file is
// io.EOF.
func Decode(b []byte, into any) error {
	if err := shallow(b); err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return said(err)
	}
	// Into nothing, not into an any: in that, aliases of aliases grow without end.
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return ErrMore
	}
	return nil
}

// wrongType is how the library names Go's types; the field it names is that of
// the outermost struct, the position before it says more.
var wrongType = regexp.MustCompile(`cannot unmarshal (.*) into Go (?:struct field|value).* of type (.*)`)

// said is an error of the library in words for who wrote the file.
func said(err error) error {
	// The picture that follows the first line shows neighbouring lines, and one
	// of them may be a secret.
	first, _, _ := strings.Cut(err.Error(), "\n")
	first = strings.TrimSpace(first)
	if at, _, ok := strings.Cut(first, "could not find alias"); ok {
		// What follows is the text; a secret may begin with an asterisk.
		return errors.New(at + "a text that begins with * names an anchor, and there is none of this name: put it in quotes")
	}
	if strings.Contains(first, "not implemented Unmarshaler") {
		return errors.New("a list or a mapping stands where a credential is one text")
	}
	return errors.New(wrongType.ReplaceAllStringFunc(first, func(s string) string {
		m := wrongType.FindStringSubmatch(s)
		return "this is " + kind(m[1]) + ", want " + kind(m[2])
	}))
}

// kind is one of Go's types in the words of YAML.
func kind(t string) string {
	switch {
	case strings.HasPrefix(t, "map["):
		return "a mapping"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case t == "string":
		return "a text"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"), strings.HasPrefix(t, "float"):
		return "a number"
	}
	return t
}

// shallow looks at the brackets and the indentation, before the library builds
// anything from them.
func shallow(b []byte) error {
	brackets, line, entries := 0, 0, 0
	for _, t := range lexer.Tokenize(string(b)) {
		at := t.Position
		if at.Line != line {
			line, entries = at.Line, 0
		}
		indented := false
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++ // "- - - x" is three lists on one line
			indented = at.Column > maxIndent
		case token.MappingValueType:
			indented = brackets == 0 && t.Prev != nil && t.Prev.Position.Column > maxIndent
		}
		if brackets > maxDepth || entries > maxDepth || indented {
			return fmt.Errorf("[%d:%d] nested deeper than %d", at.Line, at.Column, maxDepth)
		}
	}
	return nil
}
