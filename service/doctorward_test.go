package service_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

func auditEntry(action, tenantID string) audit.Entry {
	return audit.Entry{Actor: "test", Action: action, Tenant: tenantID}
}

func (w *ward) mapping(edit func(*tenant.Mapping)) {
	w.t.Helper()
	tn, err := w.e.Rooms.Tenants.Get(w.t.Context(), tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	m := tn.Sync.Mapping
	edit(&m)
	if _, err := w.e.Rooms.Tenants.SetMapping(w.t.Context(), tenantID, tn.Version, m); err != nil {
		w.t.Fatal(err)
	}
}

// knock shows a secret at the door.
func (w *ward) knock(from, sec string) {
	w.t.Helper()
	door := tenant.NewDoor(w.e.Rooms.Tenants)
	if _, err := door.Check(w.t.Context(), tenantID, netip.MustParseAddr(from), sec); err != nil {
		w.t.Fatal(err)
	}
	if err := door.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// tamper does what somebody with a Redis client would do to get at the keys.
func (w *ward) tamper() {
	w.t.Helper()
	key := "mlc:{" + tenantID + "}:cfg"
	doc := w.rdb.HGet(w.t.Context(), key, "document").Val()
	changed := strings.Replace(doc, "/ExternalApi/v2", "/elsewhere", 1)
	if changed == doc {
		w.t.Fatal("nothing was changed")
	}
	w.rdb.HSet(w.t.Context(), key, "document", changed)
}

// putBack puts the tenant back as it was before it was changed once more,
// settings and sealed credentials together.
func (w *ward) putBack() {
	w.t.Helper()
	ctx := w.t.Context()
	keys := []string{queue.KeyConfig(tenantID), queue.KeySealed(tenantID)}
	var before []map[string]string
	for _, k := range keys {
		before = append(before, w.rdb.HGetAll(ctx, k).Val())
	}
	change, err := w.e.Rooms.Audit.Begin(ctx, auditEntry("tenant apply", tenantID))
	if err != nil {
		w.t.Fatal(err)
	}
	tn, err := w.e.Rooms.Tenants.Get(ctx, tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.e.Rooms.Tenants.Apply(audit.In(ctx, change), tn, tenant.Credentials{}); err != nil {
		w.t.Fatal(err)
	}
	if err := change.End(ctx, "done"); err != nil {
		w.t.Fatal(err)
	}
	for i, k := range keys {
		w.rdb.Del(ctx, k)
		w.rdb.HSet(ctx, k, before[i])
	}
}

// empty takes all rows out of a table of NetSuite, as a restriction of the
// role does.
func (w *ward) empty(table string) {
	w.t.Helper()
	if err := w.world.NetSuite.Exec("DELETE FROM " + table); err != nil {
		w.t.Fatal(err)
	}
}

// anchor is what tells NetSuite's time zone.
func (w *ward) anchor() netsuite.Anchor {
	w.t.Helper()
	tn, creds, err := w.e.Rooms.Tenants.Load(w.t.Context(), tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := handlers.NetSuiteClient(tn, creds, w.e.Transports, nil, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	a, ok, err := client.Anchor(w.t.Context(), 0)
	if err != nil || !ok {
		w.t.Fatal(ok, err)
	}
	return a
}

func (w *ward) otherKeyset() {
	w.t.Helper()
	ks, err := secret.Ephemeral()
	if err != nil {
		w.t.Fatal(err)
	}
	w.e.Rooms.Tenants = tenant.NewStore(w.rdb, ks)
}

// certify applies a certificate.
func (w *ward) certify(pemText string) {
	w.t.Helper()
	tn, err := w.e.Rooms.Tenants.Get(w.t.Context(), tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	tn.NetSuite.Certificate = pemText
	if _, err := w.e.Rooms.Tenants.Apply(w.t.Context(), tn, tenant.Credentials{}); err != nil {
		w.t.Fatal(err)
	}
}

// certificateOf makes a certificate that lasts for some days, of a key or of
// any other.
func certificateOf(t *testing.T, days int, keyPEM []byte) string {
	t.Helper()
	var signer crypto.Signer
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer = other
	if keyPEM != nil {
		b, _ := pem.Decode(keyPEM)
		k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		signer = k.(crypto.Signer)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ml-connector"}, NotBefore: time.Now().AddDate(0, 0, -60), NotAfter: time.Now().AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// mute is a transport that a firewall swallows everything of.
type mute struct{}

func (mute) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// silent lets one of the systems never answer.
func (w *ward) silent(which func(*handlers.Transports) *http.RoundTripper) {
	*which(&w.e.Transports) = mute{}
	w.e.Silence = time.Second
}
