package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Sweep looks for lanes that nobody would ever claim although work waits in
// them, and wakes them: mlc:lanes lies in another slot than the lanes, and may
// be lost alone. Where marks have vanished from the streams it repairs. It
// returns how many lanes it woke. tenants is in order.
//
// Every sweep finds the lanes that have no place in mlc:lanes, for one command
// tells of a thousand. A lane that has one gets a turn at its time, which finds
// all that waits. That this time is later than it should be takes some commands
// to see: each sweep looks for it in closeLooks lanes, and the next one, by
// whichever process, in those behind them.
func (q *Queue) Sweep(ctx context.Context, tenants []string) (woken int, err error) {
	placed, missing, err := q.places(ctx, tenants)
	if err != nil {
		return 0, err
	}
	after, err := q.rdb.Get(ctx, keySwept).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("read how far the sweep is: %w", err)
	}
	look, last := nextLooks(placed, after)
	if err := q.rdb.Set(ctx, keySwept, last, 0).Err(); err != nil {
		return 0, fmt.Errorf("note how far the sweep is: %w", err)
	}
	// A lane that cannot be read does not keep the sweep from the others.
	var failed error
	for some := range slices.Chunk(append(missing, look...), 100) {
		n, err := q.sweep(ctx, some)
		if woken += n; failed == nil {
			failed = err
		}
	}
	return woken, failed
}

// closeLooks is how many lanes that have a place in mlc:lanes one sweep looks
// at, however many there are.
const closeLooks = 500

// nextLooks are the tenants whose turn it is to be looked at, after the one
// that was the last, and which is the last now; "" begins anew.
func nextLooks(tenants []string, after string) (look []string, last string) {
	from, found := slices.BinarySearch(tenants, after)
	if found {
		from++
	}
	if look = tenants[from:]; len(look) <= closeLooks {
		return look, ""
	}
	return look[:closeLooks], look[closeLooks-1]
}

// places tells the tenants whose lanes have a place in mlc:lanes from those
// whose lanes have none.
func (q *Queue) places(ctx context.Context, tenants []string) (placed, missing []string, err error) {
	for some := range slices.Chunk(tenants, 1000) {
		scores, err := q.rdb.ZMScore(ctx, KeyLanes, some...).Result()
		if err != nil {
			return nil, nil, fmt.Errorf("read when %d lanes are due: %w", len(some), err)
		}
		for i, score := range scores {
			if score == 0 { // the client's word for none
				missing = append(missing, some[i])
			} else {
				placed = append(placed, some[i])
			}
		}
	}
	return placed, missing, nil
}

// sweep looks at some lanes and mends what it can; its error is the first of
// several.
func (q *Queue) sweep(ctx context.Context, tenants []string) (woken int, failed error) {
	p := q.rdb.Pipeline()
	rows := make([]sightCmds, len(tenants))
	for i, t := range tenants {
		rows[i] = sightCmds{
			hash: p.HMGet(ctx, KeyLane(t), "owner", "until", "hold"),
			live: p.XLen(ctx, KeyStream(t, Live)), bulk: p.XLen(ctx, KeyStream(t, Bulk)),
			pending: p.ZCard(ctx, KeyByState(t, Pending)), running: p.ZCard(ctx, KeyByState(t, Running)),
			due: p.ZRangeWithScores(ctx, KeyDue(t), 0, 0), score: p.ZScore(ctx, KeyLanes, t),
		}
	}
	clock := p.Time(ctx)
	_, _ = p.Exec(ctx) // each command tells its own error
	if err := clock.Err(); err != nil {
		return 0, fmt.Errorf("sweep %d lanes: %w", len(tenants), err)
	}
	for i, t := range tenants {
		s, err := rows[i].sight(clock.Val().UnixMilli(), q.o.Lease.Milliseconds())
		if err == nil {
			var woke bool
			if woke, err = q.mend(ctx, t, s); woke {
				woken++
			}
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("sweep the lane of %s: %w", t, err)
		}
	}
	return woken, failed
}

// mend does for a lane what the sight of it asks for.
func (q *Queue) mend(ctx context.Context, tenant string, s sight) (woke bool, err error) {
	wake, broken := s.judge()
	if broken {
		_, err = q.Repair(ctx, tenant)
	}
	if wake > 0 && err == nil {
		err = q.Wake(ctx, tenant, time.UnixMilli(wake))
		woke = err == nil
	}
	return woke, err
}

// sightCmds are what a sight is made of.
type sightCmds struct {
	hash                         *redis.SliceCmd
	live, bulk, pending, running *redis.IntCmd
	due                          *redis.ZSliceCmd
	score                        *redis.FloatCmd
}

// sight is what they show at a time.
func (c sightCmds) sight(now, lease int64) (sight, error) {
	for _, err := range []error{c.hash.Err(), c.live.Err(), c.bulk.Err(), c.pending.Err(), c.running.Err(), c.due.Err(), c.score.Err()} {
		if err != nil && !errors.Is(err, redis.Nil) {
			return sight{}, err
		}
	}
	s := sight{now: now, lease: lease, entries: c.live.Val() + c.bulk.Val(), open: c.pending.Val() + c.running.Val(), score: -1, due: -1}
	if h := c.hash.Val(); len(h) == 3 {
		s.held = text(h[0]) != "" && number(text(h[1])) > now
		s.hold = number(text(h[2]))
	}
	if d := c.due.Val(); len(d) > 0 {
		s.due = int64(d[0].Score)
	}
	if c.score.Err() == nil {
		s.score = int64(c.score.Val())
	}
	return s, nil
}

// sight is what a sweep sees of a lane; times are in ms, -1 is none.
type sight struct {
	now, lease    int64
	entries, open int64 // entries in the streams; records that wait or are at work
	due           int64 // earliest retry
	score         int64 // in mlc:lanes
	held          bool
	hold          int64 // until when the lane must be left alone
}

// judge says when the lane must be woken, 0 for not at all, and whether its
// records disagree with its streams.
func (s sight) judge() (wake int64, broken bool) {
	if s.held {
		return 0, false // its holder looks when it gives it back
	}
	wants := int64(-1)
	switch {
	case s.entries > 0 || s.open > 0:
		wants = s.now
	case s.due >= 0:
		wants = max(s.due, s.now)
	case s.score < 0:
		wants = s.now // a lane without a score is not even polled
	}
	// A claim under way has moved the score on by a lease.
	if wants >= 0 && (s.score < 0 || s.score > max(wants, s.hold)+s.lease) {
		wake = max(wants, s.hold)
	}
	return wake, s.open > s.entries
}
