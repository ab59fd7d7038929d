package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

// supplier is the only supplier in Cin7 of that name, without what Cin7 fills in.
func (s *shop) supplier(name string) cin7test.Supplier {
	id := s.supplierID(name)
	for _, x := range s.world.Cin7.Suppliers() {
		if x.ID == id {
			return x
		}
	}
	return cin7test.Supplier{}
}

// typed is a supplier as a clerk types it in.
func typed(name string) cin7test.Supplier {
	return cin7test.Supplier{Name: name, Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases"}
}

var twoAddresses = []netsuitetest.Address{
	{DefaultBilling: true, Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Country: "US"},
	{DefaultShipping: true, Line1: "2 Dock Street", City: "Astoria", State: "OR", Zip: "97103", Country: "US"},
	{Line1: "PO Box 12", City: "Bend", Country: "US"},
}

// A vendor's life: each change is one PUT that multiplies nothing, and no
// change is no call at all.
func TestVendorLife(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor(func(v *netsuitetest.Vendor) { v.Addresses, v.Email = twoAddresses, "orders@cascade.example" })
	s.tell(theVendor)
	s.completed()
	first := s.supplier("Cascade Webbing Co")
	if len(first.Addresses) != 3 || len(first.Contacts) != 1 || first.Comments != "NS:vendor:301@1234567_SB1" {
		t.Fatalf("got %+v", first)
	}
	changed := []string{}
	change := func(what string, writes int, check func(cin7test.Supplier) bool, edit ...func(*netsuitetest.Vendor)) {
		t.Helper()
		s.setClock(s.now().Add(time.Hour)) // the lists are old by then
		calls, before := len(s.world.Cin7.Calls()), s.world.Cin7.Writes()
		s.vendor(edit...)
		s.tell(theVendor)
		s.completed()
		all := s.world.Cin7.Suppliers()
		now := all[len(all)-1]
		if len(all) != 2 || now.ID != first.ID || len(now.Addresses) != 3 || len(now.Contacts) != 1 || !check(now) {
			t.Errorf("%s: %d suppliers, %+v", what, len(all), now)
		}
		if n := s.world.Cin7.Writes() - before; n != writes {
			t.Errorf("%s: %d writes, want %d", what, n, writes)
		}
		if n := len(s.world.Cin7.Calls()) - calls; writes == 0 && n != 0 {
			t.Errorf("%s: %d calls, want none", what, n)
		}
		changed = append(changed, what)
	}
	v := func(edit func(*netsuitetest.Vendor)) func(*netsuitetest.Vendor) {
		return func(v *netsuitetest.Vendor) {
			v.Addresses, v.Email = append([]netsuitetest.Address(nil), twoAddresses...), "orders@cascade.example"
			edit(v)
		}
	}
	same := v(func(*netsuitetest.Vendor) {})
	change("nothing", 0, func(x cin7test.Supplier) bool { return cmp.Equal(x, first) }, same)
	change("renamed", 1, func(x cin7test.Supplier) bool {
		return x.Name == "Cascade Mills" && x.Contacts[0].Name == "Cascade Mills"
	}, v(func(v *netsuitetest.Vendor) { v.CompanyName = "Cascade Mills" }))
	change("renamed back", 1, func(x cin7test.Supplier) bool { return x.Name == "Cascade Webbing Co" }, same)
	change("moved", 1, func(x cin7test.Supplier) bool { return x.Addresses[0].Line1 == "90 Mill Road" }, v(func(v *netsuitetest.Vendor) { v.Addresses[0].Line1 = "90 Mill Road" }))
	change("another e-mail", 1, func(x cin7test.Supplier) bool {
		return x.Contacts[0].Email == "ap@cascade.example" && x.Addresses[0].Line1 == "90 Mill Road"
	},
		v(func(v *netsuitetest.Vendor) { v.Addresses[0].Line1, v.Email = "90 Mill Road", "ap@cascade.example" }))
	change("another term", 1, func(x cin7test.Supplier) bool { return x.PaymentTerm == "Net 60" },
		v(func(v *netsuitetest.Vendor) {
			v.Addresses[0].Line1, v.Email, v.Terms = "90 Mill Road", "ap@cascade.example", "Net 60"
		}))
	change("inactive", 1, func(x cin7test.Supplier) bool { return x.Status == "Deprecated" },
		v(func(v *netsuitetest.Vendor) {
			v.Addresses[0].Line1, v.Email, v.Terms, v.Inactive = "90 Mill Road", "ap@cascade.example", "Net 60", true
		}))
	change("active again", 1, func(x cin7test.Supplier) bool { return x.Status == "Active" },
		v(func(v *netsuitetest.Vendor) {
			v.Addresses[0].Line1, v.Email, v.Terms = "90 Mill Road", "ap@cascade.example", "Net 60"
		}))
	if len(changed) != 8 {
		t.Errorf("only %v were tried", changed)
	}
}

func TestVendorNames(t *testing.T) {
	cases := []struct {
		name string
		edit func(*netsuitetest.Vendor)
		want string
	}{
		{"a person", func(v *netsuitetest.Vendor) { v.Person, v.FirstName, v.LastName = true, "Maria", "Lindqvist" }, "Maria Lindqvist"},
		{"a person without a name", func(v *netsuitetest.Vendor) { v.Person = true }, "Cascade Webbing Co"},
		{"no company name", func(v *netsuitetest.Vendor) { v.CompanyName, v.AltName = "", "Cascade" }, "Cascade"},
		{"nothing but a number", func(v *netsuitetest.Vendor) { v.CompanyName, v.EntityID = "", "V-1001" }, "V-1001"},
		{"blanks around", func(v *netsuitetest.Vendor) { v.CompanyName = "  Cascade Webbing Co " }, "Cascade Webbing Co"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			s.vendor(c.edit)
			s.tell(theVendor)
			s.completed()
			s.supplierID(c.want)
		})
	}
}

// Whose a supplier is: our link, our marker, a name that is nobody else's.
func TestVendorAdoption(t *testing.T) {
	ours := "NS:vendor:301@" + distributor.NetSuiteAccount
	cases := []struct {
		name     string
		there    []cin7test.Supplier
		adopts   string // id, "" makes a new one
		parks    string // reason
		comments string
	}{
		{"nobody of that name", nil, "", "", ours},
		{"exact name", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co"}}, "a", "", ours},
		{"case and blanks do not count", []cin7test.Supplier{{ID: "a", Name: "cascade  WEBBING co"}}, "a", "", ours},
		{"a longer name is another", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co Ltd"}}, "", "", ours},
		{"a deprecated one comes back", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co", Status: "Deprecated"}}, "a", "", ours},
		{"marked ours under another name", []cin7test.Supplier{{ID: "a", Name: "CWC", Comments: "pays late " + ours}}, "a", "", "pays late " + ours},
		{"the marker beats the name", []cin7test.Supplier{{ID: "a", Name: "CWC", Comments: ours}, {ID: "b", Name: "Cascade Webbing Co", Status: "Deprecated"}}, "a", "", ours},
		{"marked for another vendor", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co", Comments: "NS:vendor:3017@" + distributor.NetSuiteAccount}}, "", ParkAmbiguousSupplier, ""},
		{"marked by another NetSuite account", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co", Comments: "NS:vendor:301@1234567"}}, "", ParkAmbiguousSupplier, ""},
		{"two of the name", []cin7test.Supplier{{ID: "a", Name: "Cascade Webbing Co"}, {ID: "b", Name: "CASCADE WEBBING CO", Status: "Deprecated"}}, "", ParkAmbiguousSupplier, ""},
		{"two marked ours", []cin7test.Supplier{{ID: "a", Name: "One", Comments: ours}, {ID: "b", Name: "Two", Comments: ours}}, "", ParkTwoCandidates, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			for _, x := range c.there {
				full := typed(x.Name)
				full.ID, full.Status, full.Comments = x.ID, x.Status, x.Comments
				full.Contacts = []cin7test.Contact{{ID: "anna-" + x.ID, Name: "Anna", Default: true}}
				s.world.Cin7.AddSupplier(full)
			}
			s.vendor(func(v *netsuitetest.Vendor) { v.Email = "ap@cascade.example" })
			s.tell(theVendor)
			rec := s.record(theVendor)
			if c.parks != "" {
				if rec.State != queue.Parked || rec.Reason != c.parks || s.world.Cin7.Writes() != 0 {
					t.Errorf("%s, %s: %s; %d writes", rec.State, rec.Reason, rec.Message, s.world.Cin7.Writes())
				}
				return
			}
			s.completed()
			if len(c.there) > 1 {
				if all := s.world.Cin7.Suppliers(); all[1].ID != c.adopts || all[1].Name != "Cascade Webbing Co" || all[2].Status != "Deprecated" {
					t.Errorf("got %+v", all)
				}
				return
			}
			got := s.supplier("Cascade Webbing Co")
			if c.adopts != "" && got.ID != c.adopts || c.adopts == "" && len(got.ID) < 30 {
				t.Errorf("supplier %s, want %q", got.ID, c.adopts)
			}
			if got.Comments != c.comments || got.Status != "Active" {
				t.Errorf("%s, comments %q", got.Status, got.Comments)
			}
			if c.adopts != "" && (len(got.Contacts) != 2 || got.Contacts[0].Name != "Anna" || !got.Contacts[0].Default || got.Contacts[1].Default) {
				t.Errorf("a clerk's contact must stay the default: %+v", got.Contacts)
			}
		})
	}
}

// A vendor that was merged into another: its supplier is deprecated, what was
// its goes on with the survivor's.
func TestVendorMerged(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	survivor := shopRef(netsuite.TypeVendor, 302)
	s.vendor(func(v *netsuitetest.Vendor) { v.Addresses, v.Email = twoAddresses, "orders@cascade.example" })
	s.world.NetSuite.PutVendor(netsuitetest.Vendor{ID: 302, EntityID: "V-1002", CompanyName: "Summit Mills", Currency: "USD", Terms: "Net 30"})
	s.order()
	s.tell(survivor, theOrder)
	s.completed()
	before := s.supplier("Cascade Webbing Co")
	s.setClock(s.now().Add(time.Minute))
	s.world.NetSuite.MergeVendor(shopVendor, 302)
	s.tell(theVendor) // the webhook of the deletion is all that tells
	s.completed()
	after := s.supplier("Cascade Webbing Co")
	if after.Status != "Deprecated" || len(after.Addresses) != len(before.Addresses) || len(after.Contacts) != len(before.Contacts) || after.Comments != before.Comments {
		t.Errorf("got %+v, was %+v", after, before)
	}
	if text := s.timeline(theOrder); !strings.Contains(text, "its vendor was deleted or merged") {
		t.Errorf("the order was not read again:\n%s", text)
	}
	if rec := s.record(theVendor); !strings.Contains(rec.Message, "Cascade Webbing Co is deprecated") {
		t.Errorf("%s", rec.Message)
	}
	// Told again, nothing more happens.
	writes := s.world.Cin7.Writes()
	s.tell(theVendor)
	s.completed()
	if n := s.world.Cin7.Writes() - writes; n != 0 {
		t.Errorf("%d writes more", n)
	}
	// What comes now is the survivor's.
	s.bill(func(b *netsuitetest.Bill) { b.Vendor = 302 })
	s.receipt()
	s.tell(theBill, theReceipt)
	s.completed()
}

func TestVendorDeletions(t *testing.T) {
	t.Run("a role that may not read deletions", func(t *testing.T) {
		var o distributor.Options
		o.NetSuite.HideTables = []string{"deletedrecord"}
		s := newShop(t, o, nil)
		s.vendor()
		s.tell(theVendor)
		s.world.NetSuite.Delete("vendor", shopVendor)
		s.tell(theVendor)
		s.pass(time.Hour)
		if rec := s.record(theVendor); rec.State != queue.Parked || rec.Reason != ParkNetSuiteHidden {
			t.Errorf("%s, %s: %s\n%s", rec.State, rec.Reason, rec.Message, s.timeline(theVendor))
		}
		if got := s.supplier("Cascade Webbing Co"); got.Status != "Active" {
			t.Errorf("an empty answer has deprecated the supplier: %+v", got)
		}
	})
	t.Run("a supplier that is not ours any more", func(t *testing.T) {
		s := newShop(t, distributor.Options{}, nil)
		s.vendor()
		s.tell(theVendor)
		s.world.Cin7.EditSupplier(s.supplierID("Cascade Webbing Co"), func(x *cin7test.Supplier) { x.Comments = "ours by hand now" })
		s.setClock(s.now().Add(time.Minute))
		s.world.NetSuite.Delete("vendor", shopVendor)
		s.tell(theVendor)
		s.completed()
		if got := s.supplier("Cascade Webbing Co"); got.Status != "Active" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a vendor that Cin7 never had", func(t *testing.T) {
		s := newShop(t, distributor.Options{}, nil)
		s.tell(theVendor)
		s.pass(time.Hour)
		s.completed()
		if n := s.world.Cin7.Writes(); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
	t.Run("the answer to the PUT is lost", func(t *testing.T) {
		s := newShop(t, distributor.Options{}, nil)
		s.vendor()
		s.tell(theVendor)
		s.setClock(s.now().Add(time.Minute))
		s.world.NetSuite.Delete("vendor", shopVendor)
		s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPut, Path: "supplier", When: "after", Shape: "close"})
		s.tell(theVendor)
		s.pass(time.Hour)
		s.completed()
		if got := s.supplier("Cascade Webbing Co"); got.Status != "Deprecated" {
			t.Errorf("got %+v", got)
		}
	})
}
