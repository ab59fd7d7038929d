package service

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/reconcile"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// joined answers several people who ask for the same live read with one of
// them: those who ask while it is under way wait for it, those who come soon
// after get what it found. At most perTenant reads of a tenant run at once;
// others wait for their turn. What is kept is bounded in number and time.
type joined[T any] struct {
	perTenant int64
	limit     time.Duration // of one read
	most      int           // results that are kept
	now       func() time.Time

	flights singleflight.Group
	mu      sync.Mutex
	kept    map[string]result[T]
	slots   map[string]*slot
}

type result[T any] struct {
	value T
	at    time.Time
}

// slot is the turns of one tenant; it is dropped when nobody uses it.
type slot struct {
	*semaphore.Weighted
	users int
}

func newJoined[T any](perTenant int64, limit time.Duration, most int) *joined[T] {
	return &joined[T]{perTenant: perTenant, limit: limit, most: most, now: time.Now, kept: map[string]result[T]{}, slots: map[string]*slot{}}
}

// get is what read finds for a key of a tenant, at most maxAge old, and when
// it was read. read goes on when the one who asked has gone: others may wait
// for it, and the next one finds it.
func (s *joined[T]) get(ctx context.Context, tenantID, key string, maxAge time.Duration, read func(context.Context) (T, error)) (value T, at time.Time, err error) {
	key = tenantID + "\x00" + key
	if r, ok := s.recent(key, maxAge); ok {
		return r.value, r.at, nil
	}
	done := s.flights.DoChan(key, func() (_ any, err error) {
		// A panic in the goroutine of a flight would end the process.
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("a read for several people panicked: %v", p)
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limit)
		defer cancel()
		end, err := s.turn(ctx, tenantID)
		if err != nil {
			return nil, err
		}
		defer end()
		v, err := read(ctx)
		if err != nil {
			return nil, err
		}
		r := result[T]{v, s.now()}
		s.keep(key, r)
		return r, nil
	})
	select {
	case <-ctx.Done():
		return value, at, ctx.Err()
	case out := <-done:
		if out.Err != nil {
			return value, at, out.Err
		}
		r, _ := out.Val.(result[T])
		return r.value, r.at, nil
	}
}

// turn waits for one of the tenant's turns.
func (s *joined[T]) turn(ctx context.Context, tenantID string) (end func(), err error) {
	s.mu.Lock()
	x := s.slots[tenantID]
	if x == nil {
		x = &slot{Weighted: semaphore.NewWeighted(s.perTenant)}
		s.slots[tenantID] = x
	}
	x.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if x.users--; x.users == 0 {
			delete(s.slots, tenantID)
		}
	}
	if err := x.Acquire(ctx, 1); err != nil {
		leave()
		return nil, fmt.Errorf("%d other reads of tenant %s are under way: try again in a minute: %w", s.perTenant, tenantID, err)
	}
	return func() { x.Release(1); leave() }, nil
}

func (s *joined[T]) recent(key string, maxAge time.Duration) (r result[T], ok bool) {
	if maxAge <= 0 {
		return r, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok = s.kept[key]
	return r, ok && s.now().Sub(r.at) < maxAge
}

// keep keeps a result, in the place of the oldest when there are too many.
func (s *joined[T]) keep(key string, r result[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most <= 0 {
		return
	}
	s.kept[key] = r
	for len(s.kept) > s.most {
		oldest, at := "", time.Time{}
		for k, x := range s.kept {
			if oldest == "" || x.at.Before(at) {
				oldest, at = k, x.at
			}
		}
		delete(s.kept, oldest)
	}
}

// Live reads that people ask for through the API and the console.
const (
	usageAge  = 3 * time.Minute  // of the accounts in use, and of Cin7's lists
	reportAge = 10 * time.Minute // of the report that a page shows, when its file is asked for
)

// reads are the live reads of one process.
type reads struct {
	usage   *joined[*handlers.Usage]
	names   *joined[*handlers.Names]
	sides   *joined[[]handlers.Side]
	reports *joined[*reconcile.Report]
}

func newReads() *reads {
	return &reads{
		usage:   newJoined[*handlers.Usage](1, 10*time.Minute, 32),
		names:   newJoined[*handlers.Names](1, 5*time.Minute, 32),
		sides:   newJoined[[]handlers.Side](2, time.Minute, 0),
		reports: newJoined[*reconcile.Report](1, nightlyLimit, 16),
	}
}

// source names the two companies that a tenant's reads go to: what was read of
// others must not be shown after a change of credentials.
func source(t *tenant.Tenant) string {
	return fmt.Sprintf("%s/%d/%s/%s", t.NetSuite.AccountID, t.NetSuite.AccountingBook, t.Cin7.AccountID, cmp.Or(t.NetSuite.BaseURL, t.Cin7.BaseURL))
}

// Usage is service.Usage, shared for a few minutes: it does not depend on the
// mapping.
func (x *reads) Usage(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, since string) (*handlers.Usage, error) {
	since, _, err := usagePeriod(time.Now(), since)
	if err != nil {
		return nil, err
	}
	u, _, err := x.usage.get(ctx, t.ID, source(t)+" "+since, usageAge, func(ctx context.Context) (*handlers.Usage, error) {
		return Usage(ctx, c, rooms, t, since)
	})
	return u, err
}

// Names is handlers.ReadNames, shared for a few minutes.
func (x *reads) Names(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant) (*handlers.Names, error) {
	n, _, err := x.names.get(ctx, t.ID, source(t), usageAge, func(ctx context.Context) (*handlers.Names, error) {
		_, c7, err := clients(ctx, c, rooms, t)
		if err != nil {
			return nil, err
		}
		return handlers.ReadNames(ctx, c7)
	})
	return n, err
}

// Sides is handlers.Beside, read once for those who ask at the same time.
func (x *reads) Sides(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, rec state.Record) ([]handlers.Side, error) {
	s, _, err := x.sides.get(ctx, t.ID, source(t)+" "+rec.Ref.String(), 0, func(ctx context.Context) ([]handlers.Side, error) {
		ns, c7, err := clients(ctx, c, rooms, t)
		if err != nil {
			return nil, err
		}
		return handlers.Beside(ctx, t, ns, c7, rooms.States.Tenant(t.ID), rec)
	})
	return s, err
}

// Reconcile is service.Reconcile, made once for those who ask for a period at
// the same time. With maxAge one that was made so recently will do.
func (x *reads) Reconcile(ctx context.Context, c Config, rooms Rooms, t *tenant.Tenant, from, to string, maxAge time.Duration) (*reconcile.Report, error) {
	p := Period{From: cin7.Date(from), To: cin7.Date(to)}
	r, _, err := x.reports.get(ctx, t.ID, source(t)+" "+from+" "+to, maxAge, func(ctx context.Context) (*reconcile.Report, error) {
		return Reconcile(ctx, c, rooms, t, p, nil)
	})
	return r, err
}
