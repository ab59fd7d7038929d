package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// group and consumer are the only ones: the holder of a lane alone reads it,
// so what a predecessor had taken is found again under the same name, and no
// dead consumers pile up.
const (
	group    = "lane"
	consumer = "lane"
)

// Entry is a mark in the hands of a worker.
type Entry struct {
	Ref
	Want     int64 // the record's want when it was taken
	Source   string
	Note     string
	Trace    string
	MarkedAt time.Time
	Crashes  int // workers that died holding it
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
	Failed bool              // counts an attempt; any state but Waiting sets the count back
	Facts  map[string]string // extra fields of the record to set, "" deletes
	Steps  []Step
	Quiet  bool // nothing new: neither Steps nor the outcome go into the timeline
}

// Turn is a claimed lane: this process alone works for the tenant until the
// lease ends. Its methods are for one goroutine, except Extend and Valid.
type Turn struct {
	Tenant string
	Fence  int64 // only grows, per lane

	q       *Queue
	fence   string
	died    bool             // the holder before died in its turn
	until   atomic.Int64     // end of the lease, monotonic nanoseconds since began
	began   time.Time        // with monotonic reading
	history map[Class]bool   // streams whose pending entries have been taken
	cursor  map[Class]string // where reading the pending entries stands
	hands   map[string]Entry // taken and unsettled, by stream id
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
		t, err := q.claim(ctx, owner, text(v), sent)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, nil
}

// ClaimTenant takes the lane of one tenant, whether it is due or not; nil, nil
// while another holds it, or while it is paused or left alone on purpose.
func (q *Queue) ClaimTenant(ctx context.Context, owner, tenant string) (*Turn, error) {
	return q.claim(ctx, owner, tenant, time.Now())
}

func (q *Queue) claim(ctx context.Context, owner, tenant string, sent time.Time) (*Turn, error) {
	v, err := holdScript.run(ctx, q.rdb, []string{KeyLane(tenant)}, owner, q.o.Lease.Milliseconds())
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim the lane of %s: %w", tenant, err)
	}
	got, _ := v.([]any)
	if len(got) == 1 {
		// Left alone on purpose: due again when that ends, whatever was marked.
		return nil, q.Wake(ctx, tenant, milli(text(got[0])))
	}
	if len(got) != 2 {
		return nil, fmt.Errorf("claim the lane of %s: unexpected answer %v", tenant, v)
	}
	t := &Turn{Tenant: tenant, Fence: number(text(got[0])), q: q, fence: text(got[0]), died: text(got[1]) == "1", began: sent,
		history: map[Class]bool{}, cursor: map[Class]string{Live: "0", Bulk: "0"}, hands: map[string]Entry{}}
	t.until.Store(int64(q.o.Lease))
	return t, nil
}

// Extend renews the lease; ErrStale when it was lost.
func (t *Turn) Extend(ctx context.Context) error {
	sent := time.Since(t.began)
	v, err := extendScript.run(ctx, t.q.rdb, []string{KeyLane(t.Tenant)}, t.fence, t.q.o.Lease.Milliseconds())
	if err := t.verdict("extend the lease", v, err); err != nil {
		return err
	}
	t.until.Store(int64(sent + t.q.o.Lease))
	// The score follows, so that nobody looks at a lane that is held. Should a
	// mark have lowered it, Release finds the mark.
	if err := t.q.rdb.ZAddXX(ctx, KeyLanes, redis.Z{Score: float64(number(text(v))), Member: t.Tenant}).Err(); err != nil {
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
	return time.Since(t.began)+margin < time.Duration(t.until.Load())
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

// Take returns up to most entries: first those that a predecessor took and did
// not settle, then due retries and live marks, then, only when there are
// none, bulk. Each record taken becomes Running. Empty means that nothing
// waits. What is taken and not settled is taken again in a later turn.
func (t *Turn) Take(ctx context.Context, most int) ([]Entry, error) {
	if !t.Valid(0) {
		return nil, fmt.Errorf("take marks of %s: %w", t.Tenant, ErrStale)
	}
	for _, c := range []Class{Live, Bulk} {
		for !t.history[c] {
			got, err := t.read(ctx, c, t.cursor[c], most)
			if err != nil || len(got) > 0 {
				return got, err
			}
		}
	}
	if err := t.promote(ctx, most); err != nil {
		return nil, err
	}
	got, err := t.read(ctx, Live, ">", most)
	if err != nil || len(got) > 0 {
		return got, err
	}
	return t.read(ctx, Bulk, ">", most)
}

// promote marks the records whose retry is due.
func (t *Turn) promote(ctx context.Context, most int) error {
	now, err := t.q.rdb.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("read the time: %w", err)
	}
	due, err := t.q.rdb.ZRangeByScore(ctx, KeyDue(t.Tenant), &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(now.UnixMilli(), 10), Count: int64(most)}).Result()
	if err != nil {
		return fmt.Errorf("read the retries of %s: %w", t.Tenant, err)
	}
	var marks []Mark
	for _, s := range due {
		if r, ok := ParseRef(s); ok {
			marks = append(marks, Mark{Ref: r, Source: "retry", Note: "its time has come"})
		}
	}
	if len(marks) == 0 {
		return nil
	}
	_, err = t.q.Mark(ctx, t.Tenant, Live, marks...)
	return err
}

// read takes entries of a stream: new ones from ">", pending ones from an id.
func (t *Turn) read(ctx context.Context, c Class, from string, most int) ([]Entry, error) {
	stream := KeyStream(t.Tenant, c)
	res, err := t.q.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: consumer, Streams: []string{stream, from}, Count: int64(most), Block: -1}).Result()
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		if err := t.q.rdb.XGroupCreateMkStream(ctx, stream, group, "0").Err(); err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return nil, fmt.Errorf("create the group of %s: %w", stream, err)
		}
		return t.read(ctx, c, from, most)
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	var messages []redis.XMessage
	if len(res) > 0 {
		messages = res[0].Messages
	}
	if from != ">" {
		if len(messages) == 0 {
			t.history[c] = true
			return nil, nil
		}
		t.cursor[c] = messages[len(messages)-1].ID
	}
	var out []Entry
	for _, m := range messages {
		e, ok, err := t.begin(ctx, c, stream, m, from != ">")
		if err != nil {
			return nil, err
		}
		if ok {
			t.hands[m.ID] = e
			out = append(out, e)
		}
	}
	if len(messages) > 0 && len(out) == 0 {
		return t.read(ctx, c, next(from, messages), most)
	}
	return out, nil
}

// next is where to read on when a whole page was superseded.
func next(from string, page []redis.XMessage) string {
	if from == ">" {
		return from
	}
	return page[len(page)-1].ID
}

// begin puts the record of an entry to work; ok is false when the entry no
// longer counts.
func (t *Turn) begin(ctx context.Context, c Class, stream string, m redis.XMessage, again bool) (Entry, bool, error) {
	r, ok := ParseRef(text(m.Values["ref"]))
	if !ok {
		// Its body is gone or not ours: nothing can be known of it.
		p := t.q.rdb.Pipeline()
		p.XAck(ctx, stream, group, m.ID)
		p.XDel(ctx, stream, m.ID)
		_, err := p.Exec(ctx)
		return Entry{}, false, err
	}
	died := "0"
	if again && t.died {
		died = "1"
	}
	keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, r), stream}, byState(t.Tenant)...)
	v, err := beginScript.run(ctx, t.q.rdb, keys, t.fence, r.String(), m.ID, died)
	if err := t.verdict("take "+r.String(), v, err); err != nil {
		return Entry{}, false, err
	}
	got, ok := v.([]any)
	if !ok || len(got) != 3 {
		return Entry{}, false, nil
	}
	return Entry{Ref: r, Want: number(text(got[0])), Source: text(m.Values["source"]), Note: text(m.Values["note"]), Trace: text(m.Values["trace"]),
		MarkedAt: milli(text(m.Values["at"])), Crashes: int(number(text(got[1]))), Attempts: int(number(text(got[2]))), class: c, stream: m.ID}, true, nil
}

// Settle records outcomes and removes the entries that they settle, each
// outcome in one script under the fence. A record that was marked again since
// it was taken stays Pending with its new entry, whatever its outcome.
// Settling the same entry twice does nothing.
func (t *Turn) Settle(ctx context.Context, out ...Settlement) error {
	for _, s := range out {
		id, want, class := "", int64(0), Live
		if s.Entry != nil {
			id, want, class = s.Entry.stream, s.Entry.Want, s.Entry.class
		}
		keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, s.Ref), KeyStream(t.Tenant, class), KeyDue(t.Tenant), KeyLog(t.Tenant, s.Ref)}, byState(t.Tenant)...)
		at := int64(0)
		if !s.NextAt.IsZero() {
			at = s.NextAt.UnixMilli()
		}
		failed := "0"
		if s.Failed {
			failed = "1"
		}
		args := []any{t.fence, s.Ref.String(), id, want, string(s.State), s.Reason, s.Message, s.Fix, at, failed, t.q.o.LogCap, len(s.Facts)}
		for k, v := range s.Facts {
			args = append(args, k, v)
		}
		var steps []Step
		if !s.Quiet {
			steps = append(slices.Clone(s.Steps), Step{Name: "settled", Text: settledText(s)})
		}
		for _, step := range steps {
			when := ""
			if !step.At.IsZero() {
				when = strconv.FormatInt(step.At.UnixMilli(), 10)
			}
			args = append(args, when, step.Name, step.Text)
		}
		v, err := settleScript.run(ctx, t.q.rdb, keys, args...)
		if err := t.verdict("settle "+s.Ref.String(), v, err); err != nil {
			return err
		}
		delete(t.hands, id)
	}
	return nil
}

func settledText(s Settlement) string {
	out := string(s.State)
	if s.Reason != "" {
		out += ", " + s.Reason
	}
	if s.Message != "" {
		out += ": " + s.Message
	}
	return out
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

// Release gives the lane back. It is due again at once if anything waits,
// else at its earliest retry or at next, whichever is first; a zero next adds
// nothing. Until hold, if not zero, nobody may claim the lane, whatever is
// marked (a spent budget, an upstream that is down).
func (t *Turn) Release(ctx context.Context, next, hold time.Time) error {
	for id, e := range t.hands {
		keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, e.Ref)}, byState(t.Tenant)...)
		v, err := returnScript.run(ctx, t.q.rdb, keys, t.fence, e.Ref.String(), id)
		if err := t.verdict("give back "+e.Ref.String(), v, err); err != nil {
			return err
		}
	}
	// Up first, look then, down last: see the package comment.
	if err := t.q.rdb.ZAddXX(ctx, KeyLanes, redis.Z{Score: never, Member: t.Tenant}).Err(); err != nil {
		return fmt.Errorf("release the lane of %s: %w", t.Tenant, err)
	}
	keys := []string{KeyLane(t.Tenant), KeyStream(t.Tenant, Live), KeyStream(t.Tenant, Bulk), KeyDue(t.Tenant)}
	until := int64(0)
	if !hold.IsZero() {
		until = hold.UnixMilli()
	}
	v, err := releaseScript.run(ctx, t.q.rdb, keys, t.fence, until)
	stale := t.verdict("release the lane", v, err)
	if stale != nil && !errors.Is(stale, ErrStale) {
		return stale
	}
	at := next
	if due := number(text(v)); stale != nil || due == 0 {
		at = time.Now()
	} else if due > 0 && (at.IsZero() || time.UnixMilli(due).Before(at)) {
		at = time.UnixMilli(due)
	}
	if at.IsZero() {
		return stale
	}
	if at.Before(hold) {
		at = hold
	}
	if err := t.q.Wake(ctx, t.Tenant, at); err != nil {
		return err
	}
	return stale
}

// never is a score beyond every time: the lane wants no worker.
const never = 1e15

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
