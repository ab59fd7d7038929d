package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sighting is what a poll saw of a record.
type Sighting struct {
	Mark                    // Ref is always needed, the rest only when it Marks
	Marks bool              // the record is marked
	Day   string            // it was created on, for counts per day; "" unknown
	Gone  bool              // it is no longer there: it leaves the set of known ids
	Facts map[string]string // to set with it; "" deletes one
}

// Sight keeps what a poll saw, in one script under the fence: marks, facts,
// the set of known ids, and with them the fields of the watermarks, so that a
// watermark can never be ahead of the marks it stands for. "" deletes a field.
// added counts the new entries. ErrStale when the lane was lost, ErrFull when
// it is at its bound; then nothing is written.
func (q *Queue) Sight(ctx context.Context, tenant string, fence int64, c Class, seen []Sighting, watermarks map[string]string) (added int, err error) {
	keys := append([]string{KeyStream(tenant, Live), KeyStream(tenant, Bulk), KeyDue(tenant)}, byState(tenant)...)
	keys = append(keys, KeyLane(tenant), KeyWatermarks(tenant))
	args := []any{strconv.FormatInt(fence, 10), string(c), q.o.Bound, len(watermarks)}
	for k, v := range watermarks {
		args = append(args, k, v)
	}
	for _, s := range seen {
		if s.Type == "" || s.ID == "" || strings.ContainsAny(s.Type+s.ID, ":{} \t\r\n") {
			return 0, fmt.Errorf("sighting %q: not a record type and id", s.Ref)
		}
		keys = append(keys, KeyRecord(tenant, s.Ref), KeyKnown(tenant, s.Type), KeyDays(tenant, s.Type))
		what := ""
		switch {
		case s.Gone && s.Marks:
			what = "gone, mark"
		case s.Gone:
			what = "gone"
		case s.Marks:
			what = "mark"
		}
		args = append(args, s.Ref.String(), KnownMember(s.ID), what, s.Source, s.Note, s.Day, len(s.Facts))
		for k, v := range s.Facts {
			args = append(args, k, v)
		}
	}
	v, err := sightScript.run(ctx, q.rdb, keys, args...)
	switch {
	case err != nil && (strings.HasPrefix(err.Error(), "FULL") || strings.Contains(err.Error(), "OOM")):
		return 0, fmt.Errorf("keep %d sightings of %s: %w", len(seen), tenant, ErrFull)
	case err != nil:
		return 0, fmt.Errorf("keep %d sightings of %s: %w", len(seen), tenant, err)
	case text(v) == "stale":
		return 0, fmt.Errorf("keep %d sightings of %s: %w", len(seen), tenant, ErrStale)
	}
	marks := 0
	for _, s := range seen {
		if s.Marks {
			marks++
			if q.o.Marked != nil {
				q.o.Marked(s.Source, s.Type)
			}
		}
	}
	n, _ := v.(int64)
	if marks == 0 {
		return 0, nil
	}
	return int(n), q.Wake(ctx, tenant, time.Time{})
}

// KnownMember is an id as the set of known ids keeps it: padded, so that the
// order of texts is that of numbers.
func KnownMember(id string) string {
	return strings.Repeat("0", max(0, knownWidth-len(id))) + id
}

// knownWidth is the longest id (netsuite.ParseID).
const knownWidth = 18

// sightScript keeps sightings.
//
// KEYS 1 events, 2 bulk, 3 due, 4..9 by:<state>, 10 lane, 11 watermarks, then
// per sighting: record, known ids of its type, days of its type.
// ARGV 1 fence, 2 class, 3 bound, 4 number of watermark fields, then name and value of each, then per sighting: ref, padded id, "" or mark
// or gone or "gone, mark", source, note, day, number of facts, then name and
// value of each.
// Returns the number of entries added, or "stale"; the error FULL when the
// stream is at its bound. Then nothing is written.
var sightScript = newScript(false, luaNow+luaMove+luaMark+`
if redis.call('HGET', KEYS[10], 'fence') ~= ARGV[1] or redis.call('HEXISTS', KEYS[10], 'owner') == 0 then return 'stale' end
local class = ARGV[2]
local stream = class == 'bulk' and KEYS[2] or KEYS[1]
local byKey = index(4)
local at = 5 + 2 * tonumber(ARGV[4])
local first = at
local wanted = false
for i = 12, #KEYS, 3 do
  if ARGV[at + 2] == 'mark' or ARGV[at + 2] == 'gone, mark' then wanted = true end
  at = at + 7 + 2 * tonumber(ARGV[at + 6])
end
if wanted and tonumber(ARGV[3]) > 0 and redis.call('XLEN', stream) >= tonumber(ARGV[3]) then
  return redis.error_reply('FULL the lane holds as many marks as it may')
end
local added = 0
at = first
for i = 12, #KEYS, 3 do
  local rec, known, days = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local what, day = ARGV[at + 2], ARGV[at + 5]
  if what == 'gone' or what == 'gone, mark' then
    if redis.call('ZREM', known, ARGV[at + 1]) == 1 then
      local was = redis.call('HGET', rec, 'f:day')
      if was then redis.call('HINCRBY', days, was, -1) end
    end
  elseif redis.call('ZADD', known, 0, ARGV[at + 1]) == 1 and day ~= '' then
    redis.call('HINCRBY', days, day, 1)
    redis.call('HSET', rec, 'f:day', day)
  end
  if what == 'mark' or what == 'gone, mark' then
    added = added + mark(class, rec, byKey, ARGV[at], ARGV[at + 3], ARGV[at + 4], '')
  end
  for f = 0, tonumber(ARGV[at + 6]) - 1 do
    local name, value = ARGV[at + 7 + 2 * f], ARGV[at + 8 + 2 * f]
    if value == '' then redis.call('HDEL', rec, 'f:' .. name) else redis.call('HSET', rec, 'f:' .. name, value) end
  end
  at = at + 7 + 2 * tonumber(ARGV[at + 6])
end
for i = 5, first - 1, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[11], ARGV[i]) else redis.call('HSET', KEYS[11], ARGV[i], ARGV[i + 1]) end
end
return added
`)
