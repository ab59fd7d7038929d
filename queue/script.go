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
` + luaIndex
	// luaIndex gives the keys of the indexes by state, which begin at a place.
	luaIndex = `
local function index(first)
  local byKey = {}
  local names = {'pending', 'running', 'completed', 'waiting', 'parked', 'skipped'}
  for i, n in ipairs(names) do byKey[n] = KEYS[first + i - 1] end
  return byKey
end
`
)

// luaBatch is for scripts that work on many records, so that those share the
// commands that take many members. move notes that a record changes its state,
// moved moves all of them between the indexes, each from where it was first to
// where it is last.
const luaBatch = `
local refAt = #KEYS[1] - #'lane' + #'rec:' + 1 -- where a ref begins in a record's key
local at = string.format('%.0f', now)
local refs, first, last = {}, {}, {}
local function move(ref, from, to)
  if not last[ref] then
    refs[#refs + 1] = ref
    first[ref] = from or ''
  end
  last[ref] = to
end
local function moved(firstKey)
  local out, into = {}, {}
  for _, ref in ipairs(refs) do
    local from, to = first[ref], last[ref]
    if from ~= to then
      local o = out[from] or {}
      o[#o + 1] = ref
      out[from] = o
    end
    local i = into[to] or {}
    i[#i + 1] = at
    i[#i + 1] = ref
    into[to] = i
  end
  for state, k in pairs(index(firstKey)) do
    if out[state] then redis.call('ZREM', k, unpack(out[state])) end
    if into[state] then redis.call('ZADD', k, unpack(into[state])) end
  end
end
local function tell(log, cap, steps)
  if redis.call('RPUSH', log, unpack(steps)) > cap then redis.call('LTRIM', log, -cap, -1) end
end
`

// scriptBatch bounds the records of one run of such a script: Redis serves
// nobody else meanwhile.
const scriptBatch = 200

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

// beginScript puts the records of entries to work.
//
// KEYS 1 lane, 2 stream of the entries, 3..8 by:<state>, then of each entry the
// record and its log.
// ARGV 1 fence, 2 1 if the holder before died, 3 class, 4 log cap, then of each
// entry its id and what the timeline is told of the mark when it is first
// taken, or "".
// Returns of each entry want, crashes, attempts, and 1 if it was taken before
// else 0; a want of "" when another entry of the record counts (this one is
// removed); or "stale", and then nothing is written. Run twice, it does nothing
// more, but counts a crash each time.
//
// A record that should wait but names no entry has lost its fields, so any
// entry of it counts.
var beginScript = newScript(true, luaNow+luaFence+luaIndex+luaBatch+`
local cap = tonumber(ARGV[4])
local out, gone = {}, {}
for i = 9, #KEYS, 2 do
  local rec, id, marked = KEYS[i], ARGV[i - 4], ARGV[i - 3]
  local taken, qid, state, from, want, crashes, attempts = unpack(redis.call('HMGET', rec, 'taken', 'qid', 'state', 'from', 'want', 'crashes', 'attempts'))
  local lost = not taken and not qid and (not state or state == 'pending' or state == 'running')
  local n = #out
  if taken ~= id and qid ~= id and not lost then
    gone[#gone + 1] = id
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = '', '0', '0', '0'
  else
    if qid == id then redis.call('HDEL', rec, 'qid', 'class') end
    if taken == id and ARGV[2] == '1' then crashes = redis.call('HINCRBY', rec, 'crashes', 1) end
    if ARGV[3] == 'bulk' then redis.call('HSET', rec, 'taken', id, 'state', 'running', 'updated', at, 'from', 'bulk')
    else
      redis.call('HSET', rec, 'taken', id, 'state', 'running', 'updated', at)
      if from then redis.call('HDEL', rec, 'from') end
    end
    if taken ~= id and marked ~= '' then tell(KEYS[i + 1], cap, {marked}) end
    move(string.sub(rec, refAt), state, 'running')
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = want or '0', tostring(crashes or '0'), attempts or '0', taken == id and '1' or '0'
  end
end
if #gone > 0 then redis.call('XDEL', KEYS[2], unpack(gone)) end
moved(3)
return out
`)

// vanishedScript compares what waits at one moment.
//
// KEYS 1 by:pending, 2 events, 3 bulk. Returns "1" if more records wait than
// there are entries, else "0".
var vanishedScript = newScript(true, `
return redis.call('ZCARD', KEYS[1]) > redis.call('XLEN', KEYS[2]) + redis.call('XLEN', KEYS[3]) and '1' or '0'
`)

// returnScript gives a taken, unsettled record back; its entry stays
// the oldest of its stream, so the next holder takes it first.
//
// KEYS 1 lane, 2 record, 3..8 by:<state>. ARGV 1 fence, 2 ref, 3 entry id.
// Returns "ok" or "stale".
var returnScript = newScript(true, luaNow+luaFence+luaMove+`
if redis.call('HGET', KEYS[2], 'taken') == ARGV[3] then move(KEYS[2], ARGV[2], index(3), 'pending', now) end
return 'ok'
`)

// settleScript records outcomes.
//
// KEYS 1 lane, 2 events, 3 bulk, 4 due, 5..10 by:<state>, then of each outcome
// the record and its log.
// ARGV 1 fence, 2 log cap, then of each outcome: entry id or "", class of the
// entry, want of the entry, state, reason, message, fix, next_at in ms or 0, 1
// if it counts as a failed attempt, name of this settlement, number of facts,
// name and value of each, number of steps, each step (StepText).
// Since when a record stands still for a reason is kept while it does: looking
// again does not begin it anew.
// What was settled before is left as it is: an entry that the record does not
// name as taken, or without an entry the settlement made last.
// Returns "ok", or "stale", and then nothing is written.
var settleScript = newScript(true, luaNow+luaFence+luaIndex+luaBatch+`
local cap, arg = tonumber(ARGV[2]), 2
local gone, undue = {events = {}, bulk = {}}, {}
local function settle(rec, log)
  local id, class, wanted, state, reason, message, fix, nextAt, failed, name = unpack(ARGV, arg + 1, arg + 10)
  local facts = tonumber(ARGV[arg + 11])
  local fact = arg + 12
  local step = fact + 2 * facts
  local steps = tonumber(ARGV[step])
  arg = step + steps
  local taken, qid, from, done, op = unpack(redis.call('HMGET', rec, 'taken', 'qid', 'state', 'done', 'op'))
  local set, del = {'updated', at}, {}
  local function put(field, value)
    if value == '' then del[#del + 1] = field
    else
      set[#set + 1] = field
      set[#set + 1] = value
    end
  end
  if id ~= '' then
    local g = gone[class]
    g[#g + 1] = id
    if taken ~= id then return end
    del = {'taken', 'crashes', 'op'}
    if tonumber(wanted) > tonumber(done or '0') then put('done', wanted) end
    taken = false
  else
    if op == name then return end
    put('op', name)
  end
  if failed == '1' then redis.call('HINCRBY', rec, 'attempts', 1)
  elseif state ~= 'waiting' then put('attempts', '') end
  if state == 'parked' or state == 'waiting' then
    local since, why = unpack(redis.call('HMGET', rec, 'since', 'reason'))
    if not since or (why or '') ~= reason or string.sub(since, 1, #state + 1) ~= state .. ' ' then put('since', state .. ' ' .. at) end
  elseif failed ~= '1' then put('since', '') end
  for i = fact, step - 2, 2 do put('f:' .. ARGV[i], ARGV[i + 1]) end
  put('reason', reason)
  put('message', message)
  put('fix', fix)
  local ref = string.sub(rec, refAt)
  if qid then
    state = 'pending'
  elseif taken then
    state = 'running'
  end
  if state == 'waiting' and nextAt ~= '0' then
    undue[ref] = nextAt
    put('next_at', nextAt)
  else
    undue[ref] = false
    put('next_at', '')
  end
  put('state', state)
  move(ref, from, state)
  redis.call('HSET', rec, unpack(set))
  if #del > 0 then redis.call('HDEL', rec, unpack(del)) end
  if steps > 0 then
    local told = {}
    for i = 1, steps do
      told[i] = ARGV[step + i]
      if string.sub(told[i], 1, 1) == '\n' then told[i] = at .. told[i] end
    end
    tell(log, cap, told)
  end
end
for i = 11, #KEYS, 2 do settle(KEYS[i], KEYS[i + 1]) end
for class, ids in pairs(gone) do
  if #ids > 0 then redis.call('XDEL', class == 'bulk' and KEYS[3] or KEYS[2], unpack(ids)) end
end
local due, out = {}, {}
for ref, nextAt in pairs(undue) do
  if nextAt then
    due[#due + 1] = nextAt
    due[#due + 1] = ref
  else out[#out + 1] = ref end
end
if #due > 0 then redis.call('ZADD', KEYS[4], unpack(due)) end
if #out > 0 then redis.call('ZREM', KEYS[4], unpack(out)) end
moved(5)
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
