package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ref names a record of a tenant, for example vendorbill:48213. Neither part
// may be empty or hold a colon, a brace or white space.
type Ref struct{ Type, ID string }

// String returns type:id.
func (r Ref) String() string { return r.Type + ":" + r.ID }

// ParseRef reads what String wrote.
func ParseRef(s string) (Ref, bool) {
	t, id, ok := strings.Cut(s, ":")
	return Ref{t, id}, ok && t != "" && id != ""
}

// Class says which stream of a lane a mark waits in.
type Class string

// Live marks go first; Bulk is read only when no live mark waits.
const (
	Live Class = "events"
	Bulk Class = "bulk"
)

// Mark says that a record may have changed. It carries no data.
type Mark struct {
	Ref
	Source string // webhook, poll, backfill, retry, operator: a closed set, also a metric label
	Note   string // one short sentence for the timeline; no secrets, no bodies
	Trace  string // traceparent, may be empty
}

// State is where a record stands (INTERFACES section 5).
type State string

// The states of a record.
const (
	Pending   State = "pending"   // marked, nobody has taken it yet
	Running   State = "running"   // a worker has it
	Completed State = "completed" // Cin7 matches all that NetSuite says today
	Waiting   State = "waiting"   // cannot go yet; tried again by itself at NextAt or with the next mark
	Parked    State = "parked"    // needs a person; has a reason and a fix
	Skipped   State = "skipped"   // left out on purpose
)

// States lists all states in display order.
var States = [...]State{Pending, Running, Completed, Waiting, Parked, Skipped}

// Step is one line of a record's timeline.
type Step struct {
	At   time.Time // zero: Redis' now
	Name string    // marked, read, planned, called, settled, ...
	Text string    // plain words, no secrets
}

// Entry is a mark in the hands of a worker.
type Entry struct {
	Ref
	Want     int64 // the record's want when it was taken
	Source   string
	Note     string
	Trace    string
	MarkedAt time.Time
	Crashes  int // claims without an outcome before this one
	Attempts int // failed attempts so far

	class  Class
	stream string // stream entry id
}

// Settlement is the outcome of a record in a turn.
type Settlement struct {
	Ref
	Entry   *Entry // the mark that this settles; nil if the record was settled in passing
	State   State  // Completed, Waiting, Parked or Skipped
	Reason  string // closed set: a park reason, or why it waits
	Message string // a sentence with names and amounts
	Fix     string // a sentence that says what to do
	// NextAt is when a Waiting record is tried again by itself; zero waits
	// for the next mark.
	NextAt time.Time
	Failed bool              // counts an attempt; otherwise attempts go back to 0
	Facts  map[string]string // extra fields of the record to set, "" deletes
	Steps  []Step
}

// The errors of this package.
var (
	// ErrFull: the lane or Redis is at its bound; the caller answers 503.
	ErrFull = errors.New("queue is full")
	// ErrStale: this turn no longer holds the lane; nothing was written.
	ErrStale = errors.New("lane is held by another worker")
)

// Options set the limits of a Queue; zero values take the defaults.
type Options struct {
	Lease  time.Duration // how long a claim lasts without Extend; default 30 s
	Slice  time.Duration // how long a turn may go on while others wait; default 10 s
	Bound  int64         // waiting entries of one lane above which Mark answers ErrFull; default 1,000,000
	LogCap int64         // steps kept per timeline; default 50
}

// Queue is the lanes of all tenants. It is safe for use by many goroutines
// and many processes.
type Queue struct {
	rdb redis.UniversalClient
	o   Options
}

// Turn is a claimed lane: this process alone works for the tenant until the
// lease ends. Its methods are for one goroutine, except Extend and Valid.
type Turn struct {
	Tenant string
	Fence  int64 // only grows, per lane
	q      *Queue
	// unexported lease bookkeeping below
}

// New returns the lanes kept in rdb.
func New(rdb redis.UniversalClient, o Options) *Queue { panic("wip") }

// Mark makes marks durable, all of one tenant, in one script: each record's
// want grows by one and, unless the record already waits in a stream, an
// entry is added. added counts the new entries.
func (q *Queue) Mark(ctx context.Context, tenant string, c Class, marks ...Mark) (added int, err error) {
	panic("wip")
}

// Claim takes the lane that has been due for longest; nil, nil when none is due.
func (q *Queue) Claim(ctx context.Context, owner string) (*Turn, error) { panic("wip") }

// Wake makes the tenant's lane due at the given time if it is not due
// earlier; the zero time means now.
func (q *Queue) Wake(ctx context.Context, tenant string, at time.Time) error { panic("wip") }

// NextDue returns when the next lane is due; the zero time when there is none.
func (q *Queue) NextDue(ctx context.Context) (time.Time, error) { panic("wip") }

// Pause stops claims of the lane; marks keep arriving. Resume undoes it.
func (q *Queue) Pause(ctx context.Context, tenant, why string) error { panic("wip") }

// Resume lets the lane be claimed again.
func (q *Queue) Resume(ctx context.Context, tenant string) error { panic("wip") }

// Lane describes a lane for people and metrics.
type Lane struct {
	Depth  map[Class]int64 // waiting entries
	Oldest time.Time       // when the oldest waiting entry was marked; zero when none
	Owner  string          // worker that holds the lane, "" when none
	Fence  int64
	Paused string    // why it is paused, "" when it is not
	DueAt  time.Time // when it next wants a worker
	Due    int64     // records with a retry time
}

// Lane reads the lane of a tenant.
func (q *Queue) Lane(ctx context.Context, tenant string) (Lane, error) { panic("wip") }

// Forget deletes everything kept for the tenant under its hash tag, and its lane.
func (q *Queue) Forget(ctx context.Context, tenant string) error { panic("wip") }

// Extend renews the lease; ErrStale when it was lost.
func (t *Turn) Extend(ctx context.Context) error { panic("wip") }

// Valid reports whether the lease holds for at least margin longer, by the
// monotonic clock of this process. It is the gate in front of every write.
func (t *Turn) Valid(margin time.Duration) bool { panic("wip") }

// Take returns up to max entries: first those that a dead predecessor held,
// then due retries and live marks, then, only when there are none, bulk. Each
// record taken becomes Running. Empty means that nothing waits.
func (t *Turn) Take(ctx context.Context, max int) ([]Entry, error) { panic("wip") }

// Settle records outcomes and removes the entries that they settle, each
// outcome in one script under the fence. A record that was marked again since
// it was taken stays Pending with its new entry, whatever its outcome.
func (t *Turn) Settle(ctx context.Context, out ...Settlement) error { panic("wip") }

// Spent reports whether the time slice is over and another lane is due.
func (t *Turn) Spent(ctx context.Context) bool { panic("wip") }

// Release gives the lane back. It is due again at once if anything waits,
// else at its earliest retry or at next, whichever is first; a zero next adds
// nothing. hold, if not zero, is the earliest time the lane may be due again
// (a spent budget, an upstream that is down).
func (t *Turn) Release(ctx context.Context, next, hold time.Time) error { panic("wip") }
