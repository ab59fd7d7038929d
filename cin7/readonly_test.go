package cin7_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/secret"
)

// Whatever a client with this transport is asked for, nothing but GET reaches
// Cin7, and the refusal is known not to have taken effect.
func TestReadOnlySendsNothingButGET(t *testing.T) {
	sim := cin7test.New(cin7test.Options{CallsPerMinute: -1})
	reached := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached[r.Method]++
		sim.ServeHTTP(w, r)
	}))
	defer s.Close()
	c, err := cin7.New(cin7.Config{AccountID: "704ef231-0000-4000-8000-000000000001", ApplicationKey: secret.New("k"), BaseURL: s.URL, Transport: cin7.ReadOnly(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"create supplier": func(ctx context.Context) error { _, err := c.CreateSupplier(ctx, cin7.Supplier{}); return err },
		"update supplier": func(ctx context.Context) error { _, err := c.UpdateSupplier(ctx, cin7.Supplier{}); return err },
		"create purchase": func(ctx context.Context) error { _, err := c.CreatePurchase(ctx, cin7.NewPurchase{}); return err },
		"update purchase": func(ctx context.Context) error { _, err := c.UpdatePurchase(ctx, cin7.UpdatePurchase{}); return err },
		"void purchase":   func(ctx context.Context) error { return c.DeletePurchase(ctx, "x", true) },
		"order":           func(ctx context.Context) error { _, err := c.PostOrder(ctx, cin7.NewOrder{}); return err },
		"invoice":         func(ctx context.Context) error { _, err := c.PostInvoice(ctx, cin7.NewInvoice{}); return err },
		"undo invoice":    func(ctx context.Context) error { return c.DeleteInvoice(ctx, "x", false) },
		"stock":           func(ctx context.Context) error { _, err := c.PostStock(ctx, cin7.NewStock{}); return err },
		"undo stock":      func(ctx context.Context) error { return c.DeleteStock(ctx, "x", false) },
		"put away":        func(ctx context.Context) error { _, err := c.PostPutAway(ctx, cin7.NewStock{}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context())
			var ce *cin7.Error
			if !errors.Is(err, cin7.ErrReadOnly) || !errors.As(err, &ce) || ce.Applied != cin7.NotApplied {
				t.Errorf("got %v, want it refused as not applied", err)
			}
		})
	}
	_, _ = c.Me(t.Context())
	if len(reached) != 1 || reached[http.MethodGet] == 0 {
		t.Errorf("Cin7 saw %v, want GET alone", reached)
	}
}
