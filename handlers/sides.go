package handlers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Side is a line of a record as both systems show it.
type Side struct {
	What, NetSuite, Cin7 string
	Differs              bool
}

// Beside reads a record from both systems as they are now and sets them side
// by side: for a vendor its card, for an order its lines by product, for a
// bill or credit its sums by account, for a receipt its goods by product. It
// costs one to three calls of each system and writes nothing. What Cin7 does
// not have yet is shown as missing, not as a difference of every line.
func Beside(ctx context.Context, t *tenant.Tenant, ns *netsuite.Client, c7 *cin7.Client, recs *state.Records, rec state.Record) ([]Side, error) {
	id, err := netsuite.ParseID(rec.ID)
	if err != nil {
		return nil, err
	}
	kind := netsuite.RecordType(rec.Type)
	if kind == netsuite.TypeVendor {
		return besideVendor(ctx, ns, c7, id, rec)
	}
	p, err := purchaseOf(ctx, c7, recs, rec)
	if err != nil {
		return nil, err
	}
	var s sheet
	switch kind {
	case netsuite.TypePurchaseOrder:
		pos, err := ns.PurchaseOrders(ctx, id)
		if err != nil {
			return nil, err
		}
		po, ok := pos[id]
		s.order(po, ok, p)
	case netsuite.TypeItemReceipt:
		receipts, err := ns.Receipts(ctx, id)
		if err != nil {
			return nil, err
		}
		r, ok := receipts[id]
		s.goods(r, ok, p)
	default:
		read := ns.Bills
		if kind == netsuite.TypeVendorCredit {
			read = ns.Credits
		}
		bills, err := read(ctx, id)
		if err != nil {
			return nil, err
		}
		chart, err := c7.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		all, err := ns.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		b, ok := bills[id]
		s.bill(t, b, ok, chart, numberAlike(all, chart), p)
	}
	return s.rows, nil
}

// purchaseOf reads the purchase that a document belongs to; nil when Cin7 has
// none yet.
func purchaseOf(ctx context.Context, c7 *cin7.Client, recs *state.Records, rec state.Record) (*cin7.Purchase, error) {
	guid := rec.Links[slotPurchase]
	if po := rec.Facts[state.FactPO]; guid == "" && po != "" {
		owner, err := recs.Get(ctx, queue.Ref{Type: string(netsuite.TypePurchaseOrder), ID: po})
		if err != nil {
			return nil, err
		}
		guid = owner[0].Links[slotPurchase]
	}
	if guid == "" {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	p, err := c7.Purchase(ctx, guid)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// sheet collects lines. Its methods are pure.
type sheet struct{ rows []Side }

// put adds a line; one whose sides are written differently differs.
func (s *sheet) put(what, left, right string) {
	s.rows = append(s.rows, Side{what, left, right, left != right})
}

// tell adds a line of which a difference says nothing.
func (s *sheet) tell(what, left, right string) {
	s.rows = append(s.rows, Side{What: what, NetSuite: left, Cin7: right})
}

// missing says which side is not there; true when either is not.
func (s *sheet) missing(name string, here, there bool) bool {
	switch {
	case !here && !there:
		s.put("Record", "not shown by NetSuite", "not there")
	case !here:
		s.put("Record", "not shown by NetSuite: deleted, or hidden from the role", "there")
	case !there:
		s.put("Record", name, "not there")
	}
	return !here || !there
}

func (s *sheet) sums(what string, left, right map[string]decimal.Decimal, form func(decimal.Decimal) string) {
	keys := map[string]bool{}
	for k := range left {
		keys[k] = true
	}
	for k := range right {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		s.put(what+" "+k, form(left[k]), form(right[k]))
	}
}

func quantity(d decimal.Decimal) string { return d.String() }

func (s *sheet) order(po netsuite.PurchaseOrder, here bool, p *cin7.Purchase) {
	if s.missing("order "+po.TranID, here, p != nil) {
		return
	}
	s.tell("Number", po.TranID, p.OrderNumber)
	s.tell("Status", cmp.Or(po.StatusText, po.Status), p.Status+", order "+p.Order.Status)
	s.tell("Vendor", po.VendorName, p.Supplier)
	s.put("Currency", po.Currency, p.SupplierCurrency)
	quantities, amounts := [2]map[string]decimal.Decimal{{}, {}}, [2]map[string]decimal.Decimal{{}, {}}
	charges := [2]decimal.Decimal{}
	for _, l := range po.Lines {
		if l.Item == 0 {
			charges[0] = charges[0].Add(l.Amount)
			continue
		}
		k := strings.ToUpper(l.SKU)
		quantities[0][k], amounts[0][k] = quantities[0][k].Add(l.Quantity), amounts[0][k].Add(l.Amount)
	}
	for _, l := range p.Order.Lines {
		k := strings.ToUpper(l.SKU)
		quantities[1][k], amounts[1][k] = quantities[1][k].Add(l.Quantity.Decimal), amounts[1][k].Add(l.Total.Decimal)
	}
	for _, c := range p.Order.AdditionalCharges {
		charges[1] = charges[1].Add(c.Total.Decimal)
	}
	s.sums("Quantity of", quantities[0], quantities[1], quantity)
	s.sums("Amount of", amounts[0], amounts[1], money)
	s.put("Charges", money(charges[0]), money(charges[1]))
	s.tell("Received", "", p.CombinedReceivingStatus)
	s.tell("Invoiced", "", p.CombinedInvoiceStatus)
}

func (s *sheet) goods(r netsuite.Receipt, here bool, p *cin7.Purchase) {
	if s.missing("receipt "+r.TranID, here, p != nil) {
		return
	}
	s.tell("Number", r.TranID, p.OrderNumber)
	s.tell("Date", string(r.Date), "")
	in, there := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	for _, l := range r.Lines {
		k := strings.ToUpper(l.SKU)
		in[k] = in[k].Add(l.Quantity)
	}
	for _, task := range p.PutAway {
		for _, l := range task.Lines {
			k := strings.ToUpper(l.SKU)
			there[k] = there[k].Add(l.Quantity.Decimal)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(in)) {
		// Cin7 keeps no receipt of its own: its goods are those of the whole
		// purchase, so only too few of them is a difference.
		s.rows = append(s.rows, Side{"Quantity of " + k, in[k].String() + " in this receipt", there[k].String() + " in the whole purchase", there[k].LessThan(in[k])})
	}
}

func (s *sheet) bill(t *tenant.Tenant, b netsuite.Bill, here bool, chart []cin7.Account, alike bool, p *cin7.Purchase) {
	posted := postedAs(b, p)
	if s.missing(map[netsuite.RecordType]string{netsuite.TypeVendorBill: "bill ", netsuite.TypeVendorCredit: "vendor credit "}[b.Type]+billNumber(b), here, posted != nil) {
		return
	}
	s.put("Number", billNumber(b), posted.number)
	s.tell("Status", cmp.Or(b.StatusText, b.Status), posted.status)
	s.put("Date", string(b.Date), string(posted.date))
	if posted.due != "" {
		s.put("Due", string(b.Due), string(posted.due))
	}
	s.put("Currency", b.Currency, p.SupplierCurrency)
	byAccount := map[string]decimal.Decimal{}
	tax := decimal.Zero
	for _, l := range b.Lines {
		if l.Kind == netsuite.LineTax {
			tax = tax.Add(l.Amount)
			continue
		}
		name, _, ok := matchAccount(l.Account, t.Sync.Mapping.Accounts, chart, alike)
		if !ok {
			name = accountName(l.Account) + " (no Cin7 account)"
		}
		byAccount[name] = byAccount[name].Add(l.Amount)
	}
	s.sums("Account", byAccount, posted.byAccount, money)
	s.put("Tax", money(tax), money(posted.tax))
	s.put("Total", money(b.Total), money(posted.total))
}

// document is an invoice or a credit note of Cin7, added up.
type document struct {
	number, status string
	date, due      cin7.Date
	byAccount      map[string]decimal.Decimal
	tax, total     decimal.Decimal
}

// postedAs finds a bill's invoice, or a credit's credit note, by its number.
func postedAs(b netsuite.Bill, p *cin7.Purchase) *document {
	if p == nil {
		return nil
	}
	if b.Type == netsuite.TypeVendorCredit {
		for _, c := range p.CreditNote {
			if c.CreditNoteNumber == billNumber(b) && c.Status != cin7.StatusVoided {
				return addedUp(document{number: c.CreditNoteNumber, status: c.Status, date: c.CreditNoteDate}, c.Lines, c.AdditionalCharges)
			}
		}
		return nil
	}
	for _, i := range p.Invoice {
		if i.InvoiceNumber == billNumber(b) && i.Status != cin7.StatusVoided {
			return addedUp(document{number: i.InvoiceNumber, status: i.Status, date: i.InvoiceDate, due: i.InvoiceDueDate}, i.Lines, i.AdditionalCharges)
		}
	}
	return nil
}

func addedUp(d document, lines []cin7.Line, charges []cin7.Charge) *document {
	d.byAccount = map[string]decimal.Decimal{}
	add := func(account string, total, tax decimal.Decimal) {
		d.byAccount[account] = d.byAccount[account].Add(total)
		d.tax, d.total = d.tax.Add(tax), d.total.Add(total).Add(tax)
	}
	for _, l := range lines {
		add(l.Account, l.Total.Decimal, l.Tax.Decimal)
	}
	for _, c := range charges {
		add(c.Account, c.Total.Decimal, c.Tax.Decimal)
	}
	return &d
}

func besideVendor(ctx context.Context, ns *netsuite.Client, c7 *cin7.Client, id netsuite.ID, rec state.Record) ([]Side, error) {
	vendors, err := ns.Vendors(ctx, id)
	if err != nil {
		return nil, err
	}
	var sup cin7.Supplier
	guid := rec.Links[slotSupplier]
	if guid != "" {
		if sup, err = c7.Supplier(ctx, guid); err != nil {
			return nil, err
		}
	}
	v, ok := vendors[id]
	var s sheet
	if s.missing("vendor "+v.Name(), ok, guid != "") {
		return s.rows, nil
	}
	people, err := ns.Contacts(ctx, v)
	if err != nil {
		return nil, err
	}
	s.put("Name", v.Name(), sup.Name)
	s.put("Currency", v.Currency, sup.Currency)
	s.tell("Payment term", v.Terms, sup.PaymentTerm)
	status := "Active"
	if v.Inactive {
		status = "Deprecated"
	}
	s.put("Status", status, sup.Status)
	s.tell("Contact", contactsOf(wantContacts(v, people[id])), contactsOf(sup.Contacts))
	s.tell("Addresses", fmt.Sprint(len(v.Addresses)), fmt.Sprint(len(sup.Addresses)))
	return s.rows, nil
}

func contactsOf(list []cin7.SupplierContact) string {
	var out []string
	for _, c := range list {
		for _, v := range []string{c.Name, c.Email, c.Phone} {
			if v != "" {
				out = append(out, v)
			}
		}
	}
	return strings.Join(out, ", ")
}
