package cin7test

import "slices"

// supplierAddresses changes those with an ID and adds those without, so a
// body sent again multiplies them (5).
func (s *Sim) supplierAddresses(sup *Supplier, b supplierBody) error {
	for _, in := range b.Addresses {
		a := Address{ID: s.newID()}
		stored := find(sup.Addresses, func(x Address) bool { return same(x.ID, deref(in.ID)) })
		switch {
		case stored != nil:
			a = *stored
		case deref(in.ID) != "":
			return no("Address with specified ID not found")
		}
		overText(map[*string]*string{&a.Line1: in.Line1, &a.Line2: in.Line2, &a.City: in.City, &a.State: in.State, &a.Postcode: in.Postcode, &a.Country: in.Country, &a.Type: in.Type})
		overFlag(&a.DefaultForType, in.DefaultForType)
		if err := require("Line1", a.Line1 != "", "Country", a.Country != "", "Type", a.Type != ""); err != nil {
			return err
		}
		if !slices.Contains([]string{"Billing", "Business", "Shipping"}, a.Type) {
			return no("attribute 'Type' must be Billing, Business or Shipping")
		}
		if err := atMost("Line1", a.Line1, 256, "Postcode", a.Postcode, 20); err != nil {
			return err
		}
		if stored != nil {
			*stored = a
		} else {
			sup.Addresses = append(sup.Addresses, a)
		}
	}
	for _, in := range b.Contacts {
		a := Contact{ID: s.newID()}
		stored := find(sup.Contacts, func(x Contact) bool { return same(x.ID, deref(in.ID)) })
		switch {
		case stored != nil:
			a = *stored
		case deref(in.ID) != "":
			return no("Contact with specified ID not found")
		}
		overText(map[*string]*string{&a.Name: in.Name, &a.Phone: in.Phone, &a.MobilePhone: in.MobilePhone, &a.Fax: in.Fax, &a.Email: in.Email, &a.Website: in.Website, &a.Comment: in.Comment})
		overFlag(&a.Default, in.Default)
		overFlag(&a.IncludeInEmail, in.IncludeInEmail)
		if err := require("Name", a.Name != ""); err != nil {
			return err
		}
		if err := atMost("Name", a.Name, 256, "Phone", a.Phone, 50, "Email", a.Email, 256); err != nil {
			return err
		}
		if stored != nil {
			*stored = a
		} else {
			sup.Contacts = append(sup.Contacts, a)
		}
	}
	return nil
}

func overText(fields map[*string]*string) {
	for to, from := range fields {
		if from != nil {
			*to = *from
		}
	}
}

func overFlag(to *bool, from *bool) {
	if from != nil {
		*to = *from
	}
}
