package state

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/queue"
)

// Skip leaves a record out on purpose. It is a debt: the record stays on the
// reconciliation, and on the day after Until it is taken up again.
type Skip struct {
	Until string // YYYY-MM-DD, the last day
	By    string // who decided it
	Why   string // in the words of whoever did
}

// The facts that hold a skip.
const (
	factSkipUntil = "skip_until"
	factSkipBy    = "skip_by"
	factSkipWhy   = "skip_why"
)

// Skip bounds.
const (
	maxSkipDays = 400 // a debt that nobody looks at for longer is forgotten
	maxSkipWhy  = 300 // bytes
)

// Check says what is wrong with a skip that is made today.
func (s Skip) Check(now time.Time) error {
	until, err := time.Parse(time.DateOnly, s.Until)
	today := now.UTC().Truncate(24 * time.Hour)
	switch {
	case strings.TrimSpace(s.Why) == "":
		return fmt.Errorf("a skip needs a reason: say why the record is left out")
	case len(s.Why) > maxSkipWhy:
		return fmt.Errorf("the reason has %d bytes: keep it below %d", len(s.Why), maxSkipWhy)
	case err != nil:
		return fmt.Errorf("until %q: write the last day as YYYY-MM-DD", s.Until)
	case until.Before(today):
		return fmt.Errorf("until %s: that day is over; name today or a later one", s.Until)
	case until.After(today.AddDate(0, 0, maxSkipDays)):
		return fmt.Errorf("until %s: a record is left out for %d days at most; skip it again then", s.Until, maxSkipDays)
	}
	return nil
}

// String says it to people: by kim until 2026-12-31: paid by card.
func (s Skip) String() string { return "by " + s.By + " until " + s.Until + ": " + s.Why }

// Skipped is the skip of a record that holds on a day.
func (r Record) Skipped(now time.Time) (Skip, bool) {
	s := Skip{r.Facts[factSkipUntil], r.Facts[factSkipBy], r.Facts[factSkipWhy]}
	return s, s.Until != "" && now.UTC().Format(time.DateOnly) <= s.Until
}

// Skip leaves a record out: it is noted, and the record marked so that its
// lane settles it. ErrNotFound when the record was never seen.
func (r *Records) Skip(ctx context.Context, q *queue.Queue, ref queue.Ref, s Skip, now time.Time) error {
	if err := s.Check(now); err != nil {
		return err
	}
	recs, err := r.Get(ctx, ref)
	if err != nil {
		return err
	}
	if recs[0].State == "" {
		return fmt.Errorf("skip %s: %w", ref, ErrNotFound)
	}
	// A person's word needs no fence: the lane reads it whenever it comes to
	// the record.
	err = r.rdb.HSet(ctx, queue.KeyRecord(r.tenant, ref), "f:"+factSkipUntil, s.Until, "f:"+factSkipBy, s.By, "f:"+factSkipWhy, s.Why).Err()
	if err != nil {
		return fmt.Errorf("skip %s of %s: %w", ref, r.tenant, err)
	}
	_, err = q.Mark(ctx, r.tenant, queue.Live, queue.Mark{Ref: ref, Source: "operator", Note: "left out " + s.String()})
	return err
}

// Unskip ends the skips of records, if they have any; mark them afterwards.
func (r *Records) Unskip(ctx context.Context, refs ...queue.Ref) error {
	p := r.rdb.Pipeline()
	for _, ref := range refs {
		p.HDel(ctx, queue.KeyRecord(r.tenant, ref), "f:"+factSkipUntil, "f:"+factSkipBy, "f:"+factSkipWhy)
	}
	if len(refs) == 0 {
		return nil
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("end %d skips of %s: %w", len(refs), r.tenant, err)
	}
	return nil
}

// ReasonSkip is the reason of a record that somebody left out on purpose;
// others are left out by rule.
const ReasonSkip = "operator"

// ReasonAbsent is the reason of a record that is completed because there is
// none: NetSuite does not have it, and Cin7 has nothing of it.
const ReasonAbsent = "not_in_netsuite"

// Reopen marks the records whose skip is over and returns how many they are.
func (r *Records) Reopen(ctx context.Context, q *queue.Queue, now time.Time) (int, error) {
	f := Filter{State: queue.Skipped, Reason: ReasonSkip, Limit: 1000}
	var over []queue.Mark
	for {
		page, err := r.List(ctx, f)
		if err != nil {
			return 0, err
		}
		for _, rec := range page.Records {
			if _, holds := rec.Skipped(now); !holds {
				over = append(over, queue.Mark{Ref: rec.Ref, Source: queue.SourceRelease, Note: "the time for which it was left out is over"})
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for done := 0; done < len(over); done += 500 {
		if _, err := q.Mark(ctx, r.tenant, queue.Live, over[done:min(done+500, len(over))]...); err != nil {
			return done, err
		}
	}
	return len(over), nil
}
