package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

// bench is a command line with a Redis and a keyset of its own.
type bench struct {
	t       *testing.T
	environ []string
	redis   *miniredis.Miniredis
}

func newBench(t *testing.T) *bench {
	t.Helper()
	r := miniredis.RunT(t)
	b := &bench{t, []string{"MLC_REDIS_URL=redis://" + r.Addr(), "MLC_KEYSET_FILE=" + filepath.Join(t.TempDir(), "keyset.json"), "MLC_ALLOW_PRIVATE_ENDPOINTS=true"}, r}
	b.run(0, "keys", "init")
	return b
}

// run runs one command line and wants its exit code.
func (b *bench) run(want int, args ...string) {
	b.t.Helper()
	if got := run(b.t.Context(), append(args, "--yes"), b.environ, os.Stdout, os.Stderr); got != want {
		b.t.Errorf("%v: exit %d, want %d", args, got, want)
	}
}

// log is the audit log, oldest first.
func (b *bench) log() []audit.Entry {
	b.t.Helper()
	c, err := service.Load("", b.environ)
	if err != nil {
		b.t.Fatal(err)
	}
	rooms, _, closing, err := service.Open(b.t.Context(), c, service.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer closing()
	entries, err := rooms.Audit.List(b.t.Context(), 0, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := rooms.Audit.Verify(b.t.Context(), 0, ""); err != nil {
		b.t.Error(err)
	}
	slices.Reverse(entries)
	return entries
}

// tenantFile writes a tenant that leads nowhere.
func tenantFile(t *testing.T) string {
	t.Helper()
	pem, _, err := netsuitetest.GenerateKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "acme.yaml")
	text := `id: acme
netsuite: {account_id: "1234567", client_id: "3f", certificate_id: "Zk", private_key_file: key.pem, base_url: "http://127.0.0.1:1"}
cin7: {account_id: "704ef231-0000-4000-8000-000000000001", application_key: "0342a546-0000-4000-8000-000000000002", base_url: "http://127.0.0.1:1/ExternalApi/v2"}
webhook: {secrets: ["8f3c1d77a2e84b6099aa01020304050607080900"]}
sync: {location: Main Warehouse, tax_rule: Tax on Purchases, payment_term: 30 days}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// verbs is every verb of the command line: what it leaves in the audit log of
// a fresh tenant, with its exit code. Nothing: it changes nothing.
var verbs = map[string]struct {
	args []string
	exit int
	want []string
}{
	"tenant apply":         {[]string{"-f", "FILE", "--no-ping"}, 0, []string{"tenant apply", "tenant apply ended: done"}},
	"tenant rm":            {[]string{"acme"}, 0, []string{"tenant rm", "tenant rm ended: done"}},
	"tenant pause":         {[]string{"acme"}, 0, []string{"tenant pause", "tenant pause ended: done"}},
	"tenant resume":        {[]string{"acme"}, 0, []string{"tenant resume", "tenant resume ended: done"}},
	"tenant rotate-secret": {[]string{"acme"}, 0, []string{"tenant rotate-secret", "tenant rotate-secret ended: done"}},
	"tenant rebind":        {[]string{"acme"}, 0, nil}, // not bound yet
	"records sync":         {[]string{"acme", "vendor", "1"}, 1, []string{"records sync", "records sync ended: failed"}},
	"records skip":         {[]string{"acme", "vendor", "1", "--reason", "closed", "--until", "UNTIL"}, 1, []string{"records skip", "records skip ended: failed"}},
	"records retry":        {[]string{"acme"}, 0, nil}, // nothing is parked
	"poll":                 {[]string{"acme"}, 0, []string{"poll", "poll ended: done"}},
	"backfill start":       {[]string{"acme"}, 1, nil}, // NetSuite cannot be asked what it would cost
	"backfill pause":       {[]string{"acme"}, 1, []string{"backfill pause", "backfill pause ended: failed"}},
	"backfill resume":      {[]string{"acme"}, 1, []string{"backfill resume", "backfill resume ended: failed"}},
	"backfill cancel":      {[]string{"acme"}, 1, []string{"backfill cancel", "backfill cancel ended: failed"}},
	"keys rotate":          {nil, 0, []string{"keys add", "keys add ended: done", "keys promote", "keys promote ended: done", "keys reseal", "keys reseal ended: done"}},
	"keys drop":            {[]string{"1"}, 1, []string{"keys drop", "keys drop ended: failed"}}, // no such key
	"apply":                {[]string{"nowhere.json"}, 1, nil},
}

// readers are the verbs that change nothing that is kept.
var readers = []string{"serve", "keys init", "keys ls", "tenant ls", "tenant show", "tenant ping", "audit ls", "audit verify", "doctor", "netsuite keygen",
	"records ls", "records show", "coverage", "backfill status", "reconcile", "accounts", "accounts versions", "plan", "config show", "healthcheck", "version"}

// What the command line changes is in the audit log, as what the API changes
// is: what was asked for before it happens, and how it ended.
func TestEveryChangeIsAudited(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			b, file := newBench(t), tenantFile(t)
			b.run(0, "tenant", "apply", "-f", file, "--no-ping")
			before := len(b.log())
			args := strings.Fields(name)
			for _, a := range v.args {
				args = append(args, strings.NewReplacer("FILE", file, "UNTIL", time.Now().AddDate(0, 0, 20).Format(time.DateOnly)).Replace(a))
			}
			b.run(v.exit, args...)
			var got []string
			for _, e := range b.log()[before:] {
				text := e.Action
				if o := e.Detail["outcome"]; o != "" {
					text += ": " + strings.SplitN(o, ":", 2)[0]
				}
				got = append(got, text)
				if e.Actor == "" || e.Tenant == "" && !strings.HasPrefix(name, "keys ") {
					t.Errorf("it does not say who did it to whom: %+v", e)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(v.want) {
				t.Errorf("got %q, want %q", got, v.want)
			}
		})
	}
}

// A verb that is in neither table was forgotten.
func TestEveryVerbIsKnown(t *testing.T) {
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			switch _, changes := verbs[name]; {
			case sub.HasSubCommands():
				walk(sub, name)
			case sub.Name() == "help" || strings.HasPrefix(name, "completion"):
			case changes == slices.Contains(readers, name):
				t.Errorf("%s: say in one of the two tables whether it changes something", name)
			}
		}
	}
	walk((&app{out: os.Stdout}).root(), "")
}

// The end of a change tells the version of the settings that it made: by it
// the doctor notices settings that were put back.
func TestVersionsAreAudited(t *testing.T) {
	b, file := newBench(t), tenantFile(t)
	b.run(0, "tenant", "apply", "-f", file, "--no-ping")
	b.run(0, "tenant", "rotate-secret", "acme")
	b.run(0, "tenant", "rotate-secret", "acme", "--retire-old")
	var got []string
	for _, e := range b.log() {
		if v := e.Detail[audit.Version]; v != "" {
			got = append(got, v)
		}
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("got %v, want 1, 2 and 3", got)
	}
}

// The end of a rotation tells how far it came, also when somebody stops it or
// one tenant cannot be opened; the next run finishes it.
func TestRotationsEndIsAudited(t *testing.T) {
	for name, c := range map[string]struct {
		trouble func(b *bench, stop func()) // before the rotation
		want    []string
	}{
		"stopped": {func(b *bench, stop func()) {
			sealed := 0
			b.redis.Server().SetPreHook(func(_ *server.Peer, cmd string, args ...string) bool {
				if strings.EqualFold(cmd, "HGETALL") && strings.Contains(args[0], "sealed") {
					if sealed++; sealed == 3 {
						stop()
					}
				}
				return false
			})
		}, []string{"stopped, 2 of 3 tenants", "done, 3 of 3 tenants"}},
		"failed": {func(b *bench, _ func()) {
			good := b.redis.HGet("mlc:{beta}:sealed", "data_key")
			b.redis.HSet("mlc:{beta}:sealed", "data_key", good[:len(good)-1])
		}, []string{"failed, 2 of 3 tenants", "failed, 2 of 3 tenants"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			text, err := os.ReadFile(tenantFile(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"acme", "beta", "gamma"} {
				file := tenantFile(t)
				if err := os.WriteFile(file, []byte(strings.Replace(string(text), "id: acme", "id: "+id, 1)), 0o600); err != nil {
					t.Fatal(err)
				}
				b.run(0, "tenant", "apply", "-f", file, "--no-ping")
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			c.trouble(b, stop)
			if got := run(ctx, []string{"keys", "rotate"}, b.environ, io.Discard, io.Discard); got != 1 {
				t.Errorf("the first run: exit %d, want 1", got)
			}
			b.redis.Server().SetPreHook(nil)
			run(t.Context(), []string{"keys", "rotate"}, b.environ, io.Discard, io.Discard)
			var got []string
			for _, e := range b.log() {
				if e.Action == "keys reseal ended" {
					got = append(got, strings.SplitN(e.Detail["outcome"], ":", 2)[0]+", "+e.Detail["sealed"])
				}
			}
			if d := cmp.Diff(got, c.want); d != "" {
				t.Error(d)
			}
		})
	}
}

// A file that is applied again says what it replaces: the mapping that was
// edited meanwhile, and the webhook secret that was added.
func TestApplySaysWhatItReplaces(t *testing.T) {
	b, file := newBench(t), tenantFile(t)
	b.run(0, "tenant", "apply", "-f", file, "--no-ping")
	apply := func(args ...string) (said, warned string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(t.Context(), append([]string{"tenant", "apply", "-f", file, "--no-ping"}, args...), b.environ, &out, &errs); got != 0 {
			t.Fatalf("exit %d: %s", got, errs.String())
		}
		return out.String(), errs.String()
	}
	if said, warned := apply(); strings.Contains(said, "replaced") || warned != "" {
		t.Errorf("nothing was changed meanwhile: %q, %q", said, warned)
	}
	c, err := service.Load("", b.environ)
	if err != nil {
		t.Fatal(err)
	}
	rooms, _, closing, err := service.Open(t.Context(), c, service.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closing()
	if _, err := rooms.Tenants.SetMapping(tenant.By(t.Context(), "ann@example.org"), "acme", 2, tenant.Mapping{Accounts: map[string]string{"6100": "429"}}); err != nil {
		t.Fatal(err)
	}
	b.run(0, "tenant", "rotate-secret", "acme")
	old, creds, err := rooms.Tenants.Load(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rooms.Tenants.Replace(t.Context(), old, old.Version-1, creds); !errors.Is(err, tenant.ErrChanged) {
		t.Errorf("in place of a version that is no longer in force: %v", err)
	}
	said, warned := apply()
	for _, want := range []string{`sync.mapping.accounts "6100": "429" -> nothing (set `, " by ann@example.org)", "webhook secret ", " ends (never used)"} {
		if !strings.Contains(warned, want) || !strings.Contains(said, want) {
			t.Errorf("no %q in the warning %q or in what it did:\n%s", want, warned, said)
		}
	}
	log := b.log()
	if last := log[len(log)-1]; last.Action != "tenant apply ended" || !strings.Contains(last.Detail["replaced"], "6100") {
		t.Errorf("the audit log does not tell: %+v", last)
	}
}

// A tenant file may not make the operator's machine read without end.
func TestFilesOfATenantAreBounded(t *testing.T) {
	b, file := newBench(t), tenantFile(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "key.pem", "/dev/zero", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{file, "/dev/zero"} {
		var errs bytes.Buffer
		if got := run(t.Context(), []string{"tenant", "apply", "-f", f, "--no-ping"}, b.environ, io.Discard, &errs); got != 1 || !strings.Contains(errs.String(), "/dev/zero has more than 1024 KB") {
			t.Errorf("%s: exit %d, %s", f, got, errs.String())
		}
	}
}
