package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/poller"
	"github.com/ml-connector/ml-connector/tenant"
)

// shrunkTo is how much of what was seen before the role must still see, and
// shrunkFrom from how many records on that says something.
const (
	shrunkTo   = 0.5
	shrunkFrom = 10
)

// shown holds what the role sees against itself and against what was seen
// before: a role that is restricted, to its own records or to a subsidiary,
// gets fewer rows and no error.
func (e Examination) shown(ctx context.Context, f *findings, t *tenant.Tenant, client *netsuite.Client, seen map[string]string) {
	const name, fix = "NetSuite rows", "give the integration role all subsidiaries, departments, classes and locations, no restriction to own records, and the permission "
	docs := map[netsuite.RecordType]int{}
	posted := 0
	for _, scan := range []netsuite.Scan{{Types: []netsuite.RecordType{netsuite.TypeVendor}},
		{Types: []netsuite.RecordType{netsuite.TypePurchaseOrder, netsuite.TypeItemReceipt, netsuite.TypeVendorBill, netsuite.TypeVendorCredit}}} {
		counts, err := client.Counts(ctx, scan)
		if err != nil {
			f.unseen(name, "%v", err)
			return
		}
		for _, c := range counts {
			docs[c.Type] += c.N
			if c.Type == netsuite.TypeVendorBill && (c.Status == "A" || c.Status == "B") { // open, paid in full
				posted += c.N
			}
		}
	}
	all := docs[netsuite.TypePurchaseOrder] + docs[netsuite.TypeItemReceipt] + docs[netsuite.TypeVendorBill] + docs[netsuite.TypeVendorCredit]
	good := true
	fail := func(permission, detail string, args ...any) {
		good = false
		f.fail(name, fix+permission, detail, args...)
	}
	switch {
	case all > 0 && docs[netsuite.TypeVendor] == 0:
		fail("Lists > Vendors", "the role sees %d documents, and not one vendor that they could be of", all)
	case all > 0 && seen["transactionline"] == "0":
		fail("Transactions > Find Transaction", "the role sees %d documents, and not one line of them", all)
	case posted > 0 && seen["transactionaccountingline"] == "0":
		fail("Lists > Accounts", "the role sees %d posted bills, and nothing that they posted", posted)
	}
	for _, typ := range t.Sync.Types {
		known, err := e.Rooms.States.Tenant(t.ID).KnownCount(ctx, typ)
		if err != nil {
			f.unseen(name, "%v", err)
			return
		}
		if n := docs[netsuite.RecordType(typ)]; known >= shrunkFrom && float64(n) < shrunkTo*float64(known) {
			fail("that it lost", "the role sees %d records of type %s, %d were seen before", n, typ, known)
		}
	}
	if good {
		f.ok(name, "%d vendors, %d orders, %d receipts, %d bills, %d credits, with their lines", docs[netsuite.TypeVendor], docs[netsuite.TypePurchaseOrder], docs[netsuite.TypeItemReceipt], docs[netsuite.TypeVendorBill], docs[netsuite.TypeVendorCredit])
	}
}

// columns reads one record of each type that is synced, with every column that
// the service asks for: what is needed and missing is an error, what an
// account may lack is named.
func (e Examination) columns(ctx context.Context, f *findings, t *tenant.Tenant, client *netsuite.Client) {
	good := true
	for _, typ := range t.Sync.Types {
		name := "NetSuite columns of " + typ
		if err := client.Sample(ctx, netsuite.RecordType(typ)); err != nil {
			good = false
			fix := "look at the message: what it names is needed to read records of this type"
			if errors.Is(err, netsuite.ErrHidden) {
				fix = "give the integration role the permission to see what the message names, or turn the feature on that it belongs to (docs/netsuite-setup.md)"
			}
			f.fail(name, fix, "a record cannot be read: %v", err)
		}
	}
	if !good {
		return
	}
	lacking := slices.Sorted(maps.Keys(client.Refused()))
	if len(lacking) == 0 {
		f.ok("NetSuite columns", "all that are asked for, the optional ones too")
		return
	}
	f.ok("NetSuite columns", "all that are needed; the account has no %s, which are left out", strings.Join(lacking, ", "))
}

// zone looks whether the session's time zone is the one that polls knew.
func (e Examination) zone(ctx context.Context, f *findings, t *tenant.Tenant, client *netsuite.Client) {
	const name = "NetSuite time zone"
	s, err := poller.SessionOf(ctx, client, e.Rooms.States.Tenant(t.ID))
	switch {
	case err != nil:
		f.unseen(name, "%v", err)
	case s.Now == "":
		f.unseen(name, "there is no vendor to tell it by")
	case s.Was != "" && s.Was != s.Now:
		f.fail(name, "set the time zone of the integration user once (Home > Set Preferences) and leave it; the next poll reads everything again: ml-connector poll "+t.ID,
			"it changed since the last poll: %s is now shown as %s", s.Was, s.Now)
	case s.Offset == "":
		f.ok(name, "the account does not tell it; times are compared in its own form, which needs no zone")
	default:
		f.ok(name, "UTC%s at %s", s.Offset, s.Now)
	}
}

// currencies are NetSuite's: the codes of all that are active, and of the base
// currency, "" when NetSuite does not say.
type currencies struct {
	base  string
	codes []string
	err   error
}

func currenciesOf(ctx context.Context, client *netsuite.Client) (c currencies) {
	if c.base, c.err = client.BaseCurrency(ctx); c.err != nil {
		return c
	}
	rows, err := client.Query(ctx, "doctor", "SELECT symbol FROM currency WHERE isinactive = 'F'")
	for _, r := range rows {
		c.codes = append(c.codes, r["symbol"])
	}
	c.err = err
	return c
}

// isoCode is how Cin7 spells a currency.
var isoCode = regexp.MustCompile(`^[A-Z]{3}$`)

// compare holds the currencies against Cin7's base currency and the mapping.
func (c currencies) compare(f *findings, t *tenant.Tenant, cin7Base string) {
	const name = "currencies"
	if c.err != nil {
		f.unseen(name, "%v", c.err)
		return
	}
	if c.codes == nil {
		return // NetSuite could not be read, which is told above
	}
	code := func(symbol string) string { return cmp.Or(t.Sync.Mapping.Currencies[symbol], symbol) }
	var odd []string
	for _, s := range c.codes {
		if !isoCode.MatchString(code(s)) {
			odd = append(odd, fmt.Sprintf("%q", s))
		}
	}
	switch {
	case c.base != "" && !strings.EqualFold(code(c.base), cin7Base):
		f.fail(name, "join companies of one base currency; if both mean the same one, map its NetSuite symbol to Cin7's code under sync.mapping.currencies",
			"the base currency is %s in NetSuite and %s in Cin7: no amount in base currency would be the same", code(c.base), cin7Base)
	case len(odd) > 0:
		f.fail(name, "map them to three-letter codes under sync.mapping.currencies, or make them inactive in NetSuite", "NetSuite spells %s in a way that Cin7 does not know", strings.Join(odd, ", "))
	case c.base == "":
		f.unseen(name, "NetSuite does not tell its base currency; Cin7's is %s", cin7Base)
	default:
		f.ok(name, "base currency %s on both sides, %d in NetSuite", cin7Base, len(c.codes))
	}
}
