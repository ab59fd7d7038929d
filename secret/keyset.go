package secret

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Binding ties a sealed value to its place: opening it anywhere else fails.
type Binding struct {
	Deployment string // this installation
	Tenant     string // "" for what belongs to the installation
	Field      string
	Version    int64 // of the tenant's credentials
}

// The first byte of a sealed value: by which kind of key it is sealed. It is
// part of what the value is bound to.
const (
	formatKeyset  = 2 // by a key of the keyset
	formatDataKey = 3 // by a tenant's data key
)

// associated is the binding as bytes: each part with its length in front, so
// that no two bindings read the same.
func (b Binding) associated(format byte) []byte {
	out := []byte{format}
	for _, s := range []string{b.Deployment, b.Tenant, b.Field} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(s))) //nolint:gosec // names are short
		out = append(out, s...)
	}
	return binary.BigEndian.AppendUint64(out, uint64(b.Version)) //nolint:gosec // a counter from 1
}

// Source is where a keyset is kept.
type Source struct {
	File string
	// KMS is the URI of the key that the file is encrypted with, in Tink's form:
	// aws-kms://..., gcp-kms://..., hcvault://.... "": the file is in the clear
	// and its mode guards it.
	KMS string
}

// Keyset seals values for storage, with AES-256-GCM. One of its keys seals,
// all of them open. It is safe for concurrent use.
//
// A value that it seals is
//
//	1 byte format | 5 bytes key id (Tink) | 12 bytes nonce | ciphertext | 16 bytes tag
//
// and is bound to format, deployment, tenant, field and version as associated
// data.
//
// A keyset that was loaded from a file reads it again when it meets a value
// that was sealed with a key which it does not have: that is how a running
// service learns of a rotation.
type Keyset struct {
	source Source

	mu     sync.RWMutex
	handle *keyset.Handle
	aead   tink.AEAD
	stamp  stamp // of the file as it was read
}

// stamp tells one content of a file from the next.
type stamp struct {
	at   time.Time
	size int64
}

func (s Source) stamp() stamp {
	info, err := os.Stat(s.File)
	if s.File == "" || err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// ErrWrongKey says that a value was sealed with another keyset, for another place, or
// was changed since.
var ErrWrongKey = errors.New("cannot open the sealed value: it was sealed with another keyset (check MLC_KEYSET_FILE), for another place, or was changed")

func fromHandle(h *keyset.Handle, s Source, at stamp) (*Keyset, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("the keyset holds no usable AEAD key: %w", err)
	}
	return &Keyset{source: s, handle: h, aead: a, stamp: at}, nil
}

// Init makes a new keyset file, readable by its owner alone; an existing file
// is an error.
func Init(s Source) (*Keyset, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	k, err := fromHandle(h, s, stamp{})
	if err != nil {
		return nil, err
	}
	b, err := k.encode()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("keyset %s is there already: a new one could not open what the old one sealed; move it away first if that is what you want", s.File)
	}
	if err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	k.stamp = s.stamp()
	return k, nil
}

// encode writes the keyset as its file holds it.
func (k *Keyset) encode() ([]byte, error) {
	var b bytes.Buffer
	if k.source.KMS == "" {
		// The file holds the keys in the clear: it is the root of what this program
		// can protect. docs/keys.md says how to mount it, and what a KMS adds.
		if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&b)); err != nil {
			return nil, fmt.Errorf("encode the keyset: %w", err)
		}
		return b.Bytes(), nil
	}
	master, err := kms(k.source.KMS)
	if err != nil {
		return nil, err
	}
	if err := k.handle.Write(keyset.NewJSONWriter(&b), master); err != nil {
		return nil, fmt.Errorf("encrypt the keyset with %s: %w", k.source.KMS, err)
	}
	return b.Bytes(), nil
}

// kms is the key behind a URI. Which kinds of URI there are is decided by what
// was built in: docs/keys.md.
func kms(uri string) (tink.AEAD, error) {
	c, err := registry.GetKMSClient(uri)
	if err != nil {
		scheme, _, _ := strings.Cut(uri, ":")
		return nil, fmt.Errorf("the keyset's KMS %s: this binary has no client for %s; build one that has with `make kms` (docs/keys.md), or leave MLC_KEYSET_KMS out", uri, scheme)
	}
	a, err := c.GetAEAD(uri)
	if err != nil {
		return nil, fmt.Errorf("the keyset's KMS %s: %w", uri, err)
	}
	return a, nil
}

// Load reads a keyset file.
func Load(s Source) (*Keyset, error) {
	at := s.stamp() // before reading: a change in between is seen again
	h, err := read(s)
	if err != nil {
		return nil, err
	}
	return fromHandle(h, s, at)
}

func read(s Source) (*keyset.Handle, error) {
	const remedy = "make one with `ml-connector keys init` and name it in MLC_KEYSET_FILE"
	info, err := os.Stat(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keyset %s does not exist: %s", s.File, remedy)
	}
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && s.KMS == "" && mode&openTo(ownedByUs(info)) != 0 {
		return nil, fmt.Errorf("keyset %s may be read by others (mode %04o): chmod 600 %s", s.File, mode, s.File)
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	if s.KMS != "" {
		master, err := kms(s.KMS)
		if err != nil {
			return nil, err
		}
		h, err := keyset.Read(keyset.NewJSONReader(bytes.NewReader(data)), master)
		if err != nil {
			return nil, fmt.Errorf("keyset %s cannot be decrypted with %s: check that this is the key it was made with and that this machine may use it (%w)", s.File, s.KMS, err)
		}
		return h, nil
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		// The error may quote what it could not read, so it is not passed on.
		return nil, fmt.Errorf("keyset %s is not a keyset file in the clear (%d bytes): restore it from your backup, name the key that encrypts it in MLC_KEYSET_KMS, or %s", s.File, len(data), remedy)
	}
	return h, nil
}

// Ephemeral returns a keyset that lives in memory only, for demos and tests.
func Ephemeral() (*Keyset, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return fromHandle(h, Source{}, stamp{})
}

// KeyInfo describes a key without showing it.
type KeyInfo struct {
	ID      uint32 `json:"id"`
	Primary bool   `json:"seals"`
	Status  string `json:"status"`
}

// Keys lists the keys.
func (k *Keyset) Keys() []KeyInfo {
	k.mu.RLock()
	info := k.handle.KeysetInfo()
	k.mu.RUnlock()
	out := make([]KeyInfo, 0, len(info.GetKeyInfo()))
	for _, i := range info.GetKeyInfo() {
		out = append(out, KeyInfo{ID: i.GetKeyId(), Primary: i.GetKeyId() == info.GetPrimaryKeyId(), Status: i.GetStatus().String()})
	}
	return out
}

// Primary is the id of the key that seals.
func (k *Keyset) Primary() uint32 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.handle.KeysetInfo().GetPrimaryKeyId()
}

// Has reports whether a key is in the keyset.
func (k *Keyset) Has(id uint32) bool {
	for _, i := range k.Keys() {
		if i.ID == id {
			return true
		}
	}
	return false
}

// Add makes a new key that opens and does not seal yet. Distribute the file,
// then Promote.
func (k *Keyset) Add() (uint32, error) {
	var id uint32
	err := k.change(func(m *keyset.Manager) (err error) {
		id, err = m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	return id, err
}

// Promote makes a key the one that seals.
func (k *Keyset) Promote(id uint32) error {
	if err := k.known(id); err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(id) })
}

func (k *Keyset) known(id uint32) error {
	if !k.Has(id) {
		return fmt.Errorf("the keyset has no key %d: keys ls lists those that it has", id)
	}
	return nil
}

// Drop deletes a key; what it sealed can never be opened again. The key that
// seals cannot be dropped.
func (k *Keyset) Drop(id uint32) error {
	if err := k.known(id); err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error { return m.Delete(id) })
}

// change applies a change to the keyset and to its file, whole or not at all.
func (k *Keyset) change(f func(*keyset.Manager) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := keyset.NewManagerFromHandle(k.handle)
	if err := f(m); err != nil {
		return fmt.Errorf("change the keyset: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("change the keyset: %w", err)
	}
	next, err := fromHandle(h, k.source, stamp{})
	if err != nil {
		return err
	}
	if k.source.File != "" {
		b, err := next.encode()
		if err != nil {
			return err
		}
		if err := replace(k.source.File, b); err != nil {
			return err
		}
	}
	k.handle, k.aead, k.stamp = next.handle, next.aead, k.source.stamp()
	return nil
}

// replace puts a new file in place of another: a reader sees one of the two,
// and so does whoever comes after a crash.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the keyset beside %s: %w: a mounted secret cannot be changed in place; copy the file, rotate the copy with --file, and mount that", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write the keyset: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// reload reads the file again.
func (k *Keyset) reload() {
	if k.source.File == "" {
		return
	}
	next, err := Load(k.source)
	if err != nil {
		return // the keys at hand stay in force
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handle, k.aead, k.stamp = next.handle, next.aead, next.stamp
}

// Seal encrypts a value with the key that seals. It looks whether the file has
// changed first: a key that was replaced may be dropped soon.
func (k *Keyset) Seal(plain []byte, b Binding) ([]byte, error) {
	k.mu.RLock()
	a, known := k.aead, k.stamp
	k.mu.RUnlock()
	if now := k.source.stamp(); now != known {
		k.reload()
		k.mu.RLock()
		a = k.aead
		k.mu.RUnlock()
	}
	c, err := a.Encrypt(plain, b.associated(formatKeyset))
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", b.Field, b.Tenant, err)
	}
	return append([]byte{formatKeyset}, c...), nil
}

// Open decrypts what Seal made for the same binding; ErrWrongKey otherwise.
func (k *Keyset) Open(sealed []byte, b Binding) ([]byte, error) {
	id, ok := KeyID(sealed)
	if !ok {
		return nil, fmt.Errorf("open %s of %s: %w", b.Field, b.Tenant, ErrWrongKey)
	}
	if !k.Has(id) {
		k.reload()
	}
	k.mu.RLock()
	a := k.aead
	k.mu.RUnlock()
	p, err := a.Decrypt(sealed[1:], b.associated(formatKeyset))
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", b.Field, b.Tenant, ErrWrongKey)
	}
	return p, nil
}

// tinkPrefix is the first byte of Tink's own prefix, before the key id.
const tinkPrefix = 1

// KeyID is the id of the key of the keyset that sealed a value.
func KeyID(sealed []byte) (uint32, bool) {
	if len(sealed) < 6 || sealed[0] != formatKeyset || sealed[1] != tinkPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[2:6]), true
}
