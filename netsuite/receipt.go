package netsuite

import "context"

const receiptLineColumns = `SELECT tl.transaction, tl.id AS lineid, tl.item, i.itemid AS sku, i.itemtype, tl.quantity, tl.units, tl.location,
 tl.createdfrom AS poid, po.tranid AS ponumber, po.type AS potype, l.previousline AS polineid
 FROM transactionline tl
 LEFT JOIN item i ON i.id = tl.item
 LEFT JOIN transaction po ON po.id = tl.createdfrom
 LEFT JOIN previoustransactionlinelink l
 ON l.nextdoc = tl.transaction AND l.nextline = tl.id AND l.previousdoc = tl.createdfrom AND l.linktype = 'ShipRcpt'`

// Receipts reads item receipts; ids that do not exist are absent. Lines that
// offset the stock rows are left out (contract 3.3).
func (c *Client) Receipts(ctx context.Context, ids ...ID) (map[ID]Receipt, error) {
	out := map[ID]Receipt{}
	err := batches(ids, lineBatch, func(part []ID) error {
		if err := c.documents(ctx, TypeItemReceipt, part, func(d Document) { out[d.ID] = Receipt{Document: d} }); err != nil {
			return err
		}
		rows, err := c.lines(ctx, "itemreceipt_lines", receiptLineColumns, ` AND tl.mainline = 'F' AND tl.item IS NOT NULL AND NVL(tl.iscogs, 'F') = 'F'
 AND (tl.isinventoryaffecting = 'T' OR (i.itemtype IN ('NonInvtPart', 'Service', 'OthCharge') AND tl.quantity > 0))`, part)
		if err != nil {
			return err
		}
		seen := map[lineKey]bool{}
		for _, r := range rows {
			x := reader{r: r, what: "line " + r["lineid"] + " of item receipt " + r["transaction"]}
			l := ReceiptLine{ID: x.id("lineid"), Item: x.id("item"), SKU: x.text("sku"), ItemType: x.text("itemtype"), Quantity: x.amount("quantity"),
				Units: x.id("units"), Location: x.id("location"), PO: x.id("poid"), PONumber: x.text("ponumber"), POLine: x.id("polineid")}
			id := x.id("transaction")
			if x.err != nil {
				return &Error{Kind: ErrUnavailable, Operation: "itemreceipt_lines", Cause: x.err}
			}
			if x.text("potype") != tranTypes[TypePurchaseOrder] {
				l.PO, l.PONumber, l.POLine = 0, "", 0 // from a transfer order or a return
			}
			// Link rows come per line pair: a line may appear more than once.
			if k := (lineKey{id, l.ID}); seen[k] {
				continue
			} else {
				seen[k] = true
			}
			if rec, ok := out[id]; ok {
				rec.Lines = append(rec.Lines, l)
				out[id] = rec
			}
		}
		return nil
	})
	return out, err
}
