package netsuite

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"
)

// billLineColumns joins each line with the account that it posts to in one
// accounting book. Without the feature of several books the column may be
// missing; then there is one row per line anyway.
const billLineColumns = `SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber AS lineno, tl.mainline, tl.taxline,
 tl.item, i.itemid AS sku, i.itemtype, i.displayname AS itemname, tl.memo, tl.quantity, tl.foreignamount{tl.units:, tl.units}{i.stockunit:, i.stockunit AS baseunits},
 tl.createdfrom, cf.type AS createdfromtype, cf.tranid AS createdfromnumber,
 tal.account, a.acctnumber, a.accountsearchdisplayname AS acctname, a.accttype, a.isinactive AS acctinactive, tal.amount AS baseamount, tal.posting
 FROM transactionline tl
 LEFT JOIN transactionaccountingline tal ON tal.transaction = tl.transaction AND tal.transactionline = tl.id{tal.accountingbook: AND tal.accountingbook = %d}
 LEFT JOIN account a ON a.id = tal.account
 LEFT JOIN item i ON i.id = tl.item
 LEFT JOIN transaction cf ON cf.id = tl.createdfrom`

// Bills reads vendor bills with their accounts; ids that do not exist are
// absent. Every row but the main one is a line, so that the lines add up to
// the total wherever NetSuite keeps its tax in rows.
func (c *Client) Bills(ctx context.Context, ids ...ID) (map[ID]Bill, error) {
	return c.bills(ctx, TypeVendorBill, ids)
}

// Credits reads vendor credits with their accounts and the bills they name.
func (c *Client) Credits(ctx context.Context, ids ...ID) (map[ID]Bill, error) {
	out, err := c.bills(ctx, TypeVendorCredit, ids)
	if err != nil {
		return nil, err
	}
	from, err := c.billsOf(ctx, "vendorcredit_bills", ids)
	for id, b := range out {
		b.CreatedFrom = from[id]
		out[id] = b
	}
	return out, err
}

func (c *Client) bills(ctx context.Context, t RecordType, ids []ID) (map[ID]Bill, error) {
	out := map[ID]Bill{}
	op := string(t) + "_lines"
	err := batches(ids, lineBatch, func(part []ID) error {
		if err := c.documents(ctx, t, part, func(d Document) { out[d.ID] = Bill{Document: d} }); err != nil {
			return err
		}
		orders, err := c.lineOrders(ctx, linkBill, part)
		if err != nil {
			return err
		}
		rows, err := c.lines(ctx, op, fmt.Sprintf(billLineColumns, c.c.Book), "", part)
		if err != nil {
			return err
		}
		last := lineKey{line: -1}
		for _, r := range rows {
			x := reader{r: r, what: "line " + r["lineid"] + " of " + string(t) + " " + r["transaction"]}
			key := lineKey{x.id("transaction"), x.id("lineid")}
			if key == last {
				x.fail("account", errors.New("the line posts to several accounts of one book: check accounting_book"))
			}
			last = key
			if b, ok := out[key.doc]; ok {
				b.add(&x, key, orders)
				out[key.doc] = b
			}
			if x.err != nil {
				return unreadable(op, x.err)
			}
		}
		return nil
	})
	return out, err
}

// add reads one row of the bill: the payable account from the main row, a line
// from every other.
func (b *Bill) add(x *reader, key lineKey, orders lineOrders) {
	if x.bool("mainline") {
		b.Payable, b.PayableBase = x.account("account"), x.amount("baseamount")
		return
	}
	l := BillLine{ID: key.line, Number: x.int("lineno"), Kind: LineExpense, Item: x.id("item"), SKU: x.text("sku"), ItemName: x.text("itemname"), ItemType: x.text("itemtype"),
		Memo: x.text("memo"), Quantity: x.amount("quantity"), Amount: x.amount("foreignamount"), BaseAmount: x.amount("baseamount"),
		Posting: x.bool("posting"), Units: x.id("units"), BaseUnits: x.id("baseunits"), Account: x.account("account")}
	switch {
	case x.bool("taxline"):
		l.Kind = LineTax
	case l.Item != 0:
		l.Kind = LineItem
	}
	if l.Kind != LineItem {
		l.Quantity = decimal.Zero
	}
	if b.Type == TypeVendorCredit {
		// Lines of credits are negative, quantities of either sign (contract 3.6).
		l.Amount, l.Quantity = l.Amount.Neg(), l.Quantity.Abs()
	}
	po := orders.of(x, key.doc, key.line)
	l.PO, l.POLine = po.id, po.line
	b.Lines = append(b.Lines, l)
}
