package netsuitetest

import (
	"fmt"
	"strings"
)

// catalog is what a role can see: tables, their columns, and what is refused.
type catalog struct {
	tables  map[string]*table // lower-case name -> table
	order   []string          // of schemaText
	indexes [][]string        // table, columns...
	hidden  map[string]bool   // table -> refused as if the permission were missing
	display map[string]string // "table.column" -> select of displayText
}

// table is one table as SuiteQL spells it.
type table struct {
	name    string
	columns []string
	kind    map[string]byte    // column -> I S N B D T
	refused map[string]refused // column -> how
}

// refused says in which words of contract 2.4 a column is refused.
type refused byte

const (
	asUnknown    refused = 1 + iota // the feature is off: "Unknown identifier"
	asNotExposed                    // not for this channel: "Field 'x' ... was not found"
)

// newCatalog applies the switches of o to the schema.
func newCatalog(o Options) (*catalog, error) {
	c := &catalog{tables: map[string]*table{}, hidden: map[string]bool{}, display: map[string]string{}}
	for line := range strings.Lines(schemaText) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		t := &table{name: words[0], kind: map[string]byte{}, refused: map[string]refused{}}
		for _, w := range words[1:] {
			name, kind, _ := strings.Cut(w, ":")
			t.columns = append(t.columns, name)
			t.kind[name] = kind[0]
		}
		c.tables[t.name] = t
		c.order = append(c.order, t.name)
	}
	for line := range strings.Lines(alsoAs) {
		if w := strings.Fields(line); len(w) == 2 {
			c.tables[w[0]] = c.tables[w[1]]
		}
	}
	for line := range strings.Lines(indexText) {
		if w := strings.Fields(line); len(w) > 1 {
			c.indexes = append(c.indexes, w)
		}
	}
	for line := range strings.Lines(displayText) {
		if name, text, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
			c.display[name] = text
		}
	}
	return c, c.hide(o)
}

// hide applies the feature switches and the holes in the role.
func (c *catalog) hide(o Options) error {
	if o.NotOneWorld {
		c.hidden["subsidiary"], c.hidden["vendorsubsidiaryrelationship"] = true, true
		for _, t := range c.tables {
			if _, ok := t.kind["subsidiary"]; ok {
				t.refused["subsidiary"] = asUnknown
			}
		}
	}
	for _, name := range o.HideTables {
		name = strings.ToLower(name)
		if c.tables[name] == nil {
			return fmt.Errorf("hide table %q: no such table", name)
		}
		c.hidden[name] = true
	}
	for _, name := range append(strings.Fields(notExposed), o.HideColumns...) {
		t, col, _ := strings.Cut(strings.ToLower(name), ".")
		if c.tables[t] == nil || col == "" {
			return fmt.Errorf("hide column %q: want table.column of a table that exists", name)
		}
		c.tables[t].refused[col] = asNotExposed
	}
	return nil
}

// ddl is the schema as SQLite wants it. Numbers get NUMERIC affinity, which
// keeps integers whole and up to 15 digits of a fraction exact.
func (c *catalog) ddl() []string {
	affinity := map[byte]string{'I': "INTEGER", 'N': "NUMERIC", 'S': "TEXT", 'B': "TEXT", 'D': "TEXT", 'T': "TEXT"}
	var out []string
	for _, name := range c.order {
		t := c.tables[name]
		cols := make([]string, len(t.columns))
		for i, col := range t.columns {
			cols[i] = fmt.Sprintf("%q %s", col, affinity[t.kind[col]])
		}
		out = append(out, fmt.Sprintf("CREATE TABLE %q (%s)", name, strings.Join(cols, ", ")))
	}
	for i, w := range c.indexes {
		out = append(out, fmt.Sprintf("CREATE INDEX i%d ON %q (%s)", i, w[0], `"`+strings.Join(w[1:], `", "`)+`"`))
	}
	return out
}
