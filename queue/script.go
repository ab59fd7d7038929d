package queue

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// script is a Lua script that may run when Redis is out of memory (drain) or
// may not. The flag is a shebang of Redis 7.0; a server without it, such as
// the embedded one of the demo, gets the bare text.
type script struct {
	bare, drain *redis.Script
	useBare     *atomic.Bool
}

// newScript returns a script. Once a server has refused the flag the bare text
// is sent: servers of both kinds are not mixed in one process.
func newScript(drain bool, text string) script {
	s := script{bare: redis.NewScript(text), useBare: new(atomic.Bool)}
	s.drain = redis.NewScript("#!lua flags=allow-oom\n" + text)
	s.useBare.Store(!drain)
	return s
}

func (s script) run(ctx context.Context, rdb redis.Scripter, keys []string, args ...any) (any, error) {
	if !s.useBare.Load() {
		v, err := s.drain.Run(ctx, rdb, keys, args...).Result()
		if err == nil || !strings.Contains(err.Error(), "near '#'") {
			return v, err
		}
		s.useBare.Store(true)
	}
	return s.bare.Run(ctx, rdb, keys, args...).Result()
}

// Shared beginnings of the scripts.
const (
	luaNow = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`
	// luaMove moves a record between the indexes by state. states holds the
	// keys mlc:{t}:by:<state>, names their states.
	luaMove = `
local function move(rec, ref, byKey, to, now)
  local from = redis.call('HGET', rec, 'state')
  if from and byKey[from] then redis.call('ZREM', byKey[from], ref) end
  redis.call('HSET', rec, 'state', to, 'updated', now)
  redis.call('ZADD', byKey[to], now, ref)
end
local function index(first)
  local byKey = {}
  local names = {'pending', 'running', 'completed', 'waiting', 'parked', 'skipped'}
  for i, n in ipairs(names) do byKey[n] = KEYS[first + i - 1] end
  return byKey
end
`
)

// luaMark marks one record: its want grows and, unless it already waits in a
// stream that counts, an entry is added. KEYS[3] is due. It returns the number
// of entries added.
const luaMark = `
local function mark(class, stream, rec, log, byKey, cap, ref, source, note, trace)
  local added = 0
  redis.call('HINCRBY', rec, 'want', 1)
  local waits = redis.call('HGET', rec, 'class')
  if not waits or (waits == 'bulk' and class == 'events') then
    local id = redis.call('XADD', stream, '*', 'ref', ref, 'source', source, 'note', note, 'trace', trace, 'at', now)
    redis.call('HSET', rec, 'class', class, 'qid', id)
    redis.call('ZREM', KEYS[3], ref)
    added = added + 1
    if source ~= 'recheck' then
      redis.call('XADD', log, 'MAXLEN', '~', cap, '*', 'at', now, 'name', 'marked', 'text', source .. (note ~= '' and ': ' .. note or ''))
    end
  end
  if redis.call('HGET', rec, 'state') ~= 'running' then move(rec, ref, byKey, 'pending', now) end
  return added
end
`

// markScript adds marks.
//
// KEYS 1 events, 2 bulk, 3 due, 4..9 by:<state> in the order of States, then
// per mark: record, log.
// ARGV 1 class (events or bulk), 2 bound, 3 log cap, then per mark: ref,
// source, note, trace.
// Returns the number of entries added; the error FULL when the stream is at
// its bound, and then nothing is written.
var markScript = newScript(false, luaNow+luaMove+luaMark+`
local class = ARGV[1]
local stream = class == 'bulk' and KEYS[2] or KEYS[1]
if tonumber(ARGV[2]) > 0 and redis.call('XLEN', stream) >= tonumber(ARGV[2]) then
  return redis.error_reply('FULL the lane holds as many marks as it may')
end
local byKey = index(4)
local added = 0
for i = 0, (#KEYS - 9) / 2 - 1 do
  local rec, log = KEYS[10 + 2 * i], KEYS[11 + 2 * i]
  added = added + mark(class, stream, rec, log, byKey, ARGV[3], ARGV[4 + 4 * i], ARGV[5 + 4 * i], ARGV[6 + 4 * i], ARGV[7 + 4 * i])
end
return added
`)

// claimScript takes the lane that has been due for longest.
//
// KEYS 1 mlc:lanes. ARGV 1 lease in ms.
// Returns the tenant, or nothing.
var claimScript = newScript(true, luaNow+`
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)
if not due[1] then return false end
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], due[1])
return due[1]
`)

// holdScript makes a worker the holder of a lane.
//
// KEYS 1 lane. ARGV 1 owner, 2 lease in ms.
// Returns {fence, 1 if the holder before died in its turn else 0}; nothing
// when the lane is paused or held by another; {end of the hold in ms} while it
// must be left alone.
var holdScript = newScript(true, luaNow+`
if redis.call('HEXISTS', KEYS[1], 'paused') == 1 then return false end
local hold = redis.call('HGET', KEYS[1], 'hold')
if hold and tonumber(hold) > now then return {hold} end
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and tonumber(redis.call('HGET', KEYS[1], 'until') or '0') > now then return false end
local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') + 1
local floor = tonumber(t[1]) * 1000000
if fence < floor then fence = floor end
local text = string.format('%.0f', fence)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + ARGV[2], 'fence', text)
return {text, owner and 1 or 0}
`)

// luaFence refuses a fence that is not the lane's current one, or whose holder
// has given the lane back. ARGV[1] is the fence, KEYS[1] the lane.
const luaFence = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'owner') == 0 then return 'stale' end
`

// extendScript renews a lease.
//
// KEYS 1 lane. ARGV 1 fence, 2 lease in ms.
// Returns the new end in ms, or "stale".
var extendScript = newScript(true, luaNow+luaFence+`
redis.call('HSET', KEYS[1], 'until', now + ARGV[2])
return tostring(now + ARGV[2])
`)

// beginScript puts a taken entry's record to work.
//
// KEYS 1 lane, 2 record, 3 stream of the entry, 4..9 by:<state>.
// ARGV 1 fence, 2 ref, 3 entry id, 4 1 if the holder before died.
// Returns {want, crashes, attempts}, "superseded" when another entry of the
// record counts (this one is removed), or "stale".
var beginScript = newScript(true, luaNow+luaFence+luaMove+`
local rec, ref, id = KEYS[2], ARGV[2], ARGV[3]
local taken, qid = redis.call('HGET', rec, 'taken'), redis.call('HGET', rec, 'qid')
if taken ~= id and qid ~= id then
  redis.call('XACK', KEYS[3], 'lane', id)
  redis.call('XDEL', KEYS[3], id)
  return 'superseded'
end
if qid == id then redis.call('HDEL', rec, 'qid', 'class') end
if taken == id and ARGV[4] == '1' then redis.call('HINCRBY', rec, 'crashes', 1) end
redis.call('HSET', rec, 'taken', id)
move(rec, ref, index(4), 'running', now)
local got = redis.call('HMGET', rec, 'want', 'crashes', 'attempts')
return {got[1] or '0', got[2] or '0', got[3] or '0'}
`)

// returnScript gives a taken, unsettled record back; its entry stays pending
// in the group and is taken first by the next holder.
//
// KEYS 1 lane, 2 record, 3..8 by:<state>. ARGV 1 fence, 2 ref, 3 entry id.
// Returns "ok" or "stale".
var returnScript = newScript(true, luaNow+luaFence+luaMove+`
if redis.call('HGET', KEYS[2], 'taken') == ARGV[3] then move(KEYS[2], ARGV[2], index(3), 'pending', now) end
return 'ok'
`)

// settleScript records an outcome.
//
// KEYS 1 lane, 2 record, 3 stream of the entry, 4 due, 5 log, 6..11 by:<state>.
// ARGV 1 fence, 2 ref, 3 entry id or "", 4 want of the entry, 5 state,
// 6 reason, 7 message, 8 fix, 9 next_at in ms or 0, 10 1 if it counts as a
// failed attempt, 11 log cap, 12 number of facts, then name and value of
// each, then per step: at in ms or "", name, text.
// Returns "ok", "already" when the entry was settled before, or "stale".
var settleScript = newScript(true, luaNow+luaFence+luaMove+`
local rec, ref, id = KEYS[2], ARGV[2], ARGV[3]
if id ~= '' then
  redis.call('XACK', KEYS[3], 'lane', id)
  redis.call('XDEL', KEYS[3], id)
  if redis.call('HGET', rec, 'taken') ~= id then return 'already' end
  redis.call('HDEL', rec, 'taken', 'crashes')
  if tonumber(ARGV[4]) > tonumber(redis.call('HGET', rec, 'done') or '0') then redis.call('HSET', rec, 'done', ARGV[4]) end
end
local state, nextAt = ARGV[5], tonumber(ARGV[9])
if ARGV[10] == '1' then redis.call('HINCRBY', rec, 'attempts', 1)
elseif state ~= 'waiting' then redis.call('HDEL', rec, 'attempts') end
local facts = tonumber(ARGV[12])
for i = 0, facts - 1 do
  local name, value = ARGV[13 + 2 * i], ARGV[14 + 2 * i]
  if value == '' then redis.call('HDEL', rec, 'fact:' .. name) else redis.call('HSET', rec, 'fact:' .. name, value) end
end
for i = 13 + 2 * facts, #ARGV, 3 do
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[11], '*', 'at', ARGV[i] ~= '' and ARGV[i] or now, 'name', ARGV[i + 1], 'text', ARGV[i + 2])
end
redis.call('HSET', rec, 'reason', ARGV[6], 'message', ARGV[7], 'fix', ARGV[8], 'next_at', '0')
redis.call('ZREM', KEYS[4], ref)
if redis.call('HEXISTS', rec, 'qid') == 1 then
  state = 'pending'
elseif id == '' and redis.call('HEXISTS', rec, 'taken') == 1 then
  state = 'running'
elseif state == 'waiting' and nextAt > 0 then
  redis.call('HSET', rec, 'next_at', nextAt)
  redis.call('ZADD', KEYS[4], nextAt, ref)
end
move(rec, ref, index(6), state, now)
return 'ok'
`)

// releaseScript gives a lane back and says when it wants a worker again.
//
// KEYS 1 lane, 2 events, 3 bulk, 4 due. ARGV 1 fence, 2 end of the hold in ms
// or 0.
// Returns 0 when a mark waits, the earliest retry in ms, -1 when nothing
// waits, or "stale".
var releaseScript = newScript(true, luaNow+luaFence+`
redis.call('HDEL', KEYS[1], 'owner', 'until')
redis.call('HSET', KEYS[1], 'hold', ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 1 and redis.call('XLEN', KEYS[2]) > 0 then return '0' end
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('XLEN', KEYS[3]) > 0 then return '0' end
local due = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
if due[2] then return tostring(due[2]) end
return '-1'
`)
