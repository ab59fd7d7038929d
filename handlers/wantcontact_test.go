package handlers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

func TestWantContacts(t *testing.T) {
	anna := netsuite.Contact{ID: 1, Name: "Anna Berg", Email: "anna@cascade.example", Mobile: "+1 541 555 0102"}
	bo := netsuite.Contact{ID: 2, Name: "Bo Dahl", Phone: "+1 541 555 0103"}
	primary := func(c netsuite.Contact) netsuite.Contact { c.Primary = true; return c }
	wantAnna := cin7.SupplierContact{Name: "Anna Berg", Email: "anna@cascade.example", MobilePhone: "+1 541 555 0102"}
	wantBo := cin7.SupplierContact{Name: "Bo Dahl", Phone: "+1 541 555 0103"}
	own := cin7.SupplierContact{Name: "Cascade", Email: "ap@cascade.example"}
	std := func(c cin7.SupplierContact) cin7.SupplierContact { c.Default = true; return c }
	cases := []struct {
		name   string
		vendor netsuite.Vendor
		people []netsuite.Contact
		want   []cin7.SupplierContact
	}{
		{"nobody", netsuite.Vendor{CompanyName: "Cascade"}, nil, nil},
		{"the vendor itself", netsuite.Vendor{CompanyName: "Cascade", Email: own.Email}, nil, []cin7.SupplierContact{std(own)}},
		{"people beside it", netsuite.Vendor{CompanyName: "Cascade", Email: own.Email}, []netsuite.Contact{anna, bo}, []cin7.SupplierContact{std(own), wantAnna, wantBo}},
		{"the primary one is the default", netsuite.Vendor{CompanyName: "Cascade", Email: own.Email}, []netsuite.Contact{anna, primary(bo)}, []cin7.SupplierContact{own, wantAnna, std(wantBo)}},
		{"people alone: the first is the default", netsuite.Vendor{CompanyName: "Cascade"}, []netsuite.Contact{anna, bo}, []cin7.SupplierContact{std(wantAnna), wantBo}},
		{"long numbers are cut", netsuite.Vendor{CompanyName: "Cascade"}, []netsuite.Contact{{Name: "Anna", Phone: strings.Repeat("1", 60), Mobile: strings.Repeat("2", 51)}},
			[]cin7.SupplierContact{{Name: "Anna", Phone: strings.Repeat("1", 50), MobilePhone: strings.Repeat("2", 50), Default: true}}},
		{"without a name, the address; without both, nobody", netsuite.Vendor{CompanyName: "Cascade"}, []netsuite.Contact{{ID: 3, Email: "x@y.example"}, {ID: 4, Phone: "1"}},
			[]cin7.SupplierContact{{Name: "x@y.example", Email: "x@y.example", Default: true}}},
		{"a person who is the vendor", netsuite.Vendor{IsPerson: true, FirstName: "Maria", LastName: "Lind", Email: "m@lind.example"}, []netsuite.Contact{{Name: "maria lind", Mobile: "7", Email: "other@lind.example"}, bo},
			[]cin7.SupplierContact{{Name: "Maria Lind", Email: "m@lind.example", MobilePhone: "7", Default: true}, wantBo}},
		{"entered twice", netsuite.Vendor{CompanyName: "Cascade"}, []netsuite.Contact{anna, {ID: 9, Name: "ANNA  Berg", Email: "Anna@cascade.example", Phone: "5", Primary: true}, bo},
			[]cin7.SupplierContact{{Name: "Anna Berg", Email: "anna@cascade.example", MobilePhone: "+1 541 555 0102", Phone: "5", Default: true}, wantBo}},
		{"two of one name", netsuite.Vendor{CompanyName: "Cascade"}, []netsuite.Contact{anna, {ID: 9, Name: "Anna Berg", Email: "a.berg@cascade.example"}},
			[]cin7.SupplierContact{std(wantAnna), {Name: "Anna Berg", Email: "a.berg@cascade.example"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(wantContacts(c.vendor, c.people), c.want); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
		})
	}
}

// Who is who among the contacts that are there, and what a PUT must say.
func TestMergeContacts(t *testing.T) {
	p := func(id, name, email string) cin7.SupplierContact {
		return cin7.SupplierContact{ID: id, Name: name, Email: email}
	}
	std := func(c cin7.SupplierContact) cin7.SupplierContact { c.Default = true; return c }
	own, anna, bo := p("", "Cascade", "ap@c"), p("", "Anna Berg", "anna@c"), p("", "Bo Dahl", "bo@c")
	there := []cin7.SupplierContact{p("1", "Cascade", "ap@c"), std(p("2", "Anna Berg", "anna@c")), p("3", "Bo Dahl", "bo@c")}
	type contacts = []cin7.SupplierContact
	cases := []struct {
		name       string
		have, want contacts
		sends      contacts
		old        string // name of the supplier so far
	}{
		{name: "all there", have: there, want: contacts{own, std(anna), bo}},
		{name: "all there, in another case", have: contacts{std(p("2", "ANNA BERG", "Anna@c"))}, want: contacts{std(anna)}, sends: contacts{std(p("2", "Anna Berg", "anna@c"))}},
		{name: "nobody there", want: contacts{own, std(anna), bo}, sends: contacts{own, std(anna), bo}},
		{name: "one more", have: there[:2], want: contacts{own, std(anna), bo}, sends: contacts{bo}},
		{name: "one has left", have: there, want: contacts{own, std(bo)}},
		{name: "all have left", have: there, want: nil},
		{name: "married: found by e-mail", have: there, want: contacts{own, std(p("", "Anna Lund", "anna@c")), bo}, sends: contacts{std(p("2", "Anna Lund", "anna@c"))}},
		{name: "another e-mail: found by name", have: there, want: contacts{own, anna, p("", "Bo Dahl", "bo.dahl@c")}, sends: contacts{p("3", "Bo Dahl", "bo.dahl@c")}},
		{name: "both changed: another person", have: there, want: contacts{own, anna, p("", "B. Dahl", "bd@c")}, sends: contacts{p("", "B. Dahl", "bd@c")}},
		{name: "an address of several tells nobody apart", have: contacts{p("1", "Cascade", "ap@c"), p("8", "Front desk", "ap@c")}, want: contacts{own, p("", "Anna Berg", "ap@c")}, sends: contacts{p("", "Anna Berg", "ap@c")}},
		{name: "two of one name keep their own", have: contacts{p("4", "Anna Berg", "a1@c"), p("5", "Anna Berg", "a2@c")}, want: contacts{p("", "Anna Berg", "a2@c"), p("", "Anna Berg", "a1@c")}},
		{name: "two of one name, one changed", have: contacts{p("4", "Anna Berg", "a1@c"), p("5", "Anna Berg", "a2@c")}, want: contacts{p("", "Anna Berg", "a3@c"), p("", "Anna Berg", "a1@c")}, sends: contacts{p("5", "Anna Berg", "a3@c")}},
		{name: "people whom a clerk typed stay", have: contacts{std(p("9", "Warehouse", "")), p("2", "Anna Berg", "anna@c")}, want: contacts{std(anna)}},
		{name: "typed by a clerk, then entered in NetSuite", have: contacts{{ID: "9", Name: "anna berg", Phone: "12", Default: true}}, want: contacts{own, anna}, sends: contacts{own, std(p("9", "Anna Berg", "anna@c"))}},
		{name: "what NetSuite leaves blank stays", have: contacts{{ID: "2", Name: "Anna Berg", Email: "anna@c", MobilePhone: "7", Phone: "8", Website: "w", Default: true}}, want: contacts{std(anna)}},
		{name: "the default of a clerk stays", have: contacts{std(p("1", "Cascade", "ap@c")), p("2", "Anna Berg", "anna@c")}, want: contacts{own, std(anna), bo}, sends: contacts{bo}},
		{name: "nobody is the default: the primary one becomes it", have: contacts{p("1", "Cascade", "ap@c"), p("2", "Anna Berg", "anna@c")}, want: contacts{own, std(anna)}, sends: contacts{std(p("2", "Anna Berg", "anna@c"))}},
		{name: "the vendor is renamed", old: "Old Mill", have: contacts{p("1", "Old Mill", "ap@c"), std(p("2", "Anna Berg", "anna@c"))}, want: contacts{own, anna}, sends: contacts{p("1", "Cascade", "ap@c")}},
		{name: "the vendor's own contact is not taken for a person", have: contacts{p("1", "Cascade", "x@c")}, want: contacts{own, p("", "Anna Berg", "x@c")}, sends: contacts{p("1", "Cascade", "ap@c"), p("", "Anna Berg", "x@c")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			have, want := cin7.Supplier{Name: firstOf(c.old, "Cascade"), Contacts: c.have}, cin7.Supplier{Name: "Cascade", Contacts: c.want}
			got := mergeContacts(have, want)
			if d := cmp.Diff(got, c.sends); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
			// Once it has been sent, nothing more is to be said.
			after := append(contacts(nil), c.have...)
			for _, s := range got {
				at := -1
				for i, h := range after {
					if s.ID != "" && h.ID == s.ID {
						at = i
					}
				}
				if at < 0 {
					s.ID = "new " + s.Name
					after = append(after, s)
				} else {
					after[at] = blanksFrom(s, after[at])
				}
			}
			have = cin7.Supplier{Name: "Cascade", Contacts: after}
			if again := mergeContacts(have, want); len(again) != 0 {
				t.Errorf("a second PUT would carry %+v", again)
			}
			defaults := 0
			for _, h := range after {
				if h.Default {
					defaults++
				}
			}
			if defaults > 1 {
				t.Errorf("%d defaults: %+v", defaults, after)
			}
		})
	}
}
