package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// AccountSuggestion is a Cin7 account that may be the one of a NetSuite
// account. It is never taken without a person.
type AccountSuggestion struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Score   int      `json:"score"`   // 0 to 99; what matches by rule needs no suggestion
	Reasons []string `json:"reasons"` // what speaks for it, and against it
}

// Votes are past postings: Cin7 code -> how many lines of the account are
// posted there already, by whomever.
type Votes map[string]int

// The points of a suggestion. A name can carry it alone, the others raise or
// lower it; another class keeps it below every account of the right one.
const (
	pointsCode     = 30 // with the class enough to be shown
	pointsRange    = 4
	pointsClass    = 8
	pointsPast     = 60
	otherClassMost = 20
	suggestFrom    = 35
	suggestions    = 3
	alikeEnough    = 55 // names below this share nothing to speak of
)

// suggest names up to n accounts of the chart that may be the one of a, best
// first. It is pure.
func suggest(a netsuite.Account, chart []cin7.Account, past Votes, n int) []AccountSuggestion {
	total := 0
	for _, v := range past {
		total += v
	}
	var list []AccountSuggestion
	for _, c := range chart {
		if !usable(c) {
			continue
		}
		s := AccountSuggestion{Code: c.Code, Name: c.Name}
		say := func(points int, format string, args ...any) {
			s.Score += points
			s.Reasons = append(s.Reasons, fmt.Sprintf(format, args...))
		}
		if like := nameScore(a.Name, c); like >= alikeEnough {
			say(like*80/100, "the names are alike (%d of 100)", like)
		}
		if a.Number != "" && strings.EqualFold(a.Number, strings.TrimSpace(c.Code)) {
			say(pointsCode, "the code is the number")
		} else if p := commonPrefix(a.Number, strings.TrimSpace(c.Code)); len(a.Number) == len(c.Code) && p >= 2 && p > len(c.Code)/2 && s.Score > 0 {
			say(pointsRange, "the code is of the same range")
		}
		if v := past[c.Code]; v > 0 {
			say(pointsPast*v/total, "%d of %d past lines are posted there", v, total)
		}
		if s.Score == 0 {
			continue
		}
		switch want := classOf(a.Type); {
		case want == "":
		case sameClass(a.Type, c.Class):
			say(pointsClass, "both are of class %s", strings.ToUpper(c.Class))
		default:
			s.Score = min(s.Score, otherClassMost)
			s.Reasons = append(s.Reasons, fmt.Sprintf("but it is of class %s, not %s", strings.ToUpper(c.Class), want))
		}
		s.Score = min(s.Score, 99)
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(x, y AccountSuggestion) int { return y.Score - x.Score })
	var out []AccountSuggestion
	for _, s := range list {
		if len(out) < n && (s.Score >= suggestFrom || past[s.Code] > 0) {
			out = append(out, s)
		}
	}
	return out
}

// suggestAccounts is suggest for messages: "429 General Expenses".
func suggestAccounts(a netsuite.Account, chart []cin7.Account, n int) []string {
	var out []string
	for _, s := range suggest(a, chart, nil, n) {
		out = append(out, s.Code+" "+s.Name)
	}
	return out
}

// nameScore is how alike the name of an account is to that of a Cin7 account,
// 0 to 100: by letters, or by words once what accountants abbreviate and what
// says nothing is out of the way.
func nameScore(name string, c cin7.Account) int {
	best := 0
	for _, other := range []string{c.Name, c.DisplayName} {
		other = strings.TrimSpace(strings.TrimPrefix(fold(other), fold(c.Code)+":"))
		if other == "" {
			continue
		}
		a, b := words(name), words(other)
		best = max(best, alike(fold(name), other), alike(strings.Join(a, " "), strings.Join(b, " ")), overlap(a, b))
	}
	return best
}

// overlap is the share of words that two names have in common (Dice).
func overlap(a, b []string) int {
	if len(a)+len(b) == 0 {
		return 0
	}
	both := 0
	for _, w := range a {
		if slices.Contains(b, w) {
			both++
		}
	}
	return 200 * both / (len(a) + len(b))
}

// words are the words of an account name that tell it from others.
func words(name string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r <= 127 }) {
		if full := abbreviations[w]; full != "" {
			w = full
		}
		if silent[w] || w == "" {
			continue
		}
		if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
			w = strings.TrimSuffix(w, "s")
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}

// abbreviations are those of charts of accounts.
var abbreviations = map[string]string{
	"acct": "account", "adv": "advertising", "advert": "advertising", "amort": "amortisation", "amortization": "amortisation", "depr": "depreciation", "dep": "depreciation",
	"exp": "expense", "ins": "insurance", "int": "interest", "inv": "inventory", "stock": "inventory", "maint": "maintenance", "mktg": "marketing", "misc": "miscellaneous",
	"sundry": "miscellaneous", "ofc": "office", "prof": "professional", "pmt": "payment", "postal": "postage", "rep": "repair", "sub": "subscription", "subs": "subscription",
	"tel": "telephone", "phone": "telephone", "util": "utility", "utilities": "utility", "wage": "wages", "salaries": "salary", "carriage": "freight", "shipping": "freight",
	"stationary": "stationery", "printing": "print", "auto": "vehicle", "motor": "vehicle", "travelling": "travel", "supplies": "supply",
}

// silent are words that most names have.
var silent = map[string]bool{"a": true, "account": true, "accounts": true, "and": true, "charge": true, "charges": true, "cost": true, "costs": true, "expense": true, "expenses": true,
	"fee": true, "fees": true, "for": true, "in": true, "of": true, "on": true, "other": true, "the": true, "to": true}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
