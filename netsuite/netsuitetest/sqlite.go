package netsuitetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"
	"modernc.org/sqlite"
)

// connector opens the one connection of a Sim on a driver of its own, so that
// the functions know the session zone of this Sim and no other.
type connector struct{ driver *sqlite.Driver }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(":memory:") }
func (c connector) Driver() driver.Driver                        { return c.driver }

// openDatabase makes the empty tables. Rows without ORDER BY come in reverse,
// so that nobody relies on their order (contract 2.3).
func openDatabase(c *catalog, zone *atomic.Pointer[time.Location]) (*sql.DB, error) {
	d := &sqlite.Driver{}
	if err := registerFunctions(d, zone); err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{d})
	db.SetMaxOpenConns(1) // every connection to :memory: is a database of its own
	db.SetMaxIdleConns(1)
	for _, stmt := range append(c.ddl(), "PRAGMA reverse_unordered_selects = ON", "PRAGMA case_sensitive_like = ON", "INSERT INTO dual VALUES ('X')") {
		if _, err := db.Exec(stmt); err != nil {
			_ = db.Close() // the first error tells
			return nil, fmt.Errorf("make table: %w: %s", err, stmt)
		}
	}
	return db, nil
}

// registerFunctions adds the Oracle functions that SQLite lacks.
func registerFunctions(d *sqlite.Driver, zone *atomic.Pointer[time.Location]) error {
	scalars := []struct {
		name string
		args int32
		call func(args []driver.Value) (driver.Value, error)
	}{
		{"suiteql_to_char", -1, func(a []driver.Value) (driver.Value, error) { return toChar(a, zone.Load()) }},
		{"suiteql_to_date", 2, func(a []driver.Value) (driver.Value, error) { return toDate(a, zone.Load()) }},
		{"suiteql_trunc", -1, func(a []driver.Value) (driver.Value, error) { return trunc(a, zone.Load()) }},
		{"suiteql_sys_extract_utc", 1, sysExtractUTC},
		{"suiteql_to_number", 1, toNumber},
		{"suiteql_nvl2", 3, func(a []driver.Value) (driver.Value, error) {
			if a[0] != nil {
				return a[1], nil
			}
			return a[2], nil
		}},
		{"suiteql_decode", -1, decode},
	}
	for _, f := range scalars {
		err := d.RegisterDeterministicScalarFunction(f.name, f.args, func(_ *sqlite.FunctionContext, a []driver.Value) (driver.Value, error) { return f.call(a) })
		if err != nil {
			return fmt.Errorf("register %s: %w", f.name, err)
		}
	}
	for _, name := range []string{"suiteql_sum", "suiteql_avg"} {
		err := d.RegisterFunction(name, &sqlite.FunctionImpl{NArgs: 1, MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) {
			return &sum{mean: name == "suiteql_avg"}, nil
		}})
		if err != nil {
			return fmt.Errorf("register %s: %w", name, err)
		}
	}
	return nil
}

// utcMark before an instant means: already shown in UTC, by SYS_EXTRACT_UTC.
const utcMark = "~"

// dateOf reads an instant in the zone to show it in.
func dateOf(v driver.Value, zone *time.Location) (time.Time, bool) {
	s, _ := v.(string)
	if utc, ok := strings.CutPrefix(s, utcMark); ok {
		s, zone = utc, time.UTC
	}
	t, ok := parseInstant(s)
	return t.In(zone), ok
}

func toChar(a []driver.Value, zone *time.Location) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	t, isDate := dateOf(a[0], zone)
	switch {
	case !isDate && len(a) > 1:
		return nil, fmt.Errorf("TO_CHAR of %v: number formats are not known here", a[0])
	case !isDate:
		return show(a[0], zone), nil
	case len(a) == 1:
		return show(a[0], zone), nil
	}
	format, _ := a[1].(string)
	return formatDate(t, format)
}

func toDate(a []driver.Value, zone *time.Location) (driver.Value, error) {
	s, ok := a[0].(string)
	format, isText := a[1].(string)
	if !ok || !isText {
		return nil, nil
	}
	t, err := parseDate(s, format, zone)
	if err != nil {
		return nil, err
	}
	return instant(t), nil
}

// trunc is TRUNC of a date, to the day or month, or of a number.
func trunc(a []driver.Value, zone *time.Location) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	if t, ok := dateOf(a[0], zone); ok {
		unit := "DD"
		if len(a) > 1 {
			unit, _ = a[1].(string)
		}
		y, m, d := t.Date()
		switch strings.ToUpper(unit) {
		case "MM", "MONTH":
			d = 1
		case "YYYY", "YEAR":
			m, d = time.January, 1
		case "DD":
		default:
			return nil, fmt.Errorf("TRUNC to %q is not known here", unit)
		}
		return instant(time.Date(y, m, d, 0, 0, 0, 0, t.Location())), nil
	}
	n, err := decimal.NewFromString(show(a[0], zone))
	if err != nil {
		return nil, fmt.Errorf("TRUNC: %w", err)
	}
	places := int64(0)
	if len(a) > 1 {
		places, _ = a[1].(int64)
	}
	return n.Truncate(int32(places)).InexactFloat64(), nil
}

func sysExtractUTC(a []driver.Value) (driver.Value, error) {
	if t, ok := dateOf(a[0], time.UTC); ok {
		return utcMark + instant(t), nil
	}
	return nil, nil
}

func toNumber(a []driver.Value) (driver.Value, error) {
	s, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	n, err := decimal.NewFromString(s)
	if err != nil {
		return nil, fmt.Errorf("TO_NUMBER: %w", err)
	}
	return n.InexactFloat64(), nil
}

// decode is DECODE(x, a, 1, b, 2, other); null equals null in it.
func decode(a []driver.Value) (driver.Value, error) {
	i := 1
	for ; i+1 < len(a); i += 2 {
		if a[i] == a[0] {
			return a[i+1], nil
		}
	}
	if i < len(a) {
		return a[i], nil
	}
	return nil, nil
}

// sum is SUM or AVG over decimals: Oracle's numbers have no binary fractions.
type sum struct {
	mean  bool
	n     int64
	total decimal.Decimal
}

func (s *sum) add(v driver.Value, sign int64) error {
	if v == nil {
		return nil
	}
	d, err := decimal.NewFromString(show(v, time.UTC))
	if err != nil {
		return fmt.Errorf("SUM: %w", err)
	}
	s.n += sign
	s.total = s.total.Add(d.Mul(decimal.NewFromInt(sign)))
	return nil
}

// Step adds a row.
func (s *sum) Step(_ *sqlite.FunctionContext, a []driver.Value) error { return s.add(a[0], 1) }

// WindowInverse takes a row away.
func (s *sum) WindowInverse(_ *sqlite.FunctionContext, a []driver.Value) error {
	return s.add(a[0], -1)
}

// WindowValue is the result so far.
func (s *sum) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	switch {
	case s.n == 0:
		return nil, nil
	case s.mean:
		return s.total.Div(decimal.NewFromInt(s.n)).InexactFloat64(), nil
	}
	return s.total.InexactFloat64(), nil
}

// Final has nothing to free.
func (s *sum) Final(*sqlite.FunctionContext) {}

// show is the text of a value. A date-time loses its time (contract 4.1), a
// fraction keeps 15 digits, which is more than any amount has.
func show(v driver.Value, zone *time.Location) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		d, err := decimal.NewFromString(strconv.FormatFloat(v, 'g', 15, 64))
		if err != nil {
			return strconv.FormatFloat(v, 'g', 15, 64)
		}
		return d.String()
	case []byte:
		return string(v)
	case string:
		if t, ok := dateOf(v, zone); ok {
			return t.Format("1/2/2006")
		}
		return v
	}
	return fmt.Sprint(v)
}
