package secret_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/secret"
)

// Every swap of a ciphertext between tenants, fields, versions and deployments
// is refused, and so is every changed bit, of values and of data keys.
func TestSwapsAndFlips(t *testing.T) {
	k, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	type sealed struct {
		b           secret.Binding
		key, wrap   []byte
		wrapBinding secret.Binding
	}
	var all []sealed
	for _, dep := range []string{"d1", "d2"} {
		for _, tn := range []string{"acme", "acm", "beta"} {
			for v := range int64(3) {
				place := secret.Binding{Deployment: dep, Tenant: tn, Field: "data_key", Version: v + 1}
				d, wrap, err := k.NewDataKey(place)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range []string{"netsuite.private_key", "cin7.application_key", "webhook.secrets"} {
					b := place
					b.Field = f
					value, err := d.Seal([]byte(canary), b)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, sealed{b, value, wrap, place})
				}
			}
		}
	}
	swaps := 0
	for i, from := range all {
		for j, to := range all {
			// The value of one place in another, with its own data key and with
			// that of the other place.
			for _, wrap := range [][]byte{from.wrap, to.wrap} {
				d, err := k.OpenDataKey(wrap, to.wrapBinding)
				if err == nil {
					_, err = d.Open(from.key, to.b)
				}
				if i == j && err != nil || i != j && !errors.Is(err, secret.ErrWrongKey) {
					t.Fatalf("%+v in %+v: %v", from.b, to.b, err)
				}
				if i != j {
					swaps++
				}
			}
		}
	}
	flips := 0
	flip := func(what string, sealed []byte, open func([]byte) error) {
		t.Helper()
		for n := range sealed {
			for bit := range 8 {
				bad := append([]byte(nil), sealed...)
				bad[n] ^= 1 << bit
				if err := open(bad); !errors.Is(err, secret.ErrWrongKey) {
					t.Fatalf("bit %d of byte %d of %s: %v", bit, n, what, err)
				}
				flips++
			}
		}
	}
	for _, s := range all {
		d, err := k.OpenDataKey(s.wrap, s.wrapBinding)
		if err != nil {
			t.Fatal(err)
		}
		flip("a value", s.key, func(bad []byte) error { _, err := d.Open(bad, s.b); return err })
		flip("a data key", s.wrap, func(bad []byte) error { _, err := k.OpenDataKey(bad, s.wrapBinding); return err })
	}
	soak.Figure(t, "swapped ciphertexts opened", "%d places (2 deployments x 3 tenants x 3 fields x 3 versions), each in each other with either data key: %s", len(all), soak.NoneOf(swaps))
	soak.Figure(t, "flipped bits opened", "each bit of %d values and their data keys: %s", len(all), soak.NoneOf(flips))
}

// A process that has a keyset open learns of a rotation in its file.
func TestKeysetLearnsOfARotation(t *testing.T) {
	s := secret.Source{File: filepath.Join(t.TempDir(), "keyset.json")}
	mine, err := secret.Init(s)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := secret.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	b := secret.Binding{Tenant: "acme", Field: "key", Version: 1}
	old, err := mine.Seal([]byte(canary), b)
	if err != nil {
		t.Fatal(err)
	}
	first := mine.Primary()
	id, err := theirs.Add()
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Primary() != first {
		t.Error("a key that was only added seals")
	}
	if err := theirs.Promote(id); err != nil {
		t.Fatal(err)
	}
	fresh, err := theirs.Seal([]byte(canary), b)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := secret.KeyID(fresh); got != id {
		t.Errorf("sealed with %d, want %d", got, id)
	}
	if plain, err := mine.Open(fresh, b); err != nil || string(plain) != canary {
		t.Errorf("a value sealed with a key that came later: %v", err)
	}
	if plain, err := mine.Open(old, b); err != nil || string(plain) != canary {
		t.Errorf("a value of before: %v", err)
	}
	again, err := mine.Seal([]byte(canary), b)
	if got, _ := secret.KeyID(again); got != id || err != nil {
		t.Errorf("after a rotation it seals with %d, want %d: %v", got, id, err)
	}
	if err := theirs.Drop(id); err == nil {
		t.Error("the key that seals was dropped")
	}
	if err := theirs.Drop(first); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{theirs.Drop(first), theirs.Promote(first)} {
		if err == nil || !strings.Contains(err.Error(), "keys ls") {
			t.Errorf("a key that is not there: got %v", err)
		}
	}
	if _, err := theirs.Open(old, b); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("with a dropped key: %v", err)
	}
	if info, err := os.Stat(s.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(s.File))
	if err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Seal looks at the file first: a key that is about to be dropped must not
// seal anything more.
func TestSealTakesTheNewKey(t *testing.T) {
	s := secret.Source{File: filepath.Join(t.TempDir(), "keyset.json")}
	mine, err := secret.Init(s)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := secret.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	id, err := theirs.Add()
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.Promote(id); err != nil {
		t.Fatal(err)
	}
	sealed, err := mine.Seal([]byte(canary), secret.Binding{})
	if got, _ := secret.KeyID(sealed); got != id || err != nil {
		t.Errorf("sealed with %d, want %d: %v", got, id, err)
	}
}

func TestKeysetOfAKMS(t *testing.T) {
	_, err := secret.Init(secret.Source{File: filepath.Join(t.TempDir(), "k"), KMS: "aws-kms://arn:aws:kms:eu-west-1:1:key/x"})
	if err == nil || !strings.Contains(err.Error(), "no client for aws-kms") {
		t.Errorf("got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	k, err := secret.Ephemeral()
	if err != nil {
		f.Fatal(err)
	}
	b := secret.Binding{Deployment: "d", Tenant: "t", Field: "f", Version: 1}
	d, wrap, err := k.NewDataKey(b)
	if err != nil {
		f.Fatal(err)
	}
	value, err := d.Seal([]byte(canary), b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wrap)
	f.Add(value)
	f.Add([]byte{2, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		if p, err := k.Open(in, b); err == nil && fmt.Sprintf("%x", in) != fmt.Sprintf("%x", wrap) {
			t.Fatalf("%x opened: %x", in, p)
		}
		if p, err := d.Open(in, b); err == nil && fmt.Sprintf("%x", in) != fmt.Sprintf("%x", value) {
			t.Fatalf("%x opened: %x", in, p)
		}
	})
}

// A keyset file is read or refused, and an error shows nothing of it.
func FuzzKeysetFile(f *testing.F) {
	dir := f.TempDir()
	src := secret.Source{File: filepath.Join(dir, "good.json")}
	if _, err := secret.Init(src); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(src.File)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(strings.Replace(string(good), "ENABLED", "DISABLED", 1)))
	f.Add([]byte(strings.Replace(string(good), "primaryKeyId", "primarykeyid", 1)))
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"primaryKeyId":1,"key":[]}`))
	f.Add([]byte(`{"primaryKeyId":1,"key":[{"keyData":null,"status":"ENABLED","keyId":1}]}`))
	f.Add([]byte(`{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey","value":"GhA=","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := secret.Load(secret.Source{File: file})
		if err != nil {
			for _, word := range strings.FieldsFunc(string(data), func(r rune) bool { return strings.ContainsRune(` "{}[],:`, r) }) {
				// A word with dots names a kind of key, which is no secret.
				if len(word) >= 24 && !strings.Contains(word, ".") && !strings.Contains(file, word) && strings.Contains(err.Error(), word) {
					t.Errorf("the error shows %q: %v", word, err)
				}
			}
			return
		}
		b := secret.Binding{Deployment: "d", Tenant: "t", Field: "f", Version: 1}
		sealed, err := k.Seal([]byte(canary), b)
		if err != nil {
			t.Fatalf("a keyset that was taken does not seal: %v", err)
		}
		if p, err := k.Open(sealed, b); err != nil || string(p) != canary {
			t.Fatalf("and does not open: %v", err)
		}
	})
}
