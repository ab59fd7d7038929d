package handlers

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// The invariants of money, checked on random bills by integers alone: nothing
// here uses the arithmetic that it checks. Amounts are counted in thousandths
// (int64), prices and quantities in ten-thousandths, rates in millionths; what
// goes to Cin7 is read back from its JSON text.

// milli is an amount in thousandths of a unit of currency.
type milli int64

// randomBill is a bill as whole numbers, with what must become of it.
type randomBill struct {
	bill    netsuite.Bill
	adjusts bool // the tenant names a product for rounding
	// parks are the reasons for which it must be held back, one of them for
	// one of its orders; none when it must go.
	parks []string
	why   string

	net, tax milli
	accounts map[string]milli // Cin7 code -> sum of the lines
	fine     bool             // amounts have three decimals
}

// randomLine is a line, and the discount below it, as whole numbers.
type randomLine struct {
	item     bool
	quantity int64 // in ten-thousandths
	amount   milli
	discount milli // taken off by a line below, 0 when there is none
	foreign  bool  // that line posts to another account
	account  netsuite.Account
	po       netsuite.ID
}

var (
	billAccounts = []netsuite.Account{stock, fee, {ID: 5, Number: "429", Name: "General Expenses", Type: "Expense"}}
	discountOn   = netsuite.Account{ID: 6, Number: "710", Name: "Discounts taken", Type: "Expense"}
	taxOn        = netsuite.Account{ID: 7, Number: "1370", Name: "Tax", Type: "OthCurrAsset"}
)

// text writes thousandths as decimal text.
func text(m milli) string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	return fmt.Sprintf("%s%d.%03d", sign, m/1000, m%1000)
}

func exactly(m milli) decimal.Decimal { return decimal.RequireFromString(text(m)) }

// rounded divides with halves away from zero; b is above 0.
func rounded(a, b *big.Int) *big.Int {
	half := new(big.Int).Div(b, big.NewInt(2))
	out, neg := new(big.Int).Abs(a), a.Sign() < 0
	out.Add(out, half).Quo(out, b)
	if neg {
		out.Neg(out)
	}
	return out
}

// ratio is a x b / c, halves away from zero.
func ratio(a, b, c int64) int64 {
	return rounded(new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), big.NewInt(c)).Int64()
}

// worth is what Cin7 computes for a line: quantity x price, both in
// ten-thousandths, in cents.
func worth(quantity, price int64) int64 { return ratio(quantity, price, 1_000_000) }

// priced says how a line of cents and quantity can be said in Cin7: exactly;
// or with the cents that are then missing, at the highest price below.
func priced(cents, quantity int64) (exact bool, missing int64) {
	near := ratio(cents, 1_000_000, quantity)
	for p := max(near-1, 0); p <= near+1; p++ {
		if worth(quantity, p) == cents {
			exact = true
		}
	}
	below := new(big.Int).Div(new(big.Int).Mul(big.NewInt(cents), big.NewInt(1_000_000)), big.NewInt(quantity)).Int64()
	return exact, cents - worth(quantity, below)
}

func newRandomBill(r *rand.Rand) randomBill {
	currencies := []struct {
		code string
		step milli // the minor unit
	}{{"USD", 10}, {"EUR", 10}, {"JPY", 1000}, {"KWD", 1}}
	cur := currencies[r.IntN(len(currencies))]
	out := randomBill{adjusts: r.IntN(2) == 0, accounts: map[string]milli{}, fine: cur.step == 1}
	rate := int64(1_000_000)
	if cur.code != "USD" {
		rate = 1 + r.Int64N(5_000_000) // up to six decimals
		if r.IntN(2) == 0 {
			rate = (rate/100 + 1) * 100 // four
		}
	}
	n := 1 + r.IntN(6)
	switch r.IntN(200) {
	case 0:
		n = 1 + r.IntN(500)
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
		n = 1 + r.IntN(40)
	}
	inclusive, percent := r.IntN(2) == 0, r.Int64N(28)
	orders := []netsuite.ID{48213}
	if r.IntN(5) == 0 {
		orders = append(orders, 48214)
	}
	var lines []randomLine
	for range n {
		l := randomLine{account: billAccounts[r.IntN(len(billAccounts))], quantity: 10_000, po: orders[r.IntN(len(orders))]}
		l.item = r.IntN(3) > 0
		if l.item && !out.fine {
			l.quantity = (1 + r.Int64N(400)) * 10_000
			if r.IntN(4) == 0 {
				l.quantity = 1 + r.Int64N(2_000_000) // broken quantities
			}
		}
		l.amount = milli(1+r.Int64N(300_000)) * cur.step
		if l.item && r.IntN(4) > 0 && !out.fine {
			// Most amounts come of a price of four decimals.
			l.amount = milli(worth(l.quantity, 1+r.Int64N(900_000))) * 10
			l.amount -= l.amount % cur.step
			l.amount = max(l.amount, cur.step)
		}
		if r.IntN(12) == 0 {
			l.discount = milli(r.Int64N(int64(l.amount/cur.step)+1)) * cur.step
			l.foreign = r.IntN(8) == 0 && l.discount >= 10 // less may be rounded away
		}
		lines = append(lines, l)
	}

	// Tax, exclusive on the net, or taken out of gross amounts.
	for i := range lines {
		l := &lines[i]
		base := l.amount - l.discount
		t := milli(ratio(int64(base/cur.step), percent, 100)) * cur.step
		if inclusive {
			net := milli(ratio(int64(base/cur.step), 100, 100+percent)) * cur.step
			t = base - net
			l.amount -= t
			if l.amount < l.discount {
				l.amount, t = l.discount, 0
			}
		}
		out.tax += t
		out.net += l.amount - l.discount
	}
	if out.fine { // most dinars are brought to whole cents, as far as sums go
		if r.IntN(4) > 0 {
			short := (10 - out.net%10) % 10
			lines[0].amount += short
			out.net += short
			out.tax -= out.tax % 10
		}
	}
	out.build(r, cur.code, rate, lines)
	out.foresee(lines)
	out.spoil(r)
	return out
}

// build writes the bill as NetSuite shows it.
func (b *randomBill) build(r *rand.Rand, currency string, rate int64, lines []randomLine) {
	perRate := func(m milli) decimal.Decimal { // in cents of the base currency
		return decimal.New(ratio(int64(m), rate, 10_000_000), -2)
	}
	bill := netsuite.Bill{Document: netsuite.Document{ID: 51877, Type: netsuite.TypeVendorBill, TranID: "B1", Status: "A", Posting: true, Currency: currency,
		ExchangeRate: decimal.New(rate, -6), Total: exactly(b.net + b.tax), Date: "2026-11-06", Due: "2026-12-06"}}
	owed := decimal.Zero
	add := func(l netsuite.BillLine, m milli) {
		l.ID, l.Number = netsuite.ID(len(bill.Lines)+1), len(bill.Lines)+1
		l.Amount, l.BaseAmount = exactly(m), perRate(m)
		owed = owed.Add(l.BaseAmount)
		bill.Lines = append(bill.Lines, l)
	}
	for i, l := range lines {
		line := netsuite.BillLine{Kind: netsuite.LineExpense, Account: l.account, PO: l.po}
		if l.item {
			line.Kind, line.Item, line.SKU, line.ItemType = netsuite.LineItem, netsuite.ID(1000+i), "SKU"+strconv.Itoa(i), "InvtPart"
			line.Quantity = decimal.New(l.quantity, -4)
		}
		add(line, l.amount)
		if r.IntN(15) == 0 {
			add(netsuite.BillLine{Kind: netsuite.LineExpense, PO: l.po}, 0) // a description
		}
		if l.discount != 0 {
			d := netsuite.BillLine{Kind: netsuite.LineItem, Item: 9000, SKU: "DISCOUNT", ItemType: "Discount", Account: l.account, PO: l.po}
			if l.foreign {
				d.Account = discountOn
			}
			add(d, -l.discount)
		}
		b.accounts[l.account.Number] += l.amount - l.discount
	}
	for left := b.tax; left != 0; {
		part := left
		if r.IntN(3) == 0 {
			part = milli(r.Int64N(int64(left)+1)) / 10 * 10
		}
		add(netsuite.BillLine{Kind: netsuite.LineTax, Account: taxOn}, part)
		left -= part
	}
	bill.PayableBase = owed.Neg()
	b.bill = bill
}

// foresee says what must become of the bill.
func (b *randomBill) foresee(lines []randomLine) {
	park := func(reason, why string) {
		b.parks = append(b.parks, reason)
		b.why += why + " "
	}
	if b.net%10 != 0 || b.tax%10 != 0 {
		park(ParkUnbalanced, "sums finer than a cent")
	}
	type share struct {
		lines, missing int64
		account        string
		bad            bool
	}
	shares := map[netsuite.ID]*share{}
	for _, l := range lines {
		s := shares[l.po]
		if s == nil {
			s = &share{}
			shares[l.po] = s
		}
		s.lines++
		if l.discount != 0 {
			s.lines++
		}
		if l.foreign {
			park(ParkCin7Refused, "a discount on another account")
		}
		if !l.item || b.fine {
			continue
		}
		exact, missing := priced(int64((l.amount-l.discount)/10), l.quantity)
		if exact {
			continue
		}
		if s.account != "" && s.account != l.account.Number {
			s.bad = true
		}
		s.account = l.account.Number
		s.missing += missing
	}
	for _, s := range shares {
		if s.account != "" && (!b.adjusts || s.bad || s.missing > s.lines) {
			park(ParkUnbalanced, "no price with four decimals")
		}
	}
}

// spoil makes one bill in sixteen contradict itself: it must be held back.
func (b *randomBill) spoil(r *rand.Rand) {
	if r.IntN(16) > 0 {
		return
	}
	lines := b.bill.Lines
	i := r.IntN(len(lines))
	least := decimal.New(1, -3)
	switch r.IntN(4) {
	case 0:
		b.why = "a total that is off by the smallest amount"
		b.bill.Total = b.bill.Total.Add(least)
	case 1:
		b.why = "a ledger that is off by a cent"
		b.bill.PayableBase = b.bill.PayableBase.Add(decimal.New(1, -2))
	case 2:
		b.why = "a line that nobody shows"
		lines[i].Amount = lines[i].Amount.Add(decimal.New(1, 0))
	case 3:
		b.why = "a line at another rate"
		// More than rounding can explain: a cent, the rate's rounding, half a
		// cent for each line.
		off := decimal.New(int64(len(lines))+int64(200), -2).Add(lines[i].Amount.Abs().Mul(decimal.New(1, -3)))
		lines[i].BaseAmount = lines[i].BaseAmount.Add(off)
		b.bill.PayableBase = b.bill.PayableBase.Sub(off)
	}
	b.parks = []string{ParkUnbalanced}
}

// sent is what one invoice says on the wire, in whole numbers.
type sent struct {
	Lines, AdditionalCharges []struct {
		Description, Account        string
		Reference                   string
		Quantity, Price, Total, Tax json.Number
	}
}

// whole reads decimal text as a whole number of 10^-digits; more decimals are
// an error.
func whole(n json.Number, digits int) (int64, error) {
	left, right, _ := strings.Cut(string(n), ".")
	right = strings.TrimRight(right, "0")
	if len(right) > digits {
		return 0, fmt.Errorf("%s has more than %d decimals", n, digits)
	}
	return strconv.ParseInt(left+right+strings.Repeat("0", digits-len(right)), 10, 64)
}

// verify checks the invoices of a bill, one for each of its orders.
func (b *randomBill) verify(invoices []wantInvoice) error {
	net, tax := int64(0), int64(0) // cents
	accounts := map[string]int64{}
	lines := int64(0)
	for _, inv := range invoices {
		data, err := json.Marshal(cin7.NewInvoice{Lines: inv.Lines, AdditionalCharges: inv.Charges})
		if err != nil {
			return err
		}
		var s sent
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		if err := d.Decode(&s); err != nil {
			return err
		}
		roundings, of := int64(0), int64(0)
		for _, l := range append(s.Lines, s.AdditionalCharges...) {
			q, err1 := whole(l.Quantity, 4)
			p, err2 := whole(l.Price, 4)
			total, err3 := whole(l.Total, 2)
			t, err4 := whole(l.Tax, 2)
			for _, err := range []error{err1, err2, err3, err4} {
				if err != nil {
					return err
				}
			}
			switch {
			case q <= 0 || p < 0 || total < 0:
				return fmt.Errorf("quantity %s, price %s, total %s", l.Quantity, l.Price, l.Total)
			case worth(q, p) != total:
				return fmt.Errorf("Cin7 would refuse it: %s x %s is not %s", l.Quantity, l.Price, l.Total)
			case l.Account == "":
				return fmt.Errorf("a line of %s without an account", l.Total)
			}
			if strings.HasPrefix(l.Reference, "rounding of ") { // M5
				roundings += total
				of++
			}
			net, tax, lines = net+total, tax+t, lines+1
			accounts[l.Account] += total
		}
		if of > 1 || roundings > int64(len(b.bill.Lines)) {
			return fmt.Errorf("%d rounding lines of %d cents for %d lines", of, roundings, len(b.bill.Lines))
		}
	}
	// M1: what goes to Cin7 is the bill, its tax is its tax.
	if milli(net*10) != b.net || milli(tax*10) != b.tax {
		return fmt.Errorf("lines of %d cents and tax of %d, the bill has %s and %s", net, tax, text(b.net), text(b.tax))
	}
	// Every account gets what NetSuite posts to it; amounts finer than a cent
	// move less than a cent a line.
	for code, m := range b.accounts {
		off := milli(accounts[code]*10) - m
		if !b.fine && off != 0 || off >= milli(lines*10) || -off >= milli(lines*10) {
			return fmt.Errorf("account %s gets %d cents, the bill has %s", code, accounts[code], text(m))
		}
		delete(accounts, code)
	}
	for code, cents := range accounts {
		return fmt.Errorf("account %s gets %d cents, the bill has none", code, cents)
	}
	return b.ledger()
}

// ledger checks M2, M3 and M4 of a bill that was let through, by integers.
func (b *randomBill) ledger() error {
	cents := func(d decimal.Decimal) (int64, error) { return whole(json.Number(d.String()), 2) }
	sum, err := cents(b.bill.PayableBase)
	if err != nil {
		return err
	}
	rate, err := whole(json.Number(b.bill.ExchangeRate.String()), 6)
	if err != nil {
		return err
	}
	for _, l := range b.bill.Lines {
		base, err := cents(l.BaseAmount)
		if err != nil {
			return err
		}
		m, err := whole(json.Number(l.Amount.String()), 3)
		if err != nil {
			return err
		}
		sum += base
		// In 10^-9: the line, its amount x rate, and what rounding may do.
		off := base*10_000_000 - m*rate
		if most := 10_000_000 + max(m, -m)*50 + int64(len(b.bill.Lines))*5_000_000; off > most || -off > most {
			return fmt.Errorf("line %d: %s at %s was let through as %s", l.Number, l.Amount, b.bill.ExchangeRate, l.BaseAmount)
		}
	}
	if sum != 0 {
		return fmt.Errorf("a ledger that is off by %d cents was let through", sum)
	}
	return nil
}

// invoicesOf are what the bill comes to, one for each of its orders.
func (b *randomBill) invoicesOf(t *tenant.Tenant, refs *reference) ([]wantInvoice, error) {
	var out []wantInvoice
	for _, po := range b.bill.POs() {
		inv, err := billInvoice(t, refs, "Tax", b.bill, po)
		if err != nil {
			return nil, err
		}
		out = append(out, inv)
	}
	return out, nil
}

// check is the property: the bill goes to Cin7 exactly, or is held back for
// the reason that was foreseen.
func (b *randomBill) check(t *tenant.Tenant, refs *reference) error {
	invoices, err := b.invoicesOf(t, refs)
	p, parked := asProblem(err)
	switch {
	case err != nil && !parked:
		return err
	case parked && len(b.parks) == 0:
		return fmt.Errorf("held back without need: %w", err)
	case parked:
		if slices.ContainsFunc(p.reasons(), func(reason string) bool { return slices.Contains(b.parks, reason) }) {
			return nil
		}
		return fmt.Errorf("held back for %w, want %s", err, b.parks)
	case len(b.parks) > 0:
		return fmt.Errorf("it went, although it has %s", b.why)
	}
	return b.verify(invoices)
}

// text shows a bill to people.
func (b *randomBill) text() string {
	out := fmt.Sprintf("%s at %s, total %s, owed %s; foreseen: %q %s\n", b.bill.Currency, b.bill.ExchangeRate, b.bill.Total, b.bill.PayableBase, b.parks, b.why)
	for _, l := range b.bill.Lines {
		out += fmt.Sprintf("%d %s %s x %s = %s (%s) on %s of %d\n", l.Number, l.Kind, l.Quantity, l.SKU, l.Amount, l.BaseAmount, l.Account.Number, l.PO)
	}
	return out
}

// TestRandomBills: M1 to M5 hold for every bill that goes, and no bill goes
// that breaks them.
func TestRandomBills(t *testing.T) {
	n := soak.N(6_000, 1_000_000)
	refs := aReference()
	refs.Me.Currency = "USD"
	refs.Services["rounding"] = cin7.Product{ID: "s9", SKU: "ROUND", Name: "Rounding", Type: "Service"}
	for i := range 500 {
		sku := "SKU" + strconv.Itoa(i)
		refs.Products[sku] = cin7.Product{ID: "p" + sku, SKU: sku, Name: sku, Type: "Stock"}
	}
	plain := aTenant()
	adjusting := aTenant(func(t *tenant.Tenant) {
		t.Sync.Mapping.Charges = map[string]string{"*": "Other charges", roundingKey: "Rounding"}
	})
	const workers = 2
	var went, lines, held atomic.Int64
	var most atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && !t.Failed(); i += workers {
				b := newRandomBill(rand.New(rand.NewPCG(uint64(i), 3)))
				tn := plain
				if b.adjusts {
					tn = adjusting
				}
				if err := b.check(tn, refs); err != nil {
					t.Errorf("bill %d: %v\n%.6000s", i, err, b.text())
					return
				}
				lines.Add(int64(len(b.bill.Lines)))
				if v := int64(len(b.bill.Lines)); v > most.Load() {
					most.Store(v)
				}
				if len(b.parks) > 0 {
					held.Add(1)
				} else {
					went.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if went.Load() < int64(n)/2 || held.Load() < int64(n)/20 {
		t.Errorf("%d went and %d were held back of %d: too few to prove anything", went.Load(), held.Load(), n)
	}
	soak.Figure(t, "random bills", "%d bills of %d lines (the longest %d): %d went, %d held back; wrong: %s", n, lines.Load(), most.Load(), went.Load(), held.Load(), soak.NoneOf(n))
}
