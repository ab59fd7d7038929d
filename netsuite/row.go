package netsuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Row is a row of a SuiteQL result with lower-case column names. A null
// column is absent. Values are texts whatever NetSuite sent.
type Row map[string]string

// decodePage reads the envelope of contract 2.2.
func decodePage(body []byte) (page, error) {
	var a struct {
		HasMore bool                         `json:"hasMore"`
		Items   []map[string]json.RawMessage `json:"items"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&a); err != nil {
		return page{}, fmt.Errorf("decode the rows: %w", err)
	}
	if a.Items == nil {
		return page{}, errors.New("the answer has no items")
	}
	p := page{HasMore: a.HasMore, Items: make([]Row, 0, len(a.Items))}
	for i, item := range a.Items {
		r := make(Row, len(item))
		for k, v := range item {
			if k = strings.ToLower(k); k == "links" {
				continue
			}
			s, ok, err := scalar(v)
			if err != nil {
				return page{}, fmt.Errorf("row %d, column %.60q: %w", i, k, err)
			}
			if ok {
				r[k] = s
			}
		}
		p.Items = append(p.Items, r)
	}
	return p, nil
}

// scalar reads a string, number, boolean or null as text.
func scalar(v json.RawMessage) (s string, ok bool, err error) {
	switch {
	case len(v) == 0 || bytes.Equal(v, []byte("null")):
		return "", false, nil
	case v[0] == '"':
		err = json.Unmarshal(v, &s)
		return s, err == nil, err
	case bytes.Equal(v, []byte("true")):
		return "T", true, nil
	case bytes.Equal(v, []byte("false")):
		return "F", true, nil
	case v[0] == '{' || v[0] == '[':
		return "", false, fmt.Errorf("want a plain value, got %.40s", v)
	}
	return string(v), true, nil
}

// reader reads typed columns of one row and keeps the first error.
type reader struct {
	r    Row
	what string
	err  error
}

func (x *reader) fail(column string, err error) {
	if x.err == nil {
		x.err = fmt.Errorf("%s: column %s: %w", x.what, column, err)
	}
}

func (x *reader) text(column string) string { return strings.TrimSpace(x.r[column]) }

// id is 0 when the column is absent.
func (x *reader) id(column string) ID {
	s := x.text(column)
	if s == "" {
		return 0
	}
	d, err := decimal.NewFromString(s)
	if err != nil || !d.IsInteger() || d.IsNegative() {
		x.fail(column, fmt.Errorf("%.40q is no id", s))
		return 0
	}
	return ID(d.IntPart())
}

func (x *reader) int(column string) int { return int(x.id(column)) }

// amount is 0 when the column is absent. Forms such as -.5 and 1E2 occur.
func (x *reader) amount(column string) decimal.Decimal {
	s := x.text(column)
	if s == "" {
		return decimal.Zero
	}
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	s = strings.Replace(s, "-.", "-0.", 1)
	d, err := decimal.NewFromString(s)
	if err != nil {
		x.fail(column, fmt.Errorf("%.40q is no number", s))
	}
	return d
}

func (x *reader) bool(column string) bool {
	switch strings.ToUpper(x.text(column)) {
	case "T", "TRUE", "1", "Y", "YES":
		return true
	}
	return false
}

// date wants YYYY-MM-DD, as our statements ask for.
func (x *reader) date(column string) Date {
	s := x.text(column)
	if s == "" {
		return ""
	}
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		x.fail(column, fmt.Errorf("%.40q is no date of the form YYYY-MM-DD", s))
		return ""
	}
	return Date(s[:10])
}

// idList writes ids for an IN list; ids are numbers, so nothing needs quoting.
func idList(ids []ID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(int64(id), 10))
	}
	return b.String()
}

// batches calls f for parts of ids of at most n, each id once.
func batches(ids []ID, n int, f func([]ID) error) error {
	seen := map[ID]bool{}
	var part []ID
	for _, id := range ids {
		if id == 0 || seen[id] {
			continue
		}
		seen[id] = true
		if part = append(part, id); len(part) == n {
			if err := f(part); err != nil {
				return err
			}
			part = nil
		}
	}
	if len(part) == 0 {
		return nil
	}
	return f(part)
}
