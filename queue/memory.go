package queue

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// memory knows how full the servers are. It looks about once a second and only
// when somebody asks, and nobody waits for the look but the first.
type memory struct {
	rdb redis.UniversalClient

	mu    sync.Mutex
	nodes map[redis.UniversalClient]*fill
}

// fill is how full a server was at the last look.
type fill struct {
	once    sync.Once
	mu      sync.Mutex
	share   float64
	at      time.Time
	looking bool
}

func newMemory(rdb redis.UniversalClient) *memory {
	return &memory{rdb: rdb, nodes: map[redis.UniversalClient]*fill{}}
}

const (
	memoryFresh   = time.Second            // how long a look counts
	memoryTimeout = 500 * time.Millisecond // how long a look may take
)

// used is the share of its maxmemory that the tenant's server uses; 0 when it
// has no limit or does not tell.
func (m *memory) used(ctx context.Context, tenant string) float64 {
	node := nodeOf(ctx, m.rdb, KeyLane(tenant))
	m.mu.Lock()
	f := m.nodes[node]
	if f == nil {
		f = &fill{}
		m.nodes[node] = f
	}
	m.mu.Unlock()
	f.once.Do(func() { f.look(ctx, node) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.at) > memoryFresh && !f.looking {
		f.looking = true
		go f.look(context.WithoutCancel(ctx), node)
	}
	return f.share
}

func (f *fill) look(ctx context.Context, node redis.UniversalClient) {
	ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
	defer cancel()
	info, err := node.Info(ctx, "memory").Result()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.looking = time.Now(), false
	if err != nil {
		return // what was seen last stands: a server that is away cannot be written to anyhow
	}
	f.share = memoryShare(info)
}

// memoryShare reads it from INFO memory.
func memoryShare(info string) float64 {
	limit, err := strconv.ParseFloat(infoField(info, "maxmemory"), 64)
	if err != nil || limit <= 0 {
		return 0
	}
	used, err := strconv.ParseFloat(infoField(info, "used_memory"), 64)
	if err != nil {
		return 0
	}
	return used / limit
}
