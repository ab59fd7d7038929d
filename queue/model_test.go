package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// chance plays a lane with random marks, turns and deaths. It is the hook of its
// client: before any command something else may happen, also in the middle of
// a call, and the answer may be lost.
type chance struct {
	t       *testing.T
	q, side *queue.Queue // side is for what happens in the middle of a call of q
	rdb     redis.UniversalClient
	rnd     *rand.Rand
	now     int
	owed    map[queue.Ref]int // when a record was last marked by a mark that was answered
	workers []*worker         // the last holds the lane, unless it has died
	calm    bool              // nothing happens in between
	said    []string
}

// worker is a turn and what it has taken, and when.
type worker struct {
	*queue.Turn
	hand []queue.Entry
	when []int
}

var errLost = errors.New("the answer was lost")

func (m *chance) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *chance) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return m.around(func() error { return next(ctx, cmd) }, cmd)
	}
}

func (m *chance) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return m.around(func() error { return next(ctx, cmds) }, cmds...)
	}
}

func (m *chance) around(run func() error, cmds ...redis.Cmder) error {
	if m.calm {
		return run()
	}
	if m.rnd.IntN(6) == 0 {
		q := m.q
		m.q, m.calm = m.side, true
		[]func(){m.mark, m.mark, m.mark, m.die, m.repair}[m.rnd.IntN(5)]()
		m.q, m.calm = q, false
	}
	err := run()
	if m.rnd.IntN(60) > 0 {
		return err
	}
	for _, cmd := range cmds {
		cmd.SetErr(errLost)
	}
	return errLost
}

func (m *chance) say(format string, args ...any) {
	m.said = append(m.said, fmt.Sprintf("%d: ", m.now)+fmt.Sprintf(format, args...))
}

func (m *chance) mark() {
	mark, class := bill(m.rnd.IntN(4)), []queue.Class{queue.Live, queue.Bulk, "again"}[m.rnd.IntN(3)]
	var err error
	if class == "again" {
		err = m.q.Again(m.t.Context(), "acme", mark)
	} else {
		_, err = m.q.Mark(m.t.Context(), "acme", class, mark)
	}
	m.now++
	m.say("mark %s %s: %v", mark.Ref, class, err)
	if err == nil {
		m.owed[mark.Ref] = m.now
	}
}

// die ends the lease of whoever holds the lane, without its knowledge.
func (m *chance) die() {
	m.rdb.HSet(m.t.Context(), queue.KeyLane("acme"), "until", "0")
	m.say("the lease ends")
}

func (m *chance) repair() {
	_, err := m.q.Repair(m.t.Context(), "acme")
	m.say("repair: %v", err)
}

func (m *chance) claim() {
	turn, err := m.q.ClaimTenant(m.t.Context(), "w", "acme")
	if m.say("claim: %v", err); turn != nil {
		m.workers = append(m.workers, &worker{Turn: turn})
	}
}

func (m *chance) take(w *worker) int {
	got, err := w.Take(m.t.Context(), 1+m.rnd.IntN(3))
	m.now++
	for _, e := range got {
		w.hand, w.when = append(w.hand, e), append(w.when, m.now)
	}
	m.say("%d takes %v: %v", w.Fence, got, err)
	return len(got)
}

// settle settles a record in hand, which was read after it was taken.
func (m *chance) settle(w *worker) {
	if len(w.hand) == 0 {
		return
	}
	i := m.rnd.IntN(len(w.hand))
	e, when := w.hand[i], w.when[i]
	w.hand, w.when = slices.Delete(w.hand, i, i+1), slices.Delete(w.when, i, i+1)
	s := done(&e)
	if m.rnd.IntN(3) == 0 { // it is due again at once, or with the next mark
		s.State, s.NextAt = queue.Waiting, []time.Time{{}, time.Now().Add(-time.Second)}[m.rnd.IntN(2)]
	}
	err := w.Settle(m.t.Context(), s)
	m.say("%d settles %s as %s: %v", w.Fence, e.Ref, s.State, err)
	if !errors.Is(err, queue.ErrStale) && m.owed[e.Ref] < when {
		delete(m.owed, e.Ref)
	}
}

func (m *chance) work(w *worker) {
	switch n := m.rnd.IntN(8); {
	case n < 3:
		m.take(w)
	case n < 6:
		m.settle(w)
	case n < 7:
		m.say("%d releases: %v", w.Fence, w.Release(m.t.Context(), time.Time{}, time.Time{}))
	default:
		m.say("%d abandons: %v", w.Fence, w.Abandon(m.t.Context(), 0))
	}
}

// drain works until the lane is asleep.
func (m *chance) drain() string {
	m.calm = true
	m.die()
	m.rdb.ZAddArgs(m.t.Context(), queue.KeyLanes, redis.ZAddArgs{XX: true, Members: []redis.Z{{Member: "acme"}}}) // a lease later
	for range 100 {
		turn, err := m.q.Claim(m.t.Context(), "w")
		if turn == nil {
			return fmt.Sprint("asleep ", err)
		}
		w := &worker{Turn: turn}
		for n := 0; m.take(w) > 0; n++ {
			if n == 100 {
				return "it is never empty"
			}
			for len(w.hand) > 0 {
				m.settle(w)
			}
		}
		release(m.t, turn)
	}
	return "it does not come to rest"
}

// Whatever comes between and whoever dies: after every mark that was answered
// its record is taken, read and settled.
func TestEveryMarkIsFollowedByARead(t *testing.T) {
	rdb := redistest.Embedded(t)
	m := &chance{}
	rdb.AddHook(m)
	for seed := range soak.N(40, 3000) {
		*m = chance{calm: true}
		redistest.Flush(t, rdb)
		*m = chance{t: t, rdb: rdb, rnd: rand.New(rand.NewPCG(uint64(seed), 1)), owed: map[queue.Ref]int{},
			q: queue.New(rdb, queue.Options{Flights: -1}), side: queue.New(rdb, queue.Options{Flights: -1})}
		for range 80 {
			switch n := m.rnd.IntN(10); {
			case n < 3:
				m.mark()
			case n < 4:
				m.claim()
			case n < 5 && len(m.workers) > 0: // perhaps one that has lost the lane
				m.work(m.workers[m.rnd.IntN(len(m.workers))])
			case len(m.workers) > 0:
				m.work(m.workers[len(m.workers)-1])
			}
		}
		end := m.drain()
		if len(m.owed) > 0 || end != "asleep <nil>" {
			t.Fatalf("seed %d: %s; marked and not read since: %v\n%s", seed, end, m.owed, strings.Join(m.said, "\n"))
		}
	}
}
