package netsuite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pageOf is a full page of links that end at doc, line.
func pageOf(n, doc, line int) reply {
	rows := slices.Repeat([]string{fmt.Sprintf(`{"nextdoc":"%d","nextline":"%d","poid":"1","polineid":"1"}`, doc, line)}, n)
	return reply{body: `{"items":[` + strings.Join(rows, ",") + `]}`}
}

func TestKeyset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pages []reply
		rows  int // -1: refused
		after []string
	}{
		{"one short page", []reply{pageOf(3, 5, 1)}, 3, []string{""}},
		{"a full page and nothing", []reply{pageOf(pageSize, 5, 1), {}}, pageSize, []string{"", " AND (l.nextdoc > 5 OR (l.nextdoc = 5 AND l.nextline > 1))"}},
		{"three pages", []reply{pageOf(pageSize, 5, 1), pageOf(pageSize, 5, 9), pageOf(1, 6, 1)}, 2*pageSize + 1,
			[]string{"", " AND (l.nextdoc > 5 OR (l.nextdoc = 5 AND l.nextline > 1))", " AND (l.nextdoc > 5 OR (l.nextdoc = 5 AND l.nextline > 9))"}},
		{"the same page again", []reply{pageOf(pageSize, 5, 1), pageOf(pageSize, 5, 1)}, -1, nil},
		{"an earlier page again", []reply{pageOf(pageSize, 5, 1), pageOf(pageSize, 6, 1), pageOf(pageSize, 5, 2)}, -1, nil},
		{"rows without a cursor", []reply{pageOf(pageSize, 0, 0)}, -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &upstream{query: func(n int, _ string) reply { return c.pages[min(n, len(c.pages))-1] }}
			cl, _ := dial(t, u)
			var after []string
			rows, err := cl.keyset(t.Context(), "test", orderKeys, func(a string) string {
				after = append(after, a)
				return "SELECT"
			})
			if c.rows < 0 {
				_ = asError(t, err, ErrUnavailable)
				if _, n := u.counts(); n != len(c.pages) {
					t.Errorf("asked %d times, want %d", n, len(c.pages))
				}
				return
			}
			if err != nil || len(rows) != c.rows {
				t.Fatalf("got %d rows, %v, want %d", len(rows), err, c.rows)
			}
			if d := cmp.Diff(after, c.after); d != "" {
				t.Errorf("cursors (-got +want)\n%s", d)
			}
		})
	}
}
