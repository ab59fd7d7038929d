package netsuitetest

import (
	"fmt"
	"strings"
	"time"
)

// Vendor is a supplier.
type Vendor struct {
	ID                              int64
	EntityID                        string // displayed number or name, default "V-<id>"
	CompanyName, AltName, LegalName string
	Person                          bool
	FirstName, LastName             string
	Inactive                        bool
	Email, Phone, Fax, URL          string
	AccountNumber, ExternalID       string
	Comments, TaxID                 string
	Currency                        string // ISO code, default the base currency
	Terms                           string // name; made when missing
	ExpenseAccount                  int64
	Addresses                       []Address
	Modified                        time.Time // default now
}

// Address is an entry of a vendor's address book.
type Address struct {
	Key                             int64 // nkey; 0 allocates
	DefaultBilling, DefaultShipping bool
	Label, Addressee, Attention     string
	Line1, Line2, Line3             string
	City, State, Zip                string
	Country                         string // two letters
	Phone                           string
}

// PutVendor inserts or replaces a vendor with its addresses (contract 3.1).
func (s *Sim) PutVendor(v Vendor) int64 {
	kind := "create"
	s.save("put vendor "+v.EntityID, func(t *tx) {
		m := &s.model
		v.ID = m.allocate("vendor", v.ID)
		if _, ok := m.vendors[v.ID]; ok {
			kind = "edit"
		}
		v.EntityID = or(v.EntityID, fmt.Sprintf("V-%d", v.ID))
		t.vendor(&v)
		m.vendors[v.ID] = v
	})
	s.post(kind, "vendor", v.ID, v.EntityID)
	return v.ID
}

// Vendor returns a vendor as it was put, with what was filled in.
func (s *Sim) Vendor(id int64) (Vendor, bool) { return get(s, s.model.vendors, id) }

func (t *tx) vendor(v *Vendor) {
	who := "vendor " + v.EntityID
	modified := t.modifiedAt(v.Modified)
	r := row{"id": v.ID, "entityid": v.EntityID, "entitynumber": v.ID, "companyname": v.CompanyName, "altname": or(v.AltName, v.CompanyName, strings.TrimSpace(v.FirstName+" "+v.LastName)), "legalname": v.LegalName,
		"isperson": v.Person, "firstname": v.FirstName, "lastname": v.LastName, "isinactive": v.Inactive, "email": v.Email, "phone": v.Phone, "fax": v.Fax,
		"url": v.URL, "comments": v.Comments, "accountnumber": v.AccountNumber, "externalid": v.ExternalID, "taxidnum": v.TaxID,
		"currency": t.currency(v.Currency, who).ID, "terms": t.termNamed(v.Terms), "expenseaccount": ref(v.ExpenseAccount), "duplicate": false,
		"contact": ref(t.primary(v.ID)), "subsidiary": 1, "balance": 0, "datecreated": t.createdAt("vendor", v.ID, modified), "lastmodifieddate": modified}

	t.exec(`DELETE FROM vendoraddressbookentityaddress WHERE nkey IN (SELECT addressbookaddress FROM vendoraddressbook WHERE entity = ?)`, v.ID)
	t.exec(`DELETE FROM vendoraddressbook WHERE entity = ?`, v.ID)
	for i := range v.Addresses {
		a := &v.Addresses[i]
		a.Key = t.s.model.allocate("address", a.Key)
		if a.DefaultBilling {
			r["defaultbillingaddress"] = a.Key
		}
		if a.DefaultShipping {
			r["defaultshippingaddress"] = a.Key
		}
		t.insert("vendoraddressbook", row{"internalid": a.Key, "entity": v.ID, "addressbookaddress": a.Key, "defaultbilling": a.DefaultBilling, "defaultshipping": a.DefaultShipping, "label": a.Label})
		t.insert("vendoraddressbookentityaddress", row{"nkey": a.Key, "addressee": a.Addressee, "attention": a.Attention, "addr1": a.Line1, "addr2": a.Line2, "addr3": a.Line3,
			"city": a.City, "state": a.State, "dropdownstate": a.State, "zip": a.Zip, "country": a.Country, "addrphone": a.Phone, "override": false, "recordowner": v.ID, "lastmodifieddate": modified})
	}
	t.replace("vendor", r)
	t.exec(`DELETE FROM vendorsubsidiaryrelationship WHERE entity = ?`, v.ID)
	t.insert("vendorsubsidiaryrelationship", row{"id": v.ID, "entity": v.ID, "subsidiary": 1})
}

// MergeVendor makes loser disappear into survivor: its documents change their
// entity without a new stamp, and only the deletion tells (contract 7).
func (s *Sim) MergeVendor(loser, survivor int64) {
	s.save("merge vendor", func(t *tx) {
		m := &s.model
		need(m.vendors, loser, "vendor", "merge")
		need(m.vendors, survivor, "vendor", "merge")
		for id, d := range m.orders {
			if d.Vendor == loser {
				d.Vendor = survivor
				m.orders[id] = d
			}
		}
		for id, d := range m.bills {
			if d.Vendor == loser {
				d.Vendor = survivor
				m.bills[id] = d
			}
		}
		for id, d := range m.credits {
			if d.Vendor == loser {
				d.Vendor = survivor
				m.credits[id] = d
			}
		}
		for id, c := range m.contacts {
			if c.Vendor == loser {
				c.Vendor, c.Primary = survivor, false
				m.contacts[id] = c
			}
		}
		t.exec(`UPDATE contact SET company = ? WHERE company = ?`, survivor, loser)
		t.exec(`UPDATE "transaction" SET entity = ? WHERE entity = ?`, survivor, loser)
		t.exec(`UPDATE transactionline SET entity = ? WHERE entity = ?`, survivor, loser)
	})
	s.Delete("vendor", loser)
}

// get reads the model under its lock.
func get[T any](s *Sim, records map[int64]T, id int64) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := records[id]
	return r, ok
}
