package handlers

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/ml-connector/ml-connector/queue"
)

// NetSuite counts the requests in flight of a whole company. The tenants of one
// account, and the processes that serve them, take their slots from one set in
// Redis. A request may take two minutes, but of the default of two slots a poll
// has one: what a dead process held would keep its successor, and with it all
// that waits in the lane, from reading for as long as a slot lasts. So a slot
// lasts no longer than a lane's lease, and its holder says that it lives.

const (
	// slotFor is how long a slot is held without a word of its holder.
	slotFor = 30 * time.Second
	// slotWord is how often a holder says that its request is still in flight.
	slotWord = slotFor / 3
)

// slotScript takes a slot of an account, keeps it, or gives it back.
//
// KEYS 1 sorted set of holders by the ms at which their slot expires.
// ARGV 1 take | keep | leave, 2 holder, 3 how many may be held, 4 slotFor in ms.
// Returns 1 when the holder has the slot (take, keep) or had it (leave), else 0.
// All may be repeated; what was given back or has expired cannot be kept.
var slotScript = queue.DrainScript(`
if ARGV[1] == 'leave' then return redis.call('ZREM', KEYS[1], ARGV[2]) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[1] == 'keep' then
  if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 0 end
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 1 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`)

// slot blocks until a request to an account may go, and returns what gives the
// slot back. Of several slots one is kept from what can wait. Without Redis the
// client's own count has to do: reading is harmless, and its process holds few.
func (b *Budget) slot(ctx context.Context, account string, limit int, background bool) (free func(), err error) {
	if background {
		limit--
	}
	limit = max(1, limit)
	key, holder := "mlc:slots:"+strings.ToLower(account), cryptorand.Text()
	call := func(ctx context.Context, verb string) (int64, error) {
		return slotScript.Run(ctx, b.rdb, []string{key}, verb, holder, limit, slotFor.Milliseconds()).Int64()
	}
	leave := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		// What cannot be given back expires.
		_, _ = call(ctx, "leave")
	}
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		got, err := call(ctx, "take")
		switch {
		case ctx.Err() != nil:
			leave() // it may have been granted all the same
			return nil, ctx.Err()
		case err != nil:
			return func() {}, nil //nolint:nilerr // see above: the client's own count has to do
		case got == 1:
			quiet := whileHeld(slotWord, func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				_, _ = call(ctx, "keep") // the next word makes good what this one could not say
			})
			return func() { quiet(); leave() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause + rand.N(pause/2)): // so that those who wait do not come in step
		}
	}
}

// whileHeld calls say every so often until it is told to stop. Most requests
// are over before the first time: they cost a timer and no goroutine.
func whileHeld(every time.Duration, say func()) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	stopped := false
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(every, func() {
		say()
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			timer.Reset(every)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}
