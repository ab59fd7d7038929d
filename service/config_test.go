package service_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
)

func file(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "mlc.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoad(t *testing.T) {
	c, err := service.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.PublicAddr != ":8080" || c.OpsAddr != ":9090" || strings.Join(c.Roles, ",") != "api,worker" || c.LaneConcurrency != 32 || c.MaxBodyBytes != 262144 ||
		c.SettleSeconds != 180 || c.ShutdownGraceSeconds != 25 || c.TrustedProxies != "0" || c.LogFormat != "json" || c.AllowPrivateEndpoints {
		t.Errorf("defaults: %+v", c)
	}
	path := file(t, "public_addr: \":1\"\nroles: [api]\nredis_url: redis://:hidden@r:6379\nlane_concurrency: 7\n")
	c, err = service.Load(path, []string{"MLC_PUBLIC_ADDR=:2", "HOME=/x", "MLC_LOG_LEVEL="})
	if err != nil || c.PublicAddr != ":2" || c.LaneConcurrency != 7 || strings.Join(c.Roles, ",") != "api" || c.LogLevel != "info" {
		t.Errorf("file and environment: %+v, %v", c, err)
	}
	for _, s := range c.Show() {
		want := map[string]string{"MLC_PUBLIC_ADDR": "environment", "MLC_ROLES": path, "MLC_OPS_ADDR": "default", "MLC_REDIS_URL": path}[s.Name]
		if want != "" && s.Origin != want || strings.Contains(s.Value, "hidden") || s.Help == "" {
			t.Errorf("%+v, want from %s", s, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	cases := []struct {
		name, file, env, want string
	}{
		{"unknown variable", "", "MLC_PUBLIC_ADR=:1", "did you mean public_addr (MLC_PUBLIC_ADDR)?"},
		{"unknown key", "public_adr: \":1\"", "", "did you mean public_addr"},
		{"role", "", "MLC_ROLES=api,janitor", `MLC_ROLES: "janitor"`},
		{"address", "", "MLC_PUBLIC_ADDR=8080", "MLC_PUBLIC_ADDR: \"8080\": want host:port"},
		{"proxies", "", "MLC_TRUSTED_PROXIES=all", "MLC_TRUSTED_PROXIES"},
		{"not a number", "", "MLC_LANE_CONCURRENCY=many", `MLC_LANE_CONCURRENCY: "many" cannot be read: want a whole number`},
		{"number out of range", "", "MLC_LANE_CONCURRENCY=0", "MLC_LANE_CONCURRENCY: 0: want 1 to 10000"},
		{"not a yes or no", "", "MLC_ALLOW_PRIVATE_ENDPOINTS=maybe", "want true or false"},
		{"level", "", "MLC_LOG_LEVEL=loud", "MLC_LOG_LEVEL"},
		{"format", "", "MLC_LOG_FORMAT=xml", "want json or console"},
		{"body", "", "MLC_MAX_BODY_BYTES=1", "MLC_MAX_BODY_BYTES: 1"},
		{"settle", "", "MLC_SETTLE_SECONDS=0", "MLC_SETTLE_SECONDS"},
		{"grace", "", "MLC_SHUTDOWN_GRACE_SECONDS=9999", "MLC_SHUTDOWN_GRACE_SECONDS"},
		{"identity provider by halves", "", "MLC_OIDC_CLIENT_ID=x", "MLC_OIDC_CLIENT_ID: is set and MLC_OIDC_ISSUER is not"},
		{"identity provider without TLS", "", "MLC_OIDC_ISSUER=http://idp.example", `the issuer "http://idp.example": want https`},
		{"identity provider that lets nobody in", "", "MLC_OIDC_ISSUER=https://idp.example", "no roles: nobody could come in"},
		{"a role that is none", "oidc_issuer: https://idp.example\n", "MLC_OIDC_ROLES=boss=x", `MLC_OIDC_ROLES: "boss=x"`},
		{"redis scheme", "", "MLC_REDIS_URL=http://:hidden@r", "MLC_REDIS_URL: want redis://"},
		{"redis path", "", "MLC_REDIS_URL=redis://:hidden@r:1/notanumber", "MLC_REDIS_URL"},
		{"cluster with a database", "", "MLC_REDIS_URL=redis://:hidden@r:1/2?addr=s:1", "leave the path out"},
		{"not YAML", "a: [", "", "configuration"},
		{"two documents", "log_level: info\n---\nlog_level: debug\n", "", "more than one YAML document"},
		{"YAML without a bottom", "redis_url: " + strings.Repeat("[", 200_000), "", "nested deeper than 32"},
		{"a token in the KMS", "", "MLC_KEYSET_KMS=hcvault://hidden@vault.example/transit/keys/k", "MLC_KEYSET_KMS: want a URI"},
		{"a token in the KMS's query", "", "MLC_KEYSET_KMS=hcvault://vault.example/transit/keys/k?token=hidden", "MLC_KEYSET_KMS: want a URI"},
		{"a KMS that is no URI", "", "MLC_KEYSET_KMS=hidden", "MLC_KEYSET_KMS: want a URI"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = file(t, c.file)
			}
			_, err := service.Load(path, []string{c.env})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	_, err := service.Load("", []string{"MLC_LOG_FORMAT=xml", "MLC_ROLES=x", "MLC_SETTLE_SECONDS=0"})
	if err == nil || strings.Count(err.Error(), "MLC_") != 3 {
		t.Errorf("three mistakes: got %v", err)
	}
}

// A start that cannot work ends in one clear message.
func TestRunRefuses(t *testing.T) {
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	evicting := redistest.Server(t, "--maxmemory-policy", "allkeys-lru")
	good := redistest.Server(t)
	cases := []struct {
		name string
		env  []string
		o    service.Options
		want string
	}{
		{"no Redis named", nil, service.Options{Keyset: ks}, "go run ./cmd/demo"},
		{"no keyset named", []string{"MLC_REDIS_URL=redis://127.0.0.1:1"}, service.Options{}, "keys init"},
		{"Redis away", []string{"MLC_REDIS_URL=redis://:hidden@127.0.0.1:1"}, service.Options{Keyset: ks}, "Redis does not answer"},
		{"Redis evicts", nil, service.Options{Keyset: ks, Redis: evicting}, "set maxmemory-policy noeviction"},
		{"port taken", []string{"MLC_PUBLIC_ADDR=" + taken.Addr().String()}, service.Options{Keyset: ks, Redis: good}, "MLC_PUBLIC_ADDR"},
		{"no such token file", []string{"MLC_OPS_TOKENS_FILE=/none"}, service.Options{Keyset: ks, Redis: good}, "MLC_OPS_TOKENS_FILE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conf, err := service.Load("", append([]string{"MLC_OPS_ADDR=127.0.0.1:0"}, c.env...))
			if err != nil {
				t.Fatal(err)
			}
			c.o.Log = zap.NewNop()
			err = service.Run(t.Context(), conf, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.name == "no Redis named" && !errors.Is(err, service.ErrNoRedis) {
				t.Errorf("got %v", err)
			}
		})
	}
}
