package netsuite

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// optional marks what an account may not have: {alias.column: text} in a
// statement is the text, until NetSuite refuses the column; then it is
// nothing. One column may have several texts, for instance a join and what is
// selected from it.
var optional = regexp.MustCompile(`\{(\w+\.\w+):([^}]*)\}`)

// refusedFor is how long a column that was refused is left out: a feature may
// be turned on, or a permission given.
const refusedFor = 24 * time.Hour

// Refused are the optional columns that this account was found not to have,
// with their alias, and when.
func (c *Client) Refused() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refused)
}

// Refuse tells a new client what an earlier one found out; a day after that
// each column is asked for once more.
func (c *Client) Refuse(columns map[string]time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.refused, columns)
}

// lacks says that a column is left out. c.mu is held.
func (c *Client) lacks(column string) bool {
	at, ok := c.refused[column]
	return ok && c.c.Now().Sub(at) < refusedFor
}

// compose writes a statement without what was refused before.
func (c *Client) compose(q string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return optional.ReplaceAllStringFunc(q, func(m string) string {
		s := optional.FindStringSubmatch(m)
		if c.lacks(s[1]) {
			return ""
		}
		return s[2]
	})
}

// optionals are the optional columns that a statement is still asked with.
func (c *Client) optionals(q string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, m := range optional.FindAllStringSubmatch(q, -1) {
		if !c.lacks(m[1]) && !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// refuse remembers that the account lacks a column; false when the statement
// cannot do without it.
func (c *Client) refuse(q, column string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := false
	for _, m := range optional.FindAllStringSubmatch(q, -1) {
		if strings.HasSuffix(m[1], "."+column) && !c.lacks(m[1]) {
			c.refused[m[1]], fresh = c.c.Now(), true
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
		if unexpected(err) {
			return c.bisect(ctx, operation, q, rows, err)
		}
		column := refusedColumn(err)
		// Another caller may have dropped it while we asked.
		if column == "" || !c.refuse(q, column) && c.compose(q) == composed {
			return rows, err
		}
	}
}

// unexpected is how NetSuite may answer to a column that it does not have: by
// an error of its own that names none, again and again (contract 2.4).
func unexpected(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusInternalServerError && e.Code == "UNEXPECTED_ERROR"
}

// bisect finds the optional columns that a statement fails for without naming
// them. A statement that fails without any of them has another fault, and all
// columns stay.
func (c *Client) bisect(ctx context.Context, operation, q string, rows []Row, err error) ([]Row, error) {
	columns := c.optionals(q)
	if len(columns) == 0 {
		return rows, err
	}
	try := func(left []string) ([]Row, error) {
		return c.page(ctx, operation, c.compose(spare(q, func(col string) bool { return slices.Contains(columns, col) && !slices.Contains(left, col) })))
	}
	rows, bare := try(nil)
	if bare != nil {
		return nil, err
	}
	var good, bad []string
	var look func(part []string) error
	look = func(part []string) error {
		if len(part) == 0 {
			return nil
		}
		got, err := try(slices.Concat(good, part))
		switch {
		case err == nil:
			rows, good = got, append(good, part...)
			return nil
		case !unexpected(err):
			return err
		case len(part) == 1:
			bad = append(bad, part...)
			return nil
		}
		if err := look(part[:len(part)/2]); err != nil {
			return err
		}
		return look(part[len(part)/2:])
	}
	half := len(columns) / 2
	for _, part := range [][]string{columns[:half], columns[half:]} {
		if err := look(part); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, col := range bad {
		c.refused[col] = c.c.Now()
	}
	return rows, nil
}

// spare takes columns out of a statement and leaves the marks of the others.
func spare(q string, drop func(column string) bool) string {
	return optional.ReplaceAllStringFunc(q, func(m string) string {
		if drop(optional.FindStringSubmatch(m)[1]) {
			return ""
		}
		return m
	})
}
