package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

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
	older    map[queue.Ref]string // what stays as it is posted, under an older version of the settings
	noUndo   bool                 // Cin7 did not undo the purchase in this turn
	lost     []queue.Ref          // documents that NetSuite has deleted
	anew     bool                 // look-ups read Cin7 anew: a create of it once left its outcome open
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
	own := u.records[u.owner]
	u.anew = own.Intent != nil || own.Facts[state.FactDoubt] != ""
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
	u.older = out.Older
	if err := u.recall(ctx, out.Posted); err != nil {
		return nil, outlook{}, err
	}
	return w, out, err
}

// rules are what the plan depends on besides the documents.
func (u *unit) rules() rules {
	r := rules{PutAway: u.t.PutAway(), ReceiveOn: u.t.Sync.ReceiveOn, Repost: u.t.Sync.AfterPostChange == tenant.AfterPostRepost, NoUndo: u.noUndo, Settings: u.t.Version,
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
	facts := tie{}.facts(u.owner.ID)
	facts[factVoided] = ""
	for _, r := range u.docs {
		if err := u.keep(ctx, r, tie{}.facts(u.owner.ID)); err != nil {
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
