// Package tenant keeps the customer companies: their settings, their sealed
// credentials, and who may post their webhooks.
//
//	mlc:tenants          set    tenant ids
//	mlc:deployment       string this installation's id, made once
//	mlc:{t}:cfg          hash   document (JSON, without secrets), version, applied_at, paused
//	mlc:{t}:sealed       hash   data_key (sealed by the keyset), and field -> value sealed by the data key,
//	                            all bound to deployment, tenant, field and version; "document" seals the
//	                            settings' digest, so that nobody points a stored key at another host
//	mlc:{t}:uses         hash   how often and when each webhook secret and address was used
//	mlc:keyset           string the installation's key, sealed by the keyset
//
// A document comes as YAML or JSON, is checked whole, and is stored in one
// step. Secrets leave it before anything is stored and are opened only to
// build a client or to compare.
package tenant

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"time"

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

	stored string // the document as Redis holds it; the seal covers its very bytes
	damage string // why the stored document cannot be read
}

// Damage is what is wrong with the stored settings, "" when they can be read.
func (t *Tenant) Damage() string { return t.damage }

// Syncs reports whether records of the type are synced.
func (t *Tenant) Syncs(recordType string) bool { return slices.Contains(t.Sync.Types, recordType) }

// PutAway reports whether the Cin7 account has Use Put Away on.
func (t *Tenant) PutAway() bool { return t.Cin7.UsePutAway == nil || *t.Cin7.UsePutAway }

// PlanOnly reports whether marks are read and planned, and nothing is written
// to Cin7.
func (t *Tenant) PlanOnly() bool { return t.Sync.Mode == ModePlanOnly }

// Subscriptions reports whether webhooks are configured in NetSuite.
func (t *Tenant) Subscriptions() bool { return t.Poll.Subscriptions == nil || *t.Poll.Subscriptions }

// CertificateEnd is when the NetSuite certificate ends; zero when the tenant
// does not say which one it uses.
func (t *Tenant) CertificateEnd() time.Time {
	b, _ := pem.Decode([]byte(t.NetSuite.Certificate))
	if b == nil {
		return time.Time{}
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return time.Time{}
	}
	return c.NotAfter
}

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

// ErrNotFound says that no tenant has this id.
var ErrNotFound = errors.New("no such tenant")

// ErrChanged says that somebody else changed the tenant in between.
var ErrChanged = errors.New("somebody else changed it at the same moment: look at it and try again")

// ErrTampered says that the stored settings are not those that were applied.
var ErrTampered = errors.New("its stored settings were changed by something other than ml-connector: nothing is done for it until it is applied again")

// CheckSync says what is wrong with the sync section, each problem a line.
func (t *Tenant) CheckSync() error {
	probe := *t
	var c checker
	c.sync(&t.Sync, &probe)
	return c.err()
}
