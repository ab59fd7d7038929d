package cin7

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// CreatePurchase posts the header of a purchase. Repeating it makes a second
// purchase.
func (c *Client) CreatePurchase(ctx context.Context, p NewPurchase) (Purchase, error) {
	var got Purchase
	err := c.do(ctx, request{op: opCreatePurchase, method: http.MethodPost, path: "advanced-purchase", body: p}, &got, func() bool { return got.ID != "" })
	return got, err
}

// Purchase reads a purchase with all its tasks; ErrNotFound.
func (c *Client) Purchase(ctx context.Context, id string) (Purchase, error) {
	var got Purchase
	err := c.do(ctx, request{op: opGetPurchase, method: http.MethodGet, path: "advanced-purchase", query: url.Values{"ID": {id}, "CombineAdditionalCharges": {"false"}}}, &got,
		// An empty shell (seen for simple purchases) is no purchase.
		func() bool { return SameID(got.ID, id) })
	return got, err
}

// UpdatePurchase puts the header of a purchase.
func (c *Client) UpdatePurchase(ctx context.Context, p UpdatePurchase) (Purchase, error) {
	var got Purchase
	err := c.do(ctx, request{op: opUpdatePurchase, method: http.MethodPut, path: "advanced-purchase", body: p}, &got, func() bool { return got.ID != "" })
	return got, err
}

// DeletePurchase undoes a purchase to DRAFT, or voids it. The answer proves
// nothing (contract 7.8): read it back.
func (c *Client) DeletePurchase(ctx context.Context, id string, void bool) error {
	return c.remove(ctx, opDeletePurchase, "advanced-purchase", "ID", id, void)
}

func (c *Client) remove(ctx context.Context, op, path, key, id string, void bool) error {
	q := url.Values{key: {id}, "Void": {strconv.FormatBool(void)}}
	return c.do(ctx, request{op: op, method: http.MethodDelete, path: path, query: q}, nil, nil)
}

// PostOrder writes the order of a purchase; while it is DRAFT the lines are
// replaced, once AUTHORISED Cin7 refuses.
func (c *Client) PostOrder(ctx context.Context, o NewOrder) (Order, error) {
	var got Order
	err := c.do(ctx, request{op: opPostOrder, method: http.MethodPost, path: "purchase/order", body: o}, &got, func() bool { return got.Status != "" })
	return got, err
}

// PostInvoice writes the invoice of a group and returns all invoices of the
// purchase.
func (c *Client) PostInvoice(ctx context.Context, i NewInvoice) ([]Invoice, error) {
	var got struct{ Invoices []Invoice }
	err := c.do(ctx, request{op: opPostInvoice, method: http.MethodPost, path: "advanced-purchase/invoice", body: i}, &got, func() bool { return len(got.Invoices) > 0 })
	return got.Invoices, err
}

// DeleteInvoice undoes an invoice to DRAFT, or voids it. Read it back.
func (c *Client) DeleteInvoice(ctx context.Context, taskID string, void bool) error {
	return c.remove(ctx, opDeleteInvoice, "advanced-purchase/invoice", "TaskID", taskID, void)
}

// PostStock adds received lines to a group and returns all receiving tasks.
func (c *Client) PostStock(ctx context.Context, s NewStock) ([]StockTask, error) {
	var got struct{ StockReceiving []StockTask }
	err := c.do(ctx, request{op: opPostStock, method: http.MethodPost, path: "advanced-purchase/stock", body: s}, &got, func() bool { return len(got.StockReceiving) > 0 })
	return got.StockReceiving, err
}

// PutStock overwrites the received lines of a group and returns all receiving
// tasks; PostStock adds to them.
func (c *Client) PutStock(ctx context.Context, s NewStock) ([]StockTask, error) {
	var got struct{ StockReceiving []StockTask }
	err := c.do(ctx, request{op: opPutStock, method: http.MethodPut, path: "advanced-purchase/stock", body: s}, &got, func() bool { return len(got.StockReceiving) > 0 })
	return got.StockReceiving, err
}

// DeleteStock undoes a receiving task, or voids it. Read it back.
func (c *Client) DeleteStock(ctx context.Context, taskID string, void bool) error {
	return c.remove(ctx, opDeleteStock, "advanced-purchase/stock", "TaskID", taskID, void)
}

// PostPutAway puts received lines away and returns all put-away tasks. Each
// line needs Location or LocationID.
func (c *Client) PostPutAway(ctx context.Context, s NewStock) ([]StockTask, error) {
	var got struct{ PutAway []StockTask }
	err := c.do(ctx, request{op: opPostPutAway, method: http.MethodPost, path: "advanced-purchase/put-away", body: s}, &got, func() bool { return len(got.PutAway) > 0 })
	return got.PutAway, err
}

// PostCreditNote writes a credit note and returns all of the purchase. ZeroID
// as TaskID makes a new one each time; its invoice must be authorised.
func (c *Client) PostCreditNote(ctx context.Context, n NewCreditNote) ([]CreditNote, error) {
	var got struct{ CreditNotes []CreditNote }
	err := c.do(ctx, request{op: opPostCredit, method: http.MethodPost, path: "advanced-purchase/creditnote", body: n}, &got, func() bool { return len(got.CreditNotes) > 0 })
	return got.CreditNotes, err
}

// VoidCreditNote voids a credit note: there is no undo (contract 7.5). Read it back.
func (c *Client) VoidCreditNote(ctx context.Context, taskID string) error {
	return c.do(ctx, request{op: opDeleteCredit, method: http.MethodDelete, path: "advanced-purchase/creditnote", query: url.Values{"TaskID": {taskID}}}, nil, nil)
}

// PurchaseFilter selects purchases; empty fields select all.
type PurchaseFilter struct {
	Search       string // contained in number, status, supplier, invoice number
	UpdatedSince time.Time
}

// Purchases reads the list of purchases, all pages. Status filters are not
// used: Cin7 was seen to ignore them (contract 7.10).
func (c *Client) Purchases(ctx context.Context, f PurchaseFilter) ([]PurchaseRow, error) {
	return list[PurchaseRow](ctx, c, opListPurchases, "purchaseList", "PurchaseList", f.query())
}

func (f PurchaseFilter) query() url.Values {
	q := url.Values{}
	if f.Search != "" {
		q.Set("Search", f.Search)
	}
	if !f.UpdatedSince.IsZero() {
		q.Set("UpdatedSince", f.UpdatedSince.UTC().Format("2006-01-02T15:04:05.000"))
	}
	return q
}
