package queue

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// gatherer lets marks that are made at the same time share flushes: what one
// flush carries becomes durable with one fsync, costs one round trip and, for
// each tenant, one run of the script. A mark that finds no flush in flight goes
// at once and alone, so one mark alone waits for nobody and for no timer; what
// comes meanwhile goes together as soon as the last flush has landed, or enough
// has gathered to be worth a flush beside those in flight. What has waited for
// longer than a flush should take goes too: the one in flight may hang on a
// connection that is dead.
//
// So the more marks there are, the less each costs, on a fast disk; and on a
// slow one, where it counts how many marks are under way, nearly all are.
type gatherer struct {
	q *Queue

	mu      sync.Mutex
	flying  int // flushes in flight
	waiting []*post
	since   time.Time   // from when on the patience of what waits counts
	hurry   *time.Timer // when impatient looks
	alarm   time.Time   // when overdue looks; zero: not at all

	spare sync.Pool // of *post that were answered, to be used again
}

const (
	// defaultFlights bounds the flushes in flight: each takes a connection.
	defaultFlights = 16
	// worthAFlight is how many calls must wait for a flush of their own while
	// others are in flight.
	worthAFlight = 64
	// patience is how long a call waits for a flush in flight to land before it
	// goes beside it, however few wait with it.
	patience = 20 * time.Millisecond
	// maxGathered bounds the posts that wait for a place: more are refused.
	maxGathered = 4096
	// maxFlush is how many marks a flush carries: about what Redis reads at
	// once (16 KB), for it makes durable what it has read before it reads on.
	maxFlush = 100
	// maxShared is the most marks of one call that share a flush; larger calls
	// are batches already.
	maxShared = 16
)

// departs reports whether what waits goes now. g.mu is held.
func (g *gatherer) departs(hurry bool) bool {
	return len(g.waiting) > 0 && (g.flying == 0 || g.flying < g.q.o.Flights && (hurry || len(g.waiting) >= worthAFlight))
}

// post is one call of Mark that waits for its answer.
type post struct {
	ctx    context.Context
	until  time.Time // when it is waited for no longer; zero: until ctx ends
	tenant string
	class  Class
	marks  []Mark
	one    [1]Mark     // room for the marks of most posts
	left   atomic.Bool // nobody waits for the answer any more, or it was given
	done   chan bool   // true when added and err are set, false when it is late
	added  int
	err    error
}

// post makes a post, of one that was answered if there is such.
func (g *gatherer) post(ctx context.Context, until time.Time, tenant string, c Class, marks []Mark) *post {
	p, ok := g.spare.Get().(*post)
	if !ok {
		p = &post{done: make(chan bool, 1)}
	}
	p.left.Store(false)
	// A copy, so that the caller's marks need not leave its stack.
	p.ctx, p.until, p.tenant, p.class, p.marks, p.added, p.err = ctx, until, tenant, c, append(p.one[:0], marks...), 0, nil
	return p
}

// result is what a flush has set. Nobody else has the post any more.
func (g *gatherer) result(p *post) (added int, err error) {
	added, err = p.added, p.err
	p.ctx, p.marks, p.err = nil, nil, nil
	g.spare.Put(p)
	return added, err
}

// answer lets whoever waits go on: with what the flush has set or, if it is
// late, without.
func (p *post) answer(set bool) {
	if p.left.CompareAndSwap(false, true) {
		p.done <- set
	}
}

func (p *post) gaveUp(err error) error {
	return fmt.Errorf("mark %d records of %s: %w", len(p.marks), p.tenant, err)
}

// deadline is when nobody waits for the post any more.
func (p *post) deadline() (time.Time, bool) {
	if !p.until.IsZero() {
		return p.until, true
	}
	return p.ctx.Deadline()
}

// mark makes the marks of a post durable.
func (g *gatherer) mark(p *post) (int, error) {
	g.mu.Lock()
	if g.flying == 0 { // then nothing waits
		g.flying++
		g.mu.Unlock()
		g.alone(p)
		return g.result(p)
	}
	if len(g.waiting) >= maxGathered {
		g.mu.Unlock()
		return 0, fmt.Errorf("mark %d records of %s: %d calls wait for Redis already: %w", len(p.marks), p.tenant, maxGathered, ErrFull)
	}
	if g.waiting = append(g.waiting, p); len(g.waiting) == 1 {
		g.wait()
	}
	if !p.until.IsZero() && (g.alarm.IsZero() || p.until.Before(g.alarm)) {
		g.arm(p.until)
	}
	next := g.next(false)
	g.mu.Unlock()
	if next != nil {
		go g.fly(next)
	}
	select {
	case set := <-p.done:
		if !set {
			return 0, p.gaveUp(context.DeadlineExceeded)
		}
		return g.result(p)
	case <-p.ctx.Done():
		p.left.Store(true)
		return 0, p.gaveUp(p.ctx.Err())
	}
}

// alone flushes one post for its caller. The flight lands even if the flush
// panics: a caller that recovers must not leave all others waiting for it.
func (g *gatherer) alone(p *post) {
	defer func() {
		if next := g.landed(); next != nil {
			go g.fly(next)
		}
	}()
	posts := []*post{p}
	ctx, cancel := latest(posts)
	defer cancel()
	g.q.flush(ctx, posts)
}

// arm lets overdue look at a time. g.mu is held.
func (g *gatherer) arm(at time.Time) {
	g.alarm = at
	time.AfterFunc(time.Until(at), g.overdue)
}

// overdue answers the posts that have waited for as long as they may. One
// timer serves all that wait for a place; a second, when one comes that waits
// less long than those before it.
func (g *gatherer) overdue() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.alarm) {
		return // another timer is set for then
	}
	g.alarm = time.Time{}
	if next := late(g.waiting); !next.IsZero() {
		g.arm(next)
	}
}

// late answers those of some posts that have waited for as long as they may,
// and says when the next will have.
func late(posts []*post) (next time.Time) {
	now := time.Now()
	for _, p := range posts {
		switch {
		case p.until.IsZero() || p.left.Load():
		case !now.Before(p.until):
			p.answer(false)
		case next.IsZero() || p.until.Before(next):
			next = p.until
		}
	}
	return next
}

// watch does the same for the posts of a flight, until it is told to stop.
type watch struct {
	mu    sync.Mutex
	posts []*post
	timer *time.Timer
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := late(w.posts)
	switch {
	case next.IsZero():
	case w.timer == nil:
		w.timer = time.AfterFunc(time.Until(next), w.look)
	default:
		w.timer.Reset(time.Until(next))
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.posts = nil; w.timer != nil {
		w.timer.Stop()
	}
}

// fly flushes some posts, and goes on with what has gathered meanwhile.
func (g *gatherer) fly(posts []*post) {
	for ; posts != nil; posts = g.landed() {
		ctx, cancel := latest(posts)
		w := &watch{posts: posts}
		w.look()
		g.q.flush(ctx, posts)
		w.stop()
		cancel()
		for _, p := range posts {
			p.answer(true)
		}
	}
}

// landed ends a flush; what it returns goes now.
func (g *gatherer) landed() []*post {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	return g.next(false)
}

// wait begins the patience of what waits. g.mu is held.
func (g *gatherer) wait() {
	g.since = time.Now()
	if g.hurry == nil {
		g.hurry = time.AfterFunc(patience, g.impatient)
	} else {
		g.hurry.Reset(patience)
	}
}

// impatient lets go what has waited for as long as it should.
func (g *gatherer) impatient() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return
	}
	if left := patience - time.Since(g.since); left > 0 {
		g.hurry.Reset(left) // others wait than when it was set
		return
	}
	if next := g.next(true); next != nil {
		go g.fly(next)
	}
	if len(g.waiting) > 0 {
		g.wait()
	}
}

// next takes what goes now, oldest first. g.mu is held.
func (g *gatherer) next(hurry bool) []*post {
	for g.departs(hurry) {
		out := make([]*post, 0, min(len(g.waiting), maxFlush))
		n, used := 0, 0
		for _, p := range g.waiting {
			if n += len(p.marks); n > maxFlush && len(out) > 0 {
				break
			}
			used++
			if p.left.Load() {
				n -= len(p.marks)
				continue
			}
			out = append(out, p)
		}
		clear(g.waiting[:used])
		switch left := g.waiting[used:]; {
		case len(left) > 0:
			g.waiting = left
		case cap(g.waiting) > 4*maxFlush:
			g.waiting = nil // let go of what a burst has grown
		default:
			g.waiting = g.waiting[:0]
		}
		if len(out) > 0 {
			g.flying++
			return out
		}
	}
	return nil
}

// latest is a context that lasts as long as anybody waits for one of the posts.
func latest(posts []*post) (context.Context, context.CancelFunc) {
	ctx := posts[0].ctx
	if len(posts) == 1 && posts[0].until.IsZero() {
		return ctx, func() {}
	}
	ctx = context.WithoutCancel(ctx)
	end, ok := posts[0].deadline()
	for _, p := range posts[1:] {
		at, bounded := p.deadline()
		if ok = ok && bounded; ok && at.After(end) {
			end = at
		}
	}
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

// lot is what a flush marks in one lane.
type lot struct {
	tenant string
	class  Class
	posts  []*post
	n      int // marks
	cmd    *redis.Cmd
}

// flush makes the marks of some posts durable, wakes their lanes and sets what
// the posts wait for. What fails for one lane, or for one post, is not the
// fault of another.
func (q *Queue) flush(ctx context.Context, posts []*post) {
	lots := q.lots(posts)
	text := markScript.text(q.rdb)
	_, cluster := q.rdb.(*redis.ClusterClient)
	p := q.rdb.Pipeline()
	names := q.names(lots)
	for i := range lots {
		l := &lots[i]
		l.cmd = q.markCommand(ctx, text, l, names[:l.n])
		names = names[l.n:]
		_ = p.Process(ctx, l.cmd) // it tells its own error
	}
	var woken *redis.Cmd
	if !cluster { // one connection keeps the order; the wake-up must come after the marks
		woken = q.wakeAll(ctx, p, lots)
	}
	_, _ = p.Exec(ctx) // each command tells its own error
	late := cluster
	for i := range lots {
		l := &lots[i]
		v, err := l.cmd.Result()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			keys, args := q.markArgs(l.tenant, string(l.class), q.o.Bound, l.posts...)
			v, err = markScript.run(ctx, q.rdb, keys, args...)
			late = true
		}
		l.answer(v, err)
		if err != nil && len(l.posts) > 1 && ofOneRecord(err) {
			late = true
			for _, p := range l.posts {
				q.markAlone(ctx, p)
			}
		}
	}
	var err error
	if !late {
		if err = woken.Err(); redis.HasErrorPrefix(err, "NOSCRIPT") {
			late = true
		}
	}
	if late {
		_, err = wakeScript.run(ctx, q.rdb, []string{KeyLanes}, wakeArgs(lots)...)
	}
	q.tellWorker()
	for _, p := range posts {
		if p.err != nil {
			continue
		}
		q.count(p.marks)
		if err != nil {
			p.err = fmt.Errorf("wake the lane of %s: %w", p.tenant, err)
		}
	}
}

// lots sorts posts by lane.
func (q *Queue) lots(posts []*post) []lot {
	out := make([]lot, 0, 4)
	of := func(p *post) *lot {
		for i := range out { // few tenants post at once
			if l := &out[i]; l.tenant == p.tenant && l.class == p.class {
				return l
			}
		}
		out = append(out, lot{tenant: p.tenant, class: p.class})
		return &out[len(out)-1]
	}
	for _, p := range posts {
		of(p).n++
	}
	room := make([]*post, len(posts))
	for i := range out {
		l := &out[i]
		l.posts, room, l.n = room[:0:l.n], room[l.n:], 0
	}
	for _, p := range posts {
		l := of(p)
		l.posts, l.n = append(l.posts, p), l.n+len(p.marks)
	}
	return out
}

// answer tells the posts of a lot what the script answered: for each mark 1 if
// it added an entry, else 0.
func (l *lot) answer(v any, err error) {
	added, _ := v.([]any)
	for _, p := range l.posts {
		if err != nil {
			p.err = markError(p, err)
			continue
		}
		p.err, p.added = nil, 0
		for _, n := range added[:min(len(p.marks), len(added))] {
			if n == int64(1) {
				p.added++
			}
		}
		added = added[min(len(p.marks), len(added)):]
	}
}

// markAlone makes the marks of one post durable by themselves.
func (q *Queue) markAlone(ctx context.Context, p *post) {
	l := &lot{tenant: p.tenant, class: p.class, posts: []*post{p}, n: len(p.marks)}
	keys, args := q.markArgs(p.tenant, string(p.class), q.o.Bound, p)
	l.answer(markScript.run(ctx, q.rdb, keys, args...))
}

// ofOneRecord reports whether the script ran and failed in the middle, as it
// does when a record's key holds something else: its neighbours may be sound.
func ofOneRecord(err error) bool { return strings.Contains(err.Error(), "user_script") }

func markError(p *post, err error) error {
	if strings.HasPrefix(err.Error(), "FULL") || strings.Contains(err.Error(), "OOM") {
		err = ErrFull
	}
	return fmt.Errorf("mark %d records of %s: %w", len(p.marks), p.tenant, err)
}

// wakeAll makes the lanes of some lots due.
func (q *Queue) wakeAll(ctx context.Context, c redis.Scripter, lots []lot) *redis.Cmd {
	return wakeScript.text(q.rdb).EvalSha(ctx, c, []string{KeyLanes}, wakeArgs(lots)...)
}

// wakeArgs name each tenant once.
func wakeArgs(lots []lot) []any {
	args := append(make([]any, 0, 1+len(lots)), 0)
	for i, l := range lots {
		if i == 0 || l.tenant != lots[i-1].tenant {
			args = append(args, l.tenant)
		}
	}
	return args
}
