package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/tenant"
)

// Accounts is how a tenant's NetSuite accounts match the chart of Cin7.
type Accounts struct {
	Rows      []Account
	Chart     []ChartAccount // accounts that a purchase line may carry
	Since     string         // the use below counts from this date, YYYY-MM-DD
	ReadAt    time.Time      // when both systems were read; zero when that is not known
	Lines     int            // lines in use
	WouldPost int            // of them, with an account
}

// Names are what Cin7 calls what the other tables of a mapping lead to.
type Names struct {
	Currency string              // base currency of Cin7's company
	Tables   map[string][]string // name of the table -> names that it may lead to
}

// Account is a NetSuite posting account in use.
type Account struct {
	Key         string // what the mapping calls it: its number, else id:<internal id>
	Name, Type  string
	Lines       int
	Amount      decimal.Decimal // base currency
	Cin7, How   string          // the account it goes to, and which rule matched; "" when none
	Suggestions []Suggestion
}

// Suggestion is a Cin7 account that may be meant.
type Suggestion struct {
	Code, Name string
	Score      int // percent
	Why        string
}

// ChartAccount is an account of Cin7.
type ChartAccount struct{ Code, Name, Class string }

type accountsData struct {
	A         Accounts
	Currency  string // of the amounts
	Trouble   string
	Tables    []mappingTable
	Version   int64
	Rehearsal *rehearsal
	Mapping   tenant.Mapping // what the form shows
	Wrong     []string       // what of it cannot be used, each with its place
}

// mappingTable is one of the tables of the mapping besides the accounts.
type mappingTable struct {
	Name, Title, Hint string
	Rows              []mappingRow
	Names             []string // what Cin7 has
}

type mappingRow struct{ From, To string }

// rehearsal is what a mapping that is not saved yet would do.
type rehearsal struct {
	A       Accounts
	Changes []string
	Unknown []string // what Cin7 does not have, in words: it cannot be saved
	Fields  []field  // the form, to be sent again
}

type field struct{ Name, Value string }

// tables are the parts of a mapping by their names in the tenant file.
func tables(m *tenant.Mapping) []struct {
	name, title, hint string
	of                *map[string]string
} {
	return []struct {
		name, title, hint string
		of                *map[string]string
	}{
		{"terms", "Payment terms", "NetSuite term → Cin7 payment term; equal names need no row", &m.Terms},
		{"tax", "Tax", "NetSuite tax account, * for all others, none for bills without tax → Cin7 tax rule", &m.Tax},
		{"locations", "Locations", "NetSuite location id → Cin7 location", &m.Locations},
		{"charges", "Charges", "NetSuite expense account, * for all others → Cin7 service product", &m.Charges},
		{"items", "Items", "NetSuite item, or id:123 → Cin7 SKU", &m.Items},
		{"units", "Units", "NetSuite unit → Cin7 unit of measure", &m.Units},
	}
}

// accounts shows how accounts match, and the form that changes it.
func (a *console) accounts(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	return a.accountsPage(w, r, t, http.StatusOK, accountsData{Mapping: t.Sync.Mapping})
}

// accountsPage shows the form; when one was sent, with what was typed into it,
// so that a correction starts from there.
func (a *console) accountsPage(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, status int, d accountsData) error {
	d.Version = t.Version
	var err error
	if a.Accounts != nil {
		if d.A, err = a.Accounts(r.Context(), t, t.Sync.Mapping); err != nil {
			d.Trouble = plain(err)
		}
	}
	names, err := a.names(r, t)
	if err != nil && d.Trouble == "" {
		d.Trouble = plain(err)
	}
	d.Currency = names.Currency
	m := d.Mapping
	for _, tb := range tables(&m) {
		mt := mappingTable{Name: tb.name, Title: tb.title, Hint: tb.hint, Names: names.Tables[tb.name]}
		if mt.Rows = typed(r.PostForm, tb.name); mt.Rows == nil {
			for _, from := range slices.Sorted(maps.Keys(*tb.of)) {
				mt.Rows = append(mt.Rows, mappingRow{from, (*tb.of)[from]})
			}
		}
		for len(mt.Rows) < 2 || mt.Rows[len(mt.Rows)-2] != (mappingRow{}) {
			mt.Rows = append(mt.Rows, mappingRow{})
		}
		d.Tables = append(d.Tables, mt)
	}
	a.render(w, r, status, "accounts", view{Title: "Accounts of " + t.Name, Tenant: t, Tab: "accounts", Data: d})
	return nil
}

// names are what Cin7 calls things; empty when nobody can say.
func (a *console) names(r *http.Request, t *tenant.Tenant) (Names, error) {
	if a.Names == nil {
		return Names{}, nil
	}
	return a.Names(r.Context(), t)
}

// saveMapping reads the form. Without save it rehearses: what would match, and
// what would still be missing. With save it replaces the mapping and takes up
// what was parked for want of it.
func (a *console) saveMapping(w http.ResponseWriter, r *http.Request) error {
	t, err := a.tenant(r)
	if err != nil {
		return err
	}
	if v := r.PostForm.Get("version"); v != fmt.Sprint(t.Version) {
		return &said{http.StatusConflict, "Somebody else changed the settings of this company since you opened the page. Open it again, nothing was changed."}
	}
	m, changes, wrong := formMapping(t.Sync.Mapping, r.PostForm)
	probe := *t
	probe.Sync.Mapping = m
	if err := probe.CheckSync(); err != nil {
		wrong = append(wrong, strings.Split(plain(err), "\n")...)
	}
	if len(wrong) > 0 {
		return a.accountsPage(w, r, t, http.StatusUnprocessableEntity, accountsData{Mapping: m, Wrong: wrong})
	}
	if r.PostForm.Get("save") == "" {
		re := &rehearsal{Changes: changes}
		for _, k := range slices.Sorted(maps.Keys(r.PostForm)) {
			for _, v := range r.PostForm[k] {
				re.Fields = append(re.Fields, field{k, v})
			}
		}
		if a.Accounts != nil {
			if re.A, err = a.Accounts(r.Context(), t, m); err != nil {
				return err
			}
			re.Unknown = unknownCodes(t.Sync.Mapping.Accounts, m.Accounts, re.A.Chart)
		}
		names, err := a.names(r, t)
		if err != nil {
			return err
		}
		re.Unknown = append(re.Unknown, unknownNames(t.Sync.Mapping, m, names)...)
		return a.accountsPage(w, r, t, http.StatusOK, accountsData{Mapping: m, Rehearsal: re})
	}
	if len(changes) == 0 {
		return done(w, r, a.url(t, "accounts"), "same")
	}
	out, err := a.desk().SetMapping(r.Context(), t, m, whoIs(r.Context()).who)
	if err != nil {
		return err
	}
	tell(r, "retried", strconv.Itoa(out.Retried))
	if out.Late != nil {
		a.Log.Error("parked records are not all tried again with a new mapping; the lane takes them up", zap.String("tenant", t.ID), zap.Error(out.Late))
		return done(w, r, a.url(t, "accounts"), "mapped-late")
	}
	return done(w, r, a.url(t, "accounts"), "mapped", out.Retried)
}

// typed are the rows of a table as a form has them; nil when it has none.
func typed(form map[string][]string, table string) []mappingRow {
	from, to := form[table+".from"], form[table+".to"]
	var rows []mappingRow
	for i, f := range from {
		row := mappingRow{From: strings.TrimSpace(f)}
		if i < len(to) {
			row.To = strings.TrimSpace(to[i])
		}
		rows = append(rows, row)
	}
	return rows
}

// formMapping applies a form to a mapping: account.<key> sets an account, ""
// removes it; <table>.from and <table>.to are the rows of a table, whole. It
// returns the new mapping, the changes in plain words, and which rows cannot be
// used. It is pure.
func formMapping(old tenant.Mapping, form map[string][]string) (m tenant.Mapping, changes, wrong []string) {
	m = old
	m.Accounts = maps.Clone(old.Accounts)
	if m.Accounts == nil {
		m.Accounts = map[string]string{}
	}
	for k, v := range form {
		key, ok := strings.CutPrefix(k, "account.")
		if !ok || len(v) == 0 {
			continue
		}
		code := strings.TrimSpace(v[0])
		code, _, _ = strings.Cut(code, " ") // "429 General Expenses" from the list
		if code == "" {
			delete(m.Accounts, key)
			continue
		}
		m.Accounts[key] = code
	}
	for _, tb := range tables(&m) {
		rows := typed(form, tb.name)
		if rows == nil {
			continue
		}
		*tb.of = map[string]string{}
		at := map[string]int{}
		for i, row := range rows {
			say := func(format string, args ...any) {
				wrong = append(wrong, fmt.Sprintf("%s, row %d: ", tb.title, i+1)+fmt.Sprintf(format, args...))
			}
			before, twice := at[row.From]
			switch {
			case row == (mappingRow{}):
			case row.To == "":
				say("what %q is called in Cin7 is missing. Fill it in, or empty the row.", row.From)
			case row.From == "":
				say("what %q is called in NetSuite is missing. Fill it in, or empty the row.", row.To)
			case twice:
				say("%q stands in row %d already. Keep one of the two.", row.From, before)
			default:
				(*tb.of)[row.From], at[row.From] = row.To, i+1
			}
		}
	}
	changes = differences("account", old.Accounts, m.Accounts)
	was := tables(&old)
	for i, tb := range tables(&m) {
		changes = append(changes, differences(tb.name, *was[i].of, *tb.of)...)
	}
	return m, changes, wrong
}

func differences(what string, old, now map[string]string) []string {
	var out []string
	keys := slices.Sorted(maps.Keys(now))
	for k := range old {
		if _, ok := now[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		switch before, after := old[k], now[k]; {
		case before == after:
		case before == "":
			out = append(out, fmt.Sprintf("%s %s to %s", what, k, after))
		case after == "":
			out = append(out, fmt.Sprintf("%s %s no longer to %s", what, k, before))
		default:
			out = append(out, fmt.Sprintf("%s %s to %s instead of %s", what, k, after, before))
		}
	}
	return out
}

// unknownCodes are the codes that a change maps to and the chart does not have.
func unknownCodes(old, now map[string]string, chart []ChartAccount) []string {
	if len(chart) == 0 {
		return nil // it could not be read: nothing can be said
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(now)) {
		known := slices.ContainsFunc(chart, func(c ChartAccount) bool { return strings.EqualFold(c.Code, now[k]) })
		if old[k] != now[k] && !known && !slices.Contains(out, now[k]) {
			out = append(out, now[k]+" is no account of Cin7 that a bill line may carry")
		}
	}
	return out
}

// unknownNames are the names that a change of the other tables leads to and
// Cin7 does not have. A list that could not be read says nothing.
func unknownNames(old, now tenant.Mapping, names Names) []string {
	var out []string
	was := tables(&old)
	for i, tb := range tables(&now) {
		list := names.Tables[tb.name]
		if len(list) == 0 {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(*tb.of)) {
			name := (*tb.of)[k]
			known := slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
			if (*was[i].of)[k] != name && !known {
				out = append(out, fmt.Sprintf("%q is not in Cin7 (%s)", name, strings.ToLower(tb.title)))
			}
		}
	}
	return out
}
