package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/state"
)

// Schema names the form of Report as JSON. Fields may be added; none changes
// its meaning without a new name.
const Schema = "ml-connector.reconciliation/1"

// Report is a tie-out. Amounts are in base currency unless they say otherwise;
// by account debit is positive, by document a bill is positive and a credit
// negative.
type Report struct {
	Schema       string    `json:"schema"`
	Tenant       string    `json:"tenant"`
	Name         string    `json:"name"`
	Company      string    `json:"company"` // as Cin7 calls it
	From         cin7.Date `json:"-"`
	To           cin7.Date `json:"-"`
	Period       Period    `json:"period"`
	MadeAt       time.Time `json:"made_at"`
	BaseCurrency string    `json:"base_currency"`

	Standing    string          `json:"standing"`    // in_step, held or apart
	OK          bool            `json:"ok"`          // no difference needs a person; parked documents may still wait for a decision
	NeedPerson  int             `json:"need_person"` // differences that do
	Parked      ParkedTotal     `json:"parked"`      // documents that wait for a decision in the service
	Unexplained decimal.Decimal `json:"unexplained"` // their absolute amounts by account, without the payables side
	Totals      Sides           `json:"totals"`      // what the documents add to the payables
	Classes     []ClassTotal    `json:"classes"`     // every class that occurs
	Accounts    []Row           `json:"accounts"`    // by Cin7 account, debit positive
	Periods     []Row           `json:"periods"`     // by month
	Vendors     []Row           `json:"vendors"`     // those that differ first
	Currencies  []Row           `json:"currencies"`  // by document currency, in that currency
	Goods       GoodsTotal      `json:"goods"`       // quantities received
	Differences []Difference    `json:"differences"` // those that need a person first
	Documents   []Document      `json:"documents"`   // everything that was compared
	LeftOut     []LeftOut       `json:"left_out"`    // ledger rows of Cin7 that are no part of it
	Calls       Calls           `json:"cin7_calls"`

	perAccountPeriod map[totalKey]*side
}

// Period is both ends of the tie-out, included.
type Period struct {
	From string `json:"from"` // YYYY-MM-DD
	To   string `json:"to"`
}

// Sides is an amount in both systems.
type Sides struct {
	NetSuite   decimal.Decimal `json:"netsuite"`
	Cin7       decimal.Decimal `json:"cin7"`
	Difference decimal.Decimal `json:"difference"` // NetSuite less Cin7, and the sum of the classes
}

// ParkedTotal is what waits for somebody's decision.
type ParkedTotal struct {
	Documents int             `json:"documents"`
	Reasons   map[string]int  `json:"reasons"` // reason of the service, as docs/parked.md has it -> documents
	Worth     decimal.Decimal `json:"worth"`   // their absolute amounts on the payables; goods carry none
}

// Row is a total of one account, month, vendor or currency.
type Row struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
	Sides
	Classes map[string]decimal.Decimal `json:"classes,omitempty"` // class -> its part of the difference
}

// ClassTotal is what a class comes to.
type ClassTotal struct {
	Class       string          `json:"class"`
	NeedsPerson bool            `json:"needs_person"`
	Differences int             `json:"differences"`
	Amount      decimal.Decimal `json:"amount"`   // net, on the payables
	Moved       decimal.Decimal `json:"moved"`    // absolute amounts by account, without the payables
	Quantity    decimal.Decimal `json:"quantity"` // of goods
}

// Difference is one reason why one document is not the same in both systems.
type Difference struct {
	Class       string          `json:"class"`
	Kind        string          `json:"kind"`
	NeedsPerson bool            `json:"needs_person"`
	Type        string          `json:"type"`
	ID          string          `json:"netsuite_id,omitempty"`
	Number      string          `json:"number"`
	Vendor      string          `json:"vendor"`
	Date        cin7.Date       `json:"-"`
	Cin7Date    cin7.Date       `json:"-"`
	Dated       Dated           `json:"dated"`
	Cin7Order   string          `json:"cin7_order,omitempty"`
	Cin7Task    string          `json:"cin7_task,omitempty"`
	Currency    string          `json:"currency"`
	Base        decimal.Decimal `json:"base"`     // on the payables
	Document    decimal.Decimal `json:"document"` // the same in the document's currency
	Text        string          `json:"text"`
	Fix         string          `json:"fix,omitempty"`
	Lines       []Line          `json:"lines"`
	Goods       *Goods          `json:"goods,omitempty"`
}

// Dated is the date of a document in both systems.
type Dated struct {
	NetSuite string `json:"netsuite,omitempty"` // YYYY-MM-DD
	Cin7     string `json:"cin7,omitempty"`
}

// Line is a difference on one account in one month, debit positive.
type Line struct {
	Account  string          `json:"account"`
	Name     string          `json:"name,omitempty"`
	Period   string          `json:"period"`
	Base     decimal.Decimal `json:"base"`
	Document decimal.Decimal `json:"document"`
}

// Document is a bill or credit as both systems have it.
type Document struct {
	Type      string          `json:"type"`
	ID        string          `json:"netsuite_id,omitempty"`
	Number    string          `json:"number"`
	Vendor    string          `json:"vendor"`
	Dated     Dated           `json:"dated"`
	Cin7Order string          `json:"cin7_order,omitempty"`
	Currency  string          `json:"currency"`
	NetSuite  decimal.Decimal `json:"netsuite"`
	Cin7      decimal.Decimal `json:"cin7"`
	Result    string          `json:"result"` // equal, or its classes
}

// LeftOut counts rows of Cin7's ledger that are no part of the tie-out.
type LeftOut struct {
	What   string          `json:"what"`
	Rows   int             `json:"rows"`
	Amount decimal.Decimal `json:"amount"`
}

func (l LeftOut) plus(a decimal.Decimal) LeftOut {
	l.Rows++
	l.Amount = l.Amount.Add(a)
	return l
}

// Calls are the requests to Cin7 that the tie-out took.
type Calls struct {
	Lists     int `json:"lists"`     // pages of lists: they grow with the books
	Documents int `json:"documents"` // single purchases: they grow with the differences
}

// MinorUnits is Unexplained in hundredths of the base currency, at least 1
// while a difference needs a person: missing goods carry no amount.
func (p *Report) MinorUnits() int64 {
	n := p.Unexplained.Shift(2).Ceil().IntPart()
	if p.NeedPerson > 0 {
		n = max(n, 1)
	}
	return n
}

// Figures are what is kept of the report for the metric and the console.
func (p *Report) Figures() state.TieOutFigures {
	return state.TieOutFigures{Unexplained: p.MinorUnits(), Parked: int64(p.Parked.Documents), Worth: p.Parked.Worth.Shift(2).Round(0).IntPart(), Currency: p.BaseCurrency}
}

func money(d decimal.Decimal) string { return d.StringFixed(2) }

// difference starts a Difference of a bill and a ledger document, of which one
// may be missing.
func (r *run) difference(b *bill, d *ledgerDoc, c cause) Difference {
	x := Difference{Class: c.class, Kind: c.kind, NeedsPerson: NeedsPerson(c.class), Text: c.text, Fix: c.fix, Currency: r.report.BaseCurrency}
	if d != nil {
		x.Type, x.Number, x.Vendor, x.Cin7Date, x.Cin7Task = "ledger", d.number, cmp.Or(d.supplier, d.text), d.date, d.task
		switch {
		case d.journal:
			x.Type = "journal"
		case d.ap && d.credit:
			x.Type = "vendorcredit"
		case d.ap:
			x.Type = "vendorbill"
		}
		if d.purchase != nil {
			x.Cin7Order, x.Currency = d.purchase.order, d.purchase.currency
		}
	}
	if b != nil {
		x.Type, x.ID, x.Number, x.Vendor, x.Date, x.Currency = b.Type, b.ID, b.number, b.vendor, b.date, b.currency
		if d == nil {
			if p, _ := r.invoiceOf(b); p != nil {
				x.Cin7Order = p.order
			}
		}
	}
	x.Dated = Dated{string(x.Date), string(x.Cin7Date)}
	return x
}

// put adds a difference with its amounts: pairs of a month and a vector.
func (r *run) put(x Difference, parts ...any) {
	for i := 0; i+1 < len(parts); i += 2 {
		period, _ := parts[i].(string)
		v, _ := parts[i+1].(vector)
		for _, a := range v {
			if a.account == r.accounts.payable {
				x.Base, x.Document = x.Base.Sub(a.base), x.Document.Sub(a.doc)
			}
			if !a.base.IsZero() || !a.doc.IsZero() {
				x.Lines = append(x.Lines, Line{a.account, r.names[a.account], period, a.base, a.doc})
			}
		}
	}
	if x.Lines == nil {
		x.Lines = []Line{}
	}
	r.report.Differences = append(r.report.Differences, x)
}

// finish adds everything up.
func (r *run) finish() {
	p := r.report
	p.Period = Period{string(p.From), string(p.To)}
	// Empty lists, not null, for whoever reads the JSON.
	p.Classes, p.LeftOut, p.Documents = []ClassTotal{}, []LeftOut{}, []Document{}
	if p.Differences == nil {
		p.Differences = []Difference{}
	}
	p.perAccountPeriod = r.totals
	slices.SortStableFunc(p.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(cmp.Or(a.Date, a.Cin7Date), cmp.Or(b.Date, b.Cin7Date)), cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID))
	})
	byAccount, byPeriod, byVendor, byCurrency := rows{}, rows{}, rows{}, rows{}
	for k, s := range r.totals {
		byAccount.at(k.account, r.names[k.account]).add(s.netsuite, s.cin7)
		if k.account == r.accounts.payable {
			byPeriod.at(k.period, "").add(s.netsuite.Neg(), s.cin7.Neg())
			p.Totals.NetSuite = p.Totals.NetSuite.Sub(s.netsuite)
			p.Totals.Cin7 = p.Totals.Cin7.Sub(s.cin7)
		}
	}
	p.Totals.Difference = p.Totals.NetSuite.Sub(p.Totals.Cin7)
	results := map[any][]string{}
	for _, b := range r.bills {
		v := b.lines.of(r.accounts.payable)
		byVendor.at(fold(b.vendor), b.vendor).add(v.base.Neg(), decimal.Zero)
		byCurrency.at(b.currency, "").add(v.doc.Neg(), decimal.Zero)
	}
	for _, d := range r.docs {
		v, name, currency := d.lines.of(r.accounts.payable), cmp.Or(d.supplier, d.text), p.BaseCurrency
		if d.purchase != nil {
			currency = d.purchase.currency
		}
		b := d.bill
		if b == nil {
			b = r.elsewhereOf(d)
		}
		if b != nil {
			name, currency = b.vendor, b.currency
		}
		if d.ap {
			byVendor.at(fold(name), name).add(decimal.Zero, v.base.Neg())
			byCurrency.at(currency, "").add(decimal.Zero, v.doc.Neg())
		}
	}
	classes, parked := map[string]*ClassTotal{}, map[string]bool{}
	p.Parked.Reasons = map[string]int{}
	for _, x := range p.Differences {
		c := classes[x.Class]
		if c == nil {
			c = &ClassTotal{Class: x.Class, NeedsPerson: NeedsPerson(x.Class)}
			classes[x.Class] = c
		}
		c.Differences++
		c.Amount = c.Amount.Add(x.Base)
		if x.Goods != nil {
			c.Quantity = c.Quantity.Add(x.Goods.Difference)
		}
		if x.NeedsPerson {
			p.NeedPerson++
		}
		if x.Class == Parked {
			if k := x.Type + "/" + x.ID + "/" + x.Number + "/" + x.Cin7Task; !parked[k] {
				parked[k] = true
				p.Parked.Reasons[x.Kind]++
			}
			p.Parked.Worth = p.Parked.Worth.Add(x.Base.Abs())
		}
		ap := decimal.Zero
		for _, l := range x.Lines {
			byAccount.at(l.Account, l.Name).class(x.Class, l.Base)
			if l.Account == r.accounts.payable {
				byPeriod.at(l.Period, "").class(x.Class, l.Base.Neg())
				ap = ap.Add(l.Base)
				continue
			}
			c.Moved = c.Moved.Add(l.Base.Abs())
			if x.NeedsPerson {
				p.Unexplained = p.Unexplained.Add(l.Base.Abs())
			}
		}
		if !ap.IsZero() {
			byVendor.at(fold(x.Vendor), x.Vendor).class(x.Class, ap.Neg())
		}
		if !x.Document.IsZero() {
			byCurrency.at(x.Currency, "").class(x.Class, x.Document)
		}
		results[x.Type+"/"+x.ID+"/"+x.Number+"/"+fold(x.Vendor)] = append(results[x.Type+"/"+x.ID+"/"+x.Number+"/"+fold(x.Vendor)], x.Class)
	}
	for _, name := range Classes {
		if c := classes[name]; c != nil {
			p.Classes = append(p.Classes, *c)
		}
	}
	p.OK, p.Parked.Documents = p.NeedPerson == 0, len(parked)
	p.Standing = Standing(int64(p.NeedPerson), int64(p.Parked.Documents))
	p.Accounts, p.Periods, p.Currencies, p.Vendors = byAccount.sorted(), byPeriod.sorted(), byCurrency.sorted(), byVendor.sorted()
	slices.SortStableFunc(p.Vendors, func(a, b Row) int { return cmp.Compare(len(b.Classes), len(a.Classes)) })
	for i := range p.Vendors {
		p.Vendors[i].Key, p.Vendors[i].Name = p.Vendors[i].Name, ""
	}
	r.documents(results)
	for _, what := range slices.Sorted(maps.Keys(r.leftOut)) {
		l := r.leftOut[what]
		l.What = what
		p.LeftOut = append(p.LeftOut, l)
	}
}

// rank orders differences: those that need a person first.
func rank(x Difference) int {
	n := slices.Index(Classes[:], x.Class)
	if x.NeedsPerson {
		return n - len(Classes)
	}
	return n
}

// documents lists everything that was compared.
func (r *run) documents(results map[any][]string) {
	result := func(typ, id, number, vendor string) string {
		list := slices.Compact(slices.Sorted(slices.Values(results[typ+"/"+id+"/"+number+"/"+fold(vendor)])))
		if len(list) == 0 {
			return "equal"
		}
		return strings.Join(list, ", ")
	}
	strays := 0
	for _, d := range r.docs {
		if d.bill == nil {
			strays++
		}
	}
	r.report.Documents = make([]Document, 0, len(r.bills)+strays)
	for _, b := range r.bills {
		if !b.posts && len(b.docs) == 0 {
			continue
		}
		x := Document{Type: b.Type, ID: b.ID, Number: b.number, Vendor: b.vendor, Currency: b.currency, NetSuite: b.lines.of(r.accounts.payable).base.Neg(),
			Dated: Dated{NetSuite: string(b.date)}, Result: result(b.Type, b.ID, b.number, b.vendor)}
		for _, d := range b.docs {
			x.Cin7 = x.Cin7.Sub(d.lines.of(r.accounts.payable).base)
			x.Dated.Cin7 = string(d.date)
			if d.purchase != nil {
				x.Cin7Order = d.purchase.order
			}
		}
		if x.Cin7.Equal(x.NetSuite) {
			x.Cin7 = x.NetSuite // one copy of the number
		}
		r.report.Documents = append(r.report.Documents, x)
	}
	for _, d := range r.docs {
		if d.bill != nil {
			continue
		}
		y := r.difference(r.elsewhereOf(d), d, cause{})
		r.report.Documents = append(r.report.Documents, Document{Type: y.Type, ID: y.ID, Number: y.Number, Vendor: y.Vendor, Currency: y.Currency,
			Dated: y.Dated, Cin7Order: y.Cin7Order, Cin7: d.lines.of(r.accounts.payable).base.Neg(), Result: result(y.Type, y.ID, y.Number, y.Vendor)})
	}
	slices.SortStableFunc(r.report.Documents, func(a, b Document) int {
		return cmp.Or(cmp.Compare(fold(a.Vendor), fold(b.Vendor)), cmp.Compare(cmp.Or(a.Dated.NetSuite, a.Dated.Cin7), cmp.Or(b.Dated.NetSuite, b.Dated.Cin7)), cmp.Compare(a.Number, b.Number))
	})
}

// rows collects totals by a key.
type rows map[string]*Row

func (m rows) at(key, name string) *Row {
	if m[key] == nil {
		m[key] = &Row{Key: key, Name: name}
	}
	return m[key]
}

func (r *Row) add(ns, c7 decimal.Decimal) {
	r.NetSuite, r.Cin7 = r.NetSuite.Add(ns), r.Cin7.Add(c7)
	r.Difference = r.NetSuite.Sub(r.Cin7)
}

func (r *Row) class(name string, a decimal.Decimal) {
	if a.IsZero() {
		return
	}
	if r.Classes == nil {
		r.Classes = map[string]decimal.Decimal{}
	}
	r.Classes[name] = r.Classes[name].Add(a)
}

func (m rows) sorted() []Row {
	out := []Row{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, *m[k])
	}
	return out
}

// Check holds the arithmetic of the report: by account and month, and by every
// row that it shows, the classes add up to the difference of the two systems,
// exactly. The sides of an account come from the raw rows of both systems, not
// from what was paired.
func (p *Report) Check() error {
	var wrong []string
	sums := map[totalKey]decimal.Decimal{}
	for _, x := range p.Differences {
		for _, l := range x.Lines {
			k := totalKey{l.Account, l.Period}
			sums[k] = sums[k].Add(l.Base)
		}
	}
	for k, s := range p.perAccountPeriod {
		if d := s.netsuite.Sub(s.cin7); !d.Equal(sums[k]) {
			wrong = append(wrong, fmt.Sprintf("account %s in %s differs by %s, the classes say %s", k.account, k.period, d, sums[k]))
		}
		delete(sums, k)
	}
	for k, v := range sums {
		if !v.IsZero() {
			wrong = append(wrong, fmt.Sprintf("the classes say %s on account %s in %s, where no system has a row", v, k.account, k.period))
		}
	}
	for what, list := range map[string][]Row{"account": p.Accounts, "month": p.Periods, "vendor": p.Vendors, "currency": p.Currencies} {
		for _, row := range list {
			sum := decimal.Zero
			for _, a := range row.Classes {
				sum = sum.Add(a)
			}
			if !sum.Equal(row.Difference) {
				wrong = append(wrong, fmt.Sprintf("%s %s differs by %s, the classes say %s", what, cmp.Or(row.Name, row.Key), row.Difference, sum))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return errors.New("the tie-out does not add up, which is a mistake of this program: " + strings.Join(wrong, "; "))
}
