package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// The classes of a difference, a closed set.
const (
	Waiting           = "waiting"             // not yet due: the service is at it, or waits for something known
	Parked            = "parked"              // parked by the service, with its reason
	Skipped           = "skipped"             // left out on purpose or by rule; a debt that stays on the list
	ReceivedNotBilled = "received_not_billed" // goods came, Cin7 waits for the bill before it takes them
	Timing            = "timing"              // the same document on another date
	Rounding          = "rounding"            // a cent a row at most
	Tax               = "tax"                 // the tax alone differs
	ExchangeRate      = "exchange_rate"       // equal in the document's currency, another rate
	OlderMapping      = "older_mapping"       // posted under an account mapping that has changed since
	EditedInCin7      = "edited_in_cin7"      // was right when it was posted, and was changed or voided there
	OnlyInCin7        = "only_in_cin7"        // NetSuite has no such posting
	OnlyInNetSuite    = "only_in_netsuite"    // Cin7 has no such posting, and nothing says why
	Unexplained       = "unexplained"         // none of the others
)

// Classes lists them in the order of the report: what is known first.
var Classes = [...]string{Waiting, Parked, Skipped, ReceivedNotBilled, Timing, Rounding, OlderMapping, Tax, ExchangeRate,
	EditedInCin7, OnlyInCin7, OnlyInNetSuite, Unexplained}

// NeedsPerson reports whether somebody has to act on a class: it fails the
// tie-out.
func NeedsPerson(class string) bool {
	switch class {
	case Tax, ExchangeRate, EditedInCin7, OnlyInCin7, OnlyInNetSuite, Unexplained:
		return true
	}
	return false
}

// cause is why a part of a difference is there.
type cause struct {
	class, kind string
	text, fix   string
	part        vector
}

// evidence is what is known about a posted document that differs from its
// bill.
type evidence struct {
	ours         bool         // the purchase carries the marker of one of the bill's records
	record       state.Record // what the service says of the bill
	rateNetSuite decimal.Decimal
	rateCin7     decimal.Decimal
	payable, tax string
	postedOn     []string          // account codes that the service posted the bill to
	order        string            // Cin7's order number, for the texts
	names        map[string]string // account code -> its name, for the texts
	foreign      bool
}

// causes says why a bill and its postings differ. diff is NetSuite less Cin7;
// the parts add up to it exactly. It is pure.
func causes(diff vector, e evidence) []cause {
	if diff.zero() {
		return nil
	}
	if diff.zeroDoc() {
		switch {
		case diff.rounded(false):
			return []cause{{Rounding, "base_currency", "the two systems round the rows of a foreign document differently", "", diff}}
		case !e.rateNetSuite.Equal(e.rateCin7):
			return []cause{{ExchangeRate, "rate", fmt.Sprintf("the rate is %s in NetSuite and %s in Cin7", e.rateNetSuite, e.rateCin7),
				"correct the currency rate of the purchase in Cin7, or the rate of the bill in NetSuite", diff}}
		}
		return []cause{{Unexplained, "base_amount", "equal in the document's currency and at the same rate, but not in base currency", "compare the ledger rows of both documents", diff}}
	}
	if c, ok := known(e.record); ok {
		c.part = diff
		return []cause{c}
	}
	if diff.rounded(true) && !moved(diff, e) {
		return []cause{{Rounding, "document", "a cent a row at most", "", diff}}
	}
	tax, rest := taxPart(diff, e)
	var out []cause
	if !tax.zero() {
		if tax.rounded(true) {
			out = append(out, cause{Rounding, "tax", "the tax is rounded differently", "", tax})
		} else {
			out = append(out, cause{Tax, "tax_amount", fmt.Sprintf("the tax differs by %s", money(tax.of(e.tax).doc)), "correct the tax of the document in Cin7, or of the bill in NetSuite", tax})
		}
	}
	if rest.zero() {
		return out
	}
	return append(out, netCause(rest, e))
}

// moved reports whether amounts stand on other accounts, however small.
func moved(diff vector, e evidence) bool {
	for _, a := range diff {
		if a.account != e.payable && a.account != e.tax && !a.doc.IsZero() && diff.of(e.payable).doc.IsZero() {
			return true
		}
	}
	return false
}

// taxPart splits the tax, with its share of the payables, from a difference.
func taxPart(diff vector, e evidence) (tax, rest vector) {
	t := diff.of(e.tax)
	if t.doc.IsZero() || e.tax == e.payable || diff.of(e.payable).doc.IsZero() {
		return nil, diff // no tax, or the amounts only stand on other accounts
	}
	tax.add(e.tax, t.base, t.doc, t.rows)
	tax.add(e.payable, t.base.Neg(), t.doc.Neg(), 0)
	return tax, diff.less(tax)
}

// netCause says why the lines of a bill and its document differ.
func netCause(rest vector, e evidence) cause {
	var more, fewer []string // accounts where Cin7 has more, where it has less
	for _, a := range rest {
		switch {
		case a.account == e.payable || a.doc.IsZero():
		case a.doc.IsNegative():
			more = append(more, a.account)
		default:
			fewer = append(fewer, a.account)
		}
	}
	onPayable := rest.of(e.payable)
	if onPayable.doc.IsZero() {
		text := fmt.Sprintf("posted on %s in Cin7, should be on %s", e.named(more), e.named(fewer))
		old := len(more) > 0 && !slices.ContainsFunc(more, func(a string) bool { return !slices.Contains(e.postedOn, a) })
		switch {
		case old:
			return cause{OlderMapping, "account", text + ": the mapping was changed after it was posted", "nothing, or move the amounts by a journal in Cin7", rest}
		case e.ours:
			return cause{EditedInCin7, "account", text, "put the lines of the invoice in Cin7 back on their accounts", rest}
		}
		return cause{Unexplained, "account", text, "put the lines of the document in Cin7 on the right accounts", rest}
	}
	text := fmt.Sprintf("Cin7's document is %s lower than NetSuite's", money(onPayable.doc.Neg()))
	if onPayable.doc.IsPositive() {
		text = fmt.Sprintf("Cin7's document is %s higher than NetSuite's", money(onPayable.doc))
	}
	if e.ours {
		return cause{EditedInCin7, "amount", text, "undo the document in Cin7 and let the service post it again, or correct it there", rest}
	}
	return cause{Unexplained, "amount", text + "; it was not made by this service", "compare the two documents line by line", rest}
}

// named are accounts with their names.
func (e evidence) named(codes []string) string {
	var out []string
	for _, c := range codes {
		out = append(out, strings.TrimSpace(c+" "+e.names[c]))
	}
	return strings.Join(out, ", ")
}

// known turns what the service says of a record that is not in step into a
// cause.
func known(rec state.Record) (cause, bool) {
	switch s, reason, message := rec.State, rec.Reason, rec.Message; s {
	case queue.Parked:
		return cause{class: Parked, kind: reason, text: message, fix: cmp.Or(rec.Fix, "see the record, then retry it")}, true
	case queue.Waiting:
		return cause{class: Waiting, kind: reason, text: message}, true
	case queue.Pending, queue.Running:
		return cause{class: Waiting, kind: string(s), text: "the service is about to take it up"}, true
	case queue.Skipped:
		return cause{class: Skipped, kind: reason, text: message}, true
	}
	return cause{}, false
}

// classify names every difference of money.
func (r *run) classify() {
	for _, b := range r.bills {
		switch {
		case !b.posts && len(b.docs) == 0:
		case len(b.docs) == 0:
			r.unposted(b)
		default:
			r.compare(b)
		}
	}
	for _, d := range r.docs {
		if d.bill == nil {
			r.stray(d)
		}
	}
}

// compare classes what differs between a bill and the documents posted for it.
func (r *run) compare(b *bill) {
	var posted vector
	for _, d := range b.docs {
		posted.addAll(d.lines.vector())
	}
	e := r.evidenceOf(b)
	for _, d := range b.docs {
		switch {
		case month(d.date) != month(b.date):
			t := r.difference(b, d, cause{class: Timing, kind: "period", text: fmt.Sprintf("dated %s in NetSuite, %s in Cin7", b.date, d.date)})
			r.put(t, month(b.date), d.lines.vector(), month(d.date), d.lines.vector().negated())
		case d.date != b.date:
			r.put(r.difference(b, d, cause{class: Timing, kind: "date", text: fmt.Sprintf("dated %s in NetSuite, %s in Cin7", b.date, d.date)}))
		}
	}
	diff := b.lines.vector().less(posted)
	for _, d := range b.docs {
		if off := r.misposted(d); off != nil {
			r.put(r.difference(b, d, ledgerCause(d, off, e)), month(b.date), off)
			diff = diff.less(off)
		}
	}
	for _, c := range causes(diff, e) {
		r.put(r.difference(b, b.docs[0], c), month(b.date), c.part)
	}
}

func (r *run) evidenceOf(b *bill) evidence {
	rec := r.records[b.Ref]
	e := evidence{record: rec, rateNetSuite: b.rate, payable: r.accounts.payable, tax: r.accounts.tax, names: r.names,
		foreign: !strings.EqualFold(b.currency, r.report.BaseCurrency)}
	if s := rec.Facts[state.FactAccounts]; s != "" {
		e.postedOn = strings.Split(s, ",")
	}
	for _, d := range b.docs {
		if d.owner == b.Ref {
			e.ours = true
		}
		if p := d.purchase; p != nil && p.whole != nil {
			e.order, e.rateCin7 = p.order, p.whole.CurrencyRate.Decimal
			e.ours = e.ours || slices.Contains(b.owners(), p.owner)
		}
	}
	return e
}

// unposted classes a bill that Cin7's ledger has nothing of.
func (r *run) unposted(b *bill) {
	c := r.whyUnposted(b)
	c.part = b.lines.vector()
	if c.part.zero() && NeedsPerson(c.class) {
		return // a bill of nothing has no ledger rows in Cin7
	}
	r.put(r.difference(b, nil, c), month(b.date), c.part)
}

func (r *run) whyUnposted(b *bill) cause {
	t, rec := r.in.Tenant, r.records[b.Ref]
	if t.StartDate != "" && string(b.date) < t.StartDate {
		return cause{class: Skipped, kind: "before_start", text: "dated before " + t.StartDate + ", the day from which on documents are synchronised (sync.start)"}
	}
	if !t.Syncs(b.Type) {
		return cause{class: Skipped, kind: "not_synced", text: strings.ToLower(docType(b.Type)) + "s are not synchronised (sync.types does not name " + b.Type + ")"}
	}
	p, invoice := r.invoiceOf(b)
	if invoice != nil && posted(invoice.Status) && (invoice.InvoiceDate < r.in.From || invoice.InvoiceDate > r.in.To) {
		return cause{class: Timing, kind: "period", text: fmt.Sprintf("dated %s in NetSuite; posted in Cin7 on %s, outside of this period", b.date, invoice.InvoiceDate)}
	}
	j := r.journalOf(b)
	if j != nil && j.Status == cin7.StatusCompleted && (j.EffectiveDate < r.in.From || j.EffectiveDate > r.in.To) {
		return cause{class: Timing, kind: "period", text: fmt.Sprintf("dated %s in NetSuite; journal %s of Cin7 is dated %s, outside of this period", b.date, j.JournalNumber, j.EffectiveDate)}
	}
	if c, ok := known(rec); ok {
		return c
	}
	switch {
	case j != nil && j.Status == cin7.StatusCompleted:
		return cause{class: Unexplained, kind: "no_ledger_rows", text: "journal " + j.JournalNumber + " is completed, the ledger has no rows of it", fix: "open the journal in Cin7 and look at its transactions"}
	case j != nil && j.Status == cin7.StatusVoided:
		return cause{class: EditedInCin7, kind: "voided_in_cin7", text: "journal " + j.JournalNumber + " was voided in Cin7", fix: "cancel the bill in NetSuite too, or enter it in Cin7 again"}
	case j != nil && j.Status == cin7.StatusDraft:
		return cause{class: EditedInCin7, kind: "undone_in_cin7", text: "journal " + j.JournalNumber + " was undone to a draft in Cin7", fix: "complete it again, or retry the record"}
	case p != nil && (p.voided || strings.Contains(p.whole.Status, cin7.StatusVoided)):
		return cause{class: EditedInCin7, kind: "voided_in_cin7", text: "purchase " + p.order + " was voided in Cin7", fix: "cancel the bill in NetSuite too, or enter it in Cin7 again"}
	case invoice != nil && invoice.Status == cin7.StatusVoided:
		return cause{class: EditedInCin7, kind: "voided_in_cin7", text: "the invoice in purchase " + p.order + " was voided in Cin7", fix: "cancel the bill in NetSuite too, or enter it in Cin7 again"}
	case invoice != nil && invoice.Status == cin7.StatusDraft:
		return cause{class: EditedInCin7, kind: "undone_in_cin7", text: "the invoice in purchase " + p.order + " was undone to a draft in Cin7", fix: "authorise it again, or retry the record"}
	case invoice != nil && posted(invoice.Status):
		return cause{class: Unexplained, kind: "no_ledger_rows", text: "the invoice in purchase " + p.order + " is authorised, the ledger has no rows of it", fix: "open the invoice in Cin7 and look at its transactions"}
	case rec.State == queue.Completed:
		return cause{class: EditedInCin7, kind: "removed_in_cin7", text: "it was posted, and Cin7 has nothing of it any more", fix: "find out who removed it, then retry the record"}
	}
	return cause{class: OnlyInNetSuite, kind: "missing", text: "Cin7 has nothing of it, and the service does not know it", fix: "have the service take it up: Try again now on its page of the console, or ml-connector records sync " + t.ID + " " + b.Type + " " + b.ID}
}

// journalOf is the journal that was made for a bill: one that counts, else any.
func (r *run) journalOf(b *bill) *cin7.Journal {
	var found *cin7.Journal
	for i := range r.journals[b.Ref] {
		if j := &r.journals[b.Ref][i]; found == nil || j.Status == cin7.StatusCompleted {
			found = j
		}
	}
	return found
}

func posted(status string) bool { return status == cin7.StatusAuthorised || status == cin7.StatusPaid }

// invoiceOf finds the invoice or credit note of a bill in the purchases that
// were read: in one that is marked for it, by number.
func (r *run) invoiceOf(b *bill) (*purchase, *cin7.Invoice) {
	var found *purchase
	for _, p := range r.suppliersOf(b) {
		if p.whole == nil || !slices.Contains(b.owners(), p.owner) && (p.owner.ID != "" || fold(p.supplier) != fold(b.vendor)) {
			continue
		}
		for i := range p.whole.Invoice {
			if inv := &p.whole.Invoice[i]; !b.credit() && fold(inv.InvoiceNumber) == fold(b.number) {
				return p, inv
			}
		}
		for _, n := range p.whole.CreditNote {
			if b.credit() && fold(n.CreditNoteNumber) == fold(b.number) {
				return p, &cin7.Invoice{TaskID: n.TaskID, InvoiceNumber: n.CreditNoteNumber, InvoiceDate: n.CreditNoteDate, Status: n.Status}
			}
		}
		if slices.Contains(b.owners(), p.owner) && (found == nil || p.voided) {
			found = p
		}
	}
	return found, nil
}

// suppliersOf are the purchases of a bill's vendor, and those that were marked
// for it under another name.
func (r *run) suppliersOf(b *bill) []*purchase {
	out := slices.Clone(r.suppliers[fold(b.vendor)])
	for _, o := range b.owners() {
		if p := r.purchases[strings.ToLower(r.records[o].Links["purchase"])]; p != nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// stray classes a ledger document that no bill of the period was found for.
func (r *run) stray(d *ledgerDoc) {
	c := r.whyStray(d)
	r.put(r.difference(r.elsewhereOf(d), d, c), month(d.date), d.lines.vector().negated())
}

func (r *run) whyStray(d *ledgerDoc) cause {
	if !d.ap {
		kind, text := "manual_journal", "rows of the purchase that no invoice of it has: a manual journal on it or, where Inventory Accrual is on in Cin7, a receipt"
		if d.journal {
			kind, text = "journal", "a journal on an account that bills post to"
		}
		return cause{class: OnlyInCin7, kind: kind, text: text, fix: "enter it in NetSuite too, or reverse it in Cin7"}
	}
	owner := d.owner
	if d.purchase != nil {
		owner = d.purchase.owner
	}
	// A double has a sibling that its bill was found for.
	for _, other := range r.docs {
		if other == d || other.bill == nil || other.credit != d.credit || fold(other.number) != fold(d.number) {
			continue
		}
		o := other.owner
		if other.purchase != nil {
			o = other.purchase.owner
		}
		if fold(other.supplier) == fold(d.supplier) || owner.ID != "" && owner == o {
			return cause{class: OnlyInCin7, kind: "doubled", text: "the same document is posted a second time", fix: "void one of the two in Cin7"}
		}
	}
	b := r.elsewhereOf(d)
	switch {
	case b != nil && b.posts:
		return cause{class: Timing, kind: "period", text: fmt.Sprintf("dated %s in NetSuite, outside of this period; posted in Cin7 on %s", b.date, d.date)}
	case b != nil:
		if c, ok := known(r.records[b.Ref]); ok {
			return c
		}
		return cause{class: OnlyInCin7, kind: "not_posted_in_netsuite", text: "it was " + b.status + ", and is posted in Cin7", fix: "void it in Cin7, or credit it there"}
	case owner.ID != "":
		what := "purchase"
		if d.journal {
			what = "journal"
		}
		return cause{class: OnlyInCin7, kind: "gone_from_netsuite", text: "the " + what + " was made for " + owner.String() + ", but NetSuite has no such bill", fix: "void it in Cin7, or enter the bill in NetSuite"}
	case d.journal:
		return cause{class: OnlyInCin7, kind: "journal", text: "a journal on the payables, which NetSuite does not know", fix: "enter it in NetSuite too, or reverse it in Cin7"}
	}
	return cause{class: OnlyInCin7, kind: "by_hand", text: "it was entered in Cin7 by hand", fix: "enter the bill in NetSuite, or void it in Cin7"}
}
