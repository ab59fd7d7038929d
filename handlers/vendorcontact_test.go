package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// person enters a contact of the vendor.
func (s *shop) person(id int64, name, email string, edit ...func(*netsuitetest.Contact)) {
	first, last, _ := strings.Cut(name, " ")
	c := netsuitetest.Contact{ID: id, Vendor: shopVendor, FirstName: first, LastName: last, Email: email}
	for _, f := range edit {
		f(&c)
	}
	s.world.NetSuite.PutContact(c)
}

// people are the contacts of the supplier: name, address, and * for the default.
func (s *shop) people() string {
	s.t.Helper()
	var out []string
	for _, c := range s.supplier("Cascade Webbing Co").Contacts {
		x := c.Name + " <" + c.Email + ">"
		if c.Default {
			x += "*"
		}
		out = append(out, x)
	}
	return strings.Join(out, ", ")
}

// The contacts of a vendor through its life: nobody comes twice, nobody whom a
// clerk typed is touched, and nothing is written that is there already.
func TestVendorContacts(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	primary := func(c *netsuitetest.Contact) { c.Primary = true }
	s.vendor(func(v *netsuitetest.Vendor) { v.Email = "ap@cascade.example" })
	s.person(1001, "Anna Berg", "anna@cascade.example", primary)
	s.person(1002, "Bo Dahl", "bo@cascade.example", func(c *netsuitetest.Contact) { c.Phone, c.Mobile = "1", "2" })
	s.person(1003, "Gone Already", "gone@cascade.example", func(c *netsuitetest.Contact) { c.Inactive = true })
	email := "ap@cascade.example"
	step := func(what string, writes int, want string, change func()) {
		t.Helper()
		s.setClock(s.now().Add(time.Hour))
		before := s.world.Cin7.Writes()
		change()
		s.vendor(func(v *netsuitetest.Vendor) { v.Email = email })
		s.tell(theVendor)
		s.completed()
		if n := s.world.Cin7.Writes() - before; n != writes {
			t.Errorf("%s: %d writes, want %d", what, n, writes)
		}
		if got := s.people(); got != want {
			t.Errorf("%s: got %s\nwant %s", what, got, want)
		}
	}
	id := func() string { return s.supplierID("Cascade Webbing Co") }
	const own, anna, bo = "Cascade Webbing Co <ap@cascade.example>", "Anna Berg <anna@cascade.example>*", "Bo Dahl <bo@cascade.example>"
	step("new", 1, own+", "+anna+", "+bo, func() {})
	if c := s.supplier("Cascade Webbing Co").Contacts[2]; c.Phone != "1" || c.MobilePhone != "2" {
		t.Errorf("numbers: %+v", c)
	}
	step("nothing", 0, own+", "+anna+", "+bo, func() {})
	step("put again", 1, "Cascade Webbing Co <orders@cascade.example>, "+anna+", "+bo, func() { email = "orders@cascade.example" })
	step("and back", 1, own+", "+anna+", "+bo, func() { email = "ap@cascade.example" })
	step("married", 1, own+", Anna Lund <anna@cascade.example>*, "+bo, func() { s.person(1001, "Anna Lund", "anna@cascade.example", primary) })
	step("another address", 1, own+", Anna Lund <anna@cascade.example>*, Bo Dahl <bo.dahl@cascade.example>", func() { s.person(1002, "Bo Dahl", "bo.dahl@cascade.example") })
	const two = own + ", Anna Lund <anna@cascade.example>*, Bo Dahl <bo.dahl@cascade.example>"
	step("one more", 1, two+", Eva Kern <eva@cascade.example>", func() { s.person(1004, "Eva Kern", "eva@cascade.example") })
	const three = two + ", Eva Kern <eva@cascade.example>"
	step("one has left, one was removed: both stay", 0, three, func() {
		s.person(1002, "Bo Dahl", "bo.dahl@cascade.example", func(c *netsuitetest.Contact) { c.Inactive = true })
		s.world.NetSuite.RemoveContact(1004)
	})
	// A clerk adds somebody and makes them the default.
	byClerk := strings.ReplaceAll(three, "*", "") + ", Loading dock <>*"
	s.world.Cin7.EditSupplier(id(), func(x *cin7test.Supplier) {
		for i := range x.Contacts {
			x.Contacts[i].Default = false
		}
		x.Contacts = append(x.Contacts, cin7test.Contact{ID: "dock", Name: "Loading dock", Phone: "99", Default: true})
	})
	step("a clerk's person and choice stay", 1, strings.Replace(byClerk, "ap@", "mail@", 1), func() { email = "mail@cascade.example" })
	byClerk = strings.Replace(byClerk, "ap@", "mail@", 1)
	// The answer to a PUT that adds somebody is lost: found there, not added again.
	s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPut, Path: "supplier", When: "after", Shape: "close"})
	s.setClock(s.now().Add(time.Hour))
	s.person(1005, "Ivo Novak", "ivo@cascade.example")
	s.tell(theVendor)
	s.pass(time.Hour)
	s.completed()
	if got, want := s.people(), byClerk+", Ivo Novak <ivo@cascade.example>"; got != want {
		t.Errorf("a lost answer: got %s\nwant %s", got, want)
	}
	if n := len(s.world.Cin7.Suppliers()); n != 2 {
		t.Errorf("%d suppliers", n)
	}
}

// A role that may not see contacts, or an account without the column that ties
// them to vendors, costs the contacts alone: the vendor is in step, nobody is
// taken away, NetSuite is not asked again for a day, and then they come.
func TestVendorContactsHidden(t *testing.T) {
	const unprocessed = `{"status":400,"o:errorDetails":[{"detail":"Invalid search query. Detailed unprocessed description follows. `
	for name, answer := range map[string]netsuitetest.Fault{
		"no permission":     {Status: 400, Body: unprocessed + `Search error occurred: Record 'contact' was not found."}]}`},
		"no such table":     {Status: 400, Body: unprocessed + `Invalid search type: contact."}]}`},
		"no such column":    {Status: 400, Body: unprocessed + `Search error occurred: Unknown identifier 'company'. Available identifiers are: {ct=contact}"}]}`},
		"permission denied": {Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			s.vendor(func(v *netsuitetest.Vendor) { v.Email = "ap@cascade.example" })
			s.person(1001, "Anna Berg", "anna@cascade.example")
			s.tell(theVendor)
			s.completed()
			const both = "Cascade Webbing Co <ap@cascade.example>*, Anna Berg <anna@cascade.example>"
			if got := s.people(); got != both {
				t.Fatalf("got %s", got)
			}
			answer.Match, answer.Times = "FROM contact", -1
			s.world.NetSuite.FailNext(answer)
			asked := func() int {
				n := 0
				for _, c := range s.world.NetSuite.Calls() {
					if strings.Contains(c.Query, "FROM contact") {
						n++
					}
				}
				return n
			}
			before, writes := asked(), s.world.Cin7.Writes()
			for range 3 {
				s.setClock(s.now().Add(time.Hour))
				s.tell(theVendor)
				s.completed()
			}
			if n := asked() - before; n != 1 || s.world.Cin7.Writes() != writes || s.people() != both {
				t.Errorf("hidden: asked %d times, want once; %d writes; %s", n, s.world.Cin7.Writes()-writes, s.people())
			}
			s.world.NetSuite.ClearFaults()
			s.person(1002, "Bo Dahl", "bo@cascade.example")
			s.setClock(s.now().Add(25 * time.Hour))
			s.tell(theVendor)
			s.completed()
			if got, want := s.people(), both+", Bo Dahl <bo@cascade.example>"; got != want {
				t.Errorf("a day later: got %s, want %s", got, want)
			}
		})
	}
}
