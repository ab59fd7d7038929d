package handlers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

func aTenant(change ...func(*tenant.Tenant)) *tenant.Tenant {
	t := &tenant.Tenant{}
	t.NetSuite.AccountID = "123_SB1"
	t.Sync = tenant.Sync{Approach: "INVOICE", ReceiveOn: tenant.ReceiveOnItemReceipt, Location: "Main", TaxRule: "Tax", PaymentTerm: "30 days",
		ClosedPeriod: tenant.ClosedPeriodPark, Mapping: tenant.Mapping{Terms: map[string]string{"Net 30": "30 days"}, Charges: map[string]string{"*": "Other charges"}}}
	for _, c := range change {
		c(t)
	}
	return t
}

func aReference() *reference {
	return &reference{
		Alike:     true,
		Chart:     append(chart(), cin7.Account{Code: "2000", Name: "Payable", Class: "LIABILITY", Status: "ACTIVE", SystemAccountCode: "CREDITORS"}),
		Taxes:     []cin7.TaxRule{{Name: "Tax", IsActive: true, IsTaxForPurchase: true}, {Name: "Sales only", IsActive: true}},
		Terms:     []cin7.PaymentTerm{{Name: "30 days", IsActive: true}, {Name: "Net 60", IsActive: true}, {Name: "Old", IsActive: false}},
		Locations: []cin7.Location{{ID: "l1", Name: "Main"}, {ID: "l2", Name: "Second"}, {ID: "b1", Name: "A-01", ParentID: "l1"}},
		Services:  map[string]cin7.Product{"other charges": {ID: "s1", SKU: "OTHER", Name: "Other charges", Type: "Service"}},
		Products: map[string]cin7.Product{"WEB": {ID: "p1", SKU: "WEB", Name: "Webbing", Type: "Stock"}, "FEE": {ID: "p2", SKU: "FEE", Name: "Set-up fee", Type: "Service"},
			"BKL": {ID: "p3", SKU: "BKL", Name: "Buckle", Type: "Stock"}},
	}
}

func TestWantSupplier(t *testing.T) {
	v := netsuite.Vendor{ID: 11, CompanyName: "Cascade", Currency: "USD", Terms: "Net 30", Email: "a@b.example",
		Addresses: []netsuite.Address{{DefaultBilling: true, DefaultShipping: true, Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Country: "US"}, {City: "nowhere"}}}
	got, p := wantSupplier(aTenant(), aReference(), v)
	if p != nil {
		t.Fatal(p)
	}
	want := cin7.Supplier{Name: "Cascade", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax", Status: "Active", Comments: "NS:vendor:11@123_SB1",
		Addresses: []cin7.SupplierAddress{
			{Line1: "88 Mill Road", City: "Bend", State: "OR", Postcode: "97701", Country: "United States", Type: "Billing", DefaultForType: true},
			{Line1: "88 Mill Road", City: "Bend", State: "OR", Postcode: "97701", Country: "United States", Type: "Shipping", DefaultForType: true}},
		Contacts: []cin7.SupplierContact{{Name: "Cascade", Email: "a@b.example", Default: true}}}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("(-got +want)\n%s", d)
	}
	v.Inactive, v.IsPerson, v.FirstName, v.LastName, v.Terms = true, true, "Maria", "Lind", "Net 60"
	if got, _ = wantSupplier(aTenant(), aReference(), v); got.Status != "Deprecated" || got.Name != "Maria Lind" || got.PaymentTerm != "Net 60" {
		t.Errorf("inactive person: %+v", got)
	}
}

func TestWantSupplierParks(t *testing.T) {
	v := netsuite.Vendor{ID: 11, CompanyName: "Cascade", Currency: "USD", Terms: "Net 30"}
	cases := []struct {
		name   string
		tenant *tenant.Tenant
		vendor netsuite.Vendor
		reason string
	}{
		{"term mapped to an inactive one", aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Terms["Net 30"] = "Old" }), v, ParkUnmappedTerm},
		{"no default term", aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Terms, t.Sync.PaymentTerm = nil, "none" }), v, ParkUnmappedTerm},
		{"tax rule is for sales", aTenant(func(t *tenant.Tenant) { t.Sync.TaxRule = "Sales only" }), v, ParkUnmappedTax},
		{"no currency", aTenant(), netsuite.Vendor{ID: 11, CompanyName: "Cascade"}, ParkCurrencyMismatch},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, p := wantSupplier(c.tenant, aReference(), c.vendor)
			if p == nil || p.Reason != c.reason || p.Fix == "" {
				t.Errorf("got %v, want %s", p, c.reason)
			}
		})
	}
}

func TestMergeSupplier(t *testing.T) {
	address := cin7.SupplierAddress{Line1: "88 Mill Road", Country: "United States", Type: "Billing", DefaultForType: true}
	with := func(a cin7.SupplierAddress, id string) cin7.SupplierAddress { a.ID = id; return a }
	moved := address
	moved.Line1 = "1 New Street"
	shipping := address
	shipping.Type = "Shipping"
	want := cin7.Supplier{Name: "Cascade", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax", Status: "Active",
		Comments: "NS:vendor:11@123", Addresses: []cin7.SupplierAddress{address}, Contacts: []cin7.SupplierContact{{Name: "Cascade", Email: "a@b", Default: true}}}
	same := want
	same.ID, same.Addresses = "s1", []cin7.SupplierAddress{with(address, "a1")}
	same.Contacts = []cin7.SupplierContact{{ID: "c1", Name: "Cascade", Email: "a@b", MobilePhone: "typed in Cin7", Default: true}}
	cases := []struct {
		name      string
		have      func(*cin7.Supplier)
		changed   bool
		addresses []cin7.SupplierAddress
		contacts  []cin7.SupplierContact
		comments  string
	}{
		{name: "equal", comments: "NS:vendor:11@123"},
		{name: "renamed in NetSuite", have: func(s *cin7.Supplier) { s.Name = "Old" }, changed: true, comments: "NS:vendor:11@123"},
		{name: "moved: the address keeps its id", have: func(s *cin7.Supplier) { s.Addresses = []cin7.SupplierAddress{with(moved, "a1")} }, changed: true,
			addresses: []cin7.SupplierAddress{with(address, "a1")}, comments: "NS:vendor:11@123"},
		{name: "an address more is added", have: func(s *cin7.Supplier) { s.Addresses = []cin7.SupplierAddress{with(shipping, "a9")} }, changed: true,
			addresses: []cin7.SupplierAddress{address}, comments: "NS:vendor:11@123"},
		{name: "new e-mail: the contact keeps its id", have: func(s *cin7.Supplier) { s.Contacts[0].Email = "old" }, changed: true,
			contacts: []cin7.SupplierContact{{ID: "c1", Name: "Cascade", Email: "a@b", Default: true}}, comments: "NS:vendor:11@123"},
		{name: "adopted: a clerk's words stay", have: func(s *cin7.Supplier) { s.Comments = "pays late" }, changed: true, comments: "NS:vendor:11@123 pays late"},
		{name: "words beside the marker are no change", have: func(s *cin7.Supplier) { s.Comments = "NS:vendor:11@123 pays late" }, comments: "NS:vendor:11@123 pays late"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			have := same
			have.Contacts = append([]cin7.SupplierContact(nil), same.Contacts...)
			if c.have != nil {
				c.have(&have)
			}
			body, changed := mergeSupplier(have, want)
			if changed != c.changed || body.ID != "s1" || body.Comments != c.comments {
				t.Errorf("changed %v, id %s, comments %q", changed, body.ID, body.Comments)
			}
			if d := cmp.Diff(body.Addresses, c.addresses); d != "" {
				t.Errorf("addresses (-got +want)\n%s", d)
			}
			if d := cmp.Diff(body.Contacts, c.contacts); d != "" {
				t.Errorf("contacts (-got +want)\n%s", d)
			}
		})
	}
}

// Every country has the name that x/text has for it.
func TestCountryNames(t *testing.T) {
	names, n := display.English.Regions(), 0
	check := func(code string) {
		want := code
		if r, err := language.ParseRegion(code); err == nil && r.IsCountry() {
			n++
			if name := names.Name(r); name != "" { // of some that are no more
				want = name
			}
		}
		if got := countryName(code); got != want {
			t.Errorf("%s: got %q, want %q", code, got, want)
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			check(string(a) + string(b))
			check(strings.ToLower(string(a) + string(b)))
			for c := 'A'; c <= 'Z'; c++ {
				check(string(a) + string(b) + string(c))
			}
		}
	}
	for code := range 1000 {
		check(fmt.Sprintf("%03d", code))
	}
	if n < 700 {
		t.Errorf("only %d codes are countries", n)
	}
}
