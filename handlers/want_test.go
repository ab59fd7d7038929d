package handlers

import (
	"errors"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

var (
	stock = netsuite.Account{ID: 1, Number: "1200", Name: "Inventory Asset", Type: "OthCurrAsset"}
	fee   = netsuite.Account{ID: 2, Number: "5100", Name: "Freight In", Type: "COGS"}
	odd   = netsuite.Account{ID: 3, Number: "6990", Name: "Sundry Penalties", Type: "Expense"}
)

// aBill is 100 x 2.40 and 60.00 of freight, tax 24.00, of PO 48213.
func aBill(change ...func(*netsuite.Bill)) netsuite.Bill {
	b := netsuite.Bill{Document: netsuite.Document{ID: 51877, TranID: "B1", Status: "A", Posting: true, Currency: "USD", ExchangeRate: dec("1"), Total: dec("324.00"), Date: "2026-11-06", Due: "2026-12-06"},
		Lines: []netsuite.BillLine{
			{ID: 1, Number: 1, Kind: netsuite.LineItem, Item: 7, SKU: "WEB", Quantity: dec("100"), Amount: dec("240.00"), PO: 48213, Account: stock},
			{ID: 2, Number: 2, Kind: netsuite.LineExpense, Amount: dec("60.00"), PO: 48213, Account: fee},
			{ID: 3, Number: 3, Kind: netsuite.LineTax, Amount: dec("24.00")},
		}}
	for _, c := range change {
		c(&b)
	}
	return b
}

func TestBillInvoice(t *testing.T) {
	inv, err := billInvoice(aTenant(), aReference(), "Tax", aBill(), 48213)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Lines) != 1 || len(inv.Charges) != 1 || !inv.Net.Equal(dec("300")) || !inv.Tax.Equal(dec("24")) {
		t.Fatalf("got %+v", inv)
	}
	l, c := inv.Lines[0], inv.Charges[0]
	if l.Account != "1200" || !l.Tax.Equal(dec("19.2")) || !l.Price.Equal(dec("2.4")) || !l.Total.Equal(dec("240")) {
		t.Errorf("line %+v", l)
	}
	if c.Account != "5100" || !c.Tax.Equal(dec("4.8")) || c.Description != "Other charges" {
		t.Errorf("charge %+v", c)
	}
}

func TestBillInvoiceParks(t *testing.T) {
	cases := []struct {
		name   string
		tenant *tenant.Tenant
		refs   func(*reference)
		bill   netsuite.Bill
		reason string
		says   []string
	}{
		{name: "lines and total disagree", bill: aBill(func(b *netsuite.Bill) { b.Total = dec("325.00") }), reason: ParkUnbalanced, says: []string{"300.00", "24.00", "325.00"}},
		{name: "unmapped accounts are all listed", bill: aBill(func(b *netsuite.Bill) {
			b.Lines[0].Account, b.Lines[1].Account = odd, netsuite.Account{ID: 4, Name: "Mystery", Type: "Expense"}
		}), reason: ParkUnmappedAccount, says: []string{"6990 Sundry Penalties (240.00 USD", "Mystery (id:4) (60.00 USD"}},
		{name: "unknown SKU", bill: aBill(func(b *netsuite.Bill) { b.Lines[0].SKU = "NOPE" }), reason: ParkUnknownSKU, says: []string{"NOPE (line 1)"}},
		{name: "no service product for the expense", tenant: aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Charges = nil }), bill: aBill(), reason: ParkUnknownCharge, says: []string{"5100 Freight In", "60.00"}},
		{name: "price too fine", bill: aBill(func(b *netsuite.Bill) { b.Lines[0].Quantity = dec("7000") }), reason: ParkUnbalanced, says: []string{"240.00", "7000"}},
		{name: "negative line", bill: aBill(func(b *netsuite.Bill) {
			b.Lines[1].Amount, b.Total = dec("-60.00"), dec("204.00")
		}), reason: ParkCin7Refused, says: []string{"-60"}},
		{name: "locked period", refs: func(r *reference) { r.Me.LockDate = "2026-11-06" }, bill: aBill(), reason: ParkPeriodLocked, says: []string{"2026-11-06"}},
		{name: "above the limit", tenant: aTenant(func(t *tenant.Tenant) { t.ApproveLimit = dec("300") }), bill: aBill(), reason: ParkNeedsApproval, says: []string{"324.00"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tn, refs := c.tenant, aReference()
			if tn == nil {
				tn = aTenant()
			}
			if c.refs != nil {
				c.refs(refs)
			}
			_, err := billInvoice(tn, refs, "Tax", c.bill, 48213)
			var p *Problem
			if !errors.As(err, &p) || p.Reason != c.reason || !strings.Contains(p.Fix, "docs/parked.md#"+c.reason) {
				t.Fatalf("got %v, want %s", err, c.reason)
			}
			for _, s := range c.says {
				if !strings.Contains(p.Message, s) {
					t.Errorf("%q does not say %q", p.Message, s)
				}
			}
		})
	}
}

func TestClosedPeriodGoesToTheNextDay(t *testing.T) {
	refs := aReference()
	refs.Me.LockDate = "2026-11-30"
	inv, err := billInvoice(aTenant(func(t *tenant.Tenant) { t.Sync.ClosedPeriod = tenant.ClosedPeriodNextDay }), refs, "Tax", aBill(), 48213)
	if err != nil || inv.Date != "2026-12-01" || inv.Due != "2026-12-06" {
		t.Errorf("got %s due %s, %v", inv.Date, inv.Due, err)
	}
}

// The shares of a bill over two orders are the bill, to the cent.
func TestBillOverTwoOrders(t *testing.T) {
	b := aBill(func(b *netsuite.Bill) {
		b.Lines[1].PO = 0 // freight typed into the bill goes with the first order
		b.Lines = append(b.Lines, netsuite.BillLine{ID: 4, Number: 4, Kind: netsuite.LineItem, Item: 8, SKU: "BKL", Quantity: dec("3"), Amount: dec("100.01"), PO: 48214, Account: stock})
		b.Total = dec("424.01")
	})
	one, err1 := billInvoice(aTenant(), aReference(), "Tax", b, 48213)
	two, err2 := billInvoice(aTenant(), aReference(), "Tax", b, 48214)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if sum := one.Net.Add(one.Tax).Add(two.Net).Add(two.Tax); !sum.Equal(b.Total) || two.Number != "B1" {
		t.Errorf("the shares of %s sum to %s", two.Number, sum)
	}
	if len(one.Lines) != 1 || len(one.Charges) != 1 {
		t.Errorf("first share: %+v", one)
	}
}

func TestBillState(t *testing.T) {
	cases := []struct {
		name, status string
		approval     int
		voided       bool
		want         string
	}{
		{"open", "A", 2, false, ""}, {"paid", "B", 2, false, ""}, {"approvals off", "A", 0, false, ""},
		{"pending", "D", 1, false, WaitApproval}, {"cancelled", "C", 2, false, "dead"}, {"rejected", "E", 3, false, "dead"},
		{"voided", "A", 2, true, "dead"}, {"unknown letter", "F", 2, false, WaitApproval},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := billState(netsuite.Bill{Document: netsuite.Document{Status: c.status, Approval: c.approval, Voided: c.voided}})
			got := ""
			var w *Wait
			switch {
			case errors.Is(err, errDead):
				got = "dead"
			case errors.As(err, &w):
				got = w.Reason
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// M1: what goes to Cin7 is the bill's total, to the cent, whatever its lines.
func TestInvoiceIsTheBillToTheCent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := netsuite.Bill{Document: netsuite.Document{ID: 1, TranID: "B", Status: "A", Currency: "USD", ExchangeRate: dec("1"), Date: "2026-11-06", Due: "2026-11-06"}}
		net := decimal.Zero
		for i := range rapid.IntRange(1, 60).Draw(t, "lines") {
			l := netsuite.BillLine{ID: netsuite.ID(i + 1), Number: i + 1, Kind: netsuite.LineExpense, Amount: decimal.New(rapid.Int64Range(1, 5_000_000).Draw(t, "cents"), -2), Account: fee}
			net = net.Add(l.Amount)
			b.Lines = append(b.Lines, l)
		}
		tax := decimal.New(rapid.Int64Range(0, 500_000).Draw(t, "tax"), -2)
		b.Lines = append(b.Lines, netsuite.BillLine{ID: 999, Kind: netsuite.LineTax, Amount: tax})
		b.Total = net.Add(tax)
		inv, err := billInvoice(aTenant(), aReference(), "Tax", b, 0)
		if err != nil {
			t.Fatal(err)
		}
		sum := decimal.Zero
		for _, c := range inv.Charges {
			sum = sum.Add(c.Total.Decimal).Add(c.Tax.Decimal)
			if !c.Tax.Equal(c.Tax.Round(2)) {
				t.Fatalf("tax %s is finer than a cent", c.Tax)
			}
		}
		if !sum.Equal(b.Total) {
			t.Fatalf("%s goes to Cin7, the bill is %s", sum, b.Total)
		}
		if d := diffInvoice(inv, cin7.Invoice{InvoiceNumber: inv.Number, InvoiceDate: inv.Date, AdditionalCharges: inv.Charges}); d != "" {
			t.Fatalf("an invoice that is kept as sent differs: %s", d)
		}
	})
}
