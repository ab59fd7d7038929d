package netsuite

import (
	"context"
	"fmt"
)

// OrdersOf finds the purchase orders that bills, receipts or credits come
// from; a document without one yields no link. Links are read by line link
// and, as a fallback, by the lines' createdfrom.
func (c *Client) OrdersOf(ctx context.Context, docs ...ID) ([]Link, error) {
	return c.documentLinks(ctx, "orders_of", docs, "l.nextdoc", "tl.transaction")
}

// DocumentsOf finds the bills, receipts and credits that come from purchase orders.
func (c *Client) DocumentsOf(ctx context.Context, pos ...ID) ([]Link, error) {
	return c.documentLinks(ctx, "documents_of", pos, "l.previousdoc", "tl.createdfrom")
}

// documentLinks asks both places where a derivation is noted, filtered by the
// column that holds the given ids.
func (c *Client) documentLinks(ctx context.Context, op string, ids []ID, linkColumn, lineColumn string) ([]Link, error) {
	var out []Link
	seen := map[Link]bool{}
	err := batches(ids, lineBatch, func(part []ID) error {
		list := idList(part)
		for _, q := range []string{
			fmt.Sprintf(`SELECT DISTINCT l.previousdoc AS poid, l.nextdoc AS docid, d.type AS doctype
 FROM previoustransactionlinelink l JOIN transaction po ON po.id = l.previousdoc JOIN transaction d ON d.id = l.nextdoc
 WHERE %s IN (%s) AND l.linktype IN ('OrdBill', 'ShipRcpt') AND po.type = 'PurchOrd' AND d.type IN ('VendBill', 'ItemRcpt', 'VendCred')`, linkColumn, list),
			fmt.Sprintf(`SELECT DISTINCT tl.createdfrom AS poid, tl.transaction AS docid, d.type AS doctype
 FROM transactionline tl JOIN transaction po ON po.id = tl.createdfrom JOIN transaction d ON d.id = tl.transaction
 WHERE %s IN (%s) AND po.type = 'PurchOrd' AND d.type IN ('VendBill', 'ItemRcpt', 'VendCred')`, lineColumn, list),
		} {
			rows, err := c.keyset(ctx, op, func(last Row) string {
				after := ""
				if last != nil {
					after = fmt.Sprintf(" AND (po.id > %[1]s OR (po.id = %[1]s AND d.id > %[2]s))", digits(last["poid"]), digits(last["docid"]))
				}
				return q + after + " ORDER BY poid, docid"
			})
			if err != nil {
				return err
			}
			for _, r := range rows {
				x := reader{r: r, what: "link between " + r["poid"] + " and " + r["docid"]}
				l := Link{PO: x.id("poid"), Doc: x.id("docid"), Type: recordType(x.text("doctype"))}
				if x.err != nil {
					return &Error{Kind: ErrUnavailable, Operation: op, Cause: x.err}
				}
				if l.Type != "" && !seen[l] {
					seen[l] = true
					out = append(out, l)
				}
			}
		}
		return nil
	})
	return out, err
}

func recordType(tranType string) RecordType {
	for t, s := range tranTypes {
		if s == tranType {
			return t
		}
	}
	return ""
}
