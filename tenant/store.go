package tenant

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	keyTenants    = "mlc:tenants"
	keyDeployment = "mlc:deployment"
	keyKeyset     = "mlc:keyset"
)

// Store keeps tenants in Redis, credentials sealed.
type Store struct {
	rdb redis.UniversalClient
	ks  *secret.Keyset
}

// Keyset is what seals the tenants' credentials.
func (s *Store) Keyset() *secret.Keyset { return s.ks }

// NewStore returns the tenants kept in rdb, sealed with ks.
func NewStore(rdb redis.UniversalClient, ks *secret.Keyset) *Store { return &Store{rdb, ks} }

// Deployment returns this installation's id, made by whoever asks first.
func (s *Store) Deployment(ctx context.Context) (string, error) {
	id, err := s.rdb.Get(ctx, keyDeployment).Result()
	if errors.Is(err, redis.Nil) {
		if err := s.rdb.SetNX(ctx, keyDeployment, strings.ToLower(rand.Text()[:16]), 0).Err(); err != nil {
			return "", fmt.Errorf("name the deployment: %w", err)
		}
		id, err = s.rdb.Get(ctx, keyDeployment).Result()
	}
	if err != nil {
		return "", fmt.Errorf("read the deployment's name: %w", err)
	}
	return id, nil
}

// applyScript stores a tenant if nobody else has since it was read.
//
// KEYS 1 cfg, 2 sealed, 3 mappings. ARGV 1 version that was read, 2 document, 3
// new version, 4 applied_at, 5 who applies it, 6 the mapping when it changes,
// else "", then field and sealed value.
// Returns "ok" or "changed".
var applyScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'changed' end
redis.call('HSET', KEYS[1], 'document', ARGV[2], 'version', ARGV[3], 'applied_at', ARGV[4])
redis.call('DEL', KEYS[2])
if ARGV[6] ~= '' then redis.call('XADD', KEYS[3], 'MAXLEN', '~', '1000', '*', 'version', ARGV[3], 'at', ARGV[4], 'who', ARGV[5], 'mapping', ARGV[6]) end
for i = 7, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 'ok'
`)

// Apply stores a tenant and its credentials in one step and returns it with
// its new version. Credentials left empty keep the stored ones, and are an
// error for a new tenant and for one whose stored ones cannot be used: that is
// how a tenant is mended that somebody changed in Redis.
func (s *Store) Apply(ctx context.Context, t *Tenant, c Credentials) (*Tenant, error) {
	return s.apply(ctx, t, anyVersion, c)
}

// Replace is Apply in place of one version, 0 for a new tenant; ErrChanged when
// another is in force.
func (s *Store) Replace(ctx context.Context, t *Tenant, version int64, c Credentials) (*Tenant, error) {
	return s.apply(ctx, t, version, c)
}

// anyVersion makes apply replace whatever is in force.
const anyVersion = -1

// apply is Apply in place of one version; ErrChanged when another is in force.
func (s *Store) apply(ctx context.Context, t *Tenant, inPlaceOf int64, c Credentials) (*Tenant, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	old, stored, err := s.InForce(ctx, t.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	version := int64(0)
	if err == nil {
		version = old.Version
		if inPlaceOf != anyVersion && version != inPlaceOf {
			return nil, fmt.Errorf("store tenant %s: %w", t.ID, ErrChanged)
		}
		c = c.Or(stored)
	}
	if err := c.Complete(t); err != nil {
		return nil, err
	}
	out := *t
	out.strip()
	out.Version, out.AppliedAt = version+1, time.Now().UTC().Truncate(time.Second)
	doc, err := json.Marshal(out.Document)
	if err != nil {
		return nil, fmt.Errorf("encode tenant %s: %w", t.ID, err)
	}
	out.stored = string(doc)
	sealed, err := s.seal(dep, &out, c)
	if err != nil {
		return nil, err
	}
	mapping := ""
	if old == nil || !MappingEqual(old.Sync.Mapping, out.Sync.Mapping) {
		b, err := json.Marshal(out.Sync.Mapping)
		if err != nil {
			return nil, fmt.Errorf("encode the mapping of tenant %s: %w", t.ID, err)
		}
		mapping = string(b)
	}
	args := append([]any{strconv.FormatInt(version, 10), doc, strconv.FormatInt(out.Version, 10), out.AppliedAt.Format(time.RFC3339), who(ctx), mapping}, sealed...)
	// The id first: a tenant that is listed but not stored reads as not found,
	// one that is stored but not listed would be invisible.
	if err := s.rdb.SAdd(ctx, keyTenants, t.ID).Err(); err != nil {
		return nil, fmt.Errorf("store tenant %s: %w", t.ID, err)
	}
	v, err := applyScript.Run(ctx, s.rdb, []string{queue.KeyConfig(t.ID), queue.KeySealed(t.ID), queue.KeyMappings(t.ID)}, args...).Text()
	switch {
	case err != nil:
		return nil, fmt.Errorf("store tenant %s: %w", t.ID, err)
	case v == "changed":
		return nil, fmt.Errorf("store tenant %s: %w", t.ID, ErrChanged)
	}
	if err := out.parsed(); err != nil {
		return nil, err
	}
	audit.Of(ctx).Tell(audit.Version, strconv.FormatInt(out.Version, 10))
	return &out, nil
}

// Or fills empty credentials from others.
func (c Credentials) Or(d Credentials) Credentials {
	if c.NetSuiteKeyPEM.IsZero() {
		c.NetSuiteKeyPEM = d.NetSuiteKeyPEM
	}
	if c.Cin7Key.IsZero() {
		c.Cin7Key = d.Cin7Key
	}
	if len(c.WebhookSecrets) == 0 {
		c.WebhookSecrets = d.WebhookSecrets
	}
	return c
}

// Complete says which credential is missing.
func (c Credentials) Complete(t *Tenant) error {
	var missing []string
	if c.NetSuiteKeyPEM.IsZero() {
		missing = append(missing, "netsuite.private_key (or private_key_file)")
	}
	if c.Cin7Key.IsZero() {
		missing = append(missing, "cin7.application_key (or application_key_file)")
	}
	if len(c.WebhookSecrets) == 0 && t.Webhook.Require != RequireAllowlist {
		missing = append(missing, "webhook.secrets (make one with: openssl rand -hex 32)")
	}
	if len(missing) > 0 {
		return fmt.Errorf("tenant %s: missing credentials: %s", t.ID, strings.Join(missing, ", "))
	}
	return nil
}

// Get reads a tenant; ErrNotFound, and ErrDamaged with what is left of it.
func (s *Store) Get(ctx context.Context, id string) (*Tenant, error) {
	if !idForm.MatchString(id) {
		return nil, fmt.Errorf("tenant %.80q: %w", id, ErrNotFound)
	}
	h, err := s.rdb.HGetAll(ctx, queue.KeyConfig(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("read tenant %s: %w", id, err)
	}
	return read(id, h)
}

// ErrDamaged says that the stored settings of a tenant cannot be read: somebody
// wrote to Redis, or it lost a part.
var ErrDamaged = errors.New("the stored settings cannot be read: apply the tenant's file again with all of its credentials, or remove the tenant (tenant rm)")

// read makes a tenant of its stored settings. With ErrDamaged it returns what
// is left of it, which is enough to list, to replace and to remove it.
func read(id string, h map[string]string) (*Tenant, error) {
	if h["document"] == "" {
		return nil, fmt.Errorf("tenant %s: %w", id, ErrNotFound)
	}
	t := &Tenant{Paused: h["paused"], stored: h["document"]}
	version, verr := strconv.ParseInt(h["version"], 10, 64)
	applied, aerr := time.Parse(time.RFC3339, h["applied_at"])
	t.Version, t.AppliedAt = version, applied
	err := errors.Join(json.Unmarshal([]byte(h["document"]), &t.Document), verr, aerr)
	if err == nil && t.ID != id {
		err = fmt.Errorf("they are of %.80q", t.ID)
	}
	if err == nil {
		err = t.parsed()
	}
	if err != nil {
		what, _, _ := strings.Cut(err.Error(), "\n")
		left := &Tenant{Document: Document{ID: id, Name: "(the stored settings cannot be read)"}, Version: version, Paused: h["paused"], stored: h["document"], damage: what}
		return left, fmt.Errorf("tenant %s: %w: %s", id, ErrDamaged, what)
	}
	return t, nil
}

// Load reads a tenant and opens its credentials, both as of one moment;
// ErrNotFound.
func (s *Store) Load(ctx context.Context, id string) (*Tenant, Credentials, error) {
	if !idForm.MatchString(id) {
		return nil, Credentials{}, fmt.Errorf("tenant %.80q: %w", id, ErrNotFound)
	}
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, Credentials{}, err
	}
	var cfg, sealed *redis.MapStringStringCmd
	if _, err := s.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		cfg, sealed = p.HGetAll(ctx, queue.KeyConfig(id)), p.HGetAll(ctx, queue.KeySealed(id))
		return nil
	}); err != nil {
		return nil, Credentials{}, fmt.Errorf("read tenant %s: %w", id, err)
	}
	t, err := read(id, cfg.Val())
	if err != nil {
		return nil, Credentials{}, err
	}
	c, err := s.unseal(dep, t, sealed.Val())
	return t, c, err
}

// List reads all tenants by id. Of one that is damaged it shows what is left, and
// Damage says why: it must not hide the others.
func (s *Store) List(ctx context.Context) ([]*Tenant, error) {
	ids, err := s.IDs(ctx)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !idForm.MatchString(id) })
	var out []*Tenant
	for some := range slices.Chunk(ids, 100) {
		p := s.rdb.Pipeline()
		stored := make([]*redis.MapStringStringCmd, len(some))
		for i, id := range some {
			stored[i] = p.HGetAll(ctx, queue.KeyConfig(id))
		}
		_, _ = p.Exec(ctx) // each command tells its own error
		for i, id := range some {
			h, err := stored[i].Result()
			if err != nil {
				return nil, fmt.Errorf("read tenant %s: %w", id, err)
			}
			t, err := read(id, h)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil && !errors.Is(err, ErrDamaged) {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// Remove deletes a tenant's settings and credentials.
func (s *Store) Remove(ctx context.Context, id string) error {
	if err := s.rdb.Del(ctx, queue.KeyConfig(id), queue.KeySealed(id)).Err(); err != nil {
		return fmt.Errorf("remove tenant %s: %w", id, err)
	}
	if err := s.rdb.SRem(ctx, keyTenants, id).Err(); err != nil {
		return fmt.Errorf("remove tenant %s: %w", id, err)
	}
	return nil
}

// SetPaused notes why a tenant is paused; "" resumes it. The lane itself is
// paused through the queue.
func (s *Store) SetPaused(ctx context.Context, id, why string) error {
	if _, err := s.Get(ctx, id); err != nil {
		return err
	}
	if err := s.rdb.HSet(ctx, queue.KeyConfig(id), "paused", why).Err(); err != nil {
		return fmt.Errorf("pause tenant %s: %w", id, err)
	}
	return nil
}

// SetMapping replaces the mapping section of a version of the tenant and
// returns the one that follows; ErrChanged when another is in force.
func (s *Store) SetMapping(ctx context.Context, id string, version int64, m Mapping) (*Tenant, error) {
	t, _, err := s.Load(ctx, id) // authenticated, as Get is not: what is stored next is built on it
	if err != nil {
		return nil, err
	}
	if t.Version != version {
		return nil, fmt.Errorf("map tenant %s: version %d is in force, not %d: %w", id, t.Version, version, ErrChanged)
	}
	t.Sync.Mapping = m
	var c checker
	c.sync(&t.Sync, t)
	if err := c.err(); err != nil {
		return nil, err
	}
	return s.apply(ctx, t, version, Credentials{})
}

// MappingEqual reports whether two mappings say the same.
func MappingEqual(a, b Mapping) bool {
	return maps.Equal(a.Accounts, b.Accounts) && maps.Equal(a.Terms, b.Terms) && maps.Equal(a.Tax, b.Tax) && maps.Equal(a.Locations, b.Locations) &&
		maps.Equal(a.Charges, b.Charges) && maps.Equal(a.Currencies, b.Currencies) && maps.Equal(a.Items, b.Items) && maps.Equal(a.Units, b.Units)
}
