package handlers

import (
	"slices"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

func TestSameWorth(t *testing.T) {
	cases := []struct {
		name, amount, rate, kept string
		want                     bool
	}{
		{"the same rate", "1000.00", "1.0875", "1.0875", true},
		{"more zeros", "1000.00", "1.0875", "1.087500", true},
		{"too small an amount to tell", "10.00", "1.0875", "1.0876", true},
		{"a cent of difference", "100.00", "1.0875", "1.0876", false},
		{"a finer rate, kept with four decimals", "100000.00", "1.08752", "1.0875", true},
		{"a finer rate, kept with four others", "100000.00", "1.08752", "1.0876", false},
		{"a yen's rate is too small for four decimals", "1000000", "0.0067123", "0.0067", false},
		{"no rate kept", "100.00", "1.0875", "0", false},
		{"nothing is worth nothing at any rate", "0", "1.0875", "2", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := sameWorth(dec(c.amount), dec(c.rate), dec(c.kept)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// euro enters a vendor, an order and two bills of it in EUR; the rates are
// those of the order and of the two bills.
func euro(s *shop, order, first, second string) (one, two queue.Ref) {
	half := func(id int64, number, quantity, amount, rate string) {
		s.world.NetSuite.PutBill(netsuitetest.Bill{ID: id, Number: number, Vendor: shopVendor, Date: "2026-11-06", Due: "2026-12-06", Rate: rate,
			Lines: []netsuitetest.BillLine{{Item: 2001, Quantity: quantity, Amount: amount, PO: shopOrder, POLine: 1}}})
	}
	s.vendor(func(v *netsuitetest.Vendor) { v.Currency = "EUR" })
	s.order(func(o *netsuitetest.PurchaseOrder) {
		o.Rate, o.Tax, o.Lines = order, "0", o.Lines[:1]
	})
	half(6001, "B1", "60", "144.00", first)
	half(6002, "B2", "40", "96.00", second)
	return shopRef(netsuite.TypeVendorBill, 6001), shopRef(netsuite.TypeVendorBill, 6002)
}

// The bill's rate counts, not the order's.
func TestThePurchaseTakesTheRateOfItsBill(t *testing.T) {
	var o distributor.Options
	o.Cin7.ZeroGroupInvoice = true
	s := newShop(t, o, nil)
	one, two := euro(s, "1.0875", "1.0912", "1.0912")
	s.tell(theOrder, one, two)
	s.completed()
	if got, want := s.ledger(), "1200/2000 157.13, 1200/2000 104.76"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Cin7 has one rate for a purchase: a later bill at another one is parked with
// both amounts, and nothing of what is posted changes its worth.
func TestABillAtAnotherRateIsParked(t *testing.T) {
	var o distributor.Options
	o.Cin7.ZeroGroupInvoice = true
	s := newShop(t, o, nil)
	one, two := euro(s, "1.0875", "1.0875", "1.0912")
	s.tell(theOrder, one, two)
	if rec := s.record(one); rec.State != queue.Completed {
		t.Errorf("the first bill is %s: %s", rec.State, rec.Message)
	}
	rec := s.record(two)
	if rec.State != queue.Parked || rec.Reason != ParkCurrencyMismatch {
		t.Fatalf("the second bill is %s, %s: %s", rec.State, rec.Reason, rec.Message)
	}
	for _, w := range []string{"bill B2 is 104.76", "1.0912", "PO-00001", "1.0875", "invoice B1", "104.40"} {
		if !strings.Contains(rec.Message, w) {
			t.Errorf("%q does not say %q", rec.Message, w)
		}
	}
	if got, want := s.ledger(), "1200/2000 156.60"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The rate is corrected in NetSuite.
	b, _ := s.world.NetSuite.Bill(6002)
	b.Rate = "1.0875"
	s.world.NetSuite.PutBill(b)
	s.tell(two)
	s.completed()
	if got, want := s.ledger(), "1200/2000 156.60, 1200/2000 104.40"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// And once more after it was posted: nobody overwrites that.
	b.Rate = "1.2"
	s.world.NetSuite.PutBill(b)
	s.tell(two)
	if rec := s.record(two); rec.Reason != ParkBillChanged || !strings.Contains(rec.Message, "115.20") || !strings.Contains(rec.Message, "104.40") {
		t.Errorf("%s, %s: %s", rec.State, rec.Reason, rec.Message)
	}
}

// Currencies with no and with three decimals arrive to the minor unit.
func TestMinorUnitsOfCurrencies(t *testing.T) {
	cases := []struct{ currency, rate, goods, freight, tax, ledger string }{
		{"JPY", "0.0067", "24000", "6000", "3001", "1200/2000 160.80, 1370/2000 16.09, 5100/2000 40.20, 1370/2000 4.02"},
		{"KWD", "3.25", "240.125", "60.125", "30.250", "1200/2000 780.42, 1370/2000 78.62, 5100/2000 195.39, 1370/2000 19.70"},
	}
	for _, c := range cases {
		t.Run(c.currency, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			s.world.NetSuite.PutCurrency(netsuitetest.Currency{ID: 9, Symbol: c.currency, Rate: c.rate})
			s.vendor(func(v *netsuitetest.Vendor) { v.Currency = c.currency })
			s.order(func(o *netsuitetest.PurchaseOrder) {
				o.Tax, o.Lines[0].Amount, o.Lines[1].Amount = c.tax, c.goods, c.freight
			})
			s.bill(func(b *netsuitetest.Bill) {
				b.Taxes[0].Amount, b.Lines[0].Amount, b.Lines[1].Amount = c.tax, c.goods, c.freight
			})
			s.receipt()
			s.tell(theReceipt, theBill)
			s.completed()
			if got := s.ledger(); got != c.ledger {
				t.Errorf("got %s, want %s", got, c.ledger)
			}
			g := s.world.Cin7.Purchases()[0].Groups[0].Invoice
			sum := dec("0")
			for _, l := range g.Lines {
				sum = sum.Add(l.Total).Add(l.Tax)
			}
			for _, l := range g.Charges {
				sum = sum.Add(l.Total).Add(l.Tax)
			}
			if want := dec(c.goods).Add(dec(c.freight)).Add(dec(c.tax)); !sum.Equal(want) {
				t.Errorf("the invoice is %s, the bill %s", sum, want)
			}
		})
	}
}

func TestPlanRatesLeavesOthersAlone(t *testing.T) {
	w := aWant(billed(billRef, "B1", "60", "144", "14.4"), billed(bill2Ref, "B2", "40", "96", "9.6"))
	w.Invoices[0].Rate, w.Invoices[1].Rate = dec("1.1"), dec("1.2")
	p := aPurchase()
	p.CurrencyRate = num("1.1")
	out := plan(rules{}, w, p, nil)
	var kinds []string
	for _, o := range out.Ops {
		kinds = append(kinds, o.Kind+" "+o.For.ID)
	}
	if want := []string{opDraftInvoice + " 51877", opSetRate + " 51900"}; !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}
