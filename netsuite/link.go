package netsuite

import (
	"context"
	"fmt"
	"slices"
)

// The types of line links that tie a document to its PO. Others join the same
// lines and would count twice (contract 3.5).
const (
	linkBill    = "OrdBill"
	linkReceipt = "ShipRcpt"
)

// lineKey names a line of a document.
type lineKey struct{ doc, line ID }

// orderLine is the PO line that a line comes from; line is 0 when only the PO
// is known.
type orderLine struct {
	id, line ID
	number   string
}

// lineOrders maps lines of bills or receipts to the PO lines they come from.
type lineOrders map[lineKey]orderLine

// of is where a line comes from: by its link, else by its createdfrom, which
// may also be a transfer order, a return or a bill.
func (o lineOrders) of(x *reader, doc, line ID) orderLine {
	if po, ok := o[lineKey{doc, line}]; ok {
		return po
	}
	if x.text("createdfromtype") != tranTypes[TypePurchaseOrder] {
		return orderLine{}
	}
	return orderLine{id: x.id("createdfrom"), number: x.text("createdfromnumber")}
}

var orderKeys = keys{outer: "l.nextdoc", inner: "l.nextline", outerAs: "nextdoc", innerAs: "nextline"}

// lineOrders reads the links of one type. The table has a row per line pair,
// and some several times (contract 3.5): of one line the first counts.
func (c *Client) lineOrders(ctx context.Context, linkType string, ids []ID) (lineOrders, error) {
	const op = "line_orders"
	rows, err := c.keyset(ctx, op, orderKeys, func(after string) string {
		return fmt.Sprintf(`SELECT DISTINCT l.nextdoc, l.nextline, l.previousdoc AS poid, l.previousline AS polineid, po.tranid AS ponumber
 FROM previoustransactionlinelink l JOIN transaction po ON po.id = l.previousdoc
 WHERE l.nextdoc IN (%s) AND l.linktype = '%s' AND po.type = 'PurchOrd'%s ORDER BY l.nextdoc, l.nextline, l.previousdoc, l.previousline`, idList(ids), linkType, after)
	})
	if err != nil {
		return nil, err
	}
	out := lineOrders{}
	for _, r := range rows {
		x := reader{r: r, what: "link of document " + r["nextdoc"]}
		from, to := lineKey{x.id("nextdoc"), x.id("nextline")}, orderLine{id: x.id("poid"), line: x.id("polineid"), number: x.text("ponumber")}
		if x.err != nil {
			return nil, unreadable(op, x.err)
		}
		if _, ok := out[from]; !ok {
			out[from] = to
		}
	}
	return out, nil
}

// OrdersOf finds the purchase orders that bills, receipts or credits come
// from: by line link, by the lines' createdfrom, and of a credit also through
// the bills that it names. A document without one yields no link.
func (c *Client) OrdersOf(ctx context.Context, docs ...ID) ([]Link, error) {
	const op = "orders_of"
	out, err := c.orderLinks(ctx, op, byNext, docs)
	if err != nil {
		return nil, err
	}
	unlinked := slices.DeleteFunc(slices.Clone(docs), func(id ID) bool {
		return slices.ContainsFunc(out, func(l Link) bool { return l.Doc == id })
	})
	bills, err := c.billsOf(ctx, op, unlinked) // credit -> bills
	if err != nil || len(bills) == 0 {
		return out, err
	}
	var named []ID
	for _, ids := range bills {
		named = append(named, ids...)
	}
	orders, err := c.orderLinks(ctx, op, byNext, named)
	if err != nil {
		return nil, err
	}
	return through(out, orders, bills), nil
}

// DocumentsOf finds the bills, receipts and credits that come from purchase
// orders, and the credits that name those bills.
func (c *Client) DocumentsOf(ctx context.Context, pos ...ID) ([]Link, error) {
	const op = "documents_of"
	out, err := c.orderLinks(ctx, op, byPrevious, pos)
	if err != nil {
		return nil, err
	}
	var bills []ID
	for _, l := range out {
		if l.Type == TypeVendorBill {
			bills = append(bills, l.Doc)
		}
	}
	// A credit that is applied to one of the bills may name another: ask it.
	candidates, err := c.derivations(ctx, op, derivation{from: TypeVendorBill, to: creditOnly, by: byPrevious}, bills)
	if err != nil || len(candidates) == 0 {
		return out, err
	}
	var credits []ID
	for _, d := range candidates {
		credits = append(credits, d.next)
	}
	named, err := c.billsOf(ctx, op, credits)
	if err != nil {
		return nil, err
	}
	return through(out, out, named), nil
}

// BillsOf maps credits to the bills they name: those they were created from,
// else those they are applied to. Credits that name none are absent.
func (c *Client) BillsOf(ctx context.Context, credits ...ID) (map[ID][]ID, error) {
	return c.billsOf(ctx, "vendorcredit_bills", credits)
}

// CreditsOf maps bills to the credits that name them; others are absent.
func (c *Client) CreditsOf(ctx context.Context, bills ...ID) (map[ID][]ID, error) {
	const op = "credits_of"
	candidates, err := c.derivations(ctx, op, derivation{from: TypeVendorBill, to: creditOnly, by: byPrevious}, bills)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	var credits []ID
	for _, d := range candidates {
		if !slices.Contains(credits, d.next) {
			credits = append(credits, d.next)
		}
	}
	// A credit that is applied to one of the bills may name another: ask it.
	named, err := c.billsOf(ctx, op, credits)
	out := map[ID][]ID{}
	for _, credit := range sortedKeys(named) {
		for _, bill := range named[credit] {
			if slices.Contains(bills, bill) {
				out[bill] = append(out[bill], credit)
			}
		}
	}
	return out, err
}

// through adds to out the credits whose bills are among links.
func through(out, links []Link, bills map[ID][]ID) []Link {
	seen := map[Link]bool{}
	for _, l := range out {
		seen[l] = true
	}
	for _, credit := range sortedKeys(bills) {
		for _, l := range links {
			via := Link{PO: l.PO, Doc: credit, Type: TypeVendorCredit}
			if l.Type == TypeVendorBill && slices.Contains(bills[credit], l.Doc) && !seen[via] {
				seen[via] = true
				out = append(out, via)
			}
		}
	}
	return out
}

func (c *Client) orderLinks(ctx context.Context, op string, by side, ids []ID) ([]Link, error) {
	pairs, err := c.derivations(ctx, op, derivation{from: TypePurchaseOrder, to: fromOrders, links: []string{linkBill, linkReceipt}, by: by}, ids)
	var out []Link
	for _, p := range pairs {
		out = append(out, Link{PO: p.previous, Doc: p.next, Type: p.typ})
	}
	return out, err
}
