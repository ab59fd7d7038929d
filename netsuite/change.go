package netsuite

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"

	"github.com/shopspring/decimal"
)

// Change is a sighting of a record in a scan.
type Change struct {
	ID         ID
	Type       RecordType
	ModifiedAt string // session zone, YYYY-MM-DD HH:MM:SS as far as NetSuite keeps to it; see IsStamp
	// LineAt is the latest modification of a line, or of a contact of a vendor,
	// of scans by lines alone: both can change without what they belong to
	// (contract 4.3).
	LineAt    string
	CreatedOn Date            // in the session zone; "" unknown
	Vendor    ID              // of a document
	Number    string          // NetSuite's running number of a document
	Total     decimal.Decimal // of a document, without sign
}

// Scan says what a scan reads.
type Scan struct {
	Types []RecordType // the vendor alone, or documents
	Since string       // modified at or after, in the text form of HighWater; "" is all
	Lines bool         // by the stamps of a document's lines, or of a vendor's contacts, instead of their own
	After ID           // only ids above
	Dated Date         // only documents dated then or later; "" is all
}

// vendors reports whether the scan is of vendors.
func (s Scan) vendors() bool { return slices.Equal(s.Types, []RecordType{TypeVendor}) }

func (s Scan) check() error {
	switch {
	case s.Since != "" && !IsStamp(s.Since):
		return fmt.Errorf("netsuite: watermark %.40q: want YYYY-MM-DD HH:MM:SS", s.Since)
	case s.Dated != "" && !isDate(s.Dated):
		return fmt.Errorf("netsuite: date %.40q: want YYYY-MM-DD", string(s.Dated))
	case len(s.Types) == 0, slices.Contains(s.Types, TypeVendor) && !s.vendors(), s.Lines && s.Since == "":
		return fmt.Errorf("netsuite: scan of %v, lines %v, since %q: want vendors alone, or documents, and by lines only since a time", s.Types, s.Lines, s.Since)
	}
	return nil
}

// HighWater is the latest modification time among records of the types, in the
// session zone's text form; "" when there are none (contract 3.9 j).
func (c *Client) HighWater(ctx context.Context, types ...RecordType) (string, error) {
	s := Scan{Types: types}
	if err := s.check(); err != nil {
		return "", err
	}
	from, where := s.source()
	rows, err := c.rows(ctx, "high_water", "SELECT TO_CHAR(MAX(t.lastmodifieddate), "+stamp+") AS hw FROM "+from+" WHERE "+where)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	hw := rows[0]["hw"]
	if hw != "" && !IsStamp(hw) {
		return "", unreadable("high_water", fmt.Errorf("the latest modification of %v is %.40q: want YYYY-MM-DD HH:MM:SS", types, hw))
	}
	return hw, nil
}

var stampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// IsStamp reports whether a text is a modification time in the form that
// statements ask for. Such texts are compared as text: order is time order.
func IsStamp(s string) bool { return stampForm.MatchString(s) }

var dateForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

func isDate(d Date) bool { return dateForm.MatchString(string(d)) }

const (
	// splitAt is how many rows a statement may match: beyond 100,000 NetSuite
	// stops telling the truth about what follows (contract 2.2, 2.5).
	splitAt = 90_000
	// splitTo is about how many rows a part of a split scan matches.
	splitTo = 50_000
)

// Scan yields the sightings of a scan by id, page by page, in keyset pages
// without an upper bound: an edit during the walk cannot move a row past the
// cursor. Whatever matches more than 90,000 rows is read in ranges of ids. A
// row that is not past the one before it, or has no id, ends the scan with an
// error: reading on would guess.
func (c *Client) Scan(ctx context.Context, s Scan) iter.Seq2[[]Change, error] {
	return func(yield func([]Change, error) bool) {
		if err := s.check(); err != nil {
			yield(nil, err)
			return
		}
		contacts := s.Lines && s.vendors()
		if contacts && c.withoutContacts() {
			yield(nil, hiddenContacts(nil))
			return
		}
		w := window{}
		for last := s.After; ; {
			rows, err := c.rows(ctx, s.operation(), s.statement(last, w.upTo))
			if contacts && c.noContacts(err) {
				err = hiddenContacts(err)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			page, end, err := s.page(rows, last)
			if err != nil {
				yield(nil, err)
				return
			}
			if (len(page) > 0 || w.upTo == 0) && !yield(page, nil) {
				return
			}
			full := len(rows) >= pageSize
			switch {
			case full && !w.counted:
				if w, err = c.split(ctx, s, end); err != nil {
					yield(nil, err)
					return
				}
				last = end
			case full:
				last = end
			case w.upTo == 0:
				return
			default:
				last = w.next()
			}
		}
	}
}

// window is the range of ids that a statement of a scan is limited to.
type window struct {
	counted bool
	upTo    ID // 0: no upper bound
	step    ID
	max     ID // highest id when the scan began; beyond it there is no bound
}

// next moves the window on and returns the id that it begins after.
func (w *window) next() ID {
	last := w.upTo
	if w.upTo += w.step; w.upTo >= w.max {
		w.upTo = 0
	}
	return last
}

// split counts what is left of a scan and cuts it into ranges when that is
// too much for one statement.
func (c *Client) split(ctx context.Context, s Scan, last ID) (window, error) {
	from, where := s.source()
	rows, err := c.rows(ctx, "changed_count", fmt.Sprintf("SELECT COUNT(DISTINCT t.id) AS many, MAX(t.id) AS top FROM %s WHERE %s AND t.id > %d", from, where, last))
	if err != nil {
		return window{}, err
	}
	if len(rows) != 1 {
		return window{}, unreadable("changed_count", fmt.Errorf("%d rows: want one", len(rows)))
	}
	x := reader{r: rows[0], what: "count of " + fmt.Sprint(s.Types)}
	many, top := x.id("many"), x.id("top")
	if x.err != nil {
		return window{}, unreadable("changed_count", x.err)
	}
	w := window{counted: true}
	if many > splitAt {
		w.max, w.step = top, (top-last)/(many/splitTo+1)+1
		w.upTo = last + w.step
	}
	return w, nil
}

const opChangedContacts = "changed_contacts"

func (s Scan) operation() string {
	switch {
	case s.Lines && s.vendors():
		return opChangedContacts
	case s.Lines:
		return "changed_lines"
	}
	return "changed"
}

// source is the FROM and WHERE of a scan.
func (s Scan) source() (from, where string) {
	at := "TO_DATE('" + s.Since + "', " + stamp + ")"
	column := "t.lastmodifieddate"
	switch {
	case s.vendors() && s.Lines:
		from, where, column = "contact tl JOIN vendor t ON t.id = tl.company", "t.id > 0", "tl.lastmodifieddate"
	case s.vendors():
		from, where = "vendor t", "t.id > 0"
	case s.Lines:
		from, where, column = "transactionline tl JOIN transaction t ON t.id = tl.transaction", "t.type IN ("+typeList(s.Types)+")", "tl.linelastmodifieddate"
	default:
		from, where = "transaction t", "t.type IN ("+typeList(s.Types)+")"
	}
	if s.Since != "" {
		where += " AND " + column + " >= " + at
	}
	if s.Dated != "" && !s.vendors() {
		where += " AND t.trandate >= TO_DATE('" + string(s.Dated) + "', 'YYYY-MM-DD')"
	}
	return from, where
}

func (s Scan) statement(last, upTo ID) string {
	from, where := s.source()
	where += " AND t.id > " + last.String()
	if upTo != 0 {
		where += " AND t.id <= " + upTo.String()
	}
	const modified = "t.id, TO_CHAR(t.lastmodifieddate, " + stamp + ") AS modifiedat, "
	switch {
	case s.vendors() && s.Lines:
		return "SELECT " + modified + "TO_CHAR(t.datecreated, 'YYYY-MM-DD') AS createdon, TO_CHAR(MAX(tl.lastmodifieddate), " + stamp + ") AS lineat FROM " + from +
			" WHERE " + where + " GROUP BY t.id, t.lastmodifieddate, t.datecreated ORDER BY t.id"
	case s.vendors():
		return "SELECT " + modified + "TO_CHAR(t.datecreated, 'YYYY-MM-DD') AS createdon FROM " + from + " WHERE " + where + " ORDER BY t.id"
	case s.Lines:
		return "SELECT " + modified + "TO_CHAR(t.createddate, 'YYYY-MM-DD') AS createdon, t.type, t.entity, TO_CHAR(MAX(tl.linelastmodifieddate), " + stamp + ") AS lineat FROM " + from +
			" WHERE " + where + " GROUP BY t.id, t.lastmodifieddate, t.createddate, t.type, t.entity ORDER BY t.id"
	}
	return "SELECT " + modified + "TO_CHAR(t.createddate, 'YYYY-MM-DD') AS createdon, t.type, t.entity, t.transactionnumber, t.foreigntotal FROM " + from + " WHERE " + where + " ORDER BY t.id"
}

// page reads the rows of a page that begins after last.
func (s Scan) page(rows []Row, last ID) ([]Change, ID, error) {
	out := make([]Change, 0, len(rows))
	for _, r := range rows {
		x := reader{r: r, what: fmt.Sprintf("changed %v after %d", s.Types, last)}
		ch := Change{ID: x.id("id"), Type: TypeVendor, ModifiedAt: x.text("modifiedat"), LineAt: x.text("lineat"), Vendor: x.id("entity"),
			Number: x.text("transactionnumber"), Total: x.amount("foreigntotal").Abs()}
		if !s.vendors() {
			ch.Type = recordType(x.text("type"))
		}
		if on := Date(x.text("createdon")); isDate(on) {
			ch.CreatedOn = on
		}
		switch {
		case x.err != nil:
			return nil, 0, unreadable(s.operation(), x.err)
		case ch.ID == 0:
			return nil, 0, unreadable(s.operation(), fmt.Errorf("%s: a row without id", x.what))
		case ch.ID <= last:
			return nil, 0, unreadable(s.operation(), fmt.Errorf("%s %d comes after %d: rows are not ordered by id, or come twice", ch.Type, ch.ID, last))
		case !slices.Contains(s.Types, ch.Type):
			return nil, 0, unreadable(s.operation(), fmt.Errorf("record %d is of type %.40q: want %v", ch.ID, r["type"], s.Types))
		}
		last = ch.ID
		out = append(out, ch)
	}
	return out, last, nil
}

// Count is how many records a type has of which sort.
type Count struct {
	Type   RecordType
	Status string // bare letter; "" of vendors
	ID     ID     // the highest
	N      int
}

// Counts counts the records of a scan by type and status: one statement.
func (c *Client) Counts(ctx context.Context, s Scan) ([]Count, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	const op = "counts"
	from, where := s.source()
	q := "SELECT COUNT(*) AS many, MAX(t.id) AS top FROM " + from + " WHERE " + where
	if !s.vendors() {
		q = "SELECT t.type, t.status, COUNT(*) AS many, MAX(t.id) AS top FROM " + from + " WHERE " + where + " GROUP BY t.type, t.status ORDER BY t.type, t.status"
	}
	rows, err := c.rows(ctx, op, q)
	if err != nil {
		return nil, err
	}
	var out []Count
	for _, r := range rows {
		x := reader{r: r, what: "counts"}
		n := Count{Type: TypeVendor, Status: letter(x.text("status")), N: x.int("many"), ID: x.id("top")}
		if !s.vendors() {
			n.Type = recordType(x.text("type"))
		}
		if x.err != nil {
			return nil, unreadable(op, x.err)
		}
		out = append(out, n)
	}
	return out, nil
}
