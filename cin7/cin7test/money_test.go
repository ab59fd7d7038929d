package cin7test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func rows(list []Transaction) []string {
	var out []string
	for _, t := range list {
		out = append(out, fmt.Sprintf("%s %s/%s %s", t.EffectiveDate, t.DebitAccountCode, t.CreditAccountCode, t.Amount.StringFixed(2)))
	}
	return out
}

func TestLedgerOfAnInvoice(t *testing.T) {
	const line = `{"SKU":"WEB-25-BLK","Name":"w","Quantity":3,"Price":33.33,"Tax":9.999,"TaxRule":"Use Tax 10","Account":"1200","Total":99.99}`
	const freight = `{"Description":"Inbound freight","Quantity":1,"Price":60.05,"Tax":6.005,"TaxRule":"Use Tax 10","Account":"5100","Total":60.05}`
	tests := []struct {
		name, rate, calculation string
		o                       Options
		want                    []string
	}{
		{"base currency", "", "Exclusive", Options{}, []string{"2026-11-20 1200/2000 99.99", "2026-11-20 1370/2000 10.00", "2026-11-20 5100/2000 60.05", "2026-11-20 1370/2000 6.01"}},
		{"a rate, row by row", `"CurrencyRate":1.0875,`, "Exclusive", Options{}, []string{"2026-11-20 1200/2000 108.74", "2026-11-20 1370/2000 10.87", "2026-11-20 5100/2000 65.30", "2026-11-20 1370/2000 6.53"}},
		{"tax per document", `"CurrencyRate":1.0875,`, "Exclusive", Options{TaxMethod: "Total"}, []string{"2026-11-20 1200/2000 108.74", "2026-11-20 5100/2000 65.30", "2026-11-20 1370/2000 17.40"}},
		{"prices with tax", "", "Inclusive", Options{}, []string{"2026-11-20 1200/2000 89.99", "2026-11-20 1370/2000 10.00", "2026-11-20 5100/2000 54.05", "2026-11-20 1370/2000 6.01"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCompany(t, tt.o)
			id := c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'INVOICE','PurchaseType':'Advanced',RATE'TaxCalculation':'C','Location':'Main Warehouse'}`,
				"'S'", `"`+c.supplier.ID+`"`, "RATE", tt.rate, "'C'", `"`+tt.calculation+`"`))["ID"].(string)
			c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
			body := func(status string) string {
				return js(`{'PurchaseID':'P','TaskID':'P','CombineAdditionalCharges':false,'InvoiceDate':'2026-11-20T00:00:00','InvoiceDueDate':'2026-12-20T00:00:00','InvoiceNumber':'N','Status':'T','Lines':[LL],'AdditionalCharges':[CC]}`,
					"'P'", `"`+id+`"`, "'T'", `"`+status+`"`, "LL", line, "CC", freight)
			}
			c.ok("POST", "advanced-purchase/invoice", body("DRAFT"))
			if got := c.sim.Transactions(); len(got) > 0 {
				t.Errorf("a draft is in the ledger: %v", rows(got))
			}
			c.ok("POST", "advanced-purchase/invoice", body("AUTHORISED"))
			if diff := cmp.Diff(tt.want, rows(c.sim.Transactions())); diff != "" {
				t.Errorf("ledger (-want +got)\n%s", diff)
			}
			c.ok("DELETE", "advanced-purchase/invoice?TaskID="+id, "")
			if got := c.sim.Transactions(); len(got) > 0 {
				t.Errorf("an undone invoice is in the ledger: %v", rows(got))
			}
		})
	}
}

func TestTransactionsFilters(t *testing.T) {
	c := newCompany(t, Options{})
	for i, date := range []string{"2026-11-18", "2026-11-19", "2026-11-20"} {
		c.ok("POST", "journal", journalOf("COMPLETED", date, fmt.Sprint("NS:vendorbill:", i)))
	}
	c.ok("POST", "journal", journalOf("DRAFT", "2026-11-19", ""))
	for query, want := range map[string]int{
		"": 3, "FromDate=2026-11-18T00:00:00": 2, "ToDate=2026-11-20T00:00:00": 2, "FromDate=2026-11-18T00:00:00&ToDate=2026-11-20T00:00:00": 1,
		"FromDate=2026-11-17T00:00:00&ToDate=2026-11-21T00:00:00": 3, "Account=5100": 3, "account=2150": 3, "Account=1200": 0, "Limit=2&Page=2": 1,
	} {
		if n := len(c.ok("GET", "transactions?"+query, "")["Transactions"].([]any)); n != want {
			t.Errorf("transactions?%s: %d, want %d", query, n, want)
		}
	}
}

func journalOf(status, date, notes string) string {
	return js(`{'Status':'T','Currency':'USD','CurrencyConversionRate':1,'EffectiveDate':'DAYT00:00:00','Narration':'NetSuite bill','Notes':'N',
		'Lines':[{'Debit':'5100','Credit':'2150','Reference':'r','Amount':18.5,'BaseAmount':18.5}]}`, "'T'", `"`+status+`"`, "DAY", date, "'N'", `"`+notes+`"`)
}

func TestJournals(t *testing.T) {
	c := newCompany(t, Options{})
	j := one0(c.ok("POST", "journal", journalOf("DRAFT", "2026-11-20", "NS:vendorbill:51877@1234567"))["Journals"])
	id := j["TaskID"].(string)
	put := change(t, journalOf("COMPLETED", "2026-11-21", "NS:vendorbill:51877@1234567"), "TaskID", `"`+id+`"`)
	c.ok("PUT", "journal", put)
	c.refused("PUT", "journal", put, 400, "DRAFT")
	for query, want := range map[string]int{"": 1, "Search=51877": 1, "Search=jr-0000": 1, "Search=complet": 1, "Search=bill&Status=DRAFT": 0, "TaskID=" + loud(id): 1, "Search=5100": 0} {
		if n := len(c.ok("GET", "journal?"+query, "")["Journals"].([]any)); n != want {
			t.Errorf("journal?%s: %d, want %d", query, n, want)
		}
	}
	c.ok("DELETE", "journal?ID="+id, "")
	c.ok("PUT", "journal", put)
	c.ok("DELETE", "journal?Void=true&ID="+id, "")
	c.ok("DELETE", "journal?ID="+id, "")
	c.refused("DELETE", "journal?ID="+zeroID, "", 404, textNoTask)
	if got := c.sim.Journals()[0].Status; got != Voided || len(c.sim.Transactions()) > 0 {
		t.Errorf("journal %s, ledger %v", got, c.sim.Transactions())
	}
	var kinds []string
	for _, e := range c.sim.Journal() {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]string{"journal_drafted", "journal_completed", "journal_undone", "journal_completed", "journal_voided"}, kinds); diff != "" {
		t.Errorf("effects (-want +got)\n%s", diff)
	}
	body := journalOf("COMPLETED", "2026-11-20", "")
	for _, tt := range []struct{ at, value, want string }{
		{"Status", `"AUTHORISED"`, "Status"}, {"Currency", ``, "Required attribute Currency"}, {"CurrencyConversionRate", ``, "Required attribute CurrencyConversionRate"},
		{"Lines.0.Debit", `"9999"`, "Chart of Accounts"}, {"Lines.0.Credit", `"5999"`, "Chart of Accounts"}, {"Lines.0.BaseAmount", ``, "Required attribute BaseAmount"}, {"Lines", `[]`, textLines},
	} {
		c.refused("POST", "journal", change(t, body, tt.at, tt.value), 400, tt.want)
	}
}

func TestManualJournals(t *testing.T) {
	for _, appends := range []bool{false, true} {
		t.Run(fmt.Sprint("appends ", appends), func(t *testing.T) {
			c := newCompany(t, Options{ManualJournalAppends: appends})
			id := c.purchase("INVOICE", "AUTHORISED")
			c.sim.EditPurchase(id, func(p *Purchase) {
				p.Groups[0].Manual.Lines = []ManualLine{{Reference: "Stock in Transit", Date: "2026-11-19", Debit: "1200", Credit: "2150", Amount: decimal.NewFromInt(5), System: true}}
			})
			body := func(amount string) string {
				return js(`{'PurchaseID':'P','TaskID':'P','Status':'AUTHORISED','Lines':[{'Reference':'NS:vendorbill:51877:2 duty','Amount':AA,'Date':'2026-11-20T00:00:00','Debit':'1200','Credit':'2150'}]}`, "'P'", `"`+id+`"`, "AA", amount)
			}
			c.ok("POST", "advanced-purchase/manualJournal", body("18.5"))
			got := c.ok("POST", "advanced-purchase/manualJournal", body("20")) // allowed when authorised
			want := []string{"2026-11-19 1200/2150 5.00", "2026-11-20 1200/2150 20.00"}
			if appends {
				want = []string{"2026-11-19 1200/2150 5.00", "2026-11-20 1200/2150 18.50", "2026-11-20 1200/2150 20.00"}
			}
			if diff := cmp.Diff(want, rows(c.sim.Transactions())); diff != "" {
				t.Errorf("ledger (-want +got)\n%s", diff)
			}
			if n := len(one0(got["ManualJournals"])["Lines"].([]any)); n != len(want) {
				t.Errorf("%d lines in the answer, want %d", n, len(want))
			}
			c.refused("POST", "advanced-purchase/manualJournal", change(t, body("1"), "Lines.0.Debit", `"9999"`), 400, "Chart of Accounts")
			c.refused("POST", "advanced-purchase/manualJournal", change(t, body("1"), "TaskID", `"`+zeroID+`"`), 400, textNoTask)
			c.ok("GET", "advanced-purchase/manualJournal?PurchaseID="+id, "")
		})
	}
}

func TestCreditNotes(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.play("INVOICE", []step{{"order A", ""}, {"invoice 0 D 100", ""}})
	credit := func(task, status, unstock string) string {
		return js(`{'PurchaseID':'P','TaskID':'G','CreditNoteInvoiceNumber':'INV-0','CombineAdditionalCharges':false,'CreditNoteNumber':'CM-207','CreditNoteDate':'2026-12-02T00:00:00','Status':'T',
			'Lines':[{'SKU':'WEB-25-BLK','Name':'w','Quantity':5,'Price':2.4,'Tax':1.2,'TaxRule':'Use Tax 10','Account':'1200','Total':12}],'Unstock':[UU]}`,
			"'P'", `"`+id+`"`, "'G'", `"`+task+`"`, "'T'", `"`+status+`"`, "UU", unstock)
	}
	const path = "advanced-purchase/creditnote"
	c.refused("POST", path, credit(zeroID, "AUTHORISED", ""), 400, "Please authorise Invoice")
	c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "INV-0", "AUTHORISED", "100"))
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", ""))
	c.ok("POST", "advanced-purchase/put-away", stockOf(id, id, "AUTHORISED", "100", inWarehouse))
	card := c.stored(id).Groups[0].PutAway.Lines[0].CardID
	unstock := func(q string) string { return `{"CardID":"` + card + `","Quantity":` + q + `}` }

	c.refused("POST", path, credit(id, "DRAFT", ""), 400, textNoTask)
	c.refused("POST", path, credit(zeroID, "DRAFT", `{"CardID":"`+zeroID+`","Quantity":1}`), 400, "CardID")
	c.refused("POST", path, credit(zeroID, "DRAFT", unstock("101")), 400, "Available:100")
	got := c.ok("POST", path, credit(zeroID, "DRAFT", unstock("5")))
	task := one0(got["CreditNotes"])["TaskID"].(string)
	c.ok("POST", path, credit(task, "AUTHORISED", unstock("5")))
	c.refused("POST", path, credit(task, "AUTHORISED", unstock("5")), 400, "DRAFT or NOT AVAILABLE")
	c.refused("POST", path, credit(zeroID, "AUTHORISED", unstock("96")), 400, "Available:95")

	want := []string{"2026-11-20 1200/2000 240.00", "2026-11-20 1370/2000 24.00", "2026-11-20 5100/2000 60.00", "2026-12-02 2000/1200 12.00", "2026-12-02 2000/1370 1.20"}
	if diff := cmp.Diff(want, rows(c.sim.Transactions())); diff != "" {
		t.Errorf("ledger (-want +got)\n%s", diff)
	}
	p := c.ok("GET", "advanced-purchase?ID="+id, "")
	if p["Status"] != "RECEIVED / CREDITED" || p["CombinedInvoiceStatus"] != "INVOICED / CREDITED" {
		t.Errorf("status %v, invoice %v", p["Status"], p["CombinedInvoiceStatus"])
	}
	row := one0(c.ok("GET", "purchaseCreditNoteList?Search=cm-2", "")["PurchaseList"])
	if row["CreditNoteNumber"] != "CM-207" || row["UnstockStatus"] != "AUTHORISED" {
		t.Errorf("row %v", row)
	}
	c.ok("DELETE", path+"?TaskID="+task, "")
	c.refused("DELETE", path+"?TaskID="+id, "", 404, textNoTask)
	if n := len(c.sim.Transactions()); n != 3 {
		t.Errorf("%d rows after the void, want 3", n)
	}
	c.ok("GET", path+"?PurchaseID="+id, "")
}

func TestLockDate(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.purchase("INVOICE", "AUTHORISED")
	c.sim.SetLockDate("2026-11-20")
	c.refused("POST", "advanced-purchase/invoice", invoiceOf(id, id, "N", "AUTHORISED", "100"), 400, "lock date 2026-11-20")
	c.refused("POST", "journal", journalOf("COMPLETED", "2026-11-20", ""), 400, "lock date")
	c.ok("POST", "journal", journalOf("COMPLETED", "2026-11-21", ""))
	c.sim.SetLockDate("2026-11-19")
	c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "N", "AUTHORISED", "100"))
	c.refused("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", ""), 400, "lock date") // dated the 18th
}

func TestCurrencyOfAPurchase(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.SetRate("EUR", decimal.RequireFromString("1.09"))
	eur := c.sim.AddSupplier(Supplier{Name: "Alpenstoff", Currency: "EUR", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases"})
	for extra, want := range map[string]string{"": "1.09", `,"CurrencyRate":1.0875`: "1.0875"} {
		got := c.ok("POST", "advanced-purchase", `{"SupplierID":"`+eur.ID+`","Approach":"INVOICE","Location":"Main Warehouse"`+extra+`}`)
		if fmt.Sprint(got["CurrencyRate"]) != want || got["SupplierCurrency"] != "EUR" || got["BaseCurrency"] != "USD" {
			t.Errorf("rate %v, want %s; %v in %v", got["CurrencyRate"], want, got["SupplierCurrency"], got["BaseCurrency"])
		}
	}
}
