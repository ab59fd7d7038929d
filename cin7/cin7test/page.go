package cin7test

import (
	"strconv"
	"strings"
	"time"
)

// page cuts a list: Page from 1, Limit 1 to 1000, default 100 (2).
func (c *call) page(key string, rows []any) obj {
	page, from, to := c.bounds(len(rows))
	return obj{"Total": len(rows), "Page": page, key: append([]any{}, rows[from:to]...)}
}

// bounds are the page asked for, and which of n rows it has.
func (c *call) bounds(n int) (page, from, to int) {
	page = 1
	limit := 100
	if n, err := strconv.Atoi(c.param("Page")); err == nil && n > 0 {
		page = n
	}
	if n, err := strconv.Atoi(c.param("Limit")); err == nil && n > 0 {
		limit = min(n, 1000)
	}
	// Bounds before the product: a page number may be anything.
	from = n
	if page-1 <= n/limit {
		from = min((page-1)*limit, n)
	}
	return page, from, min(from+limit, n)
}

// one is the list envelope that writes of suppliers, products and journals
// answer with (2).
func one(key string, row any) obj { return obj{"Total": 1, "Page": 1, key: []any{row}} }

// The filters of lists. A parameter that is absent matches everything.

func (c *call) is(name, value string) bool {
	v := c.param(name)
	return v == "" || same(v, value)
}

func (c *call) starts(name, value string) bool {
	return strings.HasPrefix(strings.ToLower(value), strings.ToLower(c.param(name)))
}

func (c *call) yes(name string, value bool) bool {
	v := c.param(name)
	return v == "" || strings.EqualFold(v, "true") == value
}

// moment reads a time filter; zero when absent.
func (c *call) moment(name string) (time.Time, error) {
	v := c.param(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := moment(v)
	if err != nil {
		return t, no("%s: %v", name, err)
	}
	return t, nil
}
