package cin7

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Number is a decimal that travels as a JSON number, without exponent and
// without loss. It reads numbers, numeric strings and null (as 0).
type Number struct{ decimal.Decimal }

// NewNumber wraps a decimal.
func NewNumber(d decimal.Decimal) Number { return Number{d} }

// MarshalJSON writes a plain JSON number.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n.Decimal.String()), nil }

// UnmarshalJSON reads a number, a numeric string or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if s == "" || s == "null" {
		n.Decimal = decimal.Zero
		return nil
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return fmt.Errorf("number %.40q: %w", s, err)
	}
	n.Decimal = d
	return nil
}

// Date is a calendar date, YYYY-MM-DD; "" means none. It is written as
// midnight without a zone (contract section 2) and never converted.
type Date string

// MarshalJSON writes YYYY-MM-DDT00:00:00, or null for none.
func (d Date) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("null"), nil
	}
	return []byte(`"` + string(d) + `T00:00:00"`), nil
}

// UnmarshalJSON takes the first ten characters of a date-time string.
func (d *Date) UnmarshalJSON(b []byte) error {
	s := string(bytes.Trim(b, `"`))
	if s == "null" || s == "" {
		*d = ""
		return nil
	}
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return fmt.Errorf("date %.40q: want YYYY-MM-DD", s)
	}
	*d = Date(s[:10])
	return nil
}

// SameID compares two GUIDs without regard to case.
func SameID(a, b string) bool { return strings.EqualFold(a, b) }

// ZeroID is the all-zero GUID.
const ZeroID = "00000000-0000-0000-0000-000000000000"

// Document states of tasks (contract 7.9).
const (
	StatusNotAvailable      = "NOT AVAILABLE"
	StatusDraft             = "DRAFT"
	StatusAuthorised        = "AUTHORISED"
	StatusPartiallyReceived = "PARTIALLY RECEIVED"
	StatusPaid              = "PAID"
	StatusVoided            = "VOIDED"
)

// The two approaches: which of invoice and stock comes first.
const (
	ApproachInvoice = "INVOICE"
	ApproachStock   = "STOCK"
)

// Me is the account behind the credentials (GET /me).
type Me struct {
	Company                        string
	Currency                       string // base currency, ISO code
	TimeZone                       string
	LockDate                       Date
	OpeningBalanceDate             Date
	TaxCalculationMethod           string // "Row Total" or "Total"
	MaximumDecimalPlacesInQuantity string
}

// Account is a row of the chart of accounts (GET /ref/account).
type Account struct {
	Code, Name, DisplayName          string
	Type, Class, Status              string
	SystemAccount, SystemAccountCode string
	Currency, Description            string
}

// TaxRule is a row of GET /ref/tax.
type TaxRule struct {
	ID, Name, Account string
	IsActive          bool
	TaxInclusive      bool
	TaxPercent        Number
	IsTaxForSale      bool
	IsTaxForPurchase  bool
}

// Location is a row of GET /ref/location.
type Location struct {
	ID, Name     string
	IsDefault    bool
	IsDeprecated bool
	Deprecated   bool
	ParentID     string
	Bins         []Bin
}

// Bin is a place inside a location.
type Bin struct {
	ID, Name     string
	IsDeprecated bool
}

// PaymentTerm is a row of GET /ref/paymentterm.
type PaymentTerm struct {
	ID, Name  string
	Duration  Number
	Method    string
	IsActive  bool
	IsDefault bool
}

// Supplier is both the answer and the body of POST and PUT /supplier. Fields
// left empty are not sent, so PUT leaves them as they are.
type Supplier struct {
	ID                   string            `json:",omitempty"`
	Name                 string            `json:",omitempty"`
	Currency             string            `json:",omitempty"`
	PaymentTerm          string            `json:",omitempty"`
	AccountPayable       string            `json:",omitempty"`
	TaxRule              string            `json:",omitempty"`
	Status               string            `json:",omitempty"` // Active or Deprecated
	Comments             string            `json:",omitempty"`
	TaxNumber            string            `json:",omitempty"`
	AttributeSet         string            `json:",omitempty"`
	AdditionalAttribute1 string            `json:",omitempty"`
	Addresses            []SupplierAddress `json:",omitempty"`
	Contacts             []SupplierContact `json:",omitempty"`
	LastModifiedOn       string            `json:"-"`
}

// SupplierAddress is an address of a supplier. On PUT an address with ID is
// changed, one without is added.
type SupplierAddress struct {
	ID             string `json:",omitempty"`
	Line1          string
	Line2          string `json:",omitempty"`
	City           string `json:",omitempty"`
	State          string `json:",omitempty"`
	Postcode       string `json:",omitempty"`
	Country        string
	Type           string // Billing, Business, Shipping
	DefaultForType bool
}

// SupplierContact is a contact of a supplier; ID as in SupplierAddress.
type SupplierContact struct {
	ID          string `json:",omitempty"`
	Name        string
	Phone       string `json:",omitempty"`
	MobilePhone string `json:",omitempty"`
	Fax         string `json:",omitempty"`
	Email       string `json:",omitempty"`
	Website     string `json:",omitempty"`
	Default     bool
}

// Product is a row of GET /product.
type Product struct {
	ID, SKU, Name, Type, Status, UOM string
	CostingMethod                    string
	InventoryAccount                 string
	ExpenseAccount                   string
	PurchaseTaxRule                  string
}

// NewPurchase is the body of POST /advanced-purchase. Lines nested in it
// would be ignored by Cin7, so it has none.
type NewPurchase struct {
	SupplierID     string
	Approach       string // ApproachInvoice or ApproachStock
	PurchaseType   string // always "Advanced"
	Location       string
	TaxRule        string  `json:",omitempty"`
	TaxCalculation string  `json:",omitempty"` // Inclusive or Exclusive
	Terms          string  `json:",omitempty"`
	RequiredBy     Date    `json:",omitempty"`
	Note           string  `json:",omitempty"` // 1024
	CurrencyRate   *Number `json:",omitempty"` // base units per supplier unit
	BlindReceipt   bool    `json:",omitempty"`
	IsServiceOnly  bool    `json:",omitempty"`
}

// UpdatePurchase is the body of PUT /advanced-purchase.
type UpdatePurchase struct {
	ID           string
	Location     string
	Note         string  `json:",omitempty"`
	Terms        string  `json:",omitempty"`
	RequiredBy   Date    `json:",omitempty"`
	CurrencyRate *Number `json:",omitempty"`
}

// Purchase is the answer of GET /advanced-purchase.
type Purchase struct {
	ID, SupplierID, Supplier string
	Approach                 string
	OrderNumber              string // for example PO-00412
	OrderDate                Date
	Status, Type             string
	BaseCurrency             string
	SupplierCurrency         string
	InventoryAccount         string
	Location, Note, Terms    string
	TaxRule, TaxCalculation  string
	RequiredBy               Date
	CurrencyRate             Number
	IsServiceOnly            bool
	BlindReceipt             bool
	LastUpdatedDate          string
	CombinedInvoiceStatus    string
	CombinedReceivingStatus  string
	CombinedPaymentStatus    string

	Order         Order
	StockReceived []StockTask
	PutAway       []StockTask
	Invoice       []Invoice
	CreditNote    []CreditNote
}

// Order is the order of a purchase.
type Order struct {
	TaskID            string
	Memo, Status      string
	Lines             []Line
	AdditionalCharges []Charge
	TotalBeforeTax    Number
	Tax               Number
	Total             Number
}

// Line is a line of an order or of an invoice; Account only on invoices.
// Lines have no id and come back in any order.
type Line struct {
	ProductID   string `json:",omitempty"`
	SKU         string `json:",omitempty"`
	Name        string
	Quantity    Number
	Price       Number // 4 decimals, supplier currency
	Discount    Number // percent, 2 decimals
	Tax         Number
	TaxRule     string
	Account     string `json:",omitempty"` // chart code
	Comment     string `json:",omitempty"`
	SupplierSKU string `json:",omitempty"`
	Total       Number // quantity x price less discount, without tax, 2 decimals
}

// Charge is an additional charge; Account only on invoices. Description is
// the name of a service product.
type Charge struct {
	Description string
	Reference   string `json:",omitempty"`
	Quantity    Number
	Price       Number
	Discount    Number
	Tax         Number
	TaxRule     string
	Account     string `json:",omitempty"`
	Total       Number
}

// NewOrder is the body of POST /purchase/order.
type NewOrder struct {
	TaskID                   string // the purchase's ID
	CombineAdditionalCharges bool   // always false here
	Memo                     string
	Status                   string // StatusDraft or StatusAuthorised
	Lines                    []Line
	AdditionalCharges        []Charge
}

// Invoice is the invoice of one invoicing and receiving group.
type Invoice struct {
	TaskID                      string
	InvoicingAndReceivingNumber int
	InvoiceNumber               string
	InvoiceDate, InvoiceDueDate Date
	Status                      string
	Lines                       []Line
	AdditionalCharges           []Charge
	TotalBeforeTax, Tax, Total  Number
	Paid                        Number
	CurrencyRate                Number
}

// NewInvoice is the body of POST /advanced-purchase/invoice.
type NewInvoice struct {
	PurchaseID               string
	TaskID                   string // the group; ZeroID opens a new one, unconfirmed
	CombineAdditionalCharges bool
	InvoiceNumber            string `json:",omitempty"`
	InvoiceDate              Date
	InvoiceDueDate           Date
	Status                   string
	Lines                    []Line
	AdditionalCharges        []Charge
}

// StockTask is the receiving or the put-away of one group.
type StockTask struct {
	TaskID                      string
	InvoicingAndReceivingNumber int
	Status                      string
	Lines                       []StockLine
}

// StockLine is a received quantity.
type StockLine struct {
	Date       Date
	Quantity   Number
	ProductID  string `json:",omitempty"`
	SKU        string `json:",omitempty"`
	Name       string `json:",omitempty"`
	Location   string `json:",omitempty"`
	LocationID string `json:",omitempty"`
	BatchSN    string `json:",omitempty"`
	CardID     string `json:",omitempty"`
}

// NewStock is the body of POST /advanced-purchase/stock and /put-away.
// Without TaskID Cin7 opens a new group.
type NewStock struct {
	PurchaseID string
	TaskID     string `json:",omitempty"`
	Status     string
	Lines      []StockLine
}

// CreditNote is a credit note of a purchase.
type CreditNote struct {
	TaskID                  string
	CreditNoteNumber        string
	CreditNoteInvoiceNumber string
	CreditNoteDate          Date
	Status                  string
	Lines                   []Line
	AdditionalCharges       []Charge
	Unstock                 []StockLine // goods that went back, by CardID
	Total                   Number
}

// NewCreditNote is the body of POST /advanced-purchase/creditnote.
type NewCreditNote struct {
	PurchaseID               string
	TaskID                   string // of the credit note; ZeroID makes a new one
	CreditNoteInvoiceNumber  string // 50; the invoice that it credits
	CombineAdditionalCharges bool
	CreditNoteNumber         string
	CreditNoteDate           Date
	Status                   string
	Lines                    []Line
	AdditionalCharges        []Charge
	Unstock                  []Unstock // never nil
}

// Unstock takes goods of one received batch out again.
type Unstock struct {
	CardID   string
	Date     Date `json:",omitempty"`
	Quantity Number
}

// Journal is a general journal: DRAFT, COMPLETED or VOIDED (contract 10).
type Journal struct {
	TaskID                 string `json:",omitempty"`
	JournalNumber          string `json:",omitempty"`
	Status                 string
	Currency               string
	CurrencyConversionRate Number
	EffectiveDate          Date
	Narration              string `json:",omitempty"`
	Notes                  string `json:",omitempty"`
	Lines                  []JournalLine
}

// JournalLine moves an amount from Credit to Debit, both account codes.
type JournalLine struct {
	Debit, Credit string
	Reference     string `json:",omitempty"`
	Amount        Number // journal currency, 2 decimals
	BaseAmount    Number // base currency, 2 decimals
}

// PurchaseRow is a row of GET /purchaseList: a header without Note and lines.
type PurchaseRow struct {
	ID, OrderNumber, Status string
	Type                    string
	OrderDate               Date
	Supplier, SupplierID    string
	InvoiceNumber           string
	InvoiceAmount           Number
	OrderStatus             string
	InvoiceStatus           string
	LastUpdatedDate         string
	CombinedReceivingStatus string
	CombinedInvoiceStatus   string
	BaseCurrency            string
	SupplierCurrency        string
	CreditNoteNumber        string
}

// Transaction is a row of GET /transactions: one debit and credit pair.
type Transaction struct {
	TaskID, Type, Transaction, Reference string
	EffectiveDate                        Date
	DebitAccountCode, CreditAccountCode  string
	Amount                               Number
}
