package cin7test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// obj is a JSON object of an answer.
type obj = map[string]any

// num writes a decimal as a JSON number.
func num(d decimal.Decimal) json.Number { return json.Number(d.String()) }

// round2 rounds half up to two decimals (9).
func round2(d decimal.Decimal) decimal.Decimal { return d.Round(2) }

// day writes a document date: midnight without Z (2).
func day(d string) any {
	if d == "" {
		return nil
	}
	return d + "T00:00:00"
}

// stamp writes a moment: with Z (2).
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// orNull writes an empty text as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// number is a decimal of a request: a JSON number or a numeric string.
type number struct {
	decimal.Decimal
	set bool
}

func (n *number) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if s == "null" || s == "" {
		return nil
	}
	// decimal would take 1e999999999 and spend the memory of the machine on it.
	if len(s) > 40 || strings.ContainsAny(s, "eE") && len(s) > 12 {
		return fmt.Errorf("number %.40q is out of range", s)
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() > 20 || d.Exponent() < -20 {
		return fmt.Errorf("%.40q is not a number", s)
	}
	n.Decimal, n.set = d, true
	return nil
}

// date is a calendar date of a request. A time with an offset is taken to
// UTC first, so that the day may shift (2).
type date string

func (d *date) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == nil || *s == "" {
		return nil
	}
	t, err := moment(*s)
	if err != nil {
		return err
	}
	*d = date(t.Format(time.DateOnly))
	return nil
}

// moment reads an ISO 8601 time, UTC unless it says otherwise (2).
func moment(s string) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04:05.9999999", time.RFC3339Nano} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a date: want yyyy-MM-ddTHH:mm:ss.fff", s)
}

// deref reads a text that may be absent.
func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
