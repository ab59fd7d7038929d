package netsuite

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Posting is a row of the general ledger of one accounting book, with the line
// it belongs to. Amounts are debit positive.
type Posting struct {
	Doc, Line ID
	Main      bool // the row of the payable account
	Tax       bool
	Account   ID
	Base      decimal.Decimal // base currency
	Amount    decimal.Decimal // document currency; 0 where the ledger has no line of its own
}

// between is the condition on a document's date, both ends included.
func between(from, to Date) (string, error) {
	for _, d := range []Date{from, to} {
		if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
			return "", fmt.Errorf("netsuite: date %.40q: want YYYY-MM-DD", string(d))
		}
	}
	return fmt.Sprintf(" AND t.trandate >= TO_DATE('%s', 'YYYY-MM-DD') AND t.trandate <= TO_DATE('%s', 'YYYY-MM-DD')", from, to), nil
}

// DocumentsDated yields the headers of a type dated from from to to, both
// included, by id, whatever their state.
func (c *Client) DocumentsDated(ctx context.Context, t RecordType, from, to Date) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		dated, err := between(from, to)
		if err != nil {
			yield(Document{}, err)
			return
		}
		for last := ID(0); ; {
			q := fmt.Sprintf("%s WHERE t.type = '%s'%s AND t.id > %d ORDER BY t.id", documentColumns, tranTypes[t], dated, last)
			rows, err := c.rows(ctx, string(t)+"s_dated", q)
			if err != nil {
				yield(Document{}, err)
				return
			}
			before := last
			for _, r := range rows {
				d, err := readDocument(t, r)
				if err != nil {
					yield(Document{}, err)
					return
				}
				if d.ID == last {
					continue // a second mainline would repeat the header
				}
				last = d.ID
				if !yield(d, nil) {
					return
				}
			}
			if len(rows) < pageSize {
				return
			}
			if last <= before {
				yield(Document{}, unreadable(string(t)+"s_dated", fmt.Errorf("a full page ends at %d, which is not past the page before it", last)))
				return
			}
		}
	}
}

// DocumentsNumbered reads the headers of a type that carry one of the given
// numbers, whatever their date and state.
func (c *Client) DocumentsNumbered(ctx context.Context, t RecordType, numbers ...string) ([]Document, error) {
	const most = 200
	var out []Document
	for start := 0; start < len(numbers); start += most {
		quoted := make([]string, 0, most)
		for _, n := range numbers[start:min(start+most, len(numbers))] {
			quoted = append(quoted, "'"+strings.ReplaceAll(n, "'", "''")+"'")
		}
		for last := ID(0); ; {
			q := fmt.Sprintf("%s WHERE t.type = '%s' AND t.tranid IN (%s) AND t.id > %d ORDER BY t.id", documentColumns, tranTypes[t], strings.Join(quoted, ", "), last)
			rows, err := c.rows(ctx, string(t)+"s_numbered", q)
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				d, err := readDocument(t, r)
				if err != nil {
					return nil, err
				}
				if d.ID > last {
					last = d.ID
					out = append(out, d)
				}
			}
			if len(rows) < pageSize {
				break
			}
		}
	}
	return out, nil
}

// Documents reads the headers of a type by id, whatever their date and state;
// ids that do not exist are absent.
func (c *Client) Documents(ctx context.Context, t RecordType, ids ...ID) ([]Document, error) {
	var out []Document
	err := batches(ids, lineBatch, func(part []ID) error {
		return c.documents(ctx, t, part, func(d Document) { out = append(out, d) })
	})
	return out, err
}

var postingKeys = keys{outer: "tal.transaction", inner: "tal.transactionline", outerAs: "transaction", innerAs: "lineid"}

// Postings yields the ledger rows of a type whose document is dated from from
// to to, both included, in the configured accounting book, by document and
// line. Rows of the main line have line 0. What does not post is left out.
func (c *Client) Postings(ctx context.Context, t RecordType, from, to Date) iter.Seq2[Posting, error] {
	return func(yield func(Posting, error) bool) {
		dated, err := between(from, to)
		if err != nil {
			yield(Posting{}, err)
			return
		}
		op := string(t) + "_postings"
		statement := func(after string) string {
			return fmt.Sprintf(`SELECT tal.transaction, tal.transactionline AS lineid, tl.id AS foundline, tl.mainline, tl.taxline, tl.foreignamount, tal.account, tal.amount AS baseamount
 FROM transactionaccountingline tal JOIN transaction t ON t.id = tal.transaction
 LEFT JOIN transactionline tl ON tl.transaction = tal.transaction AND tl.id = tal.transactionline
 WHERE t.type = '%s'%s AND tal.posting = 'T'{tal.accountingbook: AND tal.accountingbook = %d}%s ORDER BY tal.transaction, tal.transactionline`,
				tranTypes[t], dated, c.c.Book, after)
		}
		for p, err := range c.pages(ctx, op, postingKeys, statement) {
			if err != nil {
				yield(Posting{}, err)
				return
			}
			for _, r := range p {
				x := reader{r: r, what: "ledger row " + r["lineid"] + " of " + string(t) + " " + r["transaction"]}
				row := Posting{Doc: x.id("transaction"), Line: x.id("lineid"), Main: x.bool("mainline"), Tax: x.bool("taxline"),
					Account: x.id("account"), Base: x.amount("baseamount"), Amount: x.amount("foreignamount")}
				if x.text("foundline") == "" {
					row.Tax = true // SuiteTax keeps its rows elsewhere (contract 7)
				}
				if x.err != nil {
					yield(Posting{}, unreadable(op, x.err))
					return
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// Accounts reads the whole chart of accounts: id -> account.
func (c *Client) Accounts(ctx context.Context) (map[ID]Account, error) {
	out := map[ID]Account{}
	for last := ID(0); ; {
		rows, err := c.rows(ctx, "accounts", fmt.Sprintf(`SELECT a.id, a.acctnumber, a.accountsearchdisplayname AS acctname, a.accttype, a.isinactive AS acctinactive
 FROM account a WHERE a.id > %d ORDER BY a.id`, last))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			x := reader{r: r, what: "account " + r["id"]}
			a := x.account("id")
			if x.err != nil {
				return nil, unreadable("accounts", x.err)
			}
			if a.ID <= last {
				return nil, unreadable("accounts", fmt.Errorf("account %d comes after %d: rows are not ordered by id", a.ID, last))
			}
			last = a.ID
			out[a.ID] = a
		}
		if len(rows) < pageSize {
			return out, nil
		}
	}
}

// BaseCurrency is the ISO code of the account's base currency; "" when
// NetSuite does not say.
func (c *Client) BaseCurrency(ctx context.Context) (string, error) {
	rows, err := c.rows(ctx, "base_currency", "SELECT c.symbol FROM currency c WHERE c.isbasecurrency = 'T'")
	if err != nil || len(rows) != 1 {
		return "", err
	}
	return rows[0]["symbol"], nil
}

// OrderReceived is what NetSuite counts of one line of a purchase order.
type OrderReceived struct {
	PO, Vendor        ID
	Number            string // of the order
	Item              ID
	SKU, ItemType     string
	Ordered, Received decimal.Decimal
}

// ReceivedOrders yields the item lines of every purchase order that has an
// item receipt dated from from to to, both included.
func (c *Client) ReceivedOrders(ctx context.Context, from, to Date) iter.Seq2[OrderReceived, error] {
	return func(yield func(OrderReceived, error) bool) {
		dated, err := between(from, to)
		if err != nil {
			yield(OrderReceived{}, err)
			return
		}
		const op = "received_orders"
		statement := func(after string) string {
			return fmt.Sprintf(`SELECT tl.transaction, tl.id AS lineid, o.entity, o.tranid, tl.item, i.itemid AS sku, i.itemtype, tl.quantity, tl.quantityshiprecv
 FROM transactionline tl JOIN transaction o ON o.id = tl.transaction LEFT JOIN item i ON i.id = tl.item
 WHERE o.type = 'PurchOrd' AND tl.mainline = 'F' AND tl.item IS NOT NULL AND tl.transaction IN
 (SELECT rl.createdfrom FROM transactionline rl JOIN transaction t ON t.id = rl.transaction WHERE t.type = 'ItemRcpt'%s)%s ORDER BY tl.transaction, tl.id`, dated, after)
		}
		for p, err := range c.pages(ctx, op, lineKeys, statement) {
			if err != nil {
				yield(OrderReceived{}, err)
				return
			}
			for _, r := range p {
				x := reader{r: r, what: "line " + r["lineid"] + " of purchase order " + r["transaction"]}
				o := OrderReceived{PO: x.id("transaction"), Vendor: x.id("entity"), Number: x.text("tranid"), Item: x.id("item"), SKU: x.text("sku"), ItemType: x.text("itemtype"),
					Ordered: x.amount("quantity"), Received: x.amount("quantityshiprecv")}
				if x.err != nil {
					yield(OrderReceived{}, unreadable(op, x.err))
					return
				}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}
