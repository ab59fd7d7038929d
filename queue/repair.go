package queue

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// What a record's hash says and what streams and indexes say of it is changed
// by one script at a time, so it cannot drift apart by a crash. It can by other
// hands: somebody deletes keys, a server drops what it should keep. Repair
// brings both together again; the hash is believed, and where it is gone or
// names an entry that is gone, the record is marked again.

// repairScript repairs one record.
//
// KEYS 1 record, 2 events, 3 bulk, 4 due, 5..10 by:<state>.
// ARGV 1 ref.
// Returns 1 when something was wrong, else 0. It needs no fence: it only does
// what any mark may do.
var repairScript = newScript(true, luaNow+luaMove+`
local rec, ref = KEYS[1], ARGV[1]
local wrong = 0
local function waits(id)
  return #redis.call('XRANGE', KEYS[2], id, id) > 0 or #redis.call('XRANGE', KEYS[3], id, id) > 0
end
local state, qid, taken, nextAt = unpack(redis.call('HMGET', rec, 'state', 'qid', 'taken', 'next_at'))
if not state and redis.call('HEXISTS', rec, 'want') == 0 then
  -- Seen by a poll and never marked, unless an index says otherwise.
  local named = redis.call('ZSCORE', KEYS[4], ref)
  for i = 5, 10 do named = named or redis.call('ZSCORE', KEYS[i], ref) end
  if not named then return 0 end
end
if qid and not waits(qid) then redis.call('HDEL', rec, 'qid', 'class'); qid = false; wrong = 1 end
if taken and not waits(taken) then redis.call('HDEL', rec, 'taken'); taken = false; wrong = 1; state = 'running' end
local byKey = index(5)
if not state or not byKey[state] then state = qid and 'pending' or false; wrong = 1 end
if not qid and not taken and (not state or state == 'pending' or state == 'running') then
  local id = redis.call('XADD', KEYS[2], '*', 'ref', ref, 'source', 'repair', 'note', 'its mark had vanished', 'trace', '', 'at', now)
  redis.call('HINCRBY', rec, 'want', 1)
  redis.call('HSET', rec, 'class', 'events', 'qid', id)
  state = 'pending'
  wrong = 1
end
if qid and not taken then state = 'pending' end
if redis.call('HGET', rec, 'state') ~= state then
  move(rec, ref, byKey, state, now)
  wrong = 1
end
for name, k in pairs(byKey) do
  local there = redis.call('ZSCORE', k, ref)
  if name == state and not there then
    redis.call('ZADD', k, redis.call('HGET', rec, 'updated') or now, ref)
    wrong = 1
  elseif name ~= state and there then
    redis.call('ZREM', k, ref)
    wrong = 1
  end
end
local due = redis.call('ZSCORE', KEYS[4], ref)
local want = state == 'waiting' and tonumber(nextAt or '0') > 0 and not qid and not taken
if want and (not due or tonumber(due) ~= tonumber(nextAt)) then
  redis.call('ZADD', KEYS[4], nextAt, ref)
  wrong = 1
elseif due and not want then
  redis.call('ZREM', KEYS[4], ref)
  wrong = 1
end
return wrong
`)

// repairBatch is how many records are repaired in one round trip.
const repairBatch = 200

// Repair compares the records that the indexes, the retries and the streams of
// a tenant name with what is known of them, and mends what disagrees. It
// returns how many records it mended. The lane may be held meanwhile.
func (q *Queue) Repair(ctx context.Context, tenant string) (int, error) {
	r := repair{q: q, tenant: tenant, seen: map[string]bool{}}
	for _, k := range append(byState(tenant), KeyDue(tenant)) {
		it := q.rdb.ZScan(ctx, k, 0, "", repairBatch).Iterator()
		for member := true; it.Next(ctx); member = !member {
			if member { // then its score
				if err := r.add(ctx, it.Val()); err != nil {
					return r.mended, err
				}
			}
		}
		if err := it.Err(); err != nil {
			return r.mended, fmt.Errorf("repair %s: read %s: %w", tenant, k, err)
		}
	}
	for _, c := range []Class{Live, Bulk} {
		for from := "-"; ; {
			rows, err := q.rdb.XRangeN(ctx, KeyStream(tenant, c), from, "+", repairBatch).Result()
			if err != nil {
				return r.mended, fmt.Errorf("repair %s: read %s: %w", tenant, KeyStream(tenant, c), err)
			}
			for _, m := range rows {
				if err := r.add(ctx, text(m.Values["ref"])); err != nil {
					return r.mended, err
				}
			}
			if len(rows) < repairBatch {
				break
			}
			from = "(" + rows[len(rows)-1].ID
		}
	}
	return r.mended, r.end(ctx)
}

// RepairAll repairs all records that have a hash, of all tenants, also those
// that no index names. It reads all keys once: for once a day.
func (q *Queue) RepairAll(ctx context.Context) (int, error) {
	mended := 0
	err := q.nodes(ctx, func(ctx context.Context, node redis.Cmdable) error {
		repairs := map[string]*repair{}
		it := node.Scan(ctx, 0, key("*", "rec:*"), repairBatch).Iterator()
		for it.Next(ctx) {
			tenant, ref, ok := parseKeyRecord(it.Val())
			if !ok {
				continue
			}
			if repairs[tenant] == nil {
				repairs[tenant] = &repair{q: q, tenant: tenant, seen: map[string]bool{}}
			}
			if err := repairs[tenant].add(ctx, ref); err != nil {
				return err
			}
		}
		if err := it.Err(); err != nil {
			return fmt.Errorf("repair all records: %w", err)
		}
		for _, r := range repairs {
			if err := r.end(ctx); err != nil {
				return err
			}
			mended += r.mended
		}
		return nil
	})
	return mended, err
}

// nodes runs f on the server, of a cluster on each master, one after the other.
func (q *Queue) nodes(ctx context.Context, f func(context.Context, redis.Cmdable) error) error {
	cluster, ok := q.rdb.(*redis.ClusterClient)
	if !ok {
		return f(ctx, q.rdb)
	}
	var mu sync.Mutex // masters are visited side by side
	var masters []*redis.Client
	err := cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, c)
		return nil
	})
	for _, c := range masters {
		if err == nil {
			err = f(ctx, c)
		}
	}
	return err
}

// repair gathers records of a tenant and repairs them batch by batch.
type repair struct {
	q      *Queue
	tenant string
	seen   map[string]bool
	calls  []call
	mended int
}

func (r *repair) add(ctx context.Context, name string) error {
	ref, ok := ParseRef(name)
	if !ok || r.seen[name] {
		return nil
	}
	r.seen[name] = true
	t := r.tenant
	keys := append([]string{KeyRecord(t, ref), KeyStream(t, Live), KeyStream(t, Bulk), KeyDue(t)}, byState(t)...)
	if r.calls = append(r.calls, call{keys, []any{name}}); len(r.calls) < repairBatch {
		return nil
	}
	return r.flush(ctx)
}

func (r *repair) flush(ctx context.Context) error {
	if len(r.calls) == 0 {
		return nil
	}
	vs, err := repairScript.runAll(ctx, r.q.rdb, r.calls)
	r.calls = r.calls[:0]
	if err != nil {
		return fmt.Errorf("repair records of %s: %w", r.tenant, err)
	}
	for _, v := range vs {
		if text(v) == "1" {
			r.mended++
		}
	}
	return nil
}

// end repairs the last ones and wakes the lane if there was anything.
func (r *repair) end(ctx context.Context) error {
	if err := r.flush(ctx); err != nil || r.mended == 0 {
		return err
	}
	if r.q.o.Mended != nil {
		r.q.o.Mended(r.tenant, r.mended)
	}
	return r.q.Wake(ctx, r.tenant, time.Time{})
}

// parseKeyRecord reads what KeyRecord built.
func parseKeyRecord(k string) (tenant, ref string, ok bool) {
	rest, ok := strings.CutPrefix(k, "mlc:{")
	if !ok {
		return "", "", false
	}
	tenant, rest, ok = strings.Cut(rest, "}:rec:")
	return tenant, rest, ok && tenant != ""
}
