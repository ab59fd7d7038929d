package netsuitetest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Bill is a vendor bill.
type Bill struct {
	ID                   int64
	Number               string // tranid: the vendor's invoice number; may be empty or repeated
	Vendor               int64  // default the vendor of the first PO
	Date                 string // default today
	Due                  string
	Currency             string // default the PO's, else the vendor's
	Rate                 string // base units per document unit, default the PO's, else the currency's
	Terms                string // default the vendor's
	Memo, ExternalID     string
	Subsidiary, Location int64
	Payable              int64  // default the lowest account of type AcctPay
	Status               string // A open, B paid, C cancelled, D pending approval, E rejected, F; default A
	Voided, PaymentHold  bool
	Lines                []BillLine
	Taxes                []TaxLine
	Modified             time.Time // default now
}

// BillLine is an item line, or an expense line when Item is 0. A discount has
// a negative amount.
type BillLine struct {
	ID         int64 // line id, default 2, 3, 4, ...: never the sequence number
	Item       int64
	Account    int64 // default the item's
	Memo       string
	Quantity   string
	Units      int64  // the Unit that Quantity is said in; 0 is the base unit
	Amount     string // without tax
	PO, POLine int64
	NoLink     bool // leave the link rows out: only createdfrom tells the PO
}

// TaxLine is a row of tax.
type TaxLine struct {
	Account int64
	Amount  string
	Memo    string
}

// Credit is a vendor credit: the same, with the signs the other way round.
type Credit struct {
	Bill
	AppliedTo []int64 // bills
}

func (b Bill) orders() []int64 {
	var ids []int64
	for _, l := range b.Lines {
		ids = append(ids, l.PO)
	}
	return distinct(ids)
}

// PutBill inserts or replaces a vendor bill.
func (s *Sim) PutBill(b Bill) int64 {
	kind := "create"
	s.save("put bill "+b.Number, func(t *tx) {
		m := &s.model
		b.ID = m.allocate("transaction", b.ID)
		old, existed := m.bills[b.ID]
		if existed {
			kind = "edit"
		}
		t.complete(&b, "bill "+b.Number)
		t.bill(typeBill, b, 0)
		m.bills[b.ID] = b
		t.linkReceipts(b.ID, b.orders())
		t.draws(b.ID, old.orders(), b.orders())
	})
	s.post(kind, "vendorbill", b.ID, b.Number)
	return b.ID
}

// PutCredit inserts or replaces a vendor credit.
func (s *Sim) PutCredit(c Credit) int64 {
	kind := "create"
	s.save("put credit "+c.Number, func(t *tx) {
		m := &s.model
		c.ID = m.allocate("transaction", c.ID)
		if _, ok := m.credits[c.ID]; ok {
			kind = "edit"
		}
		for _, id := range c.AppliedTo {
			b := need(m.bills, id, "bill", "credit "+c.Number)
			if c.Vendor == 0 {
				c.Vendor = b.Vendor
			}
			c.Currency, c.Rate = or(c.Currency, b.Currency), or(c.Rate, b.Rate)
		}
		t.complete(&c.Bill, "credit "+c.Number)
		from := int64(0)
		if len(c.AppliedTo) > 0 {
			from = c.AppliedTo[0]
		}
		t.bill(typeCredit, c.Bill, from)
		m.credits[c.ID] = c
		for _, id := range c.AppliedTo {
			t.link(typeBill, id, 0, typeCredit, c.ID, 0, "Payment", c.total())
			t.linkHeaders(typeBill, id, typeCredit, c.ID, "Payment", c.total())
		}
	})
	s.post(kind, "vendorcredit", c.ID, c.Number)
	return c.ID
}

// Bill returns a bill as it was put, with what was filled in.
func (s *Sim) Bill(id int64) (Bill, bool) { return get(s, s.model.bills, id) }

// Credit returns a credit as it was put, with what was filled in.
func (s *Sim) Credit(id int64) (Credit, bool) { return get(s, s.model.credits, id) }

func (b Bill) total() decimal.Decimal {
	var sum decimal.Decimal
	for _, l := range b.Lines {
		sum = sum.Add(amount(l.Amount))
	}
	for _, l := range b.Taxes {
		sum = sum.Add(amount(l.Amount))
	}
	return sum
}

// complete fills in the defaults and checks what the bill names.
func (t *tx) complete(b *Bill, who string) {
	m := &t.s.model
	b.Date, b.Status = or(b.Date, t.s.today()), or(b.Status, "A")
	for i := range b.Lines {
		l := &b.Lines[i]
		if l.ID == 0 {
			l.ID = int64(i + 2)
		}
		if l.PO != 0 {
			o := need(m.orders, l.PO, "purchase order", who)
			from, ok := o.line(l.POLine)
			if !ok && l.POLine != 0 {
				panic(fmt.Sprintf("netsuitetest: %s names line %d of purchase order %d, which does not exist", who, l.POLine, l.PO))
			}
			if b.Vendor == 0 {
				b.Vendor = o.Vendor
			}
			b.Currency, b.Rate = or(b.Currency, o.Currency), or(b.Rate, o.Rate)
			if l.Units == 0 {
				l.Units = from.Units
			}
			if l.Item == 0 && l.Account == 0 {
				l.Item, l.Account = from.Item, from.Account
			}
		}
		if l.Account == 0 && l.Item != 0 {
			l.Account = need(m.items, l.Item, "item", who).account()
		}
		need(m.accounts, l.Account, "account", fmt.Sprintf("%s line %d", who, i+1))
	}
	for i := range b.Taxes {
		need(m.accounts, b.Taxes[i].Account, "account", who+" tax")
	}
	v := need(m.vendors, b.Vendor, "vendor", who)
	b.Currency, b.Terms = or(b.Currency, v.Currency), or(b.Terms, v.Terms)
	b.Rate = or(b.Rate, t.currency(b.Currency, who).Rate)
	if b.Payable == 0 {
		for id, a := range m.accounts {
			if a.Type == "AcctPay" && (b.Payable == 0 || id < b.Payable) {
				b.Payable = id
			}
		}
	}
	need(m.accounts, b.Payable, "payable account", who)
}

// bill writes the rows of a bill or credit: lines have the opposite sign of
// the header (contract 3.6).
func (t *tx) bill(kind string, b Bill, from int64) {
	total := b.total()
	zero := b.Voided && !t.s.o.VoidKeepsAmounts
	if zero {
		total = decimal.Zero
	}
	h := header{kind: kind, id: b.ID, number: b.Number, status: b.Status, vendor: b.Vendor, date: b.Date, due: b.Due, memo: b.Memo, terms: b.Terms, externalID: b.ExternalID,
		currency: b.Currency, rate: b.Rate, subsidiary: b.Subsidiary, location: b.Location, approval: 2, posting: true, voided: b.Voided, hold: b.PaymentHold,
		total: &total, createdFrom: from, modified: b.Modified}
	switch b.Status {
	case "B":
		h.paid = total
	case "D":
		h.approval, h.posting = 1, false // pending bills do not post (contract 3.7)
	case "E":
		h.approval, h.posting = 3, false
	case "C":
		h.posting = false
	}
	if orders := b.orders(); len(orders) == 1 && from == 0 {
		h.createdFrom = orders[0]
	}
	t.clear(b.ID)
	t.header(h)

	rate, lineSign := amount(b.Rate), sign(kind).Neg()
	var entries []entry
	last := int64(1)
	for i, l := range b.Lines {
		a := amount(l.Amount)
		if zero {
			a = decimal.Zero
		}
		r := t.line(h, l.ID, i+1)
		quantity := decimal.Zero
		if l.Item != 0 {
			item := need(t.s.model.items, l.Item, "item", "bill "+b.Number)
			quantity = t.inBase(l.Quantity, l.Units, "bill "+b.Number)
			if kind == typeCredit && i%2 == 0 { // negative or positive: use abs (contract 3.6)
				quantity = quantity.Neg()
			}
			r["item"], r["units"] = l.Item, ref(l.Units)
			if l.Units == 0 {
				r["units"] = ref(item.StockUnit)
			}
			r["hascostline"], r["accountinglinetype"] = item.stocked(), "EXPENSE"
			if item.stocked() {
				r["accountinglinetype"] = "ASSET"
			}
		} else {
			r["expenseaccount"] = l.Account
		}
		r["memo"] = l.Memo
		r["createdfrom"] = ref(l.PO)
		if l.PO == 0 {
			r["createdfrom"] = ref(from)
		}
		money(r, a.Mul(lineSign), quantity, rate)
		t.insert("transactionline", r)
		entries = append(entries, entry{l.ID, l.Account, a.Mul(lineSign)})
		if l.PO != 0 && l.POLine != 0 && !l.NoLink && kind == typeBill {
			t.linkBill(l.PO, l.POLine, b.ID, l.ID, a)
		}
		last = max(last, l.ID)
	}
	for i, l := range b.Taxes {
		a := amount(l.Amount)
		if zero {
			a = decimal.Zero
		}
		last++
		if !t.s.o.SuiteTax {
			r := t.line(h, last, len(b.Lines)+i+1)
			r["taxline"], r["memo"], r["accountinglinetype"] = true, or(l.Memo, "Tax"), "TAX"
			money(r, a.Mul(lineSign), decimal.Zero, rate)
			t.insert("transactionline", r)
		}
		entries = append(entries, entry{last, l.Account, a.Mul(lineSign)})
	}
	for _, o := range b.orders() {
		if kind == typeBill {
			t.linkHeaders(typeOrder, o, kind, b.ID, "OrdBill", total)
		}
	}
	t.post(h, b.Payable, entries)
}
