package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"weak"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that may run when Redis is out of memory (drain) or
// may not. The flag is a shebang of Redis 7.0; a server without it, such as
// the embedded one of the demo, gets the bare text.
type Script struct{ bare, drain *redis.Script }

// DrainScript returns a script that runs although Redis is out of memory: what
// a worker needs to get rid of work must be one.
func DrainScript(text string) Script { return newScript(true, text) }

func newScript(drain bool, text string) Script {
	s := Script{bare: redis.NewScript(text)}
	if s.drain = s.bare; drain {
		s.drain = redis.NewScript("#!lua flags=allow-oom\n" + text)
	}
	return s
}

// bareServers holds the clients whose servers have refused the flag.
var bareServers sync.Map

// server is the key of a client in bareServers, which keeps none alive.
func server(rdb redis.Scripter) any {
	if c, ok := rdb.(*redis.Client); ok {
		return weak.Make(c)
	}
	return rdb
}

// text is the form of the script that the server takes, as far as is known.
func (s Script) text(rdb redis.Scripter) *redis.Script {
	if _, ok := bareServers.Load(server(rdb)); ok {
		return s.bare
	}
	return s.drain
}

// Run runs the script.
func (s Script) Run(ctx context.Context, rdb redis.Scripter, keys []string, args ...any) *redis.Cmd {
	cmd := s.text(rdb).Run(ctx, rdb, keys, args...)
	if cmd.Err() == nil || !strings.Contains(cmd.Err().Error(), "near '#'") {
		return cmd
	}
	bareServers.Store(server(rdb), true)
	return s.bare.Run(ctx, rdb, keys, args...)
}

func (s Script) run(ctx context.Context, rdb redis.Scripter, keys []string, args ...any) (any, error) {
	return s.Run(ctx, rdb, keys, args...).Result()
}

// call is one run of a script among several.
type call struct {
	keys []string
	args []any
}

// runAll runs the script once for each call, all in one round trip, in which
// also goes what also adds, whose answers nobody reads. Answers
// are in the order of the calls; nil stands for a false one.
func (s Script) runAll(ctx context.Context, rdb redis.UniversalClient, calls []call, also ...func(redis.Pipeliner)) ([]any, error) {
	text := s.text(rdb)
	out := make([]any, len(calls))
	cmds := make([]*redis.Cmd, len(calls))
	p := rdb.Pipeline()
	for i, c := range calls {
		cmds[i] = text.EvalSha(ctx, p, c.keys, c.args...)
	}
	for _, add := range also {
		add(p)
	}
	_, _ = p.Exec(ctx) // each command tells its own error
	for i, c := range calls {
		v, err := cmds[i].Result()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			v, err = s.run(ctx, rdb, c.keys, c.args...)
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
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

// luaTell adds a step to a timeline. One that does not begin with its time
// happens now.
const luaTell = `
local function tell(log, cap, step)
  if string.sub(step, 1, 1) == '\n' then step = string.format('%.0f', now) .. step end
  if redis.call('RPUSH', log, step) > tonumber(cap) then redis.call('LTRIM', log, -tonumber(cap), -1) end
end
`

// luaMark marks one record: its want grows and, unless it already waits in a
// stream that counts, an entry is added. KEYS 1 events, 2 bulk, 3 due. It
// returns the number of entries added. The timeline is told of the mark when
// its entry is taken, so that a waiting mark costs no more than it must.
//
// An entry that should wait but is older than all that its stream holds is
// gone, as are all where a stream was deleted or cut: it counts no more. One
// gone from the middle, by somebody's hand, is found by Repair; to look for
// each here would cost as much as all the rest of a mark.
const luaMark = `
local first = {}
local function oldest(stream)
  if first[stream] == nil then
    local e = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local ms, seq
    if e then ms, seq = string.match(e[1], '^(%d+)-(%d+)$') end
    first[stream] = e and {tonumber(ms), tonumber(seq)} or false
  end
  return first[stream]
end
local function gone(stream, id)
  local old = oldest(stream)
  if not old then return true end
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  ms, seq = tonumber(ms), tonumber(seq)
  return not ms or ms < old[1] or (ms == old[1] and seq < old[2])
end
local function mark(class, rec, byKey, ref, source, note, trace)
  redis.call('HINCRBY', rec, 'want', 1)
  local state, waits, qid = unpack(redis.call('HMGET', rec, 'state', 'class', 'qid'))
  if waits and (not qid or gone(waits == 'bulk' and KEYS[2] or KEYS[1], qid)) then waits = false end
  local enters = not waits or (waits == 'bulk' and class == 'events')
  if not enters and (state == 'pending' or state == 'running') then return 0 end
  if state ~= 'running' then
    if state ~= 'pending' then redis.call('ZREM', KEYS[3], ref) end
    if state and state ~= 'pending' and byKey[state] then redis.call('ZREM', byKey[state], ref) end
    redis.call('ZADD', byKey.pending, now, ref)
    if not enters then redis.call('HSET', rec, 'state', 'pending', 'updated', now) end
  end
  if not enters then return 0 end
  local stream = class == 'bulk' and KEYS[2] or KEYS[1]
  local id = redis.call('XADD', stream, '*', 'ref', ref, 'source', source, 'note', note, 'trace', trace, 'at', now)
  if not first[stream] then first[stream] = nil end
  if state == 'running' then redis.call('HSET', rec, 'class', class, 'qid', id)
  else redis.call('HSET', rec, 'class', class, 'qid', id, 'state', 'pending', 'updated', now) end
  return 1
end
`

// markScript adds marks.
//
// KEYS 1 events, 2 bulk, 3 due, 4..9 by:<state> in the order of States, then
// the record of each mark.
// ARGV 1 class (events, bulk, or retry: the one that the record was last taken
// from), 2 bound of the stream or 0, then for marks in a row that say the same:
// how many, source, note, trace.
// Returns for each mark 1 if an entry was added, else 0; the error FULL when
// the stream is at its bound, and then nothing is written. Run twice, it adds
// nothing more: the record waits already, only its want grows.
//
// Strangers' marks may not be made when Redis is out of memory; those of records
// that were here before may, because a lane drains only if they go on.
var markScript, retryScript = newScript(false, luaMarks), newScript(true, luaMarks)

const luaMarks = luaNow + luaMove + luaMark + `
if tonumber(ARGV[2]) > 0 and redis.call('XLEN', ARGV[1] == 'bulk' and KEYS[2] or KEYS[1]) >= tonumber(ARGV[2]) then
  return redis.error_reply('FULL the lane holds as many marks as it may')
end
local byKey = index(4)
local ref = #KEYS[1] - #'events' + #'rec:' + 1 -- where it begins in a record's key
local added, at, alike = {}, 3, 0
local source, note, trace
for i = 1, #KEYS - 9 do
  if alike == 0 then
    alike, source, note, trace = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
  end
  alike = alike - 1
  local rec, class = KEYS[9 + i], ARGV[1]
  if class == 'retry' then class = redis.call('HGET', rec, 'from') or 'events' end
  added[i] = mark(class, rec, byKey, string.sub(rec, ref), source, note, trace)
end
return added
`

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
// KEYS 1 lane. ARGV 1 owner, 2 lease in ms, 3 id of the epoch, 4 when the
// epoch began in ms, 5 1 if the tenant was seen in it before, 6 the highest
// fence of this lane that the caller knows, 7 quarantine in ms.
// Returns {fence, 1 if the holder before died in its turn else 0, when creates
// may be sent in ms, 1 if all of NetSuite must be read again else 0}; nothing
// when the lane is paused; {ms} until when it must be left alone, because it
// is on hold or held by another.
//
// Redis has lost something of the tenant when the lane belongs to another
// epoch, has none although the tenant was seen in this one, or its fence has
// gone back. A tenant never seen waits for the quarantine of a young epoch:
// what Redis held before, if anything, is not known.
var holdScript = newScript(true, luaNow+`
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if redis.call('HEXISTS', KEYS[1], 'paused') == 1 then
  -- Paused before it was ever held: that is no loss when it is held at last.
  if not epoch and ARGV[5] == '0' then redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'creates', ARGV[4] + ARGV[7]) end
  return false
end
local hold = redis.call('HGET', KEYS[1], 'hold')
if hold and tonumber(hold) > now then return {hold} end
local owner, ends = redis.call('HGET', KEYS[1], 'owner'), redis.call('HGET', KEYS[1], 'until')
if owner and tonumber(ends or '0') > now then return {ends} end
local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if (epoch and epoch ~= ARGV[3]) or (not epoch and ARGV[5] == '1') or fence < tonumber(ARGV[6]) then
  redis.call('HSET', KEYS[1], 'creates', now + ARGV[7], 'reread', '1')
elseif not epoch then
  redis.call('HSET', KEYS[1], 'creates', ARGV[4] + ARGV[7])
end
if epoch ~= ARGV[3] then redis.call('HSET', KEYS[1], 'epoch', ARGV[3]) end
fence = math.max(fence, tonumber(ARGV[6])) + 1
local floor = tonumber(t[1]) * 1000000
if fence < floor then fence = floor end
local text = string.format('%.0f', fence)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]), 'fence', text)
return {text, owner and '1' or '0', redis.call('HGET', KEYS[1], 'creates') or '0', redis.call('HGET', KEYS[1], 'reread') or '0'}
`)

// rereadScript forgets that everything must be read again.
//
// KEYS 1 lane. ARGV 1 fence. Returns "ok" or "stale".
var rereadScript = newScript(true, luaFence+`
redis.call('HDEL', KEYS[1], 'reread')
return 'ok'
`)

// abandonScript ends a turn as its holder's death would: the next holder finds
// that the one before died.
//
// KEYS 1 lane. ARGV 1 fence. Returns "ok" or "stale".
var abandonScript = newScript(true, luaFence+`
redis.call('HSET', KEYS[1], 'until', '0')
return 'ok'
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
local ends = string.format('%.0f', now + ARGV[2])
redis.call('HSET', KEYS[1], 'until', ends)
return ends
`)

// beginScript puts a taken entry's record to work.
//
// KEYS 1 lane, 2 record, 3 stream of the entry, 4 log, 5..10 by:<state>.
// ARGV 1 fence, 2 ref, 3 entry id, 4 1 if the holder before died, 5 class, 6
// log cap, 7 what the timeline is told of the mark when it is first taken, or "".
// Returns {want, crashes, attempts}, "superseded" when another entry of the
// record counts (this one is removed), or "stale".
//
// A record that should wait but names no entry has lost its fields, so any
// entry of it counts.
var beginScript = newScript(true, luaNow+luaFence+luaMove+luaTell+`
local rec, ref, id = KEYS[2], ARGV[2], ARGV[3]
local taken, qid, state = unpack(redis.call('HMGET', rec, 'taken', 'qid', 'state'))
local lost = not taken and not qid and (not state or state == 'pending' or state == 'running')
if taken ~= id and qid ~= id and not lost then
  redis.call('XACK', KEYS[3], 'lane', id)
  redis.call('XDEL', KEYS[3], id)
  return 'superseded'
end
if qid == id then redis.call('HDEL', rec, 'qid', 'class') end
if taken ~= id and ARGV[7] ~= '' then tell(KEYS[4], ARGV[6], ARGV[7]) end
if taken == id and ARGV[4] == '1' then redis.call('HINCRBY', rec, 'crashes', 1) end
redis.call('HSET', rec, 'taken', id)
if ARGV[5] == 'bulk' then redis.call('HSET', rec, 'from', 'bulk') else redis.call('HDEL', rec, 'from') end
move(rec, ref, index(5), 'running', now)
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
// failed attempt, 11 log cap, 12 number of facts, 13 name of this settlement,
// then name and value of each fact, then each step (StepText).
// Since when a record stands still for a reason is kept while it does: looking
// again does not begin it anew.
// Returns "ok", "already" when the entry was settled before, or the settlement
// without an entry made, or "stale".
var settleScript = newScript(true, luaNow+luaFence+luaMove+luaTell+`
local rec, ref, id = KEYS[2], ARGV[2], ARGV[3]
if id ~= '' then
  redis.call('XACK', KEYS[3], 'lane', id)
  redis.call('XDEL', KEYS[3], id)
  if redis.call('HGET', rec, 'taken') ~= id then return 'already' end
  redis.call('HDEL', rec, 'taken', 'crashes')
  if tonumber(ARGV[4]) > tonumber(redis.call('HGET', rec, 'done') or '0') then redis.call('HSET', rec, 'done', ARGV[4]) end
  redis.call('HDEL', rec, 'op')
else
  if redis.call('HGET', rec, 'op') == ARGV[13] then return 'already' end
  redis.call('HSET', rec, 'op', ARGV[13])
end
local state, nextAt = ARGV[5], tonumber(ARGV[9])
if ARGV[10] == '1' then redis.call('HINCRBY', rec, 'attempts', 1)
elseif state == 'parked' then redis.call('HDEL', rec, 'attempts')
elseif state ~= 'waiting' then redis.call('HDEL', rec, 'attempts', 'since') end
if state == 'parked' or state == 'waiting' then
  local since, reason = unpack(redis.call('HMGET', rec, 'since', 'reason'))
  if not since or reason ~= ARGV[6] or string.sub(since, 1, #state + 1) ~= state .. ' ' then
    redis.call('HSET', rec, 'since', state .. string.format(' %.0f', now))
  end
end
local facts = tonumber(ARGV[12])
for i = 0, facts - 1 do
  local name, value = ARGV[14 + 2 * i], ARGV[15 + 2 * i]
  if value == '' then redis.call('HDEL', rec, 'fact:' .. name) else redis.call('HSET', rec, 'fact:' .. name, value) end
end
for i = 14 + 2 * facts, #ARGV do tell(KEYS[5], ARGV[11], ARGV[i]) end
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

// raiseScript begins the end of a turn: the lane is not due while its holder
// looks for what waits, and due after a lease should the holder die there.
//
// KEYS 1 mlc:lanes. ARGV 1 tenant, 2 lease in ms.
// Returns the score that it set.
var raiseScript = newScript(true, luaNow+`
local score = string.format('%.0f', now + ARGV[2])
redis.call('ZADD', KEYS[1], score, ARGV[1])
return score
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

// restScript ends the end of a turn: unless something was marked since
// raiseScript, which lowered the score, the lane is due when its holder found
// that it will be.
//
// KEYS 1 mlc:lanes. ARGV 1 tenant, 2 the score of raiseScript, 3 when the lane
// is due in ms. Returns "ok".
var restScript = newScript(true, `
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) == tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
else redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[1]) end
return 'ok'
`)

// wakeScript makes lanes due that are not due earlier.
//
// KEYS 1 mlc:lanes. ARGV 1 when in ms, 0 for now, then the tenants. Returns
// "ok".
var wakeScript = newScript(true, luaNow+`
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'LT', ARGV[1] == '0' and now or ARGV[1], ARGV[i]) end
return 'ok'
`)

// scoreScript sets when a lane that is held, and so has a score, is due.
//
// KEYS 1 mlc:lanes. ARGV 1 tenant, 2 when in ms. Returns "ok".
var scoreScript = newScript(true, `
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1])
return 'ok'
`)

// groupScript makes the group of a stream, which then shows all of its
// entries as new, and the stream if there is none.
//
// KEYS 1 stream. ARGV 1 1 to make it anew if it is there. Returns "ok".
var groupScript = newScript(true, `
if ARGV[1] == '1' then redis.call('XGROUP', 'DESTROY', KEYS[1], 'lane') end
redis.pcall('XGROUP', 'CREATE', KEYS[1], 'lane', '0', 'MKSTREAM')
return 'ok'
`)
