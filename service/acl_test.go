package service_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/service"
)

// aclLine is the user that docs/deploy.md gives, with a password of our own.
func aclLine(t *testing.T, password string) []any {
	t.Helper()
	b, err := os.ReadFile("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "ACL" && f[1] == "SETUSER" {
			var args []any
			for _, w := range f {
				args = append(args, strings.Replace(w, ">PASSWORD", ">"+password, 1))
			}
			return args
		}
	}
	t.Fatal("docs/deploy.md gives no user")
	return nil
}

// The month runs as the user that docs/deploy.md gives, start, doctor and all,
// without one command that it may not use; and what would lay Redis waste or
// read other people's keys is refused to it.
func TestMonthAsARestrictedUser(t *testing.T) {
	t.Parallel()
	const password = "canary-of-the-redis-user-0001"
	p := redistest.Start(t, "--maxmemory", "100mb")
	admin := p.Client(t)
	if err := admin.Do(t.Context(), aclLine(t, password)...).Err(); err != nil {
		t.Fatal(err)
	}
	user := redis.NewClient(&redis.Options{Network: "unix", Addr: p.Socket, Username: "mlc", Password: password, ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = user.Close() })
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.rdb = user
	e.world.TellPast()
	e.start()
	e.apply()
	e.tellLive(1)
	e.allWell()
	tn, err := e.rooms.Tenants.Get(t.Context(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	c, err := service.Load("", e.settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range service.Doctor(t.Context(), service.Examination{Rooms: e.rooms, Redis: user, Transports: service.Transports(c)}, tn) {
		if check.Failed() && strings.Contains(check.Name, "Redis") {
			t.Errorf("the doctor fails as this user: %+v", check)
		}
	}
	e.get("/metrics")
	if err := e.rooms.Tenants.Remove(t.Context(), tenantID); err != nil {
		t.Error(err)
	}
	if err := e.rooms.Queue.Forget(t.Context(), tenantID); err != nil {
		t.Error(err)
	}
	e.stop()
	refused, err := admin.Do(t.Context(), "ACL", "LOG").Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refused {
		t.Errorf("the service used what its user may not: %v", r)
	}
	tried := 0
	for _, cmd := range [][]any{{"FLUSHALL"}, {"FLUSHDB"}, {"KEYS", "*"}, {"CONFIG", "SET", "appendonly", "no"}, {"CONFIG", "REWRITE"}, {"DEBUG", "SLEEP", "0"}, {"SHUTDOWN"}, {"ACL", "LIST"},
		{"REPLICAOF", "evil.example", "6379"}, {"MODULE", "LIST"}, {"SAVE"}, {"CLIENT", "LIST"}, {"MONITOR"}, {"SET", "other", "1"}, {"GET", "other"}, {"EVAL", "return redis.call('GET', 'other')", "0"}, {"MIGRATE", "evil.example", "6379", "mlc:tenants", "0", "1000"}} {
		tried++
		// "command not allowed": a server refuses DEBUG by itself.
		if err := user.Do(t.Context(), cmd...).Err(); err == nil || !slices.ContainsFunc([]string{"NOPERM", "permissions", "can't access", "command not allowed"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("%v: got %v, want it refused", cmd, err)
		}
	}
	soak.Figure(t, "a month as a restricted Redis user", "no command refused that the service uses, %d of %d refused that it must not", tried, tried)
	e.nothingOf(map[string]string{"password of Redis": password}, "the log", e.logText())
}
