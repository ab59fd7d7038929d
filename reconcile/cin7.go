package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// purchase is a row of Cin7's purchase list, and the whole of it once it was
// read.
type purchase struct {
	id, order, supplier string
	receiving, currency string
	invoiced            decimal.Decimal // document currency, all its invoices
	voided              bool
	paired              bool // a ledger document of it belongs to a bill
	whole               *cin7.Purchase
	owner               queue.Ref // whom its marker names; zero without
	looked              bool
	docs                []*ledgerDoc
}

// ledgerDoc is what Cin7's ledger holds of one document.
type ledgerDoc struct {
	task, reference, text string // text: of one whose supplier is not known
	journal               bool
	credit                bool // debits the payables
	ap                    bool // touches the payables
	date                  cin7.Date
	number, supplier      string
	purchase              *purchase
	owner                 queue.Ref // of a journal: whom its notes name
	lines                 packed
	bill                  *bill
}

// payments are rows that settle payables against a bank account: out of scope.
const (
	leftPayments = "payments"
	leftOther    = "other documents"
)

// announce asks for the first page of both long lists and says what the whole
// will cost, before anything else is read. The pages are read on later.
func (r *run) announce(ctx context.Context) error {
	var counts [2]int
	var err error
	if r.purchasePages, counts[0], err = started(r, whole(r.in.Cin7.PurchasePages(ctx))); err != nil {
		return fmt.Errorf("read the purchases of Cin7: %w", err)
	}
	if r.ledgerPages, counts[1], err = started(r, whole(r.in.Cin7.TransactionPages(ctx, r.in.From, r.in.To))); err != nil {
		return fmt.Errorf("read the ledger of Cin7: %w", err)
	}
	calls := r.report.Calls.Lists + 1 // and perhaps one for journals
	for _, n := range counts {
		calls += max(1, (n+999)/1000)
	}
	minutes := ""
	if rate := r.in.Tenant.Cin7.CallsPerMinute; calls > rate && rate > 0 {
		minutes = fmt.Sprintf(", about %d minutes at %d a minute", (calls+rate-1)/rate, rate)
	}
	r.say("Cin7: %d purchases, %d ledger rows: %d calls%s; one more for each purchase that differs", counts[0], counts[1], calls, minutes)
	return nil
}

// errMoved says that a list cannot be read in one piece.
var errMoved = errors.New("rows left the list while it was read")

// whole ends a list with an error where Cin7 gave fewer rows than it counts,
// or counts fewer than before: a row that was taken out while the list was
// read moves the others to an earlier page, and one is never seen. What is
// missing could be the very difference that the tie-out is for.
func whole[T any](all iter.Seq2[cin7.Page[T], error]) iter.Seq2[cin7.Page[T], error] {
	return func(yield func(cin7.Page[T], error) bool) {
		var seen, most, total int
		for p, err := range all {
			if err == nil {
				seen, most, total = p.Seen, max(most, p.Total), p.Total
				if total >= 0 && total < most {
					err = fmt.Errorf("%w: it had %d, and has %d now; try again when less goes on in Cin7", errMoved, most, total)
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
		if seen < total {
			yield(cin7.Page[T]{}, fmt.Errorf("the list ended after %d of %d rows", seen, total))
		}
	}
}

// started reads the first page of a list and gives it back in front of the
// others, with the number of rows that the whole list has.
func started[T any](r *run, all iter.Seq2[cin7.Page[T], error]) (iter.Seq2[cin7.Page[T], error], int, error) {
	next, stop := iter.Pull2(all)
	r.stops = append(r.stops, stop)
	first, err, ok := next()
	if !ok || err != nil {
		return nil, 0, err
	}
	return func(yield func(cin7.Page[T], error) bool) {
		for ok := true; ok; {
			if !yield(first, err) {
				return
			}
			first, err, ok = next()
		}
	}, max(first.Total, len(first.Rows)), nil
}

// readPurchases reads Cin7's purchase list, by page.
func (r *run) readPurchases(ctx context.Context) error {
	for p, err := range r.purchasePages {
		if err != nil {
			return fmt.Errorf("read the purchases of Cin7: %w", err)
		}
		r.report.Calls.Lists++
		for _, row := range p.Rows {
			x := &purchase{id: row.ID, order: row.OrderNumber, supplier: r.same(row.Supplier), receiving: r.same(row.CombinedReceivingStatus),
				currency: r.same(row.SupplierCurrency), invoiced: row.InvoiceAmount.Decimal, voided: strings.Contains(strings.ToUpper(row.Status), cin7.StatusVoided)}
			if x.currency == "" {
				x.currency = r.report.BaseCurrency
			}
			r.purchases[strings.ToLower(row.ID)] = x
			r.orders[row.OrderNumber] = x
			k := fold(row.Supplier)
			r.suppliers[k] = append(r.suppliers[k], x)
		}
	}
	return nil
}

// ledgerTries is how often the ledger is read when rows leave it meanwhile:
// each undone sale of the company takes some out.
const ledgerTries = 3

// readLedger reads Cin7's ledger of the period, by page, and folds its rows to
// documents.
func (r *run) readLedger(ctx context.Context) error {
	var got ledger
	var err error
	pages := r.ledgerPages
	for try := 1; ; try++ {
		got, err = r.foldLedger(pages)
		if !errors.Is(err, errMoved) || try == ledgerTries {
			break
		}
		r.say("Cin7's ledger was changed while it was read; it is read anew")
		pages = whole(r.in.Cin7.TransactionPages(ctx, r.in.From, r.in.To))
	}
	if err != nil {
		return fmt.Errorf("read the ledger of Cin7: %w", err)
	}
	r.docs, r.leftOut = got.docs, got.leftOut
	for k, amount := range got.totals {
		r.side(k).cin7 = r.side(k).cin7.Add(amount)
	}
	for _, d := range r.docs {
		p := d.lines.of(r.accounts.payable)
		d.ap, d.credit = !p.base.IsZero(), p.base.IsPositive()
		r.identify(d)
	}
	return nil
}

// ledger is Cin7's ledger, folded.
type ledger struct {
	docs    []*ledgerDoc
	totals  map[totalKey]decimal.Decimal
	leftOut map[string]LeftOut
}

func (r *run) foldLedger(pages iter.Seq2[cin7.Page[cin7.Transaction], error]) (ledger, error) {
	out := ledger{totals: map[totalKey]decimal.Decimal{}, leftOut: map[string]LeftOut{}}
	type document struct {
		task, reference, text string
		date                  cin7.Date
	}
	docs := map[document]*ledgerDoc{}
	for p, err := range pages {
		if err != nil {
			return ledger{}, err
		}
		r.report.Calls.Lists++
		for _, t := range p.Rows {
			if why := r.outOfScope(t); why != "" {
				out.leftOut[why] = out.leftOut[why].plus(t.Amount.Decimal)
				continue
			}
			key := document{strings.ToLower(t.TaskID), t.Reference, t.Transaction, t.EffectiveDate}
			d := docs[key]
			if d == nil {
				d = &ledgerDoc{task: t.TaskID, reference: t.Reference, text: t.Transaction, date: cin7.Date(r.same(string(t.EffectiveDate))), lines: packed{in: r.numbers},
					journal: strings.Contains(strings.ToLower(t.Type), "journal")}
				docs[key] = d
				out.docs = append(out.docs, d)
			}
			v := d.lines.vector()
			v.add(t.DebitAccountCode, t.Amount.Decimal, decimal.Zero, 1)
			v.add(t.CreditAccountCode, t.Amount.Neg(), decimal.Zero, 1)
			d.lines = r.numbers.pack(v)
			debit, credit := totalKey{t.DebitAccountCode, month(t.EffectiveDate)}, totalKey{t.CreditAccountCode, month(t.EffectiveDate)}
			out.totals[debit] = out.totals[debit].Add(t.Amount.Decimal)
			out.totals[credit] = out.totals[credit].Sub(t.Amount.Decimal)
		}
	}
	return out, nil
}

// outOfScope says why a ledger row is no part of this tie-out, "" when it is:
// rows on the payables that are no payment, rows of purchases, and journals on
// accounts that NetSuite's bills post to.
func (r *run) outOfScope(t cin7.Transaction) string {
	kind := strings.ToLower(t.Type)
	onPayables := t.DebitAccountCode == r.accounts.payable || t.CreditAccountCode == r.accounts.payable
	bank := r.banks[t.DebitAccountCode] || r.banks[t.CreditAccountCode]
	switch {
	case onPayables && bank:
		return leftPayments
	case onPayables:
		return ""
	case bank:
		return leftOther
	case strings.Contains(kind, "purchase"):
		return ""
	case strings.Contains(kind, "journal") && (r.used[t.DebitAccountCode] || r.used[t.CreditAccountCode]):
		return ""
	}
	return leftOther
}

// identify finds the purchase and the number of a ledger document. Cin7's
// documentation does not say what Reference and Transaction hold (contracts/cin7-core.md
// 10), so several readings are tried: the purchase by TaskID, else by an order
// number before a slash; the number after that slash, else after the supplier's
// name.
func (r *run) identify(d *ledgerDoc) {
	order, rest, cut := strings.Cut(d.reference, "/")
	d.purchase = r.purchases[strings.ToLower(d.task)]
	if d.purchase == nil && cut {
		d.purchase = r.orders[order]
	}
	if d.purchase == nil {
		d.purchase = r.orders[d.reference]
	}
	if d.purchase != nil {
		d.supplier = d.purchase.supplier
		d.purchase.docs = append(d.purchase.docs, d)
	}
	switch {
	case !d.ap:
		d.number = d.reference // a journal
	case d.purchase != nil && cut && order == d.purchase.order:
		d.number = rest
	case d.supplier != "" && strings.HasPrefix(d.text, d.supplier+" - "):
		d.number = strings.TrimPrefix(d.text, d.supplier+" - ")
	default:
		d.number = d.reference
	}
	if d.supplier != "" {
		d.text = ""
	}
}

var markerForm = regexp.MustCompile(`(?:^|\s)NS:([a-z]+):([0-9]+)@([A-Za-z0-9_-]+)(?:\s|$)`)

// owner is the record that a text is marked for, in this NetSuite account.
func (r *run) ownerOf(text string) queue.Ref {
	m := markerForm.FindStringSubmatch(text)
	if m == nil || !strings.EqualFold(m[3], r.in.Tenant.NetSuite.AccountID) {
		return queue.Ref{}
	}
	return queue.Ref{Type: m[1], ID: m[2]}
}

// readJournals finds out which journals were made for bills; only when the
// ledger has journals at all.
func (r *run) readJournals(ctx context.Context) error {
	open := map[string][]*ledgerDoc{}
	for _, d := range r.docs {
		if d.journal && d.purchase == nil {
			k := strings.ToLower(d.task)
			open[k] = append(open[k], d)
		}
	}
	if len(open) == 0 {
		return nil
	}
	if err := r.listJournals(ctx); err != nil {
		return err
	}
	for owner, list := range r.journals {
		for _, j := range list {
			for _, d := range open[strings.ToLower(j.TaskID)] {
				d.owner = owner
			}
		}
	}
	return nil
}

// listJournals reads the journals that are marked for a bill or credit,
// whatever their date and state: one call for a thousand, once.
func (r *run) listJournals(ctx context.Context) error {
	if r.journals != nil {
		return nil
	}
	rows, err := r.in.Cin7.Journals(ctx, "NS:vendor")
	if err != nil {
		return fmt.Errorf("read the journals of Cin7: %w", err)
	}
	r.report.Calls.Lists += max(1, (len(rows)+999)/1000)
	r.journals = map[queue.Ref][]cin7.Journal{}
	for _, j := range rows {
		if owner := r.ownerOf(j.Notes + "\n" + j.Narration); owner.ID != "" {
			r.journals[owner] = append(r.journals[owner], j)
		}
	}
	return nil
}

// look reads a purchase whole: one call.
func (r *run) look(ctx context.Context, p *purchase) error {
	if p.looked {
		return nil
	}
	p.looked = true
	r.report.Calls.Documents++
	whole, err := r.in.Cin7.Purchase(ctx, p.id)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read purchase %s of Cin7: %w", p.order, err)
	}
	p.whole, p.owner = &whole, r.ownerOf(whole.Note)
	for _, d := range p.docs {
		r.inDocument(d)
	}
	return nil
}

// inDocument fills in what a ledger document is in its own currency, from the
// invoice or credit note it was posted from.
func (r *run) inDocument(d *ledgerDoc) {
	if !d.foreign(r.report.BaseCurrency) {
		return
	}
	v := d.lines.vector()
	for i := range v {
		v[i].doc = decimal.Zero
	}
	if says := r.documentsOf(d); len(says) > 0 {
		for _, a := range says[0] {
			v.add(a.account, decimal.Zero, a.doc, 0)
		}
	}
	d.lines = r.numbers.pack(v)
}

// sameTask: a ledger row's TaskID is that of the group or of the purchase
// (contracts/cin7-core.md 10); either is accepted.
func sameTask(d *ledgerDoc, task string, p *cin7.Purchase) bool {
	return cin7.SameID(d.task, task) || cin7.SameID(d.task, p.ID)
}

// foreign reports whether the document is in another currency than the books.
func (d *ledgerDoc) foreign(base string) bool {
	return d.purchase != nil && !strings.EqualFold(d.purchase.currency, base)
}

// taxAccount is the account that a tax rule posts to.
func (r *run) taxAccount(rule string) string {
	if a, ok := r.taxRules[fold(rule)]; ok && a != "" {
		return a
	}
	return r.accounts.tax
}

// fold is how names are compared: white space as one blank, case folded.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
