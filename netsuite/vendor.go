package netsuite

import (
	"context"
	"fmt"
)

// Batch sizes: NetSuite takes at most 1,000 values in an IN (contract 2.3).
const (
	headerBatch = 500
	lineBatch   = 200
)

// stamp is how statements write a time: seconds, in the session's zone.
const stamp = "'YYYY-MM-DD HH24:MI:SS'"

const vendorColumns = `SELECT v.id, v.entityid, v.companyname, v.altname, v.isperson, v.firstname, v.lastname,
 v.isinactive, v.email, v.phone, v.fax, v.url, v.accountnumber, v.comments,
 v.terms, BUILTIN.DF(v.terms) AS termsname, c.symbol AS currencycode, {v.legalname AS legalname}, {v.expenseaccount AS expenseaccount},
 TO_CHAR(v.lastmodifieddate, ` + stamp + `) AS modifiedat
 FROM vendor v LEFT JOIN currency c ON c.id = v.currency`

// Vendors reads vendors with their addresses; ids that do not exist are absent.
func (c *Client) Vendors(ctx context.Context, ids ...ID) (map[ID]Vendor, error) {
	out := map[ID]Vendor{}
	err := batches(ids, headerBatch, func(part []ID) error {
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
				ExpenseAccount: x.id("expenseaccount"), ModifiedAt: x.text("modifiedat")}
			if x.err != nil {
				return &Error{Kind: ErrUnavailable, Operation: "vendors", Cause: x.err}
			}
			out[v.ID] = v
		}
		return c.addresses(ctx, part, out)
	})
	return out, err
}

func (c *Client) addresses(ctx context.Context, ids []ID, out map[ID]Vendor) error {
	rows, err := c.keyset(ctx, "addresses", func(last Row) string {
		after := ""
		if last != nil {
			after = fmt.Sprintf(" AND (ab.entity > %[1]s OR (ab.entity = %[1]s AND ea.nkey > %[2]s))", digits(last["vendorid"]), digits(last["nkey"]))
		}
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
			return &Error{Kind: ErrUnavailable, Operation: "addresses", Cause: x.err}
		}
		if v, ok := out[id]; ok {
			v.Addresses = append(v.Addresses, a)
			out[id] = v
		}
	}
	return nil
}

// digits keeps a cursor value harmless: what is not a plain number becomes 0.
func digits(s string) string {
	id, err := ParseID(s)
	if err != nil {
		return "0"
	}
	return id.String()
}
