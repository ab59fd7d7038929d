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

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	keyTenants    = "mlc:tenants"
	keyDeployment = "mlc:deployment"
)

// The sealed fields.
const (
	fieldNetSuiteKey = "netsuite.private_key"
	fieldCin7Key     = "cin7.application_key"
	fieldSecrets     = "webhook.secrets"
)

// Store keeps tenants in Redis, credentials sealed.
type Store struct {
	rdb redis.UniversalClient
	ks  *secret.Keyset
}

// NewStore returns the tenants kept in rdb, sealed with ks.
func NewStore(rdb redis.UniversalClient, ks *secret.Keyset) *Store { return &Store{rdb, ks} }

// Deployment returns this installation's id, made by whoever asks first.
func (s *Store) Deployment(ctx context.Context) (string, error) {
	if err := s.rdb.SetNX(ctx, keyDeployment, strings.ToLower(rand.Text()[:16]), 0).Err(); err != nil {
		return "", fmt.Errorf("name the deployment: %w", err)
	}
	id, err := s.rdb.Get(ctx, keyDeployment).Result()
	if err != nil {
		return "", fmt.Errorf("read the deployment's name: %w", err)
	}
	return id, nil
}

// applyScript stores a tenant if nobody else has since it was read.
//
// KEYS 1 cfg, 2 sealed. ARGV 1 version that was read, 2 document, 3 new
// version, 4 applied_at, then field and sealed value.
// Returns "ok" or "changed".
var applyScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'changed' end
redis.call('HSET', KEYS[1], 'document', ARGV[2], 'version', ARGV[3], 'applied_at', ARGV[4])
redis.call('DEL', KEYS[2])
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 'ok'
`)

// Apply stores a tenant and its credentials in one step and returns it with
// its new version. Credentials left empty keep the stored ones, and are an
// error for a new tenant.
func (s *Store) Apply(ctx context.Context, t *Tenant, c Credentials) (*Tenant, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	old, err := s.Get(ctx, t.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	version := int64(0)
	if old != nil {
		version = old.Version
		stored, err := s.Open(ctx, old)
		if err != nil {
			return nil, err
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
	args := []any{strconv.FormatInt(version, 10), doc, strconv.FormatInt(out.Version, 10), out.AppliedAt.Format(time.RFC3339)}
	for field, plain := range c.fields() {
		sealed, err := s.ks.Seal([]byte(plain), secret.Binding{Deployment: dep, Tenant: t.ID, Field: field, Version: out.Version})
		if err != nil {
			return nil, err
		}
		args = append(args, field, sealed)
	}
	// The id first: a tenant that is listed but not stored reads as not found,
	// one that is stored but not listed would be invisible.
	if err := s.rdb.SAdd(ctx, keyTenants, t.ID).Err(); err != nil {
		return nil, fmt.Errorf("store tenant %s: %w", t.ID, err)
	}
	v, err := applyScript.Run(ctx, s.rdb, []string{queue.KeyConfig(t.ID), queue.KeySealed(t.ID)}, args...).Text()
	switch {
	case err != nil:
		return nil, fmt.Errorf("store tenant %s: %w", t.ID, err)
	case v == "changed":
		return nil, fmt.Errorf("store tenant %s: somebody else applied it at the same moment: look at it and apply again", t.ID)
	}
	if err := out.parsed(); err != nil {
		return nil, err
	}
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

func (c Credentials) fields() map[string]string {
	var secrets []string
	for _, s := range c.WebhookSecrets {
		secrets = append(secrets, s.Reveal())
	}
	return map[string]string{fieldNetSuiteKey: c.NetSuiteKeyPEM.Reveal(), fieldCin7Key: c.Cin7Key.Reveal(), fieldSecrets: strings.Join(secrets, "\n")}
}

// Get reads a tenant; ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*Tenant, error) {
	if !idForm.MatchString(id) {
		return nil, fmt.Errorf("tenant %.80q: %w", id, ErrNotFound)
	}
	h, err := s.rdb.HGetAll(ctx, queue.KeyConfig(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("read tenant %s: %w", id, err)
	}
	if h["document"] == "" {
		return nil, fmt.Errorf("tenant %s: %w", id, ErrNotFound)
	}
	t := &Tenant{Paused: h["paused"]}
	if err := json.Unmarshal([]byte(h["document"]), &t.Document); err != nil {
		return nil, fmt.Errorf("read tenant %s: %w", id, err)
	}
	if t.Version, err = strconv.ParseInt(h["version"], 10, 64); err != nil {
		return nil, fmt.Errorf("read tenant %s: version %q: %w", id, h["version"], err)
	}
	if t.AppliedAt, err = time.Parse(time.RFC3339, h["applied_at"]); err != nil {
		return nil, fmt.Errorf("read tenant %s: %w", id, err)
	}
	return t, t.parsed()
}

// List reads all tenants by id.
func (s *Store) List(ctx context.Context) ([]*Tenant, error) {
	ids, err := s.rdb.SMembers(ctx, keyTenants).Result()
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	slices.Sort(ids)
	var out []*Tenant
	for _, id := range ids {
		t, err := s.Get(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
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

// Open opens the credentials of a tenant; only to build a client or to compare.
func (s *Store) Open(ctx context.Context, t *Tenant) (Credentials, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return Credentials{}, err
	}
	sealed, err := s.rdb.HGetAll(ctx, queue.KeySealed(t.ID)).Result()
	if err != nil {
		return Credentials{}, fmt.Errorf("read the credentials of %s: %w", t.ID, err)
	}
	plain := map[string]string{}
	for _, f := range []string{fieldNetSuiteKey, fieldCin7Key, fieldSecrets} {
		if sealed[f] == "" {
			return Credentials{}, fmt.Errorf("tenant %s has no stored %s: apply it again", t.ID, f)
		}
		p, err := s.ks.Open([]byte(sealed[f]), secret.Binding{Deployment: dep, Tenant: t.ID, Field: f, Version: t.Version})
		if err != nil {
			return Credentials{}, err
		}
		plain[f] = string(p)
	}
	c := Credentials{NetSuiteKeyPEM: secret.New(plain[fieldNetSuiteKey]), Cin7Key: secret.New(plain[fieldCin7Key])}
	for _, one := range strings.Fields(plain[fieldSecrets]) {
		c.WebhookSecrets = append(c.WebhookSecrets, secret.New(one))
	}
	return c, nil
}

// Fingerprints name the stored credentials without showing them: field -> 12
// hex digits.
func (s *Store) Fingerprints(ctx context.Context, t *Tenant) (map[string]string, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	out := map[string]string{fieldNetSuiteKey: secret.Fingerprint(dep, c.NetSuiteKeyPEM), fieldCin7Key: secret.Fingerprint(dep, c.Cin7Key)}
	for i, one := range c.WebhookSecrets {
		out[fmt.Sprintf("%s[%d]", fieldSecrets, i)] = secret.Fingerprint(dep, one)
	}
	return out, nil
}

// SetMapping replaces the mapping section and returns the tenant.
func (s *Store) SetMapping(ctx context.Context, id string, m Mapping) (*Tenant, error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	t.Sync.Mapping = m
	var c checker
	c.sync(&t.Sync, t)
	if err := c.err(); err != nil {
		return nil, err
	}
	return s.Apply(ctx, t, Credentials{})
}

// MappingEqual reports whether two mappings say the same.
func MappingEqual(a, b Mapping) bool {
	return maps.Equal(a.Accounts, b.Accounts) && maps.Equal(a.Terms, b.Terms) && maps.Equal(a.Tax, b.Tax) && maps.Equal(a.Locations, b.Locations) &&
		maps.Equal(a.Charges, b.Charges) && maps.Equal(a.Currencies, b.Currencies) && maps.Equal(a.Items, b.Items) && maps.Equal(a.Units, b.Units)
}
