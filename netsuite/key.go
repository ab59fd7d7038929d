package netsuite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ml-connector/ml-connector/secret"
)

// signer reads a private key and picks the algorithm that NetSuite takes for
// it: PS256 for RSA of 3072 or 4096 bits, ES256, ES384 or ES512 for P-256,
// P-384 or P-521 (contract 1.2, 1.5; RS256 ended on 2025-03-01). Its errors
// say what the text is instead, never what it holds.
func signer(text secret.String) (crypto.Signer, jwt.SigningMethod, error) {
	key, err := privateKey([]byte(text.Reveal()))
	if err != nil {
		return nil, nil, fmt.Errorf("netsuite: the private key %w", err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n != 3072 && n != 4096 {
			return nil, nil, fmt.Errorf("netsuite: the private key has %d bits: NetSuite takes RSA keys of 3072 or 4096, so make a new one and upload its certificate", n)
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
		return nil, nil, fmt.Errorf("netsuite: the private key is on the curve %s: NetSuite takes P-256, P-384 and P-521", k.Params().Name)
	}
	return nil, nil, fmt.Errorf("netsuite: the private key is of kind %T: NetSuite takes RSA and EC keys", key)
}

// privateKey reads the first private key of a PEM text. Parameters of a curve
// and certificates may stand before it, as openssl writes them.
func privateKey(text []byte) (any, error) {
	var instead string
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		switch {
		case strings.Contains(b.Type, "ENCRYPTED"), b.Headers["DEK-Info"] != "":
			return nil, errors.New("is encrypted: decrypt it with openssl pkey -in key.pem -out plain.pem")
		case b.Type == "RSA PRIVATE KEY":
			return parsed(x509.ParsePKCS1PrivateKey(b.Bytes))
		case b.Type == "EC PRIVATE KEY":
			return parsed(x509.ParseECPrivateKey(b.Bytes))
		case b.Type == "PRIVATE KEY":
			if pssOnly(b.Bytes) {
				return nil, errors.New("is bound to RSASSA-PSS: make it with openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072; signing with PSS needs no such binding")
			}
			return parsed(x509.ParsePKCS8PrivateKey(b.Bytes))
		case instead == "":
			instead = strings.ToLower(b.Type)
		}
	}
	if instead != "" {
		return nil, fmt.Errorf("is a %.40s: give the private key that belongs to it", instead)
	}
	return nil, errors.New("is not PEM: want the text from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----")
}

func parsed[K any](key K, err error) (any, error) {
	if err != nil {
		// The parser's words may quote the key.
		return nil, errors.New("cannot be read: want a plain RSA or EC key as PKCS#8, PKCS#1 or SEC1, not cut short")
	}
	return key, nil
}

// pssOnly recognises the key kind id-RSASSA-PSS (RFC 4055), which Go does not
// read.
func pssOnly(der []byte) bool {
	var k struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	_, err := asn1.Unmarshal(der, &k)
	return err == nil && k.Algorithm.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10})
}
