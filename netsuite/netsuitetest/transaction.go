package netsuitetest

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// The types of transactions as the type column says them (contract 3.2).
const (
	typeOrder   = "PurchOrd"
	typeBill    = "VendBill"
	typeReceipt = "ItemRcpt"
	typeCredit  = "VendCred"
)

// recordTypes is the recordtype column, and the prefix of transactionnumber.
func recordTypes(kind string) (recordType, prefix string) {
	switch kind {
	case typeOrder:
		return "purchaseorder", "PURCHORD"
	case typeBill:
		return "vendorbill", "VENDBILL"
	case typeReceipt:
		return "itemreceipt", "ITEMRCPT"
	}
	return "vendorcredit", "VENDCRED"
}

// header is what the rows of every transaction share.
type header struct {
	kind, number, status   string
	id, vendor             int64
	date, due, memo, terms string
	externalID, currency   string
	rate                   string
	subsidiary, location   int64
	approval               int
	posting, voided, hold  bool
	total                  *decimal.Decimal // positive; nil is null
	paid                   decimal.Decimal
	createdFrom            int64
	modified               time.Time
}

// sign turns a positive amount into the one of the header (contract 3.6);
// lines have the other sign.
func sign(kind string) decimal.Decimal {
	if kind == typeCredit {
		return decimal.NewFromInt(1)
	}
	return decimal.NewFromInt(-1)
}

// clear removes the rows of a transaction before they are written anew.
func (t *tx) clear(id int64) {
	t.exec(`DELETE FROM "transaction" WHERE id = ?`, id)
	t.exec(`DELETE FROM transactionline WHERE "transaction" = ?`, id)
	t.exec(`DELETE FROM transactionaccountingline WHERE "transaction" = ?`, id)
	for _, table := range []string{"nexttransactionlinelink", "previoustransactionlinelink", "nexttransactionlink", "previoustransactionlink"} {
		t.exec(`DELETE FROM `+table+` WHERE nextdoc = ?`, id)
	}
}

// header writes the transaction row and the mainline row, which is line 0.
func (t *tx) header(h header) {
	recordType, prefix := recordTypes(h.kind)
	cur := t.currency(h.currency, recordType)
	modified := t.modifiedAt(h.modified)
	created := t.createdAt("transaction", h.id, modified)
	status := h.status
	if t.s.o.LongStatus {
		status = h.kind + ":" + status
	}
	r := row{"id": h.id, "type": h.kind, "recordtype": recordType, "tranid": h.number, "transactionnumber": fmt.Sprintf("%s%d", prefix, t.running(h.kind, h.id)), "status": status,
		"entity": h.vendor, "trandate": t.s.day(h.date), "duedate": t.s.day(h.due), "currency": cur.ID, "exchangerate": amount(or(h.rate, cur.Rate)),
		"terms": t.termNamed(h.terms), "memo": h.memo, "externalid": h.externalID, "posting": h.posting, "voided": h.voided, "void": h.voided,
		"paymenthold": h.hold, "isreversal": false, "postingperiod": postingPeriod(h.date), "createddate": created, "lastmodifieddate": modified}
	if !t.s.o.NoApprovals && h.approval != 0 {
		r["approvalstatus"] = h.approval
	}
	main := t.line(h, 0, 0)
	main["mainline"], main["memo"], main["createdfrom"] = true, h.memo, ref(h.createdFrom)
	if h.total != nil {
		r["foreigntotal"] = h.total.Mul(sign(h.kind))
		r["foreignamountpaid"], r["foreignamountunpaid"] = h.paid, h.total.Sub(h.paid)
		main["foreignamount"], main["netamount"] = r["foreigntotal"], r["foreigntotal"]
	}
	t.insert("transaction", r)
	t.insert("transactionline", main)
}

// running is the running number of a transaction: it counts per type and
// stays with the record (contract 3.2).
func (t *tx) running(kind string, id int64) int64 {
	n, ok := t.s.model.running[id]
	if !ok {
		n = t.s.model.allocate("running "+kind, 0)
		t.s.model.running[id] = n
	}
	return n
}

// HideFromRole takes transactions out of what the integration role sees,
// without a trace, as a filter by subsidiary or department does (contract 7).
// Putting one of them again shows it.
func (s *Sim) HideFromRole(ids ...int64) {
	s.save("hide from the role", func(t *tx) {
		for _, id := range ids {
			t.clear(id)
		}
	})
}

// line is the start of a transactionline row.
func (t *tx) line(h header, id int64, sequence int) row {
	t.s.model.uniqueKeys++
	t.at = h.modified
	r := row{"transaction": h.id, "id": id, "uniquekey": 50_000 + t.s.model.uniqueKeys, "linesequencenumber": sequence, "mainline": false, "taxline": false,
		"iscogs": false, "donotdisplayline": false, "entity": h.vendor, "location": ref(h.location), "isclosed": false, "isinventoryaffecting": false, "hascostline": false,
		"linecreateddate": t.now, "linelastmodifieddate": t.modifiedAt(h.modified)}
	if h.kind == typeOrder || t.s.o.SuiteTax {
		r["taxline"] = nil // null on orders (contract 3.3) and under SuiteTax (7)
	}
	if !t.s.o.NotOneWorld {
		r["subsidiary"] = max(h.subsidiary, 1)
	}
	return r
}

// money adds the amounts of a line: foreignamount in document currency, rate
// in base currency although the amount is not (contract 3.6). signed has the
// sign of the database already.
func money(r row, signed, quantity, exchange decimal.Decimal) {
	r["foreignamount"], r["netamount"] = signed, signed
	if quantity.IsZero() {
		return
	}
	r["quantity"] = quantity
	r["rate"] = signed.Abs().Div(quantity.Abs()).Mul(exchange).Round(8)
	r["rateamount"] = signed.Abs().Div(quantity.Abs()).Round(8)
}

// inBase turns a quantity said in a unit into base units (contract 3.6).
func (t *tx) inBase(quantity string, unit int64, by string) decimal.Decimal {
	q := amount(quantity)
	if unit == 0 {
		return q
	}
	return q.Mul(amount(need(t.s.model.units, unit, "unit", by).Rate))
}

// postingPeriod is a made-up id: one per month.
func postingPeriod(date string) any {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil
	}
	return (d.Year()-2000)*12 + int(d.Month())
}

// Delete removes a record of a type (vendor, purchaseorder, itemreceipt,
// vendorbill or vendorcredit) and leaves a row in deletedrecord. The text of
// its type column is spelled in several ways, as nobody knows the real one
// (contract 3.8).
func (s *Sim) Delete(recordType string, id int64) {
	var name string
	s.save("delete "+recordType, func(t *tx) {
		m := &s.model
		by := "delete"
		var spelled string
		typeID := -30
		var orders []int64
		switch recordType {
		case "vendor":
			v := need(m.vendors, id, recordType, by)
			name, spelled, typeID = v.EntityID, "Vendor", -3
			delete(m.vendors, id)
			t.exec(`DELETE FROM contact WHERE company = ?`, id)
			maps.DeleteFunc(m.contacts, func(_ int64, c Contact) bool { return c.Vendor == id })
			t.exec(`DELETE FROM vendoraddressbookentityaddress WHERE nkey IN (SELECT addressbookaddress FROM vendoraddressbook WHERE entity = ?)`, id)
			t.exec(`DELETE FROM vendoraddressbook WHERE entity = ?`, id)
			t.exec(`DELETE FROM vendorsubsidiaryrelationship WHERE entity = ?`, id)
			t.exec(`DELETE FROM vendor WHERE id = ?`, id)
		case "purchaseorder":
			name, spelled = need(m.orders, id, recordType, by).Number, "Purchase Order"
			delete(m.orders, id)
			for _, table := range []string{"nexttransactionlinelink", "previoustransactionlinelink", "nexttransactionlink", "previoustransactionlink"} {
				t.exec(`DELETE FROM `+table+` WHERE previousdoc = ?`, id)
			}
		case "itemreceipt":
			r := need(m.receipts, id, recordType, by)
			name, spelled, orders = r.Number, "itemreceipt", r.orders()
			delete(m.receipts, id)
		case "vendorbill":
			b := need(m.bills, id, recordType, by)
			name, spelled, orders = b.Number, "Vendor Bill", b.orders()
			if id%2 == 0 {
				spelled = "Bill"
			}
			delete(m.bills, id)
		case "vendorcredit":
			c := need(m.credits, id, recordType, by)
			name, spelled, orders = c.Number, "Vendor Credit", c.orders()
			delete(m.credits, id)
		default:
			panic(fmt.Sprintf("netsuitetest: delete of record type %q is not known", recordType))
		}
		if recordType != "vendor" {
			t.clear(id)
		}
		t.insert("deletedrecord", row{"recordid": id, "recordtypeid": typeID, "type": spelled, "name": name, "scriptid": strings.ToUpper(recordType),
			"context": "UIF", "deletedby": 3, "deleteddate": t.now, "iscustomrecord": false, "iscustomlist": false, "iscustomtransaction": false})
		for _, o := range orders {
			delete(m.byOrder[o], id)
			t.progress(o)
		}
	})
	s.post("delete", recordType, id, name)
}
