package distributor

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

// Entry is an amount on an account, in base currency, debit positive.
type Entry struct {
	Account string // Cin7 code; "" when the NetSuite account has none
	Name    string
	Amount  decimal.Decimal
	Parked  bool // belongs to a bill that is parked: a known debt, not an error
}

// TieRow compares one account between the two systems.
type TieRow struct {
	Account     string          `json:"account"`
	Name        string          `json:"name"`
	NetSuite    decimal.Decimal `json:"netsuite"`
	Cin7        decimal.Decimal `json:"cin7"`
	Parked      decimal.Decimal `json:"parked"`      // part of the difference that parked bills explain
	Unexplained decimal.Decimal `json:"unexplained"` // NetSuite - Cin7 - Parked
}

// TieOut sets the books of both systems side by side, account by account.
func TieOut(netsuite, cin7 []Entry) []TieRow {
	rows := map[string]*TieRow{}
	row := func(e Entry) *TieRow {
		r := rows[e.Account]
		if r == nil {
			r = &TieRow{Account: e.Account, Name: e.Name}
			rows[e.Account] = r
		}
		return r
	}
	for _, e := range netsuite {
		r := row(e)
		r.NetSuite = r.NetSuite.Add(e.Amount)
		if e.Parked {
			r.Parked = r.Parked.Add(e.Amount)
		}
	}
	for _, e := range cin7 {
		r := row(e)
		r.Cin7 = r.Cin7.Add(e.Amount)
	}
	out := make([]TieRow, 0, len(rows))
	for _, r := range rows {
		r.Unexplained = r.NetSuite.Sub(r.Cin7).Sub(r.Parked)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b TieRow) int { return cmp.Compare(a.Account, b.Account) })
	return out
}
