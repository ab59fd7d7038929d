package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sign signs SHA256SUMS with the publisher's Ed25519 key and writes the
// signature beside it, for
//
//	openssl pkeyutl -verify -pubin -inkey release.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
//
// The key is made with openssl genpkey -algorithm ed25519, its public half
// with openssl pkey -pubout.
func sign(dir, keyFile string) error {
	text, err := os.ReadFile(keyFile) //nolint:gosec // the publisher names the file
	if err != nil {
		return fmt.Errorf("read the signing key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("the signing key is not PEM: make one with openssl genpkey -algorithm ed25519")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return errors.New("the signing key is no Ed25519 key in PKCS#8: make one with openssl genpkey -algorithm ed25519")
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS")) //nolint:gosec // written just now
	if err != nil {
		return fmt.Errorf("read what is to be signed: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS.sig"), ed25519.Sign(key, sums), 0o644); err != nil { //nolint:gosec // it is to be read by everybody
		return fmt.Errorf("write the signature: %w", err)
	}
	return nil
}
