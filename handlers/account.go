package handlers

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// matchAccount finds the Cin7 account of a NetSuite account: explicit mapping
// (by number, by id:<internal id>, by name), then code = number, then display
// name, then name. The account must be active and of a class that a purchase
// line may carry, and without a mapping of the class that the NetSuite type
// belongs to. An equal code is no match when another account has the name, nor,
// unless the two charts number alike, when the names share nothing: see
// numberAlike. how says which rule matched.
func matchAccount(a netsuite.Account, mapping map[string]string, chart []cin7.Account, alike bool) (code, how string, ok bool) {
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
			if strings.TrimSpace(c.Code) == a.Number && usable(c) && sameClass(a.Type, c.Class) && (alike || nameScore(a.Name, c) >= alikeEnough) && !namedElsewhere(a, c, chart) {
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

// numberAlike reports whether the accounts of both systems are numbered after
// one plan, so that an equal code is an equal account whatever it is called.
// Plans that know nothing of each other share a few numbers, for other things:
// then fewer than a quarter of the smaller chart is numbered as the other one.
// Plans of one ancestor that went their own ways share many, and some of them
// for other things: of manyNumbers, four in five names must agree, of fewer
// half. Fewer than fewNumbers tell nothing, and the number counts.
func numberAlike(all map[netsuite.ID]netsuite.Account, chart []cin7.Account) bool {
	codes := map[string]cin7.Account{}
	for _, c := range chart {
		codes[strings.TrimSpace(c.Code)] = c
	}
	numbered, equal, named := 0, 0, 0
	for _, a := range all {
		if a.Number == "" || a.Inactive {
			continue
		}
		numbered++
		if c, ok := codes[a.Number]; ok {
			if equal++; nameScore(a.Name, c) >= alikeEnough {
				named++
			}
		}
	}
	switch {
	case 4*equal < min(numbered, len(codes)):
		return false
	case equal < fewNumbers:
		return true
	case equal >= manyNumbers:
		return 5*named >= 4*equal
	}
	return 2*named >= equal
}

const (
	fewNumbers  = 2  // are too few to tell by
	manyNumbers = 10 // are enough to expect more of
)

// namedElsewhere reports whether another account of the chart carries the very
// name: then the equal code is likely chance, and a person decides.
func namedElsewhere(a netsuite.Account, coded cin7.Account, chart []cin7.Account) bool {
	if fold(coded.Name) == fold(a.Name) {
		return false
	}
	for _, c := range chart {
		if c.Code != coded.Code && fold(c.Name) == fold(a.Name) && usable(c) && sameClass(a.Type, c.Class) {
			return true
		}
	}
	return false
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
