package handlers

import (
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// An order keeps which products it was posted with, whatever the mapping says
// later; a void one holds none.
func TestOrderKeepsItsProducts(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	s.order()
	s.tell(theOrder)
	posted := s.record(theOrder).Facts[state.FactProducts]
	if !strings.Contains(posted, "item:2001//WEB-25-BLK=WEB-25-BLK") || !strings.Contains(posted, "charge:151/5100/Freight+In=Inbound+freight") {
		t.Fatalf("products %q", posted)
	}
	s.apply(func(t *tenant.Tenant) { t.Sync.Mapping.Charges["5100"] = "Other charges" })
	s.order(func(o *netsuitetest.PurchaseOrder) { o.Memo = "seen again" })
	s.tell(theOrder)
	if got := s.record(theOrder); got.Facts[state.FactProducts] != posted || got.State != "completed" {
		t.Errorf("after the mapping changed: %q, %s: %s; want what it was posted with", got.Facts[state.FactProducts], got.State, got.Message)
	}
	s.order(func(o *netsuitetest.PurchaseOrder) { o.Status = "C" })
	s.tell(theOrder)
	if got := s.record(theOrder); got.Facts[state.FactProducts] != "" {
		t.Errorf("void: %q, %s: %s; want none", got.Facts[state.FactProducts], got.State, got.Message)
	}
}
