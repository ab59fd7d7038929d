package queue

// luaMark marks one record: unless it already waits in a stream that counts, an
// entry is added and its want grows. KEYS 1 events, 2 bulk, 3 due. It returns
// the number of entries added. Of a record that waits nothing is written: what
// the mark asks for is there already, and as durable as it will be. The timeline
// is told of the mark when its entry is taken, so that a waiting mark costs no
// more than it must.
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
  local state, waits, qid, want = unpack(redis.call('HMGET', rec, 'state', 'class', 'qid', 'want'))
  if waits and (not qid or gone(waits == 'bulk' and KEYS[2] or KEYS[1], qid)) then waits = false end
  local enters = not waits or (waits == 'bulk' and class == 'events')
  if not enters and (state == 'pending' or state == 'running') then return 0 end
  want = (tonumber(want) or 0) + 1
  if state ~= 'running' then
    redis.call('ZADD', byKey.pending, now, ref)
    if state ~= 'pending' then redis.call('ZREM', KEYS[3], ref) end
    if state and state ~= 'pending' and byKey[state] then redis.call('ZREM', byKey[state], ref) end
    if not enters then redis.call('HSET', rec, 'state', 'pending', 'updated', now, 'want', want) end
  end
  if not enters then return 0 end
  local stream = class == 'bulk' and KEYS[2] or KEYS[1]
  local id = redis.call('XADD', stream, '*', 'ref', ref, 'source', source, 'note', note, 'trace', trace, 'at', now)
  if not first[stream] then first[stream] = nil end
  if state == 'running' then redis.call('HSET', rec, 'class', class, 'qid', id, 'want', want)
  else redis.call('HSET', rec, 'class', class, 'qid', id, 'want', want, 'state', 'pending', 'updated', now) end
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
// the stream is at its bound, and then nothing is written. Run twice, it does
// nothing more: the record waits already.
//
// It begins with a write that changes nothing. A server that takes no writes, a
// master that has lost its replicas or one that is none any more, must not
// acknowledge a mark because its own, perhaps former, state shows that the record
// waits. And Redis asks for memory at a script's first write.
//
// Strangers' marks may not be made when Redis is out of memory; those of records
// that were here before may, because a lane drains only if they go on.
var markScript, retryScript = newScript(false, luaMarks), newScript(true, luaMarks)

const luaMarks = luaNow + luaMove + luaMark + `
redis.call('ZADD', KEYS[3], 'XX', 0, '') -- may this server write at all, and has it room?
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
