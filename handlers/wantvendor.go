package handlers

import (
	_ "embed"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// wantSupplier turns a vendor and its contacts into the supplier that Cin7
// should hold.
func wantSupplier(t *tenant.Tenant, refs *reference, v netsuite.Vendor, people ...netsuite.Contact) (cin7.Supplier, *Problem) {
	var problems []*Problem
	term, p := wantTerm(t, refs, v.Terms)
	problems = appendProblem(problems, p)
	rule, p := wantTaxRule(t, refs)
	problems = appendProblem(problems, p)
	payable, ok := refs.payable()
	if !ok {
		problems = append(problems, problem(ParkUnmappedAccount, "flag the accounts payable account as a system account in Cin7",
			"vendor %s: Cin7's chart has no system account for accounts payable", v.Name()))
	}
	currency := firstOf(t.Sync.Mapping.Currencies[v.Currency], v.Currency)
	if len(currency) != 3 {
		problems = append(problems, problem(ParkCurrencyMismatch, "give the vendor a primary currency in NetSuite, or map it in sync.mapping.currencies",
			"vendor %s has currency %q; Cin7 needs a three-letter code", v.Name(), v.Currency))
	}
	if p := joinProblems(problems); p != nil {
		return cin7.Supplier{}, p
	}
	s := cin7.Supplier{
		Name: v.Name(), Currency: currency, PaymentTerm: term, AccountPayable: payable.Code, TaxRule: rule, Status: "Active",
		Comments: marker(t.NetSuite.AccountID, ref(netsuite.TypeVendor, v.ID)),
	}
	if v.Inactive {
		s.Status = "Deprecated"
	}
	for _, a := range v.Addresses {
		s.Addresses = append(s.Addresses, wantAddresses(a)...)
	}
	s.Contacts = wantContacts(v, people)
	return s, nil
}

// wantAddresses is one Cin7 address per role of a NetSuite address: billing,
// shipping, or, without a role, business. Cin7 needs a first line and a
// country; an address without is left out.
func wantAddresses(a netsuite.Address) []cin7.SupplierAddress {
	line1, line2 := a.Line1, strings.TrimSpace(a.Line2+" "+a.Line3)
	if line1 == "" {
		line1, line2 = line2, ""
	}
	country := countryName(a.Country)
	if line1 == "" || country == "" {
		return nil
	}
	base := cin7.SupplierAddress{Line1: line1, Line2: line2, City: a.City, State: a.State, Postcode: cut(a.Zip, 20), Country: country, DefaultForType: true}
	var out []cin7.SupplierAddress
	if a.DefaultBilling {
		base.Type = "Billing"
		out = append(out, base)
	}
	if a.DefaultShipping {
		base.Type = "Shipping"
		out = append(out, base)
	}
	if len(out) == 0 {
		base.Type, base.DefaultForType = "Business", false
		out = append(out, base)
	}
	return out
}

// countryName is the English name of a two-letter country; what is not one is
// taken as it is.
func countryName(code string) string {
	r, err := language.ParseRegion(code)
	if err != nil || !r.IsCountry() {
		return code
	}
	_, after, ok := strings.Cut("\n"+countries, "\n"+r.String()+"\t")
	if !ok {
		return code // no name is known of some that are no more
	}
	name, _, _ := strings.Cut(after, "\n")
	return name
}

// countries are the codes and English names of x/text/language/display, one a
// line. That package itself would bring the names in all languages, a tenth of
// the program's size; a test holds the list to it.
//
//go:embed countries.txt
var countries string

// mergeSupplier is the body of a PUT that brings have in line with want: the
// ids of the addresses and contacts that are there are carried, because Cin7
// adds every one that comes without. changed is false when have already says
// all of it.
func mergeSupplier(have, want cin7.Supplier) (body cin7.Supplier, changed bool) {
	body = want
	body.ID = have.ID
	// A clerk's own words in Comments stay; the marker is added in front.
	if account, r, ok := findMarker(want.Comments); ok && have.Comments != "" {
		switch {
		case marked(have.Comments, account, r):
			body.Comments = have.Comments
		case len(want.Comments)+1+len(have.Comments) <= 256:
			body.Comments = want.Comments + " " + have.Comments
		}
	}
	changed = body.Comments != have.Comments || want.Name != have.Name || want.Currency != have.Currency ||
		want.PaymentTerm != have.PaymentTerm || want.AccountPayable != have.AccountPayable || want.TaxRule != have.TaxRule || want.Status != have.Status

	taken := map[string]bool{}
	body.Addresses = nil
	for _, a := range want.Addresses {
		i := slices.IndexFunc(have.Addresses, func(h cin7.SupplierAddress) bool {
			h.ID = ""
			return h == a
		})
		if i >= 0 {
			taken[have.Addresses[i].ID] = true
			continue // there already: sending it again is not needed
		}
		// The one of the same type that nobody else claims is changed.
		i = slices.IndexFunc(have.Addresses, func(h cin7.SupplierAddress) bool {
			same := func(w cin7.SupplierAddress) bool { w.ID = h.ID; return w == h }
			return h.Type == a.Type && !taken[h.ID] && !slices.ContainsFunc(want.Addresses, same)
		})
		if i >= 0 {
			a.ID = have.Addresses[i].ID
			taken[a.ID] = true
		}
		body.Addresses = append(body.Addresses, a)
		changed = true
	}
	body.Contacts = mergeContacts(have, want)
	return body, changed || len(body.Contacts) > 0
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
