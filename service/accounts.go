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
	since, until, err := usagePeriod(time.Now(), since)
	if err != nil {
		return nil, err
	}
	ns, c7, err := clients(ctx, c, rooms, t)
	if err != nil {
		return nil, err
	}
	u, err := handlers.ReadUsage(ctx, ns, c7, netsuite.Date(since), netsuite.Date(until))
	if err != nil {
		return nil, err
	}
	u.ReadAt = time.Now().UTC().Truncate(time.Second)
	return u, nil
}

// usagePeriod is the period of Usage; "" begins 90 days ago.
func usagePeriod(now time.Time, since string) (from, until string, err error) {
	now = now.UTC()
	if since == "" {
		since = now.Add(-handlers.DefaultUsage).Format(time.DateOnly)
	}
	day, err := time.Parse(time.DateOnly, since)
	if err != nil {
		return "", "", fmt.Errorf("%w: since %.40q: want a date, YYYY-MM-DD", api.ErrInput, since)
	}
	end := now.AddDate(0, 0, 1) // elsewhere it may be tomorrow
	if day.After(end) {
		return "", "", fmt.Errorf("%w: since %s lies in the future", api.ErrInput, since)
	}
	return since, end.Format(time.DateOnly), nil
}

// consoleAccounts are the accounts as the console shows them.
func consoleAccounts(u *handlers.Usage, t *tenant.Tenant, m tenant.Mapping) console.Accounts {
	probe := *t
	probe.Sync.Mapping = m
	a := u.Evaluate(&probe)
	out := console.Accounts{Since: a.Since, ReadAt: a.ReadAt, Lines: a.Lines, WouldPost: a.LinesPost}
	for _, x := range a.Accounts {
		row := console.Account{Key: x.Number, Name: x.Name, Type: x.Type, Lines: x.Lines, Amount: x.Amount, How: x.How}
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
