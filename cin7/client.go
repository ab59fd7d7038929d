package cin7

import (
	"context"
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// Config says how to reach one Cin7 Core account.
type Config struct {
	AccountID      string
	ApplicationKey secret.String
	BaseURL        string // default https://inventory.dearsystems.com/ExternalApi/v2
	// Limit is called before every request and blocks until the request may
	// be sent, or returns an error and the request is not sent. nil: no limit.
	Limit func(ctx context.Context) error
	// Limited is told when Cin7 refused a request over its limit. May be nil.
	Limited func(retryAfter time.Duration)
	// Transport carries the requests; nil takes a default. It must not repeat requests.
	Transport http.RoundTripper
	Timeout   time.Duration // hard deadline of one request, default 60 s
	Now       func() time.Time
	// Observe is told of every request when it is answered; may be nil.
	Observe func(operation string, status int, took time.Duration)
}

// Client speaks to one Cin7 Core account. It sends every request once.
type Client struct{}

// New checks the configuration and returns a client; it makes no request.
func New(c Config) (*Client, error) { panic("wip") }

// Me reads the account behind the credentials.
func (c *Client) Me(ctx context.Context) (Me, error) { panic("wip") }

// Accounts reads the whole chart of accounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) { panic("wip") }

// TaxRules reads all tax rules.
func (c *Client) TaxRules(ctx context.Context) ([]TaxRule, error) { panic("wip") }

// Locations reads all locations.
func (c *Client) Locations(ctx context.Context) ([]Location, error) { panic("wip") }

// PaymentTerms reads all payment terms.
func (c *Client) PaymentTerms(ctx context.Context) ([]PaymentTerm, error) { panic("wip") }

// SuppliersNamed reads suppliers whose name starts with name, deprecated ones
// included; compare exactly afterwards. An empty name reads all.
func (c *Client) SuppliersNamed(ctx context.Context, name string) ([]Supplier, error) { panic("wip") }

// Supplier reads one supplier; ErrNotFound.
func (c *Client) Supplier(ctx context.Context, id string) (Supplier, error) { panic("wip") }

// CreateSupplier posts a supplier.
func (c *Client) CreateSupplier(ctx context.Context, s Supplier) (Supplier, error) { panic("wip") }

// UpdateSupplier puts a supplier; ID is required.
func (c *Client) UpdateSupplier(ctx context.Context, s Supplier) (Supplier, error) { panic("wip") }

// ProductsBySKU reads the products with exactly these SKUs (case folded):
// upper-case SKU -> product. Missing ones are absent.
func (c *Client) ProductsBySKU(ctx context.Context, skus ...string) (map[string]Product, error) {
	panic("wip")
}

// ServiceProducts reads all active service products, by name.
func (c *Client) ServiceProducts(ctx context.Context) ([]Product, error) { panic("wip") }

// CreatePurchase posts the header of a purchase.
func (c *Client) CreatePurchase(ctx context.Context, p NewPurchase) (Purchase, error) { panic("wip") }

// Purchase reads a purchase with all its tasks; ErrNotFound.
func (c *Client) Purchase(ctx context.Context, id string) (Purchase, error) { panic("wip") }

// UpdatePurchase puts the header of a purchase.
func (c *Client) UpdatePurchase(ctx context.Context, p UpdatePurchase) (Purchase, error) {
	panic("wip")
}

// DeletePurchase undoes a purchase to DRAFT, or voids it.
func (c *Client) DeletePurchase(ctx context.Context, id string, void bool) error { panic("wip") }

// PostOrder writes the order of a purchase.
func (c *Client) PostOrder(ctx context.Context, o NewOrder) (Order, error) { panic("wip") }

// PostInvoice writes the invoice of a group and returns all invoices of the purchase.
func (c *Client) PostInvoice(ctx context.Context, i NewInvoice) ([]Invoice, error) { panic("wip") }

// DeleteInvoice undoes an invoice to DRAFT, or voids it.
func (c *Client) DeleteInvoice(ctx context.Context, taskID string, void bool) error { panic("wip") }

// PostStock adds received lines to a group and returns all receiving tasks.
func (c *Client) PostStock(ctx context.Context, s NewStock) ([]StockTask, error) { panic("wip") }

// DeleteStock undoes a receiving task, or voids it.
func (c *Client) DeleteStock(ctx context.Context, taskID string, void bool) error { panic("wip") }

// PostPutAway puts received lines away and returns all put-away tasks.
func (c *Client) PostPutAway(ctx context.Context, s NewStock) ([]StockTask, error) { panic("wip") }

// PurchaseFilter selects purchases; empty fields select all.
type PurchaseFilter struct {
	Search       string // contained in number, status, supplier, invoice number
	UpdatedSince time.Time
}

// Purchases reads the list of purchases, all pages.
func (c *Client) Purchases(ctx context.Context, f PurchaseFilter) ([]PurchaseRow, error) {
	panic("wip")
}

// Transactions reads the ledger rows with an effective date from from to to,
// both included.
func (c *Client) Transactions(ctx context.Context, from, to Date) ([]Transaction, error) {
	panic("wip")
}
