package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
)

// Use is how often something was shown at the door, and when last.
type Use struct {
	Name  string    `json:"name"` // fingerprint of a secret, or an address
	Count int64     `json:"count"`
	Last  time.Time `json:"last"`
}

// Uses tells which webhook secrets and addresses are in use.
type Uses struct {
	Secrets   []Use `json:"secrets"`           // that admitted a post; by last use, newest first
	Addresses []Use `json:"addresses"`         // that posts were admitted from
	Refused   []Use `json:"refused_addresses"` // that the allowlist refused
}

// The groups of the hash.
const (
	useSecret  = "secret"
	useAddress = "address"
	useRefused = "refused"
)

// maxUses bounds the addresses that are kept of a tenant: beyond it known ones
// count on, new ones are left out.
const maxUses = 256

// usesScript adds to counters.
//
// KEYS 1 uses. ARGV 1 bound on the fields, then name, count and time in ms.
var usesScript = redis.NewScript(`
for i = 2, #ARGV, 3 do
  local n = ARGV[i] .. '|n'
  if redis.call('HEXISTS', KEYS[1], n) == 1 or redis.call('HLEN', KEYS[1]) < 2 * tonumber(ARGV[1]) then
    redis.call('HINCRBY', KEYS[1], n, ARGV[i + 1])
    local at = ARGV[i] .. '|at'
    if tonumber(redis.call('HGET', KEYS[1], at) or '0') < tonumber(ARGV[i + 2]) then redis.call('HSET', KEYS[1], at, ARGV[i + 2]) end
  end
end
return 'ok'
`)

// useKey names a counter: of a secret by its fingerprint, else of an address.
type useKey struct {
	tenant, group, print string
	addr                 allowlist.Addr
}

// name is the counter's name in the hash.
func (k useKey) name() string {
	switch {
	case k.group == useSecret:
		return k.group + " " + k.print
	case k.addr.IsValid():
		return k.group + " " + k.addr.String()
	}
	return k.group + " unknown"
}

type useCount struct {
	n  int64
	at time.Time
}

// counters gathers uses in memory until somebody writes them: a post must not
// wait for a counter, nor a flood of posts become a flood of writes.
type counters struct {
	mu      sync.Mutex
	counts  map[useKey]useCount
	writing bool
}

// maxCounters bounds what is gathered while Redis does not answer.
const maxCounters = 10_000

// add counts a use. It returns true when the caller must see to it that flush
// runs: nobody else does at the moment.
func (c *counters) add(at time.Time, uses ...useKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range uses {
		if _, known := c.counts[k]; !known && len(c.counts) >= maxCounters {
			continue
		}
		u := c.counts[k]
		c.counts[k] = useCount{u.n + 1, at}
	}
	mine := !c.writing
	c.writing = true
	return mine
}

// take returns what is to be written; nothing ends the writer's turn.
func (c *counters) take() map[useKey]useCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	c.counts = map[useKey]useCount{}
	c.writing = len(out) > 0
	return out
}

// some reports whether something is to be written.
func (c *counters) some() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.counts) > 0
}

// fail ends the writer's turn: what it could not write is lost, for these are
// counters for people.
func (c *counters) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
}

// flushTimeout bounds a write of the counters.
const flushTimeout = time.Second

// flushPause is how long a writer gathers what came while it wrote, so that a
// flood of posts costs a few writes a second.
const flushPause = 200 * time.Millisecond

// Flush writes the uses that were counted until there are none. Run it beside
// the answer when a Verdict asks for it.
func (d *Door) Flush(ctx context.Context) error {
	for n := 0; ; n++ {
		if n > 0 && d.uses.some() {
			select {
			case <-ctx.Done():
			case <-time.After(flushPause):
			}
		}
		counts := d.uses.take()
		if len(counts) == 0 {
			return nil
		}
		perTenant := map[string][]any{}
		for k, u := range counts {
			if perTenant[k.tenant] == nil {
				perTenant[k.tenant] = []any{maxUses}
			}
			perTenant[k.tenant] = append(perTenant[k.tenant], k.name(), u.n, u.at.UnixMilli())
		}
		for t, args := range perTenant {
			ctx, cancel := context.WithTimeout(ctx, flushTimeout)
			err := usesScript.Run(ctx, d.store.rdb, []string{queue.KeyUses(t)}, args...).Err()
			cancel()
			if err != nil {
				d.uses.fail()
				return fmt.Errorf("count the webhook uses of %s: %w", t, err)
			}
		}
	}
}

// WebhookUses tells which secrets and addresses a tenant's webhooks used.
func (s *Store) WebhookUses(ctx context.Context, id string) (Uses, error) {
	h, err := s.rdb.HGetAll(ctx, queue.KeyUses(id)).Result()
	if err != nil {
		return Uses{}, fmt.Errorf("read the webhook uses of %s: %w", id, err)
	}
	out := Uses{Secrets: []Use{}, Addresses: []Use{}, Refused: []Use{}}
	groups := map[string]*[]Use{useSecret: &out.Secrets, useAddress: &out.Addresses, useRefused: &out.Refused}
	for field, v := range h {
		name, ok := strings.CutSuffix(field, "|n")
		group, what, _ := strings.Cut(name, " ")
		if !ok || groups[group] == nil {
			continue
		}
		n, _ := strconv.ParseInt(v, 10, 64)
		ms, _ := strconv.ParseInt(h[name+"|at"], 10, 64)
		*groups[group] = append(*groups[group], Use{what, n, time.UnixMilli(ms).UTC()})
	}
	for _, g := range groups {
		slices.SortFunc(*g, func(a, b Use) int {
			if c := b.Last.Compare(a.Last); c != 0 {
				return c
			}
			return strings.Compare(a.Name, b.Name)
		})
	}
	return out, nil
}

// ErrTwoSecrets says that two webhook secrets are live, which is the most.
var ErrTwoSecrets = errors.New("two webhook secrets are live already: end the old one first (--retire-old)")

// ErrOneSecret says that there is no old webhook secret to end.
var ErrOneSecret = errors.New("there is only one webhook secret: make a new one first, or nobody could post")

// RotateSecret adds a second live webhook secret and returns it: this is the
// only time that it is shown. ErrTwoSecrets when there are two.
func (s *Store) RotateSecret(ctx context.Context, id string) (*Tenant, secret.String, error) {
	t, c, err := s.Load(ctx, id)
	if err != nil {
		return nil, secret.String{}, err
	}
	if len(c.WebhookSecrets) >= maxSecrets {
		return nil, secret.String{}, fmt.Errorf("tenant %s: %w", id, ErrTwoSecrets)
	}
	fresh := newWebhookSecret()
	// In place of what was read: a mapping that was saved meanwhile is not undone.
	t, err = s.apply(ctx, t, t.Version, Credentials{WebhookSecrets: append(slices.Clone(c.WebhookSecrets), fresh)})
	return t, fresh, err
}

// OldSecret says what ending the older of two webhook secrets would cost.
type OldSecret struct {
	Old, New Use
	Warning  string // why it may be too early, "" when it is not
}

// quiet is how long an old secret must not have been shown before ending it
// needs no second thought.
const quiet = 24 * time.Hour

// LookAtOldSecret tells whether the older webhook secret is still in use;
// ErrOneSecret when there is none.
func (s *Store) LookAtOldSecret(ctx context.Context, id string, now time.Time) (OldSecret, error) {
	dep, err := s.Deployment(ctx)
	if err != nil {
		return OldSecret{}, err
	}
	_, c, err := s.Load(ctx, id)
	if err != nil {
		return OldSecret{}, err
	}
	if len(c.WebhookSecrets) < maxSecrets {
		return OldSecret{}, fmt.Errorf("tenant %s: %w", id, ErrOneSecret)
	}
	uses, err := s.WebhookUses(ctx, id)
	if err != nil {
		return OldSecret{}, err
	}
	find := func(sec secret.String) Use {
		name := secret.Fingerprint(dep, sec)
		for _, u := range uses.Secrets {
			if u.Name == name {
				return u
			}
		}
		return Use{Name: name}
	}
	o := OldSecret{Old: find(c.WebhookSecrets[0]), New: find(c.WebhookSecrets[1])}
	switch {
	case o.New.Count == 0:
		o.Warning = fmt.Sprintf("the new secret (%s) has never been used: NetSuite would be locked out if it still posts with the old one (%s)", o.New.Name, o.Old.Name)
	case o.Old.Count > 0 && now.Sub(o.Old.Last) < quiet:
		o.Warning = fmt.Sprintf("the old secret (%s) was used %s ago: a script in NetSuite still posts with it", o.Old.Name, now.Sub(o.Old.Last).Round(time.Second))
	}
	return o, nil
}

// RetireOldSecret ends the older of two live webhook secrets. Look first.
func (s *Store) RetireOldSecret(ctx context.Context, id string) (*Tenant, error) {
	t, c, err := s.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(c.WebhookSecrets) < maxSecrets {
		return nil, fmt.Errorf("tenant %s: %w", id, ErrOneSecret)
	}
	return s.apply(ctx, t, t.Version, Credentials{WebhookSecrets: c.WebhookSecrets[1:]})
}
