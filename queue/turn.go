package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Turn is a claimed lane: this process alone works for the tenant until the
// lease ends. Its methods are for one goroutine, except Extend and Valid.
type Turn struct {
	Tenant string
	Fence  int64 // only grows, per lane
	// CreatesFrom is when a call that makes a new object in Cin7 may be sent;
	// zero is at once. Redis is new or has lost something of this tenant, so
	// that a create of before, which nobody remembers, may still be under way:
	// until then a look-up that finds nothing proves nothing.
	CreatesFrom time.Time
	// Reread says that Redis has lost something of this tenant: all of NetSuite
	// must be read again, and HaveReread told when that is under way.
	Reread bool

	q       *Queue
	fence   string
	died    bool             // the holder before died in its turn
	until   atomic.Int64     // end of the lease, monotonic nanoseconds since began
	moved   atomic.Int64     // when the turn last got on, likewise
	began   time.Time        // with monotonic reading
	history map[Class]bool   // streams of which all that a predecessor took has been taken
	cursor  map[Class]string // where reading a stream stands
	hands   map[string]Entry // taken and unsettled, by stream id
	settled int              // settlements so far
}

// Claim takes the lane that has been due for longest; nil, nil when none is due.
func (q *Queue) Claim(ctx context.Context, owner string) (*Turn, error) {
	// A due lane may be held or paused: its score has moved on then, so the
	// next look sees the next lane.
	for range 16 {
		sent := time.Now()
		v, err := claimScript.run(ctx, q.rdb, []string{KeyLanes}, q.o.Lease.Milliseconds())
		if errors.Is(err, redis.Nil) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("claim a lane: %w", err)
		}
		tenant := text(v)
		t, err := q.hold(ctx, tenant, owner, sent)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, nil
}

// ClaimTenant takes the lane of one tenant, whether it is due or not; nil, nil
// while another holds it, or while it is paused or left alone on purpose.
func (q *Queue) ClaimTenant(ctx context.Context, owner, tenant string) (*Turn, error) {
	return q.hold(ctx, tenant, owner, time.Now())
}

// hold makes the caller the holder of a lane; nil, nil when it may not be
// held now.
func (q *Queue) hold(ctx context.Context, tenant, owner string, sent time.Time) (*Turn, error) {
	e, err := q.epoch.look(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("claim the lane of %s: %w", tenant, err)
	}
	seen := "0"
	if e.seen {
		seen = "1"
	}
	v, err := holdScript.run(ctx, q.rdb, []string{KeyLane(tenant)}, owner, q.o.Lease.Milliseconds(), e.id, e.began, seen, q.epoch.highest(tenant), q.o.Quarantine.Milliseconds())
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim the lane of %s: %w", tenant, err)
	}
	got, _ := v.([]any)
	switch len(got) {
	case 1:
		// Left alone: due again when that ends, whatever was marked, and no
		// later, for its holder may die.
		return nil, q.Wake(ctx, tenant, milli(text(got[0])))
	case 4:
	default:
		return nil, fmt.Errorf("claim the lane of %s: unexpected answer %v", tenant, v)
	}
	t := &Turn{Tenant: tenant, Fence: number(text(got[0])), Reread: text(got[3]) == "1", q: q, fence: text(got[0]), died: text(got[1]) == "1", began: sent,
		history: map[Class]bool{}, cursor: map[Class]string{Live: "-", Bulk: "-"}, hands: map[string]Entry{}}
	if at := milli(text(got[2])); at.After(time.Now()) {
		t.CreatesFrom = at
	}
	if q.epoch.grew(tenant, t.Fence); t.Reread && q.o.Lost != nil {
		q.o.Lost(tenant)
	}
	t.until.Store(int64(q.o.Lease))
	return t, nil
}

// HaveReread notes that the reading again of Reread is under way, in such a
// form that it outlives this process.
func (t *Turn) HaveReread(ctx context.Context) error {
	v, err := rereadScript.run(ctx, t.q.rdb, []string{KeyLane(t.Tenant)}, t.fence)
	if err := t.verdict("note the reading again", v, err); err != nil {
		return err
	}
	t.Reread = false
	return nil
}

// Extend renews the lease. It fails with ErrStale when the lane was lost, and
// with ErrStuck when the turn has not got on for Options.Stuck; then the lease
// is left to end.
func (t *Turn) Extend(ctx context.Context) error {
	sent := time.Since(t.began)
	if idle := sent - time.Duration(t.moved.Load()); idle > t.q.o.Stuck {
		return fmt.Errorf("extend the lease of %s: %w for %s", t.Tenant, ErrStuck, idle.Round(time.Second))
	}
	v, err := extendScript.run(ctx, t.q.rdb, []string{KeyLane(t.Tenant)}, t.fence, t.q.o.Lease.Milliseconds())
	if err := t.verdict("extend the lease", v, err); err != nil {
		return err
	}
	t.until.Store(int64(sent + t.q.o.Lease))
	// The score follows, so that nobody looks at a lane that is held. Should a
	// mark have lowered it, Release finds the mark.
	if _, err := scoreScript.run(ctx, t.q.rdb, []string{KeyLanes}, t.Tenant, text(v)); err != nil {
		return fmt.Errorf("extend the lease of %s: %w", t.Tenant, err)
	}
	return nil
}

// Died reports whether the holder before died in its turn: what it had taken
// comes first now, and one of these records may be what killed it.
func (t *Turn) Died() bool { return t.died }

// Valid reports whether the lease holds for at least margin longer, by the
// monotonic clock of this process. It is the gate in front of every write.
func (t *Turn) Valid(margin time.Duration) bool {
	since := time.Since(t.began)
	t.moved.Store(int64(since))
	return since+margin < time.Duration(t.until.Load())
}

// verdict turns a script's answer into an error.
func (t *Turn) verdict(what string, v any, err error) error {
	if err != nil {
		return fmt.Errorf("%s of %s: %w", what, t.Tenant, err)
	}
	if text(v) == "stale" {
		return fmt.Errorf("%s of %s: %w", what, t.Tenant, ErrStale)
	}
	return nil
}

// Spent reports whether the time slice is over and another lane is due.
func (t *Turn) Spent(ctx context.Context) bool {
	if time.Since(t.began) < t.q.o.Slice {
		return false
	}
	now, err := t.q.rdb.Time(ctx).Result()
	if err != nil {
		return true
	}
	n, err := t.q.rdb.ZCount(ctx, KeyLanes, "-inf", strconv.FormatInt(now.UnixMilli(), 10)).Result()
	return err != nil || n > 0
}

// LiveWaits reports whether a live mark waits. The holder that serves bulk
// marks then ends its turn: the live ones come first in the next.
func (t *Turn) LiveWaits(ctx context.Context) bool {
	n, err := t.q.rdb.XLen(ctx, KeyStream(t.Tenant, Live)).Result()
	return err == nil && n > 0
}

// Release gives the lane back. It is due again at once if anything waits,
// else at its earliest retry or at next, whichever is first; a zero next adds
// nothing. Until hold, if not zero, nobody may claim the lane, whatever is
// marked (a spent budget, an upstream that is down).
func (t *Turn) Release(ctx context.Context, next, hold time.Time) error {
	var back []call
	for id, e := range t.hands {
		keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, e.Ref)}, byState(t.Tenant)...)
		back = append(back, call{keys, []any{t.fence, e.Ref.String(), id}})
	}
	if len(back) > 0 {
		vs, err := returnScript.runAll(ctx, t.q.rdb, back)
		if err != nil {
			return fmt.Errorf("give back %d marks of %s: %w", len(back), t.Tenant, err)
		}
		if err := t.verdict("give back marks", vs[len(vs)-1], nil); err != nil {
			return err
		}
	}
	// Up first, look then, down last: see the package comment.
	raised, err := raiseScript.run(ctx, t.q.rdb, []string{KeyLanes}, t.Tenant, t.q.o.Lease.Milliseconds())
	if err != nil {
		return fmt.Errorf("release the lane of %s: %w", t.Tenant, err)
	}
	keys := []string{KeyLane(t.Tenant), KeyStream(t.Tenant, Live), KeyStream(t.Tenant, Bulk), KeyDue(t.Tenant)}
	until := int64(0)
	if !hold.IsZero() {
		until = hold.UnixMilli()
	}
	v, err := releaseScript.run(ctx, t.q.rdb, keys, t.fence, until)
	stale := t.verdict("release the lane", v, err)
	if stale != nil {
		if errors.Is(stale, ErrStale) {
			// Whoever has it now had its score moved by us.
			return errors.Join(stale, t.q.Wake(ctx, t.Tenant, time.Time{}))
		}
		return stale
	}
	at := next
	switch due := number(text(v)); {
	case due == 0:
		at = time.Now()
	case due > 0 && (at.IsZero() || time.UnixMilli(due).Before(at)):
		at = time.UnixMilli(due)
	case at.IsZero():
		at = never
	}
	if at.Before(hold) {
		at = hold
	}
	defer func() {
		if !at.After(time.Now()) {
			t.q.tellWorker()
		}
	}()
	if _, err := restScript.run(ctx, t.q.rdb, []string{KeyLanes}, t.Tenant, text(raised), at.UnixMilli()); err != nil {
		return fmt.Errorf("release the lane of %s: %w", t.Tenant, err)
	}
	return nil
}

// Abandon ends a turn that went wrong in a way that no error tells, such as a
// panic, as its process's death would: the record at work counts a crash when
// the lane is held again, after the given pause.
func (t *Turn) Abandon(ctx context.Context, pause time.Duration) error {
	v, err := abandonScript.run(ctx, t.q.rdb, []string{KeyLane(t.Tenant)}, t.fence)
	if err := t.verdict("abandon the lane", v, err); err != nil {
		return err
	}
	// Due early, for the score of a held lane is the end of its lease; not
	// before the pause, unless something is marked.
	if _, err := scoreScript.run(ctx, t.q.rdb, []string{KeyLanes}, t.Tenant, time.Now().Add(pause).UnixMilli()); err != nil {
		return fmt.Errorf("abandon the lane of %s: %w", t.Tenant, err)
	}
	return nil
}

// never is beyond every time: the lane wants no worker.
var never = time.UnixMilli(1e15)

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func milli(s string) time.Time {
	if n := number(s); n > 0 {
		return time.UnixMilli(n)
	}
	return time.Time{}
}
