package cin7test

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// Purchases returns what is stored, oldest first.
func (s *Sim) Purchases() []Purchase {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Purchase, len(s.purchases))
	for i, p := range s.purchases {
		out[i] = *p.clone()
	}
	return out
}

// EditPurchase changes a purchase by hand, as a person in Cin7 would; no rule
// is checked. It reports whether there is such a purchase.
func (s *Sim) EditPurchase(id string, edit func(*Purchase)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.purchase(id)
	if p == nil {
		return false
	}
	edit(p)
	p.Updated = s.o.Now()
	return true
}

// Pay marks the authorised invoice of a group as paid, by hand.
func (s *Sim) Pay(taskID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.purchaseOfTask(taskID)
	if p == nil {
		return false
	}
	g := p.group(taskID)
	if g == nil || g.Invoice.Status != Authorised {
		return false
	}
	g.Invoice.Status, p.Updated = Paid, s.o.Now()
	s.effects = append(s.effects, Effect{At: p.Updated, Kind: "invoice_paid", ID: p.ID, TaskID: g.TaskID, Number: g.Invoice.Number})
	return true
}

// PutPurchase enters a whole purchase by hand, as an import would; no rule is
// checked. Ids, numbers and the currency of the supplier are filled in where
// they are missing, and authorised invoices and credit notes are posted to the
// ledger.
func (s *Sim) PutPurchase(p Purchase) Purchase {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := p.clone()
	if q.ID == "" {
		q.ID = s.newID()
	}
	if q.OrderNumber == "" {
		s.numbers++
		q.OrderNumber = fmt.Sprintf("PO-%05d", s.numbers)
	}
	if sup := find(s.suppliers, func(x Supplier) bool { return same(x.ID, q.SupplierID) }); sup != nil {
		q.Supplier = sup.Name
		if q.SupplierCurrency == "" {
			q.SupplierCurrency = sup.Currency
		}
	}
	if q.Type == "" {
		q.Type = advancedType
	}
	if q.BaseCurrency == "" {
		q.BaseCurrency = s.o.Currency
	}
	if q.CurrencyRate.IsZero() {
		q.CurrencyRate = decimal.NewFromInt(1)
	}
	if q.OrderDate == "" {
		q.OrderDate = s.today()
	}
	q.Created, q.Updated = s.o.Now(), s.o.Now()
	for i := range q.Groups {
		g := &q.Groups[i]
		switch {
		case g.TaskID == "" && i == 0:
			g.TaskID = q.ID
		case g.TaskID == "":
			g.TaskID = s.newID()
		}
	}
	for i := range q.CreditNotes {
		if q.CreditNotes[i].TaskID == "" {
			q.CreditNotes[i].TaskID = s.newID()
		}
	}
	s.repost(q)
	s.purchases = append(s.purchases, q)
	return *q.clone()
}

// Repost makes the ledger rows of a purchase anew after EditPurchase, as Cin7
// does when a person edits a document.
func (s *Sim) Repost(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.purchase(id); p != nil {
		s.repost(p)
	}
}

func (s *Sim) repost(p *Purchase) {
	for i := range p.Groups {
		inv := &p.Groups[i].Invoice
		inv.Posted = nil
		if inv.Status == Authorised || inv.Status == Paid {
			inv.Posted = s.postDocument(p, p.Groups[i].TaskID, inv.Number, inv.Date, inv.Lines, inv.Charges)
		}
	}
	for i := range p.CreditNotes {
		n := &p.CreditNotes[i]
		n.Posted = nil
		if n.Status == Authorised {
			n.Posted = reversed(s.postDocument(p, n.TaskID, n.Number, n.Date, n.Lines, n.Charges))
		}
	}
}

// PutJournal enters a general journal by hand, unchecked.
func (s *Sim) PutJournal(j Journal) Journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jnumbers++
	if j.TaskID == "" {
		j.TaskID = s.newID()
	}
	if j.Number == "" {
		j.Number = fmt.Sprintf("JN-%05d", s.jnumbers)
	}
	if j.Rate.IsZero() {
		j.Rate = decimal.NewFromInt(1)
	}
	s.journals = append(s.journals, j)
	return j
}

// EditSupplier changes a supplier by hand, unchecked. It reports whether there
// is such a supplier.
func (s *Sim) EditSupplier(id string, edit func(*Supplier)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.suppliers, func(x Supplier) bool { return same(x.ID, id) })
	if i < 0 {
		return false
	}
	edit(&s.suppliers[i])
	s.suppliers[i].Modified = s.o.Now()
	return true
}

// EditProduct changes a product by hand, unchecked. It reports whether there
// is a product of that SKU.
func (s *Sim) EditProduct(sku string, edit func(*Product)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.products, func(x Product) bool { return same(x.SKU, sku) })
	if i < 0 {
		return false
	}
	edit(&s.products[i])
	return true
}
