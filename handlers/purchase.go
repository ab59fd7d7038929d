package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// slotPurchase is the link of a PO, or of a bill without one, to its purchase.
const slotPurchase = "purchase"

// taskFact is the fact of a bill or receipt that says which group of the
// purchase (of PO po) it was posted to.
func taskFact(po string) string { return taskPrefix + po }

const taskPrefix = "task:"

// purchaseUnit serves a PO with all its documents.
func (t *turn) purchaseUnit(ctx context.Context, b *work, id netsuite.ID) error {
	po, ok := b.read.pos[id]
	rec, gone := b.gone[ref(netsuite.TypePurchaseOrder, id)]
	if gone {
		po = netsuite.PurchaseOrder{Document: goneDocument(rec)}
	} else if !ok {
		return nil // leftover speaks for it
	}
	s := sources{PO: po, Vendor: b.read.vendors[po.Vendor]}
	for _, l := range b.links[id] {
		switch l.Type {
		case netsuite.TypeVendorBill:
			if d, ok := b.read.bills[l.Doc]; ok {
				s.Bills = append(s.Bills, d)
			}
		case netsuite.TypeItemReceipt:
			if d, ok := b.read.receipts[l.Doc]; ok {
				s.Receipts = append(s.Receipts, d)
			}
		case netsuite.TypeVendorCredit:
			if d, ok := b.read.credits[l.Doc]; ok {
				s.Credits = append(s.Credits, d)
			}
		}
	}
	u := newUnit(t, b, ref(netsuite.TypePurchaseOrder, id), po.CreatedAt)
	if gone {
		u.knowGone(u.owner)
	} else {
		u.know(po.Document, netsuite.TypePurchaseOrder, po.TranID)
	}
	for _, d := range s.Bills {
		u.know(d.Document, netsuite.TypeVendorBill, billNumber(d))
	}
	for _, d := range s.Receipts {
		u.know(d.Document, netsuite.TypeItemReceipt, d.TranID)
	}
	for _, d := range s.Credits {
		u.know(d.Document, netsuite.TypeVendorCredit, d.TranID)
	}
	u.withGone(id, &s)
	if start := t.t.StartDate; start != "" && string(po.Date) < start && !gone {
		return u.skip(ctx, "before_start", fmt.Sprintf("order %s is dated %s, before sync.start %s", po.TranID, po.Date, start))
	}
	if out, err := u.leaveOut(ctx, &s); out || err != nil {
		return err
	}
	return u.serve(ctx, s.Vendor, s.stable(), func(refs *reference, supplier string) (*want, error) {
		return wantPurchase(t.t, refs, supplier, s)
	}, s)
}

// billUnit serves a bill without a PO.
func (t *turn) billUnit(ctx context.Context, b *work, id netsuite.ID) error {
	bill, ok := b.read.bills[id]
	rec, gone := b.gone[ref(netsuite.TypeVendorBill, id)]
	if gone {
		bill = netsuite.Bill{Document: goneDocument(rec)}
	} else if !ok {
		return nil // leftover speaks for it
	}
	u := newUnit(t, b, ref(netsuite.TypeVendorBill, id), bill.CreatedAt)
	if gone {
		u.knowGone(u.owner)
	} else {
		u.know(bill.Document, netsuite.TypeVendorBill, billNumber(bill))
	}
	if start := t.t.StartDate; start != "" && string(bill.Date) < start && !gone {
		return u.skip(ctx, "before_start", fmt.Sprintf("bill %s is dated %s, before sync.start %s", billNumber(bill), bill.Date, start))
	}
	s := sources{Bills: []netsuite.Bill{bill}, Vendor: b.read.vendors[bill.Vendor]}
	for _, c := range b.aloneCredits[id] {
		if d, ok := b.read.credits[c]; ok {
			s.Credits = append(s.Credits, d)
			u.know(d.Document, netsuite.TypeVendorCredit, billNumber(d))
		}
	}
	u.withGone(id, &s)
	if t.t.Sync.StandaloneBills == tenant.StandaloneSkip {
		return u.skip(ctx, "standalone_bill", "bill "+billNumber(bill)+" has no purchase order, and sync.standalone_bills is skip")
	}
	if out, err := u.leaveOut(ctx, &s); out || err != nil {
		return err
	}
	if t.t.Sync.StandaloneBills == tenant.StandaloneJournal {
		return u.serveJournals(ctx, s)
	}
	return u.serve(ctx, s.Vendor, s.stable(), func(refs *reference, supplier string) (*want, error) {
		return wantStandalone(t.t, refs, supplier, s)
	}, s)
}

// unit is a purchase in the making: the PO (or the lone bill) that owns it and
// the documents that belong to it.
type unit struct {
	*turn
	b       *work
	owner   queue.Ref
	created string // NetSuite's creation time of the owner
	docs    []queue.Ref
	facts   map[queue.Ref]map[string]string
	records map[queue.Ref]state.Record
	inputs  string // hash of what the wanted state is computed from
	have    *cin7.Purchase
	fresh   bool // have was read after our last write
	unique  bool // no second purchase carries the marker: looked up in this turn
	// journals are the numbers of the journals of documents without a purchase
	journals map[queue.Ref]string
	noUndo   bool        // Cin7 did not undo the purchase in this turn
	lost     []queue.Ref // documents that NetSuite has deleted
}

func newUnit(t *turn, b *work, owner queue.Ref, created string) *unit {
	return &unit{turn: t, b: b, owner: owner, created: created, facts: map[queue.Ref]map[string]string{}, records: map[queue.Ref]state.Record{}}
}

// know adds a document to the unit with what people search it by.
func (u *unit) know(d netsuite.Document, kind netsuite.RecordType, number string) {
	r := ref(kind, d.ID)
	u.docs = append(u.docs, r)
	f := map[string]string{state.FactNumber: number, state.FactParty: u.b.read.vendors[d.Vendor].Name(), state.FactVersion: d.ModifiedAt}
	if d.Vendor != 0 {
		f[state.FactVendor] = d.Vendor.String()
	}
	if kind != netsuite.TypeItemReceipt {
		f[state.FactTotal] = d.Total.StringFixed(2) + " " + d.Currency
	}
	if r != u.owner {
		f[state.FactPO] = u.owner.ID
	}
	u.facts[r] = f
}

// load reads what we know of the unit's documents.
func (u *unit) load(ctx context.Context) error {
	all, err := u.recs.Get(ctx, u.docs...)
	if err != nil {
		return fmt.Errorf("read records of %s: %w", u.owner, err)
	}
	for _, rec := range all {
		u.records[rec.Ref] = rec
	}
	return nil
}

// serve does a unit from hash to settlement. inputs is everything that the
// wanted state is computed from; named are the documents whose products and
// units must be known.
func (u *unit) serve(ctx context.Context, v netsuite.Vendor, inputs any, wanted func(*reference, string) (*want, error), named sources) error {
	v.ModifiedAt = ""
	rules := u.t.Sync
	rules.Mode = "" // it decides whether, not what
	hash := hashOf([]any{inputs, v, rules, u.t.Cin7.UsePutAway})
	u.inputs = hash
	if rec := u.records[u.owner]; rec.Intent == nil && rec.Facts[state.FactHash] == hash {
		return u.unchanged(ctx)
	}
	w, out, err := u.bring(ctx, v, wanted, named)
	if u.rehearsal != nil {
		return u.settleRehearsed(ctx, w, out, err)
	}
	if stopsLane(err) {
		return err
	}
	if err != nil {
		if onlyLane(err) != nil {
			return err
		}
		return u.settleAll(ctx, func(r queue.Ref) error {
			if r == u.owner {
				return err
			}
			return &Wait{Reason: WaitOrder, Message: "its purchase order cannot go: " + err.Error()}
		}, nil, "", "")
	}
	if !inStep(out) {
		hash = ""
	}
	return u.settleAll(ctx, func(r queue.Ref) error { return out.Verdicts[r] }, w, out.Stage, hash)
}

func inStep(o outlook) bool {
	for _, err := range o.Verdicts {
		if err != nil {
			return false
		}
	}
	return true
}

// bring makes Cin7 match: plan, do the first missing call, plan again, until
// nothing is missing. A call that leaves the plan as it was is not repeated.
func (u *unit) bring(ctx context.Context, v netsuite.Vendor, wanted func(*reference, string) (*want, error), named sources) (*want, outlook, error) {
	if _, gone := u.b.gone[u.owner]; v.ID == 0 && gone {
		// Its vendor may be deleted too; a purchase is voided without one.
		return u.converge(ctx, v, "", wanted, named)
	}
	if v.ID == 0 {
		return nil, outlook{}, problem(ParkNetSuiteHidden, "give the integration role the permission to see vendors, then retry this record", "NetSuite does not show the vendor of %s", u.owner)
	}
	r := ref(netsuite.TypeVendor, v.ID)
	entry := u.b.entries[r]
	if u.b.settled[r] {
		entry = nil
	}
	supplier, err := u.vendor(ctx, v, entry)
	u.b.settled[r] = u.b.settled[r] || !stopsLane(err)
	if err != nil {
		if onlyLane(err) != nil {
			return nil, outlook{}, err
		}
		return nil, outlook{}, &Wait{Reason: WaitVendor, Message: "vendor " + v.Name() + " cannot go: " + err.Error()}
	}
	return u.converge(ctx, v, supplier, wanted, named)
}

// converge is bring once the supplier is there.
func (u *unit) converge(ctx context.Context, v netsuite.Vendor, supplier string, wanted func(*reference, string) (*want, error), named sources) (*want, outlook, error) {
	if err := u.settleIntent(ctx, v.Name(), supplier); err != nil {
		return nil, outlook{}, err
	}
	w, err := u.wanted(ctx, supplier, wanted, named)
	if err != nil {
		return nil, outlook{}, err
	}
	if err := u.find(ctx, w, v.Name(), supplier); err != nil {
		return nil, outlook{}, err
	}
	if u.rehearsal != nil {
		u.rehearsal.knows(u.have)
		u.rehearsal.source(u.owner, u.inputs, pictureHash(u.have))
	}
	out, err := converge(ctx, site{
		owner:  u.owner,
		plan:   func() outlook { return plan(u.rules(), w, u.have, u.ties()) },
		there:  func() bool { return u.have != nil },
		fresh:  func() bool { return u.fresh },
		reread: u.reread,
		alone:  func(ctx context.Context) (bool, error) { return u.alone(ctx, v.Name(), supplier) },
		do:     u.do,
	})
	return w, out, err
}

// rules are what the plan depends on besides the documents.
func (u *unit) rules() rules {
	r := rules{PutAway: u.t.PutAway(), ReceiveOn: u.t.Sync.ReceiveOn, Repost: u.t.Sync.AfterPostChange == tenant.AfterPostRepost, NoUndo: u.noUndo,
		NoZeroGroup: u.wm[fieldNoGroup] != ""}
	if u.s.refs != nil {
		r.Lock = u.s.refs.Me.LockDate
	}
	return r
}

// settleIntent settles a write of an earlier turn before anything else.
func (u *unit) settleIntent(ctx context.Context, vendor, supplier string) error {
	rec := u.records[u.owner]
	if rec.Intent == nil {
		return nil
	}
	err := u.settle(ctx, u.owner, *rec.Intent, slotPurchase, func(ctx context.Context) (string, error) {
		return u.search(ctx, vendor, supplier)
	})
	if err != nil {
		return err
	}
	again, err := u.recs.Get(ctx, u.owner)
	if err != nil {
		return fmt.Errorf("read record %s: %w", u.owner, err)
	}
	u.records[u.owner] = again[0]
	return nil
}

// find reads the purchase: by link, else by marker among the supplier's
// purchases. It leaves have nil when there is none.
func (u *unit) find(ctx context.Context, w *want, vendor, supplier string) error {
	id := u.records[u.owner].Links[slotPurchase]
	if id == "" { // for a rejected order too: it may have to be voided
		var err error
		if id, err = u.search(ctx, vendor, supplier); err != nil {
			return err
		}
		if id != "" {
			u.w.m.prevented.WithLabelValues(opCreatePurchase).Inc()
			u.step(u.owner, "adopted", "purchase "+id+" was there already")
			if err := u.link(ctx, u.owner, slotPurchase, id, nil); err != nil {
				return err
			}
		}
	}
	if id == "" {
		return nil
	}
	p, err := u.c7.Purchase(ctx, id)
	if errors.Is(err, cin7.ErrNotFound) {
		return problem(ParkEditedInCin7, "restore the purchase in Cin7, or cancel the order in NetSuite, then retry this record",
			"purchase %s of order %s is gone from Cin7", id, w.Number)
	}
	if err != nil {
		return u.classify(err)
	}
	if strings.Contains(p.Status, cin7.StatusVoided) && w.Void == "" && cin7.SameID(u.records[u.owner].Facts[factVoided], p.ID) {
		// We voided it ourselves, and the order is wanted (again).
		return u.forget(ctx, p.OrderNumber)
	}
	u.have, u.fresh = &p, true
	return nil
}

// forget gives up a purchase that we voided, so that it is made anew.
func (u *unit) forget(ctx context.Context, number string) error {
	u.have, u.fresh, u.unique = nil, false, false
	u.step(u.owner, "called", "purchase "+number+" is void, a new one takes its place")
	facts := map[string]string{factVoided: "", sentFact(u.owner.ID): ""}
	for _, r := range u.docs {
		if err := u.keep(ctx, r, map[string]string{taskFact(u.owner.ID): "", sentFact(u.owner.ID): ""}); err != nil {
			return err
		}
	}
	if u.rehearsal == nil {
		if err := u.recs.Unlink(ctx, u.lane.Fence, u.owner, slotPurchase); err != nil {
			return fmt.Errorf("unlink the purchase of %s: %w", u.owner, err)
		}
	}
	delete(u.records[u.owner].Links, slotPurchase)
	return u.keep(ctx, u.owner, facts)
}

func (u *unit) reread(ctx context.Context) error {
	if u.rehearsal != nil {
		u.fresh = true // what is foreseen cannot be read
		return nil
	}
	p, err := u.c7.Purchase(ctx, u.have.ID)
	if err != nil {
		return u.classify(err)
	}
	u.have, u.fresh = &p, true
	return nil
}

// The facts of a document about its place in a purchase.
const (
	factVoided   = "voided" // the purchase that we voided
	fieldNoGroup = "no_group"
)

// sentFact is the hash of a document as it was posted to the purchase of po.
func sentFact(po string) string { return "sent:" + po }

// ties are what we remember of the documents.
func (u *unit) ties() ties {
	out := ties{}
	for r, rec := range u.records {
		t := tie{Sent: rec.Facts[sentFact(u.owner.ID)]}
		if task := rec.Facts[taskFact(u.owner.ID)]; task != "" {
			t.Tasks = strings.Split(task, ",")
		}
		if t.Sent != "" || len(t.Tasks) > 0 {
			out[r] = t
		}
	}
	return out
}

// tie remembers where a document went, and as what.
func (u *unit) tie(ctx context.Context, r queue.Ref, task, sent string) error {
	facts := map[string]string{}
	if t := u.ties()[r]; task != "" && !t.has(task) {
		facts[taskFact(u.owner.ID)] = strings.Join(append(t.Tasks, task), ",")
	}
	if sent != "" {
		facts[sentFact(u.owner.ID)] = sent
		facts[state.FactSettings] = strconv.FormatInt(u.t.Version, 10)
	}
	return u.keep(ctx, r, facts)
}

// keep sets facts of a record, here and in Redis; "" deletes one.
func (u *unit) keep(ctx context.Context, r queue.Ref, facts map[string]string) error {
	rec := u.records[r]
	if rec.Facts == nil {
		rec.Facts = map[string]string{}
	}
	changed := map[string]string{}
	for k, v := range facts {
		if rec.Facts[k] != v {
			rec.Facts[k], changed[k] = v, v
		}
	}
	if len(changed) == 0 {
		return nil
	}
	rec.Ref = r
	u.records[r] = rec
	if u.rehearsal != nil {
		return nil // foreseen, for this plan alone
	}
	if err := u.recs.SetFacts(ctx, u.lane.Fence, r, changed); err != nil {
		return fmt.Errorf("remember what became of %s: %w", r, err)
	}
	return nil
}

// do sends one planned call under the write protocol and takes its answer
// into the picture of the purchase.
func (u *unit) do(ctx context.Context, o op) error {
	if u.rehearsal != nil {
		return u.rehearse(ctx, o)
	}
	if u.script != nil {
		if err := u.permit(o); err != nil {
			return err
		}
	}
	for _, r := range o.concerns(u.owner) {
		u.step(r, "planned", o.Why)
	}
	in := state.Intent{Slot: slotOf(o), Op: o.Kind, Marker: marker(u.t.NetSuite.AccountID, u.owner)}
	u.fresh = false
	if o.Kind == opVoidPurchase {
		if err := u.keep(ctx, u.owner, map[string]string{factVoided: o.Task}); err != nil {
			return err
		}
	}
	var task string
	err := u.write(ctx, u.owner, in, o, func(ctx context.Context) error {
		now, at, err := send(ctx, u.c7, u.have, o)
		u.at(o.Kind, stepAnswered)
		if err != nil {
			return err
		}
		u.have, task = now, at
		if o.Kind == opCreatePurchase {
			return u.link(ctx, u.owner, slotPurchase, now.ID, map[string]string{state.FactCin7Number: now.OrderNumber})
		}
		return nil
	})
	last := context.WithoutCancel(ctx)
	if p, ok := asProblem(err); ok && o.Invoice != nil && o.Invoice.TaskID == cin7.ZeroID {
		if err := u.note(last, fieldNoGroup, "refused"); err != nil {
			return err
		}
		return u.groupRefused(o, p)
	}
	if err != nil {
		return err
	}
	for _, r := range o.concerns(u.owner) {
		u.step(r, "done", deed(o, u.have.OrderNumber))
	}
	for _, r := range tiesOf(o) {
		if err := u.tie(last, r, task, o.Sent); err != nil {
			return err
		}
	}
	if o.Kind == opPostOrder {
		if err := u.tie(last, u.owner, "", o.Sent); err != nil {
			return err
		}
	}
	return u.readBack(ctx, o)
}

// groupRefused lets the plan go on without the group that Cin7 does not open:
// from now on it says so of every such bill.
func (u *unit) groupRefused(o op, p *Problem) error {
	u.step(o.For, "called", noFurtherGroup(o.Invoice.InvoiceNumber, p.Message).Message)
	return nil
}

// readBack reads again what an undo or a void did: its answer proves nothing
// (contract cin7 7.8).
func (u *unit) readBack(ctx context.Context, o op) error {
	if !o.answersNothing() {
		return nil
	}
	if err := u.reread(ctx); err != nil {
		return err
	}
	voided := strings.Contains(u.have.Status, cin7.StatusVoided)
	switch {
	case o.Kind == opUndoPurchase && u.have.Order.Status == cin7.StatusAuthorised:
		u.noUndo = true
		u.step(o.For, "called", "Cin7 did not undo the order")
	case o.Kind == opVoidPurchase && o.Again && voided:
		return u.forget(context.WithoutCancel(ctx), u.have.OrderNumber)
	}
	return nil
}

// slotOf is what an op works on, in the words of state.Intent.Slot.
func slotOf(o op) string {
	switch {
	case o.Invoice != nil:
		return "invoice:" + o.For.ID
	case o.Stock != nil:
		return "stock:" + o.Stock.TaskID
	case o.Credit != nil:
		return "credit:" + o.For.ID
	}
	return slotPurchase
}

// unchanged settles a unit whose sources are what was applied last: no call.
func (u *unit) unchanged(ctx context.Context) error {
	for _, r := range u.docs {
		e := u.b.entries[r]
		if e == nil || u.b.settled[r] {
			continue
		}
		u.b.settled[r] = true
		s := queue.Settlement{Ref: r, Entry: e, State: queue.Completed, Message: "nothing has changed", Facts: u.facts[r]}
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// skip settles a unit that is left out by rule.
func (u *unit) skip(ctx context.Context, reason, message string) error {
	for _, r := range u.docs {
		u.b.settled[r] = true
		s := queue.Settlement{Ref: r, Entry: u.b.entries[r], State: queue.Skipped, Reason: reason, Message: message, Facts: u.facts[r]}
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settleAll writes the outcome of every document of the unit.
func (u *unit) settleAll(ctx context.Context, verdict func(queue.Ref) error, w *want, stage, hash string) error {
	// Those without a mark in hand come first: if the process dies on the way,
	// a mark is left, it is taken again, and everything is settled again.
	marked := func(r queue.Ref) bool { return u.b.entries[r] != nil }
	docs := append(slices.DeleteFunc(slices.Clone(u.docs), marked), slices.DeleteFunc(slices.Clone(u.docs), func(r queue.Ref) bool { return !marked(r) })...)
	for _, r := range docs {
		s := queue.Settlement{Ref: r, Entry: u.b.entries[r], State: queue.Completed, Facts: u.facts[r]}
		s.Facts[state.FactStage] = stage
		if r == u.owner {
			s.Facts[state.FactHash] = hash
		}
		if u.have != nil {
			s.Facts[state.FactCin7Number] = u.have.OrderNumber
			s.Message = "purchase " + u.have.OrderNumber + " matches"
		} else if n := u.journals[r]; n != "" {
			s.Facts[state.FactCin7Number], s.Message = n, "journal "+n+" matches"
		} else {
			s.Message = "not in Cin7, as it should be"
		}
		if w != nil {
			for _, inv := range w.Invoices {
				if inv.Ref == r {
					s.Facts[state.FactAccounts] = strings.Join(inv.Accounts, ",")
				}
			}
			for _, c := range w.Credits {
				if c.Ref == r {
					s.Facts[state.FactAccounts] = strings.Join(c.Accounts, ",")
				}
			}
		}
		err := verdict(r)
		if errors.Is(err, errDead) {
			err, s.Message = nil, errDead.Error()
		}
		if p, ok := asProblem(err); ok {
			s.State, s.Reason, s.Message, s.Fix = queue.Parked, p.Reason, p.Message, p.Fix
		} else if wait, ok := asWait(err); ok {
			u.waiting(&s, wait, s.Entry)
		}
		u.b.settled[r] = true
		if err := u.settleRecord(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
