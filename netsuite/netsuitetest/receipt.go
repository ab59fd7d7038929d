package netsuitetest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// Receipt is an item receipt of one PO.
type Receipt struct {
	ID                   int64
	Number               string // default "IR<id>"
	PO                   int64
	Date                 string // default today
	Memo                 string
	Subsidiary, Location int64         // default the PO's
	Lines                []ReceiptLine // none: all that is open on the PO
	Modified             time.Time     // default now
}

// ReceiptLine is a received quantity.
type ReceiptLine struct {
	ID       int64 // line id of the stock row, default 2, 4, 6, ...
	PO       int64 // default the receipt's
	POLine   int64
	Item     int64 // default the PO line's
	Quantity string
	Units    int64 // the Unit that Quantity is said in, default the PO line's
	Location int64
	NoLink   bool // leave the link rows out: only createdfrom tells the PO
}

func (r Receipt) orders() []int64 {
	ids := []int64{r.PO}
	for _, l := range r.Lines {
		ids = append(ids, l.PO)
	}
	return distinct(ids)
}

// PutReceipt inserts or replaces an item receipt.
func (s *Sim) PutReceipt(r Receipt) int64 {
	kind := "create"
	s.save("put receipt "+r.Number, func(t *tx) {
		m := &s.model
		r.ID = m.allocate("transaction", r.ID)
		old, existed := m.receipts[r.ID]
		if existed {
			kind = "edit"
		}
		r.Number, r.Date = or(r.Number, fmt.Sprintf("IR%d", r.ID)), or(r.Date, s.today())
		o := need(m.orders, r.PO, "purchase order", "receipt "+r.Number)
		if len(r.Lines) == 0 {
			r.Lines = t.open(o, r.ID)
		}
		for i := range r.Lines {
			l := &r.Lines[i]
			if l.PO == 0 {
				l.PO = r.PO
			}
			from, ok := need(m.orders, l.PO, "purchase order", "receipt "+r.Number).line(l.POLine)
			if !ok && l.POLine != 0 {
				panic(fmt.Sprintf("netsuitetest: receipt %s names line %d of purchase order %d, which does not exist", r.Number, l.POLine, l.PO))
			}
			if l.Item == 0 {
				l.Item = from.Item
			}
			if l.Units == 0 {
				l.Units = from.Units
			}
			if l.ID == 0 {
				l.ID = int64(2 * (i + 1))
			}
			need(m.items, l.Item, "item", "receipt "+r.Number)
		}
		t.receipt(r, o)
		m.receipts[r.ID] = r
		t.draws(r.ID, old.orders(), r.orders())
	})
	s.post(kind, "itemreceipt", r.ID, r.Number)
	return r.ID
}

// Receipt returns a receipt as it was put, with what was filled in.
func (s *Sim) Receipt(id int64) (Receipt, bool) { return get(s, s.model.receipts, id) }

// open is what no receipt but the given one has brought yet.
func (t *tx) open(o PurchaseOrder, except int64) []ReceiptLine {
	var out []ReceiptLine
	for _, l := range o.Lines {
		if l.Item == 0 || l.Closed {
			continue
		}
		left := amount(l.Quantity)
		for doc := range t.s.model.byOrder[o.ID] {
			if doc == except {
				continue
			}
			for _, in := range t.s.model.receipts[doc].Lines {
				if in.PO == o.ID && in.POLine == l.ID {
					left = left.Sub(amount(in.Quantity))
				}
			}
		}
		if left.IsPositive() {
			out = append(out, ReceiptLine{POLine: l.ID, Quantity: left.String()})
		}
	}
	return out
}

// receipt writes the rows: each stocked item has an offset row and a stock
// row, in that order; other items have one row that does not affect the
// inventory (contract 3.3).
func (t *tx) receipt(r Receipt, o PurchaseOrder) {
	h := header{kind: typeReceipt, id: r.ID, number: r.Number, status: "Y", vendor: o.Vendor, date: r.Date, memo: r.Memo, currency: o.Currency, rate: o.Rate,
		subsidiary: max(r.Subsidiary, o.Subsidiary), location: r.Location, posting: true, createdFrom: r.PO, modified: r.Modified}
	if h.location == 0 {
		h.location = o.Location
	}
	t.clear(r.ID)
	t.header(h)
	for i, l := range r.Lines {
		item := need(t.s.model.items, l.Item, "item", r.Number)
		quantity := t.inBase(l.Quantity, l.Units, r.Number)
		from, _ := t.s.model.orders[l.PO].line(l.POLine)
		value := decimal.Zero // received at the price of the order
		if ordered := amount(from.Quantity); !ordered.IsZero() {
			value = amount(from.Amount).Mul(amount(l.Quantity)).Div(ordered).Round(2)
		}
		put := func(id int64, q decimal.Decimal, stock bool) {
			w := t.line(h, id, 2*i+1)
			w["item"], w["units"], w["createdfrom"] = l.Item, ref(l.Units), l.PO
			w["isinventoryaffecting"], w["transactionlinetype"] = stock, "RECEIVING"
			if l.Units == 0 {
				w["units"] = ref(item.StockUnit)
			}
			if l.Location != 0 {
				w["location"] = l.Location
			}
			amount := value
			if q.IsNegative() {
				amount = value.Neg()
			}
			money(w, amount, q, decimal.NewFromInt(1))
			t.insert("transactionline", w)
		}
		linked := l.ID
		if item.stocked() {
			put(l.ID-1, quantity.Neg(), false)
			if t.s.o.LinksOnOffsetRow {
				linked = l.ID - 1
			}
		}
		put(l.ID, quantity, item.stocked())
		if !l.NoLink && l.POLine != 0 {
			t.link(typeOrder, l.PO, l.POLine, typeReceipt, r.ID, linked, "ShipRcpt", value)
		}
	}
	for _, id := range r.orders() {
		t.linkHeaders(typeOrder, id, typeReceipt, r.ID, "ShipRcpt", decimal.Zero)
	}
}
