package poller

import (
	"context"
	"math"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Forecast is what a backfill will cost.
type Forecast struct {
	Records        int       `json:"records"` // that are not in step
	NetSuiteCalls  int       `json:"netsuite_calls"`
	Cin7Calls      int       `json:"cin7_calls"`
	CallsPerMinute int       `json:"cin7_calls_per_minute"`
	Minutes        float64   `json:"minutes"`
	EndsAt         time.Time `json:"ends_at"`
}

// Calls to Cin7 that one new record needs, as the write protocol makes them; a
// test of the backfill measures them (docs/reading-netsuite.md).
var cin7Calls = map[netsuite.RecordType]float64{
	netsuite.TypeVendor:        1,
	netsuite.TypePurchaseOrder: 3,
	netsuite.TypeItemReceipt:   2,
	netsuite.TypeVendorBill:    3,
	netsuite.TypeVendorCredit:  3,
}

// NetSuite's calls: a scan sees 1,000 records a call but a feed takes at most
// 200 new ones of them, and a batch of 50 marks is read by as many statements
// as the table of docs/performance.md counts: roughly, for small batches cost
// more, and documents of one purchase that are read together less.
const (
	batchSize = 50
	listPage  = 1000
)

var readsPerBatch = map[netsuite.RecordType]float64{
	netsuite.TypeVendor:        3,
	netsuite.TypePurchaseOrder: 6,
	netsuite.TypeItemReceipt:   16,
	netsuite.TypeVendorBill:    13,
	netsuite.TypeVendorCredit:  13,
}

// census is what a backfill finds.
type census struct {
	records map[netsuite.RecordType]int // in NetSuite
	inStep  map[netsuite.RecordType]int // completed or left out already
	never   map[netsuite.RecordType]int // that no call is made for: rejected, pending approval
}

// never are the statuses that write nothing to Cin7: pending approval and
// rejected orders, pending, cancelled and rejected bills (contract 3.7).
var never = map[netsuite.RecordType]string{
	netsuite.TypePurchaseOrder: "AC",
	netsuite.TypeVendorBill:    "CDE",
}

// count takes the census: two statements.
func count(ctx context.Context, t *tenant.Tenant, ns *netsuite.Client, recs *state.Records, j job) (census, error) {
	c := census{map[netsuite.RecordType]int{}, map[netsuite.RecordType]int{}, map[netsuite.RecordType]int{}}
	var vendors, documents []netsuite.RecordType
	for _, typ := range j.types(t) {
		if typ == netsuite.TypeVendor {
			vendors = append(vendors, typ)
		} else {
			documents = append(documents, typ)
		}
	}
	for _, types := range [][]netsuite.RecordType{vendors, documents} {
		if len(types) == 0 {
			continue
		}
		counts, err := ns.Counts(netsuite.Background(ctx), netsuite.Scan{Types: types, Dated: j.Since})
		if err != nil {
			return census{}, err
		}
		for _, n := range counts {
			c.records[n.Type] += n.N
			for _, letter := range never[n.Type] {
				if n.Status == string(letter) {
					c.never[n.Type] += n.N
				}
			}
		}
	}
	for _, s := range []queue.State{queue.Completed, queue.Skipped} {
		done, err := recs.CountTypes(ctx, s)
		if err != nil {
			return census{}, err
		}
		for typ, n := range done {
			c.inStep[netsuite.RecordType(typ)] += n
		}
	}
	return c, nil
}

// perMinute is the budget that a backfill has when no live record comes.
func perMinute(t *tenant.Tenant, in BackfillRequest) int {
	if in.CallsPerMinute > 0 {
		return in.CallsPerMinute
	}
	return t.Cin7.CallsPerMinute
}

// forecast foretells the calls, the minutes and the end.
func forecast(c census, perMinute int, now time.Time) Forecast {
	calls, reads := 0.0, 2.0
	f := Forecast{CallsPerMinute: perMinute}
	fresh := func(typ netsuite.RecordType) float64 { return float64(max(0, c.records[typ]-c.inStep[typ])) }
	for typ, n := range c.records {
		fresh := max(0, n-c.inStep[typ])
		f.Records += fresh
		calls += float64(max(0, fresh-c.never[typ])) * cin7Calls[typ]
		reads += math.Ceil(float64(n)/listPage) + math.Ceil(float64(fresh)/aheadMost) + math.Ceil(float64(fresh)/batchSize)*readsPerBatch[typ]
	}
	if calls > 0 {
		// The chart and the other lists of names, once each 5 minutes; the suppliers
		// once a turn, the purchases once, and what was updated of them each batch.
		calls += 6 + math.Ceil(calls/float64(perMinute)/5)*6
		calls += math.Ceil(fresh(netsuite.TypeVendor)/aheadMost) * math.Ceil((1+float64(c.records[netsuite.TypeVendor]))/listPage)
		calls += math.Ceil((1+float64(c.records[netsuite.TypePurchaseOrder]))/listPage) + math.Ceil(fresh(netsuite.TypePurchaseOrder)/batchSize)
	}
	f.Cin7Calls, f.NetSuiteCalls = int(math.Ceil(calls)), int(math.Ceil(reads))
	f.Minutes = math.Ceil(float64(f.Cin7Calls)/float64(max(1, perMinute))*10) / 10
	f.EndsAt = now.Add(time.Duration(f.Minutes * float64(time.Minute))).UTC().Truncate(time.Second)
	return f
}
