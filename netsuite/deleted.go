package netsuite

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Deletion is a row of deletedrecord.
type Deletion struct {
	ID   ID
	Type RecordType
	Name string
	At   string // session zone, YYYY-MM-DD HH:MM:SS
}

var deletedKeys = keys{outer: "d.recordid", inner: "ABS(d.recordtypeid)", outerAs: "recordid", innerAs: "kind"}

// Deleted reads the deletions of our record types at or after since (text form
// of HighWater; "" means all), by id. ErrHidden when the role may not see
// deleted records (contract 3.8). Voids are not here; merged vendors are.
func (c *Client) Deleted(ctx context.Context, since string) ([]Deletion, error) {
	const op = "deleted"
	if since != "" && !IsStamp(since) {
		return nil, fmt.Errorf("netsuite: watermark %.40q: want YYYY-MM-DD HH:MM:SS", since)
	}
	where := "d.recordid > 0"
	if since != "" {
		where = "d.deleteddate >= TO_DATE('" + since + "', " + stamp + ")"
	}
	rows, err := c.keyset(ctx, op, deletedKeys, func(after string) string {
		return "SELECT d.recordid, ABS(d.recordtypeid) AS kind, d.type, d.name, TO_CHAR(d.deleteddate, " + stamp + ") AS deletedat FROM deletedrecord d WHERE " + where + after +
			" ORDER BY d.recordid, ABS(d.recordtypeid)"
	})
	if err != nil {
		return nil, err
	}
	var out []Deletion
	for _, r := range rows {
		t, ok := deletedType(r["type"])
		if !ok {
			continue
		}
		x := reader{r: r, what: "deleted record " + r["recordid"]}
		d := Deletion{ID: x.id("recordid"), Type: t, Name: x.text("name"), At: x.text("deletedat")}
		switch {
		case x.err != nil:
			return nil, unreadable(op, x.err)
		case d.ID == 0:
			return nil, unreadable(op, fmt.Errorf("%s: a row without id", x.what))
		}
		out = append(out, d)
	}
	return out, nil
}

// deletedType reads the type column, whose spelling nobody has confirmed
// (contract 3.8): lower case, without spaces, a bill in any of its names.
func deletedType(s string) (RecordType, bool) {
	switch string(lower(new(word), s, " _-")) {
	case "vendor", "supplier":
		return TypeVendor, true
	case "purchaseorder", "purchord":
		return TypePurchaseOrder, true
	case "itemreceipt", "itemrcpt":
		return TypeItemReceipt, true
	case "vendorbill", "vendbill", "bill":
		return TypeVendorBill, true
	case "vendorcredit", "vendcred", "billcredit":
		return TypeVendorCredit, true
	}
	return "", false
}

// Anchor is a record whose creation time tells when the session's time zone
// changes: the instant never changes, so its text does only with the zone.
type Anchor struct {
	ID   ID
	Text string // creation time as the session shows it
}

// Anchor reads the anchor with this id, or, for 0, one to begin with: the
// vendor of the lowest id. ok is false when there is none.
func (c *Client) Anchor(ctx context.Context, id ID) (a Anchor, ok bool, err error) {
	which := fmt.Sprintf("v.id = %d", id)
	if id == 0 {
		which = "v.id IN (SELECT MIN(w.id) FROM vendor w)"
	}
	rows, err := c.rows(ctx, "anchor", "SELECT v.id, TO_CHAR(v.datecreated, "+stamp+") AS createdat FROM vendor v WHERE "+which)
	if err != nil || len(rows) == 0 {
		return Anchor{}, false, err
	}
	x := reader{r: rows[0], what: "the anchor of the time zone"}
	a = Anchor{ID: x.id("id"), Text: x.text("createdat")}
	if x.err != nil {
		return Anchor{}, false, unreadable("anchor", x.err)
	}
	return a, a.ID != 0 && IsStamp(a.Text), nil
}

// Offset is the session zone's distance from UTC at the creation of an anchor,
// in the form +HH:MM; "" where the account does not tell (contract 4.1: a
// function that not every account allows).
func (c *Client) Offset(ctx context.Context, a Anchor) (string, error) {
	rows, err := c.page(ctx, "zone", fmt.Sprintf("SELECT TO_CHAR(SYS_EXTRACT_UTC(v.datecreated), %s) AS utc FROM vendor v WHERE v.id = %d", stamp, a.ID))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return offset(a.Text, rows[0]["utc"]), nil
}

// DayCount is how many records of a type were created on a day.
type DayCount struct {
	Type RecordType
	Day  Date
	N    int
}

// CreatedPerDay counts the records of the types by the day of their creation,
// in the session zone, from a day on; "" counts all.
func (c *Client) CreatedPerDay(ctx context.Context, from Date, types ...RecordType) ([]DayCount, error) {
	var out []DayCount
	for {
		rows, err := c.createdFrom(ctx, from, types)
		if err != nil {
			return nil, err
		}
		if len(rows) < pageSize {
			return append(out, rows...), nil
		}
		// The page may end within a day: that day comes again, whole.
		again := rows[len(rows)-1].Day
		whole := rows[:slices.IndexFunc(rows, func(d DayCount) bool { return d.Day == again })]
		if len(whole) == 0 {
			return nil, unreadable(createdPerDay, fmt.Errorf("a full page of counts is of one day, %s", again))
		}
		out, from = append(out, whole...), again
	}
}

const createdPerDay = "created_per_day"

func (c *Client) createdFrom(ctx context.Context, from Date, types []RecordType) ([]DayCount, error) {
	s := Scan{Types: types}
	if err := s.check(); err != nil {
		return nil, err
	}
	source, where := s.source()
	column, kind := "t.createddate", "t.type"
	if s.vendors() {
		column, kind = "t.datecreated", ""
	}
	if from != "" {
		if !isDate(from) {
			return nil, fmt.Errorf("netsuite: date %.40q: want YYYY-MM-DD", string(from))
		}
		where += " AND " + column + " >= TO_DATE('" + string(from) + "', 'YYYY-MM-DD')"
	}
	day := "TO_CHAR(" + column + ", 'YYYY-MM-DD')"
	columns, group := day+" AS day, COUNT(*) AS many", day
	if kind != "" {
		columns, group = columns+", "+kind+" AS kind", group+", "+kind
	}
	rows, err := c.rows(ctx, createdPerDay, "SELECT "+columns+" FROM "+source+" WHERE "+where+" GROUP BY "+group+" ORDER BY "+group)
	if err != nil {
		return nil, err
	}
	out := make([]DayCount, 0, len(rows))
	for _, r := range rows {
		x := reader{r: r, what: "records per day"}
		d := DayCount{Type: TypeVendor, Day: Date(x.text("day")), N: x.int("many")}
		if kind != "" {
			d.Type = recordType(x.text("kind"))
		}
		if !isDate(d.Day) {
			x.fail("day", fmt.Errorf("%.40q is no date of the form YYYY-MM-DD", string(d.Day)))
		}
		if x.err != nil {
			return nil, unreadable(createdPerDay, x.err)
		}
		out = append(out, d)
	}
	return out, nil
}

// offset is the distance of a text in the session's zone from the same instant
// in UTC, "" when they are no times or further apart than zones are.
func offset(local, utc string) string {
	l, lerr := time.Parse(time.DateTime, local)
	u, uerr := time.Parse(time.DateTime, utc)
	d := l.Sub(u)
	if lerr != nil || uerr != nil || d.Abs() > 15*time.Hour {
		return ""
	}
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%s%02d:%02d", sign, int(d.Hours()), int(d.Minutes())%60)
}
