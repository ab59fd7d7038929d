package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	Source string // webhook, poll, backfill, retry, recheck, release, operator: a closed set, also a metric label
	Note   string // one short sentence for the timeline; no secrets, no bodies
	Trace  string // traceparent, may be empty
}

// SourceRecheck is the source of marks that look at parked records again from
// time to time. The timeline does not tell of them.
const SourceRecheck = "recheck"

// SourceRelease is the source of marks that take records up again by
// themselves, because what they waited for is there.
const SourceRelease = "release"

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

// States lists all states in display order, which is also that of the scripts.
var States = [...]State{Pending, Running, Completed, Waiting, Parked, Skipped}

// The errors of this package.
var (
	// ErrFull: the lane or Redis is at its bound; the caller answers 503.
	ErrFull = errors.New("queue is full")
	// ErrStale: this turn no longer holds the lane; nothing was written.
	ErrStale = errors.New("lane is held by another worker")
	// ErrStuck: this turn has not got on, so its lease is not renewed.
	ErrStuck = errors.New("the turn has not got on")
)

// Options set the limits of a Queue; zero values take the defaults.
type Options struct {
	Lease  time.Duration // how long a claim lasts without Extend; default 30 s
	Slice  time.Duration // how long a turn may go on while others wait; default 10 s
	Bound  int64         // waiting entries of one lane above which Mark answers ErrFull; default 1,000,000
	LogCap int64         // steps kept per timeline; default 50
	Stuck  time.Duration // how long a turn may take over one step, after which its lease ends; default 10 min
	// Quarantine is how long creates wait when Redis is new or has lost
	// something: until none sent before can still take effect. Zero: they do
	// not wait.
	Quarantine time.Duration
	// MemoryShare is the share of Redis' maxmemory above which Mark answers
	// ErrFull; default 0.75. Lanes drain all the same.
	MemoryShare float64
	// Marked is told of every mark that became durable, for counting; nil is
	// nobody. It must not block.
	Marked func(source, recordType string)
	// Lost is told when Redis is found to have lost something of a tenant.
	Lost func(tenant string)
	// Flights is how many flushes of marks may be in flight at once; what is
	// marked meanwhile shares the next. Default 16; below 0 each call of Mark
	// goes to Redis by itself.
	Flights int
	// Mended is told how many records of a tenant Repair had to mend.
	Mended func(tenant string, n int)
}

// Queue is the lanes of all tenants. It is safe for use by many goroutines
// and many processes.
type Queue struct {
	rdb    redis.UniversalClient
	o      Options
	epoch  *epoch
	memory *memory
	gather gatherer
	keys   sync.Map // tenant -> *laneNames
	woken  chan struct{}
}

// New returns the lanes kept in rdb.
func New(rdb redis.UniversalClient, o Options) *Queue {
	if o.Lease == 0 {
		o.Lease = 30 * time.Second
	}
	if o.Slice == 0 {
		o.Slice = 10 * time.Second
	}
	if o.Bound == 0 {
		o.Bound = 1_000_000
	}
	if o.LogCap == 0 {
		o.LogCap = 50
	}
	if o.Stuck == 0 {
		o.Stuck = 10 * time.Minute
	}
	if o.MemoryShare == 0 {
		o.MemoryShare = 0.75
	}
	if o.Flights == 0 {
		o.Flights = defaultFlights
	}
	q := &Queue{rdb: rdb, o: o, epoch: newEpoch(rdb), memory: newMemory(rdb), woken: make(chan struct{}, 1)}
	q.gather = gatherer{q: q}
	return q
}

// byState are the index keys in the order of States.
func byState(tenant string) []string {
	keys := make([]string, 0, len(States))
	for _, s := range States {
		keys = append(keys, KeyByState(tenant, s))
	}
	return keys
}

// Mark makes marks durable, all of one tenant: unless the record already waits
// in a stream, an entry is added. added counts the new entries. Few marks share
// a flush with those of other calls that come at the same time; a call that has
// returned nil is durable, whatever became of its neighbours. ErrFull when the
// lane is at its bound, Redis short of memory, or too many calls wait; then
// nothing is written. A Redis that takes no writes refuses all marks.
func (q *Queue) Mark(ctx context.Context, tenant string, c Class, marks ...Mark) (added int, err error) {
	return q.mark(q.gather.post(ctx, time.Time{}, tenant, c, marks))
}

// MarkUntil is Mark for a caller that nothing but the time makes give up: it
// costs no context with a timer of its own.
func (q *Queue) MarkUntil(until time.Time, tenant string, c Class, marks ...Mark) (added int, err error) {
	return q.mark(q.gather.post(context.Background(), until, tenant, c, marks))
}

func (q *Queue) mark(p *post) (added int, err error) {
	if len(p.marks) == 0 {
		return 0, nil
	}
	if used := q.memory.used(p.ctx, p.tenant); used >= q.o.MemoryShare {
		return 0, fmt.Errorf("mark %d records of %s: Redis uses %.0f %% of its maxmemory: %w", len(p.marks), p.tenant, 100*used, ErrFull)
	}
	if err := named(p.marks); err != nil {
		return 0, err
	}
	if q.o.Flights > 0 && len(p.marks) <= maxShared {
		return q.gather.mark(p)
	}
	ctx, cancel := latest([]*post{p})
	defer cancel()
	q.flush(ctx, []*post{p})
	return p.added, p.err
}

// Again marks records that were here before, each in the class that it was last
// taken from: what came with a backfill goes on behind live work. They were
// counted when they were first marked, so neither the bound nor a full Redis
// keeps them out: a lane drains only if they go on.
func (q *Queue) Again(ctx context.Context, tenant string, marks ...Mark) error {
	if len(marks) == 0 {
		return nil
	}
	if err := named(marks); err != nil {
		return err
	}
	keys, args := q.markArgs(tenant, "retry", 0, &post{marks: marks})
	if _, err := retryScript.run(ctx, q.rdb, keys, args...); err != nil {
		return fmt.Errorf("mark %d records of %s again: %w", len(marks), tenant, err)
	}
	q.count(marks)
	return q.Wake(ctx, tenant, time.Time{})
}

// named fails unless each mark names a record.
func named(marks []Mark) error {
	for _, m := range marks {
		if m.Type == "" || m.ID == "" || strings.ContainsAny(m.Type, ":{} \t\r\n") || strings.ContainsAny(m.ID, ":{} \t\r\n") {
			return fmt.Errorf("mark %q: not a record type and id", m.Ref)
		}
	}
	return nil
}

// sourceRetry is the source of marks that a lane makes of its due retries.
const sourceRetry = "retry"

// markArgs are the keys and arguments of markScript for the marks of some
// posts.
func (q *Queue) markArgs(tenant, class string, bound int64, posts ...*post) (keys []string, args []any) {
	l := q.lane(tenant)
	keys = slices.Clone(l.keys)
	for _, p := range posts {
		for _, m := range p.marks {
			keys = append(keys, l.record(m.Ref))
		}
	}
	return keys, alike([]any{class, bound}, posts)
}

// markCommand is the run of markScript for a lot, until whose end the marks
// and the names of their records stay as they are. It is built without the
// client's help and of pointers, for each text by itself would have to be boxed.
func (q *Queue) markCommand(ctx context.Context, script *redis.Script, l *lot, names []string) *redis.Cmd {
	args := append(make([]any, 0, 3+laneKeys+l.n+6), "evalsha", script.Hash(), laneKeys+l.n)
	args = append(args, q.lane(l.tenant).boxed...)
	for i := range names {
		args = append(args, &names[i])
	}
	args = append(args, (*string)(&l.class), &q.o.Bound)
	cmd := redis.NewCmd(ctx, alike(args, l.posts)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// names are the keys of the records of all marks of some lots. They lie in one
// text.
func (q *Queue) names(lots []lot) []string {
	n, size := 0, 0
	for _, l := range lots {
		n += l.n
		size += l.n * len(q.lane(l.tenant).records)
		for _, p := range l.posts {
			for _, m := range p.marks {
				size += len(m.Type) + 1 + len(m.ID)
			}
		}
	}
	var all strings.Builder
	all.Grow(size)
	out := make([]string, 0, n)
	for _, l := range lots {
		records := q.lane(l.tenant).records
		for _, p := range l.posts {
			for _, m := range p.marks {
				from := all.Len()
				for _, part := range [...]string{records, m.Type, ":", m.ID} {
					all.WriteString(part)
				}
				out = append(out, all.String()[from:])
			}
		}
	}
	return out
}

// alike appends what marks say besides their records, once for those in a row
// that say the same, as nearly all do. There is at least one.
func alike(args []any, posts []*post) []any {
	var first *Mark
	n := 0
	for _, p := range posts {
		for i := range p.marks {
			m := &p.marks[i]
			if first != nil && (m.Source != first.Source || m.Note != first.Note || m.Trace != first.Trace) {
				args, n = append(args, n, &first.Source, &first.Note, &first.Trace), 0
			}
			if n++; n == 1 {
				first = m
			}
		}
	}
	return append(args, n, &first.Source, &first.Note, &first.Trace)
}

// laneKeys is how many keys of a lane markScript takes before those of
// records.
const laneKeys = 9

// laneNames are these keys, also as arguments of a command, and the beginning
// of the keys of records.
type laneNames struct {
	keys    []string
	boxed   []any
	records string
	logs    string
}

func (l *laneNames) record(r Ref) string { return l.records + r.Type + ":" + r.ID }

func (l *laneNames) log(r Ref) string { return l.logs + r.Type + ":" + r.ID }

// states are the keys of the indexes, in the order of States.
func (l *laneNames) states() []string { return l.keys[laneKeys-len(States):] }

// lane are the names of a tenant's lane. They are built once for each tenant,
// for they are half of what a mark allocates.
func (q *Queue) lane(tenant string) *laneNames {
	if known, ok := q.keys.Load(tenant); ok {
		return known.(*laneNames)
	}
	l := &laneNames{keys: append([]string{KeyStream(tenant, Live), KeyStream(tenant, Bulk), KeyDue(tenant)}, byState(tenant)...), records: key(tenant, "rec:"), logs: key(tenant, "steps:")}
	for _, k := range l.keys {
		l.boxed = append(l.boxed, k)
	}
	q.keys.Store(tenant, l)
	return l
}

// count tells Options.Marked of marks.
func (q *Queue) count(marks []Mark) {
	if q.o.Marked != nil {
		for _, m := range marks {
			q.o.Marked(m.Source, m.Type)
		}
	}
}

// Wake makes the tenant's lane due at the given time if it is not due
// earlier; the zero time means now.
func (q *Queue) Wake(ctx context.Context, tenant string, at time.Time) error {
	ms := int64(0)
	if !at.IsZero() {
		ms = at.UnixMilli()
	}
	if _, err := wakeScript.run(ctx, q.rdb, []string{KeyLanes}, ms, tenant); err != nil {
		return fmt.Errorf("wake the lane of %s: %w", tenant, err)
	}
	if ms == 0 {
		q.tellWorker()
	}
	return nil
}

// Woken tells a worker of this process that a lane has become due, so that it
// need not look for one all the time. It is a hint: what other processes make
// due, or what becomes due with time, is found by looking alone.
func (q *Queue) Woken() <-chan struct{} { return q.woken }

func (q *Queue) tellWorker() {
	select {
	case q.woken <- struct{}{}:
	default: // told already
	}
}

// NextDue returns when the next lane is due; the zero time when there is none.
func (q *Queue) NextDue(ctx context.Context) (time.Time, error) {
	z, err := q.rdb.ZRangeWithScores(ctx, KeyLanes, 0, 0).Result()
	if err != nil || len(z) == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(z[0].Score)), nil
}

// Pause stops claims of the lane; marks keep arriving. Resume undoes it.
func (q *Queue) Pause(ctx context.Context, tenant, why string) error {
	if why == "" {
		why = "paused"
	}
	return q.rdb.HSet(ctx, KeyLane(tenant), "paused", why).Err()
}

// Resume lets the lane be claimed again.
func (q *Queue) Resume(ctx context.Context, tenant string) error {
	if err := q.rdb.HDel(ctx, KeyLane(tenant), "paused").Err(); err != nil {
		return err
	}
	return q.Wake(ctx, tenant, time.Time{})
}

// Lane describes a lane for people and metrics.
type Lane struct {
	Depth  map[Class]int64 // entries that are not settled
	Oldest time.Time       // when the oldest of them was marked; zero when none
	Owner  string          // worker that holds the lane, "" when none
	Fence  int64
	Paused string    // why it is paused, "" when it is not
	DueAt  time.Time // when it next wants a worker; zero when never
	Due    int64     // records with a retry time
}

// Lane reads the lane of a tenant.
func (q *Queue) Lane(ctx context.Context, tenant string) (Lane, error) {
	p := q.rdb.Pipeline()
	hash := p.HGetAll(ctx, KeyLane(tenant))
	due := p.ZCard(ctx, KeyDue(tenant))
	length, first := map[Class]*redis.IntCmd{}, map[Class]*redis.XMessageSliceCmd{}
	for _, c := range []Class{Live, Bulk} {
		length[c] = p.XLen(ctx, KeyStream(tenant, c))
		first[c] = p.XRangeN(ctx, KeyStream(tenant, c), "-", "+", 1)
	}
	if _, err := p.Exec(ctx); err != nil {
		return Lane{}, fmt.Errorf("read the lane of %s: %w", tenant, err)
	}
	score, err := q.rdb.ZScore(ctx, KeyLanes, tenant).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Lane{}, fmt.Errorf("read the lane of %s: %w", tenant, err)
	}
	h := hash.Val()
	l := Lane{Depth: map[Class]int64{}, Owner: h["owner"], Fence: number(h["fence"]), Paused: h["paused"], Due: due.Val()}
	if err == nil {
		l.DueAt = time.UnixMilli(int64(score))
	}
	for c := range length {
		l.Depth[c] = length[c].Val()
		for _, m := range first[c].Val() {
			if at := milli(text(m.Values["at"])); l.Oldest.IsZero() || at.Before(l.Oldest) {
				l.Oldest = at
			}
		}
	}
	return l, nil
}

// Forget deletes everything kept for the tenant under its hash tag, and its lane.
func (q *Queue) Forget(ctx context.Context, tenant string) error {
	if err := q.rdb.ZRem(ctx, KeyLanes, tenant).Err(); err != nil {
		return fmt.Errorf("forget %s: %w", tenant, err)
	}
	q.keys.Delete(tenant)
	if err := q.epoch.forget(ctx, tenant); err != nil {
		return fmt.Errorf("forget %s: %w", tenant, err)
	}
	// A prefix is found by scanning every node; it happens once in a tenant's life.
	err := q.nodes(ctx, func(ctx context.Context, c redis.Cmdable) error {
		it := c.Scan(ctx, 0, key(tenant, "*"), 500).Iterator()
		for it.Next(ctx) {
			if err := c.Unlink(ctx, it.Val()).Err(); err != nil {
				return err
			}
		}
		return it.Err()
	})
	if err != nil {
		return fmt.Errorf("forget %s: %w", tenant, err)
	}
	return nil
}
