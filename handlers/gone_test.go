package handlers

import (
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// What NetSuite has deleted is treated as a voided document once the deletion
// is confirmed, and never before.
func TestDeletedDocuments(t *testing.T) {
	cases := []struct {
		name     string
		repost   bool
		hidden   bool // the role may not read deletions
		swept    bool // two nightly sweeps have missed it
		before   func(*shop)
		gone     queue.Ref
		state    queue.State
		reason   string
		invoice  string // status in Cin7 afterwards; "" is not looked at
		purchase string
	}{
		{name: "a posted bill, park", before: billIsPosted, gone: theBill, state: queue.Parked, reason: ParkVoidedAfterPost, invoice: "AUTHORISED"},
		{name: "a posted bill, void_and_repost", repost: true, before: billIsPosted, gone: theBill, state: queue.Completed, invoice: "VOIDED"},
		{name: "a posted bill, deletions hidden", repost: true, hidden: true, before: billIsPosted, gone: theBill, state: queue.Parked, reason: ParkNetSuiteHidden, invoice: "AUTHORISED"},
		{name: "a posted bill, deletions hidden, missed by two sweeps", repost: true, hidden: true, swept: true, before: billIsPosted, gone: theBill, state: queue.Completed, invoice: "VOIDED"},
		{name: "an order that nothing hangs on", before: func(*shop) {}, gone: theOrder, state: queue.Completed, purchase: "void"},
		{name: "an order that nothing hangs on, deletions hidden", hidden: true, before: func(*shop) {}, gone: theOrder, state: queue.Parked, reason: ParkNetSuiteHidden, purchase: "alive"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var o distributor.Options
			if tc.hidden {
				o.NetSuite.HideTables = []string{"deletedrecord"}
			}
			s := newShop(t, o, func(tn *tenant.Tenant) {
				if tc.repost {
					tn.Sync.AfterPostChange = tenant.AfterPostRepost
				}
			})
			s.vendor()
			s.order()
			s.tell(theOrder)
			tc.before(s)
			s.setClock(s.now().Add(time.Minute))
			s.world.NetSuite.Delete(tc.gone.Type, netID(tc.gone))
			if _, err := s.queue.Mark(t.Context(), shopID, queue.Live, queue.Mark{Ref: tc.gone, Source: "poll"}); err != nil {
				t.Fatal(err)
			}
			if tc.swept {
				lane, err := s.queue.Claim(t.Context(), "test")
				if err != nil || lane == nil {
					t.Fatalf("claim: %v, %v", lane, err)
				}
				if err := s.states.Tenant(shopID).SetFacts(t.Context(), lane.Fence, tc.gone, map[string]string{state.FactDeleted: "missing"}); err != nil {
					t.Fatal(err)
				}
				s.worker.turn(t.Context(), lane)
			}
			s.serve()
			s.pass(20 * time.Minute)
			if rec := s.record(tc.gone); rec.State != tc.state || rec.Reason != tc.reason {
				t.Errorf("%s %s, want %s %s: %s\n%s", rec.State, rec.Reason, tc.state, tc.reason, rec.Message, s.timeline(tc.gone))
			}
			p := s.world.Cin7.Purchases()[0]
			if tc.invoice != "" && p.Groups[0].Invoice.Status != tc.invoice {
				t.Errorf("the invoice is %s, want %s", p.Groups[0].Invoice.Status, tc.invoice)
			}
			if tc.purchase != "" && p.Voided != (tc.purchase == "void") {
				t.Errorf("the purchase is void: %t, want %s", p.Voided, tc.purchase)
			}
			// The order alone, looked at again, undoes nothing and does nothing twice.
			writes := s.world.Cin7.Writes()
			s.tell(theOrder, tc.gone)
			if n := s.world.Cin7.Writes() - writes; n != 0 {
				t.Errorf("%d writes more", n)
			}
			if tc.reason == ParkVoidedAfterPost && !strings.Contains(s.record(tc.gone).Message, "deleted") {
				t.Errorf("it says %q", s.record(tc.gone).Message)
			}
		})
	}
}

func billIsPosted(s *shop) {
	s.bill()
	s.tell(theBill)
}

func netID(r queue.Ref) int64 {
	id, err := netsuite.ParseID(r.ID)
	if err != nil {
		panic(err)
	}
	return int64(id)
}
