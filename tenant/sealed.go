package tenant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

// The sealed fields.
const (
	fieldDataKey     = "data_key"
	fieldNetSuiteKey = "netsuite.private_key"
	fieldCin7Key     = "cin7.application_key"
	fieldSecrets     = "webhook.secrets"
	fieldDocument    = "document"
)

func (c Credentials) fields() map[string]string {
	var secrets []string
	for _, s := range c.WebhookSecrets {
		secrets = append(secrets, s.Reveal())
	}
	return map[string]string{fieldNetSuiteKey: c.NetSuiteKeyPEM.Reveal(), fieldCin7Key: c.Cin7Key.Reveal(), fieldSecrets: strings.Join(secrets, "\n")}
}

// seal seals credentials and the settings' digest with a new data key and
// returns fields and values in turn, as the scripts want them.
func (s *Store) seal(dep string, t *Tenant, c Credentials) ([]any, error) {
	place := func(field string) secret.Binding {
		return secret.Binding{Deployment: dep, Tenant: t.ID, Field: field, Version: t.Version}
	}
	key, sealed, err := s.ks.NewDataKey(place(fieldDataKey))
	if err != nil {
		return nil, err
	}
	out := []any{fieldDataKey, sealed}
	digest := sha256.Sum256([]byte(t.stored))
	plain := c.fields()
	plain[fieldDocument] = string(digest[:])
	for field, p := range plain {
		v, err := key.Seal([]byte(p), place(field))
		if err != nil {
			return nil, err
		}
		out = append(out, field, v)
	}
	return out, nil
}

// unseal opens what seal made. ErrTampered when the settings are not the ones
// that were sealed with the credentials.
func (s *Store) unseal(dep string, t *Tenant, sealed map[string]string) (Credentials, error) {
	place := func(field string) secret.Binding {
		return secret.Binding{Deployment: dep, Tenant: t.ID, Field: field, Version: t.Version}
	}
	for _, f := range []string{fieldDataKey, fieldNetSuiteKey, fieldCin7Key, fieldSecrets, fieldDocument} {
		if sealed[f] == "" {
			return Credentials{}, fmt.Errorf("tenant %s has no stored %s: %w", t.ID, f, errIncomplete)
		}
	}
	key, err := s.ks.OpenDataKey([]byte(sealed[fieldDataKey]), place(fieldDataKey))
	if err != nil {
		return Credentials{}, err
	}
	plain := map[string][]byte{}
	for _, f := range []string{fieldNetSuiteKey, fieldCin7Key, fieldSecrets, fieldDocument} {
		if plain[f], err = key.Open([]byte(sealed[f]), place(f)); err != nil {
			return Credentials{}, err
		}
		defer clear(plain[f])
	}
	digest := sha256.Sum256([]byte(t.stored))
	if subtle.ConstantTimeCompare(digest[:], plain[fieldDocument]) != 1 {
		return Credentials{}, fmt.Errorf("tenant %s: %w", t.ID, ErrTampered)
	}
	c := Credentials{NetSuiteKeyPEM: secret.New(string(plain[fieldNetSuiteKey])), Cin7Key: secret.New(string(plain[fieldCin7Key]))}
	for _, one := range strings.Fields(string(plain[fieldSecrets])) {
		c.WebhookSecrets = append(c.WebhookSecrets, secret.New(one))
	}
	return c, nil
}

var errIncomplete = errors.New("apply it again")

// unusable reports an error of what is stored of a tenant, which applying the
// tenant with all of its credentials mends.
func unusable(err error) bool {
	return errors.Is(err, ErrTampered) || errors.Is(err, secret.ErrWrongKey) || errors.Is(err, errIncomplete) || errors.Is(err, ErrDamaged)
}

// InForce reads what an apply would replace, and the credentials that it may
// leave out: none when what is stored cannot be used. Then nothing stored is
// believed but its version. ErrNotFound.
func (s *Store) InForce(ctx context.Context, id string) (*Tenant, Credentials, error) {
	t, c, err := s.Load(ctx, id)
	if unusable(err) {
		t, err = s.Get(ctx, id)
		c = Credentials{}
	}
	if errors.Is(err, ErrDamaged) {
		err = nil
	}
	return t, c, err
}

// Open opens the credentials of a tenant; only to build a client or to
// compare. The tenant must be one that Get, List or Apply returned; ErrChanged
// when another version is in force by now.
func (s *Store) Open(ctx context.Context, t *Tenant) (Credentials, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return Credentials{}, err
	}
	sealed, err := s.rdb.HGetAll(ctx, queue.KeySealed(t.ID)).Result()
	if err != nil {
		return Credentials{}, fmt.Errorf("read the credentials of %s: %w", t.ID, err)
	}
	c, err := s.unseal(dep, t, sealed)
	if errors.Is(err, secret.ErrWrongKey) || errors.Is(err, ErrTampered) {
		// Nothing is wrong with what was sealed for a version that came since.
		if now, gerr := s.Get(ctx, t.ID); gerr == nil && now.Version != t.Version {
			return Credentials{}, fmt.Errorf("open the credentials of %s, version %d: %w", t.ID, t.Version, ErrChanged)
		}
	}
	return c, err
}

// Fingerprints name the stored credentials without showing them: field -> 12
// hex digits.
func (s *Store) Fingerprints(ctx context.Context, t *Tenant) (map[string]string, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Open(ctx, t)
	if errors.Is(err, ErrChanged) {
		_, c, err = s.Load(ctx, t.ID)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]string{fieldNetSuiteKey: secret.Fingerprint(dep, c.NetSuiteKeyPEM), fieldCin7Key: secret.Fingerprint(dep, c.Cin7Key)}
	for i, one := range c.WebhookSecrets {
		out[fmt.Sprintf("%s[%d]", fieldSecrets, i)] = secret.Fingerprint(dep, one)
	}
	return out, nil
}

const installationKeySize = 32

func installationBinding(dep string) secret.Binding {
	return secret.Binding{Deployment: dep, Field: "installation_key", Version: 1}
}

// InstallationKey is a random value of this installation, made by whoever asks
// first and stored sealed by the keyset. It keys the audit log, and tells at
// start whether the keyset is the right one: ErrWrongKeyset.
func (s *Store) InstallationKey(ctx context.Context) ([]byte, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	sealed, err := s.rdb.Get(ctx, keyKeyset).Result()
	if errors.Is(err, redis.Nil) {
		key := make([]byte, installationKeySize)
		_, _ = rand.Read(key) // never fails (crypto/rand)
		v, err := s.ks.Seal(key, installationBinding(dep))
		if err != nil {
			return nil, err
		}
		if err := s.rdb.SetNX(ctx, keyKeyset, v, 0).Err(); err != nil {
			return nil, fmt.Errorf("store the installation's key: %w", err)
		}
		sealed, err = s.rdb.Get(ctx, keyKeyset).Result()
		if err != nil {
			return nil, fmt.Errorf("read the installation's key: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("read the installation's key: %w", err)
	}
	key, err := s.ks.Open([]byte(sealed), installationBinding(dep))
	if err != nil {
		id, _ := secret.KeyID([]byte(sealed))
		return nil, fmt.Errorf("%w: this Redis was sealed with key %d, and the keyset has %s", ErrWrongKeyset, id, keyIDs(s.ks))
	}
	return key, nil
}

// ErrWrongKeyset says that the keyset is not the one that belongs to the
// database.
var ErrWrongKeyset = errors.New("the keyset does not belong to this Redis, so no stored credential can be opened: name the right keyset file in MLC_KEYSET_FILE (restore it from your backup), or the Redis that belongs to it in MLC_REDIS_URL")

func keyIDs(ks *secret.Keyset) string {
	var ids []string
	for _, k := range ks.Keys() {
		ids = append(ids, fmt.Sprint(k.ID))
	}
	return strings.Join(ids, ", ")
}
