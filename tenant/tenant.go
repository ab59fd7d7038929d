// Package tenant keeps the customer companies: their settings, their sealed
// credentials, and who may post their webhooks.
package tenant

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/secret"
)

// Tenant is a checked document with its defaults filled in and its values
// parsed. It holds no credential: see Credentials.
type Tenant struct {
	Document        // secrets emptied
	Version   int64 // grows with every apply
	AppliedAt time.Time
	Paused    string // why, "" when it is not

	Allow        allowlist.List
	ApproveLimit decimal.Decimal // zero: no limit
	StartDate    string          // Sync.Start or ""
}

// Syncs reports whether records of the type are synced.
func (t *Tenant) Syncs(recordType string) bool { panic("wip") }

// PutAway reports whether the Cin7 account has Use Put Away on.
func (t *Tenant) PutAway() bool { panic("wip") }

// Credentials are the opened secrets of a tenant.
type Credentials struct {
	NetSuiteKeyPEM secret.String
	Cin7Key        secret.String
	WebhookSecrets []secret.String
}

// Options say what is allowed in a document.
type Options struct {
	AllowPrivateEndpoints bool                         // base_url may name loopback or private addresses, and http
	Getenv                func(string) string          // resolves ${NAME}; nil refuses every ${NAME}
	ReadFile              func(string) ([]byte, error) // resolves *_file; nil refuses them
}

// ParseYAML reads a tenant file, fills defaults and checks it. Errors name the
// line, the value and the remedy, and never a secret.
func ParseYAML(data []byte, o Options) (*Tenant, Credentials, error) { panic("wip") }

// ParseJSON is ParseYAML for the body of PUT /tenants/{id}.
func ParseJSON(data []byte, o Options) (*Tenant, Credentials, error) { panic("wip") }

// ErrNotFound: no tenant has this id.
var ErrNotFound = errors.New("no such tenant")

// Store keeps tenants in Redis, credentials sealed.
type Store struct {
	rdb redis.UniversalClient
	ks  *secret.Keyset
}

// NewStore returns the tenants kept in rdb, sealed with ks.
func NewStore(rdb redis.UniversalClient, ks *secret.Keyset) *Store { panic("wip") }

// Apply stores a tenant and its credentials in one step and returns it with
// its new version. Credentials left empty keep the stored ones, and are an
// error for a new tenant.
func (s *Store) Apply(ctx context.Context, t *Tenant, c Credentials) (*Tenant, error) { panic("wip") }

// Get reads a tenant; ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*Tenant, error) { panic("wip") }

// List reads all tenants by id.
func (s *Store) List(ctx context.Context) ([]*Tenant, error) { panic("wip") }

// Remove deletes a tenant's settings and credentials.
func (s *Store) Remove(ctx context.Context, id string) error { panic("wip") }

// SetPaused notes why a tenant is paused; "" resumes it.
func (s *Store) SetPaused(ctx context.Context, id, why string) error { panic("wip") }

// Open opens the credentials of a tenant; only to build a client or to compare.
func (s *Store) Open(ctx context.Context, t *Tenant) (Credentials, error) { panic("wip") }

// Fingerprints name the stored credentials without showing them: field -> first
// 12 hex digits of a keyed hash.
func (s *Store) Fingerprints(ctx context.Context, t *Tenant) (map[string]string, error) {
	panic("wip")
}

// SetMapping replaces the mapping section and returns the tenant.
func (s *Store) SetMapping(ctx context.Context, id string, m Mapping) (*Tenant, error) { panic("wip") }

// Door decides whether a webhook may enter. It caches what it needs per
// tenant for a few seconds so that a post costs no read of its own.
type Door struct{}

// NewDoor returns the door over the store.
func NewDoor(s *Store) *Door { panic("wip") }

// Verdict is the answer of a Door.
type Verdict struct {
	Admitted bool
	Reason   string  // ok, unknown_tenant, bad_secret, bad_address: for metrics and logs, never for the caller
	Tenant   *Tenant // nil unless the tenant exists
}

// Check admits a webhook for tenant id from address addr (invalid: unknown)
// showing the given secret. It compares in constant time and does the same
// work for an unknown tenant. The error is of the store, not of the caller.
func (d *Door) Check(ctx context.Context, id string, addr allowlist.Addr, shown string) (Verdict, error) {
	panic("wip")
}
