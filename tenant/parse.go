package tenant

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/internal/strictjson"
	"github.com/ml-connector/ml-connector/internal/strictyaml"
	"github.com/ml-connector/ml-connector/secret"
)

// maxDocument is far more than any tenant file; a larger one is a mistake.
const maxDocument = 1 << 20

// ParseYAML reads a tenant file, fills defaults and checks it. Errors name the
// line, the value and the remedy, and never a secret.
func ParseYAML(data []byte, o Options) (*Tenant, Credentials, error) {
	if len(data) > maxDocument {
		return nil, Credentials{}, fmt.Errorf("tenant file has %d bytes, at most %d are read", len(data), maxDocument)
	}
	var d Document
	switch err := strictyaml.Decode(data, &d); {
	case errors.Is(err, io.EOF):
		return nil, Credentials{}, errors.New("the tenant file is empty")
	case errors.Is(err, strictyaml.ErrMore):
		return nil, Credentials{}, errors.New("the tenant file holds more than one document: write one file per tenant")
	case err != nil:
		return nil, Credentials{}, yamlError(err)
	}
	return finish(d, o)
}

// ParseJSON is ParseYAML for the body of PUT /tenants/{id}.
func ParseJSON(data []byte, o Options) (*Tenant, Credentials, error) {
	if len(data) > maxDocument {
		return nil, Credentials{}, fmt.Errorf("tenant document has %d bytes, at most %d are read", len(data), maxDocument)
	}
	var d Document
	if err := strictjson.Check(data, &d); err != nil {
		return nil, Credentials{}, fmt.Errorf("the tenant document is not what it should be: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, Credentials{}, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Credentials{}, errors.New("the tenant document is followed by something else")
	}
	return finish(d, o)
}

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// yamlError says which key may have been meant.
func yamlError(err error) error {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%w%s", err, didYouMean(m[1]))
	}
	return err
}

func jsonError(err error) error {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s%s", strings.TrimPrefix(err.Error(), "json: "), didYouMean(m[1]))
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s: %s", cmp.Or(wrong.Field, "the document"), strictjson.WrongType(wrong))
	}
	return fmt.Errorf("the tenant document is not what it should be: %w", err)
}

func didYouMean(key string) string {
	best, distance := "", 4
	for _, k := range knownKeys(reflect.TypeFor[Document]()) {
		if d := levenshtein.Distance(key, k, nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// knownKeys are all keys of a document, at any depth.
func knownKeys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		out = append(out, f.Tag.Get("yaml"))
		if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == t.PkgPath() {
			out = append(out, knownKeys(f.Type)...)
		}
	}
	return out
}

// finish resolves references, fills defaults and checks the whole document.
func finish(d Document, o Options) (*Tenant, Credentials, error) {
	var c checker
	c.expand(&d, o)
	c.files(&d, o)
	defaults(&d)
	t := &Tenant{}
	creds := Credentials{NetSuiteKeyPEM: d.NetSuite.PrivateKey, Cin7Key: d.Cin7.ApplicationKey, WebhookSecrets: slices.Clone(d.Webhook.Secrets)}
	c.check(&d, creds, o, t)
	if err := c.err(); err != nil {
		return nil, Credentials{}, err
	}
	t.Document = d
	t.strip()
	return t, creds, nil
}

// strip empties the secrets and what only said where they come from.
func (t *Tenant) strip() {
	t.NetSuite.PrivateKey, t.NetSuite.PrivateKeyFile, t.NetSuite.CertificateFile = secret.String{}, "", ""
	t.Cin7.ApplicationKey, t.Cin7.ApplicationKeyFile = secret.String{}, ""
	t.Webhook.Secrets = nil
}

// parsed fills the fields of a Tenant that are computed from its document,
// which has been checked before.
func (t *Tenant) parsed() error {
	var err error
	if t.Allow, err = allowlist.Parse(t.Webhook.Allowlist); err != nil {
		return err
	}
	if t.Sync.ApproveAbove != "" {
		if t.ApproveLimit, err = decimal.NewFromString(t.Sync.ApproveAbove); err != nil {
			return fmt.Errorf("sync.approve_above %q: %w", t.Sync.ApproveAbove, err)
		}
	}
	t.StartDate = t.Sync.Start
	return nil
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces ${NAME} in every text of the document.
func (c *checker) expand(d *Document, o Options) {
	one := func(path, s string) string {
		return reference.ReplaceAllStringFunc(s, func(m string) string {
			name := m[2 : len(m)-1]
			if o.Getenv == nil {
				c.add(path, "%s: variables are not resolved here: write the value", m)
				return ""
			}
			v := o.Getenv(name)
			if v == "" {
				c.add(path, "the variable %s is not set: export it before applying", name)
			}
			return v
		})
	}
	walkStrings(reflect.ValueOf(d).Elem(), "", one)
	d.NetSuite.PrivateKey = secret.New(one("netsuite.private_key", d.NetSuite.PrivateKey.Reveal()))
	d.Cin7.ApplicationKey = secret.New(one("cin7.application_key", d.Cin7.ApplicationKey.Reveal()))
	for i, s := range d.Webhook.Secrets {
		d.Webhook.Secrets[i] = secret.New(one(fmt.Sprintf("webhook.secrets[%d]", i), s.Reveal()))
	}
}

// walkStrings applies f to every string of a document but the secrets.
func walkStrings(v reflect.Value, path string, f func(path, s string) string) {
	join := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f(path, v.String()))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[secret.String]() {
			return
		}
		for i := range v.NumField() {
			walkStrings(v.Field(i), join(v.Type().Field(i).Tag.Get("yaml")), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkStrings(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.ValueOf(f(join(k.String()), v.MapIndex(k).String())))
		}
	}
}

// files reads the *_file fields.
func (c *checker) files(d *Document, o Options) {
	read := func(path, file string) string {
		if file == "" {
			return ""
		}
		if o.ReadFile == nil {
			c.add(path, "files are not read here: give the value itself")
			return ""
		}
		b, err := o.ReadFile(file)
		if err != nil {
			c.add(path, "%v", err)
		}
		return string(b)
	}
	if s := read("netsuite.private_key_file", d.NetSuite.PrivateKeyFile); s != "" {
		if !d.NetSuite.PrivateKey.IsZero() {
			c.add("netsuite.private_key_file", "private_key is given too: keep one of the two")
		}
		d.NetSuite.PrivateKey = secret.New(s)
	}
	if s := read("netsuite.certificate_file", d.NetSuite.CertificateFile); s != "" {
		d.NetSuite.Certificate = s
	}
	if s := read("cin7.application_key_file", d.Cin7.ApplicationKeyFile); s != "" {
		if !d.Cin7.ApplicationKey.IsZero() {
			c.add("cin7.application_key_file", "application_key is given too: keep one of the two")
		}
		d.Cin7.ApplicationKey = secret.New(strings.TrimSpace(s))
	}
}

// defaults fills what was left out (INTERFACES section 3).
func defaults(d *Document) {
	text := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	count := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	text(&d.Name, d.ID)
	count(&d.NetSuite.AccountingBook, 1)
	count(&d.NetSuite.MaxConcurrency, 2)
	count(&d.Cin7.CallsPerMinute, 50)
	text(&d.Webhook.Require, RequireSecret)
	if len(d.Sync.Types) == 0 {
		d.Sync.Types = slices.Clone(recordTypes)
	}
	text(&d.Sync.Approach, "INVOICE")
	text(&d.Sync.ReceiveOn, ReceiveOnItemReceipt)
	text(&d.Sync.StandaloneBills, StandalonePurchase)
	text(&d.Sync.ClosedPeriod, ClosedPeriodPark)
	text(&d.Sync.Mode, ModeLive)
	text(&d.Sync.AfterPostChange, AfterPostPark)
}

// recordTypes are the types that may be synced, all by default.
var recordTypes = []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}
