package netsuitetest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// model is the account as people see it; the tables are written from it.
// Transactions, entities and each list have number spaces of their own: the
// same id can be a vendor and a bill (contract 3.9 h).
type model struct {
	currencies map[int64]Currency
	terms      map[int64]Term
	accounts   map[int64]Account
	items      map[int64]Item
	units      map[int64]Unit
	locations  map[int64]Location
	vendors    map[int64]Vendor
	contacts   map[int64]Contact
	orders     map[int64]PurchaseOrder
	receipts   map[int64]Receipt
	bills      map[int64]Bill // and credits, see credits
	credits    map[int64]Credit

	created    map[string]time.Time     // "transaction 12" -> first put
	byOrder    map[int64]map[int64]bool // PO -> receipts, bills and credits that come from it
	last       map[string]int64         // number space -> highest id
	running    map[int64]int64          // transaction -> running number of its type
	uniqueKeys int64
}

func newModel() model {
	return model{
		currencies: map[int64]Currency{}, terms: map[int64]Term{}, accounts: map[int64]Account{}, items: map[int64]Item{},
		units: map[int64]Unit{}, locations: map[int64]Location{}, vendors: map[int64]Vendor{}, contacts: map[int64]Contact{}, orders: map[int64]PurchaseOrder{},
		receipts: map[int64]Receipt{}, bills: map[int64]Bill{}, credits: map[int64]Credit{},
		running: map[int64]int64{},
		created: map[string]time.Time{}, byOrder: map[int64]map[int64]bool{},
		last: map[string]int64{"vendor": 300, "transaction": 1000, "account": 100, "item": 2000, "uniquekey": 50_000},
	}
}

// allocate returns id, or the next one of its number space when id is 0.
func (m *model) allocate(space string, id int64) int64 {
	if id == 0 {
		id = m.last[space] + 1
	}
	m.last[space] = max(m.last[space], id)
	return id
}

// row is a row to insert: column -> value.
type row map[string]any

// value is v as the database keeps it. Empty text, id 0 and the zero time are
// null, as they are in Oracle.
func value(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if v {
			return "T"
		}
		return "F"
	case int:
		return int64(v)
	case int64:
		return v
	case ref:
		if v == 0 {
			return nil
		}
		return int64(v)
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return instant(v)
	case decimal.Decimal:
		return v.String()
	case *decimal.Decimal:
		if v == nil {
			return nil
		}
		return v.String()
	}
	return v
}

// ref is an id of another record; 0 is null.
type ref int64

// amount reads a decimal of a Put type; "" is 0.
func amount(s string) decimal.Decimal {
	if s == "" {
		return decimal.Zero
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: %q is no decimal number", s))
	}
	return d
}

// day is a date of a Put type as the database keeps it; "" is null.
func (s *Sim) day(date string) any {
	if date == "" {
		return nil
	}
	t, err := time.ParseInLocation(time.DateOnly, date, s.o.Zone)
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: %q is no date, want YYYY-MM-DD", date))
	}
	return instant(t)
}

// today is the date in the session zone.
func (s *Sim) today() string { return s.o.Now().In(s.o.Zone).Format(time.DateOnly) }

// tx is one save in NetSuite: all rows of it or none.
type tx struct {
	s    *Sim
	tx   *sql.Tx
	bulk *bulk // nil: a save of its own
	now  time.Time
	at   time.Time // when the change is said to have happened; zero: now
}

// bulk is many saves as one, with every statement prepared once.
type bulk struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

// InBulk makes all that fill puts one save, several times as fast as each by
// itself: for worlds of thousands of records. Nobody can ask the account
// anything meanwhile, fill neither.
func (s *Sim) InBulk(fill func()) {
	s.mu.Lock()
	dbtx, err := s.db.BeginTx(context.Background(), nil)
	if err == nil {
		s.bulk = &bulk{dbtx, map[string]*sql.Stmt{}}
	}
	s.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: in bulk: %v", err))
	}
	defer func() { _ = dbtx.Rollback() }() // after a commit it does nothing
	fill()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bulk = nil
	err = dbtx.Commit()
	if err == nil { // so that queries are planned for what is there
		_, err = s.db.ExecContext(context.Background(), "ANALYZE")
	}
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: in bulk: %v", err))
	}
}

// save runs change as one transaction. A change that names a record which does
// not exist panics: the world is a literal in somebody's test, and the panic
// points at it.
func (s *Sim) save(what string, change func(t *tx)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bulk != nil {
		change(&tx{s: s, tx: s.bulk.tx, bulk: s.bulk, now: s.o.Now()})
		return
	}
	dbtx, err := s.db.BeginTx(context.Background(), nil)
	if err != nil {
		panic(fmt.Sprintf("netsuitetest: %s: %v", what, err))
	}
	defer func() { _ = dbtx.Rollback() }() // after a commit it does nothing
	change(&tx{s: s, tx: dbtx, now: s.o.Now()})
	if err := dbtx.Commit(); err != nil {
		panic(fmt.Sprintf("netsuitetest: %s: %v", what, err))
	}
}

func (t *tx) exec(q string, args ...any) {
	run := t.tx.Exec
	if t.bulk != nil {
		p := t.bulk.prepared[q]
		if p == nil {
			var err error
			if p, err = t.tx.Prepare(q); err != nil { //nolint:sqlclosecheck // closed with its transaction
				panic(fmt.Sprintf("netsuitetest: %s: %v", q, err))
			}
			t.bulk.prepared[q] = p
		}
		run = func(_ string, args ...any) (sql.Result, error) { return p.Exec(args...) }
	}
	if _, err := run(q, args...); err != nil {
		panic(fmt.Sprintf("netsuitetest: %s: %v", q, err))
	}
}

// insert writes one row; columns left out are null.
func (t *tx) insert(table string, r row) {
	known := t.s.catalog.tables[table]
	cols := slices.Sorted(maps.Keys(r))
	args := make([]any, len(cols))
	for i, c := range cols {
		if _, ok := known.kind[c]; !ok {
			panic(fmt.Sprintf("netsuitetest: table %s has no column %s", table, c))
		}
		args[i] = value(r[c])
	}
	t.exec(fmt.Sprintf(`INSERT INTO %q ("%s") VALUES (%s)`, table, strings.Join(cols, `","`), strings.TrimSuffix(strings.Repeat("?,", len(cols)), ",")), args...)
}

// replace writes the only row with this id.
func (t *tx) replace(table string, r row) {
	t.exec(fmt.Sprintf(`DELETE FROM %q WHERE id = ?`, table), value(r["id"]))
	t.insert(table, r)
}

// createdAt is when a record was first put.
func (t *tx) createdAt(space string, id int64, modified time.Time) time.Time {
	key := fmt.Sprintf("%s %d", space, id)
	at, ok := t.s.model.created[key]
	if !ok {
		at = t.now
		if !modified.IsZero() && modified.Before(at) {
			at = modified
		}
		t.s.model.created[key] = at
	}
	return at
}

// modifiedAt is the stamp of a save: now, unless the record says otherwise.
func (t *tx) modifiedAt(said time.Time) time.Time {
	if said.IsZero() {
		return t.now
	}
	return said
}

// need panics when a record names another one that is not there.
func need[T any](records map[int64]T, id int64, what, by string) T {
	r, ok := records[id]
	if !ok {
		panic(fmt.Sprintf("netsuitetest: %s names %s %d, which does not exist: put it first", by, what, id))
	}
	return r
}
