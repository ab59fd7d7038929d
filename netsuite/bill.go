package netsuite

import (
	"context"
	"fmt"
)

const billLineColumns = `SELECT tl.transaction, tl.id AS lineid, tl.linesequencenumber AS lineno, tl.mainline, tl.taxline, tl.accountinglinetype,
 tl.item, i.itemid AS sku, i.itemtype, i.displayname AS itemname, i.stockunit AS baseunits, tl.memo, tl.quantity, tl.units, tl.foreignamount, tl.createdfrom,
 cf.type AS createdfromtype, tal.account, a.acctnumber, a.accountsearchdisplayname AS acctname, a.accttype, a.isinactive AS acctinactive,
 tal.amount AS baseamount, tal.posting
 FROM transactionline tl
 LEFT JOIN transactionaccountingline tal
 ON tal.transaction = tl.transaction AND tal.transactionline = tl.id AND tal.accountingbook = %d
 LEFT JOIN account a ON a.id = tal.account
 LEFT JOIN item i ON i.id = tl.item
 LEFT JOIN transaction cf ON cf.id = tl.createdfrom`

// Bills reads vendor bills with their accounts; ids that do not exist are absent.
func (c *Client) Bills(ctx context.Context, ids ...ID) (map[ID]Bill, error) {
	return c.bills(ctx, TypeVendorBill, ids)
}

// Credits reads vendor credits with their accounts and the bills they name.
func (c *Client) Credits(ctx context.Context, ids ...ID) (map[ID]Bill, error) {
	return c.bills(ctx, TypeVendorCredit, ids)
}

func (c *Client) bills(ctx context.Context, t RecordType, ids []ID) (map[ID]Bill, error) {
	out := map[ID]Bill{}
	err := batches(ids, lineBatch, func(part []ID) error {
		if err := c.documents(ctx, t, part, func(d Document) { out[d.ID] = Bill{Document: d} }); err != nil {
			return err
		}
		orders, err := c.lineOrders(ctx, part)
		if err != nil {
			return err
		}
		op := string(t) + "_lines"
		rows, err := c.lines(ctx, op, fmt.Sprintf(billLineColumns, c.c.Book), "", part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := addBillLine(out, t, r, orders); err != nil {
				return &Error{Kind: ErrUnavailable, Operation: op, Cause: err}
			}
		}
		return nil
	})
	return out, err
}

// lineKey names a line of a document.
type lineKey struct{ doc, line ID }

// lineOrders finds the PO lines that bill lines come from: nextdoc and
// nextline -> PO and its line. Rows come per line pair and several times
// (contract 3.5); the first counts.
func (c *Client) lineOrders(ctx context.Context, ids []ID) (map[lineKey]lineKey, error) {
	rows, err := c.keyset(ctx, "order_links", func(last Row) string {
		after := ""
		if last != nil {
			after = fmt.Sprintf(" AND (l.nextdoc > %[1]s OR (l.nextdoc = %[1]s AND l.nextline > %[2]s))", digits(last["nextdoc"]), digits(last["nextline"]))
		}
		return fmt.Sprintf(`SELECT DISTINCT l.nextdoc, l.nextline, l.previousdoc AS poid, l.previousline AS polineid
 FROM previoustransactionlinelink l JOIN transaction po ON po.id = l.previousdoc
 WHERE l.nextdoc IN (%s) AND l.linktype = 'OrdBill' AND po.type = 'PurchOrd'%s ORDER BY l.nextdoc, l.nextline, l.previousdoc, l.previousline`, idList(ids), after)
	})
	if err != nil {
		return nil, err
	}
	out := map[lineKey]lineKey{}
	for _, r := range rows {
		x := reader{r: r, what: "link of document " + r["nextdoc"]}
		from, to := lineKey{x.id("nextdoc"), x.id("nextline")}, lineKey{x.id("poid"), x.id("polineid")}
		if x.err != nil {
			return nil, &Error{Kind: ErrUnavailable, Operation: "order_links", Cause: x.err}
		}
		if _, ok := out[from]; !ok {
			out[from] = to
		}
	}
	return out, nil
}

func addBillLine(out map[ID]Bill, t RecordType, r Row, orders map[lineKey]lineKey) error {
	x := reader{r: r, what: "line " + r["lineid"] + " of " + string(t) + " " + r["transaction"]}
	id := x.id("transaction")
	b, ok := out[id]
	if !ok {
		return x.err
	}
	if x.bool("mainline") {
		b.Payable = x.account("account")
		out[id] = b
		return x.err
	}
	l := BillLine{ID: x.id("lineid"), Number: x.int("lineno"), Item: x.id("item"), SKU: x.text("sku"), ItemName: x.text("itemname"), ItemType: x.text("itemtype"),
		Memo: x.text("memo"), Quantity: x.amount("quantity"), Amount: x.amount("foreignamount"), BaseAmount: x.amount("baseamount"),
		Posting: x.bool("posting"), Units: x.id("units"), BaseUnits: x.id("baseunits"), Account: x.account("account")}
	switch {
	case x.bool("taxline"):
		l.Kind = LineTax
	case l.Item != 0:
		l.Kind = LineItem
	default:
		l.Kind = LineExpense
	}
	from, fromType := x.id("createdfrom"), x.text("createdfromtype")
	if po, ok := orders[lineKey{id, l.ID}]; ok {
		l.PO, l.POLine = po.doc, po.line
	} else if fromType == tranTypes[TypePurchaseOrder] {
		l.PO = from
	}
	if t == TypeVendorCredit {
		// Lines of credits are negative, quantities of either sign (contract 3.6).
		l.Amount, l.Quantity = l.Amount.Neg(), l.Quantity.Abs()
		if fromType == tranTypes[TypeVendorBill] && !containsID(b.CreatedFrom, from) {
			b.CreatedFrom = append(b.CreatedFrom, from)
		}
	}
	// Several accounting rows of one line would repeat it.
	if n := len(b.Lines); n > 0 && b.Lines[n-1].ID == l.ID {
		return fmt.Errorf("%s: it has several accounting rows in one book: check netsuite.accounting_book", x.what)
	}
	b.Lines = append(b.Lines, l)
	out[id] = b
	return x.err
}

func containsID(ids []ID, id ID) bool {
	for _, i := range ids {
		if i == id {
			return true
		}
	}
	return false
}
