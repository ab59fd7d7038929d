package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
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
		stock    bool   // under STOCK
		journals bool   // bills without an order as journals
		books    string // what is left in the ledger; "-" nothing, "" is not looked at
		invoice  string // status in Cin7 afterwards; "" is not looked at
		purchase string
	}{
		{name: "a posted bill, park", before: billIsPosted, gone: theBill, state: queue.Parked, reason: ParkVoidedAfterPost, invoice: "AUTHORISED"},
		{name: "a posted bill, void_and_repost", repost: true, before: billIsPosted, gone: theBill, state: queue.Completed, invoice: "VOIDED"},
		{name: "a posted bill, deletions hidden", repost: true, hidden: true, before: billIsPosted, gone: theBill, state: queue.Parked, reason: ParkNetSuiteHidden, invoice: "AUTHORISED"},
		{name: "a posted bill, deletions hidden, missed by two sweeps", repost: true, hidden: true, swept: true, before: billIsPosted, gone: theBill, state: queue.Completed, invoice: "VOIDED"},
		{name: "a bill that is a draft in Cin7, park", before: billIsDraft, gone: theBill, state: queue.Completed, books: "-"},
		{name: "a receipt, park", stock: true, before: goodsAreIn, gone: theReceipt, state: queue.Parked, reason: ParkVoidedAfterPost},
		{name: "a receipt, void_and_repost", stock: true, repost: true, before: goodsAreIn, gone: theReceipt, state: queue.Completed},
		{name: "a receipt, void_and_repost, deletions hidden", stock: true, repost: true, hidden: true, before: goodsAreIn, gone: theReceipt, state: queue.Parked, reason: ParkNetSuiteHidden},
		{name: "a credit, park", before: billIsCredited, gone: theCredit, state: queue.Parked, reason: ParkVoidedAfterPost, invoice: "AUTHORISED"},
		{name: "a credit, void_and_repost", repost: true, before: billIsCredited, gone: theCredit, state: queue.Completed, invoice: "AUTHORISED", books: "1200/2000 240.00, 1370/2000 24.00, 5100/2000 60.00, 1370/2000 6.00"},
		{name: "a bill without an order, park", before: rentIsPosted, gone: theRent, state: queue.Parked, reason: ParkVoidedAfterPost, books: "5100/2000 900.00"},
		{name: "a bill without an order, void_and_repost", repost: true, before: rentIsPosted, gone: theRent, state: queue.Completed, books: "-"},
		{name: "a journal, park", journals: true, before: rentIsPosted, gone: theRent, state: queue.Parked, reason: ParkVoidedAfterPost, books: "5100/2000 900.00"},
		{name: "a journal, void_and_repost", journals: true, repost: true, before: rentIsPosted, gone: theRent, state: queue.Completed, books: "-"},
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
				if tc.stock {
					tn.Sync.Approach = "STOCK"
				}
				if tc.journals {
					tn.Sync.StandaloneBills = tenant.StandaloneJournal
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
			if got := s.ledger(); tc.books != "" && got != strings.TrimPrefix(tc.books, "-") {
				t.Errorf("the ledger holds %q, want %q", got, tc.books)
			}
			p := s.world.Cin7.Purchases()[0]
			if tc.stock && (p.Groups[0].PutAway.Status == cin7test.Voided) != (tc.state == queue.Completed) {
				t.Errorf("the goods are %s in Cin7", p.Groups[0].PutAway.Status)
			}
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

// billIsDraft: the answer to the authorisation of the invoice was an error, and
// the bill is parked with its draft.
func billIsDraft(s *shop) {
	s.bill()
	s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase/invoice", Contains: `"AUTHORISED"`, Shape: "400", When: "before"})
	s.tell(theBill)
	if st := s.world.Cin7.Purchases()[0].Groups[0].Invoice.Status; st != cin7test.Draft {
		s.t.Fatalf("the invoice is %s, want a draft", st)
	}
}

func goodsAreIn(s *shop) {
	s.receipt()
	s.tell(theReceipt)
}

var (
	theCredit = shopRef(netsuite.TypeVendorCredit, 7001)
	theRent   = shopRef(netsuite.TypeVendorBill, 6101)
)

func billIsCredited(s *shop) {
	billIsPosted(s)
	s.world.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{shopBill}, Bill: netsuitetest.Bill{ID: 7001, Number: "CW-C-1", Vendor: shopVendor, Date: "2026-11-10",
		Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: "10.00"}}}})
	s.tell(theCredit)
}

func rentIsPosted(s *shop) {
	s.world.NetSuite.PutBill(netsuitetest.Bill{ID: 6101, Number: "RENT-1", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
		Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: "900.00"}}})
	s.tell(theRent)
}

func netID(r queue.Ref) int64 {
	id, err := netsuite.ParseID(r.ID)
	if err != nil {
		panic(err)
	}
	return int64(id)
}
