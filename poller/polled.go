package poller

import (
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
)

// PolledAt is when NetSuite was last asked for changes of a type and answered,
// from the tenant's watermarks; zero when it never was.
func PolledAt(wm map[string]string, recordType string) time.Time {
	t, err := time.Parse(time.RFC3339, wm[fieldPolled(netsuite.RecordType(recordType))])
	if err != nil {
		return time.Time{}
	}
	return t
}

// Interval is the time from the last poll to the next that is due; a poll that
// failed is due again sooner. 15 minutes when there was none.
func Interval(wm map[string]string) time.Duration {
	last, lerr := time.Parse(time.RFC3339, wm[fieldLast])
	next, nerr := time.Parse(time.RFC3339, wm[fieldNext])
	if lerr != nil || nerr != nil {
		return 15 * time.Minute
	}
	return max(0, next.Sub(last))
}
