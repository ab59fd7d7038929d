package netsuite

import (
	"context"
	"fmt"
)

// Sample reads one record of a type with all that the service asks of it, the
// newest; nil when there is none. Afterwards Refused tells which optional
// columns the account lacks.
func (c *Client) Sample(ctx context.Context, t RecordType) error {
	q := "SELECT MAX(v.id) AS n FROM vendor v"
	if t != TypeVendor {
		q = fmt.Sprintf("SELECT MAX(t.id) AS n FROM transaction t WHERE t.type = '%s'", tranTypes[t])
	}
	rows, err := c.rows(ctx, "sample", q)
	if err != nil || len(rows) == 0 {
		return err
	}
	x := reader{r: rows[0], what: "the newest " + string(t)}
	id := x.id("n")
	if x.err != nil {
		return unreadable("sample", x.err)
	}
	if id == 0 {
		return nil
	}
	switch t {
	case TypeVendor:
		_, err = c.Vendors(ctx, id)
	case TypePurchaseOrder:
		_, err = c.PurchaseOrders(ctx, id)
	case TypeItemReceipt:
		_, err = c.Receipts(ctx, id)
	case TypeVendorBill:
		_, err = c.Bills(ctx, id)
	case TypeVendorCredit:
		_, err = c.Credits(ctx, id)
	}
	return err
}
