package cin7test

import (
	"github.com/shopspring/decimal"
)

type lineBody struct {
	ProductID, SKU, Name, TaxRule, Account, Comment, SupplierSKU *string
	Quantity, Price, Discount, Tax, Total                        number
}

type chargeBody struct {
	Description, Reference, TaxRule, Account *string
	Quantity, Price, Discount, Tax, Total    number
}

// lineKind says which document lines belong to: only those of invoices and
// credit notes have accounts (7.4).
type lineKind int

const (
	orderLines lineKind = iota
	invoiceLines
)

var hundred = decimal.NewFromInt(100)

// expected is Quantity x Price x (1 - Discount/100), rounded half up to two
// decimals, without tax unless switched (9).
func (s *Sim) expected(quantity, price, discount, tax decimal.Decimal) decimal.Decimal {
	t := quantity.Mul(price).Mul(hundred.Sub(discount)).Shift(-2)
	if s.o.TaxInTotal {
		t = t.Add(tax)
	}
	return round2(t)
}

// readLines checks lines and completes them. Decimals beyond the documented
// ones are cut by rounding, without a word.
func (s *Sim) readLines(in []lineBody, kind lineKind) ([]Line, error) {
	var out []Line
	for _, b := range in {
		l, err := s.readLine(b, kind)
		if err != nil {
			return nil, err
		}
		// Sources disagree on repeats: an example shows one, a client reports
		// an exception (7.4).
		if !s.o.DuplicateSKULines && find(out, func(x Line) bool { return x.ProductID == l.ProductID }) != nil {
			return nil, no("Cannot add duplicate value in lines. (Product:%s)", l.SKU)
		}
		out = append(out, l)
	}
	return out, nil
}

func (s *Sim) readLine(b lineBody, kind lineKind) (Line, error) {
	lenient := s.o.LenientOrderLines && kind == orderLines
	if err := require("ProductID", deref(b.ProductID) != "" || deref(b.SKU) != "", "Name", deref(b.Name) != "" || lenient, "Quantity", b.Quantity.set,
		"Price", b.Price.set || lenient, "Tax", b.Tax.set, "TaxRule", deref(b.TaxRule) != "" || lenient,
		"Account", deref(b.Account) != "" || kind == orderLines, "Total", b.Total.set); err != nil {
		return Line{}, err
	}
	if err := atMost("SKU", deref(b.SKU), 50, "Name", deref(b.Name), 1024, "Comment", deref(b.Comment), 256, "SupplierSKU", deref(b.SupplierSKU), 50); err != nil {
		return Line{}, err
	}
	p, err := s.product(deref(b.ProductID), deref(b.SKU))
	if err != nil {
		return Line{}, err
	}
	l := Line{ProductID: p.ID, SKU: p.SKU, Name: p.Name, NonInventory: p.service(), TaxRule: deref(b.TaxRule), Comment: deref(b.Comment), SupplierSKU: deref(b.SupplierSKU),
		Quantity: b.Quantity.Round(4), Price: b.Price.Round(4), Discount: b.Discount.Round(2), Tax: b.Tax.Round(4)}
	if err := s.checkAmounts(l.Quantity, l.Price, l.Discount); err != nil {
		return Line{}, err
	}
	if l.TaxRule != "" {
		if _, err := s.purchaseTax(l.TaxRule); err != nil {
			return Line{}, err
		}
	}
	if kind == invoiceLines {
		l.Account = *b.Account
		if err := s.purchaseAccount(l.Account); err != nil {
			return Line{}, err
		}
	}
	l.Total = s.expected(l.Quantity, l.Price, l.Discount, l.Tax)
	if !b.Total.Equal(l.Total) {
		return Line{}, no("attribute 'Total' doesn't match. Expected value is: %s", l.Total.StringFixed(2))
	}
	return l, nil
}

// readCharges checks charges. Their Total is not checked but computed (7.4).
func (s *Sim) readCharges(in []chargeBody, kind lineKind) ([]Charge, error) {
	var out []Charge
	for _, b := range in {
		if err := require("Description", deref(b.Description) != "", "Quantity", b.Quantity.set, "Price", b.Price.set, "Tax", b.Tax.set,
			"TaxRule", deref(b.TaxRule) != "", "Total", b.Total.set || kind == invoiceLines, "Account", deref(b.Account) != "" || kind == orderLines); err != nil {
			return nil, err
		}
		if err := atMost("Description", *b.Description, 256, "Reference", deref(b.Reference), 256); err != nil {
			return nil, err
		}
		c := Charge{Description: *b.Description, Reference: deref(b.Reference), TaxRule: *b.TaxRule,
			Quantity: b.Quantity.Round(4), Price: b.Price.Round(4), Discount: b.Discount.Round(2), Tax: b.Tax.Round(4)}
		// A charge is named after a service product (6).
		service := func(p Product) bool { return same(p.Name, c.Description) && p.service() && same(p.Status, "Active") }
		if !s.o.AnyChargeDescription && find(s.products, service) == nil {
			return nil, no("Service product '%s' was not found in reference book", c.Description)
		}
		if err := s.checkAmounts(c.Quantity, c.Price, c.Discount); err != nil {
			return nil, err
		}
		if _, err := s.purchaseTax(c.TaxRule); err != nil {
			return nil, err
		}
		if kind == invoiceLines {
			c.Account = *b.Account
			if err := s.purchaseAccount(c.Account); err != nil {
				return nil, err
			}
		}
		c.Total = s.expected(c.Quantity, c.Price, c.Discount, c.Tax)
		out = append(out, c)
	}
	return out, nil
}

func (s *Sim) checkAmounts(quantity, price, discount decimal.Decimal) error {
	least := decimal.New(1, -4)
	if s.o.QuantityFromOne {
		least = decimal.NewFromInt(1)
	}
	switch {
	case quantity.LessThan(least):
		return no("attribute 'Quantity' must be at least %s", least)
	case price.IsNegative() && !s.o.NegativePrices:
		return no("attribute 'Price' must not be negative")
	case discount.IsNegative() || discount.GreaterThan(hundred):
		return no("attribute 'Discount' must be from 0 to 100")
	}
	return nil
}

// toCharges turns the lines of a service purchase into charges (7.1).
func toCharges(lines []Line) []Charge {
	var out []Charge
	for _, l := range lines {
		out = append(out, Charge{Description: l.Name, Quantity: l.Quantity, Price: l.Price, Discount: l.Discount, Tax: l.Tax, Total: l.Total, TaxRule: l.TaxRule, Account: l.Account})
	}
	return out
}

// sums of a document in supplier currency.
type sums struct{ net, tax, total decimal.Decimal }

func (s *Sim) totals(p *Purchase, lines []Line, charges []Charge) sums {
	var t sums
	add := func(total, tax decimal.Decimal) {
		t.tax = t.tax.Add(tax)
		t.net = t.net.Add(s.net(p, total, tax))
	}
	for _, l := range lines {
		add(l.Total, l.Tax)
	}
	for _, c := range charges {
		add(c.Total, c.Tax)
	}
	t.total = t.net.Add(t.tax)
	return t
}

// net is the part of a line's Total that is not tax: all of it when prices
// are exclusive (9).
func (s *Sim) net(p *Purchase, total, tax decimal.Decimal) decimal.Decimal {
	if p.TaxCalculation == "Inclusive" || s.o.TaxInTotal {
		return total.Sub(tax)
	}
	return total
}
