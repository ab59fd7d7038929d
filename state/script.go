package state

import "github.com/ml-connector/ml-connector/queue"

// Every script refuses a fence that is not the lane's current one, or whose
// holder has given the lane back: ARGV[1] is the fence, KEYS[1] the lane. They
// answer "ok" or "stale", and doing one twice is the same as once. They run when
// Redis is out of memory too: a lane drains only if its worker can take notes.
const luaFence = `
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'owner') == 0 then return 'stale' end
`

// linkScript ties a slot to a Cin7 object and closes the intent of that slot.
//
// KEYS 1 lane, 2 record, 3 reverse hash. ARGV 1 fence, 2 slot, 3 GUID,
// 4 lower-case GUID, 5 owner (ref/slot), then name and value of facts.
var linkScript = queue.DrainScript(luaFence + `
redis.call('HSET', KEYS[2], 'link:' .. ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
if redis.call('HGET', KEYS[2], 'intent_slot') == ARGV[2] then redis.call('HDEL', KEYS[2], 'intent', 'intent_slot', 'intent_op') end
for i = 6, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], 'fact:' .. ARGV[i]) else redis.call('HSET', KEYS[2], 'fact:' .. ARGV[i], ARGV[i + 1]) end
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
// KEYS 1 lane, 2 record. ARGV 1 fence, 2 open | update | close, 3 JSON,
// 4 slot, 5 op. Also answers "open" when another intent is open.
var intentScript = queue.DrainScript(luaFence + `
if ARGV[2] == 'close' then
  redis.call('HDEL', KEYS[2], 'intent', 'intent_slot', 'intent_op')
  return 'ok'
end
local slot, op = redis.call('HGET', KEYS[2], 'intent_slot'), redis.call('HGET', KEYS[2], 'intent_op')
if slot and (ARGV[2] == 'open' and redis.call('HGET', KEYS[2], 'intent') ~= ARGV[3] or slot ~= ARGV[4] or op ~= ARGV[5]) then return 'open' end
redis.call('HSET', KEYS[2], 'intent', ARGV[3], 'intent_slot', ARGV[4], 'intent_op', ARGV[5])
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
