// Package handlers is what the business means: it reads NetSuite, plans, and
// writes Cin7. It speaks no HTTP of its own; the two clients do.
//
// A worker holds a lane (one tenant) for a turn. The marks it takes are
// grouped into units of work: a vendor, a purchase (a PO with all its bills,
// receipts and credits), or a bill without a PO. Each unit goes the same way:
//
//	read      NetSuite as it is now, for the whole batch at once
//	want      words change: NetSuite's records become the Cin7 documents that should exist   (pure)
//	look up   the Cin7 side, by link or by marker
//	plan      what is there, what should be there -> the calls that are missing              (pure)
//	act       the next call, under the write protocol; then plan again until nothing is missing
//	settle    completed, waiting, parked or to be retried, with the reason in plain words
//
// Files: lane.go (turns), batch.go (marks to units), vendor.go, purchase.go,
// journal.go (units), want*.go and money.go (mapping, pure), plan*.go (planning,
// pure), send.go (the calls of a plan), story.go (what they did, in words),
// write.go (the write protocol), park.go (reasons).
package handlers
