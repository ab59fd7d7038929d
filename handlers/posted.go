package handlers

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// A posted document is remembered in three ways, so that it can be told who
// made it differ from what is wanted now: by what was sent (Sent), by what
// NetSuite said then, without any mapping (Source), and by what Cin7 keeps of
// it (As). NetSuite unchanged and Cin7 unchanged: then only our own settings
// have changed, and what is posted stays as it is.

// tie is what we remember of a document in a purchase.
type tie struct {
	Tasks    []string          // groups, or the credit note, that it was posted to
	Sent     string            // hash of the wanted document as it was posted
	Source   string            // hash of what NetSuite said of it then: sourceOf
	As       map[string]string // lower-case task -> hash of what was posted there: textOf
	Settings int64             // version of the settings that it was posted under
}

// ties are the memory of a purchase. Without it the plan finds documents by
// content.
type ties map[queue.Ref]tie

func (t tie) has(task string) bool {
	return task != "" && slices.ContainsFunc(t.Tasks, func(s string) bool { return cin7.SameID(s, task) })
}

// after is the memory once an op has taken effect in a task.
func (t tie) after(o op, task string, settings int64) tie {
	if task != "" && o.Journal == nil && !t.has(task) {
		t.Tasks = append(slices.Clone(t.Tasks), task)
	}
	if o.Sent == "" {
		return t
	}
	t.Sent, t.Source, t.Settings = o.Sent, o.Source, settings
	if text := o.text(); text != "" {
		part := strings.ToLower(task)
		if o.Kind == opPostOrder {
			part = orderPart
		}
		t = t.as(part, text)
	}
	return t
}

// orderPart is the part of tie.As that is the order of the purchase: it has no
// task of its own.
const orderPart = "order"

// as notes what was posted as a part of the purchase.
func (t tie) as(part, text string) tie {
	t.As = maps.Clone(t.As)
	if t.As == nil {
		t.As = map[string]string{}
	}
	t.As[part] = text
	return t
}

// text is the hash of what an op posts, "" of one that posts nothing.
func (o op) text() string {
	switch o.Kind {
	case opPostOrder:
		return orderText(o.Order.Lines, o.Order.AdditionalCharges)
	case opAuthoriseInvoice:
		return textOf(o.Invoice.InvoiceNumber, o.Invoice.InvoiceDate, o.Invoice.Lines, o.Invoice.AdditionalCharges)
	case opAuthoriseCredit:
		return textOf(o.Credit.CreditNoteNumber, o.Credit.CreditNoteDate, o.Credit.Lines, o.Credit.AdditionalCharges)
	case opCompleteJournal:
		return journalText(*o.Journal)
	}
	return ""
}

// textOf names an invoice or credit note by what diffInvoice compares. Two
// documents without a difference have the same.
func textOf(number string, date cin7.Date, lines []cin7.Line, charges []cin7.Charge) string {
	var texts []string
	for _, l := range lines {
		texts = append(texts, lineText(l))
	}
	for _, c := range charges {
		texts = append(texts, chargeText(c))
	}
	sort.Strings(texts)
	return hashOf([]any{number, date, texts})
}

// orderText names the lines of an order.
func orderText(lines []cin7.Line, charges []cin7.Charge) string {
	return textOf("", "", lines, charges)
}

func journalText(j cin7.Journal) string {
	return hashOf([]any{j.EffectiveDate, j.Currency, journalLines(j.Lines)})
}

// The names of the facts that keep a tie. They carry the PO (or the lone bill)
// whose purchase it is: a bill may have an invoice in several.
const (
	taskPrefix   = "task:"
	sentPrefix   = "sent:"
	sourcePrefix = "source:"
	asPrefix     = "as:"
)

// tieOf reads a tie from the facts of a record.
func tieOf(facts map[string]string, po string) tie {
	t := tie{Sent: facts[sentPrefix+po], Source: facts[sourcePrefix+po]}
	if s := facts[taskPrefix+po]; s != "" {
		t.Tasks = strings.Split(s, ",")
	}
	for s := range strings.SplitSeq(facts[asPrefix+po], ",") {
		if task, text, ok := strings.Cut(s, "="); ok {
			if t.As == nil {
				t.As = map[string]string{}
			}
			t.As[task] = text
		}
	}
	if n, err := strconv.ParseInt(facts[state.FactSettings], 10, 64); err == nil && t.Sent != "" {
		t.Settings = n
	}
	return t
}

// facts are the facts that keep the tie.
func (t tie) facts(po string) map[string]string {
	var as []string
	for _, task := range slices.Sorted(maps.Keys(t.As)) {
		as = append(as, task+"="+t.As[task])
	}
	out := map[string]string{taskPrefix + po: strings.Join(t.Tasks, ","), sentPrefix + po: t.Sent, sourcePrefix + po: t.Source, asPrefix + po: strings.Join(as, ",")}
	if t.Settings != 0 {
		out[state.FactSettings] = strconv.FormatInt(t.Settings, 10)
	}
	return out
}

// sourceOf names what NetSuite says of a bill or credit that matters to its
// posting (the share of one PO; 0: all of it), before any mapping: neither the
// account's nor the item's names, nor whether it is paid.
func sourceOf(b netsuite.Bill, po netsuite.ID) string {
	first := netsuite.ID(0)
	if pos := b.POs(); len(pos) > 0 {
		first = pos[0]
	}
	in := []any{billNumber(b), b.Date, b.Vendor, b.Currency, b.ExchangeRate, b.Total, b.CreatedFrom}
	for _, l := range b.Lines {
		if l.Amount.IsZero() && l.Quantity.IsZero() {
			continue // a description or a subtotal
		}
		if l.Kind != netsuite.LineTax && !inShare(l, po, first) {
			continue
		}
		in = append(in, []any{l.Kind, l.Item, l.Quantity, l.Units, l.BaseUnits, l.Amount, l.BaseAmount, l.Account.ID})
	}
	return hashOf(in)
}

// sourceOfOrder names what NetSuite says of an order that matters to its lines
// in Cin7, before any mapping.
func sourceOfOrder(po netsuite.PurchaseOrder) string {
	in := []any{po.Currency, po.Total}
	for _, l := range po.Lines {
		if l.Amount.IsZero() && l.Quantity.IsZero() {
			continue // a description or a subtotal
		}
		in = append(in, []any{l.Item, l.Quantity, l.Units, l.BaseUnits, l.Amount, l.Account.ID})
	}
	return hashOf(in)
}

// inShare says whether a line belongs to the invoice of a PO (0: of the whole
// bill): lines that name no PO (freight typed into the bill) go with the first.
func inShare(l netsuite.BillLine, po, first netsuite.ID) bool {
	return po == 0 || l.PO == po || l.PO == 0 && po == first
}

// asPosted says that a document stands in a task of Cin7 as we posted it, and
// that NetSuite says of it what it said then: whatever is wanted otherwise now
// comes from our own settings. text is of what Cin7 shows.
func (b *builder) asPosted(r queue.Ref, task, text string) bool {
	t := b.known[r]
	return t.Source != "" && t.Source == b.want.Sources[r] && t.As[strings.ToLower(task)] == text
}

// stands notes a document that is posted in a task as it is wanted, unless that
// is what we remember of it: the answer of the call that posted it was lost.
// What somebody else entered is not ours to remember.
func (b *builder) stands(o op, task string) {
	if t := b.known[o.For]; t.has(task) && t.As[strings.ToLower(task)] != o.text() {
		o.Task = task
		b.out.Posted = append(b.out.Posted, o)
	}
}

func (b *builder) invoiceAsPosted(r queue.Ref, g *group) bool {
	i := g.invoice
	return posted(i) && b.asPosted(r, g.task, textOf(i.InvoiceNumber, i.InvoiceDate, i.Lines, i.AdditionalCharges))
}

// orderAsPosted says that the order stands in Cin7 as we posted it, and that
// NetSuite says of it what it said then. The order of a bill without one stands
// and falls with the bill.
func (b *builder) orderAsPosted() bool {
	w, o := b.want, b.have.Order
	t := b.known[w.Ref]
	same := w.Source != "" && t.Source == w.Source || w.Alone && b.kept[w.Ref]
	return same && t.As[orderPart] == orderText(o.Lines, o.AdditionalCharges)
}

// keepPosted settles the bills whose invoices all stand as they were posted:
// nothing is due, whatever the mapping, the lock date or another rule would
// say of them today. It says so of those that would be posted otherwise now.
func (b *builder) keepPosted() {
	for r := range b.want.Sources {
		if r.Type == string(netsuite.TypeVendorCredit) {
			b.keepCredit(r)
			continue
		}
		var own []*group
		all := true
		for _, g := range b.groups {
			if b.known[r].has(g.task) && g.invoice.Status != cin7.StatusVoided {
				own = append(own, g)
				all = all && b.invoiceAsPosted(r, g)
			}
		}
		if len(own) == 0 || !all {
			continue
		}
		i := slices.IndexFunc(b.want.Invoices, func(inv wantInvoice) bool { return inv.Ref == r })
		switch {
		case i >= 0 && b.known[r].Sent == sentInvoice(b.want.Invoices[i]):
			continue // as wanted: the ordinary way
		case i >= 0:
			b.older(r, b.diffAll(b.want.Invoices[i], own))
		case b.out.Verdicts[r] != nil:
			p, parked := asProblem(b.out.Verdicts[r])
			if !parked {
				continue
			}
			b.older(r, p.Message)
		}
		for _, g := range own {
			g.billed = r
		}
		b.kept[r] = true
		b.hold(r, nil)
	}
}

// keepCredit is keepPosted for a credit that something of today would stop.
func (b *builder) keepCredit(r queue.Ref) {
	p, parked := asProblem(b.out.Verdicts[r])
	if !parked {
		return
	}
	for i := range b.have.CreditNote {
		if n := &b.have.CreditNote[i]; n.Status == cin7.StatusAuthorised && b.known[r].has(n.TaskID) && b.creditAsPosted(r, n) {
			b.older(r, p.Message)
			b.hold(r, nil)
		}
	}
}

// diffAll says how a wanted invoice differs from what several groups hold of it.
func (b *builder) diffAll(inv wantInvoice, own []*group) string {
	whole := own[0].invoice
	for _, g := range own[1:] {
		whole.Lines = slices.Concat(whole.Lines, g.invoice.Lines)
		whole.AdditionalCharges = slices.Concat(whole.AdditionalCharges, g.invoice.AdditionalCharges)
	}
	return diffInvoice(inv, whole)
}

// older notes that a document stays posted although it would be posted
// otherwise now. why says how, or what would stop it.
func (b *builder) older(r queue.Ref, why string) {
	if b.out.Older == nil {
		b.out.Older = map[queue.Ref]string{}
	}
	b.out.Older[r] = olderText(b.known[r], why)
}

func olderText(t tie, why string) string {
	text := "posted under an older version of the settings, and left as it is"
	if t.Settings != 0 {
		text = fmt.Sprintf("posted under version %d of the settings, and left as it is", t.Settings)
	}
	if why != "" {
		text += "; today: " + why
	}
	return text
}

// anew says under which version of the settings a document that was posted
// before goes now, "" when it is the same one.
func (r rules) anew(t tie) string {
	if t.Settings == 0 || t.Settings == r.Settings || r.Settings == 0 {
		return ""
	}
	return fmt.Sprintf(" (posted under version %d of the settings, anew under version %d)", t.Settings, r.Settings)
}

// postingAccount is an account of NetSuite and the code of Cin7 that its lines
// go to.
type postingAccount struct {
	netsuite.Account
	code string
}

// withAccount adds an account, each once.
func withAccount(list []postingAccount, a netsuite.Account, code string) []postingAccount {
	if code == "" || slices.ContainsFunc(list, func(x postingAccount) bool { return x.ID == a.ID && x.code == code }) {
		return list
	}
	return append(list, postingAccount{a, code})
}

// accountCodes are the codes, each once, in the form of state.FactAccounts.
func accountCodes(list []postingAccount) string {
	var out []string
	for _, a := range list {
		if !slices.Contains(out, a.code) {
			out = append(out, a.code)
		}
	}
	return strings.Join(out, ",")
}

// accountPairs are the accounts in the form of state.FactPosted.
func accountPairs(list []postingAccount) string {
	var out []string
	for _, a := range list {
		out = append(out, a.ID.String()+"/"+a.Number+"="+a.code)
	}
	return strings.Join(out, ",")
}
