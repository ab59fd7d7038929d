package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// Usage reads which accounts a tenant's bills and credits post to since a
// date; "" takes the last 90 days.
func Usage(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, since string) (*handlers.Usage, error) {
	now := time.Now().UTC()
	if since == "" {
		since = now.Add(-handlers.DefaultUsage).Format(time.DateOnly)
	}
	from, err := time.Parse(time.DateOnly, since)
	if err != nil {
		return nil, fmt.Errorf("%w: since %.40q: want a date, YYYY-MM-DD", api.ErrInput, since)
	}
	until := now.AddDate(0, 0, 1) // elsewhere it may be tomorrow
	if from.After(until) {
		return nil, fmt.Errorf("%w: since %s lies in the future", api.ErrInput, since)
	}
	ns, c7, err := clients(ctx, c, rooms, t)
	if err != nil {
		return nil, err
	}
	return handlers.ReadUsage(ctx, ns, c7, netsuite.Date(since), netsuite.Date(until.Format(time.DateOnly)))
}

// consoleAccounts are the accounts as the console shows them.
func consoleAccounts(u *handlers.Usage, t *tenant.Tenant, m tenant.Mapping) console.Accounts {
	probe := *t
	probe.Sync.Mapping = m
	a := u.Evaluate(&probe)
	out := console.Accounts{Since: a.Since, Lines: a.Lines, WouldPost: a.LinesPost}
	for _, x := range a.Accounts {
		row := console.Account{Key: x.Number, Name: x.Name, Type: x.Type, Lines: x.Lines, Amount: x.Amount.StringFixed(2), How: x.How}
		if row.Key == "" {
			row.Key = "id:" + x.ID.String()
		}
		if x.Code != "" {
			row.Cin7 = x.Code + " " + x.Cin7Name
		}
		for _, s := range x.Suggestions {
			row.Suggestions = append(row.Suggestions, console.Suggestion{Code: s.Code, Name: s.Name, Score: s.Score, Why: strings.Join(s.Reasons, ", ")})
		}
		out.Rows = append(out.Rows, row)
	}
	for _, c := range u.Chart() {
		out.Chart = append(out.Chart, console.ChartAccount{Code: c.Code, Name: c.Name, Class: c.Class})
	}
	return out
}
