package cin7test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Every shape, before and after the effect: the answer looks as it must, and
// the effect happens exactly once or not at all.
func TestFaults(t *testing.T) {
	broken := func(r reply) bool { return r.err != nil }
	status := func(n int) func(reply) bool { return func(r reply) bool { return r.err == nil && r.status == n } }
	shapes := map[string]func(reply) bool{
		"close": broken, "reset": broken, "timeout": broken, "wrong_length": broken,
		"half_json": func(r reply) bool { return r.err == nil && r.status == 200 && len(r.body) > 0 && !json.Valid(r.body) },
		"empty":     func(r reply) bool { return r.err == nil && r.status == 200 && len(r.body) == 0 },
		"html":      func(r reply) bool { return r.status == 200 && strings.HasPrefix(string(r.body), "<!DOCTYPE") },
		"error_200": func(r reply) bool { return r.status == 200 && r.exception() == "Unexpected error" },
		"400":       status(400), "403": status(403), "404": status(404), "429": status(429), "500": status(500), "502": status(502), "503": status(503), "504": status(504),
		"limit": func(r reply) bool {
			return r.status == 429 && strings.HasPrefix(r.exception(), "You have reached 60 calls")
		},
		"drip": broken, "endless": broken,
		"": func(r reply) bool { return r.status == 418 && string(r.body) == `{"tea":true}` },
	}
	for shape, looks := range shapes {
		for _, when := range []string{"before", "after"} {
			t.Run(shape+" "+when, func(t *testing.T) {
				t.Parallel()
				c := newCompany(t, Options{CallsPerMinute: 60})
				c.check = nil
				c.sim.FailNext(Fault{Method: "POST", Path: "supplier", When: when, Shape: shape, Status: map[string]int{"": 418}[shape], Body: map[string]string{"": `{"tea":true}`}[shape]})
				body := js(`{'Name':'Pacific','Currency':'USD','PaymentTerm':'30 days','AccountPayable':'2000','TaxRule':'Tax on Purchases','Status':'Active'}`)
				if r := c.do("GET", "supplier", ""); r.status != 200 {
					t.Errorf("a call that does not match: %d", r.status)
				}
				ctx := t.Context()
				if shape == "timeout" || shape == "drip" || shape == "endless" {
					short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
					ctx = short
				}
				if r := c.send(ctx, "POST", "supplier", body, nil); !looks(r) {
					t.Errorf("answer %d %.100q %v", r.status, r.body, r.err)
				}
				want := map[string]int{"before": 0, "after": 1}[when]
				if n := len(c.sim.Journal()); n != want {
					t.Errorf("%d effects, want %d", n, want)
				}
				if got := c.sim.Calls()[1].Fault; got != when+" "+shape {
					t.Errorf("fault in the log %q", got)
				}
				if n := c.sim.ClearFaults(); n != 0 {
					t.Errorf("%d faults left, want 0: it strikes once", n)
				}
			})
		}
	}
}

func TestFaultSelection(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.FailNext(Fault{Method: "post", Path: "=Advanced-Purchase/stock", Contains: `"AUTHORISED"`, Skip: 1, Times: 2, Shape: "500"})
	id := c.purchase("STOCK", "AUTHORISED")
	body := func(q string) string { return stockOf(id, "", "AUTHORISED", q, "") }
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "DRAFT", "1", ""))
	for i, want := range []int{200, 500, 500, 200} {
		if r := c.do("POST", "advanced-purchase/stock", body("1")); r.status != want {
			t.Errorf("call %d: %d, want %d", i, r.status, want)
		}
	}
	c.sim.FailNext(Fault{Path: "me", Shape: "502", Times: -1})
	for range 3 {
		if r := c.do("GET", "me", ""); r.status != 502 {
			t.Errorf("always: %d", r.status)
		}
	}
	if n := c.sim.ClearFaults(); n != 1 {
		t.Errorf("cleared %d, want 1", n)
	}
	c.ok("GET", "me", "")
}

// A request that lands after its sender has given up (RELIABILITY F41).
func TestLateEffect(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.FailNext(Fault{Path: "=advanced-purchase", When: "late", Delay: 60 * time.Millisecond, Shape: "pass"})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r := c.send(ctx, "POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'INVOICE','Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`), nil)
	if r.err == nil {
		t.Fatalf("answer %d, want none in time", r.status)
	}
	if n := len(c.sim.Purchases()); n != 0 {
		t.Errorf("%d purchases before it landed, want 0", n)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(c.sim.Purchases()) == 0 {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it never landed")
		}
	}
}

func TestSlowAnswer(t *testing.T) {
	c := newCompany(t, Options{})
	c.sim.FailNext(Fault{Path: "me", Shape: "pass", Delay: 30 * time.Millisecond})
	start := time.Now()
	c.ok("GET", "me", "")
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("answered after %v, want 30 ms or more", took)
	}
}
