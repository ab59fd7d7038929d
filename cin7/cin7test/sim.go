package cin7test

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Options switch the behaviours on which the contract's sources disagree or
// that differ between accounts. The zero value is the contract's default.
type Options struct {
	Now  func() time.Time // default time.Now
	Seed uint64           // of ids and line order; equal seeds and calls give equal answers

	Company  string // default "Harbourline Outdoor Inc"
	Currency string // base currency, default USD
	TimeZone string // IANA name in /me, default America/Los_Angeles; OrderDate is today there
	LockDate string // YYYY-MM-DD or "": documents dated on or before it are refused (16)
	// TaxMethod is /me.TaxCalculationMethod: "Row Total" (default) rounds tax
	// in the ledger per line, "Total" per document and rule (9).
	TaxMethod string

	// CallsPerMinute is the limit in any sliding 60 s per application key
	// (3): 0 means 60, below 0 none.
	CallsPerMinute int
	// LimitForm is how the limit is told: "429" (default, with Retry-After as
	// a number or as number and word), "503" (without), "400" (an error body).
	LimitForm string

	NoPutAway              bool // Use Put Away is off: receive by put-away alone (7.5)
	GatePerPurchase        bool // cross gates look at the whole purchase, not at the group (7.7)
	ZeroGroupInvoice       bool // invoice POST with an all-zero TaskID opens a group (7.6)
	FirstGroupOwnID        bool // the first group has number 1 and a TaskID of its own (7.6)
	DuplicateSupplierNames bool // a second active supplier of the same name is accepted (5)
	DuplicateSKULines      bool // a SKU may repeat within an order or invoice (7.4)
	TaxInTotal             bool // line Total is checked with tax added (9)
	PartiallyReceived      bool // authorised stock below the group's invoice reads PARTIALLY RECEIVED and takes more (7.7)
	LenientOrderLines      bool // order lines may omit Name and TaxRule, and Price, which becomes 0 (7.4)
	NegativePrices         bool // lines and charges may have a negative price (7.4)
	QuantityFromOne        bool // the documented minimum quantity of 1 is enforced (7.4)
	AnyChargeDescription   bool // charges need not name an active service product (16)
	SuffixInvoiceNumbers   bool // an invoice number that another group has gets a suffix, "/2" (7.5)
	ManualJournalAppends   bool // a manual journal POST adds its lines instead of replacing (10)
	PurchaseAttributes     bool // AdditionalAttributes of a purchase stick (12)
	SKUStartsWith          bool // product?Sku means starts with, not contains (6)
	SimpleShell            bool // advanced-purchase answers a simple purchase with an empty shell (7.1)

	// IndexLag hides a purchase from purchaseList for this long after its
	// creation; GET by id sees it at once.
	IndexLag time.Duration
	// WrongPath is the answer to an unknown path: "302" (default), "html"
	// (200 with a page) or "404" (3).
	WrongPath string
}

// Sim is a Cin7 Core server with one company. It is an http.Handler and safe
// for concurrent use.
type Sim struct {
	o      Options
	routes map[string]route // lower-case path -> handlers

	mu        sync.Mutex
	keys      map[[2]string]bool // account id, application key -> accepted
	calls     []Call
	granted   map[string][]time.Time // application key -> calls within the limit, last 60 s
	refused   int                    // by the limit; alternates the form of Retry-After
	faults    []*Fault
	effects   []Effect
	ids       int
	answers   uint64
	numbers   int // of purchases
	jnumbers  int // of journals
	invoices  int // generated invoice numbers
	accounts  []Account
	taxRules  []TaxRule
	locations []Location
	terms     []Term
	products  []Product
	suppliers []Supplier
	purchases []*Purchase
	journals  []Journal
	sets      []string
	rates     map[string]decimal.Decimal // currency -> base units per unit
}

// New returns a company without keys, reference data or documents.
func New(o Options) *Sim {
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CallsPerMinute == 0 {
		o.CallsPerMinute = 60
	}
	def(&o.Company, "Harbourline Outdoor Inc")
	def(&o.Currency, "USD")
	def(&o.TimeZone, "America/Los_Angeles")
	def(&o.TaxMethod, "Row Total")
	def(&o.LimitForm, "429")
	def(&o.WrongPath, "302")
	s := &Sim{o: o, keys: map[[2]string]bool{}, granted: map[string][]time.Time{}, rates: map[string]decimal.Decimal{}}
	s.routes = s.table()
	return s
}

// AddKey accepts the two values that every call carries in its headers.
func (s *Sim) AddKey(accountID, applicationKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[[2]string{strings.ToLower(accountID), applicationKey}] = true
}

// RevokeKey refuses them from now on.
func (s *Sim) RevokeKey(accountID, applicationKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, [2]string{strings.ToLower(accountID), applicationKey})
}

// SetLockDate closes the books up to and with a date, YYYY-MM-DD; "" opens them.
func (s *Sim) SetLockDate(date string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.LockDate = date
}

// SetRate sets the currency rate that a purchase gets when its header has
// none: base units per unit of the currency (7.2). Without it the rate is 1.
func (s *Sim) SetRate(currency string, rate decimal.Decimal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates[strings.ToUpper(currency)] = rate
}

// newID makes the next GUID.
func (s *Sim) newID() string {
	s.ids++
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "cin7test %d %d", s.o.Seed, s.ids)).String()
}

// today is the calendar date in the account's time zone.
func (s *Sim) today() string {
	loc, err := time.LoadLocation(s.o.TimeZone)
	if err != nil {
		loc = time.UTC
	}
	return s.o.Now().In(loc).Format(time.DateOnly)
}

// same compares GUIDs, names and codes without regard to case (2).
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

const zeroID = "00000000-0000-0000-0000-000000000000"

func noID(id string) bool { return id == "" || id == zeroID }
