package simulation

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
)

// State is what Cin7 holds for each NetSuite record, by marker, without what
// differs from run to run: ids, numbers that Cin7 gives, and times.
type State map[string]string

var (
	guid   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	number = regexp.MustCompile(`(PO|JN)-\d+`)
	marker = regexp.MustCompile(`NS:[a-z]+:[0-9]+@[A-Za-z0-9_-]+`)
)

// volatile are the fields that say when, not what. Number is that of a group.
var volatile = []string{"Created", "Updated", "Modified", "OrderDate"}

// Cin7State reads the state from the simulator.
func Cin7State(c7 *cin7test.Sim) State {
	out := State{}
	for _, s := range c7.Suppliers() {
		if m := marker.FindString(s.Comments); m != "" {
			out[m] += canonical(s)
		}
	}
	for _, p := range c7.Purchases() {
		if m := marker.FindString(p.Note); m != "" && !p.Voided {
			for i := range p.Groups {
				p.Groups[i].Number = 0
			}
			out[m] += canonical(p)
		}
	}
	for _, j := range c7.Journals() {
		if m := marker.FindString(j.Notes); m != "" && j.Status != "VOIDED" {
			out[m] += canonical(j)
		}
	}
	return out
}

func canonical(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulation: %v", err)) // plain data
	}
	b = number.ReplaceAll(guid.ReplaceAll(b, nil), nil)
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		panic(fmt.Sprintf("simulation: %v", err))
	}
	return text(tree)
}

// text writes a tree with its lists in a fixed order.
func text(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for k, x := range v {
			if !slices.Contains(volatile, k) {
				parts = append(parts, k+"="+text(x))
			}
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, " ") + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, text(x))
		}
		slices.Sort(parts)
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%v", v)
}

// Against names every difference of the records of want that are among the
// markers' records, and everything in s beyond them.
func (s State) Against(want State, told func(marker string) bool) []string {
	var out []string
	for m, w := range want {
		if !told(m) {
			continue
		}
		if got := s[m]; got != w {
			out = append(out, fmt.Sprintf("%s is\n  %s\nmust be\n  %s", m, got, w))
		}
	}
	for m := range s {
		if _, known := want[m]; !known || !told(m) {
			out = append(out, m+" must not be in Cin7")
		}
	}
	slices.Sort(out)
	return out
}

// Twice names every effect that counts and happened more than once, from the
// journal of what took effect in Cin7: a supplier created, an order, an
// invoice, a receipt or a put-away authorised for one document; and every
// second purchase of a record that was not voided again. strays counts those
// that were: bare drafts.
func Twice(c7 *cin7test.Sim) (twice []string, strays int) {
	records := map[string]string{} // purchase -> marker
	alive := map[string]int{}
	for _, p := range c7.Purchases() {
		m := marker.FindString(p.Note)
		records[p.ID] = m
		if m == "" {
			continue
		}
		if p.Voided {
			strays++
		} else {
			alive[m]++
		}
	}
	for _, j := range c7.Journals() {
		if m := marker.FindString(j.Notes); m != "" && j.Status != "VOIDED" {
			alive[m]++
		}
	}
	for m, n := range alive {
		if n > 1 {
			twice = append(twice, fmt.Sprintf("%d documents of %s", n, m))
		}
	}
	seen := map[string]int{}
	for _, e := range c7.Journal() {
		switch {
		case strings.HasPrefix(e.Number, "ml-connector deployment "):
			// A flag, which harms nobody twice (docs/adr/0013).
		case e.Kind == "supplier_created":
			seen[e.Kind+" "+cmp.Or(e.Marker, e.Number)]++
		case strings.HasSuffix(e.Kind, "_authorised"), strings.HasSuffix(e.Kind, "_completed"):
			// What was undone in between, because NetSuite changed, has other lines.
			var lines []string
			for _, l := range e.Lines {
				lines = append(lines, l.Product+" "+l.Quantity.String()+" "+l.Total.String())
			}
			seen[fmt.Sprintf("%s of %s%s, %s %v", e.Kind, records[e.ID], e.Marker, e.Number, lines)]++
		}
	}
	for what, n := range seen {
		if n > 1 {
			twice = append(twice, fmt.Sprintf("%d times %s", n, what))
		}
	}
	slices.Sort(twice)
	return twice, strays
}
