package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ml-connector/ml-connector/secret"
)

// signer reads a private key and picks the algorithm that NetSuite takes for
// it: PS256 for RSA of 3072 or 4096 bits, ES256, ES384 or ES512 for P-256,
// P-384 or P-521 (contract 1.2, 1.5; RS256 ended on 2025-03-01).
func signer(text secret.String) (crypto.Signer, jwt.SigningMethod, error) {
	b, _ := pem.Decode([]byte(text.Reveal()))
	if b == nil {
		return nil, nil, errors.New("netsuite: the private key is not PEM: want the text from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----")
	}
	if strings.Contains(b.Type, "CERTIFICATE") || strings.Contains(b.Type, "PUBLIC") {
		return nil, nil, fmt.Errorf("netsuite: the private key is a %s: give the private key that belongs to it", strings.ToLower(b.Type))
	}
	if strings.Contains(b.Type, "ENCRYPTED") || b.Headers["DEK-Info"] != "" {
		return nil, nil, errors.New("netsuite: the private key is encrypted: decrypt it with openssl pkey -in key.pem -out plain.pem")
	}
	var key any
	var err error
	switch b.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	}
	if err != nil {
		return nil, nil, errors.New("netsuite: the private key cannot be read: want PKCS#8, PKCS#1 or SEC1 PEM of a plain RSA or EC key")
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n != 3072 && n != 4096 {
			return nil, nil, fmt.Errorf("netsuite: the private key has %d bits: NetSuite takes RSA keys of 3072 or 4096", n)
		}
		return k, jwt.SigningMethodPS256, nil
	case *ecdsa.PrivateKey:
		switch k.Curve {
		case elliptic.P256():
			return k, jwt.SigningMethodES256, nil
		case elliptic.P384():
			return k, jwt.SigningMethodES384, nil
		case elliptic.P521():
			return k, jwt.SigningMethodES512, nil
		}
		return nil, nil, fmt.Errorf("netsuite: the private key is on %s: NetSuite takes P-256, P-384 and P-521", k.Params().Name)
	}
	return nil, nil, fmt.Errorf("netsuite: the private key is of kind %T: NetSuite takes RSA and EC keys", key)
}
