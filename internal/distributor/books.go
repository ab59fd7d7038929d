package distributor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// From and To are the month that the company's documents are dated in.
const (
	From cin7.Date = "2026-11-01"
	To   cin7.Date = "2026-11-30"
)

// NetSuiteBooks reads what the posted bills and credits of NetSuite say, by SuiteQL, line
// by line in base currency, on the Cin7 account that each must end on. It is
// another way than the service goes: no mapping, no planning.
func NetSuiteBooks(ctx context.Context, c *netsuite.Client) ([]Entry, error) {
	rows, err := c.Query(ctx, "books", `SELECT t.id, tal.account, tal.amount FROM transactionaccountingline tal
 JOIN transaction t ON t.id = tal.transaction WHERE t.type IN ('VendBill', 'VendCred') AND tal.posting = 'T' AND tal.accountingbook = 1 ORDER BY t.id`)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, r := range rows {
		amount, err := decimal.NewFromString(r["amount"])
		if err != nil {
			return nil, fmt.Errorf("amount %q of bill %s: %w", r["amount"], r["id"], err)
		}
		i := slices.IndexFunc(accounts, func(a Account) bool { return strconv.FormatInt(a.ID, 10) == r["account"] })
		if i < 0 {
			return nil, fmt.Errorf("bill %s posts to account %s, which the company does not have", r["id"], r["account"])
		}
		parks := slices.ContainsFunc(orders, func(o Order) bool { return o.BillParks != "" && strconv.FormatInt(o.BillID, 10) == r["id"] })
		out = append(out, Entry{Account: accounts[i].Cin7, Name: accounts[i].Name, Amount: amount, Parked: parks})
	}
	return out, nil
}

// Cin7Books reads what Cin7's ledger holds, by GET /transactions.
func Cin7Books(ctx context.Context, c *cin7.Client) ([]Entry, error) {
	rows, err := c.Transactions(ctx, From, To)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, t := range rows {
		out = append(out, Entry{Account: t.DebitAccountCode, Amount: t.Amount.Decimal}, Entry{Account: t.CreditAccountCode, Amount: t.Amount.Neg()})
	}
	return out, nil
}

// Spent counts the calls of both systems: operation -> calls, by the
// simulators' own logs.
type Spent struct {
	System, Operation string
	Calls             int
}

// Calls are the calls that both simulators answered.
func (w *World) Calls() []Spent {
	var out []Spent
	add := func(system, operation string) {
		i := slices.IndexFunc(out, func(s Spent) bool { return s.System == system && s.Operation == operation })
		if i < 0 {
			out = append(out, Spent{System: system, Operation: operation})
			i = len(out) - 1
		}
		out[i].Calls++
	}
	for _, c := range w.NetSuite.Calls() {
		if c.Query == "" {
			add("netsuite", "token")
			continue
		}
		add("netsuite", "SuiteQL")
	}
	for _, c := range w.Cin7.Calls() {
		add("cin7", c.Method+" "+strings.TrimPrefix(strings.ToLower(c.Path), "/"))
	}
	slices.SortFunc(out, func(a, b Spent) int {
		return cmp.Or(cmp.Compare(b.System, a.System), cmp.Compare(a.Operation, b.Operation))
	})
	return out
}

// Doubles names every record that Cin7 holds more than one object of, by the
// markers in what took effect there.
func (w *World) Doubles() []string {
	made := map[string]int{}
	for _, e := range w.Cin7.Journal() {
		if e.Marker != "" && (e.Kind == "purchase_created" || e.Kind == "supplier_created") {
			made[e.Marker]++
		}
	}
	var out []string
	for m, n := range made {
		if n > 1 {
			out = append(out, fmt.Sprintf("%d objects were created for %s", n, m))
		}
	}
	slices.Sort(out)
	return out
}
