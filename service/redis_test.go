package service

import (
	"maps"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue/redistest"
)

func TestCheckRedis(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		prepare func(t *testing.T, rdb redis.UniversalClient)
		refuses string // part of the error
		warns   string // part of a warning; "" for none at all
	}{
		{name: "as production should have it", args: []string{"--maxmemory", "100mb"}},
		{name: "evicts all keys", args: []string{"--maxmemory-policy", "allkeys-lru"}, refuses: "set maxmemory-policy noeviction"},
		{name: "evicts expiring keys", args: []string{"--maxmemory-policy", "volatile-ttl"}, refuses: "set maxmemory-policy noeviction"},
		{name: "no append-only file", args: []string{"--maxmemory", "100mb", "--appendonly", "no"}, warns: "set appendonly yes"},
		{name: "a flush each second", args: []string{"--maxmemory", "100mb", "--appendfsync", "everysec"}, warns: "set appendfsync always"},
		{name: "no limit of memory", warns: "maxmemory is not set"},
		{name: "CONFIG is renamed away", args: []string{"--maxmemory", "100mb", "--rename-command", "CONFIG", ""}, warns: "could not check maxmemory-policy"},
		{name: "INFO is renamed away", args: []string{"--maxmemory", "100mb", "--rename-command", "INFO", ""}, warns: "could not check version"},
		{name: "a replica", refuses: "is a replica", prepare: func(t *testing.T, rdb redis.UniversalClient) {
			if err := rdb.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a part of a cluster", args: []string{"--cluster-enabled", "yes"}, refuses: "is a part of a cluster"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rdb := redistest.Server(t, c.args...)
			if c.prepare != nil {
				c.prepare(t, rdb)
			}
			warnings, err := checkRedis(t.Context(), rdb)
			all := strings.Join(warnings, "\n")
			switch {
			case (err != nil) != (c.refuses != "") || err != nil && !strings.Contains(err.Error(), c.refuses):
				t.Errorf("got %v, want an error with %q", err, c.refuses)
			case c.refuses == "" && (len(warnings) > 0) != (c.warns != ""), !strings.Contains(all, c.warns):
				t.Errorf("got the warnings %q, want one with %q", warnings, c.warns)
			}
		})
	}
}

func TestServerFindings(t *testing.T) {
	good := map[string]map[string]string{"Server": {"redis_version": "7.2.4"}, "Replication": {"role": "master", "connected_slaves": "0"}, "Cluster": {"cluster_enabled": "0"},
		"Memory": {"maxmemory": "1000", "used_memory": "500"}, "Persistence": {"aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok", "rdb_last_bgsave_status": "ok"}}
	for _, c := range []struct{ name, section, key, value, want string }{
		{"all is well", "Server", "redis_version", "7.2.4", ""},
		{"too old", "Server", "redis_version", "6.0.9", "lacks commands"},
		{"old", "Server", "redis_version", "6.2.14", "cannot be served"},
		{"nearly full", "Memory", "used_memory", "950", "95 % of maxmemory"},
		{"append failed", "Persistence", "aof_last_write_status", "err", "write of the append-only file failed"},
		{"rewrite failed", "Persistence", "aof_last_bgrewrite_status", "err", "could not be rewritten"},
		{"snapshot failed", "Persistence", "rdb_last_bgsave_status", "err", "snapshot failed"},
		{"replicas that nobody waits for", "Replication", "connected_slaves", "2", "does not wait for any"},
	} {
		t.Run(c.name, func(t *testing.T) {
			info := map[string]map[string]string{}
			for k, v := range good {
				info[k] = maps.Clone(v)
			}
			info[c.section][c.key] = c.value
			got := serverFindings(info, false)
			if len(got) > 1 || (len(got) == 1) != (c.want != "") || len(got) == 1 && (!strings.Contains(got[0].what, c.want) || got[0].fix == "") {
				t.Errorf("got %+v, want %q", got, c.want)
			}
		})
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version string
		want    bool
	}{{"6.0.9", true}, {"6.2.0", false}, {"7.0.15", false}, {"10.1.0", false}, {"", false}, {"unknown", false}} {
		if got := older(c.version, oldestVersion); got != c.want {
			t.Errorf("older(%q): got %t", c.version, got)
		}
	}
}
