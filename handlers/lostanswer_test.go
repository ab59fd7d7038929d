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

// What was posted by a call whose answer was lost is known as posted once it is
// read back: a later change of it is posted anew, as that of any other.
func TestPostedWithoutAnAnswerIsRemembered(t *testing.T) {
	rent := func(s *shop, amount string) {
		s.world.NetSuite.PutBill(netsuitetest.Bill{ID: 6101, Number: "RENT-1", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: amount}}})
	}
	bill := func(s *shop, freight string) {
		s.bill(func(b *netsuitetest.Bill) { b.Lines[1].Amount, b.Taxes = freight, nil })
	}
	credit := func(s *shop, amount string) {
		s.world.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{shopBill}, Bill: netsuitetest.Bill{ID: 7001, Number: "CR-1", Vendor: shopVendor, Date: "2026-11-10",
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: amount}}}})
	}
	theCredit := shopRef("vendorcredit", 7001)
	lost := func(path string, contains ...string) []cin7test.Fault {
		var out []cin7test.Fault
		for _, c := range contains {
			out = append(out, cin7test.Fault{Path: path, Contains: c, When: "after", Shape: "close"})
		}
		return out
	}
	const draft, authorised = `"DRAFT"`, `"AUTHORISED"`
	for _, c := range []struct {
		name         string
		lost         []cin7test.Fault
		record       queue.Ref
		before       func(*shop)
		enter        func(*shop, string)
		first, later string
		want         string // the ledger at the end
	}{
		{name: "journal", record: theRent, enter: rent, first: "900.00", later: "950.00", want: "5100/2000 950.00",
			lost: lost("=journal", `"COMPLETED"`)},
		{name: "bill", record: theBill, enter: bill, first: "60.00", later: "70.00", want: "1200/2000 240.00, 5100/2000 70.00",
			lost: lost("=advanced-purchase/invoice", authorised)},
		{name: "bill, its draft too", record: theBill, enter: bill, first: "60.00", later: "70.00", want: "1200/2000 240.00, 5100/2000 70.00",
			lost: lost("=advanced-purchase/invoice", draft, authorised)},
		{name: "credit", record: theCredit, enter: credit, first: "20.00", later: "25.00", want: "1200/2000 240.00, 5100/2000 60.00, 2000/5100 25.00",
			before: func(s *shop) { bill(s, "60.00") }, lost: lost("=advanced-purchase/creditnote", authorised)},
		{name: "credit, its draft too", record: theCredit, enter: credit, first: "20.00", later: "25.00", want: "1200/2000 240.00, 5100/2000 60.00, 2000/5100 25.00",
			before: func(s *shop) { bill(s, "60.00") }, lost: lost("=advanced-purchase/creditnote", draft, authorised)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, func(tn *tenant.Tenant) {
				tn.Sync.AfterPostChange = tenant.AfterPostRepost
				tn.Sync.StandaloneBills = tenant.StandaloneJournal
			})
			s.vendor()
			s.order(func(o *netsuitetest.PurchaseOrder) { o.Tax = "" })
			if c.before != nil {
				c.before(s)
			}
			s.tell(theVendor, theOrder)
			for _, f := range c.lost {
				f.Method = http.MethodPost
				if f.Path == "=journal" {
					f.Method = http.MethodPut
				}
				s.world.Cin7.FailNext(f)
			}
			c.enter(s, c.first)
			s.tell(c.record)
			s.pass(time.Hour)
			s.pass(time.Hour)
			if n := s.world.Cin7.ClearFaults(); n != 0 {
				t.Fatalf("%d faults did not strike\n%s", n, s.timeline(c.record))
			}
			if r := s.record(c.record); r.State != queue.Completed {
				t.Fatalf("it is %s, %s: %s", r.State, r.Reason, r.Message)
			}
			c.enter(s, c.later)
			s.tell(c.record)
			s.pass(time.Hour)
			if r := s.record(c.record); r.State != queue.Completed {
				t.Errorf("the changed one is %s, %s: %s\n%s", r.State, r.Reason, r.Message, s.timeline(c.record))
			}
			if got := s.ledger(); got != c.want {
				t.Errorf("the books say %s, want %s", got, c.want)
			}
		})
	}
}
