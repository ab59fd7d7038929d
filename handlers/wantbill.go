package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// wantBill adds a bill's share of the purchase po (0: the bill stands alone)
// to w, or holds it back with the reason.
func wantBill(t *tenant.Tenant, refs *reference, rule string, w *want, b netsuite.Bill, po netsuite.ID) {
	r := ref(netsuite.TypeVendorBill, b.ID)
	if err := billState(b); err != nil {
		w.Held[r] = err
		if errors.Is(err, errDead) {
			w.Dead = append(w.Dead, wantDead{Ref: r, Number: billNumber(b)})
		}
		return
	}
	inv, err := billInvoice(t, refs, rule, b, po)
	if err != nil {
		w.Held[r] = err
		return
	}
	inv.Ref = r
	w.Invoices = append(w.Invoices, inv)
	sort.SliceStable(w.Invoices, func(i, j int) bool {
		a, b := w.Invoices[i], w.Invoices[j]
		return a.Date < b.Date || a.Date == b.Date && olderID(a.Ref.ID, b.Ref.ID)
	})
}

// olderID compares internal ids as numbers written without leading zeros.
func olderID(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

// dead are the bills that must not be in Cin7: cancelled, rejected, voided.
func dead(b netsuite.Bill) bool {
	return b.Voided || b.Status == "C" || b.Status == "E" || b.Approval == 3
}

// billState says whether a bill is approved: nil, or why it is held back.
func billState(b netsuite.Bill) error {
	switch {
	case dead(b):
		return errDead
	case b.Status == "D" || b.Approval == 1:
		return &Wait{Reason: WaitApproval, Message: "bill " + billNumber(b) + " is pending approval in NetSuite"}
	case b.Status == "A" || b.Status == "B":
		return nil
	}
	return &Wait{Reason: WaitApproval, Message: fmt.Sprintf("bill %s has status %s (%s), neither open nor paid in full", billNumber(b), b.Status, b.StatusText)}
}

// errDead marks a bill that NetSuite has cancelled, rejected, voided or deleted: right
// as long as Cin7 does not have it.
var errDead = fmt.Errorf("cancelled, rejected, voided or deleted in NetSuite")

// wantDeadWith takes over the dead documents of an order that is dead itself:
// they leave Cin7 before the purchase does.
func wantDeadWith(w *want, s sources) {
	for _, d := range slices.Concat(s.Bills, s.Credits) {
		if dead(d) {
			r := ref(d.Type, d.ID)
			w.Held[r] = errDead
			w.Dead = append(w.Dead, wantDead{Ref: r, Number: billNumber(d)})
		}
	}
	for _, d := range s.Receipts {
		if d.Voided {
			r := ref(netsuite.TypeItemReceipt, d.ID)
			w.Held[r] = errDead
			w.Dead = append(w.Dead, wantDead{Ref: r})
		}
	}
}

// billNumber is the vendor's bill number; NetSuite's running number where the
// vendor's is missing.
func billNumber(b netsuite.Bill) string {
	return firstOf(b.TranID, b.TransactionNumber, "NS-"+b.ID.String())
}

// billInvoice computes the invoice of a bill, or of its share in one PO.
// Everything that stops it is found before anything is written.
func billInvoice(t *tenant.Tenant, refs *reference, rule string, b netsuite.Bill, po netsuite.ID) (wantInvoice, error) {
	sums, p := addUp(t, refs, rule, b)
	if p != nil {
		return wantInvoice{}, p
	}
	rule, p = billRule(t, refs, rule, b)
	if p != nil {
		return wantInvoice{}, p
	}
	date, p := openDate(t, refs, cin7.Date(b.Date), "bill "+billNumber(b))
	if p != nil {
		return wantInvoice{}, p
	}

	lines := sums.lines
	codes, problems := lineAccounts(t, refs, b, lines)
	weights := make([]decimal.Decimal, len(lines))
	for i, l := range lines {
		weights[i] = l.Amount
	}
	amounts := inCents(weights)
	parts := spread(sums.tax, weights, min(minorDigits(b.Currency), 2))
	first := netsuite.ID(0)
	if pos := b.POs(); len(pos) > 0 {
		first = pos[0]
	}
	inv := wantInvoice{Number: billNumber(b), Date: date, Due: max(cin7.Date(b.Due), date), Rate: b.ExchangeRate}
	var src []sourceLine
	for i, l := range lines {
		if !inShare(l, po, first) {
			continue
		}
		src = append(src, sourceLine{number: l.Number, item: l.Item, itemType: l.ItemType, sku: l.SKU, name: l.ItemName, quantity: l.Quantity,
			unit: measure{l.Units, l.BaseUnits}, amount: amounts[i], account: l.Account, code: codes[l.ID], tax: parts[i]})
		inv.Net = inv.Net.Add(amounts[i])
		inv.Tax = inv.Tax.Add(parts[i])
		inv.Accounts = withAccount(inv.Accounts, l.Account, codes[l.ID])
	}
	out, ps := cin7Lines(t, refs, rule, "bill "+billNumber(b), src)
	if p := joinProblems(append(problems, ps...)); p != nil {
		return wantInvoice{}, p
	}
	inv.Lines, inv.Charges = out.items, out.charges
	return inv, nil
}

// lineAccounts finds the Cin7 account of every line; what is missing is one
// problem that lists every unmapped account with its amount and the best
// suggestions.
func lineAccounts(t *tenant.Tenant, refs *reference, b netsuite.Bill, lines []netsuite.BillLine) (map[netsuite.ID]string, []*Problem) {
	codes := map[netsuite.ID]string{}
	type gap struct {
		account netsuite.Account
		amount  decimal.Decimal
	}
	var gaps []gap
	for _, l := range lines {
		code, _, ok := matchAccount(l.Account, t.Sync.Mapping.Accounts, refs.Chart, refs.Alike)
		if ok {
			codes[l.ID] = code
			continue
		}
		i := slices.IndexFunc(gaps, func(g gap) bool { return g.account.ID == l.Account.ID })
		if i < 0 {
			gaps = append(gaps, gap{account: l.Account})
			i = len(gaps) - 1
		}
		gaps[i].amount = gaps[i].amount.Add(l.Amount)
	}
	if len(gaps) == 0 {
		return codes, nil
	}
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Compare(a.account.ID, b.account.ID) })
	var texts []string
	for _, g := range gaps {
		s := fmt.Sprintf("%s (%s %s", accountName(g.account), g.amount.StringFixed(2), b.Currency)
		if best := suggestAccounts(g.account, refs.Chart, 2); len(best) > 0 {
			s += "; perhaps " + strings.Join(best, " or ")
		}
		texts = append(texts, s+")")
	}
	return codes, []*Problem{problem(ParkUnmappedAccount, "map the account in sync.mapping.accounts, or add it to the chart of accounts in Cin7",
		"bill %s: no active Cin7 account for NetSuite account %s", billNumber(b), strings.Join(texts, ", "))}
}

// openDate applies the closed_period policy to a posting date.
func openDate(t *tenant.Tenant, refs *reference, date cin7.Date, what string) (cin7.Date, *Problem) {
	lock := refs.Me.LockDate
	if lock == "" || date > lock {
		return date, nil
	}
	if t.Sync.ClosedPeriod == tenant.ClosedPeriodNextDay {
		return nextDay(lock), nil
	}
	return "", problem(ParkPeriodLocked, "move the lock date in Cin7, change the date in NetSuite, or set sync.closed_period: next_open_day",
		"%s is dated %s; Cin7 is locked up to and including %s", what, date, lock)
}

// wantReceipts adds the goods that came, by the tenant's rule.
func wantReceipts(t *tenant.Tenant, refs *reference, w *want, s sources, home cin7.Location) {
	switch t.Sync.ReceiveOn {
	case tenant.ReceiveOnNever:
		return
	case tenant.ReceiveOnBillApproved, tenant.ReceiveOnBillPaid:
		for _, b := range s.Bills {
			if billState(b) != nil || t.Sync.ReceiveOn == tenant.ReceiveOnBillPaid && b.Status != "B" {
				continue
			}
			wantPaperReceipt(refs, w, b, home)
		}
	default:
		for _, r := range s.Receipts {
			wantReceiptOf(t, refs, w, r, s.PO.ID)
		}
	}
	sort.SliceStable(w.Receipts, func(i, j int) bool {
		a, b := w.Receipts[i], w.Receipts[j]
		return a.Date < b.Date || a.Date == b.Date && olderID(a.Ref.ID, b.Ref.ID)
	})
}

// wantPaperReceipt receives what a bill says, on the bill's date.
func wantPaperReceipt(refs *reference, w *want, b netsuite.Bill, home cin7.Location) {
	for _, inv := range w.Invoices {
		if inv.Ref != ref(netsuite.TypeVendorBill, b.ID) {
			continue
		}
		r := wantReceipt{Ref: inv.Ref, Date: inv.Date}
		for _, l := range inv.Lines {
			r.Lines = append(r.Lines, stockLine(refs.Products[strings.ToUpper(l.SKU)], inv.Date, l.Quantity.Decimal, home))
		}
		if len(r.Lines) > 0 {
			w.Receipts = append(w.Receipts, r)
		}
	}
}

func stockLine(p cin7.Product, date cin7.Date, quantity decimal.Decimal, at cin7.Location) cin7.StockLine {
	return cin7.StockLine{Date: date, Quantity: cin7.NewNumber(quantity), ProductID: p.ID, SKU: p.SKU, Name: p.Name, LocationID: at.ID, Location: at.Name}
}

// wantReceiptOf adds an item receipt. Lines of service products are not
// stock. Lines of one product and place are summed.
func wantReceiptOf(t *tenant.Tenant, refs *reference, w *want, r netsuite.Receipt, po netsuite.ID) {
	key := ref(netsuite.TypeItemReceipt, r.ID)
	if r.Voided {
		w.Held[key] = errDead
		w.Dead = append(w.Dead, wantDead{Ref: key})
		return
	}
	date, p := openDate(t, refs, cin7.Date(r.Date), "receipt "+r.TranID)
	if p != nil {
		w.Held[key] = p
		return
	}
	out := wantReceipt{Ref: key, Date: date}
	var problems []*Problem
	for _, l := range r.Lines {
		if l.PO != po {
			continue
		}
		at, p := wantLocation(t, refs, cmp.Or(l.Location, r.Location))
		problems = appendProblem(problems, p)
		sku := wantSKU(t, sourceLine{item: l.Item, sku: l.SKU})
		product, ok := refs.Products[strings.ToUpper(sku)]
		switch {
		case !ok:
			problems = append(problems, problem(ParkUnknownSKU, "create the product in Cin7 or map it in sync.mapping.items",
				"receipt %s: Cin7 has no active product %s", r.TranID, sku))
			continue
		case strings.EqualFold(product.Type, "Service"):
			continue
		case !l.Quantity.IsPositive():
			problems = append(problems, problem(ParkUnbalanced, "correct the quantity in NetSuite",
				"receipt %s: %s of item %s", r.TranID, l.Quantity, l.SKU))
			continue
		}
		quantity, p := wantQuantity(t, refs, product, l.Quantity, measure{l.Units, l.BaseUnits}, "receipt "+r.TranID)
		if p != nil {
			problems = append(problems, p)
			continue
		}
		line := stockLine(product, date, quantity, at)
		i := slices.IndexFunc(out.Lines, func(h cin7.StockLine) bool { return h.ProductID == line.ProductID && h.LocationID == line.LocationID })
		if i < 0 {
			out.Lines = append(out.Lines, line)
			continue
		}
		out.Lines[i].Quantity = cin7.NewNumber(out.Lines[i].Quantity.Add(line.Quantity.Decimal))
	}
	if p := joinProblems(problems); p != nil {
		w.Held[key] = p
		return
	}
	if len(out.Lines) > 0 {
		w.Receipts = append(w.Receipts, out)
	}
}
