package netsuite

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Ids that come again on a later page, or out of order, end a scan with an
// error that names them: what was seen before it stays seen, and reading on
// would guess.
func TestScanRefusesIdsAcrossPages(t *testing.T) {
	t.Parallel()
	row := func(id string) string { return fmt.Sprintf(`{"id":%q,"modifiedat":"2026-11-10 12:00:00"}`, id) }
	full := make([]string, pageSize)
	for i := range full {
		full[i] = row(fmt.Sprint(i + 1))
	}
	for name, c := range map[string]struct {
		second []string
		want   string // "" reads to the end
	}{
		"the next ids":              {[]string{row("1001"), row("1002")}, ""},
		"the last id again":         {[]string{row("1000"), row("1001")}, "vendor 1000 comes after 1000"},
		"an early id again":         {[]string{row("7")}, "vendor 7 comes after 1000"},
		"twice on the page":         {[]string{row("1001"), row("1001")}, "vendor 1001 comes after 1001"},
		"a row without id":          {[]string{`{"modifiedat":"2026-11-10 12:00:00"}`}, "a row without id"},
		"an id that is no number":   {[]string{row("x7")}, `"x7" is no id`},
		"an id below nought":        {[]string{row("-4")}, `"-4" is no id`},
		"a time that cannot be one": {[]string{`{"id":"1001","modifiedat":"yesterday"}`}, ""}, // the row is marked: see the poller
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &upstream{query: func(_ int, q string) reply {
				switch {
				case strings.Contains(q, "COUNT(DISTINCT"):
					return reply{body: `{"items":[{"many":"1002","top":"1002"}]}`}
				case strings.Contains(q, "t.id > 0 ORDER"):
					return reply{body: `{"items":[` + strings.Join(full, ",") + `]}`}
				}
				return reply{body: `{"items":[` + strings.Join(c.second, ",") + `]}`}
			}}
			cl, _ := dial(t, u)
			seen := 0
			var failed error
			for page, err := range cl.Scan(t.Context(), Scan{Types: []RecordType{TypeVendor}}) {
				if err != nil {
					failed = err
					break
				}
				seen += len(page)
			}
			switch {
			case c.want == "" && (failed != nil || seen != pageSize+len(c.second)):
				t.Errorf("saw %d rows, %v", seen, failed)
			case c.want != "" && (failed == nil || !errors.Is(failed, ErrUnavailable) || !strings.Contains(failed.Error(), c.want) || seen != pageSize):
				t.Errorf("saw %d rows, %v, want %q", seen, failed, c.want)
			}
		})
	}
}
