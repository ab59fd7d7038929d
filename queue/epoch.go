package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// An epoch is the time in which Redis has forgotten nothing, as far as can be
// seen. It ends when
//
//   - the key of the epoch is missing: the server is empty, or new
//   - its beat, which every process moves on, is behind what this process has
//     seen: a replica with a lost tail took over, or a copy was restored
//   - at the start of a process, the beat ended more than staleBeat before the
//     server came up: a restored copy, or nobody was there to beat
//
// The lane of each tenant notes the epoch it was last held in, and the highest
// fence this process has seen of it; holdScript compares them, so that a lost
// shard of a cluster is noticed too.
type epoch struct {
	rdb redis.UniversalClient

	mu     sync.Mutex
	id     string           // "" until the first look
	beat   int64            // highest seen
	fences map[string]int64 // tenant -> highest seen
}

func newEpoch(rdb redis.UniversalClient) *epoch {
	return &epoch{rdb: rdb, fences: map[string]int64{}}
}

// staleBeat is how far the beat may lie before the server's start.
const staleBeat = time.Minute

// epochScript reads the epoch, moves its beat on, and begins a new one where
// the old one has ended.
//
// KEYS 1 mlc:epoch. ARGV 1 id that the caller knows or "", 2 highest beat that
// it knows in ms, 3 start of the server in ms or 0 when not known, 4 id to
// give to a new epoch, 5 tenant or "", 6 staleBeat in ms.
// Returns {id, beginning in ms, beat in ms, 1 if the tenant was seen in it
// before else 0, number of epochs that ended}. Run twice, the second changes
// nothing but the beat, and tells that the tenant was seen.
var epochScript = newScript(true, luaNow+`
local id, beat, began, ended = unpack(redis.call('HMGET', KEYS[1], 'id', 'beat', 'began', 'ended'))
local last = tonumber(beat or '0')
local over = not id
if id and ARGV[1] == '' then over = tonumber(ARGV[3]) - last > tonumber(ARGV[6])
elseif id == ARGV[1] then over = last < tonumber(ARGV[2]) end
if over then
  if id or ARGV[1] ~= '' then ended = redis.call('HINCRBY', KEYS[1], 'ended', 1) end
  id, began = ARGV[4], string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'id', id, 'began', began)
end
last = math.max(now, tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'beat', string.format('%.0f', last))
local seen = 0
if ARGV[5] ~= '' then seen = 1 - redis.call('HSETNX', KEYS[1], 't:' .. ARGV[5], '1') end
return {id, began, string.format('%.0f', last), tostring(seen), tostring(ended or 0)}
`)

// view is what a look at the epoch shows.
type view struct {
	id    string
	began int64 // ms
	seen  bool  // the tenant was seen in this epoch or one before
	ended int64
}

// look reads the epoch and moves its beat on.
func (e *epoch) look(ctx context.Context, tenant string) (view, error) {
	e.mu.Lock()
	id, beat := e.id, e.beat
	e.mu.Unlock()
	var up int64
	if id == "" {
		up = e.serverStart(ctx)
	}
	v, err := epochScript.run(ctx, e.rdb, []string{KeyEpoch}, id, beat, up, rand.Text(), tenant, staleBeat.Milliseconds())
	if err != nil {
		return view{}, fmt.Errorf("read the epoch: %w", err)
	}
	got, _ := v.([]any)
	if len(got) != 5 {
		return view{}, fmt.Errorf("read the epoch: unexpected answer %v", v)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// Another look may have gone out before this one and come back after it.
	if e.id == id || e.id == text(got[0]) {
		e.id, e.beat = text(got[0]), max(e.beat, number(text(got[2])))
	}
	return view{text(got[0]), number(text(got[1])), text(got[3]) == "1", number(text(got[4]))}, nil
}

// serverStart is when the server came up, in ms by its own clock; 0 when it
// does not tell.
func (e *epoch) serverStart(ctx context.Context) int64 {
	node := nodeOf(ctx, e.rdb, KeyEpoch)
	info, err := node.Info(ctx, "server").Result()
	now, terr := node.Time(ctx).Result()
	if err != nil || terr != nil {
		return 0
	}
	field := infoField(info, "uptime_in_seconds")
	up := number(field)
	if field == "" {
		return 0
	}
	return now.Add(-time.Duration(up) * time.Second).UnixMilli()
}

// highest is the highest fence of a lane that this process has seen.
func (e *epoch) highest(tenant string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strconv.FormatInt(e.fences[tenant], 10)
}

// grew notes a lane's fence.
func (e *epoch) grew(tenant string, fence int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fences[tenant] = max(e.fences[tenant], fence)
}

// forget drops a tenant.
func (e *epoch) forget(ctx context.Context, tenant string) error {
	e.mu.Lock()
	delete(e.fences, tenant)
	e.mu.Unlock()
	return e.rdb.HDel(ctx, KeyEpoch, "t:"+tenant).Err()
}

// Beat looks at the epoch, so that a loss is noticed although nothing is
// claimed, and a stop of the service is told from a loss. Call it every second
// or so. ended counts the times that Redis was found to have lost something.
func (q *Queue) Beat(ctx context.Context) (ended int64, err error) {
	v, err := q.epoch.look(ctx, "")
	return v.ended, err
}

// nodeOf is the server that holds a key.
func nodeOf(ctx context.Context, rdb redis.UniversalClient, key string) redis.UniversalClient {
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		if node, err := cluster.MasterForKey(ctx, key); err == nil {
			return node
		}
	}
	return rdb
}

// infoField is a field of an INFO answer, "" when it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
