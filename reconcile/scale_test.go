package reconcile_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// Many bills cost pages of lists, not a call each. The time includes that of
// both simulators, which run in the same process.
func TestManyBills(t *testing.T) {
	n := soak.N(120, 20_000)
	b := newBooks(t, n)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	r := b.run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if !r.OK || len(r.Differences) > 0 {
		t.Errorf("%d differences in clean books", len(r.Differences))
	}
	if most := max(n/100, 10); r.Calls.Lists > most || r.Calls.Documents > 0 {
		t.Errorf("%d calls for lists and %d for purchases, want at most %d and none", r.Calls.Lists, r.Calls.Documents, most)
	}
	soak.Figure(t, "reconcile: bills", "%d", n)
	soak.Figure(t, "reconcile: calls to Cin7", "%d", r.Calls.Lists+r.Calls.Documents)
	soak.Figure(t, "reconcile: time with both simulators", "%s", took.Round(time.Millisecond))
	soak.Figure(t, "reconcile: heap in use afterwards", "%d MiB more", (int64(after.HeapInuse)-int64(before.HeapInuse))>>20)
}
