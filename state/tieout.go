package state

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// The fields of the watermarks hash that tell the last reconciliation.
const (
	fieldTieOut   = "tieout"    // hundredths of the base currency
	fieldTieOutAt = "tieout_at" // RFC 3339
)

// SetTieOut keeps what a reconciliation found: the sum of the absolute
// differences that nothing explains, in hundredths of the base currency. It is
// for the metric mlc_tieout_unexplained_minor_units and needs no fence: the
// latest one counts.
func (r *Records) SetTieOut(ctx context.Context, unexplained int64, at time.Time) error {
	err := r.rdb.HSet(ctx, queue.KeyWatermarks(r.tenant), fieldTieOut, strconv.FormatInt(unexplained, 10), fieldTieOutAt, at.UTC().Format(time.RFC3339)).Err()
	if err != nil {
		return fmt.Errorf("keep the tie-out of %s: %w", r.tenant, err)
	}
	return nil
}

// TieOut reads what SetTieOut kept from a tenant's watermarks; ok is false
// when it was never reconciled.
func TieOut(wm map[string]string) (unexplained int64, ok bool) {
	n, err := strconv.ParseInt(wm[fieldTieOut], 10, 64)
	return n, err == nil
}

// settlingMost bounds what Settling reads.
const settlingMost = 2000

// Settling counts the records that have a retry time and wait for the given
// reason. At most 2,000 retry times are looked at, the earliest first.
func (r *Records) Settling(ctx context.Context, reason string) (int, error) {
	due, err := r.rdb.ZRange(ctx, queue.KeyDue(r.tenant), 0, settlingMost-1).Result()
	if err != nil {
		return 0, fmt.Errorf("read the retries of %s: %w", r.tenant, err)
	}
	p := r.rdb.Pipeline()
	var cmds []*redis.SliceCmd
	for _, member := range due {
		if ref, ok := queue.ParseRef(member); ok {
			cmds = append(cmds, p.HMGet(ctx, queue.KeyRecord(r.tenant, ref), "state", "reason"))
		}
	}
	if len(cmds) == 0 {
		return 0, nil
	}
	if _, err := p.Exec(ctx); err != nil {
		return 0, fmt.Errorf("read %d waiting records of %s: %w", len(cmds), r.tenant, err)
	}
	n := 0
	for _, c := range cmds {
		if v := c.Val(); len(v) == 2 && v[0] == string(queue.Waiting) && v[1] == reason {
			n++
		}
	}
	return n, nil
}
