package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"
	"github.com/tink-crypto/tink-go-gcpkms/v2/integration/gcpkms"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/api/option"
)

// This file is laid over cmd/ml-connector by kms/overlay.json: `make kms`
// builds the binary that has the clients of three KMS. The default one does
// without their libraries; docs/keys.md.

func init() {
	for scheme, open := range map[string]func(uri string) (registry.KMSClient, error){
		"aws-kms://": func(uri string) (registry.KMSClient, error) { // it takes the region from the URI
			return awskms.NewClientWithOptions(context.Background(), uri)
		},
		"gcp-kms://": google(),
		"hcvault://": vault,
	} {
		registry.RegisterKMSClient(late{scheme, open})
	}
}

// late opens its client when a key is asked for: credentials are looked for
// only in the KMS that the URI names.
type late struct {
	scheme string
	open   func(uri string) (registry.KMSClient, error)
}

func (l late) Supported(uri string) bool { return strings.HasPrefix(uri, l.scheme) }

func (l late) GetAEAD(uri string) (tink.AEAD, error) {
	c, err := l.open(uri)
	if err != nil {
		return nil, err
	}
	return c.GetAEAD(uri)
}

// google finds its credentials as all of Google's clients do. It speaks HTTP
// and JSON: a keyset is read once, gRPC would gain nothing.
func google(opts ...option.ClientOption) func(string) (registry.KMSClient, error) {
	return func(string) (registry.KMSClient, error) {
		return gcpkms.NewClient(context.Background(), "gcp-kms://", gcpkms.WithTransport(gcpkms.TransportREST), gcpkms.WithGoogleAPIClientOptions(opts...))
	}
}

// vault takes token, authority and namespace from the variables of Vault's own
// client (VAULT_TOKEN, VAULT_CACERT, VAULT_NAMESPACE), the address from the
// URI.
func vault(uri string) (registry.KMSClient, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return nil, errors.New("want hcvault://HOST:PORT/transit/keys/NAME")
	}
	conf := api.DefaultConfig()
	if conf.Error != nil {
		return nil, fmt.Errorf("VAULT_ variables: %w", conf.Error)
	}
	conf.Address = "https://" + u.Host
	c, err := api.NewClient(conf)
	if err != nil {
		return nil, err
	}
	if c.Token() == "" {
		return nil, errors.New("VAULT_TOKEN is not set: give it a token that may encrypt and decrypt with this transit key")
	}
	return hcvault.NewClientWithAEADOptions("hcvault://"+u.Host, c.Logical())
}
