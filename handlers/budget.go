package handlers

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

// Budget shares the calls that Cin7 allows per minute among all processes:
// one limiter in Redis per application key, by Redis' clock. In every sliding
// minute at most calls_per_minute calls go out. They are spread over the
// minute, at most burst at once, so that calls which are slow to arrive do not
// meet those of the next minute, and a Redis that has forgotten the past one
// lets no more than burst in excess through. A refusal by Cin7 pauses all
// processes. It is our own script, not redis_rate's, because pause, shares and
// window must be decided in one step.
type Budget struct{ rdb redis.UniversalClient }

// NewBudget returns the budgets kept in rdb.
func NewBudget(rdb redis.UniversalClient) *Budget { return &Budget{rdb} }

const (
	// patience is how long a worker waits in place for its next call; beyond it
	// the lane is given back and comes again when the budget allows. See
	// patienceOf.
	patience = 3 * time.Second
	// burst is how many calls may go at once.
	burst = 4
	// bulkShare is how much of the budget work that can wait may use, in
	// hundredths. It stands back altogether while live work waits.
	bulkShare = 90
	// pauseUnasked is how long a refusal pauses when it does not say; it doubles
	// with each that follows within two minutes, up to a minute.
	pauseUnasked = 15 * time.Second
)

// budgetSpent says when the next call may go.
type budgetSpent struct{ until time.Time }

func (e *budgetSpent) Error() string {
	return "the Cin7 calls of this minute are spent until " + e.until.UTC().Format(time.RFC3339)
}

// budgetScript takes a call from a budget, or says how long to wait.
//
// KEYS 1 hash (tat: when the spread calls end, pause, live: until when a live
// caller waits, all in ms; strikes, struck), 2 list of the last calls in ms,
// newest first, 3 the same of bulk calls.
// ARGV 1 take | look | minute | pause, 2 calls per minute, 3 burst, 4 bulk calls per
// minute or 0 for a live caller, 5 length of the pause in ms or 0 (pause),
// 6 pauseUnasked in ms (pause).
// Returns for take the ms to wait, 0 when the call may go; for look how many
// calls may go at once; for pause its length in ms. A take that is repeated
// after its answer was lost spends one call more.
var budgetScript = queue.DrainScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local per, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local gap = 60000 / per
local function field(name) return tonumber(redis.call('HGET', KEYS[1], name) or '0') end
if ARGV[1] == 'pause' then
  local length = tonumber(ARGV[5])
  local strikes = now - field('struck') < 120000 and field('strikes') or 0
  if length == 0 then length = math.min(tonumber(ARGV[6]) * 2 ^ strikes, 60000) end
  redis.call('HSET', KEYS[1], 'pause', string.format('%.0f', math.max(field('pause'), now + length)), 'strikes', strikes + 1, 'struck', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', length + 180000))
  return string.format('%.0f', length)
end
-- The call number n before the next one must be a minute old.
local function window(list, n)
  local at = redis.call('LINDEX', list, n - 1)
  return at and math.max(0, tonumber(at) + 60001 - now) or 0
end
local tat = math.max(field('tat'), now)
if ARGV[1] == 'look' then
  local n = 0
  if field('pause') <= now then
    while n < burst and n < per and tat + n * gap - gap * (burst - 1) <= now + 0.5 and window(KEYS[2], per - n) == 0 do n = n + 1 end
  end
  return tostring(n)
end
if ARGV[1] == 'minute' then
  if field('pause') > now then return '0' end
  local sent = 0
  for _, at in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
    if tonumber(at) + 60001 > now then sent = sent + 1 end
  end
  return tostring(math.max(0, per - sent))
end
local wait = math.max(0, field('pause') - now, tat - gap * (burst - 1) - now, window(KEYS[2], per))
local bulk = tonumber(ARGV[4])
if bulk > 0 then
  wait = math.max(wait, window(KEYS[3], bulk), field('live') - now)
elseif wait > 0 then
  redis.call('HSET', KEYS[1], 'live', string.format('%.0f', now + wait + 500))
else
  redis.call('HDEL', KEYS[1], 'live')
end
if wait > 0 then
  redis.call('PEXPIRE', KEYS[1], 180000)
  return tostring(math.ceil(wait))
end
redis.call('HSET', KEYS[1], 'tat', string.format('%.3f', tat + gap))
local stamp = string.format('%.0f', now)
redis.call('LPUSH', KEYS[2], stamp)
redis.call('LTRIM', KEYS[2], 0, 239)
redis.call('PEXPIRE', KEYS[2], 120000)
if bulk > 0 then
  redis.call('LPUSH', KEYS[3], stamp)
  redis.call('LTRIM', KEYS[3], 0, 239)
  redis.call('PEXPIRE', KEYS[3], 120000)
end
redis.call('PEXPIRE', KEYS[1], 180000)
return '0'
`)

// ask runs budgetScript.
func (b *Budget) ask(ctx context.Context, what string, key secret.String, perMinute, bulk int, pause time.Duration) (int64, error) {
	name := budgetKey(key)
	// Without a limit of its own a tenant has the default one.
	if perMinute <= 0 {
		perMinute = 50
	}
	n, err := budgetScript.Run(ctx, b.rdb, []string{name, name + ":sent", name + ":bulk"}, what, perMinute, min(burst, perMinute), bulk, pause.Milliseconds(), pauseUnasked.Milliseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("ask the call budget: %w", err)
	}
	return n, nil
}

// wait blocks until a call of live work may go, or fails with *budgetSpent.
func (b *Budget) wait(ctx context.Context, key secret.String, perMinute int, now func() time.Time) error {
	return b.take(ctx, key, perMinute, 0, now)
}

// waitBulk is wait for work that stands back for live work.
func (b *Budget) waitBulk(ctx context.Context, key secret.String, perMinute int, now func() time.Time) error {
	return b.take(ctx, key, perMinute, max(1, perMinute*bulkShare/100), now)
}

// patienceOf is patience for a budget. What a record has read is read anew when
// its lane comes again, so with few calls a minute, waits longer than patience
// between any two would let no record ever end: such a lane is kept through
// all waits that spreading the calls can cause.
func patienceOf(perMinute int) time.Duration {
	if perMinute <= 0 || perMinute >= 30 {
		return patience
	}
	gap := time.Minute / time.Duration(perMinute)
	return time.Duration(min(burst, perMinute)+1)*gap + time.Second
}

func (b *Budget) take(ctx context.Context, key secret.String, perMinute, bulk int, now func() time.Time) error {
	for {
		ms, err := b.ask(ctx, "take", key, perMinute, bulk, 0)
		if err != nil || ms == 0 {
			return err
		}
		left := time.Duration(ms) * time.Millisecond
		if left > patienceOf(perMinute) {
			return &budgetSpent{now().Add(left)}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
}

// Refused tells that Cin7 refused a call as over its limit, in whatever form:
// nobody calls until the time it asked for is over, or, when it asked for
// none, for a while that grows with refusals in a row.
func (b *Budget) Refused(ctx context.Context, key secret.String, retryAfter time.Duration) error {
	_, err := b.ask(ctx, "pause", key, 1, 0, retryAfter)
	return err
}
