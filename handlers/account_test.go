package handlers

import (
	"strconv"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

func chart() []cin7.Account {
	row := func(code, name, class, status string) cin7.Account {
		return cin7.Account{Code: code, Name: name, DisplayName: code + ": " + name, Class: class, Status: status}
	}
	return []cin7.Account{
		row("1200", "Inventory Asset", "ASSET", "ACTIVE"),
		row("429", "General Expenses", "EXPENSE", "ACTIVE"),
		row("5100", "Freight In", "EXPENSE", "ACTIVE"),
		row("6000", "Rent", "EXPENSE", "ARCHIVED"),
		row("4000", "Sales", "REVENUE", "ACTIVE"),
		row("_59_", "Utilities", "EXPENSE", "ACTIVE"),
		row("710", "Travel", "EXPENSE", "ACTIVE"),
		row("711", "Travel", "EXPENSE", "ACTIVE"),
		row("2100", "Deposits", "LIABILITY", "ACTIVE"),
	}
}

func TestMatchAccount(t *testing.T) {
	mapping := map[string]string{"5000": "429", "id:77": "5100", "Bank fees": "429", "6100": "9999", "6200": "6000"}
	cases := []struct {
		name      string
		account   netsuite.Account
		code, how string
		ok        bool
	}{
		{"mapped by number", netsuite.Account{ID: 1, Number: "5000", Name: "Cost of goods"}, "429", "mapping", true},
		{"mapped by id", netsuite.Account{ID: 77, Name: "Inbound"}, "5100", "mapping", true},
		{"mapped by name", netsuite.Account{ID: 2, Name: "Bank fees"}, "429", "mapping", true},
		{"mapping beats an equal code", netsuite.Account{ID: 77, Number: "1200", Name: "Inventory Asset"}, "5100", "mapping", true},
		{"mapping to a code that is not there never falls through", netsuite.Account{ID: 3, Number: "6100", Name: "Freight In"}, "", "", false},
		{"mapping to an inactive account", netsuite.Account{ID: 4, Number: "6200", Name: "Rent"}, "", "", false},
		{"code equals number", netsuite.Account{ID: 5, Number: "1200", Name: "Stock"}, "1200", "code", true},
		{"inactive code", netsuite.Account{ID: 6, Number: "6000", Name: "Rent"}, "", "", false},
		{"revenue is no purchase account", netsuite.Account{ID: 7, Number: "4000", Name: "Sales", Type: "Income"}, "", "", false},
		{"name, case and blanks folded", netsuite.Account{ID: 8, Number: "6300", Name: " freight  IN ", Type: "COGS"}, "5100", "name", true},
		{"numbers off", netsuite.Account{ID: 9, Name: "Utilities", Type: "Expense"}, "_59_", "name", true},
		{"name in two accounts", netsuite.Account{ID: 10, Name: "Travel", Type: "Expense"}, "", "", false},
		{"name of another class", netsuite.Account{ID: 11, Name: "Deposits", Type: "OthCurrAsset"}, "", "", false},
		{"nothing alike", netsuite.Account{ID: 12, Number: "8888", Name: "Penalties", Type: "Expense"}, "", "", false},
		{"no account", netsuite.Account{}, "", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, how, ok := matchAccount(c.account, mapping, chart(), true)
			if code != c.code || how != c.how || ok != c.ok {
				t.Errorf("got %q by %q %v, want %q by %q %v", code, how, ok, c.code, c.how, c.ok)
			}
		})
	}
}

func TestMatchAccountByDisplayName(t *testing.T) {
	c := []cin7.Account{{Code: "A1", Name: "Shipping", DisplayName: "5200: Freight out", Class: "EXPENSE", Status: "ACTIVE"}}
	code, how, ok := matchAccount(netsuite.Account{ID: 1, Number: "5200", Name: "Freight Out", Type: "Expense"}, nil, c, true)
	if code != "A1" || how != "display name" || !ok {
		t.Errorf("got %q by %q %v", code, how, ok)
	}
}

func TestSuggestAccounts(t *testing.T) {
	got := suggestAccounts(netsuite.Account{ID: 1, Number: "5150", Name: "Freight Inbound", Type: "COGS"}, chart(), 2)
	if len(got) == 0 || !strings.HasPrefix(got[0], "5100 ") {
		t.Errorf("got %v, want 5100 Freight In first", got)
	}
	if got := suggestAccounts(netsuite.Account{ID: 1, Name: "Zzz"}, chart(), 2); len(got) != 0 {
		t.Errorf("got %v for a name that is like none", got)
	}
}

func TestMarker(t *testing.T) {
	r := ref(netsuite.TypeVendor, 11)
	cases := []struct {
		name, text string
		want       bool
	}{
		{"alone", "NS:vendor:11@123", true},
		{"with words around", "by hand NS:vendor:11@123 keep", true},
		{"longer id", "NS:vendor:118@123", false},
		{"sandbox of the account", "NS:vendor:11@123_SB1", false},
		{"other type", "NS:vendorbill:11@123", false},
		{"inside a word", "xNS:vendor:11@123", false},
		{"none", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := marked(c.text, "123", r); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := marker("123_SB1", ref(netsuite.TypePurchaseOrder, 48213)); got != "NS:purchaseorder:48213@123_SB1" {
		t.Errorf("got %s", got)
	}
}

// An equal number is an equal account where both systems follow one plan,
// whatever it is called; where they do not, most equal numbers are chance.
func TestNumberAlike(t *testing.T) {
	chartOf := func(names ...string) []cin7.Account {
		var out []cin7.Account
		for i, n := range names {
			out = append(out, cin7.Account{Code: strconv.Itoa(5000 + 100*i), Name: n, Class: "EXPENSE", Status: "ACTIVE"})
		}
		return out
	}
	numbered := func(codes ...string) []cin7.Account {
		var out []cin7.Account
		for _, c := range codes {
			out = append(out, cin7.Account{Code: c, Name: "Account " + c, Class: "EXPENSE", Status: "ACTIVE"})
		}
		return out
	}
	netsuites := func(names ...string) map[netsuite.ID]netsuite.Account {
		out := map[netsuite.ID]netsuite.Account{}
		for i, n := range names {
			id := netsuite.ID(i + 1)
			out[id] = netsuite.Account{ID: id, Number: strconv.Itoa(5000 + 100*i), Name: n, Type: "Expense"}
		}
		return out
	}
	for _, c := range []struct {
		name  string
		all   map[netsuite.ID]netsuite.Account
		chart []cin7.Account
		want  bool
	}{
		{"one plan, some renamed", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties"), chartOf("Purchases", "Freight", "Rent", "Mileage", "Fines"), true},
		{"two plans", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties"), chartOf("Wages", "Rent", "Insurance", "Travel", "Licences"), false},
		{"one equal number tells nothing", netsuites("Purchases"), chartOf("Wages"), true},
		{"two equal numbers, both otherwise called", netsuites("Purchases", "Freight In"), chartOf("Wages", "Insurance"), false},
		{"a number of a long chart, by chance", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties"),
			append(chartOf("Wages"), numbered("1", "2", "3", "4", "5", "6")...), false},
		{"two of a long chart, by chance", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties", "Fuel", "Post", "Gas", "Water"),
			append(chartOf("Purchases", "Insurance"), numbered("1", "2", "3", "4", "5", "6", "7", "8")...), false},
		{"one ancestor, gone apart", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties", "Fuel", "Post", "Gas", "Water", "Legal"),
			chartOf("Purchases", "Freight", "Rent", "Travel", "Penalties", "Fuel", "Post", "Car hire", "Audit", "Donations"), false},
		{"one plan, ten numbers", netsuites("Purchases", "Freight In", "Rent", "Travel", "Penalties", "Fuel", "Post", "Gas", "Water", "Legal"),
			chartOf("Purchases", "Freight", "Rent", "Travel", "Penalties", "Fuel", "Post", "Gas", "Audit", "Donations"), true},
		{"numbers off", map[netsuite.ID]netsuite.Account{1: {ID: 1, Name: "Rent"}}, chartOf("Rent"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := numberAlike(c.all, c.chart); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	a := netsuite.Account{ID: 5, Number: "5400", Name: "Penalties", Type: "Expense"}
	chart := chartOf("Purchases", "Freight", "Rent", "Mileage", "Fines")
	if code, how, ok := matchAccount(a, nil, chart, true); code != "5400" || how != "code" || !ok {
		t.Errorf("of one plan got %q by %q %v", code, how, ok)
	}
	if code, how, ok := matchAccount(a, nil, chart, false); ok {
		t.Errorf("of two plans got %q by %q", code, how)
	}
}
