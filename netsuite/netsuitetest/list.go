package netsuitetest

import (
	"fmt"
)

// Currency is a row of the currency list.
type Currency struct {
	ID        int64
	Symbol    string // ISO code
	Name      string
	Rate      string // to the base currency, default 1
	Precision int    // digits after the point, default 2; -1 is none
	Base      bool
	Inactive  bool
}

// Term is a payment term.
type Term struct {
	ID       int64
	Name     string
	Days     int
	Inactive bool
}

// Account is an account of the general ledger.
type Account struct {
	ID           int64
	Number       string
	Name         string
	Type         string // accttype of contract 3.4: AcctPay, Expense, OthCurrAsset, COGS, ...
	Description  string
	Parent       int64
	Inactive     bool
	Summary      bool
	Subsidiaries string // text list such as "1, 3", default "1"
}

// Item is bought.
type Item struct {
	ID             int64
	SKU, Name      string
	Type           string // default InvtPart
	Description    string
	AssetAccount   int64
	ExpenseAccount int64
	UnitsType      int64
	StockUnit      int64 // a Unit: quantities in the database are in this one
	PurchaseUnit   int64
	Inactive       bool
}

// account is where a bill line of the item posts: stock to the asset account,
// everything else to the expense account.
func (i Item) account() int64 {
	if (i.Type == "InvtPart" || i.Type == "Assembly") && i.AssetAccount != 0 || i.ExpenseAccount == 0 {
		return i.AssetAccount
	}
	return i.ExpenseAccount
}

// stocked items have receipt rows that affect the inventory (contract 3.3).
func (i Item) stocked() bool { return i.Type == "InvtPart" || i.Type == "Assembly" }

// Unit is a unit of measure: ID is the internalid within its UnitsType.
type Unit struct {
	ID        int64
	UnitsType int64
	Name      string
	Rate      string // base units in one, default 1
}

// Location is a warehouse or shop.
type Location struct {
	ID       int64
	Name     string
	Inactive bool
}

// seed writes what every account has from the start (contract 3.7).
func (s *Sim) seed() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("seed: %v", p)
		}
	}()
	s.save("seed", func(t *tx) {
		for _, st := range statuses {
			t.insert("transactionstatus", row{"id": st.letter, "trantype": st.kind, "name": st.name, "fullname": st.title + " : " + st.name})
		}
		for i, name := range []string{"Pending Approval", "Approved", "Rejected"} {
			t.insert("approvalstatus", row{"id": i + 1, "name": name})
		}
		t.insert("subsidiary", row{"id": 1, "name": "Parent Company", "fullname": "Parent Company", "country": "US", "currency": 1, "iselimination": false, "isinactive": false})
	})
	s.PutCurrency(Currency{ID: 1, Symbol: "USD", Name: "US Dollar", Base: true})
	return nil
}

// PutCurrency inserts or replaces a currency. A symbol exists once: putting
// the symbol of the first currency again under another id moves it.
func (s *Sim) PutCurrency(c Currency) int64 {
	s.save("put currency "+c.Symbol, func(t *tx) {
		m := &s.model
		for id, old := range m.currencies {
			if old.Symbol == c.Symbol {
				if c.ID == 0 {
					c.ID = id
				} else if c.ID != id {
					delete(m.currencies, id)
					t.exec(`DELETE FROM currency WHERE id = ?`, id)
				}
			}
		}
		c.ID = m.allocate("currency", c.ID)
		if c.Rate == "" {
			c.Rate = "1"
		}
		if c.Precision == 0 {
			c.Precision = 2
		}
		if c.Base {
			for id, old := range m.currencies {
				old.Base = false
				m.currencies[id] = old
			}
			t.exec(`UPDATE currency SET isbasecurrency = 'F'`)
		}
		m.currencies[c.ID] = c
		t.replace("currency", row{"id": c.ID, "symbol": c.Symbol, "name": or(c.Name, c.Symbol), "displaysymbol": c.Symbol, "exchangerate": amount(c.Rate),
			"currencyprecision": max(c.Precision, 0), "isbasecurrency": c.Base, "isinactive": c.Inactive})
	})
	return c.ID
}

// PutTerm inserts or replaces a payment term; without ID, the one of that name.
func (s *Sim) PutTerm(p Term) int64 {
	s.save("put term "+p.Name, func(t *tx) { p.ID = t.term(p) })
	return p.ID
}

func (t *tx) term(p Term) int64 {
	m := &t.s.model
	for id, old := range m.terms {
		if p.ID == 0 && old.Name == p.Name {
			p.ID = id
		}
	}
	p.ID = m.allocate("term", p.ID)
	m.terms[p.ID] = p
	t.replace("term", row{"id": p.ID, "name": p.Name, "daysuntilnetdue": p.Days, "isinactive": p.Inactive})
	return p.ID
}

// termNamed is the id of a term that a document names; it is made when missing.
func (t *tx) termNamed(name string) ref {
	if name == "" {
		return 0
	}
	for id, p := range t.s.model.terms {
		if p.Name == name {
			return ref(id)
		}
	}
	return ref(t.term(Term{Name: name}))
}

// PutAccount inserts or replaces a GL account.
func (s *Sim) PutAccount(a Account) int64 {
	s.save("put account "+a.Name, func(t *tx) {
		a.ID = s.model.allocate("account", a.ID)
		s.model.accounts[a.ID] = a
		number := a.Number
		if s.o.NoAccountNumbers {
			number = ""
		}
		path := a.Name
		for p, ok := s.model.accounts[a.Parent]; ok; p, ok = s.model.accounts[p.Parent] {
			path = p.Name + " : " + path
		}
		t.replace("account", row{"id": a.ID, "acctnumber": number, "accountsearchdisplayname": a.Name, "accountsearchdisplaynamecopy": a.Name,
			"displaynamewithhierarchy": path, "description": a.Description, "accttype": a.Type, "isinactive": a.Inactive, "issummary": a.Summary,
			"parent": ref(a.Parent), "subsidiary": or(a.Subsidiaries, "1"), "includechildren": false, "eliminate": false})
	})
	return a.ID
}

// PutItem inserts or replaces an item.
func (s *Sim) PutItem(i Item) int64 {
	s.save("put item "+i.SKU, func(t *tx) {
		i.ID = s.model.allocate("item", i.ID)
		i.Type = or(i.Type, "InvtPart")
		for _, a := range []int64{i.AssetAccount, i.ExpenseAccount} {
			if a != 0 {
				need(s.model.accounts, a, "account", "item "+i.SKU)
			}
		}
		s.model.items[i.ID] = i
		t.replace("item", row{"id": i.ID, "itemid": i.SKU, "displayname": i.Name, "fullname": i.SKU, "itemtype": i.Type, "description": i.Description,
			"purchasedescription": i.Description, "isinactive": i.Inactive, "assetaccount": ref(i.AssetAccount), "expenseaccount": ref(i.ExpenseAccount),
			"stockunit": ref(i.StockUnit), "purchaseunit": ref(i.PurchaseUnit), "unitstype": ref(i.UnitsType), "lastmodifieddate": t.now})
	})
	return i.ID
}

// PutUnit inserts or replaces a unit of measure.
func (s *Sim) PutUnit(u Unit) int64 {
	s.save("put unit "+u.Name, func(t *tx) {
		u.ID = s.model.allocate("unit", u.ID)
		u.UnitsType, u.Rate = max(u.UnitsType, 1), or(u.Rate, "1")
		s.model.units[u.ID] = u
		t.exec(`DELETE FROM unitstypeuom WHERE internalid = ?`, u.ID)
		t.insert("unitstypeuom", row{"unitstype": u.UnitsType, "internalid": u.ID, "unitname": u.Name, "conversionrate": amount(u.Rate), "baseunit": u.Rate == "1"})
		t.replace("unitstype", row{"id": u.UnitsType, "name": fmt.Sprintf("Units %d", u.UnitsType)})
	})
	return u.ID
}

// PutLocation inserts or replaces a location.
func (s *Sim) PutLocation(l Location) int64 {
	s.save("put location "+l.Name, func(t *tx) {
		l.ID = s.model.allocate("location", l.ID)
		s.model.locations[l.ID] = l
		t.replace("location", row{"id": l.ID, "name": l.Name, "fullname": l.Name, "isinactive": l.Inactive, "subsidiary": 1})
	})
	return l.ID
}

// or is the first text that is not empty.
func or(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// currency finds a currency by its symbol; "" is the base currency.
func (t *tx) currency(symbol, by string) Currency {
	for _, c := range t.s.model.currencies {
		if c.Symbol == symbol || symbol == "" && c.Base {
			return c
		}
	}
	panic(fmt.Sprintf("netsuitetest: %s names currency %q, which does not exist: put it first", by, symbol))
}

// status is a row of transactionstatus.
type status struct{ kind, letter, title, name string }

// statuses of contract 3.7.
var statuses = [...]status{
	{"PurchOrd", "A", "Purchase Order", "Pending Supervisor Approval"}, {"PurchOrd", "B", "Purchase Order", "Pending Receipt"},
	{"PurchOrd", "C", "Purchase Order", "Rejected by Supervisor"}, {"PurchOrd", "D", "Purchase Order", "Partially Received"},
	{"PurchOrd", "E", "Purchase Order", "Pending Billing/Partially Received"}, {"PurchOrd", "F", "Purchase Order", "Pending Bill"},
	{"PurchOrd", "G", "Purchase Order", "Fully Billed"}, {"PurchOrd", "H", "Purchase Order", "Closed"}, {"PurchOrd", "P", "Purchase Order", "Planned"},
	{"VendBill", "A", "Bill", "Open"}, {"VendBill", "B", "Bill", "Paid In Full"}, {"VendBill", "C", "Bill", "Cancelled"},
	{"VendBill", "D", "Bill", "Pending Approval"}, {"VendBill", "E", "Bill", "Rejected"}, {"VendBill", "F", "Bill", "Payment In-Transit"},
	{"ItemRcpt", "Y", "Item Receipt", "Received"},
	{"VendCred", "A", "Bill Credit", "Open"}, {"VendCred", "B", "Bill Credit", "Fully Applied"},
}
