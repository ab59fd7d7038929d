package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// masters runs f on the server that rdb reaches, of a cluster on each master,
// side by side.
func masters(ctx context.Context, rdb redis.UniversalClient, f func(ctx context.Context, c redis.UniversalClient) error) error {
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return f(ctx, c) })
	}
	return f(ctx, rdb)
}

// checkRedis refuses a Redis in which acknowledged work would be lost or
// nothing would work at all, and warns of the rest, also of what it could not
// check. Each warning is told once, though several servers give cause for it.
func checkRedis(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	var mu sync.Mutex
	_, cluster := rdb.(*redis.ClusterClient)
	err = masters(ctx, rdb, func(ctx context.Context, c redis.UniversalClient) error {
		found, err := checkServer(ctx, c, cluster)
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, found...)
		return err
	})
	if err != nil && strings.Contains(err.Error(), "cluster support disabled") {
		err = errors.New("MLC_REDIS_URL names several hosts, but they are no cluster: name one host, or set MLC_REDIS_SENTINEL_MASTER if they are sentinels")
	}
	slices.Sort(warnings)
	return slices.Compact(warnings), err
}

// The versions of Redis: below the first, commands are missing that we need;
// below the second, a full server cannot be drained.
const (
	oldestVersion  = "6.2"
	drainsFrom     = "7.0"
	couldNotCheck  = "could not check %s: %s is not allowed here; %s"
	wantedSettings = "they must be noeviction, yes and always"
)

// checkServer checks one server.
func checkServer(ctx context.Context, c redis.UniversalClient, cluster bool) (warnings []string, err error) {
	policy, err := c.ConfigGet(ctx, "maxmemory-policy").Result()
	if v, ok := policy["maxmemory-policy"]; err == nil && ok && v != "noeviction" {
		return nil, fmt.Errorf("Redis evicts keys under memory pressure (maxmemory-policy %s), which would lose marks and records: set maxmemory-policy noeviction", v)
	}
	warnings, hidden := durability(ctx, c)
	if hidden != nil {
		warnings = []string{fmt.Sprintf(couldNotCheck, "maxmemory-policy, appendonly and appendfsync", "CONFIG", wantedSettings)}
	}
	info := c.InfoMap(ctx).Val()
	if len(info) == 0 {
		return append(warnings, fmt.Sprintf(couldNotCheck, "version, role and cluster mode", "INFO", "the server must be a master of Redis 7.0 or newer")), nil
	}
	for _, x := range serverFindings(info, cluster) {
		if x.fatal {
			return nil, errors.New(x.what + ": " + x.fix)
		}
		warnings = append(warnings, x.what+"; "+x.fix)
	}
	return warnings, nil
}

// serverFinding is what is wrong with a server and what to do about it; with a
// fatal one nothing would work.
type serverFinding struct {
	what, fix string
	fatal     bool
}

// serverFindings reads what a server says of itself.
func serverFindings(info map[string]map[string]string, cluster bool) (out []serverFinding) {
	add := func(fatal bool, fix, what string, args ...any) {
		out = append(out, serverFinding{fmt.Sprintf(what, args...), fix, fatal})
	}
	version := info["Server"]["redis_version"]
	switch {
	case older(version, oldestVersion):
		add(true, "use Redis "+drainsFrom+" or newer, or Valkey", "this is Redis %s, which lacks commands that are needed", version)
	case older(version, drainsFrom):
		add(false, "use Redis "+drainsFrom+" or newer", "this is Redis %s: when its memory is full, what waits cannot be served before there is room", version)
	}
	if role := info["Replication"]["role"]; role != "" && role != "master" {
		add(true, "let MLC_REDIS_URL name the master, or the sentinels and MLC_REDIS_SENTINEL_MASTER", "this Redis is a replica and takes no writes")
	}
	if info["Cluster"]["cluster_enabled"] == "1" && !cluster {
		add(true, "name at least two of its hosts in MLC_REDIS_URL, redis://h1:6379?addr=h2:6379", "this Redis is a part of a cluster")
	}
	memory, persistence := info["Memory"], info["Persistence"]
	limit, used := parseFloat(memory["maxmemory"]), parseFloat(memory["used_memory"])
	switch {
	case memory["maxmemory"] == "0":
		add(false, "set it to three quarters of what the machine gives it", "maxmemory is not set: the kernel may end Redis before it refuses writes")
	case limit > 0 && used > fullFrom*limit:
		add(false, "give it more memory: docs/scale.md says how much a record takes", "%.0f %% of maxmemory are in use: beyond it nothing is accepted", 100*used/limit)
	}
	if persistence["aof_last_write_status"] == "err" {
		add(false, "look at Redis' log and its disk", "the last write of the append-only file failed")
	}
	if persistence["aof_last_bgrewrite_status"] == "err" {
		add(false, "look at Redis' log and at the room on its disk", "the append-only file could not be rewritten the last time: it grows until the disk is full")
	}
	if persistence["rdb_last_bgsave_status"] == "err" {
		add(false, "look at Redis' log and at the room on its disk", "the last snapshot failed, and Redis refuses writes as long as it saves snapshots")
	}
	if n := info["Replication"]["connected_slaves"]; n != "" && n != "0" && info["Replication"]["min_slaves_good_slaves"] == "" {
		add(false, "set min-replicas-to-write 1 and min-replicas-max-lag 10", "it has %s replicas and does not wait for any: what a replica has not seen is lost when it takes over", n)
	}
	return out
}

// fullFrom is how much of maxmemory may be in use.
const fullFrom = 0.9

// older compares versions by their first two numbers; what is no version is
// not older.
func older(version, than string) bool {
	a, aok := twoNumbers(version)
	b, bok := twoNumbers(than)
	return aok && bok && slices.Compare(a[:], b[:]) < 0
}

func twoNumbers(version string) (out [2]int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return out, false
	}
	for i := range out {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return out, false
		}
		out[i] = n
	}
	return out, true
}

// durability says what is wrong with the settings that decide whether Redis
// keeps what it acknowledged, worst first. An error means that it does not let
// us look.
func durability(ctx context.Context, rdb redis.UniversalClient) ([]string, error) {
	got := map[string]string{}
	for _, name := range []string{"maxmemory-policy", "appendonly", "appendfsync"} {
		m, err := rdb.ConfigGet(ctx, name).Result()
		if err != nil {
			return nil, fmt.Errorf("read the setting %s of Redis: %w", name, err)
		}
		v, ok := m[name]
		if !ok {
			return nil, fmt.Errorf("Redis does not tell its setting %s", name)
		}
		got[name] = v
	}
	var out []string
	if v := got["maxmemory-policy"]; v != "noeviction" {
		out = append(out, "maxmemory-policy is "+v+": keys vanish when memory is short; set maxmemory-policy noeviction")
	}
	if v := got["appendonly"]; v != "yes" {
		out = append(out, "appendonly is "+v+": a crash loses what was acknowledged; set appendonly yes")
	} else if v := got["appendfsync"]; v != "always" {
		out = append(out, "appendfsync is "+v+": a power loss loses about a second of what was acknowledged; set appendfsync always")
	}
	return out, nil
}

// redisHealth is what a server says about itself.
type redisHealth struct {
	answers bool
	// durable: an acknowledged write survives a crash and a loss of power.
	// known is false when the server does not let us look.
	durable, known bool
	used           float64 // share of maxmemory, 0 when there is no limit
}

// lookAtRedis asks the server, and of a cluster each master: the worst counts.
func lookAtRedis(ctx context.Context, rdb redis.UniversalClient) redisHealth {
	h := redisHealth{durable: true, known: true}
	var mu sync.Mutex // the masters of a cluster are asked side by side
	one := func(ctx context.Context, c redis.UniversalClient) error {
		if err := c.Ping(ctx).Err(); err != nil {
			return err
		}
		findings, derr := durability(ctx, c)
		info, ierr := c.InfoMap(ctx, "memory").Result()
		mu.Lock()
		defer mu.Unlock()
		h.known = h.known && derr == nil
		h.durable = h.durable && len(findings) == 0
		if ierr != nil { // not every managed Redis allows INFO
			return nil
		}
		if limit := parseFloat(info["Memory"]["maxmemory"]); limit > 0 {
			h.used = max(h.used, parseFloat(info["Memory"]["used_memory"])/limit)
		}
		return nil
	}
	h.answers = masters(ctx, rdb, one) == nil
	return h
}
