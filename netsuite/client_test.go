package netsuite

import (
	"fmt"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*Config)
		want string
	}{
		{"account id with a dot", func(c *Config) { c.AccountID = "evil.example/" }, "account id"},
		{"no account id", func(c *Config) { c.AccountID = "" }, "account id"},
		{"base URL with a path", func(c *Config) { c.BaseURL = "https://x.example/services" }, "base URL"},
		{"base URL with a user", func(c *Config) { c.BaseURL = "https://u:p@x.example" }, "base URL"},
		{"base URL of another scheme", func(c *Config) { c.BaseURL = "ftp://x.example" }, "base URL"},
		{"no client id", func(c *Config) { c.ClientID = "" }, "client id and certificate id are needed"},
		{"no certificate id", func(c *Config) { c.CertificateID = "" }, "client id and certificate id are needed"},
		{"negative concurrency", func(c *Config) { c.MaxConcurrency = -1 }, "want numbers above 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good, _ := dial(t, &upstream{})
			cfg := good.c
			cfg.BaseURL = ""
			c.edit(&cfg)
			_, err := New(cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(fmt.Sprint(err), "u:p") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
