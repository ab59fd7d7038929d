package netsuite

import (
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// tranTypes are the values of transaction.type.
var tranTypes = map[RecordType]string{
	TypePurchaseOrder: "PurchOrd", TypeItemReceipt: "ItemRcpt", TypeVendorBill: "VendBill", TypeVendorCredit: "VendCred",
}

const documentColumns = `SELECT t.id, t.type, t.tranid, t.transactionnumber, t.status, BUILTIN.DF(t.status) AS statustext,
 t.approvalstatus, t.posting{t.voided:, t.voided}, t.entity, BUILTIN.DF(t.entity) AS vendorname, c.symbol AS currencycode, t.exchangerate, t.foreigntotal,
 t.memo{t.terms:, t.terms, BUILTIN.DF(t.terms) AS termsname}{ml.subsidiary:, ml.subsidiary}{ml.location:, ml.location},
 TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, TO_CHAR(t.duedate, 'YYYY-MM-DD') AS duedate,
 TO_CHAR(t.createddate, ` + stamp + `) AS createdat, TO_CHAR(t.lastmodifieddate, ` + stamp + `) AS modifiedat
 FROM transaction t
 LEFT JOIN transactionline ml ON ml.transaction = t.id AND ml.mainline = 'T'
 LEFT JOIN currency c ON c.id = t.currency`

// documents reads headers by id, only those of the type.
func (c *Client) documents(ctx context.Context, t RecordType, ids []ID, each func(Document)) error {
	op := string(t) + "s"
	rows, err := c.rows(ctx, op, fmt.Sprintf("%s WHERE t.type = '%s' AND t.id IN (%s) ORDER BY t.id", documentColumns, tranTypes[t], idList(ids)))
	if err != nil {
		return err
	}
	seen := map[ID]bool{}
	for _, r := range rows {
		d, err := readDocument(t, r)
		if err != nil {
			return err
		}
		if seen[d.ID] {
			continue // a second mainline would repeat the header
		}
		seen[d.ID] = true
		each(d)
	}
	return nil
}

// readDocument reads a row of documentColumns.
func readDocument(t RecordType, r Row) (Document, error) {
	x := reader{r: r, what: string(t) + " " + r["id"]}
	d := Document{ID: x.id("id"), Type: t, TranID: x.text("tranid"), TransactionNumber: x.text("transactionnumber"), Status: letter(x.text("status")),
		StatusText: x.text("statustext"), Approval: x.int("approvalstatus"), Posting: x.bool("posting"), Voided: x.bool("voided"),
		Vendor: x.id("entity"), VendorName: x.text("vendorname"), Currency: x.text("currencycode"), ExchangeRate: x.amount("exchangerate"), Total: x.amount("foreigntotal"),
		TermsID: x.id("terms"), Terms: x.text("termsname"), Memo: x.text("memo"), Subsidiary: x.id("subsidiary"), Location: x.id("location"),
		Date: x.date("trandate"), Due: x.date("duedate"), CreatedAt: x.text("createdat"), ModifiedAt: x.text("modifiedat")}
	if x.err != nil {
		return Document{}, unreadable(string(t)+"s", x.err)
	}
	// Headers of POs and bills are negative, of credits positive (contract 3.6).
	if t == TypePurchaseOrder || t == TypeVendorBill {
		d.Total = d.Total.Neg()
	}
	if d.ExchangeRate.IsZero() {
		d.ExchangeRate = decimal.New(1, 0)
	}
	return d, nil
}

// letter is the status after the last colon: REST answers "B", scripts
// "PurchOrd:B" (contract 3.7).
func letter(s string) string { return s[strings.LastIndexByte(s, ':')+1:] }

var lineKeys = keys{outer: "tl.transaction", inner: "tl.id", outerAs: "transaction", innerAs: "lineid"}

// lines reads all line rows of documents. head is the statement up to its
// WHERE, filter the conditions besides the ids; both know the line as tl.
func (c *Client) lines(ctx context.Context, operation, head, filter string, ids []ID) ([]Row, error) {
	return c.keyset(ctx, operation, lineKeys, func(after string) string {
		return fmt.Sprintf("%s WHERE tl.transaction IN (%s)%s%s ORDER BY tl.transaction, tl.id", head, idList(ids), filter, after)
	})
}
