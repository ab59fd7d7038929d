package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
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
	for _, c := range []Class{Live, Bulk} {
		for !t.history[c] {
			n := most
			if t.died {
				n = 1
			}
			got, err := t.read(ctx, c, t.cursor[c], n)
			if err != nil || len(got) > 0 {
				return got, err
			}
		}
		if c == Live {
			if err := t.promote(ctx, most); err != nil {
				return nil, err
			}
		}
		got, err := t.read(ctx, c, ">", most)
		if err == nil && len(got) == 0 && len(t.hands) == 0 {
			got, err = t.unreachable(ctx, c, most)
		}
		if err != nil || len(got) > 0 {
			return got, err
		}
	}
	return nil, nil
}

// unreachable takes entries that the group will never show, being neither new
// nor pending: somebody deleted its consumer, which throws away what was
// pending. A new group shows them all. The turn has nothing in its hands.
func (t *Turn) unreachable(ctx context.Context, c Class, most int) ([]Entry, error) {
	stream := KeyStream(t.Tenant, c)
	n, err := t.q.rdb.XLen(ctx, stream).Result()
	if err != nil {
		return nil, fmt.Errorf("read the length of %s: %w", stream, err)
	}
	if n == 0 {
		return nil, nil
	}
	// A mark may have come since the last look.
	if got, err := t.read(ctx, c, ">", most); err != nil || len(got) > 0 {
		return got, err
	}
	if _, err := groupScript.run(ctx, t.q.rdb, []string{stream}, 1); err != nil {
		return nil, fmt.Errorf("renew the group of %s: %w", stream, err)
	}
	return t.read(ctx, c, ">", most)
}

// promote marks the records whose retry is due, in the class that they were
// last taken from.
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
			marks = append(marks, Mark{Ref: r, Source: sourceRetry, Note: "its time has come"})
		}
	}
	if len(marks) == 0 {
		return nil
	}
	keys, args := t.q.markArgs(t.Tenant, "retry", 0, marks) // no bound: a due retry was counted when it was first marked
	if _, err := retryScript.run(ctx, t.q.rdb, keys, args...); err != nil {
		return fmt.Errorf("mark %d due retries of %s: %w", len(marks), t.Tenant, err)
	}
	t.q.count(marks)
	return nil
}

// read takes entries of a stream: new ones from ">", pending ones from an id.
// It goes on past entries that no longer count.
func (t *Turn) read(ctx context.Context, c Class, from string, most int) ([]Entry, error) {
	for {
		messages, err := t.page(ctx, c, from, most)
		if err != nil {
			return nil, err
		}
		if from != ">" {
			if len(messages) == 0 {
				t.history[c] = true
				return nil, nil
			}
			from = messages[len(messages)-1].ID
			t.cursor[c] = from
		}
		out, err := t.begin(ctx, c, messages, from != ">")
		if err != nil || len(out) > 0 || len(messages) == 0 {
			return out, err
		}
	}
}

// page reads a page of a stream for the group.
func (t *Turn) page(ctx context.Context, c Class, from string, most int) ([]redis.XMessage, error) {
	stream := KeyStream(t.Tenant, c)
	args := &redis.XReadGroupArgs{Group: group, Consumer: consumer, Streams: []string{stream, from}, Count: int64(most), Block: -1}
	res, err := t.q.rdb.XReadGroup(ctx, args).Result()
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		// The stream is new, or it is gone with all that waited in it: then its
		// records are still in the indexes, and Repair adds them again.
		if _, err := groupScript.run(ctx, t.q.rdb, []string{stream}, 0); err != nil {
			return nil, fmt.Errorf("create the group of %s: %w", stream, err)
		}
		if _, err := t.q.Repair(ctx, t.Tenant); err != nil {
			return nil, err
		}
		res, err = t.q.rdb.XReadGroup(ctx, args).Result()
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	if len(res) == 0 {
		return nil, nil
	}
	messages := res[0].Messages
	if from != ">" && len(messages) > most { // the embedded Redis counts only new ones
		messages = messages[:most]
	}
	return messages, nil
}

// begin puts the records of entries to work, in one round trip; entries that
// no longer count are left out.
func (t *Turn) begin(ctx context.Context, c Class, messages []redis.XMessage, again bool) ([]Entry, error) {
	stream := KeyStream(t.Tenant, c)
	died := "0"
	if again && t.died {
		died = "1"
	}
	var calls []call
	var entries []Entry
	gone := false
	for _, m := range messages {
		r, ok := ParseRef(text(m.Values["ref"]))
		if !ok {
			// Its body was deleted or trimmed under us: whose it was, Repair knows.
			p := t.q.rdb.Pipeline()
			p.XAck(ctx, stream, group, m.ID)
			p.XDel(ctx, stream, m.ID)
			if _, err := p.Exec(ctx); err != nil {
				return nil, fmt.Errorf("clear entry %s of %s: %w", m.ID, stream, err)
			}
			gone = true
			continue
		}
		keys := append([]string{KeyLane(t.Tenant), KeyRecord(t.Tenant, r), stream, KeyLog(t.Tenant, r)}, byState(t.Tenant)...)
		marked, why := "", text(m.Values["source"])
		if note := text(m.Values["note"]); note != "" {
			why += ": " + note
		}
		if text(m.Values["source"]) != SourceRecheck {
			marked = StepText(Step{At: milli(text(m.Values["at"])), Name: "marked", Text: why})
		}
		calls = append(calls, call{keys, []any{t.fence, r.String(), m.ID, died, string(c), t.q.o.LogCap, marked}})
		entries = append(entries, Entry{Ref: r, Source: text(m.Values["source"]), Note: text(m.Values["note"]), Trace: text(m.Values["trace"]),
			MarkedAt: milli(text(m.Values["at"])), class: c, stream: m.ID})
	}
	if gone {
		if _, err := t.q.Repair(ctx, t.Tenant); err != nil {
			return nil, err
		}
	}
	if len(calls) == 0 {
		return nil, nil
	}
	vs, err := beginScript.runAll(ctx, t.q.rdb, calls)
	if err != nil {
		return nil, fmt.Errorf("take %d marks of %s: %w", len(calls), t.Tenant, err)
	}
	var out []Entry
	for i, e := range entries {
		if err := t.verdict("take "+e.Ref.String(), vs[i], nil); err != nil {
			return nil, err
		}
		got, ok := vs[i].([]any)
		if !ok || len(got) != 3 {
			continue // superseded
		}
		e.Want, e.Crashes, e.Attempts = number(text(got[0])), int(number(text(got[1]))), int(number(text(got[2])))
		t.hands[e.stream] = e
		out = append(out, e)
	}
	return out, nil
}
