package netsuite

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Row is a row of a SuiteQL result with lower-case column names. A null
// column is absent. Values are texts whatever NetSuite sent, and parts of the
// whole answer: whoever keeps one clones it, or keeps the page in memory.
type Row map[string]string

// decodeRows reads the items of the envelope of contract 2.2. Whether there
// are more is told by their number, not by hasMore, which lies past 100,000.
func decodeRows(body []byte) ([]Row, error) {
	w := walker{s: string(body)}
	rows, more := w.answer()
	switch {
	case errors.Is(w.err, errDamaged): // encoding/json says where
		var a any
		return nil, fmt.Errorf("decode the rows: %w", cmp.Or(json.Unmarshal(body, &a), w.err))
	case w.err != nil:
		return nil, w.err
	case rows == nil:
		return nil, errors.New("the answer has no items")
	case more && len(rows) < pageSize: // whoever reads by page would take it for the last one
		return nil, fmt.Errorf("the page ends after %d rows, and says that more follow", len(rows))
	}
	return rows, nil
}

// answer takes the envelope.
func (w *walker) answer() (rows []Row, more bool) {
	if w.next() != '{' {
		w.skip(0)
		w.end(errDamaged)
		return nil, false
	}
	w.at++
	for first := true; w.more(first, '}'); first = false {
		switch k := unquoted(w.key()); {
		case strings.EqualFold(k, "items") && w.next() == '[':
			rows = w.rows()
		case strings.EqualFold(k, "hasMore"):
			more = w.skip(1) == "true" || more
		default:
			w.skip(1)
		}
	}
	w.end(errDamaged)
	return rows, more
}

// rows takes a list of objects. The names of columns are the same in each.
func (w *walker) rows() []Row {
	rows, names, width := []Row{}, map[string]string{}, 0
	w.at++
	for first := true; w.more(first, ']'); first = false {
		if w.next() != '{' {
			w.fail(fmt.Errorf("row %d: want an object, got %.40s", len(rows), w.skip(2)))
			break
		}
		row := make(Row, width)
		w.at++
		for first := true; w.more(first, '}'); first = false {
			spelled, escaped := w.key()
			k, known := names[spelled]
			if !known {
				k = strings.ToLower(unquoted(spelled, escaped))
				names[spelled] = k
			}
			v := w.skip(3)
			if k == "links" {
				continue
			}
			s, ok, err := scalar(v)
			if err != nil {
				w.fail(fmt.Errorf("row %d, column %.60q: %w", len(rows), k, err))
			}
			if ok {
				row[k] = s
			}
		}
		width = len(row)
		rows = append(rows, row)
	}
	return rows
}

// scalar reads a string, number, boolean or null as text.
func scalar(v string) (s string, ok bool, err error) {
	switch {
	case v == "" || v == "null":
		return "", false, nil
	case v[0] == '"':
		s = v[1 : len(v)-1]
		return unquoted(s, strings.IndexByte(s, '\\') >= 0 || !utf8.ValidString(s)), true, nil
	case v == "true":
		return "T", true, nil
	case v == "false":
		return "F", true, nil
	case v[0] == '{' || v[0] == '[':
		return "", false, fmt.Errorf("want a plain value, got %.40s", v)
	}
	return v, true, nil
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

// text is the caller's to keep.
func (x *reader) text(column string) string { return strings.Clone(x.peek(column)) }

func (x *reader) peek(column string) string { return strings.TrimSpace(x.r[column]) }

// id is 0 when the column is absent. A whole number may come as 12.0 or 1.2E1.
func (x *reader) id(column string) ID {
	s := x.peek(column)
	if s == "" {
		return 0
	}
	d, err := decimal.NewFromString(s)
	if err != nil || !sane(d) || !d.IsInteger() || d.IsNegative() || d.GreaterThan(maxID) {
		x.fail(column, fmt.Errorf("%.40q is no id", s))
		return 0
	}
	return ID(d.IntPart())
}

var maxID = decimal.New(1, 18) // as ParseID

// sane refuses exponents that would take gigabytes to write out.
func sane(d decimal.Decimal) bool { return d.Exponent() > -60 && d.Exponent() < 60 }

func (x *reader) int(column string) int { return int(x.id(column)) }

// amount is 0 when the column is absent. Forms such as -.5 and 1E2 occur
// (contract 2.2).
func (x *reader) amount(column string) decimal.Decimal {
	s := x.peek(column)
	if s == "" {
		return decimal.Zero
	}
	d, err := decimal.NewFromString(s)
	if err != nil || !sane(d) {
		x.fail(column, fmt.Errorf("%.40q is no number", s))
		return decimal.Zero
	}
	return d
}

func (x *reader) bool(column string) bool {
	switch strings.ToUpper(x.peek(column)) {
	case "T", "TRUE", "1", "Y", "YES":
		return true
	}
	return false
}

// date wants YYYY-MM-DD, as our statements ask for.
func (x *reader) date(column string) Date {
	s := x.peek(column)
	if s == "" {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		x.fail(column, fmt.Errorf("%.40q is no date of the form YYYY-MM-DD", s))
		return ""
	}
	return Date(strings.Clone(s))
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
