package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// lookups counts the calls to Cin7's lists of names, and fails on one that
// writes them or asks for one account.
func (s *shop) lookups(path string) int {
	s.t.Helper()
	n := 0
	for _, c := range s.world.Cin7.Calls() {
		if !strings.HasPrefix(c.Path, "ref/") {
			continue
		}
		if c.Method != http.MethodGet {
			s.t.Errorf("%s %s: lists of names are never written", c.Method, c.Path)
		}
		if _, probed := c.Query["Code"]; probed {
			s.t.Errorf("%s asks for one account: Cin7 answers a miss with 400", c.Path)
		}
		if c.Path == path {
			n++
		}
	}
	return n
}

// The chart of accounts is read once for a whole run, however many bills there
// are, and never written.
func TestTheChartIsReadOnceARun(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	var refs []queue.Ref
	const bills = 12
	for i := range int64(bills) {
		s.order(func(o *netsuitetest.PurchaseOrder) { o.ID, o.Number = 4100+i, fmt.Sprintf("PO%d", 4100+i) })
		s.bill(func(b *netsuitetest.Bill) {
			b.ID, b.Number = 6100+i, fmt.Sprintf("CW-%d", i)
			for j := range b.Lines {
				b.Lines[j].PO = 4100 + i
			}
		})
		refs = append(refs, shopRef(netsuite.TypeVendorBill, 6100+i))
	}
	before := s.lookups("ref/account")
	s.tell(refs...)
	s.completed()
	if n := s.lookups("ref/account") - before; n != 1 {
		t.Errorf("%d bills read the chart %d times, want once", bills, n)
	}
	// A run while the lists are fresh reads none of them.
	s.bill(func(b *netsuitetest.Bill) {
		b.ID, b.Number, b.Lines[0].PO, b.Lines[1].PO = 6100, "CW-0", 4100, 4100
		b.Memo = "seen"
	})
	all := s.lookups("ref/account") + s.lookups("ref/tax") + s.lookups("ref/location") + s.lookups("ref/paymentterm")
	s.tell(refs[0])
	s.completed()
	if n := s.lookups("ref/account") + s.lookups("ref/tax") + s.lookups("ref/location") + s.lookups("ref/paymentterm") - all; n != 0 {
		t.Errorf("%d lists were read again within minutes", n)
	}
}

// An account that is missing is looked for once more, for the whole run, in
// case somebody has just added it; the others are not.
func TestAMissingAccountIsLookedForOnce(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	s.tell(theVendor) // the lists are fresh now
	s.world.Cin7.AddAccount(cin7test.Account{Code: "6990", Name: "Penalties", Type: "EXPENSE", Class: "EXPENSE"})
	s.order()
	s.bill(penalty)
	accounts, terms := s.lookups("ref/account"), s.lookups("ref/paymentterm")
	s.tell(theBill)
	s.completed()
	if n := s.lookups("ref/account") - accounts; n != 1 {
		t.Errorf("the chart was read %d times, want once", n)
	}
	if n := s.lookups("ref/paymentterm") - terms; n != 0 {
		t.Errorf("the terms were read %d times although none was missing", n)
	}
}

// A mapping, or an account in Cin7, releases every bill that waited for it,
// and only those.
func TestOneMappingReleasesAllThatWaited(t *testing.T) {
	cases := []struct {
		name string
		mend func(*shop)
	}{
		{"mapped", func(s *shop) { s.apply(func(t *tenant.Tenant) { t.Sync.Mapping.Accounts["6990"] = "429" }) }},
		{"added in Cin7", func(s *shop) {
			s.world.Cin7.AddAccount(cin7test.Account{Code: "6990", Name: "Penalties", Type: "EXPENSE", Class: "EXPENSE"})
			s.pass(lookEvery + time.Minute)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, distributor.Options{}, nil)
			s.world.NetSuite.PutAccount(netsuitetest.Account{ID: 170, Number: "6995", Name: "Demurrage", Type: "Expense"})
			s.vendor()
			const bills = 30
			var refs []queue.Ref
			for i := range int64(bills) {
				s.world.NetSuite.PutBill(netsuitetest.Bill{ID: 6100 + i, Number: fmt.Sprintf("P-%d", i), Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
					Lines: []netsuitetest.BillLine{{Account: 169, Amount: "35.00"}}})
				refs = append(refs, shopRef(netsuite.TypeVendorBill, 6100+i))
			}
			other := shopRef(netsuite.TypeVendorBill, 6200)
			s.world.NetSuite.PutBill(netsuitetest.Bill{ID: 6200, Number: "D-1", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
				Lines: []netsuitetest.BillLine{{Account: 169, Amount: "35.00"}, {Account: 170, Amount: "80.00"}}})
			s.tell(append(refs, other)...)
			for _, r := range refs {
				if rec := s.record(r); rec.State != queue.Parked || rec.Reason != ParkUnmappedAccount {
					t.Fatalf("%s is %s, %s", r, rec.State, rec.Reason)
				}
			}
			if m := s.record(other).Message; !strings.Contains(m, "6990 Sundry Penalties (35.00 USD") || !strings.Contains(m, "6995 Demurrage (80.00 USD") {
				t.Errorf("both accounts must be told at once: %s", m)
			}
			c.mend(s)
			for _, r := range refs {
				if rec := s.record(r); rec.State != queue.Completed {
					t.Errorf("%s is %s, %s: %s", r, rec.State, rec.Reason, rec.Message)
				}
			}
			rec := s.record(other)
			if rec.State != queue.Parked || strings.Contains(rec.Message, "6990") || !strings.Contains(rec.Message, "6995 Demurrage (80.00 USD") {
				t.Errorf("%s is %s: %s", other, rec.State, rec.Message)
			}
			if n := len(s.world.Cin7.Purchases()); n != bills {
				t.Errorf("%d purchases, want %d", n, bills)
			}
		})
	}
}

// Every way to an account ends on the right code in Cin7's ledger.
func TestAccountsInTheLedger(t *testing.T) {
	cases := []struct {
		name    string
		account netsuitetest.Account
		cin7    []cin7test.Account
		mapping map[string]string
		code    string // "" parks
	}{
		{"by number, whatever the name", netsuitetest.Account{Number: "7000", Name: "Rent"}, []cin7test.Account{{Code: "7000", Name: "Hire of halls", Class: "EXPENSE"}}, nil, "7000"},
		{"the mapping beats the number", netsuitetest.Account{Number: "7000", Name: "Rent"}, []cin7test.Account{{Code: "7000", Name: "Rent", Class: "EXPENSE"}}, map[string]string{"7000": "429"}, "429"},
		{"a mapping to what is archived does not fall back", netsuitetest.Account{Number: "7000", Name: "Rent"},
			[]cin7test.Account{{Code: "7000", Name: "Rent", Class: "EXPENSE"}, {Code: "7001", Name: "Old", Class: "EXPENSE", Status: "ARCHIVED"}}, map[string]string{"7000": "7001"}, ""},
		{"by id", netsuitetest.Account{Name: "Rent"}, nil, map[string]string{"id:190": "429"}, "429"},
		{"an archived account is none", netsuitetest.Account{Number: "7000", Name: "Rent"}, []cin7test.Account{{Code: "7000", Name: "Rent", Class: "EXPENSE", Status: "ARCHIVED"}}, nil, ""},
		{"revenue is not for purchases", netsuitetest.Account{Number: "7000", Name: "Rent"}, []cin7test.Account{{Code: "7000", Name: "Rent", Class: "REVENUE"}}, nil, ""},
		{"equity is not for purchases", netsuitetest.Account{Number: "7000", Name: "Rent"}, []cin7test.Account{{Code: "7000", Name: "Rent", Class: "EQUITY"}}, nil, ""},
		{"a liability is", netsuitetest.Account{Number: "7000", Name: "Accrued rent", Type: "OthCurrLiab"}, []cin7test.Account{{Code: "7000", Name: "Accruals", Class: "LIABILITY"}}, nil, "7000"},
		{"display name, case and blanks folded", netsuitetest.Account{Number: "7000", Name: "Hall  RENT"}, []cin7test.Account{{Code: "_59_", Name: "x", DisplayName: "7000: hall rent", Class: "EXPENSE"}}, nil, "_59_"},
		{"name that two accounts have", netsuitetest.Account{Name: "Rent"}, []cin7test.Account{{Code: "a", Name: "Rent", Class: "EXPENSE"}, {Code: "b", Name: "rent", Class: "EXPENSE"}}, nil, ""},
		{"name that two accounts have, one of them archived", netsuitetest.Account{Name: "Rent"}, []cin7test.Account{{Code: "a", Name: "Rent", Class: "EXPENSE"}, {Code: "b", Name: "rent", Class: "EXPENSE", Status: "ARCHIVED"}}, nil, "a"},
		{"name of another class", netsuitetest.Account{Name: "Deposits", Type: "OthCurrAsset"}, []cin7test.Account{{Code: "a", Name: "Deposits", Class: "LIABILITY"}}, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, distributor.Options{}, func(tn *tenant.Tenant) { tn.Sync.Mapping.Accounts = c.mapping })
			c.account.ID = 190
			if c.account.Type == "" {
				c.account.Type = "Expense"
			}
			s.world.NetSuite.PutAccount(c.account)
			for _, a := range c.cin7 {
				a.Type = a.Class
				s.world.Cin7.AddAccount(a)
			}
			s.vendor()
			s.world.NetSuite.PutBill(netsuitetest.Bill{ID: shopBill, Number: "R-1", Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06",
				Lines: []netsuitetest.BillLine{{Account: 190, Amount: "35.00"}}})
			s.tell(theBill)
			rec := s.record(theBill)
			if c.code == "" {
				if rec.Reason != ParkUnmappedAccount || s.ledger() != "" {
					t.Errorf("%s, %s: %s; ledger %s", rec.State, rec.Reason, rec.Message, s.ledger())
				}
				return
			}
			if got, want := s.ledger(), c.code+"/2000 35.00"; got != want {
				t.Errorf("got %s, want %s (%s, %s: %s)", got, want, rec.State, rec.Reason, rec.Message)
			}
		})
	}
}
