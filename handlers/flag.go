package handlers

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Two deployments that write to one Cin7 company look up before they create,
// each finds nothing, and both create. Neither can see the other's Redis; what
// both see is Cin7. So a deployment raises a flag there before it writes, and
// heeds those of others: docs/adr/0013-a-flag-in-cin7.md.
//
// A flag is a deprecated supplier, one a deployment, whose comment says when
// the deployment last wrote. Raise first, then look: of two that raise at the
// same time, the one that looks last sees both flags.

const (
	flagName  = "ml-connector deployment "
	flagEvery = 20 * time.Minute // how long a look is believed, and how old a flag of our own gets while we write
	flagLasts = 24 * time.Hour   // after which the flag of another deployment no longer counts
)

// Flag is what a deployment has left in a Cin7 company.
type Flag struct {
	Deployment string
	Key        uint32    // primary key of its keyset
	At         time.Time // when it wrote

	id string // of the supplier
}

var flagForm = regexp.MustCompile(`^MLC:([a-z0-9]+):([0-9]+) wrote here at ([^ ]+?)\.? `)

func (f Flag) comment() string {
	return fmt.Sprintf("MLC:%s:%d wrote here at %s. It keeps two deployments of ml-connector from writing to one company: please leave it.",
		f.Deployment, f.Key, f.At.UTC().Format(time.RFC3339Nano))
}

// readFlag returns the flag that a supplier is; ok is false when it is none.
func readFlag(s cin7.Supplier) (f Flag, ok bool) {
	m := flagForm.FindStringSubmatch(s.Comments)
	if m == nil || !strings.HasPrefix(s.Name, flagName) {
		return Flag{}, false
	}
	key, err := strconv.ParseUint(m[2], 10, 32)
	at, terr := time.Parse(time.RFC3339Nano, m[3])
	if err != nil || terr != nil {
		return Flag{}, false
	}
	return Flag{Deployment: m[1], Key: uint32(key), At: at, id: s.ID}, true
}

// Flags reads the flags in a Cin7 company.
func Flags(ctx context.Context, c *cin7.Client) ([]Flag, error) {
	rows, err := c.SuppliersNamed(ctx, flagName)
	if err != nil {
		return nil, err
	}
	var out []Flag
	for _, s := range rows {
		if f, ok := readFlag(s); ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// Self is what tells a deployment's own flags, and those that it need not
// heed, from others.
type Self struct {
	Deployment string
	Holds      func(key uint32) bool // whether a key is in our keyset
	Bound      time.Time             // when this Redis first met the company
	Rebound    time.Time             // when a person said that the company is ours; zero if never
}

// Other is the latest flag of another deployment that still counts; nil when
// there is none. A flag from before a rebind does not count. Nor does one that
// a holder of our keyset raised before this Redis met the company: that was
// us, before Redis was lost. If it was not, and still writes, its next flag
// counts.
func (s Self) Other(flags []Flag, now time.Time) *Flag {
	var last *Flag
	for _, f := range flags {
		switch {
		case f.Deployment == s.Deployment, now.Sub(f.At) >= flagLasts, f.At.Before(s.Rebound), s.Holds(f.Key) && f.At.Before(s.Bound):
		case last == nil || f.At.After(last.At):
			last = &f
		}
	}
	return last
}

// TwoDeployments says that another deployment writes to the Cin7 company.
type TwoDeployments struct {
	Tenant, Self string
	Other        Flag
}

func (e *TwoDeployments) Error() string {
	return fmt.Sprintf("another deployment of ml-connector (%s; this one is %s) wrote to the Cin7 company of tenant %s at %s: nothing is written from here, so that no document is entered twice; "+
		"stop one of the two, and when the other one is the one that is gone for good: ml-connector tenant rebind %s; without that, this one goes on %s",
		e.Other.Deployment, e.Self, e.Tenant, e.Other.At.UTC().Format(time.RFC3339), e.Tenant, e.Other.At.Add(flagLasts).UTC().Format(time.RFC3339))
}

// SelfOf tells who this deployment is, to a tenant's company.
func SelfOf(ctx context.Context, tenants *tenant.Store, tenantID string) (Self, error) {
	dep, err := tenants.Deployment(ctx)
	if err != nil {
		return Self{}, err
	}
	s := Self{Deployment: dep, Holds: tenants.Keyset().Has}
	s.Bound, s.Rebound, err = tenants.BoundSince(ctx, tenantID)
	return s, err
}

// alone makes sure, before a write, that no other deployment writes to the
// company, and tells others that we do. It is looked at anew every 20 minutes.
func (t *turn) alone(ctx context.Context) error {
	if !t.w.o.Flags {
		return nil
	}
	at, account, _ := strings.Cut(t.wm[state.Flagged], " ")
	if looked, err := time.Parse(time.RFC3339Nano, at); err == nil && cin7.SameID(account, t.t.Cin7.AccountID) && t.w.now().Sub(looked) < flagEvery {
		return nil
	}
	self, err := SelfOf(ctx, t.w.tenants, t.t.ID)
	if err != nil {
		return err
	}
	if self.Bound.IsZero() { // Redis has lost it since this process met the company
		t.s.met = false
		if err := t.company(ctx); err != nil {
			return err
		}
		if self, err = SelfOf(ctx, t.w.tenants, t.t.ID); err != nil {
			return err
		}
	}
	var mine *Flag
	look := func() error {
		flags, err := Flags(ctx, t.c7)
		if err != nil {
			return t.classify(err)
		}
		for _, f := range flags {
			if f.Deployment == self.Deployment {
				mine = &f
			}
		}
		if other := self.Other(flags, t.w.now()); other != nil {
			return &hold{WaitUpstream, t.w.now().Add(holdCredentials), &TwoDeployments{t.t.ID, self.Deployment, *other}}
		}
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	now := t.w.now()
	raised, err := t.raise(ctx, Flag{Deployment: self.Deployment, Key: t.w.tenants.Keyset().Primary(), At: now}, mine)
	if err != nil || !raised {
		return err
	}
	if err := look(); err != nil {
		return err
	}
	value := now.UTC().Format(time.RFC3339Nano) + " " + t.t.Cin7.AccountID
	if err := t.recs.SetWatermarks(ctx, t.lane.Fence, map[string]string{state.Flagged: value}); err != nil {
		return fmt.Errorf("note the flag of %s: %w", t.t.ID, err)
	}
	t.wm[state.Flagged] = value
	return nil
}

// raise writes our flag. raised is false where Cin7's lists have not what a
// supplier needs: then nothing else can be made there either, and each record
// says what is missing.
func (t *turn) raise(ctx context.Context, f Flag, mine *Flag) (raised bool, err error) {
	refs, err := t.references(ctx)
	if err != nil {
		return false, err
	}
	s := cin7.Supplier{Name: flagName + f.Deployment, Status: "Deprecated", Comments: f.comment()}
	payable, ok := refs.payable()
	var p, q *Problem
	s.PaymentTerm, p = wantTerm(t.t, refs)
	s.TaxRule, q = wantTaxRule(t.t, refs)
	if !ok || p != nil || q != nil {
		return false, nil //nolint:nilerr // the records say what is missing
	}
	s.AccountPayable = payable.Code
	me, err := t.c7.Me(ctx)
	if err != nil {
		return false, t.classify(err)
	}
	s.Currency = me.Currency
	if mine != nil {
		s.ID = mine.id
		_, err = t.c7.UpdateSupplier(ctx, s)
	} else {
		_, err = t.c7.CreateSupplier(ctx, s)
	}
	if err != nil {
		return false, t.unflagged(err)
	}
	return true, nil
}

// unflagged holds the lane when the flag could not be raised: whether it was
// is seen at the next look.
func (t *turn) unflagged(err error) error {
	cause := fmt.Errorf("raise the flag of this deployment in Cin7 (a deprecated supplier): %w", err)
	err = t.classify(err)
	var h *hold
	switch _, refused := asProblem(err); {
	case refused:
		return &hold{WaitUpstream, t.w.now().Add(holdCredentials), cause}
	case errors.As(err, &h) && h.reason != WaitRetry:
		return &hold{h.reason, h.until, cause}
	}
	return &hold{WaitRetry, t.w.now().Add(holdFlag), cause}
}

// holdFlag is short: a second flag of ours harms nobody, so that there is no
// outcome to wait for.
const holdFlag = 5 * time.Second
