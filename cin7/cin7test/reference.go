package cin7test

import (
	"net/http"
	"slices"

	"github.com/shopspring/decimal"
)

// Account is a row of the chart of accounts (4).
type Account struct {
	Code, Name        string
	DisplayName       string // default "Code: Name"
	Type              string // for example CURRLIAB
	Class             string // ASSET, LIABILITY, EXPENSE, EQUITY, REVENUE
	Status            string // default ACTIVE
	SystemAccount     string // display text, for example "Accounts payable"
	SystemAccountCode string // CREDITORS marks the payable account, GST the tax account
	Currency          string
	Description       string
	ForPayments       bool
}

// TaxRule is a named rule of documents (4).
type TaxRule struct {
	ID, Name       string
	Account        string // code that the tax is posted to
	Percent        decimal.Decimal
	Inclusive      bool
	Inactive       bool
	ForSale        bool
	NotForPurchase bool
}

// Location is a warehouse with its bins (4).
type Location struct {
	ID, Name   string
	Default    bool
	Deprecated bool
	ParentID   string
	Bins       []Bin
}

// Bin is a place inside a location. It is addressed by ID; its name is
// refused where a location is named (4).
type Bin struct {
	ID, Name   string
	Deprecated bool
}

// Term is a payment term (4).
type Term struct {
	ID, Name string
	Duration int
	Method   string // default "number of days"
	Inactive bool
	Default  bool
}

// AddAccount adds an account to the chart.
func (s *Sim) AddAccount(a Account) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Status == "" {
		a.Status = "ACTIVE"
	}
	if a.DisplayName == "" {
		a.DisplayName = a.Code + ": " + a.Name
	}
	s.accounts = append(s.accounts, a)
	return a
}

// SetAccountStatus changes an account, as a bookkeeper would.
func (s *Sim) SetAccountStatus(code, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.accounts {
		if same(s.accounts[i].Code, code) {
			s.accounts[i].Status = status
		}
	}
}

// AddTaxRule adds a tax rule.
func (s *Sim) AddTaxRule(r TaxRule) TaxRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ID == "" {
		r.ID = s.newID()
	}
	s.taxRules = append(s.taxRules, r)
	return r
}

// AddLocation adds a location; bins get IDs.
func (s *Sim) AddLocation(l Location) Location {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ID == "" {
		l.ID = s.newID()
	}
	l.Bins = slices.Clone(l.Bins)
	for i := range l.Bins {
		if l.Bins[i].ID == "" {
			l.Bins[i].ID = s.newID()
		}
	}
	s.locations = append(s.locations, l)
	return l
}

// AddTerm adds a payment term.
func (s *Sim) AddTerm(t Term) Term {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.ID == "" {
		t.ID = s.newID()
	}
	if t.Method == "" {
		t.Method = "number of days"
	}
	s.terms = append(s.terms, t)
	return t
}

// AddAttributeSet makes the name of an attribute set known (5).
func (s *Sim) AddAttributeSet(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets = append(s.sets, name)
}

func (s *Sim) me(*call) (any, error) {
	var sale TaxRule
	for _, r := range s.taxRules {
		if r.ForSale && sale.ID == "" {
			sale = r
		}
	}
	return obj{
		"Company": s.o.Company, "Currency": s.o.Currency, "TimeZone": s.o.TimeZone,
		"DefaultWeightUnits": "lb", "DefaultDimensionsUnits": "in",
		"LockDate": day(s.o.LockDate), "OpeningBalanceDate": nil, "TaxCalculationMethod": s.o.TaxMethod,
		"DefaultSaleTaxRuleId": orNull(sale.ID), "DefaultSaleTaxRuleName": orNull(sale.Name),
		"MaximumDecimalPlacesInQuantity": "N4", "ApplyCustomerDiscountsAfterOtherDiscounts": false,
		"DiscountRule": "Discount", "AutomaticallyApplyDiscounts": false,
		"RoundingTable": []obj{{"RangeTo": 100, "RoundToNearest": num(decimal.New(1, -2)), "AdjustmentRule": "N", "AdjustmentValue": 0}},
	}, nil
}

func (s *Sim) listAccounts(c *call) (any, error) {
	// A code that is not there is a 400, not an empty list (3).
	if code := c.param("Code"); code != "" && s.account(code) == nil {
		return nil, &refusal{status: http.StatusBadRequest, text: textAccountMiss, bare: true}
	}
	var rows []any
	for _, a := range s.accounts {
		if c.is("Code", a.Code) && c.starts("Name", a.Name) && c.is("Type", a.Type) && c.is("Status", a.Status) {
			rows = append(rows, obj{"Code": a.Code, "Name": a.Name, "DisplayName": a.DisplayName, "Type": a.Type, "Class": a.Class,
				"Status": a.Status, "SystemAccount": orNull(a.SystemAccount), "SystemAccountCode": orNull(a.SystemAccountCode),
				"ForPayments": a.ForPayments, "Currency": orNull(a.Currency), "Description": orNull(a.Description)})
		}
	}
	return c.page("AccountsList", rows), nil
}

func (s *Sim) listTaxRules(c *call) (any, error) {
	var rows []any
	for _, r := range s.taxRules {
		if !c.is("ID", r.ID) || !c.starts("Name", r.Name) || !c.is("Account", r.Account) ||
			!c.yes("IsActive", !r.Inactive) || !c.yes("IsTaxForSale", r.ForSale) || !c.yes("IsTaxForPurchase", !r.NotForPurchase) {
			continue
		}
		rows = append(rows, obj{"ID": r.ID, "Name": r.Name, "Account": orNull(r.Account), "IsActive": !r.Inactive, "TaxInclusive": r.Inclusive,
			"TaxPercent": num(r.Percent), "IsTaxForSale": r.ForSale, "IsTaxForPurchase": !r.NotForPurchase,
			// Component numbers are strings in the vendor's examples (4).
			"Components": []obj{{"Name": r.Name, "Percent": r.Percent.StringFixed(10), "AccountCode": orNull(r.Account), "Compound": "0", "ComponentOrder": "1"}}})
	}
	return c.page("TaxRuleList", rows), nil
}

func (s *Sim) listLocations(c *call) (any, error) {
	var rows []any
	for _, l := range s.locations {
		if !c.is("ID", l.ID) || !c.starts("Name", l.Name) || !c.yes("Deprecated", l.Deprecated) {
			continue
		}
		bins := []obj{}
		for _, b := range l.Bins {
			bins = append(bins, obj{"ID": b.ID, "Name": b.Name, "IsDeprecated": b.Deprecated, "IsStaging": false})
		}
		// The field table says Deprecated, answers say IsDeprecated (4).
		rows = append(rows, obj{"ID": l.ID, "Name": l.Name, "IsDefault": l.Default, "IsDeprecated": l.Deprecated, "Bins": bins, "ParentID": orNull(l.ParentID)})
	}
	return c.page("LocationList", rows), nil
}

func (s *Sim) listTerms(c *call) (any, error) {
	var rows []any
	for _, t := range s.terms {
		if c.is("ID", t.ID) && c.starts("Name", t.Name) && c.is("Method", t.Method) && c.yes("IsActive", !t.Inactive) && c.yes("IsDefault", t.Default) {
			rows = append(rows, obj{"ID": t.ID, "Name": t.Name, "Duration": t.Duration, "Method": t.Method, "IsActive": !t.Inactive, "IsDefault": t.Default})
		}
	}
	return c.page("PaymentTermList", rows), nil
}
