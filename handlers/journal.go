package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// slotJournal is the link of a bill or credit without an order to its journal.
const slotJournal = "journal"

// wantJournal is the journal of a bill or credit without an order.
type wantJournal struct {
	Ref      queue.Ref
	Number   string // of the bill or credit
	Body     cin7.Journal
	Accounts []postingAccount
	Source   string // what NetSuite says, before any mapping: sourceOf
	Dead     bool   // must not be in the ledger
}

// journalOf turns a bill, or a credit, into a journal: each line moves its
// amount from the payables to its account, a credit's the other way. Every
// line balances by itself, and the sum is what is owed, in both currencies.
func journalOf(t *tenant.Tenant, refs *reference, d netsuite.Bill, vendor string) (wantJournal, error) {
	r := ref(d.Type, d.ID)
	w := wantJournal{Ref: r, Number: billNumber(d), Source: sourceOf(d, 0)}
	if err := billState(d); err != nil {
		w.Dead = errors.Is(err, errDead)
		if w.Dead {
			err = nil
		}
		return w, err
	}
	credit := d.Type == netsuite.TypeVendorCredit
	if credit {
		d = asBill(d)
	}
	if i := slices.IndexFunc(d.Lines, func(l netsuite.BillLine) bool { return l.Kind == netsuite.LineItem }); i >= 0 {
		return w, problem(ParkCin7Refused, "set sync.standalone_bills to purchase, or enter the goods in Cin7 by hand and skip this record",
			"bill %s has item %s but no purchase order: a journal brings no goods into stock", billNumber(d), d.Lines[i].SKU)
	}
	if _, p := addUp(t, refs, "", d); p != nil {
		return w, p
	}
	date, p := openDate(t, refs, cin7.Date(d.Date), "bill "+billNumber(d))
	if p != nil {
		return w, p
	}
	payable, ok := refs.payable()
	if !ok {
		return w, problem(ParkUnmappedAccount, "flag the accounts payable account as a system account in Cin7", "bill %s: Cin7's chart has no system account for accounts payable", billNumber(d))
	}
	lines := slices.DeleteFunc(slices.Clone(d.Lines), func(l netsuite.BillLine) bool { return l.Amount.IsZero() })
	codes, ps := lineAccounts(t, refs, d, lines)
	if p := joinProblems(ps); p != nil {
		return w, p
	}
	amounts := make([]decimal.Decimal, len(lines))
	for i, l := range lines {
		amounts[i] = l.Amount
	}
	amounts = inCents(amounts)
	base := baseAmounts(d, lines, amounts)
	w.Body = cin7.Journal{
		Status: cin7.StatusDraft, Currency: d.Currency, CurrencyConversionRate: cin7.NewNumber(d.ExchangeRate), EffectiveDate: date,
		Narration: "NetSuite " + word(d.Type) + " " + billNumber(d) + " of " + vendor, Notes: marker(t.NetSuite.AccountID, r),
	}
	for i, l := range lines {
		j := cin7.JournalLine{Debit: codes[l.ID], Credit: payable.Code, Reference: fmt.Sprintf("NS line %d", l.Number),
			Amount: cin7.NewNumber(amounts[i].Abs()), BaseAmount: cin7.NewNumber(base[i].Abs())}
		if amounts[i].IsNegative() != credit {
			j.Debit, j.Credit = j.Credit, j.Debit
		}
		w.Body.Lines = append(w.Body.Lines, j)
		w.Accounts = withAccount(w.Accounts, l.Account, codes[l.ID])
	}
	return w, nil
}

func word(t netsuite.RecordType) string {
	if t == netsuite.TypeVendorCredit {
		return "credit"
	}
	return "bill"
}

// baseAmounts are what the lines post in base currency: what NetSuite's ledger
// says, else each converted, with what rounding leaves over on the largest.
func baseAmounts(d netsuite.Bill, lines []netsuite.BillLine, amounts []decimal.Decimal) []decimal.Decimal {
	out := make([]decimal.Decimal, len(lines))
	if !ledger(d) {
		left, largest := d.Total.Mul(d.ExchangeRate).Round(2), 0
		for i, a := range amounts {
			out[i] = a.Mul(d.ExchangeRate).Round(2)
			left = left.Sub(out[i])
			if a.Abs().GreaterThan(amounts[largest].Abs()) {
				largest = i
			}
		}
		if len(out) > 0 {
			out[largest] = out[largest].Add(left)
		}
		return out
	}
	for i, l := range lines {
		out[i] = l.BaseAmount
	}
	return out
}

// planJournal compares the journals that carry a document's marker with the
// one that is wanted: drafted, read back, completed.
func planJournal(r rules, w wantJournal, have []cin7.Journal, t tie) outlook {
	out := outlook{Verdicts: map[queue.Ref]error{w.Ref: nil}}
	add := func(kind, task, why string, body *cin7.Journal) {
		out.Ops = append(out.Ops, op{Kind: kind, For: w.Ref, Task: task, Why: why, Journal: body, Sent: hashOf(w.Body), Source: w.Source})
	}
	switch {
	case len(have) > 1:
		out.Verdicts[w.Ref] = problem(ParkTwoCandidates, "void all but one of them in Cin7, then retry this record",
			"%s: Cin7 has %d journals marked for it (%s)", w.Ref, len(have), have[0].JournalNumber+", "+have[1].JournalNumber)
		return out
	case len(have) == 0 && w.Dead:
		return out
	case len(have) == 0:
		body := w.Body
		add(opDraftJournal, "", "Cin7 has no journal for "+w.Number, &body)
		return out
	}
	j := have[0]
	out.Stage = "ORDER"
	done := j.Status == cin7.StatusCompleted
	if done {
		out.Stage = "DONE"
	}
	diff := diffJournal(w.Body, j)
	same := t.Source != "" && t.Source == w.Source
	locked := done && r.Lock != "" && j.EffectiveDate <= r.Lock
	switch {
	case done && !w.Dead && diff == "":
		// What was completed by a call whose answer was lost is remembered now.
		body := w.Body
		o := op{Kind: opCompleteJournal, For: w.Ref, Task: j.TaskID, Journal: &body, Sent: hashOf(w.Body), Source: w.Source}
		if t.As[strings.ToLower(j.TaskID)] != o.text() {
			out.Posted = append(out.Posted, o)
		}
	case done && !w.Dead && same && t.Sent != hashOf(w.Body) && t.As[strings.ToLower(j.TaskID)] == journalText(j):
		// Only our settings have changed: what is posted stays.
		out.Older = map[queue.Ref]string{w.Ref: olderText(t, diff)}
	case done && !w.Dead && t.Sent != "" && (t.Sent == hashOf(w.Body) || same):
		out.Verdicts[w.Ref] = problem(ParkEditedInCin7, "bring the journal back in Cin7, then retry this record", "journal %s of %s was edited in Cin7: %s", j.JournalNumber, w.Number, diff)
	case done && !r.Repost && w.Dead:
		out.Verdicts[w.Ref] = problem(ParkVoidedAfterPost, "void the journal in Cin7, then retry this record", "%s was cancelled, rejected, voided or deleted in NetSuite, journal %s is posted", w.Number, j.JournalNumber)
	case done && !w.Dead && (!r.Repost || t.Sent == "" || t.Source == ""):
		out.Verdicts[w.Ref] = problem(ParkBillChanged, "undo the journal in Cin7 and retry this record", "%s and the posted journal %s differ: %s", w.Number, j.JournalNumber, diff)
	case locked:
		out.Verdicts[w.Ref] = problem(ParkPeriodLocked, "move the lock date in Cin7, then retry this record", "journal %s is dated %s; Cin7 is locked up to and including %s", j.JournalNumber, j.EffectiveDate, r.Lock)
	case w.Dead:
		add(opVoidJournal, j.TaskID, w.Number+" was cancelled, rejected, voided or deleted in NetSuite", nil)
	case done:
		add(opUndoJournal, j.TaskID, w.Number+" changed after it was posted: "+diff+r.anew(t), nil)
	case diff != "":
		body := w.Body
		body.TaskID = j.TaskID
		add(opReplaceJournal, j.TaskID, "the draft journal of "+w.Number+" differs: "+diff, &body)
	default:
		body := w.Body
		body.TaskID, body.Status = j.TaskID, cin7.StatusCompleted
		add(opCompleteJournal, j.TaskID, "the draft journal of "+w.Number+" reads back as planned", &body)
	}
	return out
}

// diffJournal says in words how a journal differs from the wanted one.
func diffJournal(w, have cin7.Journal) string {
	var out []string
	note := func(what, want, have string) {
		if want != have {
			out = append(out, fmt.Sprintf("%s is %s, should be %s", what, have, want))
		}
	}
	note("the date", string(w.EffectiveDate), string(have.EffectiveDate))
	note("the currency", w.Currency, have.Currency)
	note("the lines", journalLines(w.Lines), journalLines(have.Lines))
	return strings.Join(out, "; ")
}

// journalLines are the lines of a journal in words, in an order of their own.
func journalLines(lines []cin7.JournalLine) string {
	var all []string
	for _, l := range lines {
		all = append(all, fmt.Sprintf("%s from %s to %s (base %s)", l.Amount.StringFixed(2), l.Credit, l.Debit, l.BaseAmount.StringFixed(2)))
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// sendJournal makes the call of a journal's op.
func sendJournal(ctx context.Context, c *cin7.Client, o op) (j cin7.Journal, err error) {
	switch o.Kind {
	case opDraftJournal:
		return c.CreateJournal(ctx, *o.Journal)
	case opReplaceJournal, opCompleteJournal:
		return c.UpdateJournal(ctx, *o.Journal)
	case opUndoJournal, opVoidJournal:
		return cin7.Journal{TaskID: o.Task}, c.DeleteJournal(ctx, o.Task, o.Kind == opVoidJournal)
	}
	return cin7.Journal{}, fmt.Errorf("plan for %s: unknown operation %q", o.For, o.Kind)
}

// journalsOf reads the journals that carry a marker; voided ones are history.
func journalsOf(ctx context.Context, c *cin7.Client, account string, r queue.Ref) ([]cin7.Journal, error) {
	found, err := c.Journals(ctx, marker(account, r))
	return slices.DeleteFunc(found, func(j cin7.Journal) bool { return j.Status == cin7.StatusVoided || !marked(j.Notes, account, r) }), err
}

// serveJournals serves a bill without an order, and the credits that name it,
// by journals.
func (u *unit) serveJournals(ctx context.Context, s sources) error {
	rules := u.t.Sync
	rules.Mode = "" // it decides whether, not what
	hash := hashOf([]any{s.stable(), rules})
	u.inputs = hash
	if rec := u.records[u.owner]; rec.Intent == nil && rec.Facts[state.FactHash] == hash {
		return u.unchanged(ctx)
	}
	u.journals = map[queue.Ref]string{}
	verdicts, stage := map[queue.Ref]error{}, ""
	for _, d := range slices.Concat(s.Bills, s.Credits) {
		out, err := u.journal(ctx, d, s.Vendor.Name())
		if stopsLane(err) || err != nil && onlyLane(err) != nil {
			return err
		}
		r := ref(d.Type, d.ID)
		if verdicts[r] = err; err == nil {
			verdicts[r] = out.Verdicts[r]
		}
		if r == u.owner {
			stage = out.Stage
		}
		if verdicts[r] != nil {
			hash = ""
		}
	}
	if u.rehearsal != nil {
		return u.settleRehearsed(ctx, nil, outlook{Verdicts: verdicts, Stage: stage}, nil)
	}
	return u.settleAll(ctx, func(r queue.Ref) error { return verdicts[r] }, nil, stage, hash)
}

// journal brings the journal of one document in line.
func (u *unit) journal(ctx context.Context, d netsuite.Bill, vendor string) (outlook, error) {
	r, account := ref(d.Type, d.ID), u.t.NetSuite.AccountID
	var have []cin7.Journal
	fresh := false
	reread := func(ctx context.Context) (err error) {
		have, err = journalsOf(ctx, u.c7, account, r)
		fresh = err == nil
		return u.classify(err)
	}
	if in := u.records[r].Intent; in != nil {
		err := u.settle(ctx, r, *in, slotJournal, func(ctx context.Context) (string, error) {
			if err := reread(ctx); err != nil || len(have) == 0 {
				return "", err
			}
			return have[0].TaskID, nil
		})
		if err != nil {
			return outlook{}, err
		}
	}
	refs, err := u.references(ctx)
	if err != nil {
		return outlook{}, err
	}
	w, err := journalOf(u.t, refs, d, vendor)
	if more, lerr := u.lookAgain(ctx, missing(nil, err)); lerr != nil {
		return outlook{}, lerr
	} else if more {
		w, err = journalOf(u.t, u.s.refs, d, vendor)
	}
	if err != nil {
		return outlook{}, err
	}
	if err := reread(ctx); err != nil {
		return outlook{}, err
	}
	if u.rehearsal != nil {
		u.rehearsal.source(r, hashOf(sources{Bills: []netsuite.Bill{d}}.stable()), journalsHash(have))
	} else {
		if t := u.ties()[r]; t.Source == "" || t.Sent == hashOf(w.Body) {
			u.facts[r][state.FactAccounts], u.facts[r][state.FactPosted] = accountCodes(w.Accounts), accountPairs(w.Accounts)
		}
	}
	out, err := converge(ctx, site{
		owner:  r,
		plan:   func() outlook { return planJournal(u.rules(), w, have, u.ties()[r]) },
		there:  func() bool { return len(have) > 0 },
		fresh:  func() bool { return fresh },
		reread: reread,
		alone:  func(context.Context) (bool, error) { return false, nil }, // two are told by the plan
		do: func(ctx context.Context, o op) error {
			if u.rehearsal != nil {
				have, err = u.rehearseJournal(have, o)
				return err
			}
			if u.script != nil {
				if err := u.permit(o); err != nil {
					return err
				}
			}
			fresh = false
			u.step(r, "planned", o.Why)
			in := state.Intent{Slot: slotJournal, Op: o.Kind, Marker: marker(account, r)}
			err := u.write(ctx, r, in, o, func(ctx context.Context) error {
				j, err := sendJournal(ctx, u.c7, o)
				u.at(o.Kind, stepAnswered)
				if err != nil || o.Kind != opDraftJournal {
					return err
				}
				if u.script != nil {
					u.script.names[strings.ToLower(j.TaskID)] = newJournalID(r)
				}
				return u.link(ctx, r, slotJournal, j.TaskID, map[string]string{state.FactCin7Number: j.JournalNumber})
			})
			if err != nil {
				return err
			}
			number := o.Task
			if len(have) > 0 {
				number = have[0].JournalNumber
			}
			u.step(r, "done", deed(o, number))
			if o.Kind == opCompleteJournal {
				if err := u.tie(context.WithoutCancel(ctx), r, o, o.Task); err != nil {
					return err
				}
				u.facts[r][state.FactAccounts], u.facts[r][state.FactPosted] = accountCodes(w.Accounts), accountPairs(w.Accounts)
			}
			return reread(ctx)
		},
	})
	if len(have) > 0 {
		u.journals[r] = have[0].JournalNumber
	}
	if err := u.recall(ctx, out.Posted); err != nil {
		return outlook{}, err
	}
	if text := out.Older[r]; text != "" {
		if u.older == nil {
			u.older = map[queue.Ref]string{}
		}
		u.older[r] = text
	}
	return out, err
}
