package handlers

import (
	"slices"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// wantContacts are the contacts of a vendor's supplier: one that stands for the
// vendor itself, when it has an e-mail address, a number or a page, and one for
// each person. The default is the vendor's primary contact, else the first.
func wantContacts(v netsuite.Vendor, people []netsuite.Contact) []cin7.SupplierContact {
	var out []cin7.SupplierContact
	if v.Email != "" || v.Phone != "" || v.Fax != "" || v.URL != "" {
		out = append(out, cin7.SupplierContact{Name: v.Name(), Phone: cut(v.Phone, 50), Fax: cut(v.Fax, 50), Email: v.Email, Website: v.URL})
	}
	chosen := 0
	for _, c := range people {
		p := cin7.SupplierContact{Name: cut(firstOf(c.Name, c.Email), 256), Phone: cut(c.Phone, 50), MobilePhone: cut(c.Mobile, 50), Email: c.Email}
		if p.Name == "" {
			continue
		}
		// A vendor that is a person is often its own contact, and the same
		// person may have been entered twice.
		i := slices.IndexFunc(out, func(o cin7.SupplierContact) bool {
			return fold(o.Name) == fold(p.Name) && (fold(p.Name) == fold(v.Name()) || fold(o.Email) == fold(p.Email))
		})
		if i < 0 {
			i, out = len(out), append(out, p)
		} else {
			out[i] = blanksFrom(out[i], p)
		}
		if c.Primary {
			chosen = i
		}
	}
	if len(out) > 0 {
		out[chosen].Default = true
	}
	return out
}

// blanksFrom is a contact with what it lacks taken from another.
func blanksFrom(c, other cin7.SupplierContact) cin7.SupplierContact {
	c.Phone, c.MobilePhone, c.Fax = firstOf(c.Phone, other.Phone), firstOf(c.MobilePhone, other.MobilePhone), firstOf(c.Fax, other.Fax)
	c.Email, c.Website = firstOf(c.Email, other.Email), firstOf(c.Website, other.Website)
	return c
}

// mergeContacts are the contacts that a PUT must carry: those that differ, with
// the ids of those that are there, and new ones without. What is not sent
// stays: people whom a clerk has typed in, and people who have left, because
// Cin7's API removes nobody (contract cin7 5). What NetSuite leaves blank stays
// as Cin7 has it, and so does who is the default, once somebody is.
func mergeContacts(have, want cin7.Supplier) []cin7.SupplierContact {
	var out []cin7.SupplierContact
	chosen := slices.ContainsFunc(have.Contacts, func(h cin7.SupplierContact) bool { return h.Default })
	for i, at := range recognise(have, want) {
		c := want.Contacts[i]
		c.Default = c.Default && !chosen
		if at >= 0 {
			h := have.Contacts[at]
			c.ID, c.Default = h.ID, c.Default || h.Default
			if blanksFrom(c, h) == h {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// recognise says for each wanted contact which of those that are there it is,
// -1 for none. The one that stands for the vendor is found by the name that the
// supplier has or had; people by name and e-mail address, else by an address
// that nobody else has on either side, else by name.
func recognise(have, want cin7.Supplier) []int {
	at := make([]int, len(want.Contacts))
	taken := map[int]bool{}
	pass := func(same func(w, h cin7.SupplierContact) bool) {
		for i, w := range want.Contacts {
			if at[i] >= 0 {
				continue
			}
			for j, h := range have.Contacts {
				if !taken[j] && same(w, h) {
					at[i], taken[j] = j, true
					break
				}
			}
		}
	}
	sole := func(list []cin7.SupplierContact, email string) bool {
		n := 0
		for _, c := range list {
			if fold(c.Email) == fold(email) {
				n++
			}
		}
		return n == 1
	}
	for i, w := range want.Contacts {
		if at[i] = -1; fold(w.Name) != fold(want.Name) {
			continue
		}
		if j := ourContact(have, w.Name); j >= 0 && !taken[j] {
			at[i], taken[j] = j, true
		}
	}
	pass(func(w, h cin7.SupplierContact) bool {
		return fold(w.Name) == fold(h.Name) && fold(w.Email) == fold(h.Email)
	})
	pass(func(w, h cin7.SupplierContact) bool {
		return w.Email != "" && fold(w.Email) == fold(h.Email) && sole(want.Contacts, w.Email) && sole(have.Contacts, w.Email)
	})
	pass(func(w, h cin7.SupplierContact) bool { return fold(w.Name) == fold(h.Name) })
	return at
}

// ourContact is the contact that stands for the vendor itself: the one of its
// name, else of the name that the supplier has had so far; -1 when there is
// none.
func ourContact(have cin7.Supplier, name string) int {
	for _, n := range []string{name, have.Name} {
		if i := slices.IndexFunc(have.Contacts, func(h cin7.SupplierContact) bool { return fold(h.Name) == fold(n) }); i >= 0 {
			return i
		}
	}
	return -1
}
