package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
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

// Class says which stream the mark waited in. All entries of one Take are of
// the same class.
func (e *Entry) Class() Class { return e.class }

// Take returns up to most entries of one class: live ones first, due retries
// among them, and bulk only when no live ones are left. Of each class those
// come first that a predecessor took and did not settle; when it died, they
// come one at a time, so that the record that killed it is alone when it kills
// again. Each record taken becomes Running. Empty means that nothing waits.
// What is taken and not settled is taken again in a later turn.
func (t *Turn) Take(ctx context.Context, most int) ([]Entry, error) {
	if !t.Valid(0) {
		return nil, fmt.Errorf("take marks of %s: %w", t.Tenant, ErrStale)
	}
	most = min(most, scriptBatch)
	if err := t.promote(ctx, most); err != nil {
		return nil, err
	}
	got, err := t.next(ctx, most)
	if err != nil || len(got) > 0 {
		return got, err
	}
	if vanished, err := t.vanished(ctx); err != nil || !vanished {
		return nil, err
	}
	if _, err := t.q.Repair(ctx, t.Tenant); err != nil {
		return nil, err
	}
	return t.next(ctx, most)
}

// next takes what comes next, live marks before bulk ones.
func (t *Turn) next(ctx context.Context, most int) ([]Entry, error) {
	got, err := t.read(ctx, Live, most)
	if err != nil || len(got) > 0 {
		return got, err
	}
	return t.read(ctx, Bulk, most)
}

// vanished reports whether more records wait than there are entries: somebody
// deleted entries, or a stream with all that waited in it.
func (t *Turn) vanished(ctx context.Context) (bool, error) {
	v, err := vanishedScript.run(ctx, t.q.rdb, []string{KeyByState(t.Tenant, Pending), KeyStream(t.Tenant, Live), KeyStream(t.Tenant, Bulk)})
	if err != nil {
		return false, fmt.Errorf("count the marks of %s: %w", t.Tenant, err)
	}
	return text(v) == "1", nil
}

// promote marks the records whose retry is due, in the class that they were
// last taken from.
func (t *Turn) promote(ctx context.Context, most int) error {
	p := t.q.rdb.Pipeline()
	clock, first := p.Time(ctx), p.ZRangeWithScores(ctx, KeyDue(t.Tenant), 0, 0)
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("read the first retry of %s: %w", t.Tenant, err)
	}
	now := clock.Val().UnixMilli()
	if z := first.Val(); len(z) == 0 || int64(z[0].Score) > now {
		return nil
	}
	due, err := t.q.rdb.ZRangeByScore(ctx, KeyDue(t.Tenant), &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(now, 10), Count: int64(most)}).Result()
	if err != nil {
		return fmt.Errorf("read the retries of %s: %w", t.Tenant, err)
	}
	var marks []Mark
	for _, s := range due {
		if r, ok := ParseRef(s); ok {
			marks = append(marks, Mark{Ref: r, Source: sourceRetry, Note: "its time has come"})
		}
	}
	if len(marks) == 0 {
		return nil
	}
	keys, args := t.q.markArgs(t.Tenant, "retry", 0, &post{marks: marks}) // no bound: a due retry was counted when it was first marked
	if _, err := retryScript.run(ctx, t.q.rdb, keys, args...); err != nil {
		return fmt.Errorf("mark %d due retries of %s: %w", len(marks), t.Tenant, err)
	}
	t.q.count(marks)
	return nil
}

// read takes the entries of a stream that come next: those that a predecessor
// took are the oldest. It goes on past entries that no longer count.
func (t *Turn) read(ctx context.Context, c Class, most int) ([]Entry, error) {
	stream := KeyStream(t.Tenant, c)
	for {
		n := most
		if t.died && !t.history[c] {
			n = 1
		}
		messages, err := t.q.rdb.XRangeN(ctx, stream, t.cursor[c], "+", int64(n)).Result()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", stream, err)
		}
		if len(messages) == 0 {
			return nil, nil
		}
		out, err := t.begin(ctx, c, messages)
		if err != nil {
			return nil, err
		}
		if t.cursor[c] = "(" + messages[len(messages)-1].ID; len(out) > 0 {
			return out, nil
		}
	}
}

// begin puts the records of entries to work, in one script; entries that no
// longer count are left out.
func (t *Turn) begin(ctx context.Context, c Class, messages []redis.XMessage) ([]Entry, error) {
	stream := KeyStream(t.Tenant, c)
	died := "0"
	if t.died {
		died = "1"
	}
	l := t.q.lane(t.Tenant)
	keys := append(append(make([]string, 0, 8+2*len(messages)), KeyLane(t.Tenant), stream), l.states()...)
	args := append(make([]any, 0, 4+2*len(messages)), t.fence, died, string(c), t.q.o.LogCap)
	entries := make([]Entry, 0, len(messages))
	for _, m := range messages {
		e := Entry{Source: text(m.Values["source"]), Note: text(m.Values["note"]), Trace: text(m.Values["trace"]), MarkedAt: milli(text(m.Values["at"])), class: c, stream: m.ID}
		var ok bool
		if e.Ref, ok = ParseRef(text(m.Values["ref"])); !ok {
			if err := t.q.rdb.XDel(ctx, stream, m.ID).Err(); err != nil {
				return nil, fmt.Errorf("clear entry %s of %s, which names no record: %w", m.ID, stream, err)
			}
			continue
		}
		keys = append(keys, l.record(e.Ref), l.log(e.Ref))
		args = append(args, m.ID, e.marked())
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	v, err := beginScript.run(ctx, t.q.rdb, keys, args...)
	if err := t.verdict(fmt.Sprintf("take %d marks", len(entries)), v, err); err != nil {
		return nil, err
	}
	got, _ := v.([]any)
	if len(got) != 4*len(entries) {
		return nil, fmt.Errorf("take %d marks of %s: unexpected answer of %d values", len(entries), t.Tenant, len(got))
	}
	out := entries[:0]
	for i, e := range entries {
		of := got[4*i : 4*i+4]
		if text(of[0]) == "" {
			continue // superseded
		}
		if text(of[3]) == "0" {
			t.history[c] = true // those after it were not taken either
		}
		e.Want, e.Crashes, e.Attempts = number(text(of[0])), int(number(text(of[1]))), int(number(text(of[2])))
		t.hands[e.stream] = e
		out = append(out, e)
	}
	return out, nil
}

// marked is what the timeline is told of a mark.
func (e *Entry) marked() string {
	if e.Source == SourceRecheck {
		return ""
	}
	why := e.Source
	if e.Note != "" {
		why += ": " + e.Note
	}
	return StepText(Step{At: e.MarkedAt, Name: "marked", Text: why})
}
