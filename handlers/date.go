package handlers

import (
	"time"

	"github.com/ml-connector/ml-connector/cin7"
)

// nextDay is the calendar day after d. The computation is in UTC, where every
// day has 24 hours; no zone is involved.
func nextDay(d cin7.Date) cin7.Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return cin7.Date(t.AddDate(0, 0, 1).Format(time.DateOnly))
}
