package handlers

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Keys of another company stop a tenant before its first write; the records
// wait, and nothing is lost once the keys are right again or the tenant is
// bound anew.
func TestSwappedKeysStopBeforeTheFirstWrite(t *testing.T) {
	for _, way := range []string{"the right keys again", "bound anew"} {
		t.Run(way, func(t *testing.T) {
			s := newShop(t, distributor.Options{}, nil)
			s.vendor()
			s.tell(theVendor)
			if got := s.record(theVendor); got.State != queue.Completed {
				t.Fatalf("before: %+v", got)
			}
			other, err := distributor.New(distributor.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = other.NetSuite.Close() })
			c7 := httptest.NewServer(other.Cin7)
			t.Cleanup(c7.Close)
			const guid, key = "0c0ffee0-0000-4000-8000-000000000002", "the key of another company"
			other.Cin7.AddKey(guid, key)
			rightTenant, rightCreds := *s.tenant, s.creds
			s.creds.Cin7Key = secret.New(key)
			s.apply(func(tn *tenant.Tenant) {
				tn.Cin7.AccountID, tn.Cin7.BaseURL = guid, strings.Replace(tn.Cin7.BaseURL, hostOf(tn.Cin7.BaseURL), hostOf(c7.URL), 1)
			})
			s.order()
			s.tell(theOrder)
			if n := other.Cin7.Writes(); n != 0 {
				t.Fatalf("%d writes into another company's books", n)
			}
			wm, err := s.states.Tenant(shopID).Watermarks(t.Context())
			if err != nil || !strings.Contains(wm[state.Held], "is bound to NetSuite") || !strings.Contains(wm[state.Held], "tenant rebind "+shopID) {
				t.Errorf("people are told %q, %v", wm[state.Held], err)
			}
			if way == "bound anew" {
				if err := s.tenants.Rebind(t.Context(), shopID); err != nil {
					t.Fatal(err)
				}
				s.pass(holdCredentials * 2)
				if other.Cin7.Writes() == 0 {
					t.Error("bound anew, nothing is written")
				}
				return
			}
			s.creds = rightCreds
			s.apply(func(tn *tenant.Tenant) { tn.Cin7 = rightTenant.Cin7 })
			s.pass(holdCredentials * 2)
			s.completed()
			if n := other.Cin7.Writes(); n != 0 {
				t.Errorf("%d writes into another company's books", n)
			}
		})
	}
}

func hostOf(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
