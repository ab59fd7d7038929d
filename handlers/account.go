package handlers

import (
	"fmt"
	"sort"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// matchAccount finds the Cin7 account of a NetSuite account: explicit mapping
// (by number, by id:<internal id>, by name), then code = number, then display
// name, then name. The account must be active and of a class that a purchase
// line may carry; a name that matches an account of another class than the
// NetSuite type suggests is no match. how says which rule matched.
func matchAccount(a netsuite.Account, mapping map[string]string, chart []cin7.Account) (code, how string, ok bool) {
	for _, k := range []string{a.Number, "id:" + a.ID.String(), a.Name} {
		want, found := mapping[k]
		if k == "" || !found {
			continue
		}
		for _, c := range chart {
			if strings.EqualFold(strings.TrimSpace(c.Code), strings.TrimSpace(want)) && usable(c) {
				return c.Code, "mapping", true
			}
		}
		// A mapping that names no usable account is a mistake to show, not a
		// reason to guess.
		return "", "", false
	}
	if a.Number != "" {
		for _, c := range chart {
			if strings.TrimSpace(c.Code) == a.Number && usable(c) {
				return c.Code, "code", true
			}
		}
	}
	names := map[string]bool{fold(a.Name): true}
	if a.Number != "" {
		names[fold(a.Number+": "+a.Name)] = true
		names[fold(a.Number+" "+a.Name)] = true
	}
	delete(names, "")
	byName := func(of func(cin7.Account) string) (string, bool) {
		var hits []cin7.Account
		for _, c := range chart {
			if names[fold(of(c))] && usable(c) && sameClass(a.Type, c.Class) {
				hits = append(hits, c)
			}
		}
		if len(hits) != 1 {
			return "", false
		}
		return hits[0].Code, true
	}
	if code, ok := byName(func(c cin7.Account) string { return c.DisplayName }); ok {
		return code, "display name", true
	}
	if code, ok := byName(func(c cin7.Account) string { return c.Name }); ok {
		return code, "name", true
	}
	return "", "", false
}

// usable reports whether a purchase line may carry the account (contract cin7
// 16: active, and of class ASSET, EXPENSE or LIABILITY).
func usable(c cin7.Account) bool {
	switch strings.ToUpper(c.Class) {
	case "ASSET", "EXPENSE", "LIABILITY":
		return strings.EqualFold(c.Status, "ACTIVE")
	}
	return false
}

// classOf is the Cin7 class that a NetSuite account type belongs to; "" when
// it belongs to none that we know.
func classOf(netsuiteType string) string {
	switch netsuiteType {
	case "COGS", "Expense", "OthExpense":
		return "EXPENSE"
	case "Bank", "AcctRec", "OthCurrAsset", "FixedAsset", "OthAsset", "DeferExpense":
		return "ASSET"
	case "AcctPay", "CredCard", "OthCurrLiab", "LongTermLiab", "DeferRevenue":
		return "LIABILITY"
	case "Income", "OthIncome":
		return "REVENUE"
	case "Equity":
		return "EQUITY"
	}
	return ""
}

func sameClass(netsuiteType, class string) bool {
	want := classOf(netsuiteType)
	return want == "" || strings.EqualFold(want, class)
}

// suggestAccounts names up to n accounts of the chart that look like a, best
// first, in the form "429 General Expenses".
func suggestAccounts(a netsuite.Account, chart []cin7.Account, n int) []string {
	type scored struct {
		text  string
		score int // percent alike, with a bonus for the code and a malus for the class
	}
	var list []scored
	for _, c := range chart {
		if !usable(c) {
			continue
		}
		s := alike(fold(a.Name), fold(c.Name))
		if a.Number != "" && a.Number == c.Code {
			s += 100
		}
		if !sameClass(a.Type, c.Class) {
			s -= 50
		}
		if s > 30 {
			list = append(list, scored{c.Code + " " + c.Name, s})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].score > list[j].score })
	var out []string
	for _, s := range list[:min(n, len(list))] {
		out = append(out, s.text)
	}
	return out
}

// alike is 100 for equal texts, 0 for texts that share nothing.
func alike(a, b string) int {
	longest := max(len([]rune(a)), len([]rune(b)), 1)
	return 100 - 100*levenshtein.Distance(a, b, nil)/longest
}

// accountName is how messages name a NetSuite account.
func accountName(a netsuite.Account) string {
	switch {
	case a.ID == 0:
		return "(no account)"
	case a.Number != "":
		return fmt.Sprintf("%s %s", a.Number, a.Name)
	}
	return fmt.Sprintf("%s (id:%d)", a.Name, a.ID)
}
