package tenant

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/secret"
)

// checker collects everything that is wrong with a document.
type checker struct{ problems []string }

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(c.problems, "\n"))
}

var (
	idForm      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,62}$`)
	accountForm = regexp.MustCompile(`^[A-Za-z0-9]+([_-][A-Za-z0-9]+)?$`)
	guidForm    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	secretForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{32,}$`)
)

// check finds everything wrong with a document and fills the parsed fields of
// t. Credentials may be absent: Store.Apply knows whether stored ones do.
func (c *checker) check(d *Document, creds Credentials, o Options, t *Tenant) {
	if !idForm.MatchString(d.ID) {
		c.add("id", "%q: want 2 to 63 of a-z, 0-9 and -, starting with a letter or digit", d.ID)
	}
	c.netsuite(&d.NetSuite, creds, o)
	c.cin7(&d.Cin7, o)
	c.webhook(&d.Webhook, t)
	c.bodies(&d.Webhook)
	if d.Poll.Every != "" {
		if next, err := ParseSchedule(d.Poll.Every); err != nil {
			c.add("poll.every", "%v", err)
		} else if gap, most := longestGap(d.Poll.Every, next); gap > most {
			c.add("poll.every", "%q: %s would pass without a poll, want at most %s: what no webhook told is found by polls alone", d.Poll.Every, gap, most)
		}
	}
	c.reconcile(&d.Reconcile)
	c.sync(&d.Sync, t)
}

func (c *checker) netsuite(n *NetSuite, creds Credentials, o Options) {
	if !accountForm.MatchString(n.AccountID) {
		c.add("netsuite.account_id", "%q: want the account id of Company Information, for example 1234567 or 1234567_SB1", n.AccountID)
	}
	if n.ClientID == "" {
		c.add("netsuite.client_id", "is missing: copy the client id of the integration record")
	}
	if n.CertificateID == "" {
		c.add("netsuite.certificate_id", "is missing: copy the Certificate ID of the OAuth 2.0 Client Credentials (M2M) Setup page")
	}
	if !creds.NetSuiteKeyPEM.IsZero() {
		if err := checkKey(creds.NetSuiteKeyPEM); err != nil {
			c.add("netsuite.private_key", "%v", err)
		}
	}
	if n.Certificate != "" {
		if b, _ := pem.Decode([]byte(n.Certificate)); b == nil || b.Type != "CERTIFICATE" {
			c.add("netsuite.certificate", "is not a PEM certificate: give the public certificate that was uploaded to NetSuite")
		}
	}
	c.endpoint("netsuite.base_url", n.BaseURL, o)
	if n.AccountingBook < 1 {
		c.add("netsuite.accounting_book", "%d: want the internal id of the accounting book, 1 for the primary one", n.AccountingBook)
	}
	if n.MaxConcurrency < 1 || n.MaxConcurrency > 50 {
		c.add("netsuite.max_concurrency", "%d: want 1 to 50; NetSuite's own limit is shared with everything else of the company", n.MaxConcurrency)
	}
}

// checkKey says what is wrong with a private key, in words that tell what to
// do (contract netsuite 1.5: RSA 3072 or 4096, EC P-256, P-384 or P-521).
func checkKey(key secret.String) error {
	const remedy = "make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out netsuite-key.pem"
	b, _ := pem.Decode([]byte(key.Reveal()))
	if b == nil {
		return errors.New("is not PEM: want the text from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY----- with its line breaks")
	}
	switch {
	case strings.Contains(b.Type, "CERTIFICATE"), strings.Contains(b.Type, "PUBLIC"):
		return fmt.Errorf("is a %s: give the private key that belongs to it", strings.ToLower(b.Type))
	case strings.Contains(b.Type, "ENCRYPTED"), b.Headers["DEK-Info"] != "":
		return errors.New("is encrypted with a passphrase: decrypt it with openssl pkey -in key.pem -out plain.pem; it is sealed again when it is stored")
	}
	parsed, err := parseKey(b)
	if err != nil {
		return err
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n != 3072 && n != 4096 {
			return fmt.Errorf("is an RSA key of %d bits; NetSuite takes 3072 or 4096: %s", n, remedy)
		}
	case *ecdsa.PrivateKey:
		if c := k.Curve; c != elliptic.P256() && c != elliptic.P384() && c != elliptic.P521() {
			return fmt.Errorf("is on the curve %s; NetSuite takes P-256, P-384 or P-521: %s", c.Params().Name, remedy)
		}
	default:
		return fmt.Errorf("is neither RSA nor EC; NetSuite takes no other kind: %s", remedy)
	}
	return nil
}

func parseKey(b *pem.Block) (any, error) {
	switch b.Type {
	case "RSA PRIVATE KEY":
		if k, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
			return k, nil
		}
	case "EC PRIVATE KEY":
		if k, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
			return k, nil
		}
	case "PRIVATE KEY":
		k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		if err == nil {
			return k, nil
		}
		// OID 1.2.840.113549.1.1.10: the key is bound to PSS; Go does not read that.
		if strings.Contains(string(b.Bytes), "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a") {
			return nil, errors.New("is of type RSASSA-PSS: make a plain RSA key (openssl genpkey -algorithm RSA); it signs PS256 all the same")
		}
	default:
		return nil, fmt.Errorf("is PEM of type %q: want a PRIVATE KEY", b.Type)
	}
	return nil, errors.New("is damaged: its PEM frame is right but the key inside cannot be read; copy the file again")
}

func (c *checker) cin7(n *Cin7, o Options) {
	if !guidForm.MatchString(n.AccountID) {
		c.add("cin7.account_id", "%q: want the GUID shown under Integrations > API in Cin7 Core", n.AccountID)
	}
	c.endpoint("cin7.base_url", n.BaseURL, o)
	limit := 60 // documented (contract cin7 3)
	if o.AllowPrivateEndpoints && n.BaseURL != "" {
		limit = 100_000 // a simulator allows what it is told to
	}
	if n.CallsPerMinute < 1 || n.CallsPerMinute > limit {
		c.add("cin7.calls_per_minute", "%d: want 1 to %d", n.CallsPerMinute, limit)
	}
}

// endpoint checks a base URL. Addresses behind a name are checked again when
// it is dialled.
func (c *checker) endpoint(path, raw string, o Options) {
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		// What is told of it is no more than the host: the rest may hold a password.
		host := "it"
		if err == nil && u.Host != "" {
			host = strconv.Quote(u.Host)
		}
		c.add(path, "%s: want https://host without user, query or fragment", host)
		return
	}
	if o.AllowPrivateEndpoints {
		return
	}
	if u.Scheme != "https" {
		c.add(path, "%q: want https; MLC_ALLOW_PRIVATE_ENDPOINTS=true allows http, for simulators only", raw)
	}
	a, err := netip.ParseAddr(u.Hostname())
	private := err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified())
	if private || u.Hostname() == "localhost" {
		c.add(path, "%q is a private address; MLC_ALLOW_PRIVATE_ENDPOINTS=true allows it, for simulators only", raw)
	}
}

func (c *checker) webhook(w *Webhook, t *Tenant) {
	if !slices.Contains([]string{RequireSecret, RequireAllowlist, RequireBoth}, w.Require) {
		c.add("webhook.require", "%q: want secret, allowlist or both", w.Require)
	}
	if len(w.Secrets) > 2 {
		c.add("webhook.secrets", "%d secrets: at most two are live at once", len(w.Secrets))
	}
	for i, s := range w.Secrets {
		if !secretForm.MatchString(s.Reveal()) {
			c.add(fmt.Sprintf("webhook.secrets[%d]", i), "has %d characters: want at least 32 of A-Z a-z 0-9 _ -; make one with: openssl rand -hex 32", len(s.Reveal()))
		}
	}
	list, err := allowlist.Parse(w.Allowlist)
	if err != nil {
		c.add("webhook", "%v", err)
	}
	t.Allow = list
	if wide, ok := list.Wide(); ok && w.Require == RequireAllowlist {
		c.add("webhook.allowlist", "%s lets so many in that it keeps nobody out, and no secret is asked for: list NetSuite's own networks, or set webhook.require to both", wide)
	}
	if w.Require != RequireSecret && len(w.Allowlist) == 0 {
		c.add("webhook.allowlist", "is empty, but webhook.require is %s: list the addresses that NetSuite posts from", w.Require)
	}
}

// pathForm is a path into a webhook's body: keys joined by dots.
var pathForm = regexp.MustCompile(`^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+){0,9}$`)

// maxPaths is more than any script needs.
const maxPaths = 10

// bodies checks the hints for reading a webhook's body.
func (c *checker) bodies(w *Webhook) {
	for name, paths := range map[string][]string{"webhook.id_paths": w.IDPaths, "webhook.type_paths": w.TypePaths} {
		if len(paths) > maxPaths {
			c.add(name, "%d paths: at most %d are looked at", len(paths), maxPaths)
		}
		for i, p := range paths {
			if !pathForm.MatchString(p) {
				c.add(fmt.Sprintf("%s[%d]", name, i), "%.60q: want keys joined by dots, for example status.orderId", p)
			}
		}
	}
	if w.DefaultType != "" && !slices.Contains(recordTypes, w.DefaultType) {
		c.add("webhook.default_type", "%q: want one of %s", w.DefaultType, strings.Join(recordTypes, ", "))
	}
}

func (c *checker) sync(s *Sync, t *Tenant) {
	one := func(path, v string, allowed ...string) {
		if !slices.Contains(allowed, v) {
			c.add(path, "%q: want %s", v, strings.Join(allowed, ", "))
		}
	}
	for _, typ := range s.Types {
		one("sync.types", typ, recordTypes...)
	}
	one("sync.approach", s.Approach, "INVOICE", "STOCK")
	one("sync.receive_on", s.ReceiveOn, ReceiveOnItemReceipt, ReceiveOnBillApproved, ReceiveOnBillPaid, ReceiveOnNever)
	one("sync.standalone_bills", s.StandaloneBills, StandalonePurchase, StandaloneJournal, StandaloneSkip)
	one("sync.closed_period", s.ClosedPeriod, ClosedPeriodPark, ClosedPeriodNextDay)
	one("sync.mode", s.Mode, ModeLive, ModePlanOnly)
	one("sync.after_post_change", s.AfterPostChange, AfterPostPark, AfterPostRepost)
	for path, v := range map[string]string{"sync.location": s.Location, "sync.tax_rule": s.TaxRule, "sync.payment_term": s.PaymentTerm} {
		if strings.TrimSpace(v) == "" {
			c.add(path, "is missing: name one that exists in Cin7")
		}
	}
	if s.Start != "" {
		if _, err := time.Parse(time.DateOnly, s.Start); err != nil {
			c.add("sync.start", "%q: want a date such as 2026-11-01", s.Start)
		}
		t.StartDate = s.Start
	}
	if s.ApproveAbove != "" {
		d, err := decimal.NewFromString(s.ApproveAbove)
		if err != nil || d.IsNegative() {
			c.add("sync.approve_above", "%q: want an amount in base currency such as 10000.00", s.ApproveAbove)
		}
		t.ApproveLimit = d
	}
	for name, table := range map[string]map[string]string{"accounts": s.Mapping.Accounts, "terms": s.Mapping.Terms, "tax": s.Mapping.Tax,
		"locations": s.Mapping.Locations, "charges": s.Mapping.Charges, "currencies": s.Mapping.Currencies, "items": s.Mapping.Items, "units": s.Mapping.Units} {
		for k, v := range table {
			if strings.TrimSpace(k) == "" || strings.TrimSpace(v) == "" {
				c.add("sync.mapping."+name, "%q: %q: neither side may be empty", k, v)
			}
		}
	}
	slices.Sort(c.problems)
}

// minEvery is the shortest poll interval: NetSuite's slots are shared with the
// whole company.
const minEvery = 30 * time.Second

// The polls are what finds whatever no webhook told. A cron line may leave out
// a weekend with the days beside it.
const (
	maxEvery   = 24 * time.Hour
	maxCronGap = 4 * 24 * time.Hour
)

// longestGap is the longest time between two polls, and the longest that may
// be: of a cron line, within the first weeks of a year.
func longestGap(every string, next func(time.Time) time.Time) (gap, most time.Duration) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := time.ParseDuration(every); err == nil || strings.HasPrefix(every, "@every") {
		return next(at).Sub(at), maxEvery
	}
	for end := at.AddDate(0, 0, 28); at.Before(end); {
		then := next(at)
		gap, at = max(gap, then.Sub(at)), then
	}
	return gap, maxCronGap
}

// ParseSchedule reads poll.every: a duration of at least 30 s, or a cron line
// of five fields in UTC. It returns the next time after a given one.
func ParseSchedule(s string) (func(after time.Time) time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		if d < minEvery {
			return nil, fmt.Errorf("%q: want at least %s", s, minEvery)
		}
		return func(after time.Time) time.Time { return after.Add(d) }, nil
	}
	sched, err := cron.ParseStandard(s)
	if err != nil {
		return nil, fmt.Errorf("%q: want a duration such as 15m, or a cron line of five fields such as */10 6-20 * * 1-5", s)
	}
	if every, ok := sched.(cron.ConstantDelaySchedule); ok && every.Delay < minEvery { // @every, which cron reads too
		return nil, fmt.Errorf("%q: want at least %s", s, minEvery)
	}
	next := func(after time.Time) time.Time { return sched.Next(after.UTC()) }
	if next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q never comes about: correct the day or the month", s)
	}
	return next, nil
}
