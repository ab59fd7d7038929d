package cin7test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSupplierPutMultipliesAddresses(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.AddAttributeSet("NetSuite vendor")
	body := js(`{'Name':'Pacific Hardware','Currency':'USD','PaymentTerm':'30 days','AccountPayable':'2000','TaxRule':'Tax on Purchases','Status':'Active',
		'Comments':'NS:vendor:1187@1234567_SB1','TaxNumber':'12','AdditionalAttribute1':'1187',
		'Addresses':[{'Line1':'4 Harbor Way','Country':'US','Type':'Billing'}],'Contacts':[{'Name':'Dana','Email':'d@example.org'}]}`)
	got := one0(c.ok("POST", "supplier", body)["SupplierList"])
	id, address := got["ID"].(string), one0(got["Addresses"])["ID"].(string)
	if got["AdditionalAttribute1"] != nil {
		t.Error("an attribute stuck without its set")
	}
	c.ok("PUT", "supplier", js(`{'ID':'I','AttributeSet':'NetSuite vendor','AdditionalAttribute1':'1187','TaxNumber':'',
		'Addresses':[{'ID':'A','City':'Oakland'},{'Line1':'5 Harbor Way','Country':'US','Type':'Shipping'}]}`, "'I'", `"`+id+`"`, "'A'", `"`+address+`"`))
	got = one0(c.ok("PUT", "supplier", js(`{'ID':'I','Addresses':[{'Line1':'5 Harbor Way','Country':'US','Type':'Shipping'}]}`, "'I'", `"`+id+`"`))["SupplierList"])
	var lines []string
	for _, a := range got["Addresses"].([]any) {
		lines = append(lines, a.(map[string]any)["Line1"].(string)+" "+a.(map[string]any)["City"].(string))
	}
	if diff := cmp.Diff([]string{"4 Harbor Way Oakland", "5 Harbor Way ", "5 Harbor Way "}, lines); diff != "" {
		t.Errorf("addresses (-want +got)\n%s", diff)
	}
	if got["Name"] != "Pacific Hardware" || got["TaxNumber"] != "" || got["AdditionalAttribute1"] != "1187" || got["Comments"] != "NS:vendor:1187@1234567_SB1" {
		t.Errorf("name %v, tax number %v, attribute %v, comments %v", got["Name"], got["TaxNumber"], got["AdditionalAttribute1"], got["Comments"])
	}
	c.refused("PUT", "supplier", js(`{'ID':'I','Name':''}`, "'I'", `"`+id+`"`), 400, "Required attribute Name is not provided")
	c.refused("PUT", "supplier", js(`{'Name':'x'}`), 400, "Required attribute ID is not provided")

	var kinds []string
	for _, e := range c.sim.Journal() {
		kinds = append(kinds, e.Kind+" "+e.Marker)
	}
	if diff := cmp.Diff([]string{"supplier_created NS:vendor:1187@1234567_SB1", "supplier_changed NS:vendor:1187@1234567_SB1", "supplier_changed NS:vendor:1187@1234567_SB1"}, kinds); diff != "" {
		t.Errorf("effects (-want +got)\n%s", diff)
	}
}

func TestSupplierNames(t *testing.T) {
	body := js(`{'Name':'Cascade Webbing Co','Currency':'USD','PaymentTerm':'30 days','AccountPayable':'2000','TaxRule':'Tax on Purchases','Status':'Active'}`)
	c := newCompany(t, Options{DuplicateSupplierNames: true})
	c.ok("POST", "supplier", body)
	if n := len(c.sim.Suppliers()); n != 2 {
		t.Errorf("%d suppliers, want 2", n)
	}

	c = newCompany(t, Options{})
	c.sim.AddSupplier(Supplier{Name: "Cascade Ropes"})
	c.ok("PUT", "supplier", `{"ID":"`+c.supplier.ID+`","Status":"Deprecated"}`)
	c.ok("POST", "supplier", body) // a namesake of a deprecated one
	for query, want := range map[string]int{"": 2, "Name=cascade": 2, "name=ropes": 0, "NAME=Cascade+Ropes": 1, "Name=Cascade&IncludeDeprecated=true": 3, "Search=Cascade+Ropes": 2,
		"ID=" + c.supplier.ID: 0, "IncludeDeprecated=true&ID=" + loud(c.supplier.ID): 1, "ModifiedSince=2030-01-01T00:00:00": 0} {
		if n := len(c.ok("GET", "supplier?"+query, "")["SupplierList"].([]any)); n != want {
			t.Errorf("supplier?%s: %d, want %d", query, n, want)
		}
	}
	c.refused("POST", "advanced-purchase", js(`{'Supplier':'Cascade','Approach':'INVOICE','Location':'Main Warehouse'}`), 400, "Suppliers reference book")
	got := c.ok("POST", "advanced-purchase", js(`{'Supplier':'cascade webbing co','Approach':'INVOICE','Location':'Main Warehouse'}`))
	if got["SupplierID"] == c.supplier.ID || got["Terms"] != "30 days" || got["TaxRule"] != "Tax on Purchases" || got["Type"] != "Simple Purchase" {
		t.Errorf("purchase by name: %v", got)
	}
}

func TestReferenceLists(t *testing.T) {
	c := newCompany(t, Options{LockDate: "2026-10-31"})
	me := c.ok("GET", "me", "")
	if me["LockDate"] != "2026-10-31T00:00:00" || me["Currency"] != "USD" || me["TaxCalculationMethod"] != "Row Total" {
		t.Errorf("me: %v", me)
	}
	tests := []struct {
		path, key string
		want      int
	}{
		{"ref/account", "AccountsList", 7}, {"REF/Account?code=1200", "AccountsList", 1}, {"ref/account?Name=acc", "AccountsList", 2},
		{"ref/account?Type=CURRLIAB", "AccountsList", 2}, {"ref/account?Status=ACTIVE", "AccountsList", 6}, {"ref/account?Limit=3&Page=3", "AccountsList", 1},
		{"ref/account?Page=9223372036854775807&Limit=1000", "AccountsList", 0}, {"ref/account?Page=x&Limit=-1", "AccountsList", 7},
		{"ref/tax", "TaxRuleList", 4}, {"ref/tax?IsActive=true&IsTaxForPurchase=true", "TaxRuleList", 2}, {"ref/tax?Name=use", "TaxRuleList", 1},
		{"ref/location", "LocationList", 2}, {"ref/location?Deprecated=false", "LocationList", 1},
		{"ref/paymentterm", "PaymentTermList", 2}, {"ref/paymentterm?IsActive=true", "PaymentTermList", 1},
		{"product", "Products", 3}, {"product?Sku=25", "Products", 2}, {"product?Sku=WEB-25-BLK", "Products", 1}, {"product?Name=inbound", "Products", 1},
		{"product?IncludeDeprecated=true", "Products", 4}, {"product?IncludeSuppliers=true&ID=" + webbing, "Products", 1},
	}
	for _, tt := range tests {
		if got := c.ok("GET", tt.path, ""); len(got[tt.key].([]any)) != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.path, len(got[tt.key].([]any)), tt.want)
		}
	}
	c.refused("GET", "ref/account?Code=9999", "", 400, "Account with specified ID not found")
	c.refused("GET", "product?ModifiedSince=yesterday", "", 400, "ModifiedSince")

	c.sim.SetAccountStatus("5100", "ARCHIVED")
	if n := len(c.ok("GET", "ref/account?Status=active", "")["AccountsList"].([]any)); n != 5 {
		t.Errorf("%d active accounts, want 5", n)
	}
	for _, tt := range []struct {
		startsWith bool
		want       int
	}{{false, 1}, {true, 0}} {
		c := newCompany(t, Options{SKUStartsWith: tt.startsWith})
		if n := len(c.ok("GET", "product?Sku=BLK", "")["Products"].([]any)); n != tt.want {
			t.Errorf("starts with %v: %d products, want %d", tt.startsWith, n, tt.want)
		}
	}
}

func TestProducts(t *testing.T) {
	c := newCompany(t, Options{})
	body := js(`{'SKU':'ROPE-8','Name':'Rope 8 mm','Category':'Other','Type':'Stock','CostingMethod':'FIFO','UOM':'Item','Status':'Active','InventoryAccount':'1200',
		'Suppliers':[{'SupplierID':'S','Cost':1.5}]}`, "'S'", `"`+c.supplier.ID+`"`)
	id := one0(c.ok("POST", "product", body)["Products"])["ID"].(string)
	got := one0(c.ok("PUT", "product", `{"ID":"`+id+`","Name":"Rope 8 mm, red"}`)["Products"])
	if got["Name"] != "Rope 8 mm, red" || got["SKU"] != "ROPE-8" {
		t.Errorf("product %v", got)
	}
	c.refused("POST", "product", body, 400, `Failed to update product: SKU "ROPE-8" already exists!`)
	c.refused("PUT", "product", `{"ID":"`+id+`","Type":"Service"}`, 400, "Type")
	other := change(t, body, "SKU", `"ROPE-9"`)
	for _, tt := range []struct{ at, value, want string }{
		{"Brand", `"Petzl"`, "Brand 'Petzl' was not found in reference book"},
		{"UOM", ``, "Required attribute UOM is not provided"}, {"InventoryAccount", `"5100"`, "InventoryAccount"}, {"PurchaseTaxRule", `"Old rule"`, "reference book"},
	} {
		c.refused("POST", "product", change(t, other, tt.at, tt.value), 400, tt.want)
	}
	c.refused("POST", "product", change(t, other, "Category", `"Ropes"`), 404, "Category not found.")
	c.ok("POST", "product", other)
}

func TestPurchaseList(t *testing.T) {
	c := newCompany(t, Options{IndexLag: 30 * time.Second})
	first := c.purchase("INVOICE", "AUTHORISED")
	if n := c.ok("GET", "purchaseList", "")["Total"]; n != json.Number("0") {
		t.Errorf("%v rows before the index has seen it, want 0", n)
	}
	c.ok("GET", "advanced-purchase?ID="+first, "") // by ID at once
	c.clock.Advance(time.Minute)
	mark := c.clock.Now()
	c.purchase("STOCK", "DRAFT")
	c.purchase("STOCK", "")
	c.clock.Advance(30 * time.Second)
	c.ok("POST", "advanced-purchase/invoice", invoiceOf(first, first, "CW-88121", "AUTHORISED", "60"))
	c.clock.Advance(time.Minute)

	numbers := func(query string) string {
		out := ""
		for _, r := range c.ok("GET", "purchaseList?"+query, "")["PurchaseList"].([]any) {
			out += r.(map[string]any)["OrderNumber"].(string)[7:]
		}
		return out
	}
	at := func(t time.Time) string { return url.QueryEscape(t.Format("2006-01-02T15:04:05.000")) }
	for query, want := range map[string]string{
		"": "123", "Search=po-0000": "123", "search=cascade": "123", "Search=88121": "1", "Search=48213": "", "Search=ordering": "2", "Search=PARTIALLY": "1",
		"UpdatedSince=" + at(mark): "123", "UpdatedSince=" + at(mark.Add(time.Second)): "1", "UpdatedUntil=" + at(mark): "23",
		"OrderStatus=DRAFT": "2", "OrderStatus=NOT+AVAILABLE": "3", "InvoiceStatus=AUTHORISED": "1", "StockReceivedStatus=AUTHORISED": "",
		"RestockReceivedStatus=AUTHORISED": "123", "Type=Simple": "123", "Status=DRAFT": "3", "CreditNoteStatus=AUTHORISED": "", "RequiredBy=2026-01-01T00:00:00": "",
		"Limit=2": "12", "Limit=2&Page=2": "3", "DropShipTaskID=" + first: "",
	} {
		if got := numbers(query); got != want {
			t.Errorf("purchaseList?%s: %q, want %q", query, got, want)
		}
	}
	row := one0(c.ok("GET", "purchaseList", "")["PurchaseList"])
	if _, has := row["Note"]; has || row["InvoiceAmount"] != json.Number("218.4") || row["LastUpdatedDate"] != "2026-11-20T18:01:30.000Z" || row["OrderDate"] != "2026-11-20T00:00:00" {
		t.Errorf("row %v", row)
	}
	c.refused("GET", "purchaseList?UpdatedSince=yesterday", "", 400, "UpdatedSince")
	if got := c.ok("GET", "purchaseCreditNoteList", "")["Total"]; got != json.Number("0") {
		t.Errorf("%v credit notes, want 0", got)
	}
}

func TestOrderDateIsTodayInTheZoneOfTheAccount(t *testing.T) {
	for zone, want := range map[string]string{"America/Los_Angeles": "2026-11-20T00:00:00", "Pacific/Auckland": "2026-11-21T00:00:00", "Nowhere/None": "2026-11-20T00:00:00"} {
		c := newCompany(t, Options{TimeZone: zone})
		if got := c.ok("GET", "advanced-purchase?ID="+c.purchase("INVOICE", ""), "")["OrderDate"]; got != want {
			t.Errorf("%s: order date %v, want %s", zone, got, want)
		}
	}
}

func TestNumbersOfInvoices(t *testing.T) {
	noNumber := func(c *company, id, task string) string {
		got := c.ok("POST", "advanced-purchase/invoice", change(t, invoiceOf(id, task, "", "AUTHORISED", "10"), "InvoiceNumber", ""))
		list := got["Invoices"].([]any)
		return list[len(list)-1].(map[string]any)["InvoiceNumber"].(string)
	}
	c := newCompany(t, Options{})
	id := c.purchase("STOCK", "AUTHORISED")
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "10", ""))
	c.ok("POST", "advanced-purchase/stock", stockOf(id, "", "AUTHORISED", "10", ""))
	got := noNumber(c, id, c.task(id, "1")) + " " + noNumber(newCompanyWithStock(t))
	if got != "INV-00001/2 INV-00001" {
		t.Errorf("generated numbers %s", got)
	}
	for suffix, want := range map[bool]string{false: "SAME", true: "SAME/2"} {
		c := newCompany(t, Options{SuffixInvoiceNumbers: suffix, ZeroGroupInvoice: true})
		id := c.purchase("INVOICE", "AUTHORISED")
		c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "SAME", "AUTHORISED", "60"))
		c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, zeroID, "SAME", "AUTHORISED", "40"))
		if got := c.stored(id).Groups[1].Invoice.Number; got != want {
			t.Errorf("suffix %v: %s, want %s", suffix, got, want)
		}
	}
}

func newCompanyWithStock(t *testing.T) (*company, string, string) {
	c := newCompany(t, Options{})
	id := c.play("STOCK", []step{{"order A", ""}, {"stock 0 A 10", ""}})
	return c, id, id
}

func TestHeaderChanges(t *testing.T) {
	c := newCompany(t, Options{PurchaseAttributes: true})
	id := c.purchase("INVOICE", "AUTHORISED")
	put := func(rest string) string { return `{"ID":"` + id + `","Location":"Main Warehouse",` + rest + `}` }
	got := c.ok("PUT", "advanced-purchase", put(`"Note":"changed","Approach":"STOCK","RequiredBy":"2026-12-01T00:00:00","AdditionalAttributes":{"AdditionalAttribute2":"x"}`))
	if got["Note"] != "changed" || got["Approach"] != "STOCK" || got["RequiredBy"] != "2026-12-01T00:00:00" || got["AdditionalAttributes"].(map[string]any)["AdditionalAttribute2"] != "x" {
		t.Errorf("header %v", got)
	}
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "DRAFT", "1", ""))
	c.refused("PUT", "advanced-purchase", put(`"Approach":"INVOICE"`), 400, "Approach")
	other := c.sim.AddSupplier(Supplier{Name: "Other", Currency: "EUR"})
	c.refused("PUT", "advanced-purchase", put(`"SupplierID":"`+other.ID+`"`), 400, "Supplier")
	c.refused("PUT", "advanced-purchase", `{"ID":"`+zeroID+`","Note":"x"}`, 400, textNoPurchase)
	c.refused("GET", "advanced-purchase?ID="+zeroID, "", 404, textNoPurchase)
	c.refused("GET", "advanced-purchase", "", 400, "Required attribute ID is not provided")
	c.ok("DELETE", "advanced-purchase?Void=true&ID="+id, "")
	c.refused("PUT", "advanced-purchase", put(`"Note":"y"`), 400, "voided")
}

// Lines have no ids and answers reorder them; GUIDs come in both cases.
func TestAnswersAreShuffledAndStable(t *testing.T) {
	run := func(seed uint64) string {
		c := newCompany(t, Options{Seed: seed})
		id := c.purchase("INVOICE", "")
		lines := ""
		for i := range 8 {
			c.sim.AddProduct(Product{SKU: "P" + strconv.Itoa(i), Name: "P"})
			lines += fmt.Sprintf(`,{"SKU":"P%d","Name":"w","Quantity":1,"Price":1,"Tax":0,"TaxRule":"Use Tax 10","Total":1}`, i)
		}
		got := c.ok("POST", "purchase/order", js(`{'TaskID':'P','CombineAdditionalCharges':false,'Memo':'','Status':'DRAFT','Lines':[LL]}`, "'P'", `"`+id+`"`, "LL", lines[1:]))
		skus := ""
		for _, l := range got["Lines"].([]any) {
			skus += l.(map[string]any)["SKU"].(string)
		}
		return skus
	}
	a, b, c := run(1), run(1), run(2)
	if a != b || a == c || a == "P0P1P2P3P4P5P6P7" {
		t.Errorf("orders of lines: seed 1 %s and %s, seed 2 %s", a, b, c)
	}
}
