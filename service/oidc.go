package service

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console/idp"
	"github.com/ml-connector/ml-connector/secret"
)

// checkOIDC finds what cannot be of the identity provider's settings.
func (c *Config) checkOIDC(add func(key, format string, args ...any)) {
	if c.OIDCIssuer == "" {
		for key, v := range map[string]string{"oidc_client_id": c.OIDCClientID, "oidc_client_secret_file": c.OIDCClientSecretFile, "oidc_redirect_url": c.OIDCRedirectURL, "oidc_roles": c.OIDCRoles} {
			if v != "" {
				add(key, "is set and MLC_OIDC_ISSUER is not: name the identity provider, or leave both out")
			}
		}
		return
	}
	roles, err := idp.ParseRoles(c.OIDCRoles)
	if err != nil {
		add("oidc_roles", "%v", err)
		return
	}
	if err := c.identity(roles, secret.String{}).Check(); err != nil {
		add("oidc_issuer", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func (c *Config) identity(roles map[string]api.Role, clientSecret secret.String) idp.Settings {
	return idp.Settings{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: clientSecret, RedirectURL: c.OIDCRedirectURL, Scopes: c.OIDCScopes, Claim: c.OIDCClaim, Roles: roles}
}

// identityProvider is who signs people in at the console besides tokens; nil
// when none is set.
func identityProvider(c Config) (*idp.Provider, error) {
	if c.OIDCIssuer == "" {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	var clientSecret secret.String
	if c.OIDCClientSecretFile != "" {
		b, err := os.ReadFile(c.OIDCClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("MLC_OIDC_CLIENT_SECRET_FILE: %w", err)
		}
		clientSecret = secret.New(strings.TrimSpace(string(b)))
	}
	roles, err := idp.ParseRoles(c.OIDCRoles)
	if err != nil {
		return nil, fmt.Errorf("MLC_OIDC_ROLES: %w", err)
	}
	return idp.New(c.identity(roles, clientSecret), time.Now)
}
