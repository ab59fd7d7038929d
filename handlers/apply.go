package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/tenant"
)

// script is a plan that is being applied: the calls that may still be made.
type script struct {
	left    []Call
	made    int
	known   map[string]bool   // lower-case ids that Cin7 had given before
	names   map[string]string // lower-case id given since -> its name in the plan
	granted bool              // the next call is the plan's
	trouble string            // the last record that did not come out completed
	say     func(Call)
}

// ErrDeparted says that a plan was not applied, or not to its end, because
// what it rests on is no longer so.
var ErrDeparted = errors.New("the plan no longer holds")

// permit lets the next call of the plan be made, and no other.
func (s *script) permit(c Call) error {
	if len(s.left) == 0 {
		return fmt.Errorf("%w: %s for %s would be one call more than it has%s", ErrDeparted, c.Operation, c.For, s.because())
	}
	next := s.left[0]
	if !next.same(c) {
		return fmt.Errorf("%w: call %d is %s for %s, but %s for %s would be made now%s", ErrDeparted, next.Number, next.Operation, next.For, c.Operation, c.For, s.because())
	}
	s.granted = true
	return nil
}

func (s *script) because() string {
	if s.trouble == "" {
		return ""
	}
	return " (" + s.trouble + ")"
}

// take uses up the permission that permit gave.
func (s *script) take() error {
	if !s.granted {
		return fmt.Errorf("%w: a call would be made that it does not have%s", ErrDeparted, s.because())
	}
	s.granted = false
	s.say(s.left[0])
	s.left = s.left[1:]
	s.made++
	return nil
}

func (s *script) name(id string) string {
	if n, ok := s.names[strings.ToLower(id)]; ok {
		return n
	}
	return id
}

// permit asks the plan about an operation of the unit.
func (u *unit) permit(o op) error {
	c, err := callOf(u.owner, o.named(u.naming()))
	if err != nil {
		return err
	}
	return u.script.permit(c)
}

// naming gives the plan's names to what Cin7 made since it was made.
func (u *unit) naming() naming {
	s := u.script
	p := &cin7.Purchase{}
	fresh := false // the purchase itself is new, whatever ids its parts have
	if u.have != nil {
		p = u.have
		if fresh = !s.known[strings.ToLower(p.ID)]; fresh {
			s.names[strings.ToLower(p.ID)] = newPurchaseID(u.owner)
		}
	}
	given := func(id string) bool { return nameless(id) || !fresh && s.known[strings.ToLower(id)] }
	return naming{
		id: s.name,
		group: func(task string) string {
			for i, g := range groupsOf(p) {
				if cin7.SameID(g.task, task) && !given(task) {
					return newGroupID(u.owner, i)
				}
			}
			return task
		},
		credit: func(task string) string {
			for i, n := range p.CreditNote {
				if cin7.SameID(n.TaskID, task) && !given(task) {
					return newCreditID(u.owner, i)
				}
			}
			return task
		},
		card: func(id string) string {
			for i, g := range groupsOf(p) {
				for _, l := range g.putAway.Lines {
					if cin7.SameID(l.CardID, id) && !given(id) {
						return newCardID(u.owner, i, l)
					}
				}
			}
			return id
		},
	}
}

// Plan plans records as the lane would serve them, and changes nothing: not
// in Cin7, which its client could not, nor in what is kept of the records.
func (w *Worker) Plan(ctx context.Context, tenantID string, refs []queue.Ref) (*Plan, error) {
	r := &rehearsal{offline: true, known: map[string]bool{}}
	t, err := w.openAs(ctx, &queue.Turn{Tenant: tenantID}, w.log, r, nil)
	if err != nil {
		return nil, err
	}
	if err := w.rehearse(ctx, t, r, refs); err != nil {
		return nil, err
	}
	return &r.plan, nil
}

func (w *Worker) rehearse(ctx context.Context, t *turn, r *rehearsal, refs []queue.Ref) error {
	r.plan = Plan{Schema: PlanSchema, Tenant: t.t.ID, Name: t.t.Name, Settings: t.t.Version, MadeAt: w.now().UTC().Truncate(time.Second)}
	refs = vendorsFirst(refs)
	for _, k := range refs {
		r.plan.Asked = append(r.plan.Asked, k.String())
	}
	if err := t.planUnits(ctx, refs); err != nil {
		return fmt.Errorf("plan %d records of %s: %w", len(refs), t.t.ID, err)
	}
	r.plan.seal()
	return nil
}

// Applied is what became of a plan.
type Applied struct {
	Made int // calls that were made
	Of   int // calls that the plan has
}

// Apply makes exactly the calls of a plan, under the lane and the write
// protocol. It plans afresh first and refuses, before the first call, when
// either system or the settings have moved. Should Cin7 answer otherwise than
// foreseen, it stops there.
func (w *Worker) Apply(ctx context.Context, p *Plan, say func(Call)) (Applied, error) {
	a := Applied{Of: len(p.Calls)}
	if len(p.Open) > 0 {
		w.log.Info("the plan does not reach the end of every record", zap.Int("open", len(p.Open)))
	}
	tn, err := w.tenants.Get(ctx, p.Tenant)
	if err != nil {
		return a, err
	}
	if tn.Version != p.Settings {
		return a, fmt.Errorf("%w: the settings of %s have version %d, it was made with %d: make a new plan", ErrDeparted, tn.ID, tn.Version, p.Settings)
	}
	lane, err := w.hold(ctx, tn)
	if err != nil {
		return a, err
	}
	beat, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { w.heartbeat(beat, lane, stop, w.log) })
	defer func() {
		stop()
		beats.Wait()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := lane.Release(end, time.Time{}, time.Time{}); err != nil && !errors.Is(err, queue.ErrStale) {
			w.log.Warn("give the lane back: it becomes free when its lease ends", zap.Error(err))
		}
	}()
	var refs []queue.Ref
	for _, s := range p.Asked {
		r, ok := queue.ParseRef(s)
		if !ok {
			return a, fmt.Errorf("the plan was made for %.60q, which is no record", s)
		}
		refs = append(refs, r)
	}
	r := &rehearsal{offline: true, known: map[string]bool{}}
	t, err := w.openAs(beat, lane, w.log, r, nil)
	if err != nil {
		return a, err
	}
	if err := w.rehearse(beat, t, r, refs); err != nil {
		return a, err
	}
	if moved := drift(p, &r.plan); len(moved) > 0 {
		return a, fmt.Errorf("%w: %s: make a new plan", ErrDeparted, strings.Join(moved, "; "))
	}
	if from := lane.CreatesFrom; w.now().Before(from) && slices.ContainsFunc(p.Calls, Call.creates) {
		return a, fmt.Errorf("no call was made: Redis is new or has lost data of %s, and nothing is created before %s, when no call of before can still take effect: apply the plan again then",
			tn.ID, from.UTC().Format(time.RFC3339))
	}
	s := &script{left: slices.Clone(p.Calls), known: r.known, names: map[string]string{}, say: say}
	if s.say == nil {
		s.say = func(Call) {}
	}
	if t, err = w.openAs(beat, lane, w.log, nil, s); err != nil {
		return a, err
	}
	if err := t.company(beat); err != nil {
		return a, fmt.Errorf("no call was made: %w", err)
	}
	err = t.planUnits(beat, refs)
	a.Made = s.made
	if err == nil && len(s.left) > 0 {
		err = fmt.Errorf("%w: call %d, %s for %s, was not to be made any more%s", ErrDeparted, s.left[0].Number, s.left[0].Operation, s.left[0].For, s.because())
	}
	if err != nil {
		return a, fmt.Errorf("%d of %d calls were made: %w", a.Made, a.Of, err)
	}
	return a, nil
}

// hold claims the lane of a tenant, and waits for the worker that has it.
func (w *Worker) hold(ctx context.Context, tn *tenant.Tenant) (*queue.Turn, error) {
	if tn.Paused != "" {
		return nil, fmt.Errorf("tenant %s is paused (%s): nothing is written; resume it first", tn.ID, tn.Paused)
	}
	for range holdTries {
		lane, err := w.queue.ClaimTenant(ctx, w.o.Owner, tn.ID)
		if lane != nil || err != nil {
			return lane, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(holdPause):
		}
	}
	return nil, fmt.Errorf("the lane of %s did not become free within %s: try again, or see who holds it: ml-connector tenant show %s", tn.ID, holdTries*holdPause, tn.ID)
}

// A turn of a worker takes 10 seconds; two are waited for.
const (
	holdTries = 120
	holdPause = 250 * time.Millisecond
)

// drift says in what a plan that is made now differs from one that was made
// before; nil when in nothing.
func drift(was, is *Plan) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	before := map[string]Source{}
	for _, s := range was.Sources {
		before[s.Record] = s
	}
	for _, s := range is.Sources {
		b, ok := before[s.Record]
		delete(before, s.Record)
		switch {
		case !ok:
			say("%s has come up since", s.Record)
		case b.NetSuite != s.NetSuite:
			say("%s has changed in NetSuite since", s.Record)
		case b.Cin7 != s.Cin7:
			say("%s has changed in Cin7 since", s.Record)
		}
	}
	for _, s := range was.Sources {
		if _, gone := before[s.Record]; gone {
			say("%s needs nothing any more, or cannot go", s.Record)
		}
	}
	if len(out) > 0 {
		return out
	}
	if len(was.Calls) != len(is.Calls) {
		say("%d calls would be made now, not %d", len(is.Calls), len(was.Calls))
	}
	for i := range min(len(was.Calls), len(is.Calls)) {
		if !was.Calls[i].same(is.Calls[i]) {
			say("call %d, %s for %s, would be another one now", i+1, was.Calls[i].Operation, was.Calls[i].For)
			break
		}
	}
	return out
}
