package service

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// Examination is what the doctor looks at.
type Examination struct {
	Rooms      Rooms
	Redis      redis.UniversalClient
	Transports handlers.Transports
	PublicURL  string           // under which the public listener is reached; "": not known
	Now        func() time.Time // default time.Now
	Silence    time.Duration    // how long the first answer of a system may take, default silence
}

// findings gathers checks.
type findings struct{ checks []api.Check }

func (f *findings) ok(name, detail string, args ...any) {
	f.checks = append(f.checks, api.Check{Name: name, OK: true, Detail: fmt.Sprintf(detail, args...)})
}

func (f *findings) fail(name, fix, detail string, args ...any) {
	f.checks = append(f.checks, api.Check{Name: name, Detail: fmt.Sprintf(detail, args...), Fix: fix})
}

// unseen is a check that could not be made: it never says "all right".
func (f *findings) unseen(name, why string, args ...any) {
	f.checks = append(f.checks, api.Check{Name: name, Unknown: true, Detail: "could not check: " + fmt.Sprintf(why, args...)})
}

// Doctor examines the installation and, when t is given, everything of that
// tenant, else whether the settings of all can be read: each check with what to
// do when it fails. It writes nothing in
// NetSuite or Cin7.
func Doctor(ctx context.Context, e Examination, t *tenant.Tenant) []api.Check {
	if e.Now == nil {
		e.Now = time.Now
	}
	f := &findings{}
	e.installation(ctx, f)
	if t != nil {
		e.tenant(ctx, f, t)
	} else {
		e.stored(ctx, f)
	}
	return f.checks
}

func (e Examination) installation(ctx context.Context, f *findings) {
	asked := e.Now()
	at, err := e.Redis.Time(ctx).Result()
	if err != nil {
		f.fail("Redis answers", "check MLC_REDIS_URL, that the server runs, and that this machine may reach it", "%v", err)
		return
	}
	f.ok("Redis answers", "")
	skew(f, "clock of Redis", at, asked, e.Now())
	problems, err := durability(ctx, e.Redis)
	switch {
	case err != nil:
		f.unseen("Redis keeps what it acknowledged", "CONFIG is not allowed here; maxmemory-policy must be noeviction, appendonly yes and appendfsync always")
	case len(problems) == 0:
		f.ok("Redis keeps what it acknowledged", "noeviction, appendonly, appendfsync always")
	}
	for _, p := range problems {
		what, fix, _ := strings.Cut(p, "; ")
		f.fail("Redis keeps what it acknowledged", fix, "%s", what)
	}
	e.server(ctx, f)
	if _, err := e.Rooms.Tenants.InstallationKey(ctx); err != nil {
		f.fail("keyset", "name the keyset that belongs to this Redis in MLC_KEYSET_FILE", "%v", err)
		return
	}
	uses, err := e.Rooms.Tenants.KeyUses(ctx)
	old := 0
	for id, u := range uses {
		if id != e.Rooms.Tenants.Keyset().Primary() {
			old += len(u.Tenants)
		}
	}
	switch {
	case err != nil:
		f.fail("keyset", "look at Redis", "%v", err)
	case old > 0:
		f.fail("keyset", "ml-connector keys rotate --reseal", "%d tenants are still sealed with an older key", old)
	default:
		f.ok("keyset", "opens what is stored, all with key %d", e.Rooms.Tenants.Keyset().Primary())
	}
	n, err := e.Rooms.Audit.Verify(ctx, 0, "")
	switch {
	case audit.IsBroken(err):
		f.fail("audit log", "find out who can write to Redis; compare with the entries in the service's log", "%v", err)
	case err != nil:
		f.unseen("audit log", "%v", err)
	default:
		f.ok("audit log", "%d entries, all in order", n)
	}
}

// stored looks for tenants whose settings cannot be read: their lanes rest. Whoever
// asks about one tenant is not told of the others.
func (e Examination) stored(ctx context.Context, f *findings) {
	const name = "settings of all tenants"
	all, err := e.Rooms.Tenants.List(ctx)
	if err != nil {
		f.unseen(name, "%v", err)
		return
	}
	all = slices.DeleteFunc(all, func(t *tenant.Tenant) bool { return t.Damage() == "" })
	for _, t := range all {
		f.fail(name, "ml-connector tenant apply with the tenant's file and all of its credentials, or tenant rm "+t.ID, "%s: %s", t.ID, t.Damage())
	}
	if len(all) == 0 {
		f.ok(name, "can be read")
	}
}

func (e Examination) tenant(ctx context.Context, f *findings, t *tenant.Tenant) {
	t, creds, err := e.Rooms.Tenants.Load(ctx, t.ID)
	switch {
	case errors.Is(err, tenant.ErrTampered):
		f.fail("stored settings", "apply the tenant again from its file, and find out who can write to Redis", "%v", err)
		return
	case err != nil:
		f.fail("stored settings", "apply the tenant again with its credentials", "%v", err)
		return
	}
	e.version(ctx, f, t)
	if t.Paused != "" {
		f.fail("not paused", "ml-connector tenant resume "+t.ID, "it is paused: %s", t.Paused)
	}
	e.webhook(ctx, f, t, creds)
	e.publicURL(ctx, f, t)
	e.certificate(f, t, creds)
	tr, ns, c7 := watched(e.Transports, cmp.Or(e.Silence, silence))
	base := e.netsuite(ctx, f, t, creds, tr)
	ns.skew(f, "clock of NetSuite")
	e.cin7(ctx, f, t, creds, tr, base)
	c7.skew(f, "clock of Cin7")
}

// quietFor is how long no webhook may have come before that is worth a word.
const quietFor = 7 * 24 * time.Hour

func (e Examination) webhook(ctx context.Context, f *findings, t *tenant.Tenant, creds tenant.Credentials) {
	uses, err := e.Rooms.Tenants.WebhookUses(ctx, t.ID)
	if err != nil {
		f.unseen("webhook", "%v", err)
		return
	}
	for i, s := range creds.WebhookSecrets {
		if weak(s.Reveal()) {
			f.fail("webhook secret", "ml-connector tenant rotate-secret "+t.ID+", enter the new URL in NetSuite, then --retire-old", "secret %d is one that can be guessed: too few different characters, or the same ones again", i+1)
			return
		}
	}
	if len(creds.WebhookSecrets) > 0 {
		f.ok("webhook secret", "%d live", len(creds.WebhookSecrets))
	}
	if len(creds.WebhookSecrets) > 1 {
		if old, err := e.Rooms.Tenants.LookAtOldSecret(ctx, t.ID, e.Now()); err == nil && old.Warning == "" {
			f.fail("old webhook secret", "ml-connector tenant rotate-secret "+t.ID+" --retire-old", "two secrets are live and the old one is no longer used")
		}
	}
	for _, u := range uses.Refused {
		if e.Now().Sub(u.Last) < quietFor {
			f.fail("webhook addresses", "if that is NetSuite, add it to webhook.allowlist; if it is your own proxy, set MLC_TRUSTED_PROXIES", "posts with the right secret were refused from %s, the last %s", u.Name, u.Last.Format(time.RFC3339))
			break
		}
	}
	if t.Subscriptions() {
		last := time.Time{}
		for _, u := range uses.Addresses {
			if u.Last.After(last) {
				last = u.Last
			}
		}
		switch {
		case last.IsZero() && e.Now().Sub(t.AppliedAt) > quietFor:
			f.fail("webhooks arrive", "check the script deployment in NetSuite and the URL (docs/netsuite-setup.md), or set poll.subscriptions: false", "none has come since the tenant was applied")
		case !last.IsZero() && e.Now().Sub(last) > quietFor:
			f.fail("webhooks arrive", "check the script deployment in NetSuite and the URL (docs/netsuite-setup.md)", "the last came %s", last.Format(time.RFC3339))
		case last.IsZero():
			f.ok("webhooks arrive", "none yet; polls find what they would tell")
		default:
			f.ok("webhooks arrive", "the last came %s", last.Format(time.RFC3339))
		}
	}
}

// weak reports a secret that a person made up: long enough, but of few
// different characters, or a piece that is written again and again. Of random
// ones nearly all pairs are different; sixty are enough for a long one of hex
// digits, of which there are 256 pairs.
func weak(s string) bool {
	chars, pairs := map[byte]bool{}, map[string]bool{}
	for i := range len(s) {
		chars[s[i]] = true
		if i > 0 {
			pairs[s[i-1:i+1]] = true
		}
	}
	return len(chars) < 8 || 2*len(pairs) < min(len(s)-1, 120)
}

// certificateWarning is how early the end of a certificate is told of;
// NetSuite takes none that lasts longer than two years.
const certificateWarning = 30 * 24 * time.Hour

func (e Examination) certificate(f *findings, t *tenant.Tenant, creds tenant.Credentials) {
	const name, fix = "NetSuite certificate", "make a new pair (ml-connector netsuite keygen), add the certificate on the M2M page, and apply certificate_id and private_key"
	if t.NetSuite.Certificate == "" {
		f.unseen(name, "netsuite.certificate_file is not given, so its end cannot be warned of")
		return
	}
	b, _ := pem.Decode([]byte(t.NetSuite.Certificate))
	if b == nil {
		f.fail(name, "give the public certificate that was uploaded to NetSuite", "it is not PEM")
		return
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		f.fail(name, "give the public certificate that was uploaded to NetSuite", "it cannot be read")
		return
	}
	left := c.NotAfter.Sub(e.Now())
	switch pub, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); {
	case !ok || !pub.Equal(netsuite.PublicKey(creds.NetSuiteKeyPEM)):
		f.fail(name, "give the certificate and the private key of one pair, and the certificate_id of that certificate", "it does not belong to the private key")
	case left <= 0:
		f.fail(name, fix, "it ended %s", c.NotAfter.Format(time.DateOnly))
	case left < certificateWarning:
		f.fail(name, fix, "it ends %s, in %d days", c.NotAfter.Format(time.DateOnly), int(left.Hours()/24))
	case e.Now().Before(c.NotBefore):
		f.fail(name, "wait, or make a new pair", "it begins %s", c.NotBefore.Format(time.DateOnly))
	default:
		f.ok(name, "%d days left", int(left.Hours()/24))
	}
}

// canaries are what the role must be able to read, each by its smallest query
// (contract 3).
var canaries = []struct{ name, query, permission string }{
	{"vendor", "SELECT COUNT(*) AS n FROM vendor", "Lists > Vendors"},
	{"contact", "SELECT COUNT(*) AS n FROM contact", "Lists > Contacts"},
	{"transaction", "SELECT COUNT(*) AS n FROM transaction WHERE type IN ('PurchOrd', 'VendBill', 'ItemRcpt')", "Transactions > Find Transaction, Purchase Order, Bills, Item Receipt"},
	{"transactionline", "SELECT COUNT(*) AS n FROM transactionline", "Transactions > Find Transaction"},
	{"transactionaccountingline", "SELECT COUNT(*) AS n FROM transactionaccountingline", "Transactions > Find Transaction, Lists > Accounts"},
	{"account", "SELECT COUNT(*) AS n FROM account", "Lists > Accounts"},
	{"item", "SELECT COUNT(*) AS n FROM item", "Lists > Items"},
	{"currency", "SELECT COUNT(*) AS n FROM currency", "Lists > Currency"},
	{"term", "SELECT COUNT(*) AS n FROM term", "Lists > Accounting Lists"},
	{"previoustransactionlinelink", "SELECT COUNT(*) AS n FROM previoustransactionlinelink", "Transactions > Find Transaction"},
	{"deletedrecord", "SELECT COUNT(*) AS n FROM deletedrecord", "Setup > Deleted Records"},
}

// mayBeEmpty are tables that a new account has nothing in.
var mayBeEmpty = map[string]bool{"vendor": true, "contact": true, "transaction": true, "transactionline": true, "transactionaccountingline": true, "item": true,
	"term": true, "previoustransactionlinelink": true, "deletedrecord": true}

// netsuite returns the codes of the currencies, the base currency's first.
func (e Examination) netsuite(ctx context.Context, f *findings, t *tenant.Tenant, creds tenant.Credentials, tr handlers.Transports) currencies {
	client, err := handlers.NetSuiteClient(t, creds, tr, nil, nil)
	if err == nil {
		err = client.Ping(ctx)
	}
	var ne *netsuite.Error
	switch {
	case errors.Is(err, netsuite.ErrHidden):
		// The token works; the table that the ping reads is told of below.
	case errors.As(err, &ne):
		fix := ne.Remedy
		if fix == "" {
			fix = "look whether NetSuite can be reached from here, and try again"
		}
		plain := *ne
		plain.Remedy = ""
		f.fail("NetSuite token", fix, "%v", &plain)
		return currencies{}
	case ctx.Err() != nil:
		f.unseen("NetSuite token", "the time was over")
		return currencies{}
	case err != nil:
		f.fail("NetSuite token", "correct the netsuite section and apply it again", "%v", err)
		return currencies{}
	}
	f.ok("NetSuite token", "account %s", t.NetSuite.AccountID)
	seen := map[string]string{}
	for _, c := range canaries {
		name := "NetSuite table " + c.name
		rows, err := client.Query(ctx, "doctor", c.query)
		n, nerr := count(rows)
		switch {
		case err != nil:
			f.fail(name, "give the integration role the permission "+c.permission, "%v", err)
		case nerr != nil:
			f.unseen(name, "%v", nerr)
		case n == "0" && !mayBeEmpty[c.name]:
			f.fail(name, "give the integration role the permission "+c.permission+" without a restriction to subsidiaries or own records", "the role sees none")
		default:
			f.ok(name, "%s rows", n)
			seen[c.name] = n
		}
	}
	if _, err := client.HighWater(ctx, netsuite.TypeVendor); err != nil {
		f.fail("NetSuite dates", "the poller needs TO_CHAR on lastmodifieddate: "+remedyOf(err), "%v", err)
	} else {
		f.ok("NetSuite dates", "change times can be read in one fixed form")
	}
	if len(seen) < len(canaries) {
		return currencies{} // the rest rests on these
	}
	e.shown(ctx, f, t, client, seen)
	e.columns(ctx, f, t, client)
	e.zone(ctx, f, t, client)
	return currenciesOf(ctx, client)
}

func remedyOf(err error) string {
	var ne *netsuite.Error
	if errors.As(err, &ne) && ne.Remedy != "" {
		return ne.Remedy
	}
	return "see the message"
}

func count(rows []netsuite.Row) (string, error) {
	if len(rows) != 1 {
		return "", fmt.Errorf("%d rows where one was asked for", len(rows))
	}
	if rows[0]["n"] == "" {
		return "", errors.New("the answer has no count")
	}
	return rows[0]["n"], nil
}

func (e Examination) cin7(ctx context.Context, f *findings, t *tenant.Tenant, creds tenant.Credentials, tr handlers.Transports, there currencies) {
	const keys = "check cin7.account_id and cin7.application_key under Integrations > API in Cin7 Core, and cin7.base_url"
	client, err := handlers.Cin7Client(t, creds, tr, nil, e.Rooms.Budget.Patient(creds.Cin7Key, t.Cin7.CallsPerMinute, time.Now), nil, nil)
	var me cin7.Me
	if err == nil {
		me, err = client.Me(ctx)
	}
	if ctx.Err() != nil {
		f.unseen("Cin7 keys", "the time was over")
		return
	}
	if err != nil {
		fix := keys
		if !errors.Is(err, cin7.ErrCredentials) {
			fix = "look whether Cin7 can be reached from here, and " + keys
		}
		f.fail("Cin7 keys", fix, "%v", err)
		return
	}
	f.ok("Cin7 keys", "company %s, base currency %s", me.Company, me.Currency)
	f.checks = append(f.checks, companies(ctx, e.Rooms.Tenants, t, me.Company))
	e.deployments(ctx, f, t, client)
	if lock := string(me.LockDate); lock != "" && lock >= e.Now().Format(time.DateOnly) {
		f.fail("Cin7 lock date", "set the lock date back under Settings > General in Cin7 Core", "it is %s: nothing can be posted", lock)
	} else {
		f.ok("Cin7 lock date", "%s", orNone(lock))
	}
	there.compare(f, t, me.Currency)
	e.names(ctx, f, t, client)
	f.unseen("Cin7 put-away", "the API does not tell the setting Use Put Away; cin7.use_put_away is %v, compare it under Settings > General", t.PutAway())
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
