package service

import (
	"context"
	"fmt"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// Shows asks NetSuite for a record: one to three queries.
func Shows(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, k queue.Ref) (bool, error) {
	id, err := netsuite.ParseID(k.ID)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, showsTimeout) // a person waits for the answer
	defer cancel()
	ns, _, err := clients(ctx, c, rooms, t)
	if err != nil {
		return false, err
	}
	switch netsuite.RecordType(k.Type) {
	case netsuite.TypeVendor:
		return has(ns.Vendors(ctx, id))
	case netsuite.TypePurchaseOrder:
		return has(ns.PurchaseOrders(ctx, id))
	case netsuite.TypeItemReceipt:
		return has(ns.Receipts(ctx, id))
	case netsuite.TypeVendorBill:
		return has(ns.Bills(ctx, id))
	case netsuite.TypeVendorCredit:
		return has(ns.Credits(ctx, id))
	}
	return false, fmt.Errorf("ask NetSuite for %s: want one of the record types that are kept in step", k)
}

// showsTimeout ends before the listener cuts the answer.
const showsTimeout = 20 * time.Second

func has[V any](found map[netsuite.ID]V, err error) (bool, error) { return len(found) > 0, err }
