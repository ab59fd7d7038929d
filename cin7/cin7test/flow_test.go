package cin7test

import (
	"strings"
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

// The task resources show what the purchase shows, with the TaskID in the
// other case.
func TestTaskResources(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.play("INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}})
	for path, key := range map[string]string{"invoice": "Invoices", "stock": "StockReceiving", "put-away": "PutAway"} {
		task := one0(c.ok("GET", "advanced-purchase/"+path+"?PurchaseID="+id, "")[key])
		if task["TaskID"] != loud(id) || task["Status"] != "AUTHORISED" {
			t.Errorf("%s: task %v %v, want %s AUTHORISED", path, task["TaskID"], task["Status"], loud(id))
		}
		c.refused("GET", "advanced-purchase/"+path, "", 400, "Required attribute PurchaseID is not provided")
		c.refused("GET", "advanced-purchase/"+path+"?PurchaseID="+zeroID, "", 404, textNoPurchase)
	}
	if got := c.ok("GET", "purchase/order?TaskID="+loud(id), ""); got["TaskID"] != id || got["Status"] != "AUTHORISED" {
		t.Errorf("order %v", got)
	}
	c.refused("DELETE", "advanced-purchase/stock", "", 400, "Required attribute TaskID is not provided")
	c.refused("DELETE", "advanced-purchase/invoice?TaskID="+zeroID, "", 404, textNoTask)
}

func TestBlindStatuses(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'STOCK','PurchaseType':'Advanced','BlindReceipt':true,'Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))["ID"].(string)
	got := []string{statusOf(c, id)}
	for _, do := range []string{"stock 0 A 10", "put 0 A 10", "invoice 0 A 10", "undo-stock 0"} {
		method, path, body := c.command(id, strings.Fields(do))
		c.ok(method, path, body)
		got = append(got, statusOf(c, id))
	}
	if diff := cmp.Diff([]string{"DRAFT", "RECEIVING", "RECEIVED", "COMPLETED", "RECEIVING"}, got); diff != "" {
		t.Errorf("status after each step (-want +got)\n%s", diff)
	}
}

// A rule without an account posts its tax to the system's tax account.
func TestTaxAccountOfTheSystem(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.AddTaxRule(TaxRule{Name: "Bare"})
	id := c.purchase("INVOICE", "AUTHORISED")
	c.ok("POST", "advanced-purchase/invoice", change(t, invoiceOf(id, id, "N", "AUTHORISED", "10"), "Lines.0.TaxRule", `"Bare"`))
	want := []string{"2026-11-20 1200/2000 24.00", "2026-11-20 1370/2000 2.40", "2026-11-20 5100/2000 60.00"}
	if diff := cmp.Diff(want, rows(c.sim.Transactions())); diff != "" {
		t.Errorf("ledger (-want +got)\n%s", diff)
	}
}

func statusOf(c *company, id string) string {
	p := c.stored(id)
	return p.Status()
}
