package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/tenant"
)

// ward is a set-up that the doctor examines.
type ward struct {
	t     *testing.T
	world *distributor.World
	rdb   redis.UniversalClient
	ks    *secret.Keyset
	e     service.Examination
}

// fault is a planted misconfiguration.
type fault struct {
	name    string
	world   func(*distributor.Options)
	edit    []string    // of the tenant file: old, new
	after   func(*ward) // once the tenant is applied
	seen    []string    // names of the checks that must fail; no other may
	fix     string      // part of the first one's fix
	without bool        // examine the installation alone
}

func swap(old, fresh string) []string { return []string{old, fresh} }

var faults = []fault{
	{name: "wrong certificate id", edit: swap(`certificate_id: "`+distributor.CertificateID+`"`, `certificate_id: "Zk99"`), seen: []string{"NetSuite token"}, fix: "certificate_id is the one of the M2M mapping"},
	{name: "wrong client id", edit: swap(`client_id: "`+distributor.ClientID+`"`, `client_id: "ffff"`), seen: []string{"NetSuite token"}, fix: "client_id is the one of the integration record"},
	{name: "mapping deleted by a sandbox refresh", after: func(w *ward) { w.world.NetSuite.RevokeCertificate(distributor.CertificateID) }, seen: []string{"NetSuite token"}, fix: "sandbox refresh"},
	{name: "invalid client", world: func(o *distributor.Options) { o.NetSuite.InvalidClient = true }, edit: swap(`client_id: "`+distributor.ClientID+`"`, `client_id: "ffff"`), seen: []string{"NetSuite token"}, fix: "Machine to Machine"},
	hidden("vendor", "Lists > Vendors"), hidden("contact", "Lists > Contacts"), hidden("transaction", "Find Transaction"), hidden("transactionline", "Find Transaction"),
	hidden("transactionaccountingline", "Lists > Accounts"), hidden("account", "Lists > Accounts"), hidden("item", "Lists > Items"),
	hidden("currency", "Lists > Currency"), hidden("term", "Accounting Lists"), hidden("previoustransactionlinelink", "Find Transaction"), hidden("deletedrecord", "Deleted Records"),
	{name: "NetSuite never answers", after: func(w *ward) { w.silent(func(tr *handlers.Transports) *http.RoundTripper { return &tr.NetSuite }) }, seen: []string{"NetSuite token"}, fix: "can be reached from here"},
	{name: "Cin7 never answers", after: func(w *ward) { w.silent(func(tr *handlers.Transports) *http.RoundTripper { return &tr.Cin7 }) }, seen: []string{"Cin7 keys"}, fix: "can be reached from here"},
	{name: "wrong Cin7 key", edit: swap(distributor.Cin7Key, distributor.Cin7Key+"x"), seen: []string{"Cin7 keys"}, fix: "Integrations > API"},
	{name: "wrong Cin7 account", edit: swap(`account_id: "`+distributor.Cin7Account+`"`, `account_id: "00000000-0000-4000-8000-000000000009"`), seen: []string{"Cin7 keys"}, fix: "cin7.account_id"},
	{name: "wrong Cin7 path", edit: swap("/ExternalApi/v2", "/External"), seen: []string{"Cin7 keys"}, fix: "cin7.base_url"},
	{name: "lock date in the future", world: func(o *distributor.Options) { o.Cin7.LockDate = "2099-01-01" }, seen: []string{"Cin7 lock date"}, fix: "set the lock date back"},
	{name: "unknown location", edit: swap("location: Main Warehouse", "location: Main Warehous"), seen: []string{"Cin7 locations"}, fix: "sync.location"},
	{name: "unknown tax rule", edit: swap("tax_rule: Tax on Purchases", "tax_rule: GST"), seen: []string{"Cin7 tax rules"}, fix: "sync.tax_rule"},
	{name: "unknown payment term", edit: swap("payment_term: 30 days", "payment_term: 90 days"), seen: []string{"Cin7 payment terms"}, fix: "sync.payment_term"},
	{name: "term mapped to nothing", edit: swap(`{"Net 30": "30 days"}`, `{"Net 30": "thirty"}`), seen: []string{"Cin7 payment terms"}, fix: "sync.mapping.terms"},
	{name: "account mapped to nothing", edit: swap(`{"6100": "429"}`, `{"6100": "999"}`), seen: []string{"Cin7 accounts"}, fix: "sync.mapping.accounts"},
	{name: "account mapped to an archived one", after: func(w *ward) {
		w.world.Cin7.AddAccount(cin7test.Account{Code: "600", Name: "Old", Type: "EXPENSE", Class: "EXPENSE", Status: "ARCHIVED"})
		w.mapping(func(m *tenant.Mapping) { m.Accounts = map[string]string{"6100": "600"} })
	}, seen: []string{"Cin7 accounts"}, fix: "activate the account"},
	{name: "charge mapped to nothing", edit: swap(`"*": "Other charges"`, `"*": "Sundries"`), seen: []string{"Cin7 charges"}, fix: "type Service"},
	{name: "location mapped to nothing", after: func(w *ward) {
		w.mapping(func(m *tenant.Mapping) { m.Locations = map[string]string{"1": "Nowhere"} })
	}, seen: []string{"Cin7 locations"}, fix: "sync.mapping.locations"},
	{name: "tax mapped to nothing", after: func(w *ward) {
		w.mapping(func(m *tenant.Mapping) { m.Tax = map[string]string{"*": "VAT"} })
	}, seen: []string{"Cin7 tax rules"}, fix: "sync.mapping.tax"},
	{name: "guessable webhook secret", edit: swap(distributor.WebhookSecret, strings.Repeat("ab", 20)), seen: []string{"webhook secret"}, fix: "rotate-secret"},
	{name: "old secret left alive", after: func(w *ward) {
		if _, _, err := w.e.Rooms.Tenants.RotateSecret(w.t.Context(), tenantID); err != nil {
			w.t.Fatal(err)
		}
		_, c, err := w.e.Rooms.Tenants.Load(w.t.Context(), tenantID)
		if err != nil {
			w.t.Fatal(err)
		}
		w.knock("127.0.0.1", c.WebhookSecrets[1].Reveal())
	}, seen: []string{"old webhook secret"}, fix: "--retire-old"},
	{name: "NetSuite posts from an address that is not listed", after: func(w *ward) { w.knock("203.0.113.9", distributor.WebhookSecret) }, seen: []string{"webhook addresses"}, fix: "webhook.allowlist"},
	{name: "no webhook for weeks", after: func(w *ward) {
		w.rdb.HSet(w.t.Context(), "mlc:{"+tenantID+"}:cfg", "applied_at", time.Now().AddDate(0, 0, -30).UTC().Format(time.RFC3339))
	}, seen: []string{"webhooks arrive"}, fix: "script deployment"},
	{name: "paused", after: func(w *ward) {
		if err := w.e.Rooms.Tenants.SetPaused(w.t.Context(), tenantID, "stock-taking"); err != nil {
			w.t.Fatal(err)
		}
	}, seen: []string{"not paused"}, fix: "tenant resume"},
	{name: "settings changed in Redis", after: func(w *ward) { w.tamper() }, seen: []string{"stored settings"}, fix: "who can write to Redis"},
	{name: "keys of another company", after: func(w *ward) {
		if err := w.e.Rooms.Tenants.Bind(w.t.Context(), tenantID, tenant.Companies{NetSuite: distributor.NetSuiteAccount, Cin7: distributor.Cin7Account, Company: "Somebody Else Ltd"}, time.Now()); err != nil {
			w.t.Fatal(err)
		}
	}, seen: []string{"companies"}, fix: "tenant rebind"},
	{name: "audit log cut off", after: func(w *ward) { w.rdb.Del(w.t.Context(), "mlc:{!audit}:log") }, seen: []string{"audit log"}, fix: "who can write to Redis"},
	{name: "damaged settings of a tenant", without: true, after: func(w *ward) {
		w.rdb.SAdd(w.t.Context(), "mlc:tenants", "globex")
		w.rdb.HSet(w.t.Context(), queue.KeyConfig("globex"), "document", "{", "version", 1, "applied_at", "2026-11-01T00:00:00Z")
	}, seen: []string{"settings of all tenants"}, fix: "tenant rm globex"},
	{name: "wrong keyset", without: true, after: func(w *ward) { w.otherKeyset() }, seen: []string{"keyset"}, fix: "MLC_KEYSET_FILE"},
	{name: "an unfinished key rotation", after: func(w *ward) {
		id, err := w.ks.Add()
		if err == nil {
			err = w.ks.Promote(id)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}, seen: []string{"keyset"}, fix: "keys rotate --reseal"},
	{name: "a clock that is ten minutes ahead", after: func(w *ward) { w.e.Now = func() time.Time { return time.Now().Add(10 * time.Minute) } }, seen: []string{"clock of Redis"}, fix: "NTP"},
	{name: "a former state of the settings put back", after: func(w *ward) { w.putBack() }, seen: []string{"stored settings"}, fix: "apply the tenant again"},
	{name: "another base currency", world: func(o *distributor.Options) { o.Cin7.Currency = "AUD" }, seen: []string{"currencies"}, fix: "one base currency"},
	{name: "a currency that Cin7 does not know", after: func(w *ward) { w.world.NetSuite.PutCurrency(netsuitetest.Currency{Symbol: "US$", Name: "Dollar"}) }, seen: []string{"currencies"}, fix: "sync.mapping.currencies"},
	{name: "the time zone was changed", after: func(w *ward) {
		w.rdb.HSet(w.t.Context(), queue.KeyWatermarks(tenantID), "zone:anchor", w.anchor().ID.String(), "zone:text", "2020-01-01 00:00:00")
	}, seen: []string{"NetSuite time zone"}, fix: "Set Preferences"},
	{name: "the role is restricted to a few", after: func(w *ward) {
		for i := range 200 {
			w.rdb.ZAdd(w.t.Context(), queue.KeyKnown(tenantID, "vendor"), redis.Z{Score: float64(i), Member: strconv.Itoa(i)})
		}
	}, seen: []string{"NetSuite rows"}, fix: "no restriction to own records"},
	{name: "documents without lines", after: func(w *ward) { w.empty("transactionline") }, seen: []string{"NetSuite rows"}, fix: "Find Transaction"},
	{name: "bills without their postings", after: func(w *ward) { w.empty("transactionaccountingline") }, seen: []string{"NetSuite rows"}, fix: "Lists > Accounts"},
	{name: "documents without vendors", after: func(w *ward) { w.empty("vendor") }, seen: []string{"NetSuite rows"}, fix: "Lists > Vendors"},
	{name: "a column of vendors is hidden", world: func(o *distributor.Options) { o.NetSuite.HideColumns = []string{"vendor.email"} }, seen: []string{"NetSuite columns of vendor"}, fix: "what the message names"},
	{name: "a column of items is hidden", world: func(o *distributor.Options) { o.NetSuite.HideColumns = []string{"item.itemtype"} },
		seen: []string{"NetSuite columns of purchaseorder", "NetSuite columns of itemreceipt", "NetSuite columns of vendorbill"}, fix: "what the message names"},
	{name: "certificate of another key", after: func(w *ward) { w.certify(certificateOf(w.t, 300, nil)) }, seen: []string{"NetSuite certificate"}, fix: "of one pair"},
	{name: "certificate near its end", after: func(w *ward) { w.certify(certificateOf(w.t, 20, w.world.KeyPEM)) }, seen: []string{"NetSuite certificate"}, fix: "netsuite keygen"},
	{name: "certificate that ended", after: func(w *ward) { w.certify(certificateOf(w.t, -1, w.world.KeyPEM)) }, seen: []string{"NetSuite certificate"}, fix: "netsuite keygen"},
}

// hidden is a table that the integration role may not read.
func hidden(table, permission string) fault {
	seen := []string{"NetSuite table " + table}
	if table == "vendor" {
		seen = append(seen, "NetSuite dates")
	}
	return fault{name: "no permission for " + table, world: func(o *distributor.Options) { o.NetSuite.HideTables = []string{table} }, seen: seen, fix: permission}
}

func TestDoctorNamesEveryFault(t *testing.T) {
	named, all := 0, slices.Concat(faults, frontFaults)
	for _, f := range all {
		if t.Run(f.name, func(t *testing.T) {
			w := newWard(t, f)
			checks := w.examine(!f.without)
			var failed []string
			fix := ""
			for _, c := range checks {
				if !c.Failed() {
					continue
				}
				failed = append(failed, c.Name)
				if c.Name == f.seen[0] {
					fix += c.Fix
				}
				if c.Fix == "" || c.Detail == "" {
					t.Errorf("%s says neither what nor how: %+v", c.Name, c)
				}
			}
			if strings.Join(failed, ", ") != strings.Join(f.seen, ", ") || !strings.Contains(fix, f.fix) {
				t.Errorf("failed: %v with fix %q\nwant %v with %q", failed, fix, f.seen, f.fix)
			}
		}) {
			named++
		}
	}
	soak.Figure(t, "planted misconfigurations that the doctor names with the right fix and nothing else", "%d of %d", named, len(all))
}

func TestDoctorFindsNothingWhereNothingIsWrong(t *testing.T) {
	for name, o := range map[string]distributor.Options{
		"plain":           {},
		"columns missing": {NetSuite: netsuitetest.Options{HideColumns: []string{"transactionline.units", "vendor.legalname", "transaction.voided"}, HideFunctions: []string{"sys_extract_utc"}}},
		"awkward account": {NetSuite: netsuitetest.Options{ExpiresInText: true, NotOneWorld: true, UpperCaseKeys: true, NoApprovals: true, DayFirst: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t, fault{world: func(d *distributor.Options) { *d = o }})
			w.certify(certificateOf(t, 300, w.world.KeyPEM))
			for _, c := range w.examine(true) {
				if c.Failed() {
					t.Errorf("a false alarm: %+v", c)
				}
			}
		})
	}
}

func newWard(t *testing.T, f fault) *ward {
	t.Helper()
	o := distributor.Options{}
	if f.world != nil {
		f.world(&o)
	}
	o.Cin7.CallsPerMinute = -1
	world, err := distributor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.NetSuite.Close() })
	ns, c7 := httptest.NewServer(world.NetSuite), httptest.NewServer(world.Cin7)
	t.Cleanup(ns.Close)
	t.Cleanup(c7.Close)
	file := strings.Replace(world.Tenant(tenantID, ns.URL, c7.URL, "INVOICE"), "calls_per_minute: ", "calls_per_minute: 10000 # ", 1)
	for i := 0; i+1 < len(f.edit); i += 2 {
		if !strings.Contains(file, f.edit[i]) {
			t.Fatalf("the tenant file has no %q", f.edit[i])
		}
		file = strings.Replace(file, f.edit[i], f.edit[i+1], 1)
	}
	tn, creds, err := tenant.ParseYAML([]byte(file), tenant.Options{AllowPrivateEndpoints: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &ward{t: t, world: world, rdb: redistest.Embedded(t)}
	if w.ks, err = secret.Ephemeral(); err != nil {
		t.Fatal(err)
	}
	w.open(w.ks)
	if _, err := w.e.Rooms.Tenants.Apply(t.Context(), tn, creds); err != nil {
		t.Fatal(err)
	}
	world.TellPast()
	if err := w.e.Rooms.Audit.Append(t.Context(), auditEntry("tenant apply", tenantID)); err != nil {
		t.Fatal(err)
	}
	if f.after != nil {
		f.after(w)
	}
	return w
}

func (w *ward) open(ks *secret.Keyset) {
	w.t.Helper()
	c, err := service.Load("", []string{"MLC_ALLOW_PRIVATE_ENDPOINTS=true"})
	if err != nil {
		w.t.Fatal(err)
	}
	rooms, _, _, err := service.Open(w.t.Context(), c, service.Options{Redis: w.rdb, Keyset: ks})
	if err != nil {
		w.t.Fatal(err)
	}
	w.e = service.Examination{Rooms: rooms, Redis: w.rdb, Transports: service.Transports(c)}
}

func (w *ward) examine(withTenant bool) []api.Check {
	w.t.Helper()
	if !withTenant {
		return service.Doctor(w.t.Context(), w.e, nil)
	}
	tn, err := w.e.Rooms.Tenants.Get(w.t.Context(), tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	return service.Doctor(w.t.Context(), w.e, tn)
}

// preferless refuses the header Prefer as NetSuite does under HTTP/2, where
// its name is in lower case (contract 2.1).
type preferless struct{}

func (preferless) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Prefer") == "" {
		return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	}
	body := `{"title":"Bad Request","o:errorDetails":[{"detail":"Missing.","o:errorHeader":"Prefer","o:errorCode":"INVALID_HEADER"}]}`
	return &http.Response{StatusCode: http.StatusBadRequest, ProtoMajor: 2, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// An account that works by HTTP/1.1 alone is well: doctor and ping go over to
// it as the service does.
func TestDoctorAndPingGoOverToHTTP1(t *testing.T) {
	w := newWard(t, fault{})
	w.e.Transports.NetSuite, w.e.Transports.NetSuiteHTTP1 = preferless{}, &http.Transport{DisableKeepAlives: true}
	tn, err := w.e.Rooms.Tenants.Get(t.Context(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(w.examine(true), service.PingTenant(t.Context(), w.e.Rooms.Tenants, tn, w.e.Transports)...) {
		if c.Failed() {
			t.Errorf("a false alarm: %+v", c)
		}
	}
}
