package netsuitetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOrderStatus(t *testing.T) {
	line := func(po int64, q string) []BillLine { return []BillLine{{PO: po, POLine: 1, Quantity: q, Amount: "1"}} }
	for _, c := range []struct {
		name string
		do   func(a *account, po int64)
		want string
	}{
		{"nothing yet", func(*account, int64) {}, "B"},
		{"billed before anything came", func(a *account, po int64) { a.PutBill(Bill{Lines: line(po, "10")}) }, "B"},
		{"part came and is billed", func(a *account, po int64) {
			a.PutReceipt(Receipt{PO: po, Lines: []ReceiptLine{{POLine: 1, Quantity: "4"}}})
			a.PutBill(Bill{Lines: line(po, "4")})
		}, "D"},
		{"part came, not billed", func(a *account, po int64) {
			a.PutReceipt(Receipt{PO: po, Lines: []ReceiptLine{{POLine: 1, Quantity: "4"}}})
		}, "E"},
		{"all came", func(a *account, po int64) { a.PutReceipt(Receipt{PO: po}) }, "F"},
		{"all came in two receipts and two bills", func(a *account, po int64) {
			a.PutReceipt(Receipt{PO: po, Lines: []ReceiptLine{{POLine: 1, Quantity: "4"}}})
			a.PutReceipt(Receipt{PO: po})
			a.PutBill(Bill{Lines: line(po, "7")})
			a.PutBill(Bill{Lines: line(po, "3")})
		}, "G"},
		{"a cancelled bill does not count", func(a *account, po int64) {
			a.PutReceipt(Receipt{PO: po})
			a.PutBill(Bill{Status: "C", Lines: line(po, "10")})
		}, "F"},
		{"the receipt was deleted", func(a *account, po int64) {
			r := a.PutReceipt(Receipt{PO: po})
			a.Delete("itemreceipt", r)
		}, "B"},
		{"the receipt was made smaller", func(a *account, po int64) {
			r := a.PutReceipt(Receipt{PO: po})
			a.PutReceipt(Receipt{ID: r, PO: po, Lines: []ReceiptLine{{POLine: 1, Quantity: "1"}}})
		}, "E"},
		{"closed by a person", func(a *account, po int64) {
			o, _ := a.PurchaseOrder(po)
			o.Status = "H"
			a.PutPurchaseOrder(o)
		}, "H"},
		{"all lines closed", func(a *account, po int64) {
			o, _ := a.PurchaseOrder(po)
			o.Lines[0].Closed = true
			a.PutPurchaseOrder(o)
		}, "H"},
		{"pending approval", func(a *account, po int64) {
			o, _ := a.PurchaseOrder(po)
			o.Status = "A"
			a.PutPurchaseOrder(o)
		}, "A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, Options{})
			shop(a)
			po := a.PutPurchaseOrder(PurchaseOrder{Vendor: 301, Lines: []OrderLine{{Item: 2001, Quantity: "10", Amount: "24"}}})
			c.do(a, po)
			got := lines(a.rows("SELECT status FROM transaction WHERE type = 'PurchOrd' AND id <> 4001"), "status")
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A receipt changes the lines and the letter of a PO, but its header's stamp
// only where the account says so (contract 4.3).
func TestReceiptBump(t *testing.T) {
	for name, bump := range map[string]bool{"not bumped": false, "bumped": true} {
		t.Run(name, func(t *testing.T) {
			a := open(t, Options{BumpOrders: bump})
			shop(a)
			a.clock.add(30 * time.Minute)
			a.PutReceipt(Receipt{PO: 4001})
			want := "2026-11-10 12:00:00"
			if bump {
				want = "2026-11-10 12:30:00"
			}
			got := lines(a.rows(statement("j", "{TYPE}", "PurchOrd")), "hw")
			got = append(got, lines(a.rows("SELECT quantityshiprecv AS q, TO_CHAR(linelastmodifieddate, 'HH24:MI') AS at FROM transactionline WHERE transaction = 4001 AND id = 1"), "q at")...)
			if diff := cmp.Diff([]string{want, "100 | 12:30"}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBillStates(t *testing.T) {
	for _, c := range []struct {
		name    string
		bill    Bill
		options Options
		want    string // status approval posting voided total paid
	}{
		{"open", Bill{}, Options{}, "A | 2 | T | F | -10 | 0"},
		{"paid", Bill{Status: "B"}, Options{}, "B | 2 | T | F | -10 | 10"},
		{"pending", Bill{Status: "D"}, Options{}, "D | 1 | F | F | -10 | 0"},
		{"rejected", Bill{Status: "E"}, Options{}, "E | 3 | F | F | -10 | 0"},
		{"voided to zero", Bill{Voided: true}, Options{}, "A | 2 | T | T | 0 | 0"},
		{"voided by journal", Bill{Voided: true}, Options{VoidKeepsAmounts: true}, "A | 2 | T | T | -10 | 0"},
		{"approvals off", Bill{}, Options{NoApprovals: true}, "A | - | T | F | -10 | 0"},
		{"long status", Bill{}, Options{LongStatus: true}, "VendBill:A | 2 | T | F | -10 | 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.options)
			shop(a)
			c.bill.ID, c.bill.Vendor, c.bill.Lines = 6100, 301, []BillLine{{Account: 151, Amount: "10"}}
			a.PutBill(c.bill)
			got := lines(a.rows("SELECT status, approvalstatus, posting, voided, foreigntotal, foreignamountpaid FROM transaction WHERE id = 6100"), "status approvalstatus posting voided foreigntotal foreignamountpaid")
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A merged vendor leaves its documents to the survivor without a new stamp.
func TestMergeVendor(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	a.PutVendor(Vendor{ID: 302, CompanyName: "Cascade Inc"})
	a.clock.add(30 * time.Minute)
	a.MergeVendor(301, 302)
	got := lines(a.rows("SELECT id, entity, TO_CHAR(lastmodifieddate, 'HH24:MI') AS at FROM transaction ORDER BY id"), "id entity at")
	got = append(got, lines(a.rows("SELECT recordid, type FROM deletedrecord"), "recordid type")...)
	got = append(got, lines(a.rows("SELECT id FROM vendor"), "id")...)
	want := []string{"4001 | 302 | 12:00", "5001 | 302 | 12:00", "6001 | 302 | 12:00", "7001 | 302 | 12:00", "301 | Vendor", "302"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A row stamped before its transaction committed (contract 4.2).
func TestLateCommit(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	a.PutBill(Bill{ID: 6200, Vendor: 301, Lines: []BillLine{{Account: 151, Amount: "1"}}, Modified: noon().Add(-30 * time.Minute)})
	got := lines(a.rows(statement("b", "{TYPE}", "VendBill", "{T}", "2026-11-10 11:00:00")), "id modifiedat")
	if diff := cmp.Diff([]string{"6001 | 2026-11-10 12:00:00", "6200 | 2026-11-10 11:30:00"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Every bill's ledger is in balance to the cent in base currency.
func TestLedgerBalance(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	for _, rate := range []string{"1", "1.0875", "0.00731", "151.337"} {
		a.PutBill(Bill{Vendor: 301, Rate: rate, Lines: []BillLine{{Account: 151, Amount: "0.01"}, {Account: 151, Amount: "33.33"}, {Account: 111, Amount: "-7.77"}}, Taxes: []TaxLine{{112, "1.005", ""}}})
	}
	if got := a.rows("SELECT transaction, SUM(amount) AS off FROM transactionaccountingline GROUP BY transaction HAVING SUM(amount) <> 0"); len(got) != 0 {
		t.Errorf("ledgers out of balance: %v", got)
	}
}

// Quantities said in another unit are in base units in the rows (contract 3.6).
func TestUnits(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	each := a.PutUnit(Unit{Name: "Each"})
	box := a.PutUnit(Unit{Name: "Box", Rate: "12"})
	a.PutItem(Item{ID: 2003, SKU: "BOLT", AssetAccount: 111, StockUnit: each, UnitsType: 1})
	a.PutPurchaseOrder(PurchaseOrder{ID: 4100, Vendor: 301, Lines: []OrderLine{{Item: 2003, Quantity: "2", Units: box, Amount: "48"}}})
	a.PutReceipt(Receipt{ID: 5100, PO: 4100, Lines: []ReceiptLine{{POLine: 1, Quantity: "1"}}})
	got := lines(a.rows("SELECT tl.quantity, tl.units, BUILTIN.DF(tl.units) AS unitname, tl.quantityshiprecv FROM transactionline tl WHERE tl.transaction = 4100 AND tl.id = 1"), "quantity units unitname quantityshiprecv")
	if diff := cmp.Diff([]string{"24 | 2 | Box | 12"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
