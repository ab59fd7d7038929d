package netsuite

import (
	"context"
	"fmt"
)

// Batch sizes: NetSuite takes at most 1,000 values in an IN (contract 2.3);
// 200 documents are a few pages of lines (3.9).
const (
	vendorBatch = 500
	lineBatch   = 200
)

// stamp is how statements write a time: seconds, in the session's zone.
const stamp = "'YYYY-MM-DD HH24:MI:SS'"

const vendorColumns = `SELECT v.id, v.entityid, v.companyname, v.altname, v.isperson, v.firstname, v.lastname,
 v.isinactive, v.email, v.phone, v.fax, v.url, v.accountnumber, v.comments,
 v.terms, BUILTIN.DF(v.terms) AS termsname, c.symbol AS currencycode{v.legalname:, v.legalname}{v.expenseaccount:, v.expenseaccount}{v.contact:, v.contact},
 TO_CHAR(v.lastmodifieddate, ` + stamp + `) AS modifiedat
 FROM vendor v LEFT JOIN currency c ON c.id = v.currency`

// Vendors reads vendors with their addresses; ids that do not exist are absent.
func (c *Client) Vendors(ctx context.Context, ids ...ID) (map[ID]Vendor, error) {
	out := map[ID]Vendor{}
	err := batches(ids, vendorBatch, func(part []ID) error {
		rows, err := c.rows(ctx, "vendors", fmt.Sprintf("%s WHERE v.id IN (%s) ORDER BY v.id", vendorColumns, idList(part)))
		if err != nil {
			return err
		}
		for _, r := range rows {
			x := reader{r: r, what: "vendor " + r["id"]}
			v := Vendor{ID: x.id("id"), EntityID: x.text("entityid"), CompanyName: x.text("companyname"), AltName: x.text("altname"), LegalName: x.text("legalname"),
				IsPerson: x.bool("isperson"), FirstName: x.text("firstname"), LastName: x.text("lastname"), Inactive: x.bool("isinactive"),
				Email: x.text("email"), Phone: x.text("phone"), Fax: x.text("fax"), URL: x.text("url"), AccountNumber: x.text("accountnumber"),
				Comments: x.text("comments"), TermsID: x.id("terms"), Terms: x.text("termsname"), Currency: x.text("currencycode"),
				ExpenseAccount: x.id("expenseaccount"), PrimaryContact: x.id("contact"), ModifiedAt: x.text("modifiedat")}
			if x.err != nil {
				return unreadable("vendors", x.err)
			}
			out[v.ID] = v
		}
		return c.addresses(ctx, part, out)
	})
	return out, err
}

var addressKeys = keys{outer: "ab.entity", inner: "ea.nkey", outerAs: "vendorid", innerAs: "nkey"}

func (c *Client) addresses(ctx context.Context, ids []ID, out map[ID]Vendor) error {
	rows, err := c.keyset(ctx, "addresses", addressKeys, func(after string) string {
		return fmt.Sprintf(`SELECT ab.entity AS vendorid, ab.defaultbilling, ab.defaultshipping, ab.label, ea.nkey, ea.addressee, ea.attention,
 ea.addr1, ea.addr2, ea.addr3, ea.city, ea.state, ea.zip, ea.country, ea.addrphone
 FROM vendoraddressbook ab JOIN vendoraddressbookentityaddress ea ON ea.nkey = ab.addressbookaddress
 WHERE ab.entity IN (%s)%s ORDER BY ab.entity, ea.nkey`, idList(ids), after)
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		x := reader{r: r, what: "address of vendor " + r["vendorid"]}
		id := x.id("vendorid")
		a := Address{Key: x.id("nkey"), DefaultBilling: x.bool("defaultbilling"), DefaultShipping: x.bool("defaultshipping"), Label: x.text("label"),
			Addressee: x.text("addressee"), Attention: x.text("attention"), Line1: x.text("addr1"), Line2: x.text("addr2"), Line3: x.text("addr3"),
			City: x.text("city"), State: x.text("state"), Zip: x.text("zip"), Country: x.text("country"), Phone: x.text("addrphone")}
		if x.err != nil {
			return unreadable("addresses", x.err)
		}
		if v, ok := out[id]; ok {
			v.Addresses = append(v.Addresses, a)
			out[id] = v
		}
	}
	return nil
}
