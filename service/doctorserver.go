package service

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/tenant"
)

// server examines what each Redis server says of itself, and who may use it.
func (e Examination) server(ctx context.Context, f *findings) {
	const name = "Redis server"
	var mu sync.Mutex
	var found []serverFinding
	versions, hidden, open := []string{}, false, false
	_, cluster := e.Redis.(*redis.ClusterClient)
	err := masters(ctx, e.Redis, func(ctx context.Context, c redis.UniversalClient) error {
		info, err := c.InfoMap(ctx).Result()
		everybody := letsEverybodyIn(ctx, c)
		mu.Lock()
		defer mu.Unlock()
		hidden, open = hidden || err != nil, open || everybody
		if err == nil {
			found = append(found, serverFindings(info, cluster)...)
			versions = append(versions, info["Server"]["redis_version"])
		}
		return nil
	})
	slices.Sort(versions)
	versions = slices.Compact(versions)
	switch {
	case err != nil:
		f.unseen(name, "%v", err)
	case hidden:
		f.unseen(name, "INFO is not allowed here; the server must be a master of Redis 7.0 or newer, with maxmemory set")
	case len(found) == 0:
		f.ok(name, "version %s, a master", strings.Join(versions, ", "))
	}
	told := map[string]bool{}
	for _, x := range found {
		if !told[x.what] {
			f.fail(name, x.fix, "%s", x.what)
		}
		told[x.what] = true
	}
	if open {
		f.fail("Redis access", "give it a user of its own with a password (docs/deploy.md has the ACL), put both into MLC_REDIS_URL, and bind it to the network of ml-connector", "it takes every command from everybody who reaches it, without a password, from other machines too")
	}
}

// letsEverybodyIn reports a server that needs no password and is not kept to
// its own machine. What cannot be looked at is not reported.
func letsEverybodyIn(ctx context.Context, c redis.UniversalClient) bool {
	if who, err := c.Do(ctx, "ACL", "WHOAMI").Text(); err != nil || who != "default" {
		return false
	}
	set, err := c.ConfigGet(ctx, "*").Result()
	if err != nil || set["requirepass"] != "" || set["protected-mode"] != "no" || set["port"] == "0" && set["tls-port"] == "0" || set["tls-auth-clients"] == "yes" && set["port"] == "0" {
		return false
	}
	bound := strings.Fields(set["bind"])
	return len(bound) == 0 || slices.ContainsFunc(bound, func(a string) bool {
		a = strings.TrimPrefix(a, "-")
		return !strings.HasPrefix(a, "127.") && a != "::1" && a != "localhost"
	})
}

// auditLook is how many of the newest audit entries are looked through for the
// last change of a tenant's settings.
const auditLook = 5000

// version compares the settings in force with the audit log: whoever can write
// to Redis can put a whole former tenant back, settings and sealed credentials
// together, but cannot take an entry out of the log unseen.
func (e Examination) version(ctx context.Context, f *findings, t *tenant.Tenant) {
	const name = "stored settings"
	last, err := e.lastVersion(ctx, t.ID)
	switch {
	case err != nil:
		f.unseen(name, "%v", err)
	case last > t.Version:
		f.fail(name, "apply the tenant again from its file, and find out who can write to Redis; after a restore of a backup it is enough to apply again",
			"version %d is in force, although version %d was applied: an older state was put back", t.Version, last)
	default:
		f.ok(name, "version %d, applied %s", t.Version, t.AppliedAt.Format(time.RFC3339))
	}
}

// lastVersion is the version that the newest change of the tenant's settings
// made, as the audit log has it; 0 when it has none.
func (e Examination) lastVersion(ctx context.Context, tenantID string) (int64, error) {
	const page = 500
	before := int64(0)
	for range auditLook / page {
		entries, err := e.Rooms.Audit.List(ctx, before, page)
		if err != nil {
			return 0, err
		}
		for _, x := range entries {
			if x.Tenant != tenantID {
				continue
			}
			if strings.HasPrefix(x.Action, "tenant rm") || strings.HasPrefix(x.Action, "DELETE /tenants/{id}") {
				return 0, nil // what follows began anew
			}
			if v := x.Detail[audit.Version]; v != "" {
				n, err := strconv.ParseInt(v, 10, 64)
				if err != nil {
					return 0, errors.New("the audit log has a version that is no number")
				}
				return n, nil
			}
		}
		if len(entries) < page {
			return 0, nil
		}
		before = entries[len(entries)-1].Seq
	}
	return 0, nil
}
