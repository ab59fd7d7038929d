package handlers

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// wantCreditNote adds a vendor credit to w, or holds it back with the reason.
// A Cin7 credit note is written against one invoice: the bill that the credit
// names is never guessed.
func wantCreditNote(t *tenant.Tenant, refs *reference, rule string, w *want, c netsuite.Bill, s sources) {
	r := ref(netsuite.TypeVendorCredit, c.ID)
	if err := billState(c); err != nil {
		w.Held[r] = err
		if errors.Is(err, errDead) {
			w.Dead = append(w.Dead, wantDead{Ref: r, Number: billNumber(c)})
		}
		return
	}
	w.source(r, c, 0)
	bill, p := creditedBill(c, s)
	if p != nil {
		w.Held[r] = p
		return
	}
	inv, err := billInvoice(t, refs, rule, asBill(c), 0)
	if err != nil {
		w.Held[r] = err
		return
	}
	out := wantCredit{Ref: r, Bill: ref(netsuite.TypeVendorBill, bill.ID), Number: inv.Number, Date: inv.Date, Lines: inv.Lines, Charges: inv.Charges,
		Net: inv.Net, Tax: inv.Tax, Accounts: inv.Accounts}
	for _, l := range inv.Lines {
		// An item on a vendor credit leaves NetSuite's stock: it went back.
		out.Goods = append(out.Goods, cin7.StockLine{Date: inv.Date, Quantity: l.Quantity, ProductID: l.ProductID, SKU: l.SKU, Name: l.Name})
	}
	w.Credits = append(w.Credits, out)
}

func sortCredits(w *want) {
	sort.SliceStable(w.Credits, func(i, j int) bool {
		a, b := w.Credits[i], w.Credits[j]
		return a.Date < b.Date || a.Date == b.Date && olderID(a.Ref.ID, b.Ref.ID)
	})
}

// creditedBill is the one bill of this purchase that a credit names.
func creditedBill(c netsuite.Bill, s sources) (netsuite.Bill, *Problem) {
	const byHand = "apply the credit to one bill in NetSuite, or enter the credit note in Cin7 by hand and skip this record"
	number := billNumber(c)
	switch len(c.CreatedFrom) {
	case 0:
		return netsuite.Bill{}, problem(ParkCin7Refused, byHand, "vendor credit %s names no bill: a Cin7 credit note is written against one invoice", number)
	case 1:
	default:
		return netsuite.Bill{}, problem(ParkGroupConflict, byHand, "vendor credit %s names %d bills: a Cin7 credit note is written against one invoice", number, len(c.CreatedFrom))
	}
	i := slices.IndexFunc(s.Bills, func(b netsuite.Bill) bool { return b.ID == c.CreatedFrom[0] })
	if i < 0 {
		return netsuite.Bill{}, problem(ParkNetSuiteHidden, "give the integration role the permission to see the bill, then retry this record",
			"vendor credit %s names bill %d, which NetSuite does not show with this purchase", number, c.CreatedFrom[0])
	}
	b := s.Bills[i]
	switch {
	case c.Currency != b.Currency:
		return b, problem(ParkCurrencyMismatch, "correct the credit or the bill in NetSuite", "vendor credit %s is in %s, its bill %s in %s", number, c.Currency, billNumber(b), b.Currency)
	case c.Vendor != 0 && b.Vendor != 0 && c.Vendor != b.Vendor:
		return b, problem(ParkAmbiguousSupplier, "correct the credit or the bill in NetSuite", "vendor credit %s is of vendor %d, its bill %s of vendor %d", number, c.Vendor, billNumber(b), b.Vendor)
	case len(b.POs()) > 1:
		return b, problem(ParkGroupConflict, "enter the credit notes in Cin7 by hand, then skip this record",
			"vendor credit %s names bill %s, which has an invoice in %d purchases: which of them it credits is not said", number, billNumber(b), len(b.POs()))
	}
	return b, nil
}

// asBill turns a credit's ledger amounts the way a bill's are.
func asBill(c netsuite.Bill) netsuite.Bill {
	c.PayableBase = c.PayableBase.Neg()
	c.Lines = slices.Clone(c.Lines)
	for i := range c.Lines {
		c.Lines[i].BaseAmount = c.Lines[i].BaseAmount.Neg()
	}
	return c
}

// strangeBill parks a bill that contradicts the order it is linked to.
func strangeBill(b netsuite.Bill, po netsuite.PurchaseOrder, v netsuite.Vendor) *Problem {
	switch {
	case b.Vendor != 0 && po.Vendor != 0 && b.Vendor != po.Vendor:
		return problem(ParkAmbiguousSupplier, "correct the vendor of the bill or of the order in NetSuite, or enter the bill in Cin7 by hand and skip this record",
			"bill %s is of vendor %d (%s), its order %s of vendor %d (%s)", billNumber(b), b.Vendor, b.VendorName, po.TranID, po.Vendor, v.Name())
	case b.Currency != po.Currency:
		return problem(ParkCurrencyMismatch, "a Cin7 purchase has one currency: correct the bill or the order in NetSuite",
			"bill %s is %s %s, its order %s is in %s", billNumber(b), money(b.Total), b.Currency, po.TranID, po.Currency)
	}
	return nil
}

// holdOverReceipts parks the receipts with which more would be received than
// NetSuite's order says: Cin7 would take it without a word (contract cin7 7.5).
func holdOverReceipts(w *want) {
	if w.Alone {
		return
	}
	ordered := invoiced(cin7.Invoice{Lines: w.Order.Lines})
	got := perProduct(nil)
	w.Receipts = slices.DeleteFunc(w.Receipts, func(r wantReceipt) bool {
		if r.Ref.Type != string(netsuite.TypeItemReceipt) {
			return false // what a bill says is the bill's business
		}
		with := perProduct(nil)
		addTo(with, got)
		addTo(with, perProduct(r.Lines))
		for _, l := range r.Lines {
			k := strings.ToLower(l.ProductID)
			if with[k].GreaterThan(ordered[k]) {
				w.Held[r.Ref] = problem(ParkOverReceipt, "raise the order or correct the receipt in NetSuite, or receive the goods in Cin7 by hand and skip this record",
					"with this receipt %s of %s are received on order %s, which orders %s", with[k], l.SKU, w.Number, ordered[k])
				return true
			}
		}
		got = with
		return false
	})
}
