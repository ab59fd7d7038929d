package netsuite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	pageSize = 1000
	// maxBody is the most that is read of an answer after decompression: a
	// page of 1,000 wide rows is about 2 MB.
	maxBody = 16 << 20
	// tries is how often a SELECT is sent when NetSuite is busy or away.
	// Reading twice is harmless.
	tries = 4
	// maxPause is how long a read waits in place; beyond it the caller decides.
	maxPause = 15 * time.Second
)

// page runs one SELECT and returns its first 1,000 rows. It sends again what
// may be sent again, and mints the token anew once after a 401.
func (c *Client) page(ctx context.Context, operation, q string) ([]Row, error) {
	reminted := false
	start := c.c.Now()
	for try := 1; ; {
		rows, token, err := c.send(ctx, operation, q)
		var e *Error
		if !errors.As(err, &e) {
			return rows, err
		}
		if e.Status == http.StatusUnauthorized && token != nil && !reminted {
			reminted = true
			c.token.drop(ctx, token)
			continue
		}
		if strings.EqualFold(e.header, "Prefer") && e.proto == 2 && c.http1 != nil && c.plain.CompareAndSwap(false, true) {
			continue // HTTP/2 wrote "prefer"
		}
		pause := pauseAfter(try, e.RetryAfter)
		// After a request that hung until its timeout, waiting for another is
		// the caller's choice.
		again := errors.Is(e, ErrLimited) || errors.Is(e, ErrUnavailable)
		var long *tooLong
		if !again || errors.As(e, &long) || try >= tries || pause > maxPause || c.c.Now().Sub(start) >= requestTimeout {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("netsuite %s: %w", operation, ctx.Err())
		case <-time.After(pause):
			try++
		}
	}
}

// pauseAfter is how long to wait after a failed try: half a second, doubling,
// or what NetSuite asked for, and up to half as much again so that callers do
// not come back in step.
func pauseAfter(try int, asked time.Duration) time.Duration {
	d := max(asked, time.Second/2<<(try-1))
	return d + time.Duration(rand.Int64N(int64(d/2)+1))
}

// send does one request; it returns the token that it showed, nil when it got
// none.
func (c *Client) send(ctx context.Context, operation, q string) ([]Row, *oauth2.Token, error) {
	background := ctx.Value(backgroundKey{}) != nil
	if background {
		select {
		case c.quiet <- struct{}{}:
			defer func() { <-c.quiet }()
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("netsuite %s: %w", operation, ctx.Err())
		}
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("netsuite %s: %w", operation, ctx.Err())
	}
	if c.c.Share != nil {
		free, err := c.c.Share(ctx, background)
		if err != nil {
			return nil, nil, fmt.Errorf("netsuite %s: %w", operation, err)
		}
		defer free()
	}
	token, err := c.token.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(map[string]string{"q": q})
	if err != nil {
		return nil, nil, fmt.Errorf("netsuite %s: encode the statement: %w", operation, err)
	}
	u := c.host + "/services/rest/query/v1/suiteql?limit=" + strconv.Itoa(pageSize) + "&offset=0"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("netsuite %s: %w", operation, err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "transient")
	w := c.wire
	if c.plain.Load() {
		w = *c.http1
	}
	a, err := w.send(req, operation, maxBody)
	if err != nil {
		return nil, token, err
	}
	if a.status != http.StatusOK {
		return nil, token, queryError(operation, a, c.c.Now())
	}
	rows, err := decodeRows(a.body)
	if err != nil {
		return nil, token, &Error{Kind: ErrUnavailable, Operation: operation, Status: a.status, Cause: err}
	}
	return rows, token, nil
}

// keys are the two columns that a keyset walk is ordered by: as expressions of
// the statement, and as the result names them.
type keys struct {
	outer, inner     string
	outerAs, innerAs string
}

// keyset reads all rows of a statement, page by page past the last row seen
// (contract 2.5). statement is given the condition to add, "" at the start,
// and must order by the keys. Rows of one key must not matter twice: a page
// may end between them.
func (c *Client) keyset(ctx context.Context, operation string, k keys, statement func(after string) string) ([]Row, error) {
	var all []Row
	for rows, err := range c.pages(ctx, operation, k, statement) {
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// pages is keyset, one page at a time.
func (c *Client) pages(ctx context.Context, operation string, k keys, statement func(after string) string) iter.Seq2[[]Row, error] {
	return func(yield func([]Row, error) bool) {
		var outer, inner ID
		after := ""
		for {
			rows, err := c.rows(ctx, operation, statement(after))
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(rows, nil) || len(rows) < pageSize {
				return
			}
			x := reader{r: rows[len(rows)-1], what: "the last row of a page"}
			o, i := x.id(k.outerAs), x.id(k.innerAs)
			switch {
			case x.err != nil:
				yield(nil, unreadable(operation, x.err))
				return
			case o < outer || o == outer && i <= inner:
				yield(nil, &Error{Kind: ErrUnavailable, Operation: operation, Detail: fmt.Sprintf("a full page ends at %s %d, %s %d, which is not past the page before it", k.outerAs, o, k.innerAs, i)})
				return
			}
			outer, inner = o, i
			after = fmt.Sprintf(" AND (%[1]s > %[2]d OR (%[1]s = %[2]d AND %[3]s > %[4]d))", k.outer, outer, k.inner, inner)
		}
	}
}

// unreadable is an answer that breaks the contract: reading on would guess.
func unreadable(operation string, cause error) *Error {
	return &Error{Kind: ErrUnavailable, Operation: operation, Status: http.StatusOK, Cause: cause}
}
