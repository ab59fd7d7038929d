package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// queries writes every query of every board as a recording rule, Grafana's
// variables filled in, so that promtool can say whether Prometheus would take
// it: go run ./deploy/grafana --queries | promtool check rules.
func queries() string {
	fill := strings.NewReplacer("$__rate_interval", "5m", "$tenant", ".*")
	var b strings.Builder
	b.WriteString("groups:\n")
	all := boards()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "  - name: %s\n    rules:\n", name)
		for _, p := range all[name].Panels {
			for _, t := range p.Targets {
				fmt.Fprintf(&b, "      - {record: 'board:%s:panel%d_%s', expr: '%s'}\n", name, p.ID, strings.ToLower(t.RefID), fill.Replace(t.Expr))
			}
		}
	}
	return b.String()
}
