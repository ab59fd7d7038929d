package netsuitetest

import (
	"strings"
	"time"
)

// Contact is a person at a vendor (contract 3.1). Contacts are entities: their
// ids come from the number space of the vendors.
type Contact struct {
	ID                  int64
	Vendor              int64
	EntityID            string // default first and last name
	FirstName, LastName string
	Title               string
	Email               string
	Phone, Mobile       string
	Inactive            bool
	Primary             bool      // the vendor's contact column names it
	Modified            time.Time // default now
}

// PutContact inserts or replaces a contact. The vendor's own stamp stays: what
// bumps it is not documented (contract 4.3). No webhook tells of it, because
// scripts are deployed on the records that are synced.
func (s *Sim) PutContact(c Contact) int64 {
	s.save("put contact "+c.EntityID, func(t *tx) {
		m := &s.model
		need(m.vendors, c.Vendor, "vendor", "contact "+c.EntityID)
		c.ID = m.allocate("vendor", c.ID)
		c.EntityID = or(c.EntityID, strings.TrimSpace(c.FirstName+" "+c.LastName))
		m.contacts[c.ID] = c
		t.replace("contact", row{"id": c.ID, "entityid": c.EntityID, "firstname": c.FirstName, "lastname": c.LastName, "title": c.Title, "email": c.Email,
			"phone": c.Phone, "mobilephone": c.Mobile, "company": c.Vendor, "isinactive": c.Inactive, "lastmodifieddate": t.modifiedAt(c.Modified)})
		t.exec(`UPDATE vendor SET contact = ? WHERE id = ?`, value(ref(t.primary(c.Vendor))), c.Vendor)
	})
	return c.ID
}

// RemoveContact deletes a contact.
func (s *Sim) RemoveContact(id int64) {
	s.save("remove contact", func(t *tx) {
		c := need(s.model.contacts, id, "contact", "remove")
		delete(s.model.contacts, id)
		t.exec(`DELETE FROM contact WHERE id = ?`, id)
		t.exec(`UPDATE vendor SET contact = ? WHERE id = ?`, value(ref(t.primary(c.Vendor))), c.Vendor)
	})
}

// primary is the contact that a vendor names: of several the latest by id.
func (t *tx) primary(vendor int64) int64 {
	var found int64
	for id, c := range t.s.model.contacts {
		if c.Vendor == vendor && c.Primary {
			found = max(found, id)
		}
	}
	return found
}
