package cin7test

import "slices"

// What documents name must exist beforehand: accounts by code, the rest by
// name (4).

func (s *Sim) account(code string) *Account {
	return find(s.accounts, func(a Account) bool { return same(a.Code, code) })
}

// purchaseAccount finds the account of an invoice line or charge: it must be
// active, and of a class that a purchase may carry (6, applied here by 16).
func (s *Sim) purchaseAccount(code string) error {
	a := s.account(code)
	switch {
	case a == nil:
		return notInBook("Account", code, "Chart of Accounts")
	case a.Status != "ACTIVE":
		return no("Account '%s' is not active", code)
	case a.Class != "ASSET" && a.Class != "EXPENSE" && a.Class != "LIABILITY":
		return no("Account '%s' of class %s cannot be used on a purchase line", code, a.Class)
	}
	return nil
}

// payable says whether an account is the system's creditors account (5).
func (a *Account) payable() bool {
	return a.SystemAccountCode == "CREDITORS" || same(a.SystemAccount, "Accounts payable") || a.SystemAccount == "CREDITORS"
}

// purchaseTax finds a tax rule by name: active and for purchases (4).
func (s *Sim) purchaseTax(name string) (*TaxRule, error) {
	r := find(s.taxRules, func(r TaxRule) bool { return same(r.Name, name) })
	if r == nil || r.Inactive || r.NotForPurchase {
		return nil, notInBook("Tax rule", name, "Tax Rules")
	}
	return r, nil
}

// topLocation finds a location by name; a bin's name does not count (4).
func (s *Sim) topLocation(name string) (*Location, error) {
	l := find(s.locations, func(l Location) bool { return same(l.Name, name) && !l.Deprecated && l.ParentID == "" })
	if l == nil {
		return nil, no("Location %s was not found in Locations reference book", name)
	}
	return l, nil
}

// place finds a location or bin by its GUID, and names it.
func (s *Sim) place(id string) (name string, err error) {
	for _, l := range s.locations {
		if l.Deprecated {
			continue
		}
		if same(l.ID, id) {
			return l.Name, nil
		}
		for _, b := range l.Bins {
			if same(b.ID, id) && !b.Deprecated {
				return l.Name + ": " + b.Name, nil
			}
		}
	}
	return "", no("Location %s was not found in Locations reference book", id)
}

// activeTerm finds a payment term by name (4).
func (s *Sim) activeTerm(name string) error {
	t := find(s.terms, func(t Term) bool { return same(t.Name, name) })
	if t == nil || t.Inactive {
		return no("Active payment term with name %s was not found in Payment Terms reference book", name)
	}
	return nil
}

// find returns the first match, for reading and for changing, or nil.
func find[T any](in []T, match func(T) bool) *T {
	if i := slices.IndexFunc(in, match); i >= 0 {
		return &in[i]
	}
	return nil
}
