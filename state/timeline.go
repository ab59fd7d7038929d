package state

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// timelineCap is how many steps Note keeps; queue.Options.LogCap is its twin.
const timelineCap = 50

// Timeline returns the steps of a record, oldest first.
func (r *Records) Timeline(ctx context.Context, ref queue.Ref) ([]queue.Step, error) {
	rows, err := r.rdb.LRange(ctx, queue.KeyLog(r.tenant, ref), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read the timeline of %s: %w", ref, err)
	}
	return steps(rows), nil
}

// Timelines returns the steps of several records, in the order asked for.
func (r *Records) Timelines(ctx context.Context, refs ...queue.Ref) ([][]queue.Step, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	p := r.rdb.Pipeline()
	cmds := make([]*redis.StringSliceCmd, len(refs))
	for i, ref := range refs {
		cmds[i] = p.LRange(ctx, queue.KeyLog(r.tenant, ref), 0, -1)
	}
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read %d timelines of %s: %w", len(refs), r.tenant, err)
	}
	out := make([][]queue.Step, len(refs))
	for i, c := range cmds {
		out[i] = steps(c.Val())
	}
	return out, nil
}

func steps(rows []string) []queue.Step {
	out := make([]queue.Step, 0, len(rows))
	for _, text := range rows {
		out = append(out, queue.ParseStep(text))
	}
	return out
}

// Note appends steps to a record's timeline.
func (r *Records) Note(ctx context.Context, ref queue.Ref, steps ...queue.Step) error {
	p := r.rdb.Pipeline()
	for _, s := range steps {
		if s.At.IsZero() {
			s.At = time.Now()
		}
		p.RPush(ctx, queue.KeyLog(r.tenant, ref), queue.StepText(s))
	}
	p.LTrim(ctx, queue.KeyLog(r.tenant, ref), -timelineCap, -1)
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("note on %s: %w", ref, err)
	}
	return nil
}

// Hook is a recent webhook with its verdict.
type Hook struct {
	At       time.Time
	Address  string // client address
	Verdict  string // accepted, ignored, unreadable, refused
	Detail   string // plain words; never the secret, never the body
	Accepted int
	Ignored  int
}

// hooksCap is how many webhooks are kept per tenant.
const hooksCap = 200

// TenantHook is a webhook of a tenant.
type TenantHook struct {
	Tenant string
	Hook
}

// AddHooks keeps webhooks, at most 200 per tenant, in one round trip.
func (s *Store) AddHooks(ctx context.Context, hooks ...TenantHook) error {
	p := s.rdb.Pipeline()
	for _, h := range hooks {
		p.XAdd(ctx, &redis.XAddArgs{Stream: queue.KeyHooks(h.Tenant), MaxLen: hooksCap, Approx: true, Values: []string{
			"at", strconv.FormatInt(h.At.UnixMilli(), 10), "address", h.Address, "verdict", h.Verdict, "detail", h.Detail,
			"accepted", strconv.Itoa(h.Accepted), "ignored", strconv.Itoa(h.Ignored)}})
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("keep %d webhooks: %w", len(hooks), err)
	}
	return nil
}

// Hooks returns the recent webhooks, newest first.
func (r *Records) Hooks(ctx context.Context, limit int) ([]Hook, error) {
	rows, err := r.rdb.XRevRangeN(ctx, queue.KeyHooks(r.tenant), "+", "-", int64(min(max(limit, 1), hooksCap))).Result()
	if err != nil {
		return nil, fmt.Errorf("read the webhooks of %s: %w", r.tenant, err)
	}
	out := make([]Hook, 0, len(rows))
	for _, m := range rows {
		out = append(out, Hook{At: milli(field(m, "at")), Address: field(m, "address"), Verdict: field(m, "verdict"), Detail: field(m, "detail"),
			Accepted: int(number(field(m, "accepted"))), Ignored: int(number(field(m, "ignored")))})
	}
	return out, nil
}

func field(m redis.XMessage, name string) string {
	s, _ := m.Values[name].(string)
	return s
}
