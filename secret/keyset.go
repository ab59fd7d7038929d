package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Binding ties a sealed value to its place: opening it anywhere else fails.
type Binding struct {
	Deployment string // this installation
	Tenant     string
	Field      string
	Version    int64 // of the tenant's credentials
}

// formatVersion is the first byte of every sealed value and part of what it
// is bound to.
const formatVersion = 1

// associated is the binding as bytes: each part with its length in front, so
// that no two bindings read the same.
func (b Binding) associated() []byte {
	out := []byte{formatVersion}
	for _, s := range []string{b.Deployment, b.Tenant, b.Field} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(s))) //nolint:gosec // names are short
		out = append(out, s...)
	}
	return binary.BigEndian.AppendUint64(out, uint64(b.Version)) //nolint:gosec // a counter from 1
}

// Keyset seals values for storage, with AES-256-GCM. One of its keys seals,
// all of them open. It is safe for concurrent use.
//
// A sealed value is
//
//	1 byte format | 5 bytes key id (Tink) | 12 bytes nonce | ciphertext | 16 bytes tag
//
// and is bound to format, deployment, tenant, field and version as associated
// data.
type Keyset struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

// ErrWrongKey says that a value was sealed with another keyset, for another place, or
// was changed since.
var ErrWrongKey = errors.New("cannot open the sealed value: it was sealed with another keyset (check MLC_KEYSET_FILE), for another place, or was changed")

func fromHandle(h *keyset.Handle) (*Keyset, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("the keyset holds no usable AEAD key: %w", err)
	}
	return &Keyset{h, a}, nil
}

// Init makes a new keyset file, readable by its owner alone; an existing file
// is an error.
func Init(path string) (*Keyset, error) {
	k, err := Ephemeral()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	// The file holds the key in the clear: it is the root of what this program
	// can protect. docs/deploy.md says how to mount it.
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("encode the keyset: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("keyset %s is there already: a new one could not open what the old one sealed; move it away first if that is what you want", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	return k, nil
}

// Load reads a keyset file.
func Load(path string) (*Keyset, error) {
	const remedy = "make one with `ml-connector keys init` and name it in MLC_KEYSET_FILE"
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keyset %s does not exist: %s", path, remedy)
	}
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && mode&openTo(ownedByUs(info)) != 0 {
		return nil, fmt.Errorf("keyset %s may be read by others (mode %04o): chmod 600 %s", path, mode, path)
	}
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		// The error may quote what it could not read, so it is not passed on.
		return nil, fmt.Errorf("keyset %s is not a keyset file (%d bytes): restore it from your backup, or %s", path, len(data), remedy)
	}
	return fromHandle(h)
}

// Ephemeral returns a keyset that lives in memory only, for demos and tests.
func Ephemeral() (*Keyset, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return fromHandle(h)
}

// KeyInfo describes a key without showing it.
type KeyInfo struct {
	ID      uint32
	Primary bool
	Status  string
}

// Keys lists the keys.
func (k *Keyset) Keys() []KeyInfo {
	info := k.handle.KeysetInfo()
	out := make([]KeyInfo, 0, len(info.GetKeyInfo()))
	for _, i := range info.GetKeyInfo() {
		out = append(out, KeyInfo{ID: i.GetKeyId(), Primary: i.GetKeyId() == info.GetPrimaryKeyId(), Status: i.GetStatus().String()})
	}
	return out
}

// Seal encrypts a value.
func (k *Keyset) Seal(plain []byte, b Binding) ([]byte, error) {
	c, err := k.aead.Encrypt(plain, b.associated())
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", b.Field, b.Tenant, err)
	}
	return append([]byte{formatVersion}, c...), nil
}

// Open decrypts what Seal made for the same binding; ErrWrongKey otherwise.
func (k *Keyset) Open(sealed []byte, b Binding) ([]byte, error) {
	if len(sealed) < 1 || sealed[0] != formatVersion {
		return nil, fmt.Errorf("open %s of %s: %w", b.Field, b.Tenant, ErrWrongKey)
	}
	p, err := k.aead.Decrypt(sealed[1:], b.associated())
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
