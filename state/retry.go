package state

import (
	"context"
	"slices"

	"github.com/ml-connector/ml-connector/queue"
)

// MappingReasons are the park reasons that a change of the mapping can clear.
var MappingReasons = [...]string{"unmapped_account", "unmapped_tax", "unmapped_term", "unknown_sku", "unknown_charge", "unknown_location"}

// SettingReasons are the park reasons that a change of the settings can clear,
// the mapping among them.
var SettingReasons = [...]string{"unmapped_account", "unmapped_tax", "unmapped_term", "unknown_sku", "unknown_charge", "unknown_location",
	"currency_mismatch", "unit_mismatch", "unbalanced", "period_locked", "over_receipt", "bill_changed_after_post", "voided_after_post", "needs_approval", "cin7_refused"}

// HandReasons are the park reasons whose cause somebody removes by hand, in a
// document of Cin7 or in a role of NetSuite, without anything telling us. What
// is parked for them is looked at again from time to time.
var HandReasons = [...]string{"unknown_sku", "ambiguous_supplier", "currency_mismatch", "unit_mismatch", "unbalanced", "over_receipt", "group_conflict",
	"order_changed_after_authorise", "bill_changed_after_post", "voided_after_post", "edited_in_cin7", "cin7_refused", "netsuite_hidden",
	"two_candidates", "outcome_unknown", "still_failing"}

// Retry marks all records that a filter selects again and returns how many
// they are; dry only counts. Retrying what is skipped ends the skip.
func (r *Records) Retry(ctx context.Context, q *queue.Queue, f Filter, note string, dry bool) (int, error) {
	all, err := r.marks(ctx, f, "operator", note)
	if err != nil {
		return 0, err
	}
	if dry {
		return len(all), nil
	}
	for done := 0; done < len(all); done += 500 {
		if f.State == queue.Skipped {
			var refs []queue.Ref
			for _, m := range all[done:min(done+500, len(all))] {
				refs = append(refs, m.Ref)
			}
			if err := r.Unskip(ctx, refs...); err != nil {
				return done, err
			}
		}
		if _, err := q.Mark(ctx, r.tenant, queue.Live, all[done:min(done+500, len(all))]...); err != nil {
			return done, err
		}
	}
	return len(all), nil
}

// marks are marks of all records that a filter selects: all of them are read
// first, because marking moves records in the index.
func (r *Records) marks(ctx context.Context, f Filter, source, note string) ([]queue.Mark, error) {
	var all []queue.Mark
	f.Limit, f.Cursor = 1000, ""
	for {
		page, err := r.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, rec := range page.Records {
			all = append(all, queue.Mark{Ref: rec.Ref, Source: source, Note: note})
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return all, nil
		}
	}
}

// Release takes up again what is parked for any of the reasons.
func (r *Records) Release(ctx context.Context, q *queue.Queue, note string, reasons ...string) (int, error) {
	n := 0
	for _, reason := range reasons {
		some, err := r.Resume(ctx, q, Filter{State: queue.Parked, Reason: reason}, note)
		n += some
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Resume marks all records that a filter selects because what they waited for
// is there, each in the class that it came in, and returns how many they are.
// Whoever keeps that the cause is gone does so after Resume: a process that
// dies between the two then resumes them once more, and never not at all.
func (r *Records) Resume(ctx context.Context, q *queue.Queue, f Filter, note string) (int, error) {
	all, err := r.marks(ctx, f, queue.SourceRelease, note)
	if err != nil {
		return 0, err
	}
	for done := 0; done < len(all); done += 500 {
		if err := q.Again(ctx, r.tenant, all[done:min(done+500, len(all))]...); err != nil {
			return done, err
		}
	}
	return len(all), nil
}

// Recheck marks up to most records that are parked for any of the reasons,
// those first that have not been looked at for longest, behind everything else
// that waits. Neither the mark nor an unchanged outcome is told in the
// timeline.
func (r *Records) Recheck(ctx context.Context, q *queue.Queue, most int, reasons ...string) (int, error) {
	var parked []Record
	f := Filter{State: queue.Parked, Limit: 1000}
	for {
		page, err := r.List(ctx, f)
		if err != nil {
			return 0, err
		}
		for _, rec := range page.Records {
			if slices.Contains(reasons, rec.Reason) {
				parked = append(parked, rec)
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	slices.SortStableFunc(parked, func(a, b Record) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	parked = parked[:min(most, len(parked))]
	marks := make([]queue.Mark, len(parked))
	for i, rec := range parked {
		marks[i] = queue.Mark{Ref: rec.Ref, Source: queue.SourceRecheck}
	}
	if _, err := q.Mark(ctx, r.tenant, queue.Bulk, marks...); err != nil {
		return 0, err
	}
	return len(marks), nil
}

// ValidCursor reports whether a text can be a Filter's cursor.
func ValidCursor(s string) bool {
	_, err := parseCursor(s)
	return err == nil
}
