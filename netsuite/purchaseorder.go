package netsuite

import "context"

const orderLineColumns = `SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber AS lineno, tl.item, i.itemid AS sku, i.itemtype, i.displayname AS itemname,
 tl.memo, tl.quantity, tl.foreignamount, tl.quantityshiprecv, tl.quantitybilled{tl.units:, tl.units}{i.stockunit:, i.stockunit AS baseunits},
 tl.isclosed{tl.location:, tl.location}{tl.expectedreceiptdate:, TO_CHAR(tl.expectedreceiptdate, 'YYYY-MM-DD') AS expectedon}
 {tl.expenseaccount:, tl.expenseaccount, a.acctnumber, a.accountsearchdisplayname AS acctname, a.accttype, a.isinactive AS acctinactive}
 FROM transactionline tl LEFT JOIN item i ON i.id = tl.item{tl.expenseaccount: LEFT JOIN account a ON a.id = tl.expenseaccount}`

// PurchaseOrders reads POs with their lines; ids that do not exist are absent.
func (c *Client) PurchaseOrders(ctx context.Context, ids ...ID) (map[ID]PurchaseOrder, error) {
	out := map[ID]PurchaseOrder{}
	err := batches(ids, lineBatch, func(part []ID) error {
		if err := c.documents(ctx, TypePurchaseOrder, part, func(d Document) { out[d.ID] = PurchaseOrder{Document: d} }); err != nil {
			return err
		}
		rows, err := c.lines(ctx, "purchaseorder_lines", orderLineColumns, " AND tl.mainline = 'F' AND NVL(tl.taxline, 'F') = 'F'", part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			x := reader{r: r, what: "line " + r["lineid"] + " of purchase order " + r["transaction"]}
			l := OrderLine{ID: x.id("lineid"), Number: x.int("lineno"), Item: x.id("item"), SKU: x.text("sku"), ItemType: x.text("itemtype"), ItemName: x.text("itemname"),
				Memo: x.text("memo"), Quantity: x.amount("quantity"), Amount: x.amount("foreignamount"), ReceivedQty: x.amount("quantityshiprecv"),
				BilledQty: x.amount("quantitybilled"), Units: x.id("units"), BaseUnits: x.id("baseunits"), Closed: x.bool("isclosed"),
				Account: x.account("expenseaccount"), Location: x.id("location"), ExpectedOn: x.date("expectedon")}
			id := x.id("transaction")
			if x.err != nil {
				return unreadable("purchaseorder_lines", x.err)
			}
			if po, ok := out[id]; ok {
				po.Lines = append(po.Lines, l)
				out[id] = po
			}
		}
		return nil
	})
	return out, err
}

// account reads the account columns that statements alias alike.
func (x *reader) account(idColumn string) Account {
	return Account{ID: x.id(idColumn), Number: x.text("acctnumber"), Name: x.text("acctname"), Type: x.text("accttype"), Inactive: x.bool("acctinactive")}
}
