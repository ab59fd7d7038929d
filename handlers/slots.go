package handlers

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/queue"
)

// NetSuite counts the requests in flight of a whole company. The tenants of one
// account, and the processes that serve them, take their slots from one set in
// Redis; a process that dies gives its own back when they expire.

// slotFor is how long a slot is held at most: a request ends before
// (netsuite: 120 s), with the token that it may have to ask for.
const slotFor = 5 * time.Minute

// slotScript takes a slot of an account, or gives it back.
//
// KEYS 1 sorted set of holders by the ms at which their slot expires.
// ARGV 1 take | leave, 2 holder, 3 how many may be held, 4 slotFor in ms.
// Returns 1 when the holder has the slot (take) or had it (leave), else 0. Both
// may be repeated.
var slotScript = queue.DrainScript(`
if ARGV[1] == 'leave' then return redis.call('ZREM', KEYS[1], ARGV[2]) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
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
	leave := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		// What cannot be given back expires.
		_ = slotScript.Run(ctx, b.rdb, []string{key}, "leave", holder).Err()
	}
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		got, err := slotScript.Run(ctx, b.rdb, []string{key}, "take", holder, limit, slotFor.Milliseconds()).Int64()
		switch {
		case ctx.Err() != nil:
			leave() // it may have been granted all the same
			return nil, ctx.Err()
		case err != nil:
			return func() {}, nil //nolint:nilerr // see above: the client's own count has to do
		case got == 1:
			return leave, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause + rand.N(pause/2)): // so that those who wait do not come in step
		}
	}
}
