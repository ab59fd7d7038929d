package simulation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/simulation"
	"github.com/ml-connector/ml-connector/queue"
)

// A bill that is deleted in NetSuite, of which no webhook tells, is found by the
// poller, confirmed, and its invoice voided in Cin7; a receipt under STOCK too.
func TestDeletionReachesCin7(t *testing.T) {
	for _, c := range []struct {
		approach string
		enter    []string
		gone     queue.Ref
		id       int64
		ended    func(g cin7test.Group) string
	}{
		{"INVOICE", []string{"vendor", "301", "purchaseorder", "4002", "vendorbill", "6002"}, queue.Ref{Type: "vendorbill", ID: "6002"}, 6002,
			func(g cin7test.Group) string { return g.Invoice.Status }},
		{"STOCK", []string{"vendor", "301", "purchaseorder", "4001", "itemreceipt", "5001"}, queue.Ref{Type: "itemreceipt", ID: "5001"}, 5001,
			func(g cin7test.Group) string { return g.PutAway.Status }},
	} {
		t.Run(c.gone.Type, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := simulation.New(t, simulation.Options{Approach: c.approach, Edit: []string{"every: 30s", "every: 10m", repost[0], repost[1]}, Idle: 20 * time.Second})
				w.Start()
				w.Apply()
				mark(t, w, c.enter...)
				rest(t, w)
				first := w.Cin7.Purchases()[0].Groups[0]
				if got := c.ended(first); got != cin7test.Authorised {
					t.Fatalf("it is %s before anything is deleted\n%s", got, w.Log(20))
				}
				w.NetSuite.Delete(c.gone.Type, c.id)
				w.Await(6*time.Hour, func() []string {
					if got := c.ended(w.Cin7.Purchases()[0].Groups[0]); got != cin7test.Voided {
						return []string{"it is " + got}
					}
					out, err := simulation.Restless(t.Context(), w.Rooms)
					if err != nil {
						t.Fatal(err)
					}
					return out
				})
				recs, err := w.Rooms.States.Tenant(simulation.Tenant).Get(t.Context(), c.gone)
				if err != nil {
					t.Fatal(err)
				}
				if recs[0].State != queue.Completed {
					t.Errorf("%s is %s, %s: %s", c.gone, recs[0].State, recs[0].Reason, recs[0].Message)
				}
				if twice, _ := simulation.Twice(w.Cin7); len(twice) > 0 {
					t.Error(twice)
				}
			})
		})
	}
}

// repost lets the service undo what is gone from NetSuite.
var repost = []string{"  location: Main Warehouse", "  after_post_change: void_and_repost\n  location: Main Warehouse"}
