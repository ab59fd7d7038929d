package netsuite

import (
	"context"
	"regexp"
	"strings"
)

// optional marks what an account may not have: {alias.column: text} in a
// statement is the text, until NetSuite refuses the column; then it is
// nothing. One column may have several texts, for instance a join and what is
// selected from it.
var optional = regexp.MustCompile(`\{(\w+\.\w+):([^}]*)\}`)

// compose writes a statement without what was refused before.
func (c *Client) compose(q string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return optional.ReplaceAllStringFunc(q, func(m string) string {
		s := optional.FindStringSubmatch(m)
		if c.refused[s[1]] {
			return ""
		}
		return s[2]
	})
}

// refuse remembers that the account lacks a column, for the life of the
// client; false when the statement cannot do without it.
func (c *Client) refuse(q, column string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := false
	for _, m := range optional.FindAllStringSubmatch(q, -1) {
		if strings.HasSuffix(m[1], "."+column) && !c.refused[m[1]] {
			c.refused[m[1]], fresh = true, true
		}
	}
	return fresh
}

// rows runs a statement and returns its first page, dropping optional columns
// as NetSuite names them (contract 2.4).
func (c *Client) rows(ctx context.Context, operation, q string) ([]Row, error) {
	for {
		composed := c.compose(q)
		rows, err := c.page(ctx, operation, composed)
		column := refusedColumn(err)
		// Another caller may have dropped it while we asked.
		if column == "" || !c.refuse(q, column) && c.compose(q) == composed {
			return rows, err
		}
	}
}
