package netsuite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// ID is a NetSuite internal id. Transactions and entities have number spaces
// of their own: the same ID can be a vendor and a bill. IDs are positive; 0
// means "none". Being a number, an ID can be put into SuiteQL without quoting.
type ID int64

// ParseID reads an internal id: 1 to 18 decimal digits, nothing else.
func ParseID(s string) (ID, error) {
	if len(s) == 0 || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("record id %.40q: want 1 to 18 digits", s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("record id %.40q: want a number above 0", s)
	}
	return ID(n), nil
}

// String returns the id in decimal.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// RecordType is the kind of a record, in the spelling of INTERFACES and of
// NetSuite's recordtype column.
type RecordType string

// The record types that are synced.
const (
	TypeVendor        RecordType = "vendor"
	TypePurchaseOrder RecordType = "purchaseorder"
	TypeItemReceipt   RecordType = "itemreceipt"
	TypeVendorBill    RecordType = "vendorbill"
	TypeVendorCredit  RecordType = "vendorcredit"
)

// Date is a calendar date, YYYY-MM-DD, without zone; "" means none. It is
// never converted through a time zone. Lexical order is time order.
type Date string

// Address is a row of a vendor's address book.
type Address struct {
	Key                             ID // nkey
	DefaultBilling, DefaultShipping bool
	Label, Addressee, Attention     string
	Line1, Line2, Line3             string
	City, State, Zip                string
	Country                         string // two letters
	Phone                           string
}

// Contact is a person at a vendor: an active row of the contact table.
type Contact struct {
	ID                   ID
	Name                 string // first and last name, else the entity id
	Email, Phone, Mobile string
	Primary              bool // the vendor names it as its contact
}

// Vendor is a row of the vendor table with its addresses. Its contacts are
// read apart.
type Vendor struct {
	ID                  ID
	EntityID            string // displayed name or number; can change
	CompanyName         string
	AltName             string
	LegalName           string
	IsPerson            bool
	FirstName, LastName string
	Inactive            bool
	Email, Phone, Fax   string
	URL                 string
	AccountNumber       string // our number at the vendor
	Comments            string
	TermsID             ID
	Terms               string // display text
	Currency            string // ISO code of the primary currency
	ExpenseAccount      ID
	Addresses           []Address
	PrimaryContact      ID     `json:"-"`
	ModifiedAt          string // session zone, YYYY-MM-DD HH:MM:SS
}

// Document is what a purchase order, item receipt, bill and credit share.
// Amounts are in the document's currency and positive for the usual
// direction: the sign conventions of the database are undone on reading.
type Document struct {
	ID                ID
	Type              RecordType
	TranID            string // PO number; on a bill the vendor's invoice number
	TransactionNumber string // NetSuite's running number
	Status            string // bare letter, for example "B"
	StatusText        string
	Approval          int // 1 pending, 2 approved, 3 rejected, 0 unknown
	Posting           bool
	Voided            bool
	Vendor            ID
	VendorName        string          // display text only
	Currency          string          // ISO code
	ExchangeRate      decimal.Decimal // base units per document unit
	Total             decimal.Decimal
	TermsID           ID
	Terms             string
	Memo              string
	Subsidiary        ID
	Location          ID
	Date              Date
	Due               Date
	CreatedAt         string // session zone, YYYY-MM-DD HH:MM:SS
	ModifiedAt        string
}

// PurchaseOrder is a PO with its lines. Tax is the total less the lines: rows
// of tax are not read on POs.
type PurchaseOrder struct {
	Document
	Lines []OrderLine
}

// OrderLine is an item line (Item not 0) or an expense line of a PO.
// Quantities are in the item's base unit.
type OrderLine struct {
	ID          ID
	Number      int
	Item        ID // 0 on expense lines
	SKU         string
	ItemType    string // InvtPart, NonInvtPart, Service, ...
	ItemName    string
	Memo        string
	Quantity    decimal.Decimal
	Amount      decimal.Decimal // without tax
	ReceivedQty decimal.Decimal
	BilledQty   decimal.Decimal
	Units       ID // unit the document shows; 0 unknown
	BaseUnits   ID // unit that Quantity is in (item.stockunit); 0 unknown
	Closed      bool
	Account     Account // of an expense line; zero when not set
	Location    ID
	ExpectedOn  Date
}

// Receipt is an item receipt with its inventory lines.
type Receipt struct {
	Document
	Lines []ReceiptLine
}

// ReceiptLine is a received quantity of one PO line, in base units.
type ReceiptLine struct {
	ID        ID
	Item      ID
	SKU       string
	ItemType  string
	Quantity  decimal.Decimal
	Units     ID // unit the document shows; 0 unknown
	BaseUnits ID // unit that Quantity is in (item.stockunit); 0 unknown
	Location  ID
	PO        ID // 0 if the receipt does not come from a PO
	PONumber  string
	POLine    ID // 0 if the link row is missing
}

// Account is a general ledger account.
type Account struct {
	ID       ID
	Number   string // "" when account numbers are off
	Name     string
	Type     string // AcctPay, Expense, OthCurrAsset, ...
	Inactive bool
}

// LineKind classes a bill line.
type LineKind string

// The kinds of a bill line (contract 3.3).
const (
	LineItem    LineKind = "item"
	LineExpense LineKind = "expense"
	LineTax     LineKind = "tax"
)

// Bill is a vendor bill or, with Type vendorcredit, a vendor credit.
type Bill struct {
	Document
	Lines       []BillLine
	Payable     Account         // account of the mainline row
	PayableBase decimal.Decimal // what the mainline row posts, in base currency, debit positive: a bill's is negative
	CreatedFrom []ID            // credits: the bills that they name
}

// POs returns the ids of the purchase orders that the lines come from, each
// once, in the order of their first line.
func (b Bill) POs() []ID {
	var out []ID
	seen := map[ID]bool{}
	for _, l := range b.Lines {
		if l.PO != 0 && !seen[l.PO] {
			seen[l.PO] = true
			out = append(out, l.PO)
		}
	}
	return out
}

// BillLine is one line with the account it posts to in the chosen book.
type BillLine struct {
	ID         ID
	Number     int
	Kind       LineKind
	Item       ID
	SKU        string
	ItemName   string
	ItemType   string
	Memo       string
	Quantity   decimal.Decimal // base units; 0 on expense and tax lines
	Amount     decimal.Decimal // document currency, without tax
	BaseAmount decimal.Decimal // base currency, debit positive
	Posting    bool
	Units      ID
	BaseUnits  ID
	PO, POLine ID // 0 without a PO
	Account    Account
}

// Link ties a document to the purchase order that it came from.
type Link struct {
	PO   ID
	Doc  ID
	Type RecordType // of Doc
}

// Name is what people call the vendor: first and last name of a person, else
// the company name, else the alternative name, else the entity id (contract 3.1).
func (v Vendor) Name() string {
	if person := strings.TrimSpace(v.FirstName + " " + v.LastName); v.IsPerson && person != "" {
		return person
	}
	for _, s := range []string{v.CompanyName, v.AltName, v.EntityID} {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}
