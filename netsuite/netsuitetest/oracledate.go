package netsuitetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instantLayout is how a date-time is kept in the database. The "@" tells it
// from text that a TO_CHAR made.
const instantLayout = "@2006-01-02T15:04:05.000000Z"

// instant is t as the database keeps it.
func instant(t time.Time) string { return t.UTC().Format(instantLayout) }

// parseInstant reads what instant wrote.
func parseInstant(s string) (time.Time, bool) {
	if len(s) != len(instantLayout) || s[0] != '@' {
		return time.Time{}, false
	}
	t, err := time.Parse(instantLayout, s)
	return t, err == nil
}

// formatElements of TO_CHAR and TO_DATE, longest first where one begins another.
var formatElements = [...]string{"YYYY", "MONTH", "HH24", "HH12", "MON", "DDD", "DAY", "FF6", "FF3", "AM", "PM", "YY", "MM", "DD", "HH", "MI", "SS", "DY", "FF", "D"}

// splitFormat cuts an Oracle format into elements and literals; a literal is
// returned with a leading NUL.
func splitFormat(format string) ([]string, error) {
	var out []string
next:
	for format != "" {
		if format[0] == '"' {
			lit, rest, ok := strings.Cut(format[1:], `"`)
			if !ok {
				return nil, fmt.Errorf("date format: quoted text is not closed")
			}
			out, format = append(out, "\x00"+lit), rest
			continue
		}
		if strings.IndexByte("-/,.;: ", format[0]) >= 0 {
			out, format = append(out, "\x00"+format[:1]), format[1:]
			continue
		}
		for _, e := range formatElements {
			if len(format) >= len(e) && strings.EqualFold(format[:len(e)], e) {
				out, format = append(out, e), format[len(e):]
				continue next
			}
		}
		return nil, fmt.Errorf("date format: %q is not recognized", format)
	}
	return out, nil
}

// formatDate is TO_CHAR of t, already in the zone to show.
func formatDate(t time.Time, format string) (string, error) {
	elements, err := splitFormat(format)
	if err != nil {
		return "", err
	}
	layouts := map[string]string{
		"YYYY": "2006", "YY": "06", "MM": "01", "DD": "02", "HH24": "15", "HH12": "03", "HH": "03", "MI": "04", "SS": "05",
		"AM": "PM", "PM": "PM", "FF": "000000", "FF6": "000000", "FF3": "000",
	}
	var b strings.Builder
	for _, e := range elements {
		switch e {
		case "MON":
			b.WriteString(strings.ToUpper(t.Format("Jan")))
		case "MONTH":
			fmt.Fprintf(&b, "%-9s", strings.ToUpper(t.Format("January")))
		case "DY":
			b.WriteString(strings.ToUpper(t.Format("Mon")))
		case "DAY":
			fmt.Fprintf(&b, "%-9s", strings.ToUpper(t.Format("Monday")))
		case "DDD":
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case "D":
			b.WriteString(strconv.Itoa(int(t.Weekday()) + 1))
		case "FF", "FF3", "FF6":
			b.WriteString(t.Format("." + layouts[e])[1:])
		default:
			if e[0] == 0 {
				b.WriteString(e[1:])
			} else {
				b.WriteString(t.Format(layouts[e]))
			}
		}
	}
	return b.String(), nil
}

// parseDate is TO_DATE: s in the given format as wall clock of zone.
func parseDate(s, format string, zone *time.Location) (time.Time, error) {
	elements, err := splitFormat(format)
	if err != nil {
		return time.Time{}, err
	}
	width := map[string]int{"YYYY": 4, "MM": 2, "DD": 2, "HH24": 2, "MI": 2, "SS": 2, "FF": 9, "FF3": 3, "FF6": 6}
	got := map[string]int{"YYYY": 1, "MM": 1, "DD": 1}
	nanos, rest := 0, s
	for _, e := range elements {
		if e[0] == 0 {
			if rest == "" { // Oracle lets the text end early
				break
			}
			if !strings.HasPrefix(rest, e[1:]) {
				return time.Time{}, fmt.Errorf("date %q does not match format %q", s, format)
			}
			rest = rest[len(e)-1:]
			continue
		}
		w, ok := width[e]
		if !ok {
			return time.Time{}, fmt.Errorf("date format %q: element %s cannot be read here", format, e)
		}
		n := 0
		for n < w && n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 {
			if rest == "" && e != "YYYY" {
				break
			}
			return time.Time{}, fmt.Errorf("date %q does not match format %q", s, format)
		}
		v, _ := strconv.Atoi(rest[:n]) // at most nine digits
		if strings.HasPrefix(e, "FF") {
			for range 9 - n {
				v *= 10
			}
			nanos = v
		} else {
			got[e] = v
		}
		rest = rest[n:]
	}
	if rest != "" {
		return time.Time{}, fmt.Errorf("date %q is longer than format %q", s, format)
	}
	if got["HH24"] > 23 || got["MI"] > 59 || got["SS"] > 59 {
		return time.Time{}, fmt.Errorf("date %q: time of day out of range", s)
	}
	t := time.Date(got["YYYY"], time.Month(got["MM"]), got["DD"], got["HH24"], got["MI"], got["SS"], nanos, zone)
	if d := time.Date(got["YYYY"], time.Month(got["MM"]), got["DD"], 0, 0, 0, 0, time.UTC); d.Day() != got["DD"] || int(d.Month()) != got["MM"] {
		return time.Time{}, fmt.Errorf("date %q: no such day", s)
	}
	return t, nil
}
