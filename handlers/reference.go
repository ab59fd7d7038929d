package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
)

// reference is what Cin7 knows by name. It is never written.
type reference struct {
	Me        cin7.Me
	Chart     []cin7.Account
	Taxes     []cin7.TaxRule
	Locations []cin7.Location
	Terms     []cin7.PaymentTerm
	Alike     bool                    // both systems number their accounts after one plan
	Services  map[string]cin7.Product // folded name -> service product
	Products  map[string]cin7.Product // upper-case SKU -> product
	Units     []netsuite.Unit         // NetSuite's units that documents have named
}

// fold is how names are compared: trimmed, inner white space as one blank,
// case folded.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// payable is the account that Cin7 accepts on suppliers: the one flagged as
// the system's creditors account (contract cin7 5).
func (r *reference) payable() (cin7.Account, bool) {
	for _, a := range r.Chart {
		if a.SystemAccountCode == "CREDITORS" || a.SystemAccount == "CREDITORS" || fold(a.SystemAccount) == "accounts payable" {
			return a, true
		}
	}
	return cin7.Account{}, false
}

// purchaseTax finds an active tax rule for purchases by name.
func (r *reference) purchaseTax(name string) (cin7.TaxRule, bool) {
	for _, t := range r.Taxes {
		if fold(t.Name) == fold(name) && t.IsActive && t.IsTaxForPurchase {
			return t, true
		}
	}
	return cin7.TaxRule{}, false
}

// term finds an active payment term by name.
func (r *reference) term(name string) (cin7.PaymentTerm, bool) {
	for _, t := range r.Terms {
		if name != "" && fold(t.Name) == fold(name) && t.IsActive {
			return t, true
		}
	}
	return cin7.PaymentTerm{}, false
}

// location finds a top-level location by name; bins are not locations.
func (r *reference) location(name string) (cin7.Location, bool) {
	for _, l := range r.Locations {
		top := l.ParentID == "" || cin7.SameID(l.ParentID, cin7.ZeroID)
		if fold(l.Name) == fold(name) && !l.IsDeprecated && !l.Deprecated && top {
			return l, true
		}
	}
	return cin7.Location{}, false
}

// refsTTL is how long Cin7's lists are believed.
const refsTTL = 5 * time.Minute

// list is one of the lists that Cin7 keeps names in.
type list struct {
	name string
	// reasons are what records are parked for when the list lacks a name.
	reasons []string
	read    func(ctx context.Context, c *cin7.Client, r *reference) (content any, err error)
}

// lists are all of them. Each is read whole: a single account is never asked
// for by its code, and none is ever written (contract cin7 4).
func lists() []list {
	return []list{
		{"company", []string{ParkPeriodLocked}, func(ctx context.Context, c *cin7.Client, r *reference) (_ any, err error) {
			r.Me, err = c.Me(ctx)
			return r.Me, err
		}},
		{"accounts", []string{ParkUnmappedAccount}, func(ctx context.Context, c *cin7.Client, r *reference) (_ any, err error) {
			r.Chart, err = c.Accounts(ctx)
			return r.Chart, err
		}},
		{"tax rules", []string{ParkUnmappedTax}, func(ctx context.Context, c *cin7.Client, r *reference) (_ any, err error) {
			r.Taxes, err = c.TaxRules(ctx)
			return r.Taxes, err
		}},
		{"locations", []string{ParkUnknownLocation}, func(ctx context.Context, c *cin7.Client, r *reference) (_ any, err error) {
			r.Locations, err = c.Locations(ctx)
			return r.Locations, err
		}},
		{"payment terms", []string{ParkUnmappedTerm}, func(ctx context.Context, c *cin7.Client, r *reference) (_ any, err error) {
			r.Terms, err = c.PaymentTerms(ctx)
			return r.Terms, err
		}},
		{"service products", []string{ParkUnknownCharge}, func(ctx context.Context, c *cin7.Client, r *reference) (any, error) {
			services, err := c.ServiceProducts(ctx)
			r.Services = map[string]cin7.Product{}
			for _, p := range services {
				r.Services[fold(p.Name)] = p
			}
			return r.Services, err
		}},
	}
}

// references are Cin7's lists: read once per run of the lane, and by the next
// run only when they are old.
func (t *turn) references(ctx context.Context) (*reference, error) {
	if t.s.refs != nil && t.w.now().Sub(t.s.refsAt) < refsTTL {
		return t.s.refs, nil
	}
	r := &reference{Products: map[string]cin7.Product{}}
	for _, l := range lists() {
		if err := t.readList(ctx, l, r); err != nil {
			return nil, err
		}
	}
	all, err := t.ns.Accounts(ctx)
	if err != nil {
		return nil, t.classify(fmt.Errorf("read the chart of accounts of NetSuite: %w", err))
	}
	r.Alike = numberAlike(all, r.Chart)
	t.s.refs, t.s.refsAt = r, t.w.now()
	return r, nil
}

// readList reads one list. When somebody has changed it in Cin7 since it was
// last read, what was parked for want of it is taken up again.
func (t *turn) readList(ctx context.Context, l list, r *reference) error {
	content, err := l.read(ctx, t.c7, r)
	if err != nil {
		return t.classify(err)
	}
	field, now := "list:"+l.name, hashOf(content)
	before := t.wm[field]
	if before == now || t.offline() {
		return nil
	}
	if before != "" {
		if _, err := t.recs.Release(ctx, t.w.queue, "Cin7's "+l.name+" have changed", l.reasons...); err != nil {
			return err
		}
	}
	return t.note(ctx, field, now)
}

// lookAgain reads the lists afresh in which something was missing, in case
// someone has just added it: each at most once per run of the lane. more is
// false when there was nothing left to look at.
func (t *turn) lookAgain(ctx context.Context, missing map[string]bool) (more bool, err error) {
	for _, l := range lists() {
		wanted := slices.ContainsFunc(l.reasons, func(reason string) bool { return missing[reason] })
		if !wanted || t.again[l.name] {
			continue
		}
		t.again[l.name], more = true, true
		if err := t.readList(ctx, l, t.s.refs); err != nil {
			return false, err
		}
	}
	return more, nil
}

// wanted computes the wanted state; what Cin7's lists lack gets a second
// chance with fresh ones.
func (u *unit) wanted(ctx context.Context, supplier string, f func(*reference, string) (*want, error), named sources) (*want, error) {
	asOf := u.s.refsAt
	refs, err := u.references(ctx)
	if err != nil {
		return nil, err
	}
	if err := u.products(ctx, refs, skusOf(u.turn, named)); err != nil {
		return nil, err
	}
	if err := u.units(ctx, refs, named); err != nil {
		return nil, err
	}
	w, err := f(refs, supplier)
	missing := missing(w, err)
	if len(missing) == 0 || u.s.refsAt != asOf {
		return w, err // or they were read this moment
	}
	more, aerr := u.lookAgain(ctx, missing)
	if aerr != nil {
		return nil, aerr
	}
	if !more {
		return w, err
	}
	return f(refs, supplier)
}

// missing are the reasons for which documents were held back.
func missing(w *want, err error) map[string]bool {
	out := map[string]bool{}
	add := func(err error) {
		if p, ok := asProblem(err); ok {
			for _, r := range p.reasons() {
				out[r] = true
			}
		}
	}
	add(err)
	if w != nil {
		for _, err := range w.Held {
			add(err)
		}
	}
	return out
}

// products looks up the SKUs that the reference does not know yet.
func (t *turn) products(ctx context.Context, refs *reference, skus []string) error {
	var unknown []string
	for _, s := range skus {
		key := strings.ToUpper(s)
		if _, ok := refs.Products[key]; !ok && !t.absent[key] && !slices.Contains(unknown, s) {
			unknown = append(unknown, s)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := t.c7.ProductsBySKU(ctx, unknown...)
	if err != nil {
		return t.classify(err)
	}
	for k, p := range found {
		refs.Products[strings.ToUpper(k)] = p
	}
	for _, s := range unknown {
		if _, ok := refs.Products[strings.ToUpper(s)]; !ok {
			t.absent[strings.ToUpper(s)] = true
		}
	}
	return nil
}

func skusOf(t *turn, s sources) []string {
	var out []string
	add := func(item netsuite.ID, sku string) {
		if item != 0 && sku != "" {
			out = append(out, wantSKU(t.t, sourceLine{item: item, sku: sku}))
		}
	}
	for _, l := range s.PO.Lines {
		add(l.Item, l.SKU)
	}
	for _, b := range slices.Concat(s.Bills, s.Credits) {
		for _, l := range b.Lines {
			add(l.Item, l.SKU)
		}
	}
	for _, r := range s.Receipts {
		for _, l := range r.Lines {
			add(l.Item, l.SKU)
		}
	}
	return out
}
