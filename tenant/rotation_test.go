package tenant_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

// many applies n tenants.
func many(t *testing.T, s *tenant.Store, n int) []string {
	t.Helper()
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range n {
		one := *tn
		one.ID = fmt.Sprintf("t-%04d", i)
		if _, err := s.Apply(t.Context(), &one, creds); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, one.ID)
	}
	return ids
}

// A rotation runs while tenants are read and applied, and is killed in the
// middle again and again: no tenant is unreadable at any time, and the next
// run finishes what the killed one left.
func TestRotationSurvivesKills(t *testing.T) {
	tenants, kills := soak.N(60, 1000), soak.N(4, 50)
	redisAt := redistest.Start(t)
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: redisAt.Socket, ContextTimeoutEnabled: true, MaxRetries: -1})
	defer func() { _ = rdb.Close() }()
	src := secret.Source{File: filepath.Join(t.TempDir(), "keyset.json")}
	ks, err := secret.Init(src)
	if err != nil {
		t.Fatal(err)
	}
	store := tenant.NewStore(rdb, ks)
	if _, err := store.InstallationKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	ids := many(t, store, tenants)

	// Load: readers, and one who applies.
	var reads, writes, failed atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for w := range 3 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := ids[rand.IntN(len(ids))]
				_, c, err := store.Load(t.Context(), id)
				if err != nil || c.Cin7Key.Reveal() != "0342a546-key" {
					failed.Add(1)
					t.Errorf("read %s: %v", id, err)
					return
				}
				reads.Add(1)
				if w == 0 && reads.Load()%20 == 0 {
					was, err := store.Get(t.Context(), id)
					if err != nil {
						failed.Add(1)
						t.Errorf("get %s: %v", id, err)
						return
					}
					switch _, err := store.SetMapping(t.Context(), id, was.Version, tenant.Mapping{Accounts: map[string]string{"5000": fmt.Sprint(reads.Load())}}); {
					case err == nil:
						writes.Add(1)
					case !errors.Is(err, tenant.ErrChanged): // sealed anew at the same moment: said so, nothing half done
						failed.Add(1)
						t.Errorf("apply %s: %v", id, err)
						return
					}
				}
			}
		})
	}

	old := ks.Primary()
	other, err := secret.Load(src)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := other.Add()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Promote(fresh); err != nil {
		t.Fatal(err)
	}
	if err := tenant.NewStore(rdb, other).DropKey(t.Context(), old); !errors.Is(err, tenant.ErrKeyInUse) {
		t.Errorf("the old key was dropped while it is in use: %v", err)
	}
	killed := 0
	for range kills {
		// The next kill comes after a part of what is left, so that all kills
		// fall into the work.
		if resealAndKill(t, redisAt.Socket, src.File, 1+rand.IntN(max(1, tenants/(kills+1)))) {
			killed++
		}
	}
	last := 0
	if err := tenant.NewStore(rdb, other).Reseal(t.Context(), func(done, total int) { last = done }); err != nil || last != tenants {
		t.Fatalf("the last run: %d done, %v", last, err)
	}
	close(stop)
	load.Wait()
	uses, err := store.KeyUses(t.Context())
	if err != nil || len(uses) != 1 || uses[fresh] == nil || len(uses[fresh].Tenants) != tenants || !uses[fresh].Installation {
		t.Errorf("after the rotation: %+v, %v", uses, err)
	}
	if err := tenant.NewStore(rdb, other).DropKey(t.Context(), fresh); !errors.Is(err, tenant.ErrKeyInUse) {
		t.Errorf("the key that seals was dropped: %v", err)
	}
	if err := tenant.NewStore(rdb, other).DropKey(t.Context(), old); err != nil {
		t.Errorf("drop the old key: %v", err)
	}
	again, err := secret.Load(src)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, _, err := tenant.NewStore(rdb, again).Load(t.Context(), id); err != nil {
			t.Errorf("with the new key alone: %v", err)
		}
	}
	if killed < kills/2 {
		t.Errorf("only %d of %d runs were killed in the middle", killed, kills)
	}
	soak.Figure(t, "key rotation", "%d tenants, %d kills in the middle, %d reads and %d applies meanwhile, errors: %d", tenants, killed, reads.Load(), writes.Load(), failed.Load())
}

// resealAndKill runs Reseal in a process of its own and kills it after it has
// sealed some tenants anew; false when it was done before.
func resealAndKill(t *testing.T, socket, keyset string, after int) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestResealChild$")
	cmd.Env = append(os.Environ(), "MLC_TEST_RESEAL="+socket, "MLC_TEST_KEYSET="+keyset)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	for n := 0; sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "sealed") {
			if n++; n >= after {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				return true
			}
		}
	}
	_ = cmd.Wait()
	return false
}

// TestResealChild is the process of resealAndKill.
func TestResealChild(t *testing.T) {
	socket := os.Getenv("MLC_TEST_RESEAL")
	if socket == "" {
		return // not asked to be one
	}
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, ContextTimeoutEnabled: true, MaxRetries: -1})
	ks, err := secret.Load(secret.Source{File: os.Getenv("MLC_TEST_KEYSET")})
	if err != nil {
		t.Fatal(err)
	}
	s := tenant.NewStore(rdb, ks)
	// Only what this run seals counts; earlier runs' tenants pass at once.
	uses, err := s.KeyUses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.IDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]bool{}
	if u := uses[ks.Primary()]; u != nil {
		for _, id := range u.Tenants {
			before[id] = true
		}
	}
	if err := s.Reseal(t.Context(), func(done, _ int) {
		if !before[ids[done-1]] {
			fmt.Println("sealed", done)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWrongKeysetIsSaidAtStart(t *testing.T) {
	rdb := redistest.Embedded(t)
	var keysets []*secret.Keyset
	for range 2 {
		ks, err := secret.Ephemeral()
		if err != nil {
			t.Fatal(err)
		}
		keysets = append(keysets, ks)
	}
	first, err := tenant.NewStore(rdb, keysets[0]).InstallationKey(t.Context())
	if err != nil || len(first) != 32 {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	again, err := tenant.NewStore(rdb, keysets[0]).InstallationKey(t.Context())
	if err != nil || string(again) != string(first) {
		t.Errorf("asked again: %v", err)
	}
	_, err = tenant.NewStore(rdb, keysets[1]).InstallationKey(t.Context())
	if !errors.Is(err, tenant.ErrWrongKeyset) || !strings.Contains(err.Error(), fmt.Sprint(keysets[0].Primary())) || !strings.Contains(err.Error(), "MLC_KEYSET_FILE") {
		t.Errorf("another keyset: %v", err)
	}
}

// Credentials of a version that was replaced meanwhile are called that, and not
// sealed with a wrong keyset.
func TestOpenOfAReplacedVersion(t *testing.T) {
	ctx := t.Context()
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	store := tenant.NewStore(redistest.Embedded(t), ks)
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	before, err := store.Get(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := store.Apply(ctx, before, tenant.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(ctx, before); !errors.Is(err, tenant.ErrChanged) || errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("opening version %d while %d is in force: %v, want ErrChanged", before.Version, fresh.Version, err)
	}
	if prints, err := store.Fingerprints(ctx, before); err != nil || prints["cin7.application_key"] == "" {
		t.Errorf("fingerprints: %v, %v", prints, err)
	}
}

// Whoever can write to Redis can neither point the stored keys at a host of
// his own nor put an old state of the credentials back.
func TestTamperedSettings(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Embedded(t)
	s, _, tn, creds := stocked(t, rdb)
	if _, err := s.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	before := rdb.HGetAll(ctx, "mlc:{acme}:sealed").Val()
	if _, err := s.SetMapping(ctx, "acme", 1, tenant.Mapping{}); err != nil {
		t.Fatal(err)
	}
	now := rdb.HGetAll(ctx, "mlc:{acme}:sealed").Val()
	doc := rdb.HGet(ctx, "mlc:{acme}:cfg", "document").Val()
	put := func(m map[string]string) {
		for k, v := range m {
			rdb.HSet(ctx, "mlc:{acme}:sealed", k, v)
		}
	}
	cases := []struct {
		name string
		do   func()
		want error
	}{
		{"nothing", func() {}, nil},
		{"another host for the key", func() {
			rdb.HSet(ctx, "mlc:{acme}:cfg", "document", strings.Replace(doc, `"account_id":"704ef231`, `"base_url":"https://evil.example","account_id":"704ef231`, 1))
		}, tenant.ErrTampered},
		{"another allowlist", func() {
			rdb.HSet(ctx, "mlc:{acme}:cfg", "document", strings.Replace(doc, `"require":"secret"`, `"require":"allowlist"`, 1))
		}, tenant.ErrTampered},
		{"the credentials of before", func() { put(before) }, secret.ErrWrongKey},
		{"one old credential", func() { put(map[string]string{"cin7.application_key": before["cin7.application_key"]}) }, secret.ErrWrongKey},
		{"the old data key", func() { put(map[string]string{"data_key": before["data_key"]}) }, secret.ErrWrongKey},
		{"two fields swapped", func() {
			put(map[string]string{"cin7.application_key": now["netsuite.private_key"], "netsuite.private_key": now["cin7.application_key"]})
		}, secret.ErrWrongKey},
		{"the version alone set back", func() { rdb.HSet(ctx, "mlc:{acme}:cfg", "version", "1"); put(before) }, tenant.ErrTampered},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rdb.HSet(ctx, "mlc:{acme}:cfg", "document", doc, "version", "2")
			put(now)
			c.do()
			_, _, err := s.Load(ctx, "acme")
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			// The remedy that is named mends it: the file with all of its credentials.
			part := creds
			part.Cin7Key = secret.String{}
			if _, err := s.Apply(ctx, tn, part); (err == nil) != (c.want == nil) {
				t.Errorf("applied without all credentials: %v", err)
			}
			if _, err := s.Apply(ctx, tn, creds); err != nil {
				t.Errorf("applied again: %v", err)
			}
			back, c2, err := s.Load(ctx, "acme")
			if err != nil || back.Cin7.BaseURL != tn.Cin7.BaseURL || back.Webhook.Require != tn.Webhook.Require || c2.Cin7Key.Reveal() != creds.Cin7Key.Reveal() {
				t.Errorf("after that: %v", err)
			}
		})
	}
}

func TestRotateSecret(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Embedded(t)
	s, _, tn, creds := stocked(t, rdb)
	if _, err := s.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := s.LookAtOldSecret(ctx, "acme", now); !errors.Is(err, tenant.ErrOneSecret) {
		t.Errorf("with one secret: %v", err)
	}
	if _, err := s.RetireOldSecret(ctx, "acme"); !errors.Is(err, tenant.ErrOneSecret) {
		t.Errorf("the only secret was ended: %v", err)
	}
	_, fresh, err := s.RotateSecret(ctx, "acme")
	if err != nil || len(fresh.Reveal()) != 43 {
		t.Fatalf("got %d characters, %v", len(fresh.Reveal()), err)
	}
	if _, _, err := s.RotateSecret(ctx, "acme"); !errors.Is(err, tenant.ErrTwoSecrets) {
		t.Errorf("a third secret: %v", err)
	}
	door := tenant.NewDoor(s)
	show := func(sec, want string) {
		t.Helper()
		v, err := door.Check(ctx, "acme", addr("203.0.113.9"), sec)
		if err != nil || v.Reason != want {
			t.Errorf("got %+v, %v, want %s", v, err, want)
		}
		if v.Flush {
			if err := door.Flush(ctx); err != nil {
				t.Error(err)
			}
		}
	}
	warned := func(part string) {
		t.Helper()
		o, err := s.LookAtOldSecret(ctx, "acme", now.Add(time.Minute))
		if err != nil || part == "" && o.Warning != "" || !strings.Contains(o.Warning, part) {
			t.Errorf("got %+v, %v, want a warning with %q", o, err, part)
		}
	}
	show(hook, "ok")
	show(hook, "ok")
	warned("never been used")
	show(fresh.Reveal(), "ok")
	warned("was used")
	uses, err := s.WebhookUses(ctx, "acme")
	if err != nil || len(uses.Secrets) != 2 || uses.Secrets[0].Count+uses.Secrets[1].Count != 3 || len(uses.Addresses) != 1 || uses.Addresses[0].Name != "203.0.113.9" || uses.Addresses[0].Count != 3 {
		t.Errorf("uses %+v, %v", uses, err)
	}
	if o, err := s.LookAtOldSecret(ctx, "acme", now.Add(48*time.Hour)); err != nil || o.Warning != "" {
		t.Errorf("two days later: %+v, %v", o, err)
	}
	if _, err := s.RetireOldSecret(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	door = tenant.NewDoor(s) // what is remembered for some seconds is another test's matter
	show(hook, "bad_secret")
	show(fresh.Reveal(), "ok")
}

func TestUsesAreBounded(t *testing.T) {
	ctx := t.Context()
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s := tenant.NewStore(redistest.Embedded(t), ks)
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	door := tenant.NewDoor(s)
	for i := range 1000 {
		if _, err := door.Check(ctx, "acme", addr(fmt.Sprintf("10.0.%d.%d", i/250, i%250)), hook); err != nil {
			t.Fatal(err)
		}
	}
	if err := door.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	uses, err := s.WebhookUses(ctx, "acme")
	if n := len(uses.Addresses) + len(uses.Secrets); err != nil || n > 256 || n < 250 {
		t.Errorf("%d uses are kept, want at most 256: %v", n, err)
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
