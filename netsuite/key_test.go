package netsuite

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/secret"
)

func pemOf(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf(t, "PRIVATE KEY", der, err)
}

func ec(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSigner(t *testing.T) {
	t.Parallel()
	p256, r3072, r2048 := ec(t, elliptic.P256()), rsaKey(t, 3072), rsaKey(t, 2048)
	sec1, err := x509.MarshalECPrivateKey(p256)
	sec1PEM := pemOf(t, "EC PRIVATE KEY", sec1, err)
	public, err := x509.MarshalPKIXPublicKey(p256.Public())
	publicPEM := pemOf(t, "PUBLIC KEY", public, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}}, x509.MarshalPKCS1PrivateKey(r3072)})
	pssPEM := pemOf(t, "PRIVATE KEY", pss, err)
	pkcs1 := pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r3072), nil)
	certificate := pemOf(t, "CERTIFICATE", []byte{1, 2, 3}, nil)

	for _, c := range []struct{ name, text, alg, err string }{
		{"PKCS#8 RSA 3072", pkcs8(t, r3072), "PS256", ""},
		{"PKCS#1 RSA 3072", pkcs1, "PS256", ""},
		{"PKCS#8 P-256", pkcs8(t, p256), "ES256", ""},
		{"PKCS#8 P-384", pkcs8(t, ec(t, elliptic.P384())), "ES384", ""},
		{"PKCS#8 P-521", pkcs8(t, ec(t, elliptic.P521())), "ES512", ""},
		{"SEC1 P-256", sec1PEM, "ES256", ""},
		{"lines that end in CRLF", strings.ReplaceAll(pkcs8(t, p256), "\n", "\r\n"), "ES256", ""},
		{"text around it", "key of the integration\n\n" + pkcs8(t, p256) + "\nend\n", "ES256", ""},
		{"curve parameters first, as openssl writes", pemOf(t, "EC PARAMETERS", []byte{6, 1, 1}, nil) + sec1PEM, "ES256", ""},
		{"certificate first", certificate + pkcs8(t, p256), "ES256", ""},

		{"empty", "", "", "is not PEM: want the text from -----BEGIN"},
		{"base64 alone", "MIGHAgEAMBMGByqGSM49", "", "is not PEM"},
		{"RSA 2048", pkcs8(t, r2048), "", "has 2048 bits: NetSuite takes RSA keys of 3072 or 4096"},
		{"P-224", pkcs8(t, ec(t, elliptic.P224())), "", "is on the curve P-224"},
		{"Ed25519", pkcs8(t, ed), "", "is of kind ed25519.PrivateKey"},
		{"certificate", certificate, "", "is a certificate: give the private key that belongs to it"},
		{"public key", publicPEM, "", "is a public key: give the private key"},
		{"encrypted PKCS#8", pemOf(t, "ENCRYPTED PRIVATE KEY", []byte{1}, nil), "", "is encrypted: decrypt it with openssl"},
		{"encrypted as of old", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}})), "", "is encrypted"},
		{"bound to PSS", pssPEM, "", "is bound to RSASSA-PSS: make it with openssl genpkey -algorithm RSA"},
		{"damaged", pemOf(t, "PRIVATE KEY", []byte("no key"), nil), "", "cannot be read: want a plain RSA or EC key"},
		{"wrong label", pemOf(t, "RSA PRIVATE KEY", sec1, nil), "", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, method, err := signer(secret.New(c.text))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "netsuite: the private key ") {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || method.Alg() != c.alg || key == nil {
				t.Errorf("got %v, %v, want %s", method, err, c.alg)
			}
		})
	}
}
