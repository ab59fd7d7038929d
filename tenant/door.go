package tenant

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"sync"
	"time"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/secret"
)

// Door decides whether a webhook may enter. It keeps what it needs per tenant
// for a few seconds, so that a post costs no read of its own; a change is in
// force after at most that long.
type Door struct {
	store *Store
	key   [32]byte  // of this process: digests of secrets mean nothing outside
	macs  sync.Pool // of *mac
	now   func() time.Time

	uses counters

	mu      sync.Mutex
	tenants map[string]*doorplate
}

// doorplate is what the door knows of a tenant.
type doorplate struct {
	tenant  *Tenant // nil: there is none
	digests [maxSecrets][sha256.Size]byte
	prints  [maxSecrets]string // fingerprints, to count uses by
	until   time.Time
}

// maxSecrets are live at once: the old one and the new one.
const maxSecrets = 2

const (
	doorTTL = 3 * time.Second
	// doorMax bounds what a flood of invented tenant names can occupy.
	doorMax = 20_000
	// doorTimeout is how long a post may wait until its tenant is read, whether
	// or not its sender still waits.
	doorTimeout = 900 * time.Millisecond
)

// NewDoor returns the door over the store.
func NewDoor(s *Store) *Door {
	d := &Door{store: s, now: time.Now, uses: counters{counts: map[useKey]useCount{}}, tenants: map[string]*doorplate{}}
	_, _ = rand.Read(d.key[:]) // never fails (crypto/rand)
	d.macs.New = func() any { return &mac{h: hmac.New(sha256.New, d.key[:])} }
	return d
}

// The reasons of a Verdict: for metrics and logs, never for the caller.
const (
	DoorOK            = "ok"
	DoorUnknownTenant = "unknown_tenant"
	DoorBadSecret     = "bad_secret"
	DoorBadAddress    = "bad_address"
)

// Verdict is the answer of a Door.
type Verdict struct {
	Admitted bool
	Reason   string  // ok, unknown_tenant, bad_secret, bad_address
	Tenant   *Tenant // nil unless the tenant exists
	// Flush: uses were counted and nobody is writing them; call Door.Flush
	// beside the answer.
	Flush bool
}

// Check admits a webhook for tenant id from address addr (invalid: unknown)
// showing the given secret. It compares in constant time, with both live
// secrets, and does the same work for an unknown tenant. The error is of the
// store, not of the caller.
func (d *Door) Check(ctx context.Context, id string, addr allowlist.Addr, shown string) (Verdict, error) {
	p, err := d.plate(ctx, id)
	if err != nil {
		return Verdict{}, err
	}
	digest := d.digest(shown)
	first, second := subtle.ConstantTimeCompare(digest[:], p.digests[0][:]), subtle.ConstantTimeCompare(digest[:], p.digests[1][:])
	match := first | second
	if p.tenant == nil {
		return Verdict{Reason: DoorUnknownTenant}, nil
	}
	v := Verdict{Tenant: p.tenant, Reason: DoorOK, Admitted: true}
	needSecret := p.tenant.Webhook.Require != RequireAllowlist
	needAddress := p.tenant.Webhook.Require != RequireSecret
	switch {
	case needSecret && match != 1:
		v.Admitted, v.Reason = false, DoorBadSecret
	case needAddress && !p.tenant.Allow.Contains(addr):
		v.Admitted, v.Reason = false, DoorBadAddress
	}
	from := useKey{tenant: id, group: useAddress, addr: addr}
	switch {
	case v.Admitted && match == 1:
		v.Flush = d.uses.add(d.now(), useKey{tenant: id, group: useSecret, print: p.prints[second]}, from)
	case v.Admitted:
		v.Flush = d.uses.add(d.now(), from)
	case v.Reason == DoorBadAddress && match == 1:
		// Whoever has the secret is likely NetSuite from a new address.
		from.group = useRefused
		v.Flush = d.uses.add(d.now(), from)
	}
	return v, nil
}

// newWebhookSecret makes a secret of 256 bits, safe in a URL.
func newWebhookSecret() secret.String {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return secret.New(base64.RawURLEncoding.EncodeToString(b))
}

// mac makes digests with the door's key, one after the other.
type mac struct {
	h       hash.Hash
	in, out []byte
}

func (d *Door) digest(s string) [sha256.Size]byte {
	m := d.macs.Get().(*mac)
	defer d.macs.Put(m)
	m.in = append(m.in[:0], s...)
	m.h.Reset()
	m.h.Write(m.in)
	m.out = m.h.Sum(m.out[:0])
	clear(m.in)
	return [sha256.Size]byte(m.out)
}

// plate returns what is known of a tenant, read anew when it is old.
func (d *Door) plate(ctx context.Context, id string) (*doorplate, error) {
	d.mu.Lock()
	p := d.tenants[id]
	d.mu.Unlock()
	if p != nil && d.now().Before(p.until) {
		return p, nil
	}
	p = &doorplate{until: d.now().Add(doorTTL)}
	// Digests of nothing that anybody can show.
	_, _ = rand.Read(p.digests[0][:])
	_, _ = rand.Read(p.digests[1][:])
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doorTimeout)
	defer cancel()
	t, c, err := d.store.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return nil, err
	default:
		dep, err := d.store.Deployment(ctx)
		if err != nil {
			return nil, err
		}
		p.tenant = t
		for i, s := range c.WebhookSecrets {
			if i < len(p.digests) && !s.IsZero() {
				p.digests[i], p.prints[i] = d.digest(s.Reveal()), secret.Fingerprint(dep, s)
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tenants) >= doorMax {
		clear(d.tenants)
	}
	d.tenants[id] = p
	return p, nil
}
