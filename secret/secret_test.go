package secret_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/secret"
)

const canary = "canary-5f2c9e"

// No printer shows a secret, alone or inside something else.
func TestStringIsNeverShown(t *testing.T) {
	s := secret.New(canary)
	holder := struct {
		Name string
		Key  secret.String
		Ptr  *secret.String
		List []secret.String
	}{"a", s, &s, []secret.String{s}}
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%10s"} {
		out = append(out, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	j, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var buf strings.Builder
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&buf), zap.DebugLevel))
	log.Info("x", zap.Any("a", holder), zap.Any("b", s), zap.Reflect("c", holder), zap.Stringer("d", s), zap.Error(fmt.Errorf("e: %v", s)))
	for _, text := range append(out, string(j), string(y), buf.String()) {
		if strings.Contains(text, canary) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", canary)) {
			t.Errorf("shown in %s", text)
		}
	}
	if !strings.Contains(string(j), "[redacted]") || s.Reveal() != canary {
		t.Errorf("got %s and %s", j, s.Reveal())
	}
	if secret.New("").String() != "" || !secret.New("").IsZero() {
		t.Error("nothing is shown as something")
	}
}

// A sealed value opens only in its own place, and only whole.
func TestSealedIsBoundToItsPlace(t *testing.T) {
	k, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	places := []secret.Binding{
		{Deployment: "d", Tenant: "acme", Field: "key", Version: 1}, {Deployment: "e", Tenant: "acme", Field: "key", Version: 1},
		{Deployment: "d", Tenant: "acm", Field: "ekey", Version: 1}, {Deployment: "d", Tenant: "acme", Field: "key", Version: 2},
		{Deployment: "d", Tenant: "beta", Field: "key", Version: 1}, {Deployment: "da", Tenant: "cme", Field: "key", Version: 1},
	}
	for i, from := range places {
		sealed, err := k.Seal([]byte(canary), from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(sealed), canary) {
			t.Fatal("sealed in the clear")
		}
		for j, to := range places {
			plain, err := k.Open(sealed, to)
			if i == j && (err != nil || string(plain) != canary) || i != j && !errors.Is(err, secret.ErrWrongKey) {
				t.Errorf("sealed for %+v, opened for %+v: %v", from, to, err)
			}
		}
		for n := range sealed {
			bad := append([]byte(nil), sealed...)
			bad[n] ^= 1
			if _, err := k.Open(bad, from); !errors.Is(err, secret.ErrWrongKey) {
				t.Fatalf("byte %d changed: %v", n, err)
			}
		}
	}
	if _, err := k.Open(nil, places[0]); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("nothing: %v", err)
	}
}

func TestKeysetFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyset.json")
	k, err := secret.Init(secret.Source{File: path})
	if err != nil {
		t.Fatal(err)
	}
	b := secret.Binding{Tenant: "acme", Field: "key", Version: 1}
	sealed, err := k.Seal([]byte(canary), b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.Load(secret.Source{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Open(sealed, b); err != nil || string(plain) != canary {
		t.Errorf("after loading: %q, %v", plain, err)
	}
	if keys := again.Keys(); len(keys) != 1 || !keys[0].Primary {
		t.Errorf("keys %+v", keys)
	}
	other, err := secret.Init(secret.Source{File: filepath.Join(dir, "other.json")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, b); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("another keyset: %v", err)
	}
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, path, want string
	}{
		{"missing", filepath.Join(dir, "none"), "keys init"},
		{"empty", write("empty", "", 0o600), "is not a keyset file in the clear (0 bytes)"},
		{"garbage", write("garbage", "{\"secret\":\""+canary+"\"}", 0o600), "is not a keyset file"},
		{"readable by others", write("open", string(data), 0o644), "chmod 600"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := secret.Load(secret.Source{File: c.path})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := secret.Init(secret.Source{File: path}); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("a second init: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	a := secret.Fingerprint("d", secret.New(canary))
	if a != secret.Fingerprint("d", secret.New(canary)) || a == secret.Fingerprint("e", secret.New(canary)) || a == secret.Fingerprint("d", secret.New("x")) || len(a) != 12 {
		t.Errorf("fingerprint %s", a)
	}
}
