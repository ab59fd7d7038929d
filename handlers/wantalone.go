package handlers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// wantStandalone is the purchase for a bill without a PO: for expenses a
// service purchase whose order and invoice both are the bill's charges; for
// goods a blind receipt, which has no order: what the bill bills is received
// on its date, then invoiced (contract cin7 7.1).
func wantStandalone(t *tenant.Tenant, refs *reference, supplierID string, s sources) (*want, error) {
	b, v := s.Bills[0], s.Vendor
	r := ref(netsuite.TypeVendorBill, b.ID)
	w := &want{Ref: r, Number: "bill " + billNumber(b), Held: map[queue.Ref]error{}, Alone: true}
	if err := billState(b); err != nil {
		if errors.Is(err, errDead) {
			w.Void = errDead.Error()
			for _, c := range s.Credits {
				w.Held[ref(netsuite.TypeVendorCredit, c.ID)] = &Wait{Reason: WaitBill, Message: "its bill " + billNumber(b) + " is " + w.Void}
			}
			return w, nil
		}
		return nil, err
	}
	if v.Currency != "" && b.Currency != v.Currency {
		return nil, problem(ParkCurrencyMismatch, "a Cin7 purchase takes its supplier's currency: correct the bill or the vendor",
			"bill %s is in %s, vendor %s is in %s", billNumber(b), b.Currency, v.Name(), v.Currency)
	}
	location, p1 := wantLocation(t, refs, b.Location)
	rule, p2 := wantTaxRule(t, refs)
	term, p3 := wantTerm(t, refs, b.Terms, v.Terms)
	if p := joinProblems(slices.DeleteFunc([]*Problem{p1, p2, p3}, func(p *Problem) bool { return p == nil })); p != nil {
		return nil, p
	}
	inv, err := billInvoice(t, refs, rule, b, 0)
	if err != nil {
		return nil, err
	}
	inv.Ref = r
	rate := cin7.NewNumber(b.ExchangeRate)
	w.Invoices = []wantInvoice{inv}
	w.source(r, b, 0)
	w.Header = cin7.NewPurchase{
		SupplierID: supplierID, Approach: cin7.ApproachInvoice, PurchaseType: "Advanced", IsServiceOnly: true, Location: location.Name,
		TaxRule: rule, TaxCalculation: "Exclusive", Terms: term, Note: marker(t.NetSuite.AccountID, r) + " " + billNumber(b), CurrencyRate: &rate,
	}
	for _, c := range s.Credits {
		wantCreditNote(t, refs, rule, w, c, s)
	}
	sortCredits(w)
	if len(inv.Lines) > 0 {
		w.Blind = true
		w.Header.IsServiceOnly, w.Header.BlindReceipt, w.Header.Approach = false, true, cin7.ApproachStock
		if t.Sync.ReceiveOn != tenant.ReceiveOnNever {
			wantPaperReceipt(refs, w, b, location)
		}
		return w, nil
	}
	w.Order = cin7.NewOrder{Memo: fmt.Sprintf("NetSuite bill %s of %s", billNumber(b), b.Date), Status: cin7.StatusAuthorised, Lines: []cin7.Line{}}
	w.Products = billProducts(t, b.Lines)
	for _, c := range inv.Charges {
		c.Account = "" // orders carry no account
		w.Order.AdditionalCharges = append(w.Order.AdditionalCharges, c)
	}
	return w, nil
}
