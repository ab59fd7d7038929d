package tenant

import "github.com/ml-connector/ml-connector/secret"

// Document is a tenant as its owner writes it: the YAML file of `tenant
// apply` and the JSON body of PUT /tenants/{id}. Unknown keys are refused.
// The json and yaml names are the same.
type Document struct {
	ID        string    `yaml:"id" json:"id"` // ^[a-z0-9][a-z0-9-]{1,62}$
	Name      string    `yaml:"name" json:"name,omitempty"`
	NetSuite  NetSuite  `yaml:"netsuite" json:"netsuite"`
	Cin7      Cin7      `yaml:"cin7" json:"cin7"`
	Webhook   Webhook   `yaml:"webhook" json:"webhook"`
	Poll      Poll      `yaml:"poll" json:"poll"`
	Sync      Sync      `yaml:"sync" json:"sync"`
	Reconcile Reconcile `yaml:"reconcile" json:"reconcile,omitzero"`
}

// NetSuite says how to reach the tenant's NetSuite account.
type NetSuite struct {
	AccountID       string        `yaml:"account_id" json:"account_id"`
	ClientID        string        `yaml:"client_id" json:"client_id"`
	CertificateID   string        `yaml:"certificate_id" json:"certificate_id"`
	PrivateKey      secret.String `yaml:"private_key" json:"private_key,omitzero"`
	PrivateKeyFile  string        `yaml:"private_key_file" json:"private_key_file,omitempty"`
	Certificate     string        `yaml:"certificate" json:"certificate,omitempty"`
	CertificateFile string        `yaml:"certificate_file" json:"certificate_file,omitempty"`
	BaseURL         string        `yaml:"base_url" json:"base_url,omitempty"`
	AccountingBook  int           `yaml:"accounting_book" json:"accounting_book,omitempty"` // default 1
	MaxConcurrency  int           `yaml:"max_concurrency" json:"max_concurrency,omitempty"` // default 2
}

// Cin7 says how to reach the tenant's Cin7 Core account.
type Cin7 struct {
	AccountID          string        `yaml:"account_id" json:"account_id"`
	ApplicationKey     secret.String `yaml:"application_key" json:"application_key,omitzero"`
	ApplicationKeyFile string        `yaml:"application_key_file" json:"application_key_file,omitempty"`
	BaseURL            string        `yaml:"base_url" json:"base_url,omitempty"`
	CallsPerMinute     int           `yaml:"calls_per_minute" json:"calls_per_minute,omitempty"` // default 50
	UsePutAway         *bool         `yaml:"use_put_away" json:"use_put_away,omitempty"`         // default true
}

// What a webhook must show to be admitted.
const (
	RequireSecret    = "secret"
	RequireAllowlist = "allowlist"
	RequireBoth      = "both"
)

// Webhook says who may post.
type Webhook struct {
	Require   string          `yaml:"require" json:"require,omitempty"` // default secret
	Secrets   []secret.String `yaml:"secrets" json:"secrets,omitempty"` // one or two live
	Allowlist []string        `yaml:"allowlist" json:"allowlist,omitempty"`
	// Where a script of the customer's own puts what we look for; see netsuite.EventOptions.
	IDPaths     []string `yaml:"id_paths" json:"id_paths,omitempty"`
	TypePaths   []string `yaml:"type_paths" json:"type_paths,omitempty"`
	DefaultType string   `yaml:"default_type" json:"default_type,omitempty"` // of bodies that name no type
}

// Poll is the schedule of the poller.
type Poll struct {
	Subscriptions *bool  `yaml:"subscriptions" json:"subscriptions,omitempty"` // default true
	Every         string `yaml:"every" json:"every,omitempty"`                 // duration or cron line; default 15m, without subscriptions 2m
}

// Reconcile is the schedule of the tie-out that runs by itself.
type Reconcile struct {
	Every string `yaml:"every" json:"every,omitempty"` // cron line or duration; default once a night, "off" for never
}

// The values of Sync.ReceiveOn, StandaloneBills, ClosedPeriod, Mode and AfterPostChange.
const (
	ReceiveOnItemReceipt  = "item_receipt"
	ReceiveOnBillApproved = "bill_approved"
	ReceiveOnBillPaid     = "bill_paid"
	ReceiveOnNever        = "never"

	StandalonePurchase = "purchase"
	StandaloneJournal  = "journal"
	StandaloneSkip     = "skip"

	ClosedPeriodPark    = "park"
	ClosedPeriodNextDay = "next_open_day"

	ModeLive     = "live"
	ModePlanOnly = "plan_only"

	AfterPostPark   = "park"
	AfterPostRepost = "void_and_repost"
)

// Sync is what is synced and how.
type Sync struct {
	Types           []string `yaml:"types" json:"types,omitempty"`
	Start           string   `yaml:"start" json:"start,omitempty"`                       // YYYY-MM-DD; documents dated before are left alone
	Approach        string   `yaml:"approach" json:"approach,omitempty"`                 // INVOICE (default) or STOCK
	ReceiveOn       string   `yaml:"receive_on" json:"receive_on,omitempty"`             // default item_receipt
	StandaloneBills string   `yaml:"standalone_bills" json:"standalone_bills,omitempty"` // default purchase
	Location        string   `yaml:"location" json:"location,omitempty"`
	TaxRule         string   `yaml:"tax_rule" json:"tax_rule,omitempty"`
	PaymentTerm     string   `yaml:"payment_term" json:"payment_term,omitempty"`
	CreateProducts  bool     `yaml:"create_products" json:"create_products,omitempty"`
	ClosedPeriod    string   `yaml:"closed_period" json:"closed_period,omitempty"`         // default park
	AfterPostChange string   `yaml:"after_post_change" json:"after_post_change,omitempty"` // default park
	Mode            string   `yaml:"mode" json:"mode,omitempty"`                           // live (default) or plan_only: nothing is written to Cin7
	ApproveAbove    string   `yaml:"approve_above" json:"approve_above,omitempty"`         // decimal amount in base currency
	Mapping         Mapping  `yaml:"mapping" json:"mapping,omitzero"`
}

// Mapping translates NetSuite's names into Cin7's. Keys of Accounts are a
// NetSuite account number, "id:" and an internal id, or a name; values are
// Cin7 account codes. "*" is the fallback of a table that has one.
type Mapping struct {
	Accounts   map[string]string `yaml:"accounts" json:"accounts,omitempty"`
	Terms      map[string]string `yaml:"terms" json:"terms,omitempty"`
	Tax        map[string]string `yaml:"tax" json:"tax,omitempty"`
	Locations  map[string]string `yaml:"locations" json:"locations,omitempty"`
	Charges    map[string]string `yaml:"charges" json:"charges,omitempty"`
	Currencies map[string]string `yaml:"currencies" json:"currencies,omitempty"`
	Items      map[string]string `yaml:"items" json:"items,omitempty"` // NetSuite item name or id:123 -> Cin7 SKU
	Units      map[string]string `yaml:"units" json:"units,omitempty"` // NetSuite unit name -> unit of measure of the Cin7 products
}
