package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) netsuiteCommand() *cobra.Command {
	return group("netsuite", "What NetSuite needs for its set-up", a.netsuiteKeygen())
}

// maxValidity is the longest that NetSuite lets a certificate last; a longer
// one it shortens without a word (contract 1.5).
const maxValidity = 730

func (a *app) netsuiteKeygen() *cobra.Command {
	var dir, kind string
	var days int
	c := &cobra.Command{
		Use: "keygen", Short: "Make the key and the certificate of the machine-to-machine login", Args: exactArgs(0),
		Long: `Makes netsuite-key.pem, which the tenant file names in private_key_file, and
netsuite-cert.pem, which is uploaded under Setup > Integration > OAuth 2.0
Client Credentials (M2M) Setup. docs/netsuite-setup.md has every step.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > maxValidity {
				return usageError{fmt.Errorf("--days %d: want 1 to %d, which is the longest that NetSuite takes", days, maxValidity)}
			}
			key, err := newKey(kind)
			if err != nil {
				return err
			}
			keyPEM, certPEM, end, err := certified(key, days, time.Now())
			if err != nil {
				return err
			}
			keyFile, certFile := filepath.Join(dir, "netsuite-key.pem"), filepath.Join(dir, "netsuite-cert.pem")
			if err := create(keyFile, keyPEM, 0o600); err != nil {
				return err
			}
			if err := create(certFile, certPEM, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s made: keep it secret, it goes into the tenant file\n%s made: upload it in NetSuite; it ends %s\n", keyFile, certFile, end.Format(time.DateOnly))
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", ".", "where the two files are put")
	c.Flags().StringVar(&kind, "type", "p256", "p256, p384, p521, rsa3072 or rsa4096")
	c.Flags().IntVar(&days, "days", maxValidity, "how long the certificate lasts")
	return c
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "rsa3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "rsa4096":
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, usageError{fmt.Errorf("--type %q: want p256, p384, p521, rsa3072 or rsa4096", kind)}
}

// certified makes the PEM texts of a key and of its self-signed certificate.
func certified(key crypto.Signer, days int, now time.Time) (keyPEM, certPEM []byte, end time.Time, err error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, end, fmt.Errorf("number the certificate: %w", err)
	}
	end = now.AddDate(0, 0, days)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "ml-connector"}, NotBefore: now.Add(-time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, end, fmt.Errorf("make the certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, end, fmt.Errorf("encode the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), end, nil
}

// create writes a file that must not be there yet.
func create(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // the operator names the place
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: move it away first, NetSuite may still need it", path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
