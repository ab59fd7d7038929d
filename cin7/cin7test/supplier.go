package cin7test

import (
	"slices"
	"time"
)

// Supplier is what a NetSuite vendor becomes (5).
type Supplier struct {
	ID, Name, Currency, PaymentTerm, AccountPayable, TaxRule string
	Status                                                   string // Active (default) or Deprecated
	Comments, TaxNumber                                      string
	Discount                                                 int
	AttributeSet                                             string
	Attributes                                               [10]string
	Addresses                                                []Address
	Contacts                                                 []Contact
	Modified                                                 time.Time
}

// Address of a supplier.
type Address struct {
	ID, Line1, Line2, City, State, Postcode, Country, Type string
	DefaultForType                                         bool
}

// Contact of a supplier.
type Contact struct {
	ID, Name, Phone, MobilePhone, Fax, Email, Website, Comment string
	Default, IncludeInEmail                                    bool
}

// AddSupplier adds a supplier by hand, unchecked.
func (s *Sim) AddSupplier(sup Supplier) Supplier {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sup.ID == "" {
		sup.ID = s.newID()
	}
	if sup.Status == "" {
		sup.Status = "Active"
	}
	sup = sup.clone()
	for i := range sup.Addresses {
		if sup.Addresses[i].ID == "" {
			sup.Addresses[i].ID = s.newID()
		}
	}
	for i := range sup.Contacts {
		if sup.Contacts[i].ID == "" {
			sup.Contacts[i].ID = s.newID()
		}
	}
	sup.Modified = s.o.Now()
	s.suppliers = append(s.suppliers, sup)
	return sup.clone()
}

// Suppliers returns what is stored, oldest first.
func (s *Sim) Suppliers() []Supplier {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Supplier, len(s.suppliers))
	for i, sup := range s.suppliers {
		out[i] = sup.clone()
	}
	return out
}

func (sup Supplier) clone() Supplier {
	sup.Addresses, sup.Contacts = slices.Clone(sup.Addresses), slices.Clone(sup.Contacts)
	return sup
}

func (sup Supplier) shape() obj {
	addresses, contacts := []obj{}, []obj{}
	for _, a := range sup.Addresses {
		addresses = append(addresses, obj{"ID": a.ID, "SupplierID": sup.ID, "Line1": a.Line1, "Line2": a.Line2, "City": a.City, "State": a.State,
			"Postcode": a.Postcode, "Country": a.Country, "Type": a.Type, "DefaultForType": a.DefaultForType})
	}
	for _, a := range sup.Contacts {
		contacts = append(contacts, obj{"ID": a.ID, "SupplierID": sup.ID, "Name": a.Name, "Phone": a.Phone, "MobilePhone": a.MobilePhone, "Fax": a.Fax,
			"Email": a.Email, "Website": a.Website, "Comment": a.Comment, "Default": a.Default, "IncludeInEmail": a.IncludeInEmail})
	}
	o := obj{"ID": sup.ID, "Name": sup.Name, "Currency": sup.Currency, "PaymentTerm": sup.PaymentTerm, "AccountPayable": sup.AccountPayable,
		"TaxRule": sup.TaxRule, "Status": sup.Status, "Discount": sup.Discount, "Comments": sup.Comments, "TaxNumber": sup.TaxNumber,
		"AttributeSet": orNull(sup.AttributeSet), "LastModifiedOn": stamp(sup.Modified), "Addresses": addresses, "Contacts": contacts}
	for i, v := range sup.Attributes {
		o[attributeName(i)] = orNull(v)
	}
	return o
}

func (s *Sim) listSuppliers(c *call) (any, error) {
	since, err := c.moment("ModifiedSince")
	if err != nil {
		return nil, err
	}
	deprecated := c.flag("IncludeDeprecated")
	var rows []any
	for _, sup := range s.suppliers {
		// Name means starts with; deprecated ones are hidden (5).
		if c.is("ID", sup.ID) && c.starts("Name", sup.Name) && (deprecated || !same(sup.Status, "Deprecated")) && !sup.Modified.Before(since) {
			rows = append(rows, sup.shape())
		}
	}
	return c.page("SupplierList", rows), nil
}

type supplierBody struct {
	ID, Name, Currency, PaymentTerm, AccountPayable, TaxRule, Status, Comments, TaxNumber, AttributeSet *string
	Discount                                                                                            number
	attributesBody
	Addresses []struct {
		ID, Line1, Line2, City, State, Postcode, Country, Type *string
		DefaultForType                                         *bool
	}
	Contacts []struct {
		ID, Name, Phone, MobilePhone, Fax, Email, Website, Comment *string
		Default, IncludeInEmail                                    *bool
	}
}

func (s *Sim) postSupplier(c *call) (any, error) {
	var b supplierBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	sup := Supplier{ID: s.newID()}
	if err := s.fillSupplier(&sup, b); err != nil {
		return nil, err
	}
	s.suppliers = append(s.suppliers, sup)
	c.tell(Effect{Kind: "supplier_created", ID: sup.ID, Number: sup.Name, Marker: sup.marker()})
	return one("SupplierList", sup.shape()), nil
}

func (s *Sim) putSupplier(c *call) (any, error) {
	var b supplierBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("ID", deref(b.ID) != ""); err != nil {
		return nil, err
	}
	stored := find(s.suppliers, func(x Supplier) bool { return same(x.ID, *b.ID) })
	if stored == nil {
		return nil, no("Supplier with specified ID not found")
	}
	sup := stored.clone()
	if err := s.fillSupplier(&sup, b); err != nil {
		return nil, err
	}
	*stored = sup
	c.tell(Effect{Kind: "supplier_changed", ID: sup.ID, Number: sup.Name, Marker: sup.marker()})
	return one("SupplierList", sup.shape()), nil
}

func (sup Supplier) marker() string { return marker(sup.Comments, sup.Attributes[0]) }

// fillSupplier writes a body over a supplier: what is absent stays, "" clears (5).
func (s *Sim) fillSupplier(sup *Supplier, b supplierBody) error {
	overText(map[*string]*string{&sup.Name: b.Name, &sup.Currency: b.Currency, &sup.PaymentTerm: b.PaymentTerm, &sup.AccountPayable: b.AccountPayable,
		&sup.TaxRule: b.TaxRule, &sup.Status: b.Status, &sup.Comments: b.Comments, &sup.TaxNumber: b.TaxNumber, &sup.AttributeSet: b.AttributeSet})
	if b.Discount.set {
		sup.Discount = int(b.Discount.IntPart())
	}
	if err := require("Name", sup.Name != "", "Currency", sup.Currency != "", "PaymentTerm", sup.PaymentTerm != "",
		"AccountPayable", sup.AccountPayable != "", "TaxRule", sup.TaxRule != "", "Status", sup.Status != ""); err != nil {
		return err
	}
	if err := atMost("Name", sup.Name, 256, "Currency", sup.Currency, 3, "Comments", sup.Comments, 256); err != nil {
		return err
	}
	if err := s.supplierReferences(sup); err != nil {
		return err
	}
	if sup.AttributeSet != "" { // else they do not stick (5)
		b.attributesBody.over(&sup.Attributes)
	}
	if err := s.supplierAddresses(sup, b); err != nil {
		return err
	}
	sup.Modified = s.o.Now()
	return nil
}

func (s *Sim) supplierReferences(sup *Supplier) error {
	if !same(sup.Status, "Active") && !same(sup.Status, "Deprecated") {
		return no("attribute 'Status' must be Active or Deprecated")
	}
	twin := func(x Supplier) bool { return same(x.Name, sup.Name) && x.ID != sup.ID && same(x.Status, "Active") }
	if !s.o.DuplicateSupplierNames && same(sup.Status, "Active") && slices.ContainsFunc(s.suppliers, twin) {
		return no("Supplier with name '%s' already exists", sup.Name)
	}
	if err := s.activeTerm(sup.PaymentTerm); err != nil {
		return err
	}
	a := s.account(sup.AccountPayable)
	if a == nil || a.Status != "ACTIVE" || !a.payable() {
		return notInBook("Accounts payable account", sup.AccountPayable, "Chart of Accounts")
	}
	if _, err := s.purchaseTax(sup.TaxRule); err != nil {
		return err
	}
	if sup.AttributeSet != "" && !slices.ContainsFunc(s.sets, func(n string) bool { return same(n, sup.AttributeSet) }) {
		return notInBook("Attribute set", sup.AttributeSet, "Attribute Sets")
	}
	return nil
}
