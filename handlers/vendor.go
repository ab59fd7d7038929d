package handlers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// The operations on suppliers, in the words of state.Intent.Op.
const (
	opCreateSupplier = "create_supplier"
	opUpdateSupplier = "update_supplier"
)

// slotSupplier is the link of a vendor to its supplier.
const slotSupplier = "supplier"

// vendorResult is what a vendor came to in this turn.
type vendorResult struct {
	guid string
	err  error // *Problem or *Wait
}

// vendor brings the supplier of a vendor in line and returns its GUID. It
// settles the vendor's record, with or without a mark in hand, and does so
// once per turn.
func (t *turn) vendor(ctx context.Context, v netsuite.Vendor, entry *queue.Entry) (string, error) {
	if done, ok := t.vendors[v.ID]; ok && entry == nil {
		return done.guid, done.err
	}
	r := ref(netsuite.TypeVendor, v.ID)
	recs, err := t.recs.Get(ctx, r)
	if err != nil {
		return "", fmt.Errorf("read record %s: %w", r, err)
	}
	rec := recs[0]
	if skip, ok := rec.Skipped(t.w.now()); ok {
		return t.leaveOutVendor(ctx, rec, v, entry, skip)
	}
	guid, hash, err := t.syncVendor(ctx, r, rec, v)
	p, parked := asProblem(err)
	wait, waits := asWait(err)
	out := queue.Settlement{Ref: r, Entry: entry, State: queue.Completed, Facts: map[string]string{
		state.FactNumber: v.Name(), state.FactVersion: v.ModifiedAt, state.FactHash: hash, state.FactStage: ""}}
	switch {
	case err == nil:
		out.Message = "supplier " + v.Name() + " matches"
	case parked:
		out.State, out.Reason, out.Message, out.Fix = queue.Parked, p.Reason, p.Message, p.Fix
		delete(out.Facts, state.FactHash)
	case waits:
		t.waiting(&out, wait, entry)
		delete(out.Facts, state.FactHash)
	default:
		return "", err
	}
	if t.rehearsal != nil && err == nil {
		t.settleRehearsedVendor(&out)
	}
	t.vendors[v.ID] = vendorResult{guid, err}
	if entry == nil && err == nil && rec.State == queue.Completed && rec.Facts[state.FactHash] == hash {
		return guid, nil // nothing new to say
	}
	if err == nil && rec.Reason != "" && t.rehearsal == nil {
		// It could not go before: what waited for it can go now. Before it is
		// settled: nothing else would wake them, should the process die here.
		waited := state.Filter{State: queue.Waiting, Reason: WaitVendor, Vendor: v.ID.String()}
		if _, rerr := t.recs.Resume(ctx, t.w.queue, waited, "vendor "+v.Name()+" is in step"); rerr != nil {
			return "", rerr
		}
	}
	if serr := t.settleRecord(ctx, out); serr != nil {
		return "", serr
	}
	return guid, err
}

// vendorHash names everything that a supplier is computed from, but for Cin7's
// lists: whoever changes a name there finds it changed on the supplier too.
// What comes after the dot is of the contacts, as they are now or, when they
// have not been read, as stored has them.
func (t *turn) vendorHash(v netsuite.Vendor, stored string) string {
	v.ModifiedAt = ""
	m := t.t.Sync.Mapping
	hash := hashOf([]any{v, t.t.Sync.TaxRule, t.t.Sync.PaymentTerm, m.Tax["*"], m.Terms, m.Currencies})
	_, contacts, _ := strings.Cut(stored, ".")
	if list, read := t.people[v.ID]; read {
		contacts = hashOf(list)
	}
	if contacts == "" {
		return hash
	}
	return hash + "." + contacts
}

// nobody is the hash of no contacts.
var nobody = hashOf([]netsuite.Contact(nil))

// applied reports whether a hash is of what was applied. Earlier versions have
// stored none of contacts.
func applied(stored, hash string) bool {
	return stored == hash || !strings.Contains(stored, ".") && hash == stored+"."+nobody
}

// contacts reads the contacts of vendors that are marked, and of those whose
// supplier has not been given theirs yet. An order or a bill of a vendor in
// step does not need them: contacts that change have their vendor marked.
func (t *turn) contacts(ctx context.Context, b *work) (map[netsuite.ID][]netsuite.Contact, error) {
	var vendors []netsuite.Vendor
	var refs []queue.Ref
	for _, id := range slices.Sorted(maps.Keys(b.read.vendors)) {
		refs = append(refs, ref(netsuite.TypeVendor, id))
		vendors = append(vendors, b.read.vendors[id])
	}
	known, err := t.recs.Get(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("read the records of vendors: %w", err)
	}
	var read []netsuite.Vendor
	for i, v := range vendors {
		if slices.Contains(b.vendors, v.ID) || !strings.Contains(known[i].Facts[state.FactHash], ".") {
			read = append(read, v)
		}
	}
	if len(read) == 0 {
		return nil, nil //nolint:nilnil // nothing to read
	}
	return t.ns.Contacts(ctx, read...)
}

// waiting fills a settlement from a Wait.
func (t *turn) waiting(out *queue.Settlement, w *Wait, entry *queue.Entry) {
	out.State, out.Reason, out.Message, out.NextAt, out.Failed = queue.Waiting, w.Reason, w.Message, w.At, w.Failed
	if w.Failed && w.At.IsZero() {
		attempts := 0
		if entry != nil {
			attempts = entry.Attempts
		}
		out.NextAt = backoff(t.w.now(), t.t.ID, out.Ref, attempts)
	}
}

// syncVendor does the work of vendor and returns the GUID and the hash of
// what is applied.
func (t *turn) syncVendor(ctx context.Context, r queue.Ref, rec state.Record, v netsuite.Vendor) (guid, hash string, err error) {
	if rec.Intent != nil {
		find := func(ctx context.Context) (string, error) { return t.findSupplier(ctx, r, v.Name(), true) }
		if err := t.settle(ctx, r, *rec.Intent, slotSupplier, find); err != nil {
			return "", "", err
		}
		again, err := t.recs.Get(ctx, r)
		if err != nil {
			return "", "", fmt.Errorf("read record %s: %w", r, err)
		}
		rec = again[0]
	}
	hash = t.vendorHash(v, rec.Facts[state.FactHash])
	guid = rec.Links[slotSupplier]
	if guid != "" && applied(rec.Facts[state.FactHash], hash) && rec.State != queue.Parked {
		return guid, hash, nil // no call at all
	}
	refs, err := t.references(ctx)
	if err != nil {
		return "", "", err
	}
	want, p := wantSupplier(t.t, refs, v, t.people[v.ID]...)
	if p != nil {
		// In case somebody has just added in Cin7 what is missing.
		if more, err := t.lookAgain(ctx, missing(nil, p)); err != nil {
			return "", "", err
		} else if more {
			want, p = wantSupplier(t.t, t.s.refs, v, t.people[v.ID]...)
		}
	}
	if p != nil {
		return "", "", p
	}
	if guid == "" {
		if guid, err = t.findSupplier(ctx, r, v.Name(), false); err != nil {
			return "", "", err
		}
		if guid != "" {
			t.w.m.prevented.WithLabelValues(opCreateSupplier).Inc()
			t.step(r, "adopted", "supplier "+guid+" was there already")
			if err := t.link(ctx, r, slotSupplier, guid, nil); err != nil {
				return "", "", err
			}
		}
	}
	if guid == "" {
		if t.rehearsal != nil {
			t.rehearsal.source(r, hash, "")
		}
		return t.createSupplier(ctx, r, want, hash)
	}
	have, err := t.c7.Supplier(ctx, guid)
	if err != nil {
		return "", "", t.classify(err)
	}
	if t.rehearsal != nil {
		t.rehearsal.source(r, hash, supplierHash(have))
	}
	if have.Currency != want.Currency && have.Currency != "" {
		return "", "", problem(ParkCurrencyMismatch, "correct the currency of the supplier in Cin7 or of the vendor in NetSuite, then retry this record",
			"vendor %s is in %s, supplier %s in Cin7 is in %s", v.Name(), want.Currency, have.Name, have.Currency)
	}
	body, changed := mergeSupplier(have, want)
	if !changed {
		return guid, hash, nil
	}
	if t.rehearsal != nil {
		guid, err = t.rehearseSupplier(r, opUpdateSupplier, have, body)
		return guid, hash, err
	}
	if err := t.permitSupplier(r, opUpdateSupplier, body); err != nil {
		return "", "", err
	}
	in := state.Intent{Slot: slotSupplier, Op: opUpdateSupplier, Marker: want.Comments}
	err = t.write(ctx, r, in, body, func(ctx context.Context) error {
		_, err := t.c7.UpdateSupplier(ctx, body)
		t.at(in.Op, stepAnswered)
		return err
	})
	return guid, hash, err
}

func (t *turn) createSupplier(ctx context.Context, r queue.Ref, want cin7.Supplier, hash string) (string, string, error) {
	if t.rehearsal != nil {
		guid, err := t.rehearseSupplier(r, opCreateSupplier, cin7.Supplier{}, want)
		return guid, hash, err
	}
	if err := t.permitSupplier(r, opCreateSupplier, want); err != nil {
		return "", "", err
	}
	var made cin7.Supplier
	in := state.Intent{Slot: slotSupplier, Op: opCreateSupplier, Marker: want.Comments}
	err := t.write(ctx, r, in, want, func(ctx context.Context) error {
		var err error
		made, err = t.c7.CreateSupplier(ctx, want)
		t.at(in.Op, stepAnswered)
		if err != nil {
			return err
		}
		return t.link(ctx, r, slotSupplier, made.ID, nil)
	})
	if err != nil {
		return "", "", err
	}
	t.suppliers = append(t.suppliers, made)
	if t.script != nil {
		t.script.names[strings.ToLower(made.ID)] = newSupplierID(r)
	}
	return made.ID, hash, nil
}

// findSupplier looks a vendor's supplier up: by marker, else by exact name
// (case folded, deprecated ones included) if it carries nobody else's marker.
// "" means that there is none. fresh reads the list anew.
func (t *turn) findSupplier(ctx context.Context, r queue.Ref, name string, fresh bool) (string, error) {
	if !t.listed || fresh {
		all, err := t.c7.SuppliersNamed(ctx, "")
		if err != nil {
			return "", t.classify(err)
		}
		t.suppliers, t.listed = all, true
	}
	var ours, namesakes []cin7.Supplier
	for _, s := range t.suppliers {
		switch {
		case marked(s.Comments, t.t.NetSuite.AccountID, r):
			ours = append(ours, s)
		case fold(s.Name) == fold(name):
			namesakes = append(namesakes, s)
		}
	}
	if len(ours) == 1 {
		return ours[0].ID, nil
	}
	if len(ours) > 1 {
		return "", problem(ParkTwoCandidates, "merge the suppliers in Cin7 or remove the marker from all but one, then retry this record",
			"vendor %s: Cin7 has %d suppliers marked for it (%s)", name, len(ours), supplierNames(ours))
	}
	for _, s := range namesakes {
		if _, other, ok := findMarker(s.Comments); ok {
			return "", problem(ParkAmbiguousSupplier, "give one of the two vendors another name in NetSuite, then retry this record",
				"vendor %s: the supplier of that name in Cin7 belongs to %s", name, other)
		}
	}
	switch len(namesakes) {
	case 0:
		return "", nil
	case 1:
		return namesakes[0].ID, nil
	}
	return "", problem(ParkAmbiguousSupplier, "rename or merge the suppliers in Cin7, then retry this record",
		"vendor %s: Cin7 has %d suppliers of that name (%s)", name, len(namesakes), supplierNames(namesakes))
}

func supplierNames(list []cin7.Supplier) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name+" "+s.ID)
	}
	return strings.Join(out, ", ")
}
