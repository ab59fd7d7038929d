package cin7

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"time"
)

// Transactions reads the ledger rows with an effective date from from to to,
// both included.
func (c *Client) Transactions(ctx context.Context, from, to Date) ([]Transaction, error) {
	var out []Transaction
	for p, err := range c.TransactionPages(ctx, from, to) {
		if err != nil {
			return nil, err
		}
		out = append(out, p.Rows...)
	}
	return out, nil
}

// TransactionPages is Transactions page by page; Total counts the rows that
// Cin7 finds. Cin7's bounds read as exclusive (contract section 10), so a day
// more is asked for on each side and left out again here.
func (c *Client) TransactionPages(ctx context.Context, from, to Date) iter.Seq2[Page[Transaction], error] {
	return func(yield func(Page[Transaction], error) bool) {
		q := url.Values{}
		for _, end := range []struct {
			name string
			date Date
			days int
		}{{"FromDate", from, -1}, {"ToDate", to, 1}} {
			t, err := time.Parse(time.DateOnly, string(end.date))
			if err != nil {
				yield(Page[Transaction]{}, fmt.Errorf("cin7 transactions: %s %q: want YYYY-MM-DD", end.name, end.date))
				return
			}
			q.Set(end.name, t.AddDate(0, 0, end.days).Format("2006-01-02T15:04:05"))
		}
		for p, err := range pages[Transaction](ctx, c, opTransactions, "transactions", "Transactions", q) {
			if err == nil {
				p.Rows = slices.DeleteFunc(p.Rows, func(r Transaction) bool { return r.EffectiveDate < from || r.EffectiveDate > to })
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// PurchasePages is Purchases page by page.
func (c *Client) PurchasePages(ctx context.Context) iter.Seq2[Page[PurchaseRow], error] {
	return pages[PurchaseRow](ctx, c, opListPurchases, "purchaseList", "PurchaseList", nil)
}

// PurchasesPage reads one page of Purchases, from 1 on, for a reader that goes
// on later. more says that another follows.
func (c *Client) PurchasesPage(ctx context.Context, f PurchaseFilter, page int) (p Page[PurchaseRow], more bool, err error) {
	p, err = onePage[PurchaseRow](ctx, c, opListPurchases, "purchaseList", "PurchaseList", f.query(), page)
	return p, err == nil && len(p.Rows) > 0 && (p.Total < 0 || page*pageSize < p.Total), err
}
