package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The signature is good for the sums and for no others, and openssl, where it
// is installed, says the same of it.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write8 := func(name string, key any) {
		t.Helper()
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	write8("release.key", key)
	write8("other.key", other)
	write("release.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	sums := []byte(strings.Repeat("0", 64) + "  ml-connector-linux-amd64\n")
	write("SHA256SUMS", sums)
	if err := sign(dir, filepath.Join(dir, "release.key")); err != nil {
		t.Fatal(err)
	}
	sig, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS.sig"))
	if err != nil {
		t.Fatal(err)
	}
	changed := append([]byte("1"), sums[1:]...)
	if !ed25519.Verify(pub, sums, sig) || ed25519.Verify(pub, changed, sig) {
		t.Error("the signature is not of the sums")
	}
	if _, err := exec.LookPath("openssl"); err == nil {
		verify := func() error {
			cmd := exec.CommandContext(t.Context(), "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "release.pub", "-rawin", "-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.sig")
			cmd.Dir = dir
			return cmd.Run()
		}
		if err := verify(); err != nil {
			t.Errorf("openssl refuses a good signature: %v", err)
		}
		write("SHA256SUMS", changed)
		if verify() == nil {
			t.Error("openssl takes changed sums")
		}
	}
	for _, bad := range []string{"other.key", "SHA256SUMS", "nowhere"} {
		if err := sign(dir, filepath.Join(dir, bad)); err == nil {
			t.Errorf("signed with %s", bad)
		}
	}
}
