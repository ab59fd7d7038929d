package poller

import "github.com/ml-connector/ml-connector/netsuite"

// The fields of the watermarks hash. Times are RFC 3339, watermarks the text
// of the source.
const (
	fieldNext = "next_poll"
	fieldLast = "last_poll"
	fieldWhy  = "poll_why"
	fieldWide = "wide_poll" // the last one with the wide overlap

	fieldDeletions       = "wm:deleted"
	fieldDeletionsAt     = "polled:deleted"
	fieldDeletionsHidden = "deleted:hidden"  // why the role may not read them; "" when it may
	fieldLinesHidden     = "lines:hidden"    // the same of the stamps of lines
	fieldContactsHidden  = "contacts:hidden" // and of the contacts of vendors

	fieldHooksLost = "hooks_lost" // when a poll found what webhooks had not told

	fieldAnchor = "zone:anchor" // id of the record that tells of changes of the zone
	fieldZone   = "zone:text"   // how the session shows its creation time
	fieldOffset = "zone:offset" // distance of the session's zone from UTC then
	fieldZoneAt = "zone:changed"
)

// CompareNow is the field of the watermarks that asks the next poll for a
// comparison of everything.
const CompareNow = "compare_now"

func fieldWatermark(t netsuite.RecordType) string   { return "wm:" + string(t) }
func fieldSweep(t netsuite.RecordType) string       { return "sweep:" + string(t) }
func fieldPolled(t netsuite.RecordType) string      { return "polled:" + string(t) }
func fieldFirst(t netsuite.RecordType) string       { return "first:" + string(t) }
func fieldError(t netsuite.RecordType) string       { return "error:" + string(t) }
func fieldCompared(t netsuite.RecordType) string    { return "compared:" + string(t) }
func fieldComparison(t netsuite.RecordType) string  { return "comparison:" + string(t) }
func fieldSweepNumber(t netsuite.RecordType) string { return "sweepno:" + string(t) }
