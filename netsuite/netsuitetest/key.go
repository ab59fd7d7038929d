package netsuitetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// GenerateKey makes a key pair of a kind that NetSuite accepts (contract 1.5):
// rsa3072, rsa4096, p256, p384 or p521; and rsa2048, which it does not accept.
// The private key is PKCS#8 PEM. p256 takes under a millisecond, RSA seconds.
func GenerateKey(kind string) (pemPrivate []byte, pub crypto.PublicKey, err error) {
	var key crypto.Signer
	switch kind {
	case "rsa2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "rsa4096":
		key, err = rsa.GenerateKey(rand.Reader, 4096)
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	default:
		return nil, nil, fmt.Errorf("generate key of kind %q: want rsa3072, rsa4096, p256, p384 or p521", kind)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("generate key of kind %s: %w", kind, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode key of kind %s: %w", kind, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), key.Public(), nil
}
