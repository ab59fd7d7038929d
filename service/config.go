// Package service is the wiring: configuration, and Run, which builds the
// rooms, joins them and serves until it is told to stop.
package service

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap/zapcore"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/internal/strictyaml"
	"github.com/ml-connector/ml-connector/secret"
)

// Config is everything that can be set from outside. Each key is an
// environment variable MLC_<NAME> and a YAML key <name>; the environment wins.
type Config struct {
	Roles                 []string      `env:"ROLES" yaml:"roles" envDefault:"api,worker" help:"api, worker or both"`
	PublicAddr            string        `env:"PUBLIC_ADDR" yaml:"public_addr" envDefault:":8080" help:"listener for webhooks, the only one an ingress may reach"`
	PublicURL             string        `env:"PUBLIC_URL" yaml:"public_url" help:"https://host under which NetSuite reaches the public listener; the doctor tries it"`
	OpsAddr               string        `env:"OPS_ADDR" yaml:"ops_addr" envDefault:":9090" help:"listener for probes, metrics and /api/v1"`
	OpsTokensFile         string        `env:"OPS_TOKENS_FILE" yaml:"ops_tokens_file" help:"lines: role token-sha256; without it /api/v1 answers loopback only"`
	OIDCIssuer            string        `env:"OIDC_ISSUER" yaml:"oidc_issuer" help:"identity provider whose people may use the console; without it, tokens alone"`
	OIDCClientID          string        `env:"OIDC_CLIENT_ID" yaml:"oidc_client_id" help:"the console at the identity provider"`
	OIDCClientSecretFile  string        `env:"OIDC_CLIENT_SECRET_FILE" yaml:"oidc_client_secret_file" help:"its secret there; without it a public client"`
	OIDCRedirectURL       string        `env:"OIDC_REDIRECT_URL" yaml:"oidc_redirect_url" help:"https://<console's host>/console/idp/callback"`
	OIDCScopes            []string      `env:"OIDC_SCOPES" yaml:"oidc_scopes" envDefault:"profile,email" help:"asked for besides openid"`
	OIDCClaim             string        `env:"OIDC_CLAIM" yaml:"oidc_claim" envDefault:"groups" help:"claim of the ID token that gives the role; a path with dots"`
	OIDCRoles             string        `env:"OIDC_ROLES" yaml:"oidc_roles" help:"role=value of the claim, with commas: owner=ap-leads,viewer=finance"`
	RedisURL              secret.String `env:"REDIS_URL" yaml:"redis_url" help:"redis:// or rediss://; more hosts by ?addr=host:port"`
	RedisSentinelMaster   string        `env:"REDIS_SENTINEL_MASTER" yaml:"redis_sentinel_master" help:"makes the hosts of the URL sentinels of this master"`
	KeysetFile            string        `env:"KEYSET_FILE" yaml:"keyset_file" help:"keyset that seals credentials (ml-connector keys init)"`
	KeysetKMS             string        `env:"KEYSET_KMS" yaml:"keyset_kms" help:"URI of the KMS key that the keyset file is encrypted with; needs a binary built for it"`
	TrustedProxies        string        `env:"TRUSTED_PROXIES" yaml:"trusted_proxies" envDefault:"0" help:"how many proxies stand in front, or their CIDRs"`
	LaneConcurrency       int           `env:"LANE_CONCURRENCY" yaml:"lane_concurrency" envDefault:"32" help:"lanes one process holds at once"`
	LogLevel              string        `env:"LOG_LEVEL" yaml:"log_level" envDefault:"info" help:"debug, info, warn or error"`
	LogFormat             string        `env:"LOG_FORMAT" yaml:"log_format" envDefault:"json" help:"json, or console for people"`
	TenantMetrics         bool          `env:"TENANT_METRICS" yaml:"tenant_metrics" envDefault:"true" help:"metrics with a tenant label; false for more than some thousand tenants"`
	MaxBodyBytes          int64         `env:"MAX_BODY_BYTES" yaml:"max_body_bytes" envDefault:"262144" help:"limit of a webhook's body"`
	AllowPrivateEndpoints bool          `env:"ALLOW_PRIVATE_ENDPOINTS" yaml:"allow_private_endpoints" envDefault:"false" help:"lets base_url name private addresses: simulators only"`
	SettleSeconds         int           `env:"SETTLE_SECONDS" yaml:"settle_seconds" envDefault:"180" help:"how long after an uncertain write its look-up may be believed"`
	DrainSeconds          int           `env:"DRAIN_SECONDS" yaml:"drain_seconds" envDefault:"5" help:"how long posts are still taken after a stop was asked for, until every proxy knows"`
	LeaseSeconds          int           `env:"LEASE_SECONDS" yaml:"lease_seconds" envDefault:"30" help:"how long a lane stays with a process that has gone silent"`
	ShutdownGraceSeconds  int           `env:"SHUTDOWN_GRACE_SECONDS" yaml:"shutdown_grace_seconds" envDefault:"25" help:"time to finish the calls in hand at a stop"`

	trust  allowlist.Trust
	origin map[string]string // key -> default, file or environment
}

// prefix of the environment variables.
const prefix = "MLC_"

// Load reads the configuration: defaults, then the YAML file if one is named,
// then the environment (os.Environ form). Everything that is wrong is
// reported at once, each line naming the key, the value and the remedy.
func Load(file string, environ []string) (Config, error) {
	c := Config{origin: map[string]string{}}
	vars := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, prefix) {
			vars[k] = v
		}
	}
	// Defaults first, from an empty environment; the file over them; then only
	// what the environment sets.
	if err := env.ParseWithOptions(&c, env.Options{Prefix: prefix, Environment: map[string]string{}}); err != nil {
		return Config{}, fmt.Errorf("defaults: %w", err)
	}
	for _, k := range keys() {
		c.origin[k] = "default"
	}
	if file != "" {
		if err := c.readFile(file); err != nil {
			return Config{}, err
		}
	}
	if err := unknownVariables(vars); err != nil {
		return Config{}, err
	}
	if err := c.readEnv(vars); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

func (c *Config) readFile(file string) error {
	data, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := strictyaml.Decode(data, c); err != nil && !errors.Is(err, io.EOF) {
		first := err.Error()
		if i := strings.Index(first, `unknown field "`); i >= 0 {
			key := strings.SplitN(first[i+len(`unknown field "`):], `"`, 2)[0]
			first += nearest(key, keys())
		}
		return fmt.Errorf("configuration %s: %s", file, first)
	}
	var set map[string]any
	if err := yaml.Unmarshal(data, &set); err == nil {
		for k := range set {
			c.origin[k] = file
		}
	}
	return nil
}

// readEnv sets what the environment names; the library would put defaults
// over what the file said.
func (c *Config) readEnv(vars map[string]string) error {
	over := Config{}
	err := env.ParseWithOptions(&over, env.Options{Prefix: prefix, Environment: vars})
	var agg env.AggregateError
	if errors.As(err, &agg) {
		var lines []string
		for _, e := range agg.Errors {
			var pe env.ParseError
			if f, ok := reflect.TypeFor[Config]().FieldByName(parseField(e, &pe)); ok {
				lines = append(lines, fmt.Sprintf("%s%s: %q cannot be read: want %s", prefix, f.Tag.Get("env"), vars[prefix+f.Tag.Get("env")], kindName(f.Type)))
				continue
			}
			lines = append(lines, e.Error())
		}
		return fmt.Errorf("configuration:\n%s", strings.Join(lines, "\n"))
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	dst, src := reflect.ValueOf(c).Elem(), reflect.ValueOf(over)
	for i := range dst.NumField() {
		f := dst.Type().Field(i)
		if v, ok := vars[prefix+f.Tag.Get("env")]; ok && f.Tag.Get("env") != "" && v != "" {
			dst.Field(i).Set(src.Field(i))
			c.origin[f.Tag.Get("yaml")] = "environment"
		}
	}
	return nil
}

// parseField is the field that a parse error is about.
func parseField(err error, pe *env.ParseError) string {
	if errors.As(err, pe) {
		return pe.Name
	}
	return ""
}

// kindName is a type in words.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return t.String()
}

// keys are all YAML keys.
func keys() []string {
	var out []string
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if k := t.Field(i).Tag.Get("yaml"); k != "" {
			out = append(out, k)
		}
	}
	return out
}

// unknownVariables refuses MLC_ variables that mean nothing: a typing error
// would otherwise leave a default in force.
func unknownVariables(vars map[string]string) error {
	for k := range vars {
		name := strings.ToLower(strings.TrimPrefix(k, prefix))
		if !slices.Contains(keys(), name) && name != "config" {
			return fmt.Errorf("configuration: %s is not a setting%s", k, nearest(name, keys()))
		}
	}
	return nil
}

func nearest(key string, known []string) string {
	best, distance := "", 5
	for _, k := range known {
		if d := levenshtein.Distance(key, k, nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s (%s%s)?", best, prefix, strings.ToUpper(best))
}

// check finds everything that cannot be.
func (c *Config) check() error {
	var bad []string
	add := func(key, format string, args ...any) {
		bad = append(bad, prefix+strings.ToUpper(key)+": "+fmt.Sprintf(format, args...))
	}
	if len(c.Roles) == 0 {
		add("roles", "is empty: want api, worker or both")
	}
	for _, r := range c.Roles {
		if r != "api" && r != "worker" {
			add("roles", "%q: want api, worker or both", r)
		}
	}
	for key, addr := range map[string]string{"public_addr": c.PublicAddr, "ops_addr": c.OpsAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			add(key, "%q: want host:port or :port", addr)
		}
	}
	if c.PublicURL != "" {
		// Not quoted: it may hold a password or a secret that does not belong there.
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			add("public_url", "want https://host, with a path where one stands before /webhooks, and nothing else")
		}
	}
	if c.KeysetKMS != "" {
		// Not quoted either; it is shown elsewhere, so nothing secret may stand in it.
		if _, rest, ok := strings.Cut(c.KeysetKMS, "://"); !ok || strings.ContainsAny(rest, "@?#") {
			add("keyset_kms", "want a URI such as hcvault://host/transit/keys/name, without user, token or query: docs/keys.md says where each KMS takes its credentials from")
		}
	}
	var err error
	if c.trust, err = allowlist.ParseTrust(c.TrustedProxies); err != nil {
		add("trusted_proxies", "%v", err)
	}
	if !c.RedisURL.IsZero() {
		if _, err := c.redisOptions(); err != nil {
			add("redis_url", "%v", err)
		}
	}
	c.checkOIDC(add)
	if c.LaneConcurrency < 1 || c.LaneConcurrency > 10_000 {
		add("lane_concurrency", "%d: want 1 to 10000", c.LaneConcurrency)
	}
	if _, err := zapcore.ParseLevel(c.LogLevel); err != nil {
		add("log_level", "%q: want debug, info, warn or error", c.LogLevel)
	}
	if c.LogFormat != "json" && c.LogFormat != "console" {
		add("log_format", "%q: want json or console", c.LogFormat)
	}
	if c.MaxBodyBytes < 1024 || c.MaxBodyBytes > 16<<20 {
		add("max_body_bytes", "%d: want 1024 to 16777216", c.MaxBodyBytes)
	}
	if c.SettleSeconds < 1 || c.SettleSeconds > 3600 {
		add("settle_seconds", "%d: want 1 to 3600", c.SettleSeconds)
	}
	if c.DrainSeconds < 0 || c.DrainSeconds > 120 {
		add("drain_seconds", "%d: want 0 to 120", c.DrainSeconds)
	}
	if c.LeaseSeconds < 4 || c.LeaseSeconds > 300 {
		add("lease_seconds", "%d: want 4 to 300", c.LeaseSeconds)
	}
	if c.ShutdownGraceSeconds < 1 || c.ShutdownGraceSeconds > 600 {
		add("shutdown_grace_seconds", "%d: want 1 to 600", c.ShutdownGraceSeconds)
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fmt.Errorf("configuration:\n%s", strings.Join(bad, "\n"))
}

// has reports whether this process has a role.
func (c *Config) has(role string) bool { return slices.Contains(c.Roles, role) }

// Keyset says where the keyset is.
func (c *Config) Keyset() secret.Source { return secret.Source{File: c.KeysetFile, KMS: c.KeysetKMS} }

// Settle is the quarantine after an uncertain write.
func (c *Config) Settle() time.Duration { return time.Duration(c.SettleSeconds) * time.Second }

// Lease is how long a lane stays with a process that has gone silent.
func (c *Config) Lease() time.Duration { return time.Duration(c.LeaseSeconds) * time.Second }

// Setting is one line of `config show`.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // default, environment, or the file
	Help   string `json:"help"`
}

// Show returns what is in force, secrets masked.
func (c *Config) Show() []Setting {
	var out []Setting
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		text := fmt.Sprint(v.Field(i).Interface())
		if list, ok := v.Field(i).Interface().([]string); ok {
			text = strings.Join(list, ",")
		}
		out = append(out, Setting{prefix + strings.ToUpper(key), text, c.origin[key], f.Tag.Get("help")})
	}
	return out
}

// ErrNoRedis says that nothing says where Redis is.
var ErrNoRedis = errors.New("MLC_REDIS_URL is not set: name a Redis with appendonly yes and appendfsync always, for example redis://localhost:6379; to look around without one, run: go run ./cmd/demo")

// redisOptions reads the URL. Errors never repeat it: it may hold a password.
func (c *Config) redisOptions() (*redis.UniversalOptions, error) {
	u, err := url.Parse(c.RedisURL.Reveal())
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" {
		return nil, errors.New("want redis://[user:password@]host:port, or rediss:// for TLS")
	}
	q := u.Query()
	more := q["addr"]
	q.Del("addr")
	u.RawQuery = q.Encode()
	one, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a Redis URL (host %s): check the path (a database number) and the parameters", u.Host)
	}
	o := &redis.UniversalOptions{
		Addrs: append([]string{one.Addr}, more...), Username: one.Username, Password: one.Password, DB: one.DB, TLSConfig: one.TLSConfig,
		MasterName: c.RedisSentinelMaster, ClientName: "ml-connector",
		// A context's deadline must bound reads too, and no command is repeated
		// by the client: every script is safe to repeat, but we decide.
		ContextTimeoutEnabled: true, MaxRetries: -1,
		DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, PoolSize: 64, MinIdleConns: 2, ConnMaxIdleTime: 5 * time.Minute,
	}
	if c.RedisSentinelMaster == "" && len(o.Addrs) > 1 && o.DB != 0 {
		return nil, errors.New("a cluster has no database numbers: leave the path out")
	}
	return o, nil
}

// Redis connects; ErrNoRedis when no URL is set.
func (c *Config) Redis() (redis.UniversalClient, error) {
	if c.RedisURL.IsZero() {
		return nil, ErrNoRedis
	}
	o, err := c.redisOptions()
	if err != nil {
		return nil, fmt.Errorf("MLC_REDIS_URL: %w", err)
	}
	return redis.NewUniversalClient(o), nil
}
