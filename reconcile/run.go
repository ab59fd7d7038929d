package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Input is what a tie-out works with.
type Input struct {
	Tenant   *tenant.Tenant
	NetSuite *netsuite.Client
	Cin7     *cin7.Client
	// Records is what the service knows of the records: it names the reason of
	// a difference and where to look first, nothing else. May be nil.
	Records  *state.Records
	From, To cin7.Date // both included
	// Deep reads every purchase that the period touches, one call each, and so
	// sees what the lists do not show: single quantities of orders that both
	// systems call received, accounts in document currency.
	Deep bool
	Now  func() time.Time              // default time.Now
	Say  func(format string, a ...any) // told how far it is; may be nil
}

// MaxDays is the longest period of one tie-out.
const MaxDays = 366

// CheckPeriod says what is wrong with a period; nil when nothing is. One that
// begins in the future is: nothing is posted there that could be compared.
// Elsewhere it may be tomorrow already.
func CheckPeriod(from, to cin7.Date, now time.Time) error {
	a, err := time.Parse(time.DateOnly, string(from))
	if err != nil {
		return fmt.Errorf("from %.40q: want a date, YYYY-MM-DD", string(from))
	}
	b, err := time.Parse(time.DateOnly, string(to))
	if err != nil {
		return fmt.Errorf("to %.40q: want a date, YYYY-MM-DD", string(to))
	}
	switch {
	case b.Before(a):
		return fmt.Errorf("the period from %s to %s ends before it begins: exchange the two", from, to)
	case b.Sub(a) >= MaxDays*24*time.Hour:
		return fmt.Errorf("the period from %s to %s is longer than %d days: reconcile it in parts", from, to, MaxDays)
	case a.After(now.UTC().AddDate(0, 0, 1)):
		return fmt.Errorf("the period from %s to %s begins in the future, today is %s: give a period that has begun", from, to, now.UTC().Format(time.DateOnly))
	}
	return nil
}

// run is one tie-out under way.
type run struct {
	in        Input
	accounts  accounts
	numbers   *accountNumbers
	texts     map[string]string // see same
	used      map[string]bool   // Cin7 codes that NetSuite's bills post to
	banks     map[string]bool   // Cin7 codes of bank accounts
	taxRules  map[string]string
	names     map[string]string // Cin7 code -> name
	vendors   map[netsuite.ID]string
	bills     []*bill
	byRef     map[queue.Ref]*bill    // of the period
	purchases map[string]*purchase   // lower-case GUID
	orders    map[string]*purchase   // order number
	suppliers map[string][]*purchase // folded name
	docs      []*ledgerDoc
	journals  map[queue.Ref][]cin7.Journal // that were made for a bill or credit, of any date; nil: not read
	elsewhere map[queue.Ref]*bill          // bills outside the period, or without postings, that Cin7 has
	records   map[queue.Ref]state.Record
	leftOut   map[string]LeftOut
	totals    map[totalKey]*side
	report    *Report

	purchasePages iter.Seq2[cin7.Page[cin7.PurchaseRow], error]
	ledgerPages   iter.Seq2[cin7.Page[cin7.Transaction], error]
	stops         []func()
}

type totalKey struct{ account, period string }

type side struct{ netsuite, cin7 decimal.Decimal }

func (r *run) side(k totalKey) *side {
	s := r.totals[k]
	if s == nil {
		s = &side{}
		r.totals[k] = s
	}
	return s
}

// month is the accounting period of a date, YYYY-MM.
func month(d cin7.Date) string { return string(d[:min(len(d), 7)]) }

func (r *run) say(format string, a ...any) {
	if r.in.Say != nil {
		r.in.Say(format, a...)
	}
}

// same is one copy of a text that many documents carry: a name, a date, a
// currency.
func (r *run) same(s string) string {
	if t, ok := r.texts[s]; ok {
		return t
	}
	s = strings.Clone(s)
	r.texts[s] = s
	return s
}

func isNotFound(err error) bool { return errors.Is(err, cin7.ErrNotFound) }

// Run ties the books out. It reads and never writes. An error means that the
// tie-out could not be made; differences are no error.
func Run(ctx context.Context, in Input) (*Report, error) {
	if in.Now == nil {
		in.Now = time.Now
	}
	if err := CheckPeriod(in.From, in.To, in.Now()); err != nil {
		return nil, err
	}
	r := &run{in: in, numbers: newAccountNumbers(), texts: map[string]string{}, used: map[string]bool{}, banks: map[string]bool{}, taxRules: map[string]string{}, names: map[string]string{},
		vendors: map[netsuite.ID]string{}, purchases: map[string]*purchase{}, orders: map[string]*purchase{}, suppliers: map[string][]*purchase{},
		byRef: map[queue.Ref]*bill{}, elsewhere: map[queue.Ref]*bill{}, records: map[queue.Ref]state.Record{}, leftOut: map[string]LeftOut{}, totals: map[totalKey]*side{},
		report: &Report{Schema: Schema, Tenant: in.Tenant.ID, Name: in.Tenant.Name, From: in.From, To: in.To, MadeAt: in.Now().UTC().Truncate(time.Second)}}
	defer func() {
		for _, stop := range r.stops {
			stop()
		}
	}()
	for _, step := range []func(context.Context) error{r.readLists, r.announce, r.readBills, r.readPurchases, r.readLedger, r.readJournals} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	open := r.pair()
	if in.Deep {
		for _, d := range r.docs {
			if d.purchase != nil {
				if err := r.look(ctx, d.purchase); err != nil {
					return nil, err
				}
			}
		}
		open = r.openAgain(open)
	}
	if err := r.inspect(ctx, open); err != nil {
		return nil, err
	}
	r.classify()
	if err := r.goods(ctx); err != nil {
		return nil, err
	}
	r.finish()
	if err := r.report.Check(); err != nil {
		return nil, err
	}
	return r.report, nil
}

// readLists reads what both systems know by name.
func (r *run) readLists(ctx context.Context) error {
	me, err := r.in.Cin7.Me(ctx)
	if err != nil {
		return fmt.Errorf("read the Cin7 account: %w", err)
	}
	chart, err := r.in.Cin7.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read the chart of accounts of Cin7: %w", err)
	}
	rules, err := r.in.Cin7.TaxRules(ctx)
	if err != nil {
		return fmt.Errorf("read the tax rules of Cin7: %w", err)
	}
	r.report.Calls.Lists += 3
	r.report.Company, r.report.BaseCurrency = me.Company, me.Currency
	base, err := r.in.NetSuite.BaseCurrency(ctx)
	if err != nil {
		return fmt.Errorf("read the base currency of NetSuite: %w", err)
	}
	if base != "" && !strings.EqualFold(base, me.Currency) {
		return fmt.Errorf("the base currency of NetSuite is %s, of Cin7 %s: amounts in base currency cannot be compared", base, me.Currency)
	}
	payable, ok := handlers.PayableAccount(chart)
	if !ok {
		return errors.New("Cin7's chart of accounts marks no account as Accounts payable: without it the books cannot be compared")
	}
	all, err := r.in.NetSuite.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read the chart of accounts of NetSuite: %w", err)
	}
	alike := handlers.NumberAlike(all, chart)
	r.accounts = accounts{payable: payable, chart: all, codes: map[netsuite.ID]string{}, missing: map[netsuite.ID]bool{},
		match: func(a netsuite.Account) (string, bool) {
			code, _, ok := handlers.MatchAccount(r.in.Tenant, a, chart, alike)
			return code, ok
		}}
	for _, t := range rules {
		r.taxRules[fold(t.Name)] = t.Account
	}
	for _, a := range chart {
		r.names[a.Code] = a.Name
		if strings.EqualFold(a.Type, "BANK") {
			r.banks[a.Code] = true
		}
		if a.SystemAccountCode == "GST" && r.accounts.tax == "" {
			r.accounts.tax = a.Code
		}
	}
	rule := cmp.Or(r.in.Tenant.Sync.Mapping.Tax["*"], r.in.Tenant.Sync.TaxRule)
	if a := r.taxRules[fold(rule)]; a != "" {
		r.accounts.tax = a
	}
	// What bills may post to: journals on these accounts are ours to compare.
	for _, a := range r.accounts.chart {
		if code, ok := r.accounts.match(a); ok {
			r.used[code] = true
		}
	}
	return nil
}

// know reads what the service remembers of records.
func (r *run) know(ctx context.Context, refs ...queue.Ref) error {
	if r.in.Records == nil {
		return nil
	}
	var missing []queue.Ref
	for _, k := range refs {
		if _, ok := r.records[k]; !ok && k.ID != "" {
			missing = append(missing, k)
		}
	}
	for part := range slices.Chunk(missing, 500) {
		recs, err := r.in.Records.Get(ctx, part...)
		if err != nil {
			return fmt.Errorf("read %d records: %w", len(part), err)
		}
		for _, rec := range recs {
			r.records[rec.Ref] = rec
		}
	}
	return nil
}
