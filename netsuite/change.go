package netsuite

import (
	"context"
	"fmt"
	"iter"
	"regexp"
)

// HighWater is the latest modification time of a type, in the session zone's
// text form; "" when there are no records (contract 3.9 j).
func (c *Client) HighWater(ctx context.Context, t RecordType) (string, error) {
	from, where := "transaction t", " WHERE t.type = '"+tranTypes[t]+"'"
	if t == TypeVendor {
		from, where = "vendor t", ""
	}
	rows, err := c.rows(ctx, "high_water", "SELECT TO_CHAR(MAX(t.lastmodifieddate), "+stamp+") AS hw FROM "+from+where)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0]["hw"], nil
}

var stampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)

// Changed yields records of a type modified at or after since (text form of
// HighWater; "" means all), by id, in keyset pages without an upper bound: an
// edit during the walk cannot move a row past the cursor. For documents it
// also yields those with a line modified since, because a line can change
// without its header (contract 4.3).
func (c *Client) Changed(ctx context.Context, t RecordType, since string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if since != "" && !stampForm.MatchString(since) {
			yield(Change{}, fmt.Errorf("netsuite: watermark %.40q: want YYYY-MM-DD HH:MM:SS", since))
			return
		}
		for last := ID(0); ; {
			rows, err := c.rows(ctx, "changed", changedQuery(t, since, last))
			if err != nil {
				yield(Change{}, err)
				return
			}
			for _, r := range rows {
				x := reader{r: r, what: "changed " + string(t)}
				ch := Change{ID: x.id("id"), Type: t, ModifiedAt: x.text("modifiedat")}
				switch {
				case x.err != nil:
					yield(Change{}, unreadable("changed", x.err))
					return
				case ch.ID <= last:
					yield(Change{}, unreadable("changed", fmt.Errorf("%s %d comes after %d: rows are not ordered by id, or come twice", t, ch.ID, last)))
					return
				}
				last = ch.ID
				if !yield(ch, nil) {
					return
				}
			}
			if len(rows) < pageSize {
				return
			}
		}
	}
}

func changedQuery(t RecordType, since string, last ID) string {
	at := "TO_DATE('" + since + "', " + stamp + ")"
	if t == TypeVendor {
		q := "SELECT t.id, TO_CHAR(t.lastmodifieddate, " + stamp + ") AS modifiedat FROM vendor t WHERE t.id > " + last.String()
		if since != "" {
			q += " AND t.lastmodifieddate >= " + at
		}
		return q + " ORDER BY t.id"
	}
	q := "SELECT t.id, TO_CHAR(t.lastmodifieddate, " + stamp + ") AS modifiedat FROM transaction t WHERE t.type = '" + tranTypes[t] + "' AND t.id > " + last.String()
	if since != "" {
		q += " AND (t.lastmodifieddate >= " + at + "{tl.linelastmodifieddate: OR t.id IN (SELECT tl.transaction FROM transactionline tl WHERE tl.linelastmodifieddate >= " + at + ")})"
	}
	return q + " ORDER BY t.id"
}
