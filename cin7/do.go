package cin7

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
)

// The operations, a closed set: they name requests in errors and metrics.
const (
	opMe             = "me"
	opAccounts       = "accounts"
	opTaxRules       = "tax_rules"
	opLocations      = "locations"
	opPaymentTerms   = "payment_terms"
	opListSuppliers  = "list_suppliers"
	opGetSupplier    = "get_supplier"
	opCreateSupplier = "create_supplier"
	opUpdateSupplier = "update_supplier"
	opListProducts   = "list_products"
	opCreatePurchase = "create_purchase"
	opGetPurchase    = "get_purchase"
	opUpdatePurchase = "update_purchase"
	opDeletePurchase = "delete_purchase"
	opPostOrder      = "post_order"
	opPostInvoice    = "post_invoice"
	opDeleteInvoice  = "delete_invoice"
	opPutStock       = "put_stock"
	opPostCredit     = "post_credit_note"
	opDeleteCredit   = "delete_credit_note"
	opPostJournal    = "post_journal"
	opPutJournal     = "put_journal"
	opDeleteJournal  = "delete_journal"
	opPostStock      = "post_stock"
	opDeleteStock    = "delete_stock"
	opPostPutAway    = "post_put_away"
	opListPurchases  = "list_purchases"
	opTransactions   = "transactions"
	opListJournals   = "list_journals"
)

// Operations lists every operation name.
func Operations() []string {
	return []string{opMe, opAccounts, opTaxRules, opLocations, opPaymentTerms, opListSuppliers, opGetSupplier, opCreateSupplier,
		opUpdateSupplier, opListProducts, opCreatePurchase, opGetPurchase, opUpdatePurchase, opDeletePurchase, opPostOrder,
		opPostInvoice, opDeleteInvoice, opPostStock, opDeleteStock, opPostPutAway, opListPurchases, opTransactions, opListJournals,
		opPutStock, opPostCredit, opDeleteCredit, opPostJournal, opPutJournal, opDeleteJournal}
}

// request is one call.
type request struct {
	op     string
	method string
	path   string // below the base URL
	query  url.Values
	body   any
}

// do sends one request once and decodes the answer into out. ok, when given,
// says whether the decoded answer proves that the call took effect.
func (c *Client) do(ctx context.Context, r request, out any, ok func() bool) error {
	if c.c.Limit != nil {
		if err := c.c.Limit(ctx); err != nil {
			return &Error{Kind: ErrNotSent, Operation: r.op, Applied: NotApplied, Cause: err}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	// What matters after a failure is whether a byte of ours may have left.
	sent := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent = true }})
	req, err := c.build(ctx, r)
	if err != nil {
		return &Error{Kind: ErrNotSent, Operation: r.op, Applied: NotApplied, Cause: err}
	}
	start := c.c.Now()
	observe := func(status int) {
		if c.c.Observe != nil {
			c.c.Observe(r.op, status, c.c.Now().Sub(start))
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		observe(0)
		return answer{op: r.op, failed: plain(err), sent: sent}.verdict()
	}
	defer func() { _ = res.Body.Close() }()
	observe(res.StatusCode)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	a := answer{op: r.op, status: res.StatusCode, header: res.Header, body: body, cut: err}
	if len(body) > maxBody {
		a.cut = fmt.Errorf("answer is longer than %d bytes", maxBody)
	}
	e := a.verdict()
	if e == nil && out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			e = a.fail(ErrUnavailable, Unknown, fmt.Errorf("decode the answer: %w", err))
		}
	}
	if e == nil && ok != nil && !ok() {
		e = a.fail(ErrUnavailable, Unknown, errors.New("the answer does not show the result"))
	}
	if e == nil {
		return nil
	}
	if errors.Is(e, ErrLimited) && c.c.Limited != nil {
		c.c.Limited(e.RetryAfter)
	}
	return e
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	u := c.base + "/" + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode the body: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, err
	}
	// Header names are written as the vendor spells them; case does not matter.
	req.Header.Set("api-auth-accountid", c.c.AccountID)
	req.Header.Set("api-auth-applicationkey", c.c.ApplicationKey.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// plain words a failure of the transport without the URL, which url.Error
// repeats whole.
func plain(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var ne net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		return errors.New("no answer in time")
	}
	return err
}

// list reads all pages of a list whose rows are under key.
func list[T any](ctx context.Context, c *Client, op, path, key string, query url.Values) ([]T, error) {
	var all []T
	for rows, err := range pages[T](ctx, c, op, path, key, query) {
		if err != nil {
			return nil, err
		}
		all = append(all, rows.Rows...)
	}
	return all, nil
}

// Page is a page of a list.
type Page[T any] struct {
	Rows  []T
	Total int // rows of the whole list as Cin7 counts them; -1 when it does not say
	Seen  int // rows that Cin7 has given with this page and those before it; 0 of a page read alone
}

// onePage reads one page of a list.
func onePage[T any](ctx context.Context, c *Client, op, path, key string, query url.Values, page int) (Page[T], error) {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	q.Set("Limit", strconv.Itoa(pageSize))
	q.Set("Page", strconv.Itoa(page))
	raw := map[string]json.RawMessage{}
	if err := c.do(ctx, request{op: op, method: http.MethodGet, path: path, query: q}, &raw, nil); err != nil {
		return Page[T]{}, err
	}
	p := Page[T]{Total: -1}
	if err := json.Unmarshal(raw[key], &p.Rows); err != nil {
		return Page[T]{}, &Error{Kind: ErrUnavailable, Operation: op, Status: http.StatusOK, Cause: fmt.Errorf("page %d has no list %s: %w", page, key, err)}
	}
	_ = json.Unmarshal(raw["Total"], &p.Total)
	return p, nil
}

// pages reads a list page by page.
func pages[T any](ctx context.Context, c *Client, op, path, key string, query url.Values) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		seen := 0
		for page := 1; page <= maxPages; page++ {
			p, err := onePage[T](ctx, c, op, path, key, query, page)
			if err != nil {
				yield(Page[T]{}, err)
				return
			}
			seen += len(p.Rows)
			full := len(p.Rows) > 0
			p.Seen = seen
			if !yield(p, nil) || !full || p.Total >= 0 && seen >= p.Total {
				return
			}
		}
		yield(Page[T]{}, &Error{Kind: ErrUnavailable, Operation: op, Cause: fmt.Errorf("the list does not end after %d pages", maxPages)})
	}
}
