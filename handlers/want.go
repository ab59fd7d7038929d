package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// want is the purchase as it should stand in Cin7, in Cin7's words. It is
// computed from NetSuite's records, the settings and the reference lists
// alone, so the same input always wants the same.
type want struct {
	Ref      queue.Ref // the PO, or a bill without one
	Number   string    // PO number, for people
	Header   cin7.NewPurchase
	Order    cin7.NewOrder // TaskID is filled in by the plan
	Invoices []wantInvoice // approved bills, oldest first
	Receipts []wantReceipt // oldest first
	Credits  []wantCredit  // oldest first
	Dead     []wantDead    // what NetSuite cancelled, rejected, voided or deleted
	Closed   bool          // nothing more will come
	Short    []string      // SKUs, upper case, of which no more will come: their lines are closed
	Alone    bool          // a bill without an order: the purchase is the bill's own
	Blind    bool          // received without an order (contract cin7 7.1): there is none to post
	Void     string        // why the purchase should not exist, "" when it should

	// Held are the documents that take no part: each is a *Problem or a *Wait.
	Held map[queue.Ref]error
	// Source is what NetSuite says of the order, before any mapping:
	// sourceOfOrder; "" of a bill without one.
	Source string
	// Products are the items and expense accounts of the order with their
	// products in Cin7, in the form of state.FactProducts.
	Products string
	// Sources say of every live bill and credit what NetSuite says, before any
	// mapping: sourceOf.
	Sources map[queue.Ref]string
}

// source keeps what NetSuite says of a bill or credit.
func (w *want) source(r queue.Ref, b netsuite.Bill, po netsuite.ID) {
	if w.Sources == nil {
		w.Sources = map[queue.Ref]string{}
	}
	w.Sources[r] = sourceOf(b, po)
}

// wantInvoice is an approved bill, or its share of this purchase.
type wantInvoice struct {
	Ref       queue.Ref
	Number    string
	Date, Due cin7.Date
	Lines     []cin7.Line
	Charges   []cin7.Charge
	Net, Tax  decimal.Decimal
	Accounts  []postingAccount
	Rate      decimal.Decimal // base units per unit of the bill's currency
}

// wantReceipt is goods that came.
type wantReceipt struct {
	Ref   queue.Ref
	Date  cin7.Date
	Lines []cin7.StockLine // LocationID set
}

// wantCredit is a vendor credit, or a correction, against the invoice of a bill.
type wantCredit struct {
	Ref      queue.Ref
	Bill     queue.Ref // the bill that it names
	Number   string
	Date     cin7.Date
	Lines    []cin7.Line
	Charges  []cin7.Charge
	Net, Tax decimal.Decimal
	Goods    []cin7.StockLine // what went back to the vendor, per product
	Accounts []postingAccount
}

// wantDead is a document that must not be posted in Cin7.
type wantDead struct {
	Ref    queue.Ref
	Number string // by which Cin7 would have it; "" when it has none there
}

func ref(t netsuite.RecordType, id netsuite.ID) queue.Ref {
	return queue.Ref{Type: string(t), ID: id.String()}
}

// sources is what NetSuite says about one purchase.
type sources struct {
	PO       netsuite.PurchaseOrder
	Bills    []netsuite.Bill
	Receipts []netsuite.Receipt
	Credits  []netsuite.Bill
	Vendor   netsuite.Vendor
}

// stable is what NetSuite says, without what changes although nothing has:
// modification times, display texts, running totals. Its hash decides whether
// anything must be done at all.
func (s sources) stable() sources {
	strip := func(d netsuite.Document) netsuite.Document {
		d.ModifiedAt, d.StatusText, d.VendorName = "", "", ""
		return d
	}
	s.Vendor.ModifiedAt = ""
	s.PO.Document = strip(s.PO.Document)
	s.PO.Lines = slices.Clone(s.PO.Lines)
	for i := range s.PO.Lines {
		s.PO.Lines[i].ReceivedQty, s.PO.Lines[i].BilledQty = decimal.Zero, decimal.Zero
	}
	s.Bills, s.Receipts, s.Credits = slices.Clone(s.Bills), slices.Clone(s.Receipts), slices.Clone(s.Credits)
	for i := range s.Bills {
		s.Bills[i].Document = strip(s.Bills[i].Document)
	}
	for i := range s.Receipts {
		s.Receipts[i].Document = strip(s.Receipts[i].Document)
	}
	for i := range s.Credits {
		s.Credits[i].Document = strip(s.Credits[i].Document)
	}
	return s
}

// wantPurchase turns a PO and its documents into the purchase that Cin7
// should hold. A problem of the PO itself is returned as error (*Problem or
// *Wait); one of a document only keeps that document back.
func wantPurchase(t *tenant.Tenant, refs *reference, supplierID string, s sources) (*want, error) {
	po := s.PO
	w := &want{Ref: ref(netsuite.TypePurchaseOrder, po.ID), Number: po.TranID, Held: map[queue.Ref]error{}}
	switch {
	case po.Status == "A" || po.Approval == 1:
		return nil, &Wait{Reason: WaitApproval, Message: "purchase order " + po.TranID + " is pending approval in NetSuite"}
	case po.Status == "C" || po.Approval == 3:
		w.Void = "rejected in NetSuite"
	case po.Voided:
		w.Void = "voided or deleted in NetSuite"
	}
	if w.Void != "" {
		wantDeadWith(w, s)
		return w, nil
	}
	if s.Vendor.Currency != "" && po.Currency != s.Vendor.Currency {
		return nil, problem(ParkCurrencyMismatch,
			"a Cin7 purchase takes its supplier's currency: give the vendor a second record in the other currency, or correct the order",
			"order %s is in %s, vendor %s is in %s", po.TranID, po.Currency, s.Vendor.Name(), s.Vendor.Currency)
	}
	var problems []*Problem
	location, p := wantLocation(t, refs, po.Location)
	problems = appendProblem(problems, p)
	rule, p := wantTaxRule(t, refs)
	problems = appendProblem(problems, p)
	term, p := wantTerm(t, refs, po.Terms, s.Vendor.Terms)
	problems = appendProblem(problems, p)

	rate := cin7.NewNumber(po.ExchangeRate)
	w.Header = cin7.NewPurchase{
		SupplierID: supplierID, Approach: t.Sync.Approach, PurchaseType: "Advanced", Location: location.Name, TaxRule: rule,
		TaxCalculation: "Exclusive", Terms: term, Note: marker(t.NetSuite.AccountID, w.Ref) + " " + po.TranID,
	}
	if !po.ExchangeRate.IsZero() {
		w.Header.CurrencyRate = &rate
	}
	lines, ps := orderLines(t, refs, rule, po)
	problems = append(problems, ps...)
	w.Order = cin7.NewOrder{
		Memo: fmt.Sprintf("NetSuite %s of %s", po.TranID, po.Date), Status: cin7.StatusAuthorised,
		Lines: lines.items, AdditionalCharges: lines.charges,
	}
	if p := joinProblems(problems); p != nil {
		return nil, p
	}
	w.Source, w.Products = sourceOfOrder(po), orderProducts(t, po.Lines)
	if len(lines.items) == 0 {
		// Charges are never received, so an invoice that waits for stock would wait for ever.
		w.Header.Approach = cin7.ApproachInvoice
	}
	w.Closed = po.Status == "H" || allClosed(po)
	for _, l := range po.Lines {
		if l.Closed && l.Item != 0 {
			w.Short = append(w.Short, strings.ToUpper(wantSKU(t, sourceLine{item: l.Item, sku: l.SKU})))
		}
	}
	for _, b := range s.Bills {
		if billState(b) == nil {
			w.source(ref(netsuite.TypeVendorBill, b.ID), b, po.ID)
		}
		if p := strangeBill(b, po, s.Vendor); p != nil && billState(b) == nil {
			w.Held[ref(netsuite.TypeVendorBill, b.ID)] = p
			continue
		}
		wantBill(t, refs, rule, w, b, po.ID)
	}
	for _, c := range s.Credits {
		wantCreditNote(t, refs, rule, w, c, s)
	}
	sortCredits(w)
	wantReceipts(t, refs, w, s, location)
	holdOverReceipts(w)
	return w, nil
}

func allClosed(po netsuite.PurchaseOrder) bool {
	for _, l := range po.Lines {
		if !l.Closed {
			return false
		}
	}
	return len(po.Lines) > 0
}

func appendProblem(list []*Problem, p *Problem) []*Problem {
	if p == nil {
		return list
	}
	return append(list, p)
}

// wantLocation is the Cin7 location of a NetSuite location: by mapping, else
// the tenant's default.
func wantLocation(t *tenant.Tenant, refs *reference, id netsuite.ID) (cin7.Location, *Problem) {
	name := t.Sync.Location
	if m, ok := t.Sync.Mapping.Locations[id.String()]; ok && id != 0 {
		name = m
	}
	if l, ok := refs.location(name); ok {
		return l, nil
	}
	return cin7.Location{}, problem(ParkUnknownLocation,
		"create the location in Cin7, or correct sync.location or sync.mapping.locations",
		"Cin7 has no active top-level location %q (NetSuite location id %d)", name, id)
}

// wantTaxRule is the rule of suppliers, of orders, and of bills unless their
// tax account has one (billRule): mapping.tax["*"], else the tenant's default.
// NetSuite's lines carry no tax code that SuiteQL shows.
func wantTaxRule(t *tenant.Tenant, refs *reference) (string, *Problem) {
	name := t.Sync.TaxRule
	if m := t.Sync.Mapping.Tax["*"]; m != "" {
		name = m
	}
	if r, ok := refs.purchaseTax(name); ok {
		return r.Name, nil
	}
	return "", problem(ParkUnmappedTax, "create the rule in Cin7, or correct sync.tax_rule or sync.mapping.tax",
		"Cin7 has no active purchase tax rule %q", name)
}

// wantTerm is the payment term: of the document, else of the vendor, by
// mapping or by the same name; without any, the tenant's default.
func wantTerm(t *tenant.Tenant, refs *reference, names ...string) (string, *Problem) {
	for _, n := range names {
		if n == "" {
			continue
		}
		if m, ok := t.Sync.Mapping.Terms[n]; ok {
			if term, ok := refs.term(m); ok {
				return term.Name, nil
			}
			return "", problem(ParkUnmappedTerm, "create the term in Cin7 or correct sync.mapping.terms",
				"term %q is mapped to %q, which is no active payment term in Cin7", n, m)
		}
		if term, ok := refs.term(n); ok {
			return term.Name, nil
		}
	}
	if term, ok := refs.term(t.Sync.PaymentTerm); ok {
		return term.Name, nil
	}
	return "", problem(ParkUnmappedTerm, "create the term in Cin7 or correct sync.payment_term",
		"the default payment term %q is no active payment term in Cin7", t.Sync.PaymentTerm)
}

// documentLines are the two kinds of lines of a Cin7 order or invoice.
type documentLines struct {
	items   []cin7.Line
	charges []cin7.Charge
}

// sourceLine is a line of a PO or of a bill, on its way to Cin7.
type sourceLine struct {
	number   int
	item     netsuite.ID
	itemType string
	sku      string
	name     string
	quantity decimal.Decimal // NetSuite's base unit
	unit     measure
	amount   decimal.Decimal
	account  netsuite.Account // names the charge of an expense line
	code     string           // Cin7 account, invoices only
	tax      decimal.Decimal
}

// cin7Lines turns source lines into item lines and charges. Equal items merge
// when price, account and rule agree (Cin7 may refuse a repeated SKU).
func cin7Lines(t *tenant.Tenant, refs *reference, rule, where string, src []sourceLine) (documentLines, []*Problem) {
	out := documentLines{items: []cin7.Line{}, charges: []cin7.Charge{}}
	var problems []*Problem
	var unknown, uncharged []string
	var short adjustment
	_, adjusts := t.Sync.Mapping.Charges[roundingKey]
	for _, l := range foldDiscounts(src) {
		if l.amount.IsNegative() {
			problems = append(problems, problem(ParkCin7Refused, "remove the negative line in NetSuite, or enter the purchase in Cin7 by hand and skip this record",
				"%s line %d is negative (%s): Cin7 is not known to take negative purchase lines", where, l.number, l.amount))
			continue
		}
		if l.item == 0 {
			product, ok := wantCharge(t, refs, l.account)
			if !ok {
				uncharged = append(uncharged, fmt.Sprintf("line %d, %s, %s", l.number, accountName(l.account), l.amount.StringFixed(2)))
				continue
			}
			out.charges = append(out.charges, charge(product, rule, l, decimal.NewFromInt(1), l.amount))
			continue
		}
		sku := wantSKU(t, l)
		product, ok := refs.Products[strings.ToUpper(sku)]
		if !ok {
			unknown = append(unknown, fmt.Sprintf("%s (line %d)", sku, l.number))
			continue
		}
		if !l.quantity.IsPositive() {
			problems = append(problems, problem(ParkUnbalanced, "correct the quantity in NetSuite",
				"%s line %d: %s of item %s", where, l.number, l.quantity, l.sku))
			continue
		}
		quantity, p := wantQuantity(t, refs, product, l.quantity, l.unit, fmt.Sprintf("%s line %d", where, l.number))
		if p != nil {
			problems = append(problems, p)
			continue
		}
		l.quantity = quantity
		price, ok := unitPrice(l.amount, l.quantity)
		if !ok && adjusts {
			var missing decimal.Decimal
			price, missing = roundDown(l.amount, l.quantity)
			if ok = short.take(missing, l.code); ok {
				l.amount = l.amount.Sub(missing)
			}
		}
		if !ok {
			problems = append(problems, problem(ParkUnbalanced, "split the line in NetSuite so that its price has at most four decimals, or name a service product for the missing cents under sync.mapping.charges as rounding",
				"%s line %d: no price with four decimals gives %s for %s of %s (nearest %s gives %s)",
				where, l.number, money(l.amount), l.quantity, l.sku, price, lineTotal(l.quantity, price).StringFixed(2)))
			continue
		}
		if strings.EqualFold(product.Type, "Service") {
			out.charges = append(out.charges, charge(product, rule, l, l.quantity, price))
			continue
		}
		line := cin7.Line{
			ProductID: product.ID, SKU: product.SKU, Name: firstOf(product.Name, l.name, product.SKU),
			Quantity: cin7.NewNumber(l.quantity), Price: cin7.NewNumber(price), Tax: cin7.NewNumber(l.tax), TaxRule: rule,
			Account: l.code, Total: cin7.NewNumber(l.amount),
		}
		if p := mergeLine(&out.items, line, where, l.number); p != nil {
			problems = append(problems, p)
		}
	}
	c, p := short.charge(t, refs, rule, where, len(src))
	problems = appendProblem(problems, p)
	if c != nil {
		out.charges = append(out.charges, *c)
	}
	if len(unknown) > 0 {
		problems = append(problems, problem(ParkUnknownSKU, "create the products in Cin7 or map them in sync.mapping.items",
			"%s: Cin7 has no active product %s", where, strings.Join(unknown, ", ")))
	}
	if len(uncharged) > 0 {
		problems = append(problems, problem(ParkUnknownCharge, "create the service product in Cin7 and name it in sync.mapping.charges",
			"%s: no Cin7 service product for the expense %s", where, strings.Join(uncharged, "; ")))
	}
	return out, problems
}

func charge(product cin7.Product, rule string, l sourceLine, quantity, price decimal.Decimal) cin7.Charge {
	return cin7.Charge{
		Description: product.Name, Reference: fmt.Sprintf("NS line %d", l.number), Quantity: cin7.NewNumber(quantity),
		Price: cin7.NewNumber(price), Tax: cin7.NewNumber(l.tax), TaxRule: rule, Account: l.code, Total: cin7.NewNumber(l.amount),
	}
}

// mergeLine adds a line, joined with an equal one of the same product.
func mergeLine(lines *[]cin7.Line, l cin7.Line, where string, number int) *Problem {
	for i, have := range *lines {
		if !cin7.SameID(have.ProductID, l.ProductID) {
			continue
		}
		quantity := have.Quantity.Add(l.Quantity.Decimal)
		total := have.Total.Add(l.Total.Decimal)
		if !have.Price.Equal(l.Price.Decimal) || have.Account != l.Account || !lineTotal(quantity, have.Price.Decimal).Equal(total) {
			return problem(ParkCin7Refused, "bring the lines to one price and one account in NetSuite, or enter the purchase in Cin7 by hand and skip this record",
				"%s line %d repeats item %s at another price or account; Cin7 is not known to take that", where, number, l.SKU)
		}
		(*lines)[i].Quantity = cin7.NewNumber(quantity)
		(*lines)[i].Total = cin7.NewNumber(total)
		(*lines)[i].Tax = cin7.NewNumber(have.Tax.Add(l.Tax.Decimal))
		return nil
	}
	*lines = append(*lines, l)
	return nil
}

// wantSKU is the Cin7 SKU of an item: by mapping, else NetSuite's item name.
func wantSKU(t *tenant.Tenant, l sourceLine) string {
	if m := t.Sync.Mapping.Items["id:"+l.item.String()]; m != "" {
		return m
	}
	if m := t.Sync.Mapping.Items[l.sku]; m != "" {
		return m
	}
	return l.sku
}

// wantCharge is the service product that names an expense (chargeName).
func wantCharge(t *tenant.Tenant, refs *reference, a netsuite.Account) (cin7.Product, bool) {
	p, ok := refs.Services[fold(chargeName(t, a))]
	return p, ok
}

// chargeName is what the mapping calls the service product of an expense: by
// the account's number, id or name, else by "*"; "" for none.
func chargeName(t *tenant.Tenant, a netsuite.Account) string {
	for _, k := range []string{a.Number, "id:" + a.ID.String(), a.Name, "*"} {
		if name, ok := t.Sync.Mapping.Charges[k]; ok && k != "" {
			return name
		}
	}
	return ""
}

// orderLines are the lines of the order. The tax of a PO is its total less
// its lines, spread over them.
func orderLines(t *tenant.Tenant, refs *reference, rule string, po netsuite.PurchaseOrder) (documentLines, []*Problem) {
	net := decimal.Zero
	var src []sourceLine
	var weights []decimal.Decimal
	for _, l := range po.Lines {
		if l.Amount.IsZero() && l.Quantity.IsZero() {
			continue // a description or a subtotal
		}
		src = append(src, sourceLine{number: l.Number, item: l.Item, itemType: l.ItemType, sku: l.SKU, name: l.ItemName, quantity: l.Quantity,
			unit: measure{l.Units, l.BaseUnits}, amount: l.Amount, account: l.Account})
		weights = append(weights, l.Amount)
		net = net.Add(l.Amount)
	}
	tax := po.Total.Sub(net)
	if tax.IsNegative() {
		return documentLines{}, []*Problem{problem(ParkUnbalanced, "check the order in NetSuite; if it is right, the integration role may not see all lines",
			"order %s: lines sum to %s, the total is %s", po.TranID, net.StringFixed(2), po.Total.StringFixed(2))}
	}
	if len(src) == 0 {
		return documentLines{}, []*Problem{problem(ParkUnbalanced, "add lines to the order in NetSuite",
			"order %s has no lines that can be bought", po.TranID)}
	}
	for _, sum := range []decimal.Decimal{net, tax} {
		if kept := sum.Round(2); !kept.Equal(sum) {
			return documentLines{}, []*Problem{problem(ParkUnbalanced, "enter the order in Cin7 by hand and skip this record: Cin7 keeps two decimals",
				"order %s: its lines sum to %s %s and its tax is %s; Cin7 keeps two decimals", po.TranID, money(net), po.Currency, money(tax))}
		}
	}
	amounts := inCents(weights)
	for i, part := range spread(tax, weights, min(minorDigits(po.Currency), 2)) {
		src[i].amount, src[i].tax = amounts[i], part
	}
	return cin7Lines(t, refs, rule, "order "+po.TranID, src)
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
