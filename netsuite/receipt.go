package netsuite

import "context"

const receiptLineColumns = `SELECT tl.transaction, tl.id AS lineid, tl.item, i.itemid AS sku, i.itemtype, tl.quantity{tl.units:, tl.units}{i.stockunit:, i.stockunit AS baseunits}{tl.location:, tl.location},
 tl.createdfrom, cf.type AS createdfromtype, cf.tranid AS createdfromnumber
 FROM transactionline tl
 LEFT JOIN item i ON i.id = tl.item
 LEFT JOIN transaction cf ON cf.id = tl.createdfrom`

// Each stock item has a row that moves stock and rows that offset it; items
// without stock have one row (contract 3.3).
const receiptLineFilter = ` AND tl.mainline = 'F' AND tl.item IS NOT NULL AND NVL(tl.iscogs, 'F') = 'F'
 AND (tl.isinventoryaffecting = 'T' OR (i.itemtype IN ('NonInvtPart', 'Service', 'OthCharge') AND tl.quantity > 0))`

// Receipts reads item receipts; ids that do not exist are absent. POLine is 0
// where NetSuite has tied the link to the offset row of a line: match such
// lines by PO, item and quantity (contract 3.9 f).
func (c *Client) Receipts(ctx context.Context, ids ...ID) (map[ID]Receipt, error) {
	out := map[ID]Receipt{}
	err := batches(ids, lineBatch, func(part []ID) error {
		if err := c.documents(ctx, TypeItemReceipt, part, func(d Document) { out[d.ID] = Receipt{Document: d} }); err != nil {
			return err
		}
		orders, err := c.lineOrders(ctx, linkReceipt, part)
		if err != nil {
			return err
		}
		rows, err := c.lines(ctx, "itemreceipt_lines", receiptLineColumns, receiptLineFilter, part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			x := reader{r: r, what: "line " + r["lineid"] + " of item receipt " + r["transaction"]}
			id := x.id("transaction")
			l := ReceiptLine{ID: x.id("lineid"), Item: x.id("item"), SKU: x.text("sku"), ItemType: x.text("itemtype"), Quantity: x.amount("quantity"),
				Units: x.id("units"), BaseUnits: x.id("baseunits"), Location: x.id("location")}
			po := orders.of(&x, id, l.ID)
			l.PO, l.PONumber, l.POLine = po.id, po.number, po.line
			if x.err != nil {
				return unreadable("itemreceipt_lines", x.err)
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
