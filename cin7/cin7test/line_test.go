package cin7test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The amounts of an order line, and what the server says to them (3, 9).
func TestLineTotals(t *testing.T) {
	tests := []struct {
		name                                  string
		o                                     Options
		quantity, price, discount, tax, total string
		want                                  string // "" is taken
	}{
		{name: "plain", quantity: "100", price: "2.4", total: "240"},
		{name: "written with decimals", quantity: "100", price: "2.40", total: "240.00"},
		{name: "as text", quantity: `"100"`, price: `"2.4"`, total: `"240"`},
		{name: "rounded up at half", quantity: "1", price: "0.125", total: "0.13"},
		{name: "rounded down below half", quantity: "3", price: "33.3333", total: "100"},
		{name: "half rounded down is refused", quantity: "1", price: "0.125", total: "0.12", want: "Expected value is: 0.13"},
		{name: "unrounded is refused", quantity: "3", price: "33.3333", total: "99.9999", want: "Expected value is: 100.00"},
		{name: "the text", quantity: "17", price: "84.5", total: "1436", want: "attribute 'Total' doesn't match. Expected value is: 1436.50"},
		{name: "discount", quantity: "10", price: "9.99", discount: "12.5", total: "87.41"},
		{name: "a price of more than 4 decimals is rounded without a word", quantity: "1000", price: "0.12344", total: "123.40"},
		{name: "and then the total does not fit", quantity: "1000", price: "0.12344", total: "123.44", want: "Expected value is: 123.40"},
		{name: "half a metre", quantity: "0.5", price: "10", total: "5"},
		{name: "switch: quantity from 1", o: Options{QuantityFromOne: true}, quantity: "0.5", price: "10", total: "5", want: "Quantity"},
		{name: "no quantity", quantity: "0", price: "10", total: "0", want: "Quantity"},
		{name: "negative quantity", quantity: "-1", price: "10", total: "-10", want: "Quantity"},
		{name: "negative price", quantity: "1", price: "-10", total: "-10", want: "Price"},
		{name: "switch: negative price", o: Options{NegativePrices: true}, quantity: "1", price: "-10", total: "-10"},
		{name: "discount above 100", quantity: "1", price: "10", discount: "101", total: "0", want: "Discount"},
		{name: "tax is not in the total", quantity: "1", price: "100", tax: "10", total: "110", want: "Expected value is: 100.00"},
		{name: "switch: tax is in the total", o: Options{TaxInTotal: true}, quantity: "1", price: "100", tax: "10", total: "110"},
		{name: "switch: then without it is refused", o: Options{TaxInTotal: true}, quantity: "1", price: "100", tax: "10", total: "100", want: "Expected value is: 110.00"},
		{name: "not a number", quantity: "true", price: "1", total: "1", want: "not a number"},
		{name: "too large a number", quantity: "1e999999999", price: "1", total: "1", want: "number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, tt.o)
			id := c.purchase("INVOICE", "")
			body := fmt.Sprintf(`{"TaskID":%q,"CombineAdditionalCharges":false,"Memo":"","Status":"DRAFT","Lines":[{"SKU":"WEB-25-BLK","Name":"w","Quantity":%s,"Price":%s,"Discount":%s,"Tax":%s,"TaxRule":"Use Tax 10","Total":%s}]}`,
				id, tt.quantity, tt.price, or0(tt.discount), or0(tt.tax), tt.total)
			if tt.want != "" {
				c.refused("POST", "purchase/order", body, 400, tt.want)
				return
			}
			c.ok("POST", "purchase/order", body)
		})
	}
}

func or0(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// change sets or, with null, removes one value in a JSON body; the path is
// dotted, "0" is a list index.
func change(t *testing.T, body, path, value string) string {
	t.Helper()
	var root any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	at := root
	names := strings.Split(path, ".")
	for i, n := range names {
		if list, ok := at.([]any); ok {
			at = list[0]
			continue
		}
		m := at.(map[string]any)
		if i < len(names)-1 {
			at = m[n]
			continue
		}
		delete(m, n)
		if value != "" {
			m[n] = json.RawMessage(value)
		}
	}
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every body is right but for one value.
func TestRefusedBodies(t *testing.T) {
	const (
		header   = "advanced-purchase"
		order    = "purchase/order"
		invoice  = "advanced-purchase/invoice"
		stock    = "advanced-purchase/stock"
		putAway  = "advanced-purchase/put-away"
		supplier = "supplier"
	)
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	tests := []struct{ path, at, value, want string }{
		{header, "SupplierID", ``, "Required attribute SupplierID is not provided"},
		{header, "SupplierID", `"` + zeroID + `"`, "Suppliers reference book"},
		{header, "Approach", ``, "Required attribute Approach is not provided"},
		{header, "Approach", `"FIRST"`, "Approach"},
		{header, "Location", ``, "Required attribute Location is not provided"},
		{header, "Location", `"A-01-01"`, "Location A-01-01 was not found in Locations reference book"},
		{header, "Location", `"Closed Shed"`, "Location Closed Shed was not found in Locations reference book"},
		{header, "Terms", `"Old terms"`, "Active payment term with name Old terms was not found in Payment Terms reference book"},
		{header, "Terms", `"Never"`, "Active payment term with name Never was not found in Payment Terms reference book"},
		{header, "TaxRule", `"Old rule"`, "reference book"},
		{header, "TaxRule", `"Sales only"`, "reference book"},
		{header, "TaxCalculation", `"Both"`, "TaxCalculation"},
		{header, "Note", long(1025), "Note"},
		{header, "CurrencyRate", `0`, "CurrencyRate"},
		{header, "PurchaseType", `"Complex"`, "PurchaseType"},
		{header, "RequiredBy", `"15/04/2026"`, "is not a date"},
		{header, "BillingAddress", `{"City":"Bend"}`, "Required attribute Line1 is not provided"},

		{order, "TaskID", ``, "Required attribute TaskID is not provided"},
		{order, "TaskID", `"` + zeroID + `"`, textNoPurchase},
		{order, "Memo", ``, "Required attribute Memo is not provided"},
		{order, "Memo", long(1025), "Memo"},
		{order, "CombineAdditionalCharges", ``, "Required attribute CombineAdditionalCharges is not provided"},
		{order, "Status", `"VOIDED"`, "Status"},
		{order, "Lines", ``, "Required attribute Lines is not provided"},
		{order, "Lines.0.SKU", ``, "Required attribute ProductID is not provided"},
		{order, "Lines.0.SKU", `"NO-SUCH"`, "Product 'NO-SUCH' was not found"},
		{order, "Lines.0.SKU", `"OLD-1"`, "Product 'OLD-1' was not found"},
		{order, "Lines.0.ProductID", `"` + zeroID + `"`, "was not found"},
		{order, "Lines.0.Name", ``, "Required attribute Name is not provided"},
		{order, "Lines.0.Quantity", ``, "Required attribute Quantity is not provided"},
		{order, "Lines.0.Price", ``, "Required attribute Price is not provided"},
		{order, "Lines.0.Tax", ``, "Required attribute Tax is not provided"},
		{order, "Lines.0.TaxRule", ``, "Required attribute TaxRule is not provided"},
		{order, "Lines.0.TaxRule", `"Sales only"`, "reference book"},
		{order, "Lines.0.Total", ``, "Required attribute Total is not provided"},
		{order, "AdditionalCharges.0.Description", `"Paint"`, "Service product 'Paint' was not found in reference book"},
		{order, "AdditionalCharges.0.Description", `"Side release buckle 25 mm"`, "Service product"},
		{order, "AdditionalCharges.0.Total", ``, "Required attribute Total is not provided"},

		{invoice, "PurchaseID", ``, "Required attribute PurchaseID is not provided"},
		{invoice, "Lines.0.Account", ``, "Required attribute Account is not provided"},
		{invoice, "Lines.0.Account", `"9999"`, "Account '9999' was not found"},
		{invoice, "Lines.0.Account", `"5999"`, "not active"},
		{invoice, "Lines.0.Account", `"4000"`, "class REVENUE"},
		{invoice, "AdditionalCharges.0.Account", ``, "Required attribute Account is not provided"},
		{invoice, "Lines.0.Total", `1`, "attribute 'Total' doesn't match"},
		{invoice, "InvoiceNumber", long(257), "InvoiceNumber"},

		{stock, "Lines.0.Date", ``, "'Date' is required for 'Lines' line"},
		{stock, "Lines.0.Quantity", ``, "Required attribute Quantity is not provided"},
		{stock, "Lines.0.Quantity", `0`, "Quantity"},
		{stock, "Lines.0.SKU", ``, "Required attribute ProductID is not provided"},
		{stock, "Status", ``, "Required attribute Status is not provided"},
		{stock, "Lines", `[]`, textLines},

		{putAway, "Lines.0.Location", ``, "Required attribute Location is not provided"},
		{putAway, "Lines.0.Location", `"A-01-01"`, "Location A-01-01 was not found in Locations reference book"},
		{putAway, "Lines.0.LocationID", `"` + zeroID + `"`, "was not found in Locations reference book"},

		{supplier, "Name", ``, "Required attribute Name is not provided"},
		{supplier, "Name", `"cascade webbing co"`, "already exists"},
		{supplier, "Currency", ``, "Required attribute Currency is not provided"},
		{supplier, "PaymentTerm", `"Old terms"`, "Active payment term with name Old terms"},
		{supplier, "AccountPayable", `"2150"`, "Accounts payable"},
		{supplier, "AccountPayable", `"9999"`, "Accounts payable"},
		{supplier, "TaxRule", `"Sales only"`, "reference book"},
		{supplier, "Status", ``, "Required attribute Status is not provided"},
		{supplier, "Status", `"Asleep"`, "Status"},
		{supplier, "Comments", long(257), "Comments"},
		{supplier, "AttributeSet", `"Unknown"`, "Attribute Sets reference book"},
		{supplier, "Addresses", `[{"Line1":"x","Country":"US"}]`, "Required attribute Type is not provided"},
		{supplier, "Addresses", `[{"Line1":"x","Country":"US","Type":"Home"}]`, "Type"},
		{supplier, "Addresses", `[{"ID":"` + zeroID + `","Line1":"x","Country":"US","Type":"Billing"}]`, "Address with specified ID"},
		{supplier, "Contacts", `[{"Phone":"1"}]`, "Required attribute Name is not provided"},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.at+" "+tt.value[:min(len(tt.value), 20)], func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, Options{})
			approach := map[string]string{stock: "STOCK", putAway: "STOCK"}[tt.path]
			if approach == "" {
				approach = "INVOICE"
			}
			id := c.purchase(approach, map[string]string{order: ""}[tt.path])
			bodies := map[string]string{
				header: js(`{'SupplierID':'S','Approach':'INVOICE','PurchaseType':'Advanced','Location':'Main Warehouse','TaxRule':'Tax on Purchases','Terms':'30 days'}`, "'S'", `"`+c.supplier.ID+`"`),
				order:  orderOf(id, "AUTHORISED"), invoice: invoiceOf(id, id, "N", "DRAFT", "100"),
				stock: stockOf(id, id, "AUTHORISED", "100", ""), putAway: stockOf(id, id, "AUTHORISED", "100", inWarehouse),
				supplier: js(`{'Name':'Pacific Hardware','Currency':'USD','PaymentTerm':'30 days','AccountPayable':'2000','TaxRule':'Tax on Purchases','Status':'Active'}`),
			}
			if tt.path != header && tt.path != order && tt.path != supplier {
				c.ok("POST", order, orderOf(id, "AUTHORISED"))
			}
			if tt.path == putAway {
				c.ok("POST", stock, bodies[stock])
			}
			c.refused("POST", tt.path, change(t, bodies[tt.path], tt.at, tt.value), 400, tt.want)
			c.ok("POST", tt.path, bodies[tt.path])
		})
	}
}

func TestRepeatedSKU(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		t.Run(fmt.Sprint(allowed), func(t *testing.T) {
			c := newCompany(t, Options{DuplicateSKULines: allowed})
			id := c.purchase("INVOICE", "")
			l := `{"SKU":"WEB-25-BLK","Name":"w","Quantity":1,"Price":1,"Tax":0,"TaxRule":"Use Tax 10","Total":1}`
			body := js(`{'TaskID':'P','CombineAdditionalCharges':false,'Memo':'','Status':'DRAFT','Lines':[L,L]}`, "'P'", `"`+id+`"`, "L", l, "'Lines'", `"Lines"`)
			if allowed {
				c.ok("POST", "purchase/order", body)
				return
			}
			c.refused("POST", "purchase/order", body, 400, "duplicate")
		})
	}
}

func TestLenientOrderLines(t *testing.T) {
	c := newCompany(t, Options{LenientOrderLines: true})
	id := c.purchase("INVOICE", "")
	got := c.ok("POST", "purchase/order", js(`{'TaskID':'P','CombineAdditionalCharges':false,'Memo':'','Status':'AUTHORISED','Lines':[{'SKU':'WEB-25-BLK','Quantity':5,'Tax':0,'Total':0}]}`, "'P'", `"`+id+`"`))
	if p := one0(got["Lines"])["Price"]; p != json.Number("0") {
		t.Errorf("price %v, want 0: the omitted price becomes 0 without a word", p)
	}
}

func TestChargeTotalIsComputedNotChecked(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.purchase("INVOICE", "")
	got := c.ok("POST", "purchase/order", change(t, orderOf(id, "DRAFT"), "AdditionalCharges.0.Total", "1"))
	if v := one0(got["AdditionalCharges"])["Total"]; v != json.Number("60") {
		t.Errorf("charge total %v, want 60", v)
	}
}

// What Cin7 takes without an error and does not keep (14 point 6).
func TestSilentNoOps(t *testing.T) {
	c := newCompany(t, Options{})
	got := c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'Stock','PurchaseType':'Advanced','Location':'Main Warehouse','BaseCurrency':'EUR',
		'OrderNumber':'PO1042','AdditionalAttributes':{'AdditionalAttribute1':'48213'},
		'Order':{'Lines':[{'SKU':'WEB-25-BLK'}]},'Lines':[{'SKU':'WEB-25-BLK','Colour':'red'}]}`, "'S'", `"`+c.supplier.ID+`"`))
	id := got["ID"].(string)
	if n := len(got["Order"].(map[string]any)["Lines"].([]any)); n != 0 || got["BaseCurrency"] != "USD" || got["OrderNumber"] != "PO-00001" || got["Approach"] != "STOCK" {
		t.Errorf("nested lines %d, currency %v, number %v, approach %v", n, got["BaseCurrency"], got["OrderNumber"], got["Approach"])
	}
	if a := got["AdditionalAttributes"].(map[string]any)["AdditionalAttribute1"]; a != "" {
		t.Errorf("attribute of a purchase is %q, want it not to stick", a)
	}
	if diff := cmp.Diff([]string{"BaseCurrency", "Lines", "Order", "OrderNumber"}, c.sim.Calls()[0].Ignored); diff != "" {
		t.Errorf("ignored names (-want +got)\n%s", diff)
	}
	c.ok("GET", "supplier?Search=nobody&name=Casc", "")
	if got := c.sim.Calls()[1].Ignored; cmp.Diff([]string{"?search"}, got) != "" {
		t.Errorf("ignored query names %v, want ?search", got)
	}

	c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
	st := c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", `,"LocationID":"`+warehouse+`"`))
	if l := one0(one0(st["StockReceiving"])["Lines"]); l["LocationID"] != nil || l["Location"] != nil {
		t.Errorf("a stock line keeps its location: %v", l)
	}
}
