package service

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// TestWeak: what people make up is told, what a machine draws never is.
func TestWeak(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("a", 40), strings.Repeat("ab", 20), "secret_secret_secret_secret_secret_", strings.Repeat("demo-secret_", 3),
		strings.Repeat("0123456789", 4), strings.Repeat("correct-horse-", 4), "12341234123412341234123412341234",
	} {
		if !weak(s) {
			t.Errorf("%q is not called weak", s)
		}
	}
	b := make([]byte, 128)
	for range 20_000 {
		_, _ = rand.Read(b)
		for _, s := range []string{hex.EncodeToString(b[:16]), hex.EncodeToString(b[:32]), hex.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b[:32])} {
			if weak(s) {
				t.Fatalf("%q is called weak", s)
			}
		}
	}
}
