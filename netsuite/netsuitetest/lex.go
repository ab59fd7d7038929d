package netsuitetest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind of a token.
type kind byte

const (
	word   kind = 'w' // bare identifier or keyword; text is lower case
	quoted kind = 'q' // "identifier"; text without the quotes
	number kind = 'n'
	text   kind = 's' // string literal; text with the quotes
	punct  kind = 'p'
)

// token is a piece of SuiteQL.
type token struct {
	kind kind
	text string
}

func (t token) is(words ...string) bool {
	if t.kind != word && t.kind != punct {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

// lex splits a statement into tokens; blanks and comments are dropped. ok is
// false when a character has no place in SuiteQL, such as a square bracket, or
// a quote is not closed.
func lex(q string) (tokens []token, ok bool) {
	for q != "" {
		r, size := utf8.DecodeRuneInString(q)
		switch {
		case unicode.IsSpace(r):
			q = q[size:]
		case strings.HasPrefix(q, "--"):
			_, q, _ = strings.Cut(q, "\n")
		case strings.HasPrefix(q, "/*"):
			_, rest, closed := strings.Cut(q[2:], "*/")
			if !closed {
				return nil, false
			}
			q = rest
		case r == '\'':
			n := closing(q, '\'')
			if n < 0 {
				return nil, false
			}
			tokens, q = append(tokens, token{text, q[:n]}), q[n:]
		case r == '"':
			n := closing(q, '"')
			if n < 3 {
				return nil, false
			}
			tokens, q = append(tokens, token{quoted, strings.ReplaceAll(q[1:n-1], `""`, `"`)}), q[n:]
		case r >= '0' && r <= '9' || r == '.' && len(q) > 1 && q[1] >= '0' && q[1] <= '9':
			n := numberLen(q)
			tokens, q = append(tokens, token{number, q[:n]}), q[n:]
		case r == '_' || unicode.IsLetter(r):
			n := strings.IndexFunc(q, func(r rune) bool {
				return r != '_' && r != '$' && r != '#' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			})
			if n < 0 {
				n = len(q)
			}
			tokens, q = append(tokens, token{word, strings.ToLower(q[:n])}), q[n:]
		default:
			p := q[:size]
			for _, two := range []string{"<=", ">=", "<>", "!=", "^=", "||"} {
				if strings.HasPrefix(q, two) {
					p = two
				}
			}
			if r >= utf8.RuneSelf || len(p) == 1 && !strings.ContainsAny(p, "()*,.+-/<>=?") {
				return nil, false
			}
			tokens, q = append(tokens, token{punct, p}), q[len(p):]
		}
	}
	return tokens, true
}

// closing is the length of a quoted piece at the start of q, -1 when it does
// not end; a doubled quote stands for itself.
func closing(q string, quote byte) int {
	for i := 1; i < len(q); i++ {
		if q[i] != quote {
			continue
		}
		if i+1 < len(q) && q[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return -1
}

func numberLen(q string) int {
	n := 0
	for n < len(q) {
		c := q[n]
		exponentSign := (c == '+' || c == '-') && n > 0 && (q[n-1] == 'e' || q[n-1] == 'E')
		if c != '.' && (c < '0' || c > '9') && c != 'e' && c != 'E' && !exponentSign {
			break
		}
		n++
	}
	return n
}
