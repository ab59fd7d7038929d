package state

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// Known returns the ids of a type that polls have seen in NetSuite, above
// after and up to upTo, in order; 0 is no upper bound.
func (r *Records) Known(ctx context.Context, recordType string, after, upTo int64) ([]int64, error) {
	by := &redis.ZRangeBy{Min: "(" + queue.KnownMember(strconv.FormatInt(after, 10)), Max: "+"}
	if upTo != 0 {
		by.Max = "[" + queue.KnownMember(strconv.FormatInt(upTo, 10))
	}
	members, err := r.rdb.ZRangeByLex(ctx, queue.KeyKnown(r.tenant, recordType), by).Result()
	if err != nil {
		return nil, fmt.Errorf("read the known %ss of %s: %w", recordType, r.tenant, err)
	}
	out := make([]int64, len(members))
	for i, m := range members {
		out[i] = number(strings.TrimLeft(m, "0"))
	}
	return out, nil
}

// KnownCount is how many ids of a type polls have seen and not seen go.
func (r *Records) KnownCount(ctx context.Context, recordType string) (int64, error) {
	n, err := r.rdb.ZCard(ctx, queue.KeyKnown(r.tenant, recordType)).Result()
	if err != nil {
		return 0, fmt.Errorf("count the known %ss of %s: %w", recordType, r.tenant, err)
	}
	return n, nil
}

// Days returns how many known records of a type were created on each day.
func (r *Records) Days(ctx context.Context, recordType string) (map[string]int, error) {
	h, err := r.rdb.HGetAll(ctx, queue.KeyDays(r.tenant, recordType)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the days of the %ss of %s: %w", recordType, r.tenant, err)
	}
	out := map[string]int{}
	for day, n := range h {
		if v := int(number(n)); v != 0 {
			out[day] = v
		}
	}
	return out, nil
}

// Missing returns the ids of a type that a sweep did not meet: id -> the first
// sweep that missed it.
func (r *Records) Missing(ctx context.Context, recordType string) (map[int64]int64, error) {
	h, err := r.rdb.HGetAll(ctx, queue.KeyMissing(r.tenant, recordType)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the missing %ss of %s: %w", recordType, r.tenant, err)
	}
	out := map[int64]int64{}
	for id, sweep := range h {
		out[number(id)] = number(sweep)
	}
	return out, nil
}

// SetMissing notes which ids a sweep missed; sweep 0 takes an id off.
func (r *Records) SetMissing(ctx context.Context, fence int64, recordType string, missed map[int64]int64) error {
	if len(missed) == 0 {
		return nil
	}
	fields := map[string]string{}
	for id, sweep := range missed {
		fields[strconv.FormatInt(id, 10)] = ""
		if sweep != 0 {
			fields[strconv.FormatInt(id, 10)] = strconv.FormatInt(sweep, 10)
		}
	}
	return r.set(ctx, "note missing "+recordType+"s", fence, queue.KeyMissing(r.tenant, recordType), "", fields)
}

// OfVendor returns the documents that a poll saw to be of a vendor. It reads
// every record of the tenant: vendors are rarely deleted.
func (r *Records) OfVendor(ctx context.Context, vendor string) ([]queue.Ref, error) {
	var out []queue.Ref
	f := Filter{Limit: 1000}
	for {
		page, err := r.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, rec := range page.Records {
			if rec.Type != "vendor" && rec.Facts[FactVendor] == vendor && !slices.Contains(out, rec.Ref) {
				out = append(out, rec.Ref)
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return out, nil
		}
	}
}

// ParkedFor returns how many records of each type are parked for a reason.
func (r *Records) ParkedFor(ctx context.Context, reason string) (map[string]int, error) {
	out := map[string]int{}
	err := r.eachParked(ctx, func(ref queue.Ref, why string, _ time.Time) {
		if why == reason {
			out[ref.Type]++
		}
	})
	return out, err
}

// CountTypes returns how many records of each type are in a state.
func (r *Records) CountTypes(ctx context.Context, s queue.State) (map[string]int, error) {
	out := map[string]int{}
	for cursor := uint64(0); ; {
		// ZSCAN may tell a member twice while the set grows: good enough to foretell by.
		members, next, err := r.rdb.ZScan(ctx, queue.KeyByState(r.tenant, s), cursor, "", 1000).Result()
		if err != nil {
			return nil, fmt.Errorf("count the %s records of %s: %w", s, r.tenant, err)
		}
		for i := 0; i < len(members); i += 2 {
			if ref, ok := queue.ParseRef(members[i]); ok {
				out[ref.Type]++
			}
		}
		if cursor = next; cursor == 0 {
			return out, nil
		}
	}
}
