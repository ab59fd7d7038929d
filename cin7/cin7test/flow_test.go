package cin7test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPurchaseFromHeaderToCompleted(t *testing.T) {
	for _, approach := range []string{"INVOICE", "STOCK"} {
		t.Run(approach, func(t *testing.T) {
			c := newCompany(t, Options{})
			id := c.purchase(approach, "AUTHORISED")
			steps := map[string]func(){
				"invoice":  func() { c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "CW-88121", "AUTHORISED", "100")) },
				"stock":    func() { c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", "")) },
				"put-away": func() { c.ok("POST", "advanced-purchase/put-away", stockOf(id, id, "AUTHORISED", "100", inWarehouse)) },
			}
			order := []string{"invoice", "stock", "put-away"}
			want := []string{"ORDERED", "INVOICED", "INVOICED", "COMPLETED"}
			if approach == "STOCK" {
				order = []string{"stock", "put-away", "invoice"}
				want = []string{"ORDERED", "RECEIVING", "RECEIVED", "COMPLETED"}
			}
			got := []string{c.ok("GET", "advanced-purchase?ID="+id, "")["Status"].(string)}
			for _, step := range order {
				steps[step]()
				got = append(got, c.ok("GET", "advanced-purchase?ID="+id, "")["Status"].(string))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status after each step (-want +got)\n%s", diff)
			}
			row := one0(c.ok("GET", "purchaseList?Search=cw-881", "")["PurchaseList"])
			for k, want := range map[string]any{"OrderNumber": "PO-00001", "InvoiceNumber": "CW-88121", "CombinedReceivingStatus": "FULLY RECEIVED", "CombinedInvoiceStatus": "INVOICED", "Type": "Advanced Purchase"} {
				if row[k] != want {
					t.Errorf("row %s: %v, want %v", k, row[k], want)
				}
			}
		})
	}
}
