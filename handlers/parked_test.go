package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// parked is a way into a park reason and out of it again.
type parked struct {
	reason, name string
	options      distributor.Options
	tenant       func(*tenant.Tenant)
	into         func(*shop)   // what happens until it is parked
	record       queue.Ref     // that is parked then
	says         []string      // names and amounts that the message must have
	mend         func(*shop)   // takes the cause away, where it is; nobody asks for a retry
	within       time.Duration // after which the record must have gone on by itself
}

// Half an hour covers the lists of names that Cin7 keeps, two hours what is
// mended by hand.
const (
	atOnce   = time.Duration(0)
	nameList = 30 * time.Minute
	byHand   = 2 * time.Hour
)

// all enters the order, its receipt and its bill, and tells of them.
func all(s *shop) {
	s.vendor()
	s.order()
	s.receipt()
	s.bill()
	s.tell(theReceipt, theBill)
}

// penalty bills 35.00 more on an account that Cin7 does not have.
func penalty(b *netsuitetest.Bill) {
	b.Lines = append(b.Lines, netsuitetest.BillLine{Account: 169, Memo: "late booking fee", Amount: "35.00"})
}

// noted changes something in the order that does not concern Cin7, so that it
// is read and compared again.
func noted(o *netsuitetest.PurchaseOrder) { o.Memo = "seen by purchasing" }

var parkedTable = []parked{
	{reason: ParkUnmappedAccount, name: "the account is added in Cin7", record: theBill, within: nameList,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.receipt()
			s.bill(penalty)
			s.tell(theReceipt, theBill)
		},
		says: []string{"bill CW-88121", "6990 Sundry Penalties (35.00 USD"},
		mend: func(s *shop) {
			s.world.Cin7.AddAccount(cin7test.Account{Code: "6990", Name: "Penalties", Type: "EXPENSE", Class: "EXPENSE"})
		}},
	{reason: ParkUnmappedAccount, name: "the account is mapped", record: theBill, within: atOnce,
		into: func(s *shop) { s.vendor(); s.order(); s.receipt(); s.bill(penalty); s.tell(theReceipt, theBill) },
		says: []string{"6990 Sundry Penalties"},
		mend: func(s *shop) { s.apply(func(t *tenant.Tenant) { t.Sync.Mapping.Accounts["6990"] = "429" }) }},
	{reason: ParkUnmappedTax, name: "the rule is made in Cin7", record: theVendor, within: nameList,
		tenant: func(t *tenant.Tenant) { t.Sync.TaxRule = "Use Tax 10" }, into: all,
		says: []string{`"Use Tax 10"`},
		mend: func(s *shop) {
			s.world.Cin7.AddTaxRule(cin7test.TaxRule{Name: "Use Tax 10", Account: "1370", Percent: decimal.NewFromInt(10)})
		}},
	{reason: ParkUnmappedTerm, name: "the term is made in Cin7", record: theVendor, within: nameList,
		tenant: func(t *tenant.Tenant) { t.Sync.Mapping.Terms = map[string]string{"Net 30": "30 days end of month"} }, into: all,
		says: []string{`"Net 30"`, `"30 days end of month"`},
		mend: func(s *shop) { s.world.Cin7.AddTerm(cin7test.Term{Name: "30 days end of month", Duration: 30}) }},
	{reason: ParkUnknownSKU, name: "the product is made in Cin7", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.world.NetSuite.PutItem(netsuitetest.Item{ID: 2999, SKU: "TARP-3X3", AssetAccount: 111, ExpenseAccount: 151})
			s.vendor()
			s.order(func(o *netsuitetest.PurchaseOrder) { o.Lines[0].Item = 2999 })
			s.receipt()
			s.bill(func(b *netsuitetest.Bill) { b.Lines[0].Item = 2999 })
			s.tell(theReceipt, theBill)
		},
		says: []string{"order PO1041", "TARP-3X3 (line 1)"},
		mend: func(s *shop) {
			s.world.Cin7.AddProduct(cin7test.Product{SKU: "TARP-3X3", Name: "Tarpaulin", InventoryAccount: "1200"})
		}},
	{reason: ParkUnknownCharge, name: "the service product is made in Cin7", record: theOrder, within: nameList,
		tenant: func(t *tenant.Tenant) { t.Sync.Mapping.Charges = map[string]string{"5100": "Duty and freight"} }, into: all,
		says: []string{"5100 Freight In", "60.00"},
		mend: func(s *shop) {
			s.world.Cin7.AddProduct(cin7test.Product{SKU: "DUTY", Name: "Duty and freight", Type: "Service", ExpenseAccount: "429"})
		}},
	{reason: ParkUnknownLocation, name: "the location is made in Cin7", record: theOrder, within: nameList,
		tenant: func(t *tenant.Tenant) { t.Sync.Mapping.Locations = map[string]string{"1": "Hall 3"} }, into: all,
		says: []string{`"Hall 3"`, "id 1"},
		mend: func(s *shop) { s.world.Cin7.AddLocation(cin7test.Location{Name: "Hall 3"}) }},
	{reason: ParkAmbiguousSupplier, name: "one of two namesakes is renamed in Cin7", record: theVendor, within: byHand,
		into: func(s *shop) {
			for _, id := range []string{"one", "two"} {
				s.world.Cin7.AddSupplier(cin7test.Supplier{ID: id, Name: "CASCADE webbing Co", Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases", Status: "Deprecated"})
			}
			all(s)
		},
		says: []string{"vendor Cascade Webbing Co", "2 suppliers"},
		mend: func(s *shop) {
			s.world.Cin7.EditSupplier("two", func(x *cin7test.Supplier) { x.Name = "Cascade Webbing (old)" })
		}},
	{reason: ParkCurrencyMismatch, name: "the supplier's currency is corrected in Cin7", record: theVendor, within: byHand,
		into: func(s *shop) {
			s.world.Cin7.AddSupplier(cin7test.Supplier{ID: "one", Name: "Cascade Webbing Co", Currency: "EUR", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases"})
			all(s)
		},
		says: []string{"USD", "EUR"},
		mend: func(s *shop) { s.world.Cin7.EditSupplier("one", func(x *cin7test.Supplier) { x.Currency = "USD" }) }},
	{reason: ParkUnitMismatch, name: "the product's unit is said in Cin7", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.world.NetSuite.PutUnit(netsuitetest.Unit{ID: 1, UnitsType: 1, Name: "Metre", Rate: "1"})
			s.world.NetSuite.PutUnit(netsuitetest.Unit{ID: 2, UnitsType: 1, Name: "Roll", Rate: "50"})
			s.world.NetSuite.PutItem(netsuitetest.Item{ID: 2001, SKU: "WEB-25-BLK", AssetAccount: 111, ExpenseAccount: 151, UnitsType: 1, StockUnit: 1, PurchaseUnit: 2})
			s.vendor()
			s.order(func(o *netsuitetest.PurchaseOrder) { o.Lines[0].Quantity, o.Lines[0].Units = "2", 2 })
			s.receipt()
			s.bill(func(b *netsuitetest.Bill) { b.Lines[0].Quantity, b.Lines[0].Units = "2", 2 })
			s.tell(theReceipt, theBill)
		},
		says: []string{"WEB-25-BLK", "Roll (50 Metre each)", `"Item"`},
		mend: func(s *shop) {
			s.world.Cin7.EditProduct("WEB-25-BLK", func(p *cin7test.Product) { p.UOM = "Metre" })
		}},
	{reason: ParkUnbalanced, name: "the bill is corrected in NetSuite", record: theBill, within: atOnce,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.receipt()
			s.bill()
			if err := s.world.NetSuite.Exec(`UPDATE "transaction" SET foreigntotal = -331.50 WHERE id = ?`, shopBill); err != nil {
				s.t.Fatal(err)
			}
			s.tell(theReceipt, theBill)
		},
		says: []string{"300.00", "30.00", "330.00", "331.50"},
		mend: func(s *shop) { s.bill(); s.tell(theBill) }},
	{reason: ParkPeriodLocked, name: "the lock date is moved in Cin7", record: theBill, within: nameList,
		options: distributor.Options{Cin7: cin7test.Options{LockDate: "2026-11-30"}},
		into:    func(s *shop) { s.vendor(); s.order(); s.bill(); s.tell(theBill) },
		says:    []string{"2026-11-06", "2026-11-30"},
		mend:    func(s *shop) { s.world.Cin7.SetLockDate("2026-10-31") }},
	{reason: ParkOverReceipt, name: "the receipt is corrected in NetSuite", record: theReceipt, within: atOnce,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.receipt(func(r *netsuitetest.Receipt) {
				r.Lines = []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "105"}}
			})
			s.bill()
			s.tell(theReceipt, theBill)
		},
		says: []string{"105 of WEB-25-BLK", "PO1041", "100"},
		mend: func(s *shop) { s.receipt(); s.tell(theReceipt) }},
	{reason: ParkGroupConflict, name: "the receipt typed in Cin7 is taken out again", record: theReceipt, within: byHand,
		into: func(s *shop) {
			all(s)
			s.completed()
			s.world.Cin7.EditPurchase(s.purchaseID(), func(p *cin7test.Purchase) {
				g := &p.Groups[0]
				more := g.Stock.Lines[0]
				more.Quantity = decimal.NewFromInt(5)
				g.Stock.Lines, g.PutAway.Lines = append(g.Stock.Lines, more), append(g.PutAway.Lines, more)
			})
			s.order(noted)
			s.tell(theOrder)
		},
		says: []string{"5 of WEB-25-BLK"},
		mend: func(s *shop) {
			s.world.Cin7.EditPurchase(s.purchaseID(), func(p *cin7test.Purchase) {
				g := &p.Groups[0]
				g.Stock.Lines, g.PutAway.Lines = g.Stock.Lines[:1], g.PutAway.Lines[:1]
			})
		}},
	{reason: ParkOrderChanged, name: "the change is undone in NetSuite", record: theOrder, within: atOnce,
		into: func(s *shop) {
			all(s)
			s.completed()
			s.order(func(o *netsuitetest.PurchaseOrder) { o.Lines[0].Amount = "250.00" })
			s.tell(theOrder)
		},
		says: []string{"PO1041", "250.00", "240.00"},
		mend: func(s *shop) { s.order(); s.tell(theOrder) }},
	{reason: ParkBillChanged, name: "the change is undone in NetSuite", record: theBill, within: atOnce,
		into: func(s *shop) {
			all(s)
			s.completed()
			s.bill(func(b *netsuitetest.Bill) { b.Lines[1].Amount = "61.00" })
			s.tell(theBill)
		},
		says: []string{"CW-88121", "61.00", "60.00"},
		mend: func(s *shop) { s.bill(); s.tell(theBill) }},
	{reason: ParkVoidedAfterPost, name: "the invoice is voided in Cin7", record: theBill, within: byHand,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.bill()
			s.tell(theBill)
			s.completed()
			s.bill(func(b *netsuitetest.Bill) { b.Voided = true })
			s.tell(theBill)
		},
		says: []string{"CW-88121"},
		mend: func(s *shop) {
			s.world.Cin7.EditPurchase(s.purchaseID(), func(p *cin7test.Purchase) {
				p.Groups[0].Invoice.Status, p.Groups[0].Invoice.Posted = cin7test.Voided, nil
			})
		}},
	{reason: ParkEditedInCin7, name: "the purchase is brought back in Cin7", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.tell(theOrder)
			s.world.Cin7.EditPurchase(s.purchaseID(), func(p *cin7test.Purchase) { p.Voided = true })
			s.order(noted)
			s.tell(theOrder)
		},
		says: []string{"PO1041", "PO-00001"},
		mend: func(s *shop) {
			s.world.Cin7.EditPurchase(s.purchaseID(), func(p *cin7test.Purchase) { p.Voided = false })
		}},
	{reason: ParkNeedsApproval, name: "the limit is raised", record: theBill, within: atOnce,
		tenant: func(t *tenant.Tenant) { t.Sync.ApproveAbove = "300" }, into: all,
		says: []string{"CW-88121", "330.00", "300"},
		mend: func(s *shop) { s.apply(func(t *tenant.Tenant) { t.Sync.ApproveAbove = "330" }) }},
	{reason: ParkCin7Refused, name: "Cin7 takes the call", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "purchase/order", Shape: "400", Body: `[{"ErrorCode":400,"Exception":"Additional approval is required"}]`})
			s.vendor()
			s.order()
			s.tell(theOrder)
		},
		says: []string{"Additional approval is required"},
		mend: func(*shop) {}},
	{reason: ParkNetSuiteHidden, name: "the role may see the vendor", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.vendor()
			s.order()
			if err := s.world.NetSuite.Exec(`DELETE FROM vendor WHERE id = ?`, shopVendor); err != nil {
				s.t.Fatal(err)
			}
			s.tell(theOrder)
		},
		says: []string{"purchaseorder:4001"},
		mend: func(s *shop) { s.vendor() }},
	{reason: ParkTwoCandidates, name: "one of two is unmarked in Cin7", record: theVendor, within: byHand,
		into: func(s *shop) {
			for _, id := range []string{"one", "two"} {
				s.world.Cin7.AddSupplier(cin7test.Supplier{ID: id, Name: "Cascade " + id, Currency: "USD", PaymentTerm: "30 days", AccountPayable: "2000", TaxRule: "Tax on Purchases",
					Comments: "NS:vendor:301@" + distributor.NetSuiteAccount})
			}
			all(s)
		},
		says: []string{"2 suppliers", "Cascade one", "Cascade two"},
		mend: func(s *shop) { s.world.Cin7.EditSupplier("two", func(x *cin7test.Supplier) { x.Comments = "" }) }},
	{reason: ParkOutcomeUnknown, name: "the look-up works again", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=advanced-purchase", When: "after", Shape: "close"})
			s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodGet, Path: "purchaseList", Shape: "500", Skip: 1, Times: -1})
			s.tell(theOrder)
			s.setClock(s.now().Add(24 * time.Hour))
			s.pass(30 * time.Minute)
		},
		says: []string{opCreatePurchase, "2026-11-20T12:0", "HTTP 500"},
		mend: func(s *shop) { s.world.Cin7.ClearFaults() }},
	{reason: ParkStillFailing, name: "Cin7 has mended itself", record: theOrder, within: byHand,
		into: func(s *shop) {
			s.vendor()
			s.order()
			s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodGet, Path: "purchaseList", Shape: "500", Times: -1})
			s.tell(theOrder)
			s.setClock(s.now().Add(retryFor))
			s.pass(30 * time.Minute)
		},
		says: []string{"2026-11-20T12:0", "HTTP 500"},
		mend: func(s *shop) { s.world.Cin7.ClearFaults() }},
	{reason: ParkPoison, name: "another version is started", record: theOrder, within: atOnce,
		into: func(s *shop) {
			s.vendor()
			s.order()
			if _, err := s.queue.Mark(s.t.Context(), shopID, queue.Live, queue.Mark{Ref: theOrder, Source: "webhook"}); err != nil {
				s.t.Fatal(err)
			}
			for range 4 { // a worker takes it and dies, its lease ends
				lane, err := s.queue.Claim(s.t.Context(), "dies")
				if err != nil || lane == nil {
					s.t.Fatal(lane, err)
				}
				if _, err := lane.Take(s.t.Context(), 10); err != nil {
					s.t.Fatal(err)
				}
				s.setClock(s.now().Add(time.Minute))
			}
			s.serve()
		},
		says: []string{"purchaseorder:4001", "workers died"},
		mend: func(s *shop) { s.worker.o.Version = "2"; s.serve() }},
}

// Every reason has a way in and a way out: the record is parked with a
// sentence and a remedy, writes nothing wrong meanwhile, and goes on by itself
// when its cause is gone.
func TestParkedRecordsGoOnByThemselves(t *testing.T) {
	for _, c := range parkedTable {
		t.Run(c.reason+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, c.options, c.tenant)
			c.into(s)
			rec := s.record(c.record)
			if rec.State != queue.Parked || rec.Reason != c.reason {
				t.Fatalf("%s is %s, %s: %s\n%s", c.record, rec.State, rec.Reason, rec.Message, s.timeline(c.record))
			}
			for _, w := range c.says {
				if !strings.Contains(rec.Message, w) {
					t.Errorf("%q does not say %q", rec.Message, w)
				}
			}
			if remedy, link, ok := strings.Cut(rec.Fix, " (docs/parked.md#"); !ok || remedy == "" || !strings.HasPrefix(link, c.reason+")") {
				t.Errorf("fix %q: want a remedy and a link to docs/parked.md#%s", rec.Fix, c.reason)
			}
			// Looking at it again without a change of cause neither writes nor
			// fills the timeline.
			if c.reason != ParkPoison && c.reason != ParkCin7Refused && c.reason != ParkOutcomeUnknown && c.reason != ParkStillFailing {
				writes, told := s.world.Cin7.Writes(), s.timeline(c.record)
				s.pass(3 * checkEvery)
				if n := s.world.Cin7.Writes() - writes; n != 0 {
					t.Errorf("%d writes while it is parked", n)
				}
				if now := s.timeline(c.record); now != told {
					t.Errorf("the timeline grows while nothing changes:\n%s", now)
				}
			}
			c.mend(s)
			if c.within > 0 {
				s.pass(c.within)
			}
			s.completed()
		})
	}
}

// Every reason of SYNC is in the table.
func TestEveryParkReasonCanBeProduced(t *testing.T) {
	for _, reason := range ParkReasons {
		if !slices.ContainsFunc(parkedTable, func(c parked) bool { return c.reason == reason }) {
			t.Errorf("no row of the table produces %s", reason)
		}
	}
}
