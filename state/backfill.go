package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// The fields of a backfill's hash. The operator writes the first two, the
// worker that holds the lane the third, so that neither undoes the other.
const (
	BackfillJob      = "job"      // what was started
	BackfillWant     = "want"     // running, paused or cancelled
	BackfillProgress = "progress" // how far it has come
)

// ErrBackfillRuns says that a backfill of the tenant has not ended.
var ErrBackfillRuns = errors.New("a backfill is under way")

// Backfill reads the hash of the tenant's backfill; empty when there never was
// one.
func (r *Records) Backfill(ctx context.Context) (map[string]string, error) {
	h, err := r.rdb.HGetAll(ctx, queue.KeyBackfill(r.tenant)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the backfill of %s: %w", r.tenant, err)
	}
	return h, nil
}

// startBackfillScript puts a backfill in place of one that has ended.
//
// KEYS 1 hash. ARGV 1 job, 2 the job that must be stored still, "" for none: of
// two operators who count at once, one starts.
// Returns "ok" or "other".
var startBackfillScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'job') or '') ~= ARGV[2] then return 'other' end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'job', ARGV[1], 'want', 'running')
return 'ok'
`)

// StartBackfill stores a job in place of one that has ended; ErrBackfillRuns
// when another was started since that one was read.
func (r *Records) StartBackfill(ctx context.Context, job, ended string) error {
	v, err := startBackfillScript.Run(ctx, r.rdb, []string{queue.KeyBackfill(r.tenant)}, job, ended).Text()
	switch {
	case err != nil:
		return fmt.Errorf("start a backfill of %s: %w", r.tenant, err)
	case v != "ok":
		return fmt.Errorf("start a backfill of %s: %w", r.tenant, ErrBackfillRuns)
	}
	return nil
}

// WantBackfill says what the operator wants of the backfill.
func (r *Records) WantBackfill(ctx context.Context, want string) error {
	if err := r.rdb.HSet(ctx, queue.KeyBackfill(r.tenant), BackfillWant, want).Err(); err != nil {
		return fmt.Errorf("steer the backfill of %s: %w", r.tenant, err)
	}
	return nil
}

// SetBackfill writes its progress.
func (r *Records) SetBackfill(ctx context.Context, fence int64, progress string) error {
	return r.set(ctx, "note the progress of the backfill", fence, queue.KeyBackfill(r.tenant), "", map[string]string{BackfillProgress: progress})
}
