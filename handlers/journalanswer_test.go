package handlers

import (
	"net/http"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// A journal whose last answer was lost is known as posted once it is read back:
// a later change of the bill is posted anew, as that of any other.
func TestJournalWithoutAnAnswerIsRemembered(t *testing.T) {
	rent := func(amount string) netsuitetest.Bill {
		return netsuitetest.Bill{ID: 6101, Number: "RENT-1", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: amount}}}
	}
	s := newShop(t, distributor.Options{}, func(tn *tenant.Tenant) {
		tn.Sync.AfterPostChange = tenant.AfterPostRepost
		tn.Sync.StandaloneBills = tenant.StandaloneJournal
	})
	s.vendor()
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		s.world.Cin7.FailNext(cin7test.Fault{Method: method, Path: "=journal", Contains: `"COMPLETED"`, When: "after", Shape: "close"})
	}
	s.world.NetSuite.PutBill(rent("900.00"))
	s.tell(theVendor, theRent)
	s.pass(time.Hour)
	if n := s.world.Cin7.ClearFaults(); n != 1 {
		t.Fatalf("%d of two faults did not strike, want one", n)
	}
	s.world.NetSuite.PutBill(rent("950.00"))
	s.tell(theRent)
	s.pass(time.Hour)
	if r := s.record(theRent); r.State != queue.Completed {
		t.Errorf("the changed bill is %s, %s: %s", r.State, r.Reason, r.Message)
	}
	if got := s.ledger(); got != "5100/2000 950.00" {
		t.Errorf("the books say %s", got)
	}
}
