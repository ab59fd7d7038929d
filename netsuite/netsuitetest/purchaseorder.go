package netsuitetest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// PurchaseOrder is a PO. Its status letter follows from its lines, receipts
// and bills (contract 3.7) unless Status says one.
type PurchaseOrder struct {
	ID                   int64
	Number               string // tranid, default "PO<id>"
	Vendor               int64
	Date                 string // YYYY-MM-DD, default today
	Due                  string
	Currency             string // default the vendor's
	Rate                 string // base units per document unit, default the currency's
	Terms                string // default the vendor's
	Memo, ExternalID     string
	Subsidiary, Location int64
	Tax                  string
	Status               string // "" derived; A pending approval, C rejected, H closed, P planned, or any letter
	Lines                []OrderLine
	Modified             time.Time // default now
}

// OrderLine is an item line, or an expense line when Item is 0.
type OrderLine struct {
	ID       int64 // line id within the PO, default 1, 2, 3, ...
	Item     int64
	Account  int64 // of an expense line
	Memo     string
	Quantity string
	Units    int64  // the Unit that Quantity is said in; 0 is the base unit
	Amount   string // without tax
	Location int64  // default the PO's
	Closed   bool
	Expected string // date
}

// PutPurchaseOrder inserts or replaces a PO with its lines.
func (s *Sim) PutPurchaseOrder(o PurchaseOrder) int64 {
	kind := "create"
	s.save("put purchase order "+o.Number, func(t *tx) {
		m := &s.model
		o.ID = m.allocate("transaction", o.ID)
		if _, ok := m.orders[o.ID]; ok {
			kind = "edit"
		}
		o.Number, o.Date = or(o.Number, fmt.Sprintf("PO%d", o.ID)), or(o.Date, s.today())
		v := need(m.vendors, o.Vendor, "vendor", o.Number)
		o.Currency, o.Terms = or(o.Currency, v.Currency), or(o.Terms, v.Terms)
		o.Rate = or(o.Rate, t.currency(o.Currency, o.Number).Rate)
		for i := range o.Lines {
			if o.Lines[i].ID == 0 {
				o.Lines[i].ID = int64(i + 1)
			}
		}
		t.order(o)
		m.orders[o.ID] = o
		t.progress(o.ID)
	})
	s.post(kind, "purchaseorder", o.ID, o.Number)
	return o.ID
}

// PurchaseOrder returns a PO as it was put, with what was filled in.
func (s *Sim) PurchaseOrder(id int64) (PurchaseOrder, bool) { return get(s, s.model.orders, id) }

// line finds an order line by its id.
func (o PurchaseOrder) line(id int64) (OrderLine, bool) {
	for _, l := range o.Lines {
		if l.ID == id {
			return l, true
		}
	}
	return OrderLine{}, false
}

// order writes the rows of a PO; progress adds what was received and billed.
func (t *tx) order(o PurchaseOrder) {
	m := &t.s.model
	tax := amount(o.Tax)
	total := tax
	for _, l := range o.Lines {
		total = total.Add(amount(l.Amount))
	}
	h := header{kind: typeOrder, id: o.ID, number: o.Number, status: "B", vendor: o.Vendor, date: o.Date, due: o.Due, memo: o.Memo, terms: o.Terms, externalID: o.ExternalID,
		currency: o.Currency, rate: o.Rate, subsidiary: o.Subsidiary, location: o.Location, approval: 2, total: &total, modified: o.Modified}
	switch o.Status {
	case "A":
		h.approval = 1
	case "C":
		h.approval = 3
	}
	// links of receipts and bills to this PO stay: only those that lead to it go
	t.clear(o.ID)
	t.header(h)
	rate := amount(o.Rate)
	last := int64(0)
	for i, l := range o.Lines {
		r := t.line(h, l.ID, i+1)
		quantity := decimal.Zero
		if l.Item != 0 {
			item := need(m.items, l.Item, "item", o.Number)
			quantity = t.inBase(l.Quantity, l.Units, o.Number)
			r["item"], r["units"] = l.Item, ref(max(l.Units, item.StockUnit))
			if l.Units != 0 {
				r["units"] = l.Units
			}
			r["quantityshiprecv"], r["quantitybilled"] = 0, 0
			r["matchbilltoreceipt"] = false
		} else {
			need(m.accounts, l.Account, "account", o.Number)
			r["expenseaccount"] = l.Account
		}
		if l.Location != 0 {
			r["location"] = l.Location
		}
		r["memo"], r["isclosed"], r["expectedreceiptdate"] = l.Memo, l.Closed || o.Status == "H", t.s.day(l.Expected)
		money(r, amount(l.Amount), quantity, rate)
		t.insert("transactionline", r)
		last = max(last, l.ID)
	}
	if !tax.IsZero() && !t.s.o.SuiteTax {
		r := t.line(h, last+1, len(o.Lines)+1)
		r["taxline"], r["memo"] = true, "Tax"
		money(r, tax, decimal.Zero, rate)
		t.insert("transactionline", r)
	}
}

// progress writes what was received and billed of a PO, and its status letter.
// The header's stamp stays unless the account bumps orders (contract 4.3).
func (t *tx) progress(order int64) {
	m := &t.s.model
	o, ok := m.orders[order]
	if !ok {
		return
	}
	received, billed := map[int64]decimal.Decimal{}, map[int64]decimal.Decimal{}
	billedExpense := map[int64]bool{}
	for doc := range m.byOrder[order] {
		for _, l := range m.receipts[doc].Lines {
			if l.PO == order {
				received[l.POLine] = received[l.POLine].Add(t.inBase(l.Quantity, l.Units, o.Number))
			}
		}
		b, ok := m.bills[doc]
		if !ok || b.Voided || b.Status == "C" || b.Status == "E" {
			continue
		}
		for _, l := range b.Lines {
			if l.PO == order {
				billed[l.POLine] = billed[l.POLine].Add(t.inBase(l.Quantity, l.Units, o.Number))
				billedExpense[l.POLine] = true
			}
		}
	}
	somethingIn, allIn, allBilled, inNotBilled, open := false, true, true, false, false
	for _, l := range o.Lines {
		in, out := received[l.ID], billed[l.ID]
		if l.Item == 0 {
			open = open || !l.Closed
			allBilled = allBilled && (billedExpense[l.ID] || l.Closed)
			continue
		}
		want := t.inBase(l.Quantity, l.Units, o.Number)
		t.exec(`UPDATE transactionline SET quantityshiprecv = ?, quantitybilled = ?, isfullyshipped = ?,
			linelastmodifieddate = CASE WHEN quantityshiprecv <> ? OR quantitybilled <> ? THEN ? ELSE linelastmodifieddate END
			WHERE "transaction" = ? AND id = ?`,
			in.String(), out.String(), value(in.GreaterThanOrEqual(want)), in.InexactFloat64(), out.InexactFloat64(), instant(t.modifiedAt(t.at)), order, l.ID)
		open = open || !l.Closed
		somethingIn = somethingIn || in.IsPositive()
		allIn = allIn && (in.GreaterThanOrEqual(want) || l.Closed)
		allBilled = allBilled && (out.GreaterThanOrEqual(want) || l.Closed)
		inNotBilled = inNotBilled || in.GreaterThan(out)
	}
	letter := o.Status
	switch {
	case letter != "":
	case len(o.Lines) > 0 && !open:
		letter = "H"
	case allIn && allBilled:
		letter = "G"
	case allIn:
		letter = "F"
	case somethingIn && inNotBilled:
		letter = "E"
	case somethingIn:
		letter = "D"
	default:
		letter = "B"
	}
	if t.s.o.LongStatus {
		letter = typeOrder + ":" + letter
	}
	t.exec(`UPDATE "transaction" SET status = ? WHERE id = ?`, letter, order)
	if t.s.o.BumpOrders {
		t.exec(`UPDATE "transaction" SET lastmodifieddate = ? WHERE id = ?`, instant(t.now), order)
	}
}

// draws notes which orders a document comes from, and brings these and the
// ones that it came from before up to date.
func (t *tx) draws(doc int64, before, now []int64) {
	m := &t.s.model
	for _, o := range before {
		delete(m.byOrder[o], doc)
	}
	for _, o := range now {
		if m.byOrder[o] == nil {
			m.byOrder[o] = map[int64]bool{}
		}
		m.byOrder[o][doc] = true
	}
	for _, o := range distinct(append(before, now...)) {
		t.progress(o)
	}
}

// distinct drops zeros and repetitions, keeping the order.
func distinct(ids []int64) []int64 {
	var out []int64
	seen := map[int64]bool{0: true}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
