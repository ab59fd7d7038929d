package netsuitetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shop fills an account with one of each: a vendor, a PO with an item, an
// expense and a service line, a partial receipt, a bill in another currency, a
// credit.
func shop(a *account) {
	a.PutCurrency(Currency{ID: 2, Symbol: "EUR", Name: "Euro", Rate: "1.1"})
	a.PutAccount(Account{ID: 111, Number: "1200", Name: "Inventory Asset", Type: "OthCurrAsset"})
	a.PutAccount(Account{ID: 112, Number: "1370", Name: "Tax Paid", Type: "OthCurrAsset"})
	a.PutAccount(Account{ID: 121, Number: "2000", Name: "Accounts Payable", Type: "AcctPay"})
	a.PutAccount(Account{ID: 151, Number: "5100", Name: "Freight In", Type: "COGS"})
	a.PutLocation(Location{ID: 7, Name: "Main Warehouse"})
	a.PutItem(Item{ID: 2001, SKU: "WEB-25", Name: "Webbing", AssetAccount: 111})
	a.PutItem(Item{ID: 2002, SKU: "SETUP", Name: "Set-up", Type: "Service", ExpenseAccount: 151})
	a.PutVendor(Vendor{ID: 301, EntityID: "V-1001", CompanyName: "Cascade", Currency: "EUR", Terms: "Net 30", Email: "ap@cascade.example",
		Addresses: []Address{{Key: 9001, DefaultBilling: true, Line1: "88 Mill Road", City: "Bend", State: "OR", Zip: "97701", Country: "US"}}})
	a.PutPurchaseOrder(PurchaseOrder{ID: 4001, Number: "PO1041", Vendor: 301, Date: "2026-11-02", Location: 7, Tax: "20", Lines: []OrderLine{
		{Item: 2001, Quantity: "100", Amount: "240", Memo: "black"}, {Account: 151, Memo: "freight", Amount: "60"}, {Item: 2002, Quantity: "1", Amount: "15"}}})
	a.PutReceipt(Receipt{ID: 5001, PO: 4001, Date: "2026-11-05", Lines: []ReceiptLine{{POLine: 1, Quantity: "40"}, {POLine: 3, Quantity: "1"}}})
	a.PutBill(Bill{ID: 6001, Number: "CW-88121", Date: "2026-11-06", Due: "2026-12-06", Lines: []BillLine{
		{PO: 4001, POLine: 1, Quantity: "100", Amount: "240"}, {PO: 4001, POLine: 2, Amount: "60.01"}, {Account: 151, Memo: "rebate", Amount: "-5"}},
		Taxes: []TaxLine{{Account: 112, Amount: "20"}}})
	a.PutCredit(Credit{Bill: Bill{ID: 7001, Number: "CN-1", Date: "2026-11-08", Lines: []BillLine{{Item: 2001, Quantity: "2", Amount: "4.80"}}}, AppliedTo: []int64{6001}})
}

// The statements of contract 3.9 run as they are printed.
func TestStatements(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	a.Delete("vendorcredit", 7001)
	a.PutCredit(Credit{Bill: Bill{ID: 7002, Vendor: 301, Number: "CN-2", Lines: []BillLine{{Account: 151, Amount: "1"}}}})

	for _, c := range []struct {
		name, query, columns string
		want                 []string
	}{
		{"a vendors", statement("a"), "id entityid companyname isperson isinactive terms termsname currency currencycode defaultbillingaddress defaultshippingaddress modifiedat phone",
			[]string{"301 | V-1001 | Cascade | F | F | 1 | Net 30 | 2 | EUR | 9001 | - | 2026-11-10 12:00:00 | -"}},
		{"a vendors past the keyset", statement("a", "{LAST}", "301"), "id", nil},
		{"a vendors since a second later", statement("a", "{T}", "2026-11-10 12:00:01"), "id", nil},
		{"a vendors since the same second", statement("a", "{T}", "2026-11-10 12:00:00"), "id", []string{"301"}},
		{"a addresses", statement("addresses", "{IDS}", "301, 302"), "vendorid nkey defaultbilling defaultshipping addr1 city zip country addr2",
			[]string{"301 | 9001 | T | F | 88 Mill Road | Bend | 97701 | US | -"}},
		{"b orders", statement("b", "{TYPE}", "PurchOrd"), "id type tranid transactionnumber status statustext approvalstatus posting voided entity currencycode exchangerate foreigntotal subsidiary location trandate duedate createdat modifiedat",
			[]string{"4001 | PurchOrd | PO1041 | PURCHORD1 | E | Purchase Order : Pending Billing/Partially Received | 2 | F | F | 301 | EUR | 1.1 | -335 | 1 | 7 | 2026-11-02 | - | 2026-11-10 12:00:00 | 2026-11-10 12:00:00"}},
		{"b bills", statement("b", "{TYPE}", "VendBill"), "id tranid status statustext posting foreigntotal trandate duedate",
			[]string{"6001 | CW-88121 | A | Bill : Open | T | -315.01 | 2026-11-06 | 2026-12-06"}},
		{"b receipts", statement("b", "{TYPE}", "ItemRcpt"), "id tranid status foreigntotal entity location", []string{"5001 | IR5001 | Y | - | 301 | 7"}},
		{"b credits", statement("b", "{TYPE}", "VendCred"), "id foreigntotal", []string{"7002 | 1"}},
		{"c order lines", statement("c", "{IDS}", "4001"), "transaction lineid lineno item sku itemtype memo quantity rate foreignamount quantityshiprecv quantitybilled isclosed expenseaccount location",
			[]string{
				"4001 | 1 | 1 | 2001 | WEB-25 | InvtPart | black | 100 | 2.64 | 240 | 40 | 100 | F | - | 7",
				"4001 | 2 | 2 | - | - | - | freight | - | - | 60 | - | - | F | 151 | 7",
				"4001 | 3 | 3 | 2002 | SETUP | Service | - | 1 | 16.5 | 15 | 1 | 0 | F | - | 7",
			}},
		{"c past the keyset", statement("c", "{IDS}", "4001", "{A}", "4001", "{B}", "2"), "lineid", []string{"3"}},
		{"d bill lines", statement("d", "{IDS}", "6001"), "lineid lineno taxline accountinglinetype sku memo quantity foreignamount createdfrom account acctnumber acctname accttype acctinactive debit credit baseamount posting",
			[]string{
				"2 | 1 | F | ASSET | WEB-25 | - | 100 | 240 | 4001 | 111 | 1200 | Inventory Asset | OthCurrAsset | F | 264 | - | 264 | T",
				"3 | 2 | F | - | - | - | - | 60.01 | 4001 | 151 | 5100 | Freight In | COGS | F | 66.01 | - | 66.01 | T",
				"4 | 3 | F | - | - | rebate | - | -5 | - | 151 | 5100 | Freight In | COGS | F | - | 5.5 | -5.5 | T",
				"5 | 4 | T | TAX | - | Tax | - | 20 | - | 112 | 1370 | Tax Paid | OthCurrAsset | F | 22 | - | 22 | T",
			}},
		{"e orders of bills", statement("e", "{IDS}", "6001"), "nextdoc nextline poid polineid linktype ponumber",
			[]string{"6001 | 2 | 4001 | 1 | OrdBill | PO1041", "6001 | 3 | 4001 | 2 | OrdBill | PO1041"}},
		{"f receipt lines", statement("f", "{IDS}", "5001"), "transaction lineid item sku itemtype quantity location poid ponumber polineid",
			[]string{"5001 | 2 | 2001 | WEB-25 | InvtPart | 40 | 7 | 4001 | PO1041 | 1", "5001 | 4 | 2002 | SETUP | Service | 1 | 7 | 4001 | PO1041 | 3"}},
		{"g deletions", statement("g"), "recordid recordtypeid type name context deletedat",
			[]string{"7001 | -30 | Vendor Credit | CN-1 | UIF | 2026-11-10 12:00:00"}},
		{"h unknown type", statement("h", "{ID}", "5001"), "id type recordtype", []string{"5001 | ItemRcpt | itemreceipt"}},
		{"h a vendor's id is no transaction", statement("h", "{ID}", "301"), "id", nil},
		{"j high-water mark", statement("j", "{TYPE}", "PurchOrd"), "hw", []string{"2026-11-10 12:00:00"}},
		{"j of nothing", statement("j", "{TYPE}", "VendPymt"), "hw", []string{"-"}},
		{"UTC of contract 4.1", `SELECT TO_CHAR(SYS_EXTRACT_UTC(t.lastmodifieddate), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS utc FROM transaction t WHERE id = 4001`, "utc", []string{"2026-11-10T20:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &account{Sim: a.Sim, t: t, url: a.url, clock: a.clock, bearer: a.bearer}
			if diff := cmp.Diff(c.want, lines(a.rows(c.query), c.columns)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestCreditRows(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	got := lines(a.rows(statement("d", "{IDS}", "7001")), "quantity foreignamount createdfrom debit credit")
	if diff := cmp.Diff([]string{"-2 | -4.8 | 6001 | - | 5.28"}, got); diff != "" {
		t.Errorf("lines of a credit (-want +got)\n%s", diff)
	}
	got = lines(a.rows("SELECT tl.foreignamount, tal.debit FROM transactionline tl JOIN transactionaccountingline tal ON tal.transaction = tl.transaction AND tal.transactionline = tl.id WHERE tl.transaction = 7001 AND tl.mainline = 'T'"), "foreignamount debit")
	if diff := cmp.Diff([]string{"4.8 | 5.28"}, got); diff != "" {
		t.Errorf("mainline of a credit (-want +got)\n%s", diff)
	}
	got = lines(a.rows("SELECT previousdoc, nextdoc, linktype FROM previoustransactionlinelink WHERE nextdoc = 7001"), "previousdoc nextdoc linktype")
	if diff := cmp.Diff([]string{"6001 | 7001 | Payment"}, got); diff != "" {
		t.Errorf("links of a credit (-want +got)\n%s", diff)
	}
}

// Without DISTINCT and linktype a sum over the links is four times too high.
func TestLinksMultiply(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	got := lines(a.rows("SELECT linktype, COUNT(*) AS n, SUM(foreignamount) AS total FROM previoustransactionlinelink WHERE nextdoc = 6001 AND previousdoc = 4001 AND previousline = 1 GROUP BY linktype ORDER BY linktype"), "linktype n total")
	if diff := cmp.Diff([]string{"OrdBill | 3 | 720", "OrdPick | 1 | 240"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// One bill over two POs, and lines whose PO only createdfrom tells.
func TestBillOverOrders(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	a.PutPurchaseOrder(PurchaseOrder{ID: 4002, Number: "PO1042", Vendor: 301, Lines: []OrderLine{{Item: 2001, Quantity: "5", Amount: "12"}}})
	a.PutBill(Bill{ID: 6002, Lines: []BillLine{
		{PO: 4002, POLine: 1, Quantity: "5", Amount: "12"}, {PO: 4001, POLine: 3, Quantity: "1", Amount: "15"}, {PO: 4002, POLine: 1, Amount: "1", Quantity: "1", NoLink: true}}})
	got := lines(a.rows(statement("e", "{IDS}", "6002")), "nextline poid polineid")
	got = append(got, lines(a.rows("SELECT id, createdfrom FROM transactionline WHERE transaction = 6002 ORDER BY id"), "id createdfrom")...)
	got = append(got, lines(a.rows("SELECT DISTINCT previousdoc, linktype FROM previoustransactionlink WHERE nextdoc = 6002 ORDER BY previousdoc"), "previousdoc linktype")...)
	want := []string{"2 | 4002 | 1", "3 | 4001 | 3", "0 | -", "2 | 4002", "3 | 4001", "4 | 4002", "4001 | OrdBill", "4002 | OrdBill", "5001 | RcptBill"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A line that is removed leaves no trace but the header's stamp (contract 4.3).
func TestRemovedLine(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	b, ok := a.Bill(6001)
	if !ok || b.Vendor != 301 || b.Payable != 121 || b.Rate != "1.1" {
		t.Fatalf("bill as put: %+v", b)
	}
	a.clock.add(time.Minute)
	b.Lines = b.Lines[:1]
	a.PutBill(b)
	got := lines(a.rows("SELECT foreigntotal, TO_CHAR(lastmodifieddate, 'HH24:MI') AS at, TO_CHAR(createddate, 'HH24:MI') AS since FROM transaction WHERE id = 6001"), "foreigntotal at since")
	got = append(got, lines(a.rows("SELECT id FROM transactionline WHERE transaction = 6001 ORDER BY id"), "id")...)
	got = append(got, lines(a.rows(statement("e", "{IDS}", "6001")), "nextline")...)
	if diff := cmp.Diff([]string{"-260 | 12:01 | 12:00", "0", "2", "3", "2"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Exec makes worlds that Put cannot: it speaks SQLite with SuiteQL's functions.
func TestExec(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	if err := a.Exec("UPDATE transaction SET trandate = TO_DATE('2026-12-24', 'YYYY-MM-DD'), lastmodifieddate = ? WHERE id = ?", noon().Add(time.Hour), 4001); err != nil {
		t.Fatal(err)
	}
	got := lines(a.rows("SELECT trandate, TO_CHAR(lastmodifieddate, 'HH24:MI') AS at FROM transaction WHERE id = 4001"), "trandate at")
	if diff := cmp.Diff([]string{"12/24/2026 | 13:00"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := a.Exec("UPDATE nowhere SET x = 1"); err == nil {
		t.Error("no error for a table that does not exist")
	}
}
