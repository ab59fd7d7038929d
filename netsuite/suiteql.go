package netsuite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	pageSize = 1000
	// maxBody is the most that is read of an answer after decompression: a
	// page of 1,000 wide rows is about 2 MB.
	maxBody = 32 << 20
	// tries is how often a SELECT is sent when NetSuite is busy or away.
	// Reading twice is harmless.
	tries = 4
)

// page is one answer of SuiteQL.
type page struct {
	Items   []Row
	HasMore bool
}

// page runs one SELECT and decodes its first 1,000 rows. It retries what may
// be retried and mints the token anew once after a 401.
func (c *Client) page(ctx context.Context, operation, q string) (page, error) {
	reminted := false
	for try := 1; ; try++ {
		p, token, err := c.send(ctx, operation, q)
		var e *Error
		if !errors.As(err, &e) {
			return p, err
		}
		switch {
		case e.Status == http.StatusUnauthorized && e.Operation != "token" && !reminted:
			reminted = true
			c.token.drop(token)
			continue
		case e.Kind != ErrLimited && e.Kind != ErrUnavailable || try >= tries:
			return page{}, err
		}
		pause := max(e.RetryAfter, time.Second<<(try-1)/2)
		pause += time.Duration(rand.Int64N(int64(pause)/2 + 1)) //nolint:gosec // spreading load needs no secret randomness
		if pause > maxPause {
			return page{}, err
		}
		select {
		case <-ctx.Done():
			return page{}, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// maxPause is how long a read waits in place; beyond it the caller decides.
const maxPause = 15 * time.Second

// send does one request; it returns the token that it showed.
func (c *Client) send(ctx context.Context, operation, q string) (page, string, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return page{}, "", ctx.Err()
	}
	token, err := c.token.get()
	if err != nil {
		return page{}, "", err
	}
	body, err := json.Marshal(map[string]string{"q": q})
	if err != nil {
		return page{}, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.host+"/services/rest/query/v1/suiteql?limit="+strconv.Itoa(pageSize)+"&offset=0", bytes.NewReader(body))
	if err != nil {
		return page{}, "", &Error{Kind: ErrUnavailable, Operation: operation, Cause: err}
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "transient")
	start := c.c.Now()
	res, err := c.http.Do(req)
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	if c.c.Observe != nil {
		c.c.Observe(operation, status, c.c.Now().Sub(start))
	}
	if err != nil {
		if ctx.Err() != nil {
			return page{}, token.AccessToken, ctx.Err()
		}
		return page{}, token.AccessToken, &Error{Kind: ErrUnavailable, Operation: operation, Cause: bare(err)}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err == nil && len(answer) > maxBody {
		err = fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	if err != nil {
		return page{}, token.AccessToken, &Error{Kind: ErrUnavailable, Operation: operation, Status: status, Cause: err}
	}
	if status != http.StatusOK {
		return page{}, token.AccessToken, queryError(operation, status, res.Header, answer)
	}
	p, err := decodePage(answer)
	if err != nil {
		return page{}, token.AccessToken, &Error{Kind: ErrUnavailable, Operation: operation, Status: status, Cause: err}
	}
	return p, token.AccessToken, nil
}

var (
	hiddenTable   = regexp.MustCompile(`Record '([^']*)' was not found`)
	unknownColumn = regexp.MustCompile(`Unknown identifier '([^']*)'`)
	hiddenColumn  = regexp.MustCompile(`Field '([^']*)' for record '([^']*)'`)
)

// queryError is the error table of contract 2.4 and 1.6.
func queryError(operation string, status int, h http.Header, body []byte) *Error {
	e := &Error{Kind: ErrUnavailable, Operation: operation, Status: status}
	var a struct {
		Title   string `json:"title"`
		Details []struct {
			Detail string `json:"detail"`
			Code   string `json:"o:errorCode"`
			Header string `json:"o:errorHeader"`
		} `json:"o:errorDetails"`
	}
	if json.Unmarshal(body, &a) == nil && len(a.Details) > 0 {
		e.Code, e.Detail = a.Details[0].Code, clip(a.Details[0].Detail)
		if a.Details[0].Header != "" {
			e.Detail += " (header " + a.Details[0].Header + ")"
		}
	} else if !json.Valid(body) {
		e.Detail = "the answer is not JSON, as in maintenance"
	}
	switch {
	case status == http.StatusUnauthorized:
		e.Kind, e.Remedy = ErrCredentials, "the Login Audit Trail in NetSuite names the cause: a disabled role or entity, a revoked certificate, or a missing permission \"Log in using OAuth 2.0 Access Tokens\""
	case status == http.StatusForbidden:
		e.Kind, e.Remedy = ErrForbidden, "give the integration role the permission REST Web Services"
	case status == http.StatusTooManyRequests:
		e.Kind = ErrLimited
		if n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After"))); err == nil && n >= 0 {
			e.RetryAfter = time.Duration(n) * time.Second
		}
	case hiddenTable.MatchString(e.Detail):
		e.Kind, e.Remedy = ErrHidden, fmt.Sprintf("the integration role may not see %s, or its feature is off: add the permission", hiddenTable.FindStringSubmatch(e.Detail)[1])
	case unknownColumn.MatchString(e.Detail), hiddenColumn.MatchString(e.Detail):
		e.Kind, e.Remedy = ErrHidden, "the column does not exist in this account"
	case status >= 300 && status < 500:
		e.Kind = ErrQuery
	}
	return e
}

// refusedColumn is the column that an error is about, "" when it is about
// none.
func refusedColumn(err error) string {
	var e *Error
	if !errors.As(err, &e) || e.Kind != ErrHidden {
		return ""
	}
	if m := unknownColumn.FindStringSubmatch(e.Detail); m != nil {
		return strings.ToLower(m[1])
	}
	if m := hiddenColumn.FindStringSubmatch(e.Detail); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

// optional marks a column of a statement that an account may not have: it is
// written {table.column AS name} in braces and left out once refused.
var optional = regexp.MustCompile(`,\s*\{([^}]*)\}`)

// compose writes a statement without the optional columns that were refused.
func (c *Client) compose(q string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return optional.ReplaceAllStringFunc(q, func(m string) string {
		inner := optional.FindStringSubmatch(m)[1]
		if c.refused[columnOf(inner)] {
			return ""
		}
		return ", " + inner
	})
}

// columnOf is the bare column name of an expression such as ml.subsidiary AS s.
func columnOf(expression string) string {
	e := strings.Fields(expression)[0]
	return strings.ToLower(e[strings.LastIndexByte(e, '.')+1:])
}

// rows runs a statement with optional columns and returns its first page.
func (c *Client) rows(ctx context.Context, operation, q string) ([]Row, error) {
	for {
		p, err := c.page(ctx, operation, c.compose(q))
		column := refusedColumn(err)
		if column == "" || !c.drop(q, column) {
			return p.Items, err
		}
	}
}

// drop remembers a refused optional column; false when it is not optional.
func (c *Client) drop(q, column string) bool {
	for _, m := range optional.FindAllStringSubmatch(q, -1) {
		if columnOf(m[1]) != column {
			continue
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		fresh := !c.refused[column]
		c.refused[column] = true
		return fresh
	}
	return false
}

// keyset reads all rows of a statement that ends in a keyset condition. next
// makes the statement that follows a last row (nil at the start).
func (c *Client) keyset(ctx context.Context, operation string, next func(last Row) string) ([]Row, error) {
	var all []Row
	var last Row
	for {
		q := next(last)
		rows, err := c.rows(ctx, operation, q)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if len(rows) < pageSize {
			return all, nil
		}
		last = rows[len(rows)-1]
		if next(last) == q {
			return nil, &Error{Kind: ErrQuery, Operation: operation, Detail: "a full page does not move the cursor on"}
		}
	}
}
