package netsuite

import (
	"crypto"

	"github.com/ml-connector/ml-connector/secret"
)

// PublicKey is the public part of a private key, to compare a certificate
// with; nil when the key cannot be read.
func PublicKey(text secret.String) crypto.PublicKey {
	k, _, err := signer(text)
	if err != nil {
		return nil
	}
	return k.Public()
}
