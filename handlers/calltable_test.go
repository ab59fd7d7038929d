package handlers

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

const performanceFile = "../docs/performance.md"

// spent is what one turn cost.
type spent struct{ netsuite, reads, writes int }

// costs serves a lane and counts the calls of both systems by their logs.
func (s *shop) costs(refs ...queue.Ref) spent {
	s.t.Helper()
	c := s.spends(refs...)
	s.completed()
	return c
}

// spends is costs for records that may be parked.
func (s *shop) spends(refs ...queue.Ref) spent {
	s.t.Helper()
	ns, c7, writes := len(s.world.NetSuite.Calls()), len(s.world.Cin7.Calls()), s.world.Cin7.Writes()
	s.tell(refs...)
	w := s.world.Cin7.Writes() - writes
	return spent{len(s.world.NetSuite.Calls()) - ns, len(s.world.Cin7.Calls()) - c7 - w, w}
}

// callTable plays a life of each record type and says what each step costs.
// The lists of the run are read before, as they are in a lane at work.
func callTable(t *testing.T) (string, map[string]spent) {
	s := newShop(t, distributor.Options{}, nil)
	var out strings.Builder
	out.WriteString("| record | what happens | NetSuite | Cin7 reads | Cin7 writes |\n|---|---|---|---|---|\n")
	all := map[string]spent{}
	row := func(record, what string, enter func(), ref queue.Ref) {
		t.Helper()
		enter()
		c := s.costs(ref)
		all[record+", "+what] = c
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %d |\n", record, what, c.netsuite, c.reads, c.writes)
	}
	nothing := func() {}
	// Another vendor and order warm the run.
	s.vendor(func(v *netsuitetest.Vendor) { v.ID, v.EntityID, v.CompanyName = 399, "V-1099", "Warm Up Inc" })
	s.order(func(o *netsuitetest.PurchaseOrder) { o.ID, o.Number, o.Vendor = 4099, "PO1099", 399 })
	s.tell(shopRef("vendor", 399), shopRef("purchaseorder", 4099))
	row("vendor", "new", func() { s.vendor() }, theVendor)
	row("vendor", "unchanged", nothing, theVendor)
	row("vendor", "changed", func() { s.vendor(func(v *netsuitetest.Vendor) { v.Email = "ap@cascade.example" }) }, theVendor)
	row("purchase order", "new", func() { s.order() }, theOrder)
	row("purchase order", "unchanged", nothing, theOrder)
	row("purchase order", "changed", func() {
		s.order(func(o *netsuitetest.PurchaseOrder) {
			o.Lines[0].Quantity, o.Lines[0].Amount = "90", "216.00"
			o.Tax = "27.60"
		})
	}, theOrder)
	s.order()
	s.tell(theOrder)
	row("bill", "new", func() { s.bill() }, theBill)
	row("bill", "unchanged", nothing, theBill)
	row("item receipt", "new", func() { s.receipt() }, theReceipt)
	row("item receipt", "unchanged", nothing, theReceipt)
	row("vendor credit", "new", func() {
		s.world.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{shopBill}, Bill: netsuitetest.Bill{ID: netID(theCredit), Number: "CW-C-1", Vendor: shopVendor, Date: "2026-11-10",
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: "10.00"}}}})
	}, theCredit)
	row("vendor credit", "unchanged", nothing, theCredit)
	alone := shopRef("vendorbill", 6099)
	enter := func() {
		s.bill(func(b *netsuitetest.Bill) {
			b.ID, b.Number, b.Taxes = 6099, "CW-90001", nil
			b.Lines = []netsuitetest.BillLine{{Account: 151, Memo: "inbound freight", Amount: "60.00"}}
		})
	}
	row("bill without an order", "new", enter, alone)
	row("bill without an order", "unchanged", nothing, alone)
	// What is posted already is not overwritten: a change of it costs a look.
	parks := func(record string, enter func(), ref queue.Ref) {
		t.Helper()
		enter()
		c := s.spends(ref)
		if r := s.record(ref); r.State != queue.Parked {
			t.Errorf("%s, changed after it was posted, is %s", record, r.State)
		}
		all[record+", changed after it was posted"] = c
		fmt.Fprintf(&out, "| %s | changed after it was posted: parked | %d | %d | %d |\n", record, c.netsuite, c.reads, c.writes)
	}
	parks("bill", func() { s.bill(func(b *netsuitetest.Bill) { b.Lines[0].Amount = "250.00" }) }, theBill)
	parks("item receipt", func() {
		s.receipt(func(r *netsuitetest.Receipt) { r.Lines = []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "90"}} })
	}, theReceipt)
	return out.String(), all
}

// batchTable plays the same lives for a hundred records at once, in the class
// of a backfill, and says what each step costs them all.
func batchTable(t *testing.T) (string, map[string]spent) {
	s := newShop(t, distributor.Options{}, nil)
	const n, first = 100, 10_000
	var out strings.Builder
	out.WriteString("\n| a hundred at once | what happens | NetSuite | Cin7 reads | Cin7 writes |\n|---|---|---|---|---|\n")
	all := map[string]spent{}
	row := func(record, what string, typ netsuite.RecordType, of int64, enter func(id int64)) {
		t.Helper()
		marks := make([]queue.Mark, n)
		for i := range int64(n) {
			if enter != nil {
				enter(first + i)
			}
			marks[i] = queue.Mark{Ref: shopRef(typ, of+first+i), Source: "backfill"}
		}
		s.setClock(s.now().Add(time.Minute))
		if _, err := s.queue.Mark(t.Context(), shopID, queue.Bulk, marks...); err != nil {
			t.Fatal(err)
		}
		c := s.costs()
		all[record+", "+what] = c
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %d |\n", record, what, c.netsuite, c.reads, c.writes)
	}
	vendor := func(email string) func(int64) {
		return func(id int64) {
			s.vendor(func(v *netsuitetest.Vendor) {
				v.ID, v.EntityID, v.CompanyName, v.Email = id, fmt.Sprintf("V-%d", id), fmt.Sprintf("Vendor %d", id), email
			})
		}
	}
	order := func(quantity, amount, tax string) func(int64) {
		return func(id int64) {
			s.order(func(o *netsuitetest.PurchaseOrder) {
				o.ID, o.Number, o.Vendor, o.Tax = id, fmt.Sprintf("PO%d", id), id, tax
				o.Lines[0].Quantity, o.Lines[0].Amount = quantity, amount
			})
		}
	}
	s.vendor(func(v *netsuitetest.Vendor) { v.ID, v.EntityID, v.CompanyName = 399, "V-1099", "Warm Up Inc" })
	s.order(func(o *netsuitetest.PurchaseOrder) { o.ID, o.Number, o.Vendor = 4099, "PO1099", 399 })
	s.tell(shopRef(netsuite.TypeVendor, 399), shopRef(netsuite.TypePurchaseOrder, 4099))
	row("vendor", "new", netsuite.TypeVendor, 0, vendor(""))
	row("vendor", "unchanged", netsuite.TypeVendor, 0, nil)
	row("vendor", "changed", netsuite.TypeVendor, 0, vendor("ap@example.org"))
	row("purchase order", "new", netsuite.TypePurchaseOrder, 0, order("100", "240.00", "30.00"))
	row("purchase order", "unchanged", netsuite.TypePurchaseOrder, 0, nil)
	row("purchase order", "changed", netsuite.TypePurchaseOrder, 0, order("90", "216.00", "27.60"))
	row("purchase order", "changed back", netsuite.TypePurchaseOrder, 0, order("100", "240.00", "30.00"))
	row("bill", "new", netsuite.TypeVendorBill, n, func(id int64) {
		s.bill(func(b *netsuitetest.Bill) {
			b.ID, b.Number, b.Vendor = id+n, fmt.Sprintf("CW-%d", id), id
			for i := range b.Lines {
				b.Lines[i].PO = id
			}
		})
	})
	row("bill", "unchanged", netsuite.TypeVendorBill, n, nil)
	row("item receipt", "new", netsuite.TypeItemReceipt, 2*n, func(id int64) {
		s.receipt(func(r *netsuitetest.Receipt) { r.ID, r.PO = id+2*n, id })
	})
	row("item receipt", "unchanged", netsuite.TypeItemReceipt, 2*n, nil)
	row("vendor credit", "new", netsuite.TypeVendorCredit, 3*n, func(id int64) {
		s.world.NetSuite.PutCredit(netsuitetest.Credit{AppliedTo: []int64{id + n}, Bill: netsuitetest.Bill{ID: id + 3*n, Number: fmt.Sprintf("CW-C-%d", id), Vendor: id, Date: "2026-11-10",
			Lines: []netsuitetest.BillLine{{Account: 151, Quantity: "1", Amount: "10.00"}}}})
	})
	row("vendor credit", "unchanged", netsuite.TypeVendorCredit, 3*n, nil)
	row("bill without an order", "new", netsuite.TypeVendorBill, 4*n, func(id int64) {
		s.bill(func(b *netsuitetest.Bill) {
			b.ID, b.Number, b.Vendor, b.Taxes = id+4*n, fmt.Sprintf("CW-9%d", id), id, nil
			b.Lines = []netsuitetest.BillLine{{Account: 151, Memo: "inbound freight", Amount: "60.00"}}
		})
	})
	row("bill without an order", "unchanged", netsuite.TypeVendorBill, 4*n, nil)
	return out.String(), all
}

// The table of calls in docs/performance.md is what the simulators counted:
// `go test ./handlers -run TestCallTable -update` writes it anew. Unchanged
// records cost Cin7 nothing, and no step costs more than the budget allows.
func TestCallTable(t *testing.T) {
	table, all := callTable(t)
	batch, together := batchTable(t)
	table += batch
	for name, c := range together {
		all["a hundred at once: "+name] = c
	}
	for name, c := range all {
		if strings.HasSuffix(name, "unchanged") && c.reads+c.writes != 0 {
			t.Errorf("%s: %d calls of Cin7, want none", name, c.reads+c.writes)
		}
	}
	const begin, end = "<!-- calls: written by go test ./handlers -run TestCallTable -update -->\n", "<!-- end of calls -->"
	have, err := os.ReadFile(performanceFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(have), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks the marks %q and %q", performanceFile, begin, end)
	}
	if *update {
		if err := os.WriteFile(performanceFile, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(old, table); d != "" {
		t.Errorf("%s is not what the simulators count; -update writes it (-have +want)\n%s", performanceFile, d)
	}
}

// What a batch of changes costs NetSuite is shared: a hundred vendors cost as
// many queries as a few.
func TestNetSuiteIsReadInBatches(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	var refs []queue.Ref
	enter := func(email string) {
		for i := range 100 {
			id := int64(1000 + i)
			s.vendor(func(v *netsuitetest.Vendor) {
				v.ID, v.EntityID, v.CompanyName, v.Email = id, fmt.Sprintf("V-%d", id), fmt.Sprintf("Vendor %d", id), email
			})
			if len(refs) < 100 {
				refs = append(refs, shopRef("vendor", id))
			}
		}
	}
	enter("")
	s.tell(refs...)
	s.setClock(s.now().Add(time.Minute))
	enter("new@example.org")
	marks := make([]queue.Mark, len(refs))
	for i, r := range refs {
		marks[i] = queue.Mark{Ref: r, Source: "poll"}
	}
	if _, err := s.queue.Mark(t.Context(), shopID, queue.Live, marks...); err != nil {
		t.Fatal(err)
	}
	c := s.costs()
	soak.Figure(t, "NetSuite calls for 100 changed vendors", "%d, and %d reads and %d writes of Cin7", c.netsuite, c.reads, c.writes)
	if c.netsuite > 10 || c.writes != 100 {
		t.Errorf("100 changed vendors cost %d calls of NetSuite and %d writes, want at most 10 and 100", c.netsuite, c.writes)
	}
}

// An order that is edited again and again while its lane is busy elsewhere is
// one entry, read once, and written no more often than it differs.
func TestEditStorm(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	s.order()
	s.tell(theVendor, theOrder)
	s.completed()
	once := s.costs(theOrder).netsuite // queries that read the order one time
	edits := soak.N(500, 20_000)
	for range edits {
		if _, err := s.queue.Mark(t.Context(), shopID, queue.Live, queue.Mark{Ref: theOrder, Source: "webhook"}); err != nil {
			t.Fatal(err)
		}
	}
	l, err := s.queue.Lane(t.Context(), shopID)
	if err != nil || l.Depth[queue.Live] != 1 {
		t.Errorf("%d entries wait after %d edits, %v", l.Depth[queue.Live], edits, err)
	}
	c := s.costs()
	soak.Figure(t, "one order edited again and again", "read once, by %d queries of NetSuite, %d calls of Cin7 for %d edits", c.netsuite, c.reads+c.writes, edits)
	if c.netsuite > once || c.reads+c.writes != 0 {
		t.Errorf("%d calls of NetSuite, %d of Cin7 for %d edits that changed nothing", c.netsuite, c.reads+c.writes, edits)
	}
}
