package simulation_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

// A backfill looks its purchases up in a list that the process keeps. These
// tests make that list stale in every way that matters: a purchase that is not
// in it must not be made a second time.

var markedOrder = regexp.MustCompile(`NS:purchaseorder:\d+@`)

// manyOrders is enough for the list to be kept.
const manyOrders = 24

// orders puts that many orders of one vendor into NetSuite.
func orders(w *simulation.World) []queue.Mark {
	w.NetSuite.PutVendor(netsuitetest.Vendor{ID: 900, CompanyName: "Many Orders Inc", Currency: "USD", Terms: "Net 60"})
	marks := []queue.Mark{{Ref: queue.Ref{Type: "vendor", ID: "900"}, Source: "backfill"}}
	for i := range manyOrders {
		id := int64(9001 + i)
		w.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: id, Number: fmt.Sprint("MPO", i), Vendor: 900, Date: "2026-11-03", Rate: "1", Location: 1,
			Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}}})
		marks = append(marks, queue.Mark{Ref: queue.Ref{Type: "purchaseorder", ID: itoa(id)}, Source: "backfill"})
	}
	return marks
}

// many starts a world and marks its orders as a backfill does.
func many(t *testing.T, spoil func(w *simulation.World)) (*simulation.World, []queue.Mark) {
	t.Helper()
	w := simulation.New(t, simulation.Options{Edit: pollNever, Idle: time.Minute})
	if spoil != nil {
		spoil(w)
	}
	marks := orders(w)
	w.Start()
	w.Apply()
	markBulk(t, w, marks)
	return w, marks
}

func markBulk(t *testing.T, w *simulation.World, marks []queue.Mark) {
	t.Helper()
	if _, err := w.Rooms.Queue.Mark(t.Context(), simulation.Tenant, queue.Bulk, marks...); err != nil {
		t.Fatal(err)
	}
}

// onceEach checks that each order has one purchase, besides voided strays.
func onceEach(t *testing.T, w *simulation.World, strays int) {
	t.Helper()
	twice, got := simulation.Twice(w.Cin7)
	if made := len(w.Cin7.Purchases()); len(twice) > 0 || made != manyOrders+strays || got != strays {
		t.Errorf("%v, %d purchases, %d of them voided drafts; want %d besides %d\n%s", twice, made, got, manyOrders, strays, w.Log(40))
	}
}

func lookUps(calls []cin7test.Call) int {
	n := 0
	for _, c := range calls {
		if c.Method == http.MethodGet && c.Path == "purchaseList" {
			n++
		}
	}
	return n
}

// Undisturbed, a batch shares its look-ups; marked again unchanged, it makes
// no call to Cin7 at all.
func TestListServesABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, marks := many(t, nil)
		rest(t, w)
		onceEach(t, w, 0)
		if n := lookUps(w.Cin7.Calls()); n == 0 || n > 3 {
			t.Errorf("%d look-ups of %d orders, want 1 to 3", n, manyOrders)
		}
		before := len(w.Cin7.Calls())
		markBulk(t, w, marks)
		rest(t, w)
		if n := len(w.Cin7.Calls()) - before; n != 0 {
			t.Errorf("%d calls to Cin7 for records that have not changed", n)
		}
	})
}

// A create whose answer is lost lands after the list was read: within the
// quarantine, or after it.
func TestListIsNotBelievedAboutADoubt(t *testing.T) {
	for name, c := range map[string]struct {
		fault  cin7test.Fault
		strays int
	}{
		"landed before its answer was lost": {cin7test.Fault{Shape: "close", When: "after"}, 0},
		"lands within the quarantine":       {cin7test.Fault{Shape: "timeout", When: "late", Delay: 200 * time.Second}, 0},
		"lands after every quarantine":      {cin7test.Fault{Shape: "timeout", When: "late", Delay: 2 * time.Hour}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, marks := many(t, func(w *simulation.World) {
					c.fault.Method, c.fault.Path = http.MethodPost, "=advanced-purchase"
					w.Cin7.FailNext(c.fault)
				})
				rest(t, w)
				time.Sleep(3 * time.Hour) //nolint:forbidigo // virtual
				for i := range manyOrders {
					w.NetSuite.PutBill(netsuitetest.Bill{ID: int64(9501 + i), Number: fmt.Sprint("M-", i), Vendor: 900, Date: "2026-11-06", Due: "2026-12-06", Rate: "1",
						Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: "10", Amount: "24.00", PO: int64(9001 + i), POLine: 1}}})
				}
				markBulk(t, w, marks[1:])
				rest(t, w)
				onceEach(t, w, c.strays)
			})
		})
	}
}

// Redis forgets everything between the reading of the list and the creates, or
// the links of what is made already: the process still has its list, which
// knows of none of them.
func TestListIsNotBelievedAfterALoss(t *testing.T) {
	for _, after := range []int{0, 1, manyOrders / 2, manyOrders - 1} {
		t.Run(fmt.Sprintf("after %d creates", after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w *simulation.World
				made, marks := 0, []queue.Mark(nil)
				w = simulation.New(t, simulation.Options{Edit: pollNever, Idle: time.Minute, Cin7: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						next.ServeHTTP(rw, r)
						if r.Method != http.MethodPost || r.URL.Path != "/ExternalApi/v2/advanced-purchase" {
							return
						}
						if made++; made == after+1 {
							w.Redis.FlushAll()
							time.AfterFunc(30*time.Second, func() {
								w.Apply()
								markBulk(t, w, marks)
							})
						}
					})
				}})
				marks = orders(w)
				w.Start()
				w.Apply()
				markBulk(t, w, marks)
				time.Sleep(time.Hour) //nolint:forbidigo // virtual
				rest(t, w)
				if made <= after {
					t.Fatalf("Redis was not lost: %d creates", made)
				}
				onceEach(t, w, 0)
			})
		})
	}
}

// Purchases that somebody else made after the list was read, which Redis does
// not know of, are found by their marker and not made again.
func TestListIsBroughtUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := many(t, nil)
		rest(t, w)
		first := w.Cin7.Purchases()[0]
		var marks []queue.Mark
		for i := range manyOrders {
			id := int64(9101 + i)
			w.NetSuite.PutPurchaseOrder(netsuitetest.PurchaseOrder{ID: id, Number: fmt.Sprint("NPO", i), Vendor: 900, Date: "2026-11-03", Rate: "1", Location: 1,
				Lines: []netsuitetest.OrderLine{{Item: 2001, Quantity: "10", Amount: "24.00"}}})
			w.Cin7.PutPurchase(cin7test.Purchase{SupplierID: first.SupplierID, Approach: first.Approach, Location: first.Location,
				Note: strings.Replace(first.Note, markedOrder.FindString(first.Note), fmt.Sprintf("NS:purchaseorder:%d@", id), 1), Order: cin7test.Order{Status: cin7test.Draft}, Groups: []cin7test.Group{{}}})
			marks = append(marks, queue.Mark{Ref: queue.Ref{Type: "purchaseorder", ID: itoa(id)}, Source: "backfill"})
		}
		before := len(w.Cin7.Calls())
		markBulk(t, w, marks)
		rest(t, w)
		for _, c := range w.Cin7.Calls()[before:] {
			if c.Method == http.MethodPost && c.Path == "advanced-purchase" {
				t.Fatalf("a purchase was made a second time\n%s", w.Log(30))
			}
		}
		if n := lookUps(w.Cin7.Calls()[before:]); n == 0 || n > 3 {
			t.Errorf("%d look-ups of %d orders, want 1 to 3", n, manyOrders)
		}
	})
}

// The kept list does not show what a repeated create has just left: the lane
// looks for it once it has nothing else to do, not only the next day.
func TestDraftBesideACreateIsFound(t *testing.T) {
	i := slices.IndexFunc(simulation.Scenarios, func(s simulation.Scenario) bool { return s.Name == "a create that was repeated on the way" })
	synctest.Test(t, func(t *testing.T) {
		want := play(t, simulation.Scenarios[i], simulation.Options{}, nil)
		got := play(t, simulation.Scenarios[i], simulation.Options{Listing: 1}, nil)
		for _, line := range got.Cin7.Against(want.Cin7, everything) {
			t.Error(line)
		}
	})
}
