package netsuite

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// Config says how to reach one NetSuite account.
type Config struct {
	AccountID      string
	BaseURL        string // default https://<account>.suitetalk.api.netsuite.com
	ClientID       string
	CertificateID  string
	PrivateKeyPEM  secret.String
	Book           int // accounting book, default 1
	MaxConcurrency int // requests in flight, default 2
	// Transport carries the requests; nil takes a default. It must not repeat requests.
	Transport http.RoundTripper
	Now       func() time.Time // default time.Now
	// Observe is told of every request when it is answered; may be nil.
	Observe func(operation string, status int, took time.Duration)
}

// Client reads one NetSuite account. It never writes.
type Client struct{}

// New checks the configuration and returns a client; it makes no request.
func New(c Config) (*Client, error) { panic("wip") }

// Ping asks for a token and runs the smallest query.
func (c *Client) Ping(ctx context.Context) error { panic("wip") }

// Query runs one SELECT and yields its rows; it pages by offset and is meant
// for small results. Reads of records use their own keyset statements.
func (c *Client) Query(ctx context.Context, operation, q string) ([]Row, error) { panic("wip") }

// Row is a row of a SuiteQL result with lower-case column names.
type Row map[string]string

// Vendors reads vendors with their addresses; ids that do not exist are absent.
func (c *Client) Vendors(ctx context.Context, ids ...ID) (map[ID]Vendor, error) { panic("wip") }

// PurchaseOrders reads POs with their lines; ids that do not exist are absent.
func (c *Client) PurchaseOrders(ctx context.Context, ids ...ID) (map[ID]PurchaseOrder, error) {
	panic("wip")
}

// Receipts reads item receipts; ids that do not exist are absent.
func (c *Client) Receipts(ctx context.Context, ids ...ID) (map[ID]Receipt, error) { panic("wip") }

// Bills reads vendor bills with their accounts; ids that do not exist are absent.
func (c *Client) Bills(ctx context.Context, ids ...ID) (map[ID]Bill, error) { panic("wip") }

// Credits reads vendor credits with their accounts and the bills they name.
func (c *Client) Credits(ctx context.Context, ids ...ID) (map[ID]Bill, error) { panic("wip") }

// OrdersOf finds the purchase orders that bills, receipts or credits come
// from; a document without one yields no link.
func (c *Client) OrdersOf(ctx context.Context, docs ...ID) ([]Link, error) { panic("wip") }

// DocumentsOf finds the bills, receipts and credits that come from purchase orders.
func (c *Client) DocumentsOf(ctx context.Context, pos ...ID) ([]Link, error) { panic("wip") }

// HighWater is the latest modification time of a type, in the session zone's
// text form; "" when there are no records (contract 3.9 j).
func (c *Client) HighWater(ctx context.Context, t RecordType) (string, error) { panic("wip") }

// Changed yields records of a type modified at or after since (text form of
// HighWater; "" means all), by id, in keyset pages.
func (c *Client) Changed(ctx context.Context, t RecordType, since string) iter.Seq2[Change, error] {
	panic("wip")
}

// ConversionRates reads how many base units one unit has: unit id -> rate.
func (c *Client) ConversionRates(ctx context.Context) (map[ID]string, error) { panic("wip") }
