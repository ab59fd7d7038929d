package netsuitetest

import (
	"fmt"
	"slices"
	"strings"
)

// refusal is a statement that NetSuite answers with 400; its text is the
// continuation of contract 2.4.
type refusal string

func (r refusal) Error() string { return string(r) }

// unsupported is the answer to everything outside the dialect of contract 2.3.
const unsupported = refusal("Search error occurred: Invalid or unsupported search.")

// source is one entry of a FROM clause.
type source struct {
	alias string
	table *table // nil for a subquery
}

// scope is what the names of one SELECT mean; parent is the SELECT around it.
type scope struct {
	sources []source
	outputs []string // aliases of the select list, usable in ORDER BY
	parent  *scope
}

// lookup finds a table by the name that a FROM clause may use.
func (c *catalog) lookup(name string) (*table, error) {
	t := c.tables[name]
	if t == nil {
		return nil, refusal("Invalid search type: " + name + ".")
	}
	if c.hidden[name] || c.hidden[t.name] {
		return nil, refusal("Search error occurred: Record '" + name + "' was not found.")
	}
	return t, nil
}

// column checks that name is a column of src.
func (s *scope) column(src source, name string) error {
	if src.table == nil {
		return nil
	}
	_, exists := src.table.kind[name]
	switch why := src.table.refused[name]; {
	case why == asNotExposed:
		return refusal("Search error occurred: Field '" + name + "' for record '" + src.table.name + "' was not found. Reason: NOT_EXPOSED - Field is not exposed for this channel.")
	case why == asUnknown || !exists:
		return s.unknown(name)
	}
	return nil
}

// qualified finds alias in this SELECT or one around it.
func (s *scope) qualified(alias, name string) (source, error) {
	for at := s; at != nil; at = at.parent {
		for _, src := range at.sources {
			if src.alias == alias {
				return src, at.column(src, name)
			}
		}
	}
	return source{}, s.unknown(alias + "." + name)
}

// bare finds the source of a column without alias. An empty alias in the
// result means that name is an output of the select list or of a subquery.
func (s *scope) bare(name string) (source, error) {
	for at := s; at != nil; at = at.parent {
		for _, src := range at.sources {
			if src.table == nil {
				continue
			}
			if _, ok := src.table.kind[name]; ok || src.table.refused[name] != 0 {
				return src, at.column(src, name)
			}
		}
		if slices.Contains(at.outputs, name) {
			return source{}, nil
		}
		for _, src := range at.sources {
			if src.table == nil {
				return source{}, nil
			}
		}
	}
	return source{}, s.unknown(name)
}

// unknown is the verbatim sentence of contract 2.4 for an unknown column.
func (s *scope) unknown(name string) error {
	var have []string
	for _, src := range s.sources {
		t := "subquery"
		if src.table != nil {
			t = src.table.name
		}
		have = append(have, src.alias+"="+t)
	}
	return refusal(fmt.Sprintf("Search error occurred: Unknown identifier '%s'. Available identifiers are: {%s}", name, strings.Join(have, ", ")))
}
