package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
)

// bill is a vendor bill or credit of NetSuite with its ledger rows, on Cin7's
// account codes.
type bill struct {
	queue.Ref
	id             netsuite.ID
	number, vendor string
	date           cin7.Date
	currency       string
	rate           decimal.Decimal
	total          decimal.Decimal // document currency, what it adds to the payables
	posts          bool            // counts in the ledger: approved and not voided
	status         string          // in words, when it does not post
	lines          packed
	unmapped       []string // NetSuite accounts that no Cin7 account was found for
	orders         []netsuite.ID
	docs           []*ledgerDoc // what Cin7 posted for it
}

func (b *bill) credit() bool { return b.Type == string(netsuite.TypeVendorCredit) }

// accounts translates NetSuite accounts into Cin7 codes, each once.
type accounts struct {
	chart   map[netsuite.ID]netsuite.Account
	match   func(netsuite.Account) (code string, ok bool)
	payable string // Cin7 code of the payables
	tax     string // Cin7 code that the purchase tax rule posts to
	codes   map[netsuite.ID]string
	missing map[netsuite.ID]bool
}

// code is the Cin7 account of a ledger row. An account that has none keeps its
// NetSuite name, so that its amounts stay visible.
func (a *accounts) code(p netsuite.Posting) (code string, mapped bool) {
	switch {
	case p.Main:
		return a.payable, true
	case p.Tax && a.tax != "":
		return a.tax, true
	}
	if c, ok := a.codes[p.Account]; ok {
		return c, !a.missing[p.Account]
	}
	acct := a.chart[p.Account]
	c, ok := a.match(acct)
	if !ok {
		c = "NetSuite " + strings.TrimSpace(cmp.Or(acct.Number, "id:"+p.Account.String())+" "+acct.Name)
		a.missing[p.Account] = true
	}
	a.codes[p.Account] = c
	return c, ok
}

// readBills reads the bills and credits of the period with their ledger rows.
func (r *run) readBills(ctx context.Context) error {
	for _, t := range []netsuite.RecordType{netsuite.TypeVendorBill, netsuite.TypeVendorCredit} {
		vendors := map[netsuite.ID]bool{}
		byID := map[netsuite.ID]*bill{}
		names := map[*bill]netsuite.ID{}
		for d, err := range r.in.NetSuite.DocumentsDated(ctx, t, netsuite.Date(r.in.From), netsuite.Date(r.in.To)) {
			if err != nil {
				return fmt.Errorf("read the %ss of NetSuite: %w", t, err)
			}
			b := r.newBill(d)
			byID[b.id] = b
			vendors[d.Vendor] = true
			names[b] = d.Vendor
			r.bills = append(r.bills, b)
		}
		for p, err := range r.in.NetSuite.Postings(ctx, t, netsuite.Date(r.in.From), netsuite.Date(r.in.To)) {
			if err != nil {
				return fmt.Errorf("read the ledger rows of the %ss of NetSuite: %w", t, err)
			}
			if b := byID[p.Doc]; b != nil && b.posts {
				code, mapped := r.accounts.code(p)
				b.lines.add(code, p.Base, p.Amount, 1)
				if !mapped {
					b.unmapped = append(b.unmapped, code)
					r.names[code] = "has no account in Cin7"
				}
				s := r.side(totalKey{code, month(b.date)})
				s.netsuite = s.netsuite.Add(p.Base)
			}
		}
		names2, err := r.vendorNames(ctx, vendors)
		if err != nil {
			return err
		}
		for b, v := range names {
			b.vendor = names2[v]
			b.balance(r.accounts.tax)
		}
	}
	r.say("NetSuite: %d bills and credits from %s to %s", len(r.bills), r.in.From, r.in.To)
	return nil
}

func (r *run) newBill(d netsuite.Document) *bill {
	b := &bill{Ref: queue.Ref{Type: string(d.Type), ID: d.ID.String()}, id: d.ID, number: handlers.BillNumber(netsuite.Bill{Document: d}),
		date: cin7.Date(r.same(string(d.Date))), currency: r.same(d.Currency), rate: d.ExchangeRate, total: d.Total, posts: d.Posting && !d.Voided, vendor: r.same(d.VendorName), lines: packed{in: r.numbers}}
	if b.credit() {
		b.total = b.total.Neg()
	}
	switch {
	case d.Voided:
		b.status = "voided in NetSuite"
	case d.Status == "C":
		b.status = "cancelled in NetSuite"
	case d.Status == "E" || d.Approval == 3:
		b.status = "rejected in NetSuite"
	case !d.Posting:
		b.status = "not approved in NetSuite"
	}
	return b
}

// balance gives the tax account what the lines do not show in document
// currency: SuiteTax keeps its rows elsewhere (contracts/netsuite.md 7).
func (b *bill) balance(tax string) {
	left := decimal.Zero
	for _, a := range b.lines.vector() {
		left = left.Sub(a.doc)
	}
	if !left.IsZero() && len(b.lines.b) > 0 && tax != "" {
		b.lines.add(tax, decimal.Zero, left, 0)
	}
}

// vendorNames are the names by which Cin7 knows the vendors.
func (r *run) vendorNames(ctx context.Context, ids map[netsuite.ID]bool) (map[netsuite.ID]string, error) {
	var list []netsuite.ID
	for id := range ids {
		if _, known := r.vendors[id]; !known {
			list = append(list, id)
		}
	}
	got, err := r.in.NetSuite.Vendors(ctx, list...)
	if err != nil {
		return nil, fmt.Errorf("read %d vendors of NetSuite: %w", len(list), err)
	}
	for id, v := range got {
		r.vendors[id] = v.Name()
	}
	return r.vendors, nil
}
