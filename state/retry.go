package state

import (
	"context"

	"github.com/ml-connector/ml-connector/queue"
)

// MappingReasons are the park reasons that a change of the mapping can clear.
var MappingReasons = [...]string{"unmapped_account", "unmapped_tax", "unmapped_term", "unknown_sku", "unknown_charge", "unknown_location"}

// SettingReasons are the park reasons that a change of the settings can clear,
// the mapping among them.
var SettingReasons = [...]string{"unmapped_account", "unmapped_tax", "unmapped_term", "unknown_sku", "unknown_charge", "unknown_location",
	"currency_mismatch", "unit_mismatch", "unbalanced", "period_locked", "over_receipt", "bill_changed_after_post", "voided_after_post", "needs_approval", "cin7_refused"}

// Retry marks all records that a filter selects again and returns how many
// they are; dry only counts.
func (r *Records) Retry(ctx context.Context, q *queue.Queue, f Filter, note string, dry bool) (int, error) {
	// All of them first: marking moves records in the index that is read.
	var all []queue.Mark
	f.Limit, f.Cursor = 1000, ""
	for {
		page, err := r.List(ctx, f)
		if err != nil {
			return 0, err
		}
		for _, rec := range page.Records {
			all = append(all, queue.Mark{Ref: rec.Ref, Source: "operator", Note: note})
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	if dry {
		return len(all), nil
	}
	for done := 0; done < len(all); done += 500 {
		if _, err := q.Mark(ctx, r.tenant, queue.Live, all[done:min(done+500, len(all))]...); err != nil {
			return done, err
		}
	}
	return len(all), nil
}

// Release retries what is parked for any of the reasons.
func (r *Records) Release(ctx context.Context, q *queue.Queue, note string, reasons ...string) (int, error) {
	n := 0
	for _, reason := range reasons {
		some, err := r.Retry(ctx, q, Filter{State: queue.Parked, Reason: reason}, note, false)
		n += some
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ValidCursor reports whether a text can be a Filter's cursor.
func ValidCursor(s string) bool {
	_, err := parseCursor(s)
	return err == nil
}
