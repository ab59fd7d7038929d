package cin7test

import (
	"math/rand/v2"
	"strings"

	"github.com/shopspring/decimal"
)

// shuffled changes the order of lines: answers may reorder them, and lines
// have no ids (7.4). Every answer has an order of its own.
func (s *Sim) shuffled(rows []obj) []obj {
	s.answers++
	r := rand.New(rand.NewPCG(s.o.Seed, s.answers))
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func (s *Sim) lineRows(lines []Line, kind lineKind) []obj {
	rows := []obj{}
	for _, l := range lines {
		o := obj{"ProductID": l.ProductID, "SKU": l.SKU, "Name": l.Name, "Quantity": num(l.Quantity), "Price": num(l.Price), "Discount": num(l.Discount),
			"Tax": num(l.Tax), "TaxRule": orNull(l.TaxRule), "Comment": l.Comment, "Total": num(l.Total), "NonInventory": l.NonInventory}
		if kind == invoiceLines {
			o["Account"] = l.Account
		} else {
			o["SupplierSKU"] = l.SupplierSKU
		}
		rows = append(rows, o)
	}
	return s.shuffled(rows)
}

func (s *Sim) chargeRows(charges []Charge, kind lineKind) []obj {
	rows := []obj{}
	for _, c := range charges {
		o := obj{"Description": c.Description, "Reference": c.Reference, "Quantity": num(c.Quantity), "Price": num(c.Price), "Discount": num(c.Discount),
			"Tax": num(c.Tax), "TaxRule": c.TaxRule, "Total": num(c.Total)}
		if kind == invoiceLines {
			o["Account"] = c.Account
		}
		rows = append(rows, o)
	}
	return s.shuffled(rows)
}

func (s *Sim) stockRows(lines []StockLine) []obj {
	rows := []obj{}
	for _, l := range lines {
		o := obj{"Date": day(l.Date), "Quantity": num(l.Quantity), "ProductID": l.ProductID, "SKU": l.SKU, "Name": l.Name, "LocationID": orNull(l.LocationID),
			"Location": orNull(l.Location), "Received": true, "BatchSN": orNull(l.BatchSN), "ExpiryDate": day(l.ExpiryDate), "SupplierSKU": ""}
		if l.CardID != "" {
			o["CardID"] = l.CardID
		}
		rows = append(rows, o)
	}
	return s.shuffled(rows)
}

func withTotals(o obj, t sums) obj {
	o["TotalBeforeTax"], o["Tax"], o["Total"] = num(t.net), num(t.tax), num(t.total)
	return o
}

func (s *Sim) orderBlock(p *Purchase) obj {
	return withTotals(obj{"Memo": p.Order.Memo, "Status": p.Order.Status, "Lines": s.lineRows(p.Order.Lines, orderLines),
		"AdditionalCharges": s.chargeRows(p.Order.Charges, orderLines)}, s.totals(p, p.Order.Lines, p.Order.Charges))
}

func (s *Sim) answerOrder(p *Purchase) obj {
	o := s.orderBlock(p)
	o["TaskID"], o["CombineAdditionalCharges"] = p.ID, false
	return o
}

func (s *Sim) invoiceBlock(p *Purchase, inv Invoice) obj {
	return withTotals(obj{"InvoiceNumber": orNull(inv.Number), "InvoiceDate": day(inv.Date), "InvoiceDueDate": day(inv.DueDate), "Status": inv.Status,
		"Lines": s.lineRows(inv.Lines, invoiceLines), "AdditionalCharges": s.chargeRows(inv.Charges, invoiceLines)}, s.totals(p, inv.Lines, inv.Charges))
}

// loud writes a GUID in upper case. Both cases appear (2): the task answers
// use this one, the purchase the other.
func loud(id string) string { return strings.ToUpper(id) }

func (s *Sim) answerInvoices(p *Purchase) obj {
	rows := []obj{}
	for _, g := range p.Groups {
		o := s.invoiceBlock(p, g.Invoice)
		o["TaskID"], o["CombineAdditionalCharges"] = loud(g.TaskID), false
		o["InvoiceTotalAmount"], o["InvoiceTotalTaxAmount"] = o["Total"], o["Tax"]
		rows = append(rows, o)
	}
	return obj{"PurchaseID": p.ID, "Invoices": rows}
}

func (s *Sim) answerStock(p *Purchase) obj {
	rows := []obj{}
	for _, g := range p.Groups {
		rows = append(rows, obj{"TaskID": loud(g.TaskID), "Status": g.Stock.Status, "Lines": s.stockRows(g.Stock.Lines)})
	}
	return obj{"PurchaseID": p.ID, "StockReceiving": rows}
}

func (s *Sim) answerPutAway(p *Purchase) obj {
	rows := []obj{}
	for _, g := range p.Groups {
		rows = append(rows, obj{"TaskID": loud(g.TaskID), "Status": g.PutAway.Status, "Lines": s.stockRows(g.PutAway.Lines)})
	}
	return obj{"PurchaseID": p.ID, "PutAway": rows}
}

func (s *Sim) header(p *Purchase) obj {
	attributes := obj{}
	for i, v := range p.Attributes {
		attributes[attributeName(i)] = v
	}
	account := ""
	if a := find(s.accounts, func(a Account) bool { return a.SystemAccountCode == "INVENTORY" }); a != nil {
		account = a.Code
	}
	return obj{"ID": p.ID, "SupplierID": p.SupplierID, "Supplier": p.Supplier, "Contact": p.Contact, "Phone": p.Phone, "InventoryAccount": orNull(account),
		"BlindReceipt": p.BlindReceipt, "Approach": p.Approach, "BillingAddress": p.BillingAddress.shape(false), "ShippingAddress": p.ShippingAddress.shape(true),
		"BaseCurrency": p.BaseCurrency, "SupplierCurrency": p.SupplierCurrency, "TaxRule": p.TaxRule, "TaxCalculation": p.TaxCalculation, "Terms": p.Terms,
		"RequiredBy": day(p.RequiredBy), "Location": p.Location, "Note": p.Note, "OrderNumber": p.OrderNumber, "OrderDate": day(p.OrderDate),
		"Status": p.Status(), "RelatedDropShipSaleTask": nil, "CurrencyRate": num(p.CurrencyRate), "LastUpdatedDate": stamp(p.Updated),
		"AdditionalAttributes": attributes, "Attachments": []obj{}, "InventoryMovements": []obj{}}
}

func (a PostalAddress) shape(shipping bool) obj {
	o := obj{"DisplayAddressLine1": orNull(a.Line1), "DisplayAddressLine2": orNull(strings.TrimSpace(a.City + " " + a.State + " " + a.Postcode + " " + a.Country)),
		"Line1": orNull(a.Line1), "Line2": orNull(a.Line2), "City": orNull(a.City), "State": orNull(a.State), "Postcode": orNull(a.Postcode), "Country": orNull(a.Country)}
	if shipping {
		o["ShipToOther"], o["Company"] = a.ShipToOther, orNull(a.Company)
	}
	return o
}

// answerPurchase is the purchase with its tasks as arrays. A simple purchase
// has arrays of one and an empty StockReceived, or is an empty shell (7.1).
func (s *Sim) answerPurchase(p *Purchase) obj {
	if p.Type == simpleType && s.o.SimpleShell {
		return obj{"ID": zeroID, "OrderNumber": "", "Status": "", "Order": obj{"Status": NotAvailable, "Lines": []obj{}},
			"StockReceived": []obj{}, "PutAway": []obj{}, "Invoice": []obj{}, "CreditNote": []obj{}, "ManualJournals": []obj{}}
	}
	o := s.header(p)
	o["Type"], o["IsServiceOnly"] = p.Type, p.IsServiceOnly
	o["CombinedInvoiceStatus"], o["CombinedReceivingStatus"], o["CombinedPaymentStatus"] = p.CombinedInvoiceStatus(), p.CombinedReceivingStatus(), p.CombinedPaymentStatus()
	order := s.orderBlock(p)
	order["Prepayments"] = []obj{}
	o["Order"] = order
	stock, putAway, invoices, manual, credits := []obj{}, []obj{}, []obj{}, []obj{}, []obj{}
	for _, g := range p.Groups {
		task := func(rest obj) obj {
			rest["TaskID"], rest["InvoicingAndReceivingNumber"] = g.TaskID, g.Number
			return rest
		}
		inv := s.invoiceBlock(p, g.Invoice)
		inv["Payments"], inv["CurrencyRate"], inv["Paid"] = []obj{}, num(p.CurrencyRate), num(decimal.Zero)
		if g.Invoice.Status == Paid {
			inv["Paid"] = inv["Total"]
		}
		invoices = append(invoices, task(inv))
		if p.Type != serviceType {
			putAway = append(putAway, task(obj{"Status": g.PutAway.Status, "Lines": s.stockRows(g.PutAway.Lines)}))
			if p.Type != simpleType {
				stock = append(stock, task(obj{"Status": g.Stock.Status, "Lines": s.stockRows(g.Stock.Lines)}))
			}
		}
		manual = append(manual, task(obj{"Status": g.Manual.Status, "Lines": s.manualRows(g.Manual.Lines)}))
	}
	for _, n := range p.CreditNotes {
		credits = append(credits, s.creditBlock(p, n, n.TaskID))
	}
	o["StockReceived"], o["PutAway"], o["Invoice"], o["ManualJournals"], o["CreditNote"] = stock, putAway, invoices, manual, credits
	return o
}
