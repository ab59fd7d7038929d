package state

import "github.com/ml-connector/ml-connector/queue"

// Every script refuses a fence that is not the lane's current one, or whose
// holder has given the lane back: ARGV[1] is the fence, KEYS[1] the lane. They
// answer "ok" or "stale", and doing one twice is the same as once. They run when
// Redis is out of memory too: a lane drains only if its worker can take notes.
const luaFence = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'owner') == 0 then return 'stale' end
`

// An open intent is kept apart from its record, as slot, op and JSON, each on a
// line of its own: a hash that once held so long a value would take twice the
// memory ever after. closeIntent also clears where it was kept before that.
const luaIntent = `
local function openIntent(intents, ref)
  local kept = redis.call('HGET', intents, ref)
  if not kept then return false end
  local slot, op, json = string.match(kept, '^([^\n]*)\n([^\n]*)\n(.*)$')
  return slot, op, json
end
local function closeIntent(intents, ref, rec)
  redis.call('HDEL', intents, ref)
  redis.call('HDEL', rec, 'intent', 'intent_slot', 'intent_op')
end
`

// linkScript ties a slot to a Cin7 object and closes the intent of that slot.
//
// KEYS 1 lane, 2 record, 3 reverse hash, 4 intents. ARGV 1 fence, 2 slot,
// 3 GUID, 4 lower-case GUID, 5 owner (ref/slot), 6 ref, then name and value of
// facts.
var linkScript = queue.DrainScript(luaFence + luaIntent + `
redis.call('HSET', KEYS[2], 'link:' .. ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
if (openIntent(KEYS[4], ARGV[6]) or redis.call('HGET', KEYS[2], 'intent_slot')) == ARGV[2] then closeIntent(KEYS[4], ARGV[6], KEYS[2]) end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], 'f:' .. ARGV[i]) else redis.call('HSET', KEYS[2], 'f:' .. ARGV[i], ARGV[i + 1]) end
end
return 'ok'
`)

// unlinkScript undoes linkScript. KEYS as there. ARGV 1 fence, 2 slot.
var unlinkScript = queue.DrainScript(luaFence + `
local guid = redis.call('HGET', KEYS[2], 'link:' .. ARGV[2])
if guid then
  redis.call('HDEL', KEYS[2], 'link:' .. ARGV[2])
  redis.call('HDEL', KEYS[3], string.lower(guid))
end
return 'ok'
`)

// intentScript keeps the one open write of a record.
//
// KEYS 1 lane, 2 record, 3 intents. ARGV 1 fence, 2 open | update | close,
// 3 ref, 4 JSON, 5 slot, 6 op. Also answers "open" when another intent is open.
var intentScript = queue.DrainScript(luaFence + luaIntent + `
if ARGV[2] == 'close' then
  closeIntent(KEYS[3], ARGV[3], KEYS[2])
  return 'ok'
end
local slot, op, json = openIntent(KEYS[3], ARGV[3])
if not slot then
  local old = redis.call('HMGET', KEYS[2], 'intent_slot', 'intent_op', 'intent')
  slot, op, json = old[1], old[2], old[3]
end
if slot and (ARGV[2] == 'open' and json ~= ARGV[4] or slot ~= ARGV[5] or op ~= ARGV[6]) then return 'open' end
closeIntent(KEYS[3], ARGV[3], KEYS[2])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5] .. '\n' .. ARGV[6] .. '\n' .. ARGV[4])
return 'ok'
`)

// setScript sets fields of a hash, "" deletes one.
//
// KEYS 1 lane, 2 hash. ARGV 1 fence, 2 prefix of the fields, then name and value.
var setScript = queue.DrainScript(luaFence + `
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[2] .. ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[2] .. ARGV[i], ARGV[i + 1]) end
end
return 'ok'
`)
