package cin7test

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Product is stocked, or a service that charges are named after (6).
type Product struct {
	ID, SKU, Name    string
	Type             string // Stock (default) or Service
	Status           string // Active (default), Setup required or Deprecated
	Category         string // default Other
	CostingMethod    string // default FIFO
	UOM              string // default Item
	InventoryAccount string
	COGSAccount      string
	ExpenseAccount   string
	RevenueAccount   string
	PurchaseTaxRule  string
	Brand            string
	AttributeSet     string
	Attribute1       string
	Suppliers        []ProductSupplier
	Modified         time.Time
}

// ProductSupplier links a product and a supplier.
type ProductSupplier struct {
	SupplierID, SupplierInventoryCode, SupplierProductName, Currency string
	Cost                                                             decimal.Decimal
}

// AddProduct adds a product.
func (s *Sim) AddProduct(p Product) Product {
	s.mu.Lock()
	defer s.mu.Unlock()
	for field, v := range map[*string]string{&p.Type: "Stock", &p.Status: "Active", &p.Category: "Other", &p.CostingMethod: "FIFO", &p.UOM: "Item"} {
		if *field == "" {
			*field = v
		}
	}
	if p.ID == "" {
		p.ID = s.newID()
	}
	p.Modified = s.o.Now()
	s.products = append(s.products, p)
	return p
}

// Products returns what is stored, oldest first.
func (s *Sim) Products() []Product {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.products)
}

func (p Product) service() bool { return same(p.Type, "Service") }

func (p Product) shape(suppliers bool) obj {
	o := obj{"ID": p.ID, "SKU": p.SKU, "Name": p.Name, "Type": p.Type, "Status": p.Status, "Category": p.Category, "Brand": orNull(p.Brand),
		"CostingMethod": p.CostingMethod, "UOM": p.UOM, "InventoryAccount": orNull(p.InventoryAccount), "COGSAccount": orNull(p.COGSAccount),
		"ExpenseAccount": orNull(p.ExpenseAccount), "RevenueAccount": orNull(p.RevenueAccount), "PurchaseTaxRule": orNull(p.PurchaseTaxRule),
		"AttributeSet": orNull(p.AttributeSet), "AdditionalAttribute1": orNull(p.Attribute1), "LastModifiedOn": stamp(p.Modified), "Suppliers": []obj{}}
	if suppliers {
		list := []obj{}
		for _, l := range p.Suppliers {
			list = append(list, obj{"SupplierID": l.SupplierID, "SupplierInventoryCode": orNull(l.SupplierInventoryCode),
				"SupplierProductName": orNull(l.SupplierProductName), "Currency": orNull(l.Currency), "Cost": num(l.Cost)})
		}
		o["Suppliers"] = list
	}
	return o
}

func (s *Sim) listProducts(c *call) (any, error) {
	since, err := c.moment("ModifiedSince")
	if err != nil {
		return nil, err
	}
	deprecated, suppliers := c.flag("IncludeDeprecated"), c.flag("IncludeSuppliers")
	for _, n := range []string{"IncludeBOM", "IncludeMovements", "IncludeAttachments", "IncludeReorderLevels", "IncludeCustomPrices"} {
		c.flag(n)
	}
	sku := strings.ToLower(c.param("Sku"))
	var rows []any
	for _, p := range s.products {
		// Sku is described both as contains and as starts with (6).
		at := strings.Index(strings.ToLower(p.SKU), sku)
		if at < 0 || s.o.SKUStartsWith && at > 0 || !deprecated && same(p.Status, "Deprecated") || p.Modified.Before(since) {
			continue
		}
		if c.is("ID", p.ID) && c.starts("Name", p.Name) {
			rows = append(rows, p.shape(suppliers))
		}
	}
	return c.page("Products", rows), nil
}

type productBody struct {
	ID, SKU, Name, Type, Status, Category, CostingMethod, UOM, Brand             *string
	InventoryAccount, COGSAccount, ExpenseAccount, RevenueAccount                *string
	PurchaseTaxRule, AttributeSet, AdditionalAttribute1                          *string
	Description, ShortDescription, InternalNote, SaleTaxRule, Tags, StockLocator *string // accepted, not kept
	Suppliers                                                                    []struct {
		SupplierID, SupplierInventoryCode, SupplierProductName, Currency *string
		Cost                                                             number
	}
}

func (s *Sim) postProduct(c *call) (any, error) {
	var b productBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("SKU", deref(b.SKU) != "", "Name", deref(b.Name) != "", "Category", deref(b.Category) != "", "Type", deref(b.Type) != "",
		"CostingMethod", deref(b.CostingMethod) != "", "UOM", deref(b.UOM) != "", "Status", deref(b.Status) != ""); err != nil {
		return nil, err
	}
	p := Product{ID: s.newID(), Type: *b.Type}
	if !same(p.Type, "Stock") && !same(p.Type, "Service") {
		return nil, no("attribute 'Type' must be Stock or Service")
	}
	if err := s.fillProduct(&p, b); err != nil {
		return nil, err
	}
	s.products = append(s.products, p)
	c.tell(Effect{Kind: "product_created", ID: p.ID, Number: p.SKU})
	return one("Products", p.shape(true)), nil
}

// putProduct needs the ID alone; Type cannot be changed (6).
func (s *Sim) putProduct(c *call) (any, error) {
	var b productBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if err := require("ID", deref(b.ID) != ""); err != nil {
		return nil, err
	}
	stored := find(s.products, func(p Product) bool { return same(p.ID, *b.ID) })
	if stored == nil {
		return nil, no("Product with specified ID not found")
	}
	if b.Type != nil && !same(*b.Type, stored.Type) {
		return nil, no("attribute 'Type' cannot be changed")
	}
	p := *stored
	if err := s.fillProduct(&p, b); err != nil {
		return nil, err
	}
	*stored = p
	c.tell(Effect{Kind: "product_changed", ID: p.ID, Number: p.SKU})
	return one("Products", p.shape(true)), nil
}

func (s *Sim) fillProduct(p *Product, b productBody) error {
	if err := atMost("SKU", deref(b.SKU), 50, "Name", deref(b.Name), 256, "UOM", deref(b.UOM), 50); err != nil {
		return err
	}
	overText(map[*string]*string{&p.SKU: b.SKU, &p.Name: b.Name, &p.Status: b.Status, &p.Category: b.Category, &p.CostingMethod: b.CostingMethod,
		&p.UOM: b.UOM, &p.Brand: b.Brand, &p.InventoryAccount: b.InventoryAccount, &p.COGSAccount: b.COGSAccount, &p.ExpenseAccount: b.ExpenseAccount,
		&p.RevenueAccount: b.RevenueAccount, &p.PurchaseTaxRule: b.PurchaseTaxRule, &p.AttributeSet: b.AttributeSet})
	// Attributes do not stick without their set (5).
	if b.AdditionalAttribute1 != nil && p.AttributeSet != "" {
		p.Attribute1 = *b.AdditionalAttribute1
	}
	if other := find(s.products, func(q Product) bool { return same(q.SKU, p.SKU) && q.ID != p.ID }); other != nil {
		return no("Failed to update product: SKU \"%s\" already exists!", p.SKU)
	}
	if err := s.productReferences(p); err != nil {
		return err
	}
	if b.Suppliers != nil {
		p.Suppliers = nil
		for _, l := range b.Suppliers {
			p.Suppliers = append(p.Suppliers, ProductSupplier{deref(l.SupplierID), deref(l.SupplierInventoryCode), deref(l.SupplierProductName), deref(l.Currency), l.Cost.Decimal})
		}
	}
	p.Modified = s.o.Now()
	return nil
}

// productReferences checks what must exist beforehand, by class (6).
func (s *Sim) productReferences(p *Product) error {
	if p.Brand != "" {
		return no("Brand '%s' was not found in reference book", p.Brand) // no brands here
	}
	known := slices.ContainsFunc(s.products, func(q Product) bool { return same(q.Category, p.Category) })
	if !known && !same(p.Category, "Other") {
		return &refusal{status: 404, text: "Category not found.", bare: true}
	}
	if p.AttributeSet != "" && !slices.ContainsFunc(s.sets, func(n string) bool { return same(n, p.AttributeSet) }) {
		return notInBook("Attribute set", p.AttributeSet, "Attribute Sets")
	}
	for _, want := range []struct{ name, code, class string }{
		{"InventoryAccount", p.InventoryAccount, "ASSET"}, {"COGSAccount", p.COGSAccount, "EXPENSE"},
		{"ExpenseAccount", p.ExpenseAccount, "EXPENSE"}, {"RevenueAccount", p.RevenueAccount, "REVENUE"},
	} {
		if want.code == "" || p.service() && want.class != "REVENUE" {
			continue
		}
		a := s.account(want.code)
		if a == nil || a.Status != "ACTIVE" || a.Class != want.class || want.class == "ASSET" && (a.Type == "FIXED" || a.Type == "BANK") {
			return notInBook(want.name, want.code, "Chart of Accounts")
		}
	}
	if p.PurchaseTaxRule != "" {
		if _, err := s.purchaseTax(p.PurchaseTaxRule); err != nil {
			return err
		}
	}
	return nil
}

// product finds the product of a line by ID, else by SKU.
func (s *Sim) product(id, sku string) (*Product, error) {
	var p *Product
	name := sku
	if id != "" {
		name = id
		p = find(s.products, func(p Product) bool { return same(p.ID, id) })
	} else {
		p = find(s.products, func(p Product) bool { return same(p.SKU, sku) })
	}
	if p == nil || same(p.Status, "Deprecated") {
		return nil, no("Product '%s' was not found in reference book", name)
	}
	return p, nil
}
