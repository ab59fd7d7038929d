// Package steer is what a person does to a tenant's records and mapping: take
// one up again, leave it out, take up many, map an account. The ops API, the
// console and the command line ask here, so that the same request means the
// same whoever makes it.
package steer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Desk is where requests are carried out. It is safe for concurrent use.
type Desk struct {
	Queue   *queue.Queue
	States  *state.Store
	Tenants *tenant.Store
	Audit   *audit.Log // of the mapping's changes
	// Shows asks NetSuite for a record: one to three queries.
	Shows func(ctx context.Context, t *tenant.Tenant, k queue.Ref) (bool, error)
	Now   func() time.Time // default time.Now
}

// ErrNoRecord says that NetSuite shows no such record, and that none was ever
// seen.
var ErrNoRecord = errors.New("NetSuite shows no such record: it does not exist, was deleted, or is hidden from the role of the connector")

// ErrNotAsked says that a record was never seen and NetSuite could not be
// asked for it.
var ErrNotAsked = errors.New("this record was never seen, and NetSuite could not be asked whether there is one")

// ErrState says that records of a state cannot be taken up as a whole.
var ErrState = errors.New("only what is parked, waits, was left out or is in step can be taken up again: the rest is under way")

func (d *Desk) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// Sync takes a record up now, and ends its skip. One that was never seen is
// asked for in NetSuite first: what is not there leaves nothing behind.
func (d *Desk) Sync(ctx context.Context, t *tenant.Tenant, k queue.Ref, note string) error {
	recs := d.States.Tenant(t.ID)
	got, err := recs.Get(ctx, k)
	if err != nil {
		return err
	}
	if got[0].State == "" {
		shown, err := d.Shows(ctx, t, k)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotAsked, err)
		}
		if !shown {
			return fmt.Errorf("%s %s: %w", k.Type, k.ID, ErrNoRecord)
		}
	} else if err := recs.Unskip(ctx, k); err != nil {
		return err
	}
	_, err = d.Queue.Mark(ctx, t.ID, queue.Live, queue.Mark{Ref: k, Source: "operator", Note: note})
	return err
}

// ErrMoves says that a record cannot be left out as it stands.
var ErrMoves = errors.New("only what is parked, waits, or is left out already can be left out: what is in step is, and what is under way settles first")

// Skip leaves a record out on purpose until a day; state.ErrNotFound when it
// was never seen, ErrMoves when it does not stand still.
func (d *Desk) Skip(ctx context.Context, t *tenant.Tenant, k queue.Ref, s state.Skip) error {
	got, err := d.States.Tenant(t.ID).Get(ctx, k)
	if err != nil {
		return err
	}
	switch got[0].State {
	case queue.Pending, queue.Running, queue.Completed:
		return ErrMoves
	}
	return d.States.Tenant(t.ID).Skip(ctx, d.Queue, k, s, d.now())
}

// Retry takes up what a filter selects and returns how many records they are;
// dry only counts. ErrState when the filter's state is none that can be.
func (d *Desk) Retry(ctx context.Context, t *tenant.Tenant, f state.Filter, note string, dry bool) (int, error) {
	switch f.State {
	case queue.Parked, queue.Waiting, queue.Skipped, queue.Completed:
	default:
		return 0, ErrState
	}
	return d.States.Tenant(t.ID).Retry(ctx, d.Queue, f, note, dry)
}

// Mapped is what became of a changed mapping.
type Mapped struct {
	Tenant  *tenant.Tenant
	Retried int   // parked records that are tried again with it
	Late    error // why the rest is not, although the mapping is in force; the lane takes them up by itself
}

// SetMapping replaces the mapping of the tenant as it was read, in place of
// version t.Version and no other: tenant.ErrChanged when somebody was quicker.
// What changes is in the audit log before it does. Afterwards the records are
// taken up that were parked for want of it.
func (d *Desk) SetMapping(ctx context.Context, t *tenant.Tenant, m tenant.Mapping, who string) (Mapped, error) {
	next := *t
	next.Sync.Mapping = m
	if err := next.CheckSync(); err != nil {
		return Mapped{}, err
	}
	if err := d.Audit.Append(ctx, audit.Entry{Actor: who, Action: "mapping", Tenant: t.ID, Detail: map[string]string{
		"changed": tenant.Changes(t, &next, tenant.Credentials{}), "from_version": strconv.FormatInt(t.Version, 10)}}); err != nil {
		return Mapped{}, fmt.Errorf("%w: %w", ErrNoAudit, err)
	}
	stored, err := d.Tenants.SetMapping(tenant.By(ctx, who), t.ID, t.Version, m)
	if err != nil {
		return Mapped{}, err
	}
	out := Mapped{Tenant: stored}
	out.Retried, out.Late = d.States.Tenant(t.ID).Release(ctx, d.Queue, "the mapping was changed by "+who, state.MappingReasons[:]...)
	return out, nil
}

// ErrNoAudit says that a change was not made because it could not be written
// down.
var ErrNoAudit = errors.New("this could not be written into the audit log, so it was not done")
