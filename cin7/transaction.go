package cin7

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// Transactions reads the ledger rows with an effective date from from to to,
// both included. Cin7's bounds read as exclusive (contract section 10), so a
// day more is asked for on each side and left out again here.
func (c *Client) Transactions(ctx context.Context, from, to Date) ([]Transaction, error) {
	a, err := time.Parse(time.DateOnly, string(from))
	if err != nil {
		return nil, fmt.Errorf("cin7 transactions: from %q: want YYYY-MM-DD", from)
	}
	b, err := time.Parse(time.DateOnly, string(to))
	if err != nil {
		return nil, fmt.Errorf("cin7 transactions: to %q: want YYYY-MM-DD", to)
	}
	const form = "2006-01-02T15:04:05"
	q := url.Values{"FromDate": {a.AddDate(0, 0, -1).Format(form)}, "ToDate": {b.AddDate(0, 0, 1).Format(form)}}
	rows, err := list[Transaction](ctx, c, opTransactions, "transactions", "Transactions", q)
	if err != nil {
		return nil, err
	}
	out := rows[:0]
	for _, r := range rows {
		if r.EffectiveDate >= from && r.EffectiveDate <= to {
			out = append(out, r)
		}
	}
	return out, nil
}
