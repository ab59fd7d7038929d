package netsuite

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// contactsRefused stands among the refused columns for the contacts as a
// whole: the role does not see the table, or the account lacks its company.
const contactsRefused = "contact.company"

const opContacts = "contacts"

var contactKeys = keys{outer: "ct.company", inner: "ct.id", outerAs: "vendorid", innerAs: "id"}

// Contacts reads the active contacts of vendors, by id (contract 3.1). Every
// vendor has an entry, unless NetSuite does not show contacts: then there are
// no entries, which is no error, and it is not asked again for a day.
func (c *Client) Contacts(ctx context.Context, vendors ...Vendor) (map[ID][]Contact, error) {
	if c.withoutContacts() {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	out, primary, ids := map[ID][]Contact{}, map[ID]ID{}, make([]ID, len(vendors))
	for i, v := range vendors {
		out[v.ID], primary[v.ID], ids[i] = nil, v.PrimaryContact, v.ID
	}
	err := batches(ids, vendorBatch, func(part []ID) error {
		rows, err := c.keyset(ctx, opContacts, contactKeys, func(after string) string {
			return fmt.Sprintf(`SELECT ct.company AS vendorid, ct.id, ct.entityid, ct.firstname, ct.lastname, ct.email, ct.phone, ct.mobilephone
 FROM contact ct WHERE ct.company IN (%s) AND NVL(ct.isinactive, 'F') = 'F'%s ORDER BY ct.company, ct.id`, idList(part), after)
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			vendor, p, err := contactOf(r)
			if err != nil {
				return unreadable(opContacts, err)
			}
			p.Primary = primary[vendor] == p.ID
			out[vendor] = append(out[vendor], p)
		}
		return nil
	})
	if c.noContacts(err) {
		return nil, nil //nolint:nilnil // as above
	}
	return out, err
}

func contactOf(r Row) (vendor ID, p Contact, err error) {
	x := reader{r: r, what: "contact " + r["id"] + " of vendor " + r["vendorid"]}
	vendor = x.id("vendorid")
	p = Contact{ID: x.id("id"), Name: strings.TrimSpace(x.text("firstname") + " " + x.text("lastname")),
		Email: x.text("email"), Phone: x.text("phone"), Mobile: x.text("mobilephone")}
	if p.Name == "" {
		p.Name = x.text("entityid")
	}
	if x.err == nil && (p.ID == 0 || vendor == 0) {
		x.err = fmt.Errorf("%s: a row without id", x.what)
	}
	return vendor, p, x.err
}

// withoutContacts says that the account was found not to show contacts.
func (c *Client) withoutContacts() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lacks(contactsRefused)
}

// noContacts reports whether an answer means that contacts are not to be had:
// a hidden table or column, an unknown one, or an error of NetSuite's own that
// several tries did not change (contract 2.4). That is remembered.
func (c *Client) noContacts(err error) bool {
	if err == nil || !errors.Is(err, ErrHidden) && !errors.Is(err, ErrQuery) && !errors.Is(err, ErrForbidden) && !unexpected(err) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused[contactsRefused] = c.c.Now()
	return true
}

// hiddenContacts is the error of a scan by contacts where there are none to
// be had; cause is nil when that was found out before.
func hiddenContacts(cause error) error {
	e := &Error{Kind: ErrHidden, Operation: opChangedContacts, Remedy: `give the integration role the permission Lists > Contacts; they are asked for once a day`,
		Detail: "NetSuite does not show the contacts of vendors"}
	var was *Error
	if errors.As(cause, &was) {
		e.Status, e.Detail = was.Status, e.Detail+": "+was.Detail
	}
	return e
}
