package handlers

import (
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
)

// reference is what Cin7 knows by name: read once per turn, never written.
type reference struct {
	Me        cin7.Me
	Chart     []cin7.Account
	Taxes     []cin7.TaxRule
	Locations []cin7.Location
	Terms     []cin7.PaymentTerm
	Services  map[string]cin7.Product // folded name -> service product
	Products  map[string]cin7.Product // upper-case SKU -> product
}

// fold is how names are compared: trimmed, inner white space as one blank,
// case folded.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// payable is the account that Cin7 accepts on suppliers: the one flagged as
// the system's creditors account (contract cin7 5).
func (r *reference) payable() (cin7.Account, bool) {
	for _, a := range r.Chart {
		if a.SystemAccountCode == "CREDITORS" || a.SystemAccount == "CREDITORS" || fold(a.SystemAccount) == "accounts payable" {
			return a, true
		}
	}
	return cin7.Account{}, false
}

// purchaseTax finds an active tax rule for purchases by name.
func (r *reference) purchaseTax(name string) (cin7.TaxRule, bool) {
	for _, t := range r.Taxes {
		if fold(t.Name) == fold(name) && t.IsActive && t.IsTaxForPurchase {
			return t, true
		}
	}
	return cin7.TaxRule{}, false
}

// term finds an active payment term by name.
func (r *reference) term(name string) (cin7.PaymentTerm, bool) {
	for _, t := range r.Terms {
		if name != "" && fold(t.Name) == fold(name) && t.IsActive {
			return t, true
		}
	}
	return cin7.PaymentTerm{}, false
}

// location finds a top-level location by name; bins are not locations.
func (r *reference) location(name string) (cin7.Location, bool) {
	for _, l := range r.Locations {
		top := l.ParentID == "" || cin7.SameID(l.ParentID, cin7.ZeroID)
		if fold(l.Name) == fold(name) && !l.IsDeprecated && !l.Deprecated && top {
			return l, true
		}
	}
	return cin7.Location{}, false
}
