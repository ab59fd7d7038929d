package steer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/steer"
	"github.com/ml-connector/ml-connector/tenant"
)

// open is a desk with the tenant acme, whose bill 7 is parked for an unmapped
// account.
func open(t *testing.T) (*steer.Desk, *tenant.Tenant, redis.UniversalClient) {
	t.Helper()
	ctx, rdb := t.Context(), redistest.Embedded(t)
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	d := &steer.Desk{Queue: queue.New(rdb, queue.Options{}), States: state.New(rdb), Tenants: tenant.NewStore(rdb, ks),
		Audit: audit.New(rdb, func(context.Context) ([]byte, error) { return []byte("the installation's key"), nil }, zap.NewNop()),
		Now:   func() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]any{
		"id": "acme", "name": "Acme Distribution",
		"netsuite": map[string]any{"account_id": "1234567_SB1", "client_id": "3f00", "certificate_id": "Zk00", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))},
		"cin7":     map[string]any{"account_id": "704ef231-0000-4000-8000-000000000001", "application_key": "cin7-key-cin7-key-cin7-key-cin7-key"},
		"webhook":  map[string]any{"secrets": []string{"hook-secret_hook-secret_hook-secret"}},
		"sync":     map[string]any{"location": "Main Warehouse", "tax_rule": "Tax on Purchases", "payment_term": "30 days"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tn, creds, err := tenant.ParseJSON(doc, tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tn, err = d.Tenants.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	k := queue.Ref{Type: "vendorbill", ID: "7"}
	if _, err := d.Queue.Mark(ctx, "acme", queue.Live, queue.Mark{Ref: k, Source: "webhook"}); err != nil {
		t.Fatal(err)
	}
	turn, err := d.Queue.Claim(ctx, "w")
	if err != nil || turn == nil {
		t.Fatalf("claim: %v, %v", turn, err)
	}
	got, err := turn.Take(ctx, 10)
	if err != nil || len(got) != 1 {
		t.Fatalf("take: %v, %v", got, err)
	}
	if err := turn.Settle(ctx, queue.Settlement{Ref: k, Entry: &got[0], State: queue.Parked, Reason: "unmapped_account", Message: "no account"}); err != nil {
		t.Fatal(err)
	}
	if err := turn.Release(ctx, time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return d, tn, rdb
}

func depth(t *testing.T, d *steer.Desk) int64 {
	t.Helper()
	lane, err := d.Queue.Lane(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return lane.Depth[queue.Live]
}

func TestSync(t *testing.T) {
	down := errors.New("NetSuite answered 503")
	for _, c := range []struct {
		name, id string
		shown    bool
		err      error
		want     error
		marks    int64
	}{
		{name: "known, so that NetSuite is not asked", id: "7", err: down, marks: 1},
		{name: "never seen, and there", id: "8", shown: true, marks: 1},
		{name: "never seen, and not there", id: "8", want: steer.ErrNoRecord},
		{name: "never seen, and NetSuite is down", id: "8", err: down, want: steer.ErrNotAsked},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, tn, rdb := open(t)
			d.Shows = func(context.Context, *tenant.Tenant, queue.Ref) (bool, error) { return c.shown, c.err }
			before := rdb.Keys(t.Context(), "*").Val()
			if err := d.Sync(t.Context(), tn, queue.Ref{Type: "vendorbill", ID: c.id}, "asked for"); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := depth(t, d); got != c.marks {
				t.Errorf("%d marks wait, want %d", got, c.marks)
			}
			if after := rdb.Keys(t.Context(), "*").Val(); c.want != nil && len(after) != len(before) {
				t.Errorf("something is left of it: %v", after)
			}
		})
	}
}

func TestOnlyWhatStandsStillIsLeftOut(t *testing.T) {
	d, tn, _ := open(t)
	s := state.Skip{Until: "2026-12-31", By: "kim", Why: "paid by card"}
	if err := d.Skip(t.Context(), tn, queue.Ref{Type: "vendorbill", ID: "8"}, s); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("what was never seen: %v", err)
	}
	if err := d.Skip(t.Context(), tn, queue.Ref{Type: "vendorbill", ID: "7"}, s); err != nil {
		t.Errorf("what is parked: %v", err)
	}
	if err := d.Skip(t.Context(), tn, queue.Ref{Type: "vendorbill", ID: "7"}, s); !errors.Is(err, steer.ErrMoves) {
		t.Errorf("what is marked: %v", err)
	}
}

func TestRetryTakesNoStateThatMoves(t *testing.T) {
	d, tn, _ := open(t)
	for _, st := range []queue.State{"", queue.Pending, queue.Running} {
		if _, err := d.Retry(t.Context(), tn, state.Filter{State: st}, "", true); !errors.Is(err, steer.ErrState) {
			t.Errorf("%q: got %v", st, err)
		}
	}
	if n, err := d.Retry(t.Context(), tn, state.Filter{State: queue.Parked}, "", true); n != 1 || err != nil || depth(t, d) != 0 {
		t.Errorf("a count: %d, %v", n, err)
	}
	if n, err := d.Retry(t.Context(), tn, state.Filter{State: queue.Parked}, "", false); n != 1 || err != nil || depth(t, d) != 1 {
		t.Errorf("got %d, %v", n, err)
	}
}

// Of many who change the same version at once, one does.
func TestOneMappingInPlaceOfAVersion(t *testing.T) {
	d, tn, _ := open(t)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := d.SetMapping(t.Context(), tn, tenant.Mapping{Accounts: map[string]string{"6990": fmt.Sprint(400 + i)}}, "kim")
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, tenant.ErrChanged):
				lost.Add(1)
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d changed it, %d were told that somebody else did", won.Load(), lost.Load())
	}
	now, err := d.Tenants.Get(t.Context(), "acme")
	if err != nil || now.Version != tn.Version+1 {
		t.Errorf("version %d, %v", now.Version, err)
	}
}

// The log has what changes before it does, and what was parked goes on even if
// nothing more can be written down.
func TestMappingIsWrittenDownFirst(t *testing.T) {
	d, tn, rdb := open(t)
	out, err := d.SetMapping(t.Context(), tn, tenant.Mapping{Accounts: map[string]string{"6990": "429"}}, "kim")
	if err != nil || out.Late != nil || out.Retried != 1 || depth(t, d) != 1 {
		t.Fatalf("got %+v, %v", out, err)
	}
	list, err := d.Audit.List(t.Context(), 0, 10)
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Detail["changed"], "6990") {
		t.Fatalf("got %+v, %v", list, err)
	}
	rdb.Set(t.Context(), queue.KeyAuditHead, "damaged", 0)
	if _, err := d.SetMapping(t.Context(), out.Tenant, tenant.Mapping{}, "kim"); !errors.Is(err, steer.ErrNoAudit) {
		t.Errorf("got %v", err)
	}
	if now, err := d.Tenants.Get(t.Context(), "acme"); err != nil || now.Version != out.Tenant.Version {
		t.Errorf("it was changed though it could not be written down: %v", err)
	}
}
