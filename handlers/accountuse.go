package handlers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// Usage is which accounts the bills and credits of a period post to, and where
// Cin7 has the same amounts. It does not depend on the mapping.
type Usage struct {
	Since, Until netsuite.Date
	ReadAt       time.Time // when both systems were read
	accounts     map[netsuite.ID]*used
	documents    map[netsuite.ID]map[netsuite.ID]int // document -> account -> lines
	chart        []cin7.Account
	alike        bool // both systems number their accounts after one plan
	past         map[netsuite.ID]Votes
}

type used struct {
	netsuite.Account
	lines  int
	amount decimal.Decimal
}

// ReadUsage reads the posted bills and credits dated from since to until, the
// chart of Cin7, and Cin7's ledger of the same days: one statement of NetSuite
// for each thousand rows, and one call to Cin7 for each thousand rows of its
// ledger. Rows of the payables and of tax are none: both have their own rules.
func ReadUsage(ctx context.Context, ns *netsuite.Client, c7 *cin7.Client, since, until netsuite.Date) (*Usage, error) {
	u := &Usage{Since: since, Until: until, accounts: map[netsuite.ID]*used{}, documents: map[netsuite.ID]map[netsuite.ID]int{}, past: map[netsuite.ID]Votes{}}
	var err error
	if u.chart, err = c7.Accounts(ctx); err != nil {
		return nil, fmt.Errorf("read the chart of accounts of Cin7: %w", err)
	}
	all, err := ns.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the chart of accounts of NetSuite: %w", err)
	}
	u.alike = numberAlike(all, u.chart)
	rows := map[string][]netsuite.ID{} // number and amount -> accounts
	for _, t := range []netsuite.RecordType{netsuite.TypeVendorBill, netsuite.TypeVendorCredit} {
		numbers := map[netsuite.ID]string{}
		for d, err := range ns.DocumentsDated(ctx, t, since, until) {
			if err != nil {
				return nil, fmt.Errorf("read the %ss of NetSuite: %w", t, err)
			}
			if d.Posting && !d.Voided {
				numbers[d.ID] = billNumber(netsuite.Bill{Document: d})
			}
		}
		for p, err := range ns.Postings(ctx, t, since, until) {
			if err != nil {
				return nil, fmt.Errorf("read the ledger rows of the %ss of NetSuite: %w", t, err)
			}
			number, posts := numbers[p.Doc]
			if p.Main || p.Tax || !posts {
				continue
			}
			u.add(p, all[p.Account])
			k := pastKey(number, p.Base)
			if !slices.Contains(rows[k], p.Account) {
				rows[k] = append(rows[k], p.Account)
			}
		}
	}
	return u, u.readPast(ctx, c7, rows)
}

func (u *Usage) add(p netsuite.Posting, a netsuite.Account) {
	x := u.accounts[p.Account]
	if x == nil {
		a.ID = p.Account
		x = &used{Account: a}
		u.accounts[p.Account] = x
	}
	x.lines++
	x.amount = x.amount.Add(p.Base)
	if u.documents[p.Doc] == nil {
		u.documents[p.Doc] = map[netsuite.ID]int{}
	}
	u.documents[p.Doc][p.Account]++
}

func pastKey(number string, amount decimal.Decimal) string {
	return fold(number) + "\x00" + amount.Abs().StringFixed(2)
}

// readPast finds lines of NetSuite in Cin7's ledger, by document number and
// amount: where their accounts were posted to in the past, by whomever. An
// amount that stands on two accounts of a document says nothing.
func (u *Usage) readPast(ctx context.Context, c7 *cin7.Client, rows map[string][]netsuite.ID) error {
	for p, err := range c7.TransactionPages(ctx, cin7.Date(u.Since), cin7.Date(u.Until)) {
		if err != nil {
			return fmt.Errorf("read the ledger of Cin7: %w", err)
		}
		for _, t := range p.Rows {
			// How Cin7 words a reference is not documented (contract cin7 10).
			for _, number := range []string{t.Reference, t.Reference[strings.LastIndex(t.Reference, "/")+1:]} {
				accounts := rows[pastKey(number, t.Amount.Decimal)]
				if len(accounts) != 1 {
					continue
				}
				if u.past[accounts[0]] == nil {
					u.past[accounts[0]] = Votes{}
				}
				u.past[accounts[0]][t.DebitAccountCode]++
				break
			}
		}
	}
	return nil
}

// AccountUse is a NetSuite account in use, and its Cin7 account.
type AccountUse struct {
	ID          netsuite.ID         `json:"netsuite_id"`
	Number      string              `json:"number,omitempty"`
	Name        string              `json:"name"`
	Type        string              `json:"type"`
	Lines       int                 `json:"lines"`
	Amount      decimal.Decimal     `json:"amount"` // base currency, debit positive
	Code        string              `json:"cin7_code,omitempty"`
	Cin7Name    string              `json:"cin7_name,omitempty"`
	How         string              `json:"how,omitempty"` // mapping, code, display name, name; "" unmapped
	Suggestions []AccountSuggestion `json:"suggestions,omitempty"`
}

// Accounts is which accounts are in use, and what a mapping does with them.
type Accounts struct {
	Tenant          string       `json:"tenant"`
	Since           string       `json:"since"`
	Until           string       `json:"until"`
	ReadAt          time.Time    `json:"read_at"` // when both systems were read
	Lines           int          `json:"lines"`
	LinesPost       int          `json:"lines_that_post"` // their account has a Cin7 account
	Documents       int          `json:"documents"`
	DocumentsPost   int          `json:"documents_that_post"` // all their lines do
	Accounts        []AccountUse `json:"accounts"`            // those without a Cin7 account first, then by lines
	MissingAccounts []string     `json:"missing"`             // accounts without one, by lines
}

// Evaluate says what the tenant's mapping does with the accounts in use. It is
// pure: for a rehearsal, give it a tenant with another mapping.
func (u *Usage) Evaluate(t *tenant.Tenant) *Accounts {
	out := &Accounts{Tenant: t.ID, Since: string(u.Since), Until: string(u.Until), ReadAt: u.ReadAt, Accounts: []AccountUse{}, MissingAccounts: []string{}}
	names := map[string]string{}
	for _, c := range u.chart {
		names[c.Code] = c.Name
	}
	posts := map[netsuite.ID]bool{}
	for id, x := range u.accounts {
		a := AccountUse{ID: id, Number: x.Number, Name: x.Name, Type: x.Type, Lines: x.lines, Amount: x.amount}
		a.Code, a.How, posts[id] = matchAccount(x.Account, t.Sync.Mapping.Accounts, u.chart, u.alike)
		a.Cin7Name = names[a.Code]
		if !posts[id] {
			a.Suggestions = suggest(x.Account, u.chart, u.past[id], suggestions)
		}
		out.Lines += x.lines
		if posts[id] {
			out.LinesPost += x.lines
		}
		out.Accounts = append(out.Accounts, a)
	}
	slices.SortFunc(out.Accounts, func(a, b AccountUse) int {
		if posts[a.ID] != posts[b.ID] {
			if posts[b.ID] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID))
	})
	for _, a := range out.Accounts {
		if !posts[a.ID] {
			out.MissingAccounts = append(out.MissingAccounts, accountName(u.accounts[a.ID].Account))
		}
	}
	for _, accounts := range u.documents {
		out.Documents++
		whole := true
		for id := range maps.Keys(accounts) {
			whole = whole && posts[id]
		}
		if whole {
			out.DocumentsPost++
		}
	}
	return out
}

// Sentence is a rehearsal in one sentence.
func (a *Accounts) Sentence() string {
	s := fmt.Sprintf("%d of %d lines, and %d of %d bills and credits, from %s to %s would post", a.LinesPost, a.Lines, a.DocumentsPost, a.Documents, a.Since, a.Until)
	if len(a.MissingAccounts) == 0 {
		return s + "; no account is missing."
	}
	return s + "; missing: " + strings.Join(a.MissingAccounts, ", ") + "."
}

// Block is a mapping to paste under sync.mapping: the best suggestion of each
// account that has none, with its score and reasons as a comment. It is for a
// person to read before it counts.
func (a *Accounts) Block() string {
	var b strings.Builder
	b.WriteString("accounts:\n")
	for _, x := range a.Accounts {
		if x.How != "" {
			continue
		}
		key := x.Number
		if key == "" {
			key = "id:" + x.ID.String()
		}
		if len(x.Suggestions) == 0 {
			fmt.Fprintf(&b, "  # %q: \"\"  # %s: nothing in Cin7 is like it\n", key, oneLine(x.Name))
			continue
		}
		s := x.Suggestions[0]
		fmt.Fprintf(&b, "  %q: %q  # %s -> %s, score %d: %s\n", key, s.Code, oneLine(x.Name), oneLine(s.Name), s.Score, strings.Join(s.Reasons, ", "))
		for _, s := range x.Suggestions[1:] {
			fmt.Fprintf(&b, "  # %q: %q  # or %s, score %d: %s\n", key, s.Code, oneLine(s.Name), s.Score, strings.Join(s.Reasons, ", "))
		}
	}
	return b.String()
}

// Chart are the accounts of Cin7 that a purchase line may carry.
func (u *Usage) Chart() []cin7.Account {
	return slices.DeleteFunc(slices.Clone(u.chart), func(c cin7.Account) bool { return !usable(c) })
}

// oneLine keeps a name from ending a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// DefaultUsage is the period of a rehearsal when nobody names one.
const DefaultUsage = 90 * 24 * time.Hour
