package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

// resealScript puts newly sealed values in place of the old ones if neither
// the tenant nor its seal has changed since it was read.
//
// KEYS 1 cfg, 2 sealed. ARGV 1 version that was read, 2 sealed data key that
// was read, then field and sealed value.
// Returns "ok" or "changed".
var resealScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] or redis.call('HGET', KEYS[2], 'data_key') ~= ARGV[2] then return 'changed' end
redis.call('DEL', KEYS[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 'ok'
`)

// Reseal seals everything anew with the key that seals now: each tenant's
// values with a new data key, and the installation's key. Traffic goes on
// meanwhile, and a tenant is changed whole or not at all, so that an
// interrupted run is finished by running it again. A tenant that cannot be
// opened is left as it is, with an error, and keeps nobody else back. say is
// told of progress.
func (s *Store) Reseal(ctx context.Context, say func(done, total int)) error {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return err
	}
	ids, err := s.IDs(ctx)
	if err != nil {
		return err
	}
	var left []error
	for i, id := range ids {
		err := s.resealTenant(ctx, dep, id)
		switch {
		case err != nil && !unusable(err):
			return errors.Join(append(left, err)...)
		case err != nil:
			left = append(left, fmt.Errorf("%w: tenant %s is still sealed with an older key: mend it (ml-connector doctor %s)", err, id, id))
		}
		say(i+1-len(left), len(ids))
	}
	key, err := s.InstallationKey(ctx)
	if err != nil {
		return err
	}
	v, err := s.ks.Seal(key, installationBinding(dep))
	if err != nil {
		return err
	}
	if err := s.rdb.Set(ctx, keyKeyset, v, 0).Err(); err != nil {
		return fmt.Errorf("store the installation's key: %w", err)
	}
	return errors.Join(left...)
}

// resealTries is how often a tenant that changes under our hands is taken
// again; each time somebody else has sealed it, with the new key most likely.
const resealTries = 5

func (s *Store) resealTenant(ctx context.Context, dep, id string) error {
	for range resealTries {
		t, err := s.Get(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		sealed, err := s.rdb.HGetAll(ctx, queue.KeySealed(id)).Result()
		if err != nil {
			return fmt.Errorf("read the credentials of %s: %w", id, err)
		}
		if key, ok := secret.KeyID([]byte(sealed[fieldDataKey])); ok && key == s.ks.Primary() {
			return nil
		}
		c, err := s.unseal(dep, t, sealed)
		if errors.Is(err, secret.ErrWrongKey) {
			// Applied between the two reads, most likely; if not, the last try says so.
			if again, aerr := s.Get(ctx, id); aerr == nil && again.Version != t.Version {
				continue
			}
		}
		if err != nil {
			return err
		}
		fields, err := s.seal(dep, t, c)
		if err != nil {
			return err
		}
		args := append([]any{strconv.FormatInt(t.Version, 10), sealed[fieldDataKey]}, fields...)
		v, err := resealScript.Run(ctx, s.rdb, []string{queue.KeyConfig(id), queue.KeySealed(id)}, args...).Text()
		if err != nil {
			return fmt.Errorf("seal tenant %s anew: %w", id, err)
		}
		if v == "ok" {
			return nil
		}
	}
	return fmt.Errorf("seal tenant %s anew: %w", id, ErrChanged)
}

// KeyUse says what a key of the keyset has sealed.
type KeyUse struct {
	Tenants      []string // ids, sorted
	Installation bool     // and the installation's own key
}

// KeyUses tells what each key id has sealed.
func (s *Store) KeyUses(ctx context.Context) (map[uint32]*KeyUse, error) {
	out := map[uint32]*KeyUse{}
	use := func(id uint32) *KeyUse {
		if out[id] == nil {
			out[id] = &KeyUse{}
		}
		return out[id]
	}
	v, err := s.rdb.Get(ctx, keyKeyset).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the installation's key: %w", err)
	}
	if id, ok := secret.KeyID([]byte(v)); ok {
		use(id).Installation = true
	}
	ids, err := s.IDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range ids {
		v, err := s.rdb.HGet(ctx, queue.KeySealed(t), fieldDataKey).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("read the credentials of %s: %w", t, err)
		}
		if id, ok := secret.KeyID([]byte(v)); ok {
			use(id).Tenants = append(use(id).Tenants, t)
		}
	}
	return out, nil
}

// ErrKeyInUse says that something could no longer be opened.
var ErrKeyInUse = errors.New("the key is in use")

// DropKey deletes a key from the keyset and its file, unless something is
// sealed with it.
func (s *Store) DropKey(ctx context.Context, id uint32) error {
	if err := s.MayDropKey(ctx, id); err != nil {
		return err
	}
	return s.ks.Drop(id)
}

// MayDropKey says what is sealed with a key: ErrKeyInUse.
func (s *Store) MayDropKey(ctx context.Context, id uint32) error {
	uses, err := s.KeyUses(ctx)
	if err != nil {
		return err
	}
	u := uses[id]
	switch {
	case id == s.ks.Primary():
		return fmt.Errorf("drop key %d: %w: it is the one that seals", id, ErrKeyInUse)
	case u != nil && len(u.Tenants) > 0:
		return fmt.Errorf("drop key %d: %w by %d tenants, for example %s: run keys rotate --reseal first", id, ErrKeyInUse, len(u.Tenants), u.Tenants[0])
	case u != nil:
		return fmt.Errorf("drop key %d: %w by the installation's own key: run keys rotate --reseal first", id, ErrKeyInUse)
	}
	return nil
}

// IDs lists the tenants' ids, sorted.
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	ids, err := s.rdb.SMembers(ctx, keyTenants).Result()
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	slices.Sort(ids)
	return ids, nil
}
