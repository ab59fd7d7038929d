package handlers

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
)

// labelled is an account of a chart with what it means.
type labelled struct{ code, number, name, kind, label string }

func readChart(t *testing.T, name string) []labelled {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "charts", name+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	for i, r := range rows {
		a := labelled{r[0], r[0], r[1], r[2], r[3]}
		if a.code == "" {
			a.code = fmt.Sprintf("A%03d", i) // Cin7 has no account without one
		}
		out = append(out, a)
	}
	return out
}

func asChart(list []labelled) []cin7.Account {
	var out []cin7.Account
	for _, a := range list {
		out = append(out, cin7.Account{Code: a.code, Name: a.name, DisplayName: a.code + ": " + a.name, Class: classOf(a.kind), Status: "ACTIVE"})
	}
	return out
}

// charts are the labelled charts; testdata/charts/README.md says where each is from.
var charts = []string{"cin7", "erpnext", "us", "uk", "sage", "quickbooks", "xero", "myob", "skr03", "skr04", "odoo", "pcg", "ledgersmb", "odoouk", "erpnextau", "odoonz", "erpnextae", "odooza", "ledgersmbau"}

// languages are those of the charts that are not English.
var languages = map[string]string{"skr03": "de", "skr04": "de", "pcg": "fr"}

// wilson is the interval of a share at 95 %.
func wilson(hits, n int) (low, high float64) { //nolint:forbidigo // a share of counts, no money
	const z = 1.959964
	p, m := share(hits, n), 1+z*z/share(n, 1)
	mid := (p + z*z/(2*share(n, 1))) / m
	half := z * math.Sqrt(p*(1-p)/share(n, 1)+z*z/(4*share(n, 1)*share(n, 1))) / m
	return mid - half, min(mid+half, 1)
}

func figure(hits, n int) string {
	low, high := wilson(hits, n)
	return fmt.Sprintf("%d of %d, %.3f to %.3f at 95 %%", hits, n, low, high)
}

func share(a, b int) (r float64) { return float64(a) / float64(b) } //nolint:forbidigo // a share of counts, no money

// What matches by rule must be right, and what is only suggested must be worth
// reading, on labelled charts of accounts: each as NetSuite's and as Cin7's.
func TestMatchesOnLabelledCharts(t *testing.T) {
	names := charts
	automatic, right := 0, 0
	offered, first, among := 0, 0, 0
	for _, from := range names {
		for _, to := range names {
			if from == to {
				continue
			}
			source, target := readChart(t, from), readChart(t, to)
			chart := asChart(target)
			label := map[string]string{}
			has := map[string]bool{}
			for _, a := range target {
				label[a.code] = a.label
				has[a.label] = true
			}
			all := map[netsuite.ID]netsuite.Account{}
			for i, a := range source {
				all[netsuite.ID(i+1)] = netsuite.Account{ID: netsuite.ID(i + 1), Number: a.number, Name: a.name, Type: a.kind}
			}
			alike := numberAlike(all, chart)
			for i, a := range source {
				account := netsuite.Account{ID: netsuite.ID(i + 1), Number: a.number, Name: a.name, Type: a.kind}
				if code, how, ok := matchAccount(account, nil, chart, alike); ok {
					automatic++
					if label[code] == a.label {
						right++
					} else {
						t.Logf("%s %s %s goes to %s of %s by %s", from, a.number, a.name, code, to, how)
					}
					continue
				}
				if !has[a.label] || languages[from] != languages[to] {
					continue // there is no right answer, or no word in common
				}
				offered++
				for n, s := range suggest(account, chart, nil, suggestions) {
					if label[s.Code] == a.label {
						among++
						if n == 0 {
							first++
						}
						break
					}
				}
			}
		}
	}
	soak.Figure(t, "accounts: automatic matches that are right", "%s", figure(right, automatic))
	soak.Figure(t, "accounts: first suggestion is right", "%s", figure(first, offered))
	soak.Figure(t, "accounts: one of three suggestions is right", "%s", figure(among, offered))
	if low, _ := wilson(right, automatic); low < 0.99 {
		t.Errorf("%s automatic matches are right, want 99 of 100 at the least", figure(right, automatic))
	}
	if share(among, offered) < 0.5 {
		t.Errorf("a right account is among the suggestions of %d of %d only", among, offered)
	}
}

// What looks like a match and is none: an equal number for another thing, a
// name that is nearly the same, the same name in another class.
func TestNearMissesAreNotAutomatic(t *testing.T) {
	for _, c := range []struct{ number, name, kind, code, cin7, class string }{
		{"6200", "Rent", "Expense", "6200", "Sales Promotions", "EXPENSE"},
		{"6100", "Insurance", "Expense", "6100", "Sales Commissions", "EXPENSE"},
		{"612000", "Rent", "Expense", "612000", "Redevances de crédit-bail", "EXPENSE"},
		{"6400", "Travel", "Expense", "6400", "Versicherungen", "EXPENSE"},
		{"7300", "Vehicle Fuel", "Expense", "7300", "Zinsen und ähnliche Aufwendungen", "EXPENSE"},
		{"0420", "Büroeinrichtung", "FixedAsset", "0420", "Maschinen", "ASSET"},
		{"5000", "Deposits", "Expense", "5000", "Deposits", "LIABILITY"},
		{"7900", "Bank Interest Paid", "Expense", "404", "Bank Interest Received", "EXPENSE"},
		{"4945", "Fortbildungskosten", "Expense", "6827", "Fortbildungskosten Inhaber", "EXPENSE"},
		{"493", "Travel - National", "Expense", "494", "Travel - International", "EXPENSE"},
		{"", "Freight Out", "Expense", "5100", "Freight In", "EXPENSE"},
		{"", "Prepaid Insurance", "OthCurrAsset", "433", "Insurance", "EXPENSE"},
	} {
		a := netsuite.Account{ID: 1, Number: c.number, Name: c.name, Type: c.kind}
		list := []cin7.Account{{Code: c.code, Name: c.cin7, DisplayName: c.code + ": " + c.cin7, Class: c.class, Status: "ACTIVE"}}
		if code, how, ok := matchAccount(a, nil, list, false); ok {
			t.Errorf("%s %s goes to %s %s by %s", c.number, c.name, code, c.cin7, how)
		}
		if c.number == c.code && sameClass(c.kind, c.class) && len(suggest(a, list, nil, suggestions)) == 0 {
			t.Errorf("%s %s: the equal code is not even suggested", c.number, c.name)
		}
	}
}

// An account of another class is never matched by itself, and never scored
// above one of the right class.
func TestAnotherClassIsNeverAutomatic(t *testing.T) {
	c := []cin7.Account{
		{Code: "5000", Name: "Deposits", Class: "LIABILITY", Status: "ACTIVE"},
		{Code: "429", Name: "Deposit charges", Class: "EXPENSE", Status: "ACTIVE"},
	}
	a := netsuite.Account{ID: 1, Number: "5000", Name: "Deposits", Type: "Expense"}
	if code, how, ok := matchAccount(a, nil, c, true); ok {
		t.Errorf("matched %s by %s", code, how)
	}
	got := suggest(a, c, Votes{"5000": 9}, 3)
	if len(got) != 2 || got[0].Code != "429" || got[1].Score > otherClassMost {
		t.Errorf("got %+v, want 429 first and 5000 at %d at most", got, otherClassMost)
	}
}

// Past postings carry a suggestion whose name says nothing.
func TestPastPostingsSuggest(t *testing.T) {
	got := suggest(netsuite.Account{ID: 1, Number: "7777", Name: "Project Falcon", Type: "Expense"}, chart(), Votes{"429": 11, "5100": 1}, 3)
	if len(got) == 0 || got[0].Code != "429" || got[0].Score < suggestFrom {
		t.Errorf("got %+v, want 429 first", got)
	}
}
