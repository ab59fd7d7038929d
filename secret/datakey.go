package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// DataKey seals the values of one tenant. It is stored sealed by the keyset,
// so that a change of the keyset touches one small value per tenant, and no
// value of one tenant can be opened with the key of another.
//
// A value that it seals is
//
//	1 byte format | 12 bytes nonce | ciphertext | 16 bytes tag
//
// bound to format, deployment, tenant, field and version as associated data.
type DataKey struct{ aead *subtle.AESGCM }

const dataKeySize = 32 // AES-256

// NewDataKey makes a data key and returns it with its sealed form.
func (k *Keyset) NewDataKey(b Binding) (*DataKey, []byte, error) {
	raw := make([]byte, dataKeySize)
	defer clear(raw)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	d, err := dataKey(raw)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := k.Seal(raw, b)
	return d, sealed, err
}

// OpenDataKey opens the sealed form; ErrWrongKey when it cannot be.
func (k *Keyset) OpenDataKey(sealed []byte, b Binding) (*DataKey, error) {
	raw, err := k.Open(sealed, b)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	return dataKey(raw)
}

func dataKey(raw []byte) (*DataKey, error) {
	a, err := subtle.NewAESGCM(append([]byte(nil), raw...))
	if err != nil {
		return nil, fmt.Errorf("make a data key: %w", err)
	}
	return &DataKey{a}, nil
}

// Seal encrypts a value.
func (d *DataKey) Seal(plain []byte, b Binding) ([]byte, error) {
	c, err := d.aead.Encrypt(plain, b.associated(formatDataKey))
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", b.Field, b.Tenant, err)
	}
	return append([]byte{formatDataKey}, c...), nil
}

// Open decrypts what Seal made for the same binding; ErrWrongKey otherwise.
func (d *DataKey) Open(sealed []byte, b Binding) ([]byte, error) {
	if len(sealed) < 1 || sealed[0] != formatDataKey {
		return nil, fmt.Errorf("open %s of %s: %w", b.Field, b.Tenant, ErrWrongKey)
	}
	p, err := d.aead.Decrypt(sealed[1:], b.associated(formatDataKey))
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", b.Field, b.Tenant, ErrWrongKey)
	}
	return p, nil
}

// Fingerprint names a secret without showing it: the first 12 hex digits of a
// keyed hash. The key is the deployment's id, so equal secrets of two
// deployments do not look equal.
func Fingerprint(deployment string, s String) string {
	m := hmac.New(sha256.New, []byte("ml-connector fingerprint "+deployment))
	m.Write([]byte(s.Reveal()))
	return fmt.Sprintf("%x", m.Sum(nil)[:6])
}
