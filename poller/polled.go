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
