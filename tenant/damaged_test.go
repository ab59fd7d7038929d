package tenant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/tenant"
)

// TestDamagedSettings: settings that cannot be read are named with a remedy,
// hide no other tenant, hold no rotation up, and are mended by applying the
// file with all of its credentials.
func TestDamagedSettings(t *testing.T) {
	for name, damage := range map[string]map[string]string{
		"no JSON":               {"document": `{"id": broken`},
		"another type":          {"document": `{"id":["CANARY"]}`},
		"nothing":               {"document": `null`},
		"another's":             {"document": `{"id":"other"}`},
		"a list":                {"document": `[]`},
		"an allowlist of words": {"document": `{"id":"acme","webhook":{"allowlist":["CANARY"]}}`},
		"no time":               {"applied_at": "soon"},
		"no version":            {"version": "one"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, rdb := t.Context(), redistest.Embedded(t)
			s, ks, tn, creds := stocked(t, rdb)
			other, _, err := tenant.ParseYAML([]byte(good(t, "id: acme", "id: other")), tenant.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range []*tenant.Tenant{tn, other} {
				if _, err := s.Apply(ctx, x, creds); err != nil {
					t.Fatal(err)
				}
			}
			for k, v := range damage {
				rdb.HSet(ctx, "mlc:{acme}:cfg", k, v)
			}
			if _, err := s.Get(ctx, "acme"); !errors.Is(err, tenant.ErrDamaged) || !strings.Contains(err.Error(), "apply the tenant's file again") || strings.Contains(err.Error(), "\n") {
				t.Errorf("get: %v", err)
			}
			if _, _, err := s.Load(ctx, "acme"); !errors.Is(err, tenant.ErrDamaged) {
				t.Errorf("load: %v", err)
			}
			all, err := s.List(ctx)
			if err != nil || len(all) != 2 || all[0].ID != "acme" || all[1].Name != "Acme Distribution" {
				t.Errorf("list: %v, %v", all, err)
			}
			key, err := ks.Add()
			if err != nil {
				t.Fatal(err)
			}
			if err := ks.Promote(key); err != nil {
				t.Fatal(err)
			}
			done := 0
			err = s.Reseal(ctx, func(n, _ int) { done = n })
			if !errors.Is(err, tenant.ErrDamaged) || done != 1 {
				t.Errorf("rotation: %d done, %v; want the other one done and this one named", done, err)
			}
			if _, err := s.Apply(ctx, tn, tenant.Credentials{}); err == nil || !strings.Contains(err.Error(), "missing credentials") {
				t.Errorf("apply without credentials: %v", err)
			}
			old, none, err := s.InForce(ctx, "acme")
			if err != nil || !none.Cin7Key.IsZero() {
				t.Fatalf("in force: %v", err)
			}
			if _, err := s.Losses(ctx, old, tn, creds); err != nil {
				t.Errorf("losses: %v", err)
			}
			if name == "no version" {
				if _, err := s.Apply(ctx, tn, creds); !errors.Is(err, tenant.ErrChanged) {
					t.Errorf("apply over a version that is none: %v", err)
				}
				if err := s.Remove(ctx, "acme"); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Apply(ctx, tn, creds); err != nil {
				t.Fatalf("apply: %v", err)
			}
			if _, got, err := s.Load(ctx, "acme"); err != nil || got.Cin7Key.Reveal() != "0342a546-key" {
				t.Errorf("after it was mended: %v", err)
			}
		})
	}
}
