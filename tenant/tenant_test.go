package tenant_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

func pemKey(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func p256(t testing.TB) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemKey(t, k)
}

const hook = "0123456789abcdef0123456789abcdef"

// good is a tenant file that is right; edit replaces text in it.
func good(t testing.TB, edit ...string) string {
	key := strings.ReplaceAll(strings.TrimSpace(p256(t)), "\n", "\n    ")
	s := `id: acme
name: Acme Distribution
netsuite:
  account_id: "1234567_SB1"
  client_id: "3f00"
  certificate_id: "Zk00"
  private_key: |
    ` + key + `
cin7:
  account_id: "704ef231-0000-4000-8000-000000000001"
  application_key: "0342a546-key"
webhook:
  secrets: ["` + hook + `"]
poll:
  every: 10m
sync:
  start: "2026-11-01"
  location: Main Warehouse
  tax_rule: Tax on Purchases
  payment_term: 30 days
  mapping:
    accounts: {"5000": "429"}
`
	for i := 0; i+1 < len(edit); i += 2 {
		if !strings.Contains(s, edit[i]) {
			t.Fatalf("nothing to replace: %q", edit[i])
		}
		s = strings.Replace(s, edit[i], edit[i+1], 1)
	}
	return s
}

func TestParseYAML(t *testing.T) {
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tn.Cin7.CallsPerMinute != 50 || tn.Sync.Approach != "INVOICE" || !tn.PutAway() || !tn.Subscriptions() || !tn.Syncs("vendorbill") || tn.Webhook.Require != "secret" {
		t.Errorf("defaults: %+v", tn.Document)
	}
	if creds.Cin7Key.Reveal() != "0342a546-key" || creds.WebhookSecrets[0].Reveal() != hook || !strings.Contains(creds.NetSuiteKeyPEM.Reveal(), "PRIVATE KEY") {
		t.Error("credentials did not come through")
	}
	all := fmt.Sprintf("%+v %#v", tn, tn)
	b, _ := json.Marshal(tn)
	for _, s := range []string{"0342a546-key", hook, "PRIVATE KEY"} {
		if strings.Contains(all, s) || strings.Contains(string(b), s) {
			t.Errorf("the tenant shows %q", s)
		}
	}
}

func TestParseYAMLRefuses(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := func(text string) string {
		head, _, _ := strings.Cut(good(t), "  private_key: |")
		_, tail, _ := strings.Cut(good(t), "-----END PRIVATE KEY-----")
		return head + "  private_key: |\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + tail
	}
	cases := []struct{ name, file, want string }{
		{"empty", "", "is empty"},
		{"not YAML", "id: [", "sequence"},
		{"unknown key", good(t, "payment_term:", "payment_terms:"), `did you mean "payment_term"?`},
		{"unknown top key", good(t, "poll:", "polll:"), `did you mean "poll"?`},
		{"key twice", good(t, "name: Acme Distribution", "id: other"), "already defined"},
		{"two documents", good(t) + "---\nid: b\n", "more than one document"},
		{"bad id", good(t, "id: acme", "id: Acme_1"), `id: "Acme_1": want`},
		{"bad account id", good(t, "1234567_SB1", "evil.example/"), "netsuite.account_id"},
		{"no client id", good(t, `client_id: "3f00"`, `client_id: ""`), "netsuite.client_id: is missing"},
		{"no certificate id", good(t, `certificate_id: "Zk00"`, `certificate_id: ""`), "netsuite.certificate_id: is missing"},
		{"malformed PEM", key("hello"), "is not PEM"},
		{"damaged PEM", key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), "is damaged"},
		{"certificate for a key", key("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"), "give the private key"},
		{"encrypted key", key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"), "passphrase"},
		{"short RSA", key(pemKey(t, weak)), "2048 bits"},
		{"wrong curve", key(pemKey(t, p224)), "P-224"},
		{"bad Cin7 id", good(t, "704ef231-0000-4000-8000-000000000001", "704ef231"), "cin7.account_id"},
		{"too many calls", good(t, "  application_key:", "  calls_per_minute: 61\n  application_key:"), "want 1 to 60"},
		{"loopback", good(t, "  application_key:", "  base_url: https://127.0.0.1:1\n  application_key:"), "private address"},
		{"plain http", good(t, "  application_key:", "  base_url: http://cin7.example\n  application_key:"), "want https"},
		{"base url with secrets in it", good(t, "  application_key:", "  base_url: https://u:"+hook+"@h/?k="+hook+"\n  application_key:"), `cin7.base_url: "h": want https://host without user`},
		{"base url that is none", good(t, "  application_key:", "  base_url: \"://"+hook+"\"\n  application_key:"), "cin7.base_url: it: want https://host"},
		{"short secret", good(t, hook, "short"), "has 5 characters"},
		{"secret with odd characters", good(t, hook, hook+"/"), "openssl rand"},
		{"three secrets", good(t, `["`+hook+`"]`, `["`+hook+`a", "`+hook+`b", "`+hook+`c"]`), "at most two"},
		{"bad CIDR", good(t, "webhook:", "webhook:\n  allowlist: [\"10.0.0.0/40\"]"), "allowlist entry 1"},
		{"allowlist of everybody", good(t, "webhook:", "webhook:\n  require: allowlist\n  allowlist: [\"203.0.113.0/24\", \"0.0.0.0/1\"]"), "0.0.0.0/1 lets so many in"},
		{"allowlist of everybody on IPv6", good(t, "webhook:", "webhook:\n  require: allowlist\n  allowlist: [\"::/0\"]"), "::/0 lets so many in"},
		{"allowlist required but empty", good(t, "webhook:", "webhook:\n  require: both"), "is empty, but webhook.require is both"},
		{"odd require", good(t, "webhook:", "webhook:\n  require: maybe"), "want secret, allowlist or both"},
		{"poll too often", good(t, "every: 10m", "every: 1s"), "at least 30s"},
		{"interval in cron's words that is too short", good(t, "every: 10m", `every: "@every 1s"`), "want at least 30s"},
		{"poll too seldom", good(t, "every: 10m", "every: 10000h"), `poll.every: "10000h": 10000h0m0s would pass without a poll, want at most 24h0m0s`},
		{"poll a little too seldom", good(t, "every: 10m", "every: 24h1m"), "want at most 24h0m0s"},
		{"too seldom in cron's words", good(t, "every: 10m", `every: "@every 48h"`), "want at most 24h0m0s"},
		{"cron of once a month", good(t, "every: 10m", `every: "0 6 1 * *"`), "want at most 96h0m0s"},
		{"cron of once a year", good(t, "every: 10m", `every: "@yearly"`), "want at most 96h0m0s"},
		{"cron of once a week", good(t, "every: 10m", `every: "0 6 * * 1"`), "168h0m0s would pass"},
		{"cron that never comes", good(t, "every: 10m", `every: "0 0 31 2 *"`), "never comes about"},
		{"no date", good(t, "2026-11-01", "2026-02-30"), "sync.start"},
		{"odd approach", good(t, "  location:", "  approach: BOTH\n  location:"), "INVOICE, STOCK"},
		{"no location", good(t, "location: Main Warehouse", `location: ""`), "sync.location: is missing"},
		{"odd amount", good(t, "  location:", "  approve_above: lots\n  location:"), "sync.approve_above"},
		{"empty mapping", good(t, `{"5000": "429"}`, `{"5000": ""}`), "neither side may be empty"},
		{"variable without environment", good(t, "Acme Distribution", "${NAME}"), "variables are not resolved here"},
		{"file without reader", good(t, "  application_key:", "  application_key_file: k\n  application_key:"), "files are not read here"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := tenant.ParseYAML([]byte(c.file), tenant.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, s := range []string{"0342a546-key", hook} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

func TestPollEvery(t *testing.T) {
	for _, every := range []string{"30s", "24h", "1440m", `"@every 24h"`, `"@hourly"`, `"@daily"`, `"*/10 6-20 * * 1-5"`, `"0 6 * * 1,4"`, `"0 12 * * 2-5"`} {
		if _, _, err := tenant.ParseYAML([]byte(good(t, "every: 10m", "every: "+every)), tenant.Options{}); err != nil {
			t.Errorf("%s: %v", every, err)
		}
	}
}

func TestWrongTypesAreNamedWithoutTheirValues(t *testing.T) {
	for doc, want := range map[string]string{
		`{"cin7":{"application_key":{"a":"CANARY"}}}`: "cin7.application_key: this may not be a JSON object",
		`{"cin7":{"application_key":774411}}`:         "cin7.application_key: this may not be a JSON number",
		`{"cin7":{"calls_per_minute":"CANARY"}}`:      "cin7.calls_per_minute: this may not be a JSON string",
		`{"webhook":{"secrets":"CANARY"}}`:            "webhook.secrets: this may not be a JSON string",
		`["CANARY"]`:                                  "the document: this may not be a JSON array",
	} {
		_, _, err := tenant.ParseJSON([]byte(doc), tenant.Options{})
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", doc, err, want)
		}
	}
}

func TestParseReportsAllAtOnce(t *testing.T) {
	_, _, err := tenant.ParseYAML([]byte(good(t, "id: acme", "id: A", hook, "short", "2026-11-01", "soon")), tenant.Options{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three lines", err)
	}
}

func TestParseResolves(t *testing.T) {
	key := p256(t)
	file := good(t, "Acme Distribution", "${WHO} Distribution", `application_key: "0342a546-key"`, "application_key_file: cin7.key")
	tn, creds, err := tenant.ParseYAML([]byte(file), tenant.Options{
		Getenv:   func(n string) string { return map[string]string{"WHO": "Beta"}[n] },
		ReadFile: func(n string) ([]byte, error) { return []byte("from-" + n + "\n"), nil },
	})
	if err != nil || tn.Name != "Beta Distribution" || creds.Cin7Key.Reveal() != "from-cin7.key" {
		t.Errorf("got %v, %v", tn, err)
	}
	if _, _, err := tenant.ParseYAML([]byte(good(t, "Acme Distribution", "${NONE}")), tenant.Options{Getenv: func(string) string { return "" }}); err == nil || !strings.Contains(err.Error(), "NONE is not set") {
		t.Errorf("unset variable: got %v", err)
	}
	_ = key
}

func TestParseJSON(t *testing.T) {
	tn, _, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(tn.Document)
	if err != nil {
		t.Fatal(err)
	}
	again, creds, err := tenant.ParseJSON(b, tenant.Options{})
	if err != nil || again.ID != "acme" || !creds.Cin7Key.IsZero() {
		t.Errorf("got %+v, %v, %v", again, creds, err)
	}
	if _, _, err := tenant.ParseJSON([]byte(`{"idd":"a"}`), tenant.Options{}); err == nil || !strings.Contains(err.Error(), `did you mean "id"?`) {
		t.Errorf("unknown field: got %v", err)
	}
	if _, _, err := tenant.ParseJSON([]byte(`{} {}`), tenant.Options{}); err == nil {
		t.Error("two documents went through")
	}
}

// stocked is a store with its keyset, and the good tenant, which is not applied
// yet.
func stocked(t testing.TB, rdb redis.UniversalClient) (*tenant.Store, *secret.Keyset, *tenant.Tenant, tenant.Credentials) {
	t.Helper()
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tenant.NewStore(rdb, ks), ks, tn, creds
}

func TestStore(t *testing.T) {
	ctx := t.Context()
	rdb := redistest.Embedded(t)
	s, _, tn, creds := stocked(t, rdb)
	if _, err := s.Apply(ctx, tn, tenant.Credentials{}); err == nil || !strings.Contains(err.Error(), "missing credentials: netsuite.private_key") {
		t.Errorf("new tenant without credentials: got %v", err)
	}
	if _, err := s.Get(ctx, "acme"); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("after a refused apply: got %v", err)
	}
	first, err := s.Apply(ctx, tn, creds)
	if err != nil || first.Version != 1 {
		t.Fatalf("got %+v, %v", first, err)
	}
	prints, err := s.Fingerprints(ctx, first)
	if err != nil || len(prints) != 3 {
		t.Fatalf("fingerprints: %v, %v", prints, err)
	}
	if _, err := s.SetMapping(ctx, "acme", 7, tenant.Mapping{}); !errors.Is(err, tenant.ErrChanged) {
		t.Errorf("in place of a version that is not in force: %v", err)
	}
	second, err := s.SetMapping(ctx, "acme", 1, tenant.Mapping{Accounts: map[string]string{"5000": "430"}})
	if err != nil || second.Version != 2 {
		t.Fatalf("set mapping: %+v, %v", second, err)
	}
	got, err := s.Get(ctx, "acme")
	if err != nil || got.Sync.Mapping.Accounts["5000"] != "430" || got.Version != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	kept, err := s.Open(ctx, got)
	if err != nil || kept.Cin7Key.Reveal() != "0342a546-key" || kept.WebhookSecrets[0].Reveal() != hook {
		t.Errorf("credentials after a second apply: %v", err)
	}
	if _, err := s.Open(ctx, first); !errors.Is(err, tenant.ErrChanged) {
		t.Errorf("credentials of version 2 opened as version 1: %v", err)
	}
	for k, v := range rdb.HGetAll(ctx, "mlc:{acme}:sealed").Val() {
		if strings.Contains(v, "0342a546") || strings.Contains(v, "PRIVATE") {
			t.Errorf("%s is stored in the clear", k)
		}
	}
	other, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.NewStore(rdb, other).Open(ctx, got); !errors.Is(err, secret.ErrWrongKey) || !strings.Contains(err.Error(), "MLC_KEYSET_FILE") {
		t.Errorf("another keyset: got %v", err)
	}
	if err := s.Remove(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if all, err := s.List(ctx); len(all) != 0 || err != nil {
		t.Errorf("after removal: %v, %v", all, err)
	}
}

func TestDoor(t *testing.T) {
	ctx := t.Context()
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s := tenant.NewStore(redistest.Embedded(t), ks)
	hook2 := strings.Repeat("z", 40)
	for id, edit := range map[string][]string{
		"secret": {`["` + hook + `"]`, `["` + hook + `", "` + hook2 + `"]`},
		"list":   {"webhook:", "webhook:\n  require: allowlist\n  allowlist: [\"203.0.113.0/24\", \"2001:db8::/32\"]"},
		"both":   {"webhook:", "webhook:\n  require: both\n  allowlist: [\"203.0.113.0/24\"]"},
	} {
		tn, creds, err := tenant.ParseYAML([]byte(good(t, append(edit, "id: acme", "id: "+id)...)), tenant.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(ctx, tn, creds); err != nil {
			t.Fatal(err)
		}
	}
	door := tenant.NewDoor(s)
	in, out := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.1")
	cases := []struct {
		name, tenant, secret string
		addr                 netip.Addr
		want                 string
	}{
		{"right secret", "secret", hook, out, "ok"},
		{"the other live secret", "secret", hook2, out, "ok"},
		{"wrong secret", "secret", hook + "x", in, "bad_secret"},
		{"no secret", "secret", "", in, "bad_secret"},
		{"unknown tenant", "nobody", hook, in, "unknown_tenant"},
		{"tenant name from hell", "a}{b", hook, in, "unknown_tenant"},
		{"listed, no secret needed", "list", "", in, "ok"},
		{"listed, mapped", "list", "", netip.MustParseAddr("::ffff:203.0.113.9"), "ok"},
		{"listed, IPv6", "list", "", netip.MustParseAddr("2001:db8::7"), "ok"},
		{"not listed", "list", hook, out, "bad_address"},
		{"address unknown", "list", hook, netip.Addr{}, "bad_address"},
		{"both right", "both", hook, in, "ok"},
		{"both, wrong address", "both", hook, out, "bad_address"},
		{"both, wrong secret", "both", "no", in, "bad_secret"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, err := door.Check(ctx, c.tenant, c.addr, c.secret)
			if err != nil || v.Reason != c.want || v.Admitted != (c.want == "ok") {
				t.Errorf("got %+v, %v, want %s", v, err, c.want)
			}
		})
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte(good(f)))
	f.Add([]byte("id: [a"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tn, _, err := tenant.ParseYAML(data, tenant.Options{})
		if (tn == nil) == (err == nil) {
			t.Fatalf("tenant %v, error %v", tn, err)
		}
	})
}
