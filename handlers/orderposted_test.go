package handlers

import (
	"maps"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/tenant"
)

// withFreight gives a company a second service product, for a charge that is
// mapped anew.
func withFreight(t *testing.T) *company {
	t.Helper()
	c := newCompany(t, cin7test.Options{ZeroGroupInvoice: true})
	c.sim.AddProduct(cin7test.Product{SKU: "FRT", Name: "Carriage", Type: "Service", ExpenseAccount: "5100"})
	found, err := c.c7.ProductsBySKU(t.Context(), "FRT")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	c.refs.Services = maps.Clone(c.refs.Services)
	c.refs.Services["carriage"] = found["FRT"]
	return c
}

// charged names the charges of freight anew, items what webbing is in Cin7,
// both as the next version of the settings.
func charged(product string) func(*run) {
	return func(r *run) {
		r.tenant.Version++
		r.tenant.Sync.Mapping.Charges = map[string]string{"*": product}
	}
}

func itemIs(sku string) func(*run) {
	return func(r *run) {
		r.tenant.Version++
		r.tenant.Sync.Mapping.Items = map[string]string{"WEB": sku}
	}
}

// An authorised order stays as it is when only our own settings have changed
// since, whether anything hangs on it or not: it is told as of an older
// version, not parked and not made another one. A real change goes on under the
// mapping of the day.
func TestOrderOutlivesTheMapping(t *testing.T) {
	goods := lines(web("100", "240.00"), freight("60.00"))
	half := lines(web("50", "120.00"))
	typo := func(p *cin7test.Purchase) {
		p.Order.Charges[0].Total = p.Order.Charges[0].Total.Add(p.Order.Charges[0].Total)
	}
	ordered := plain(goods)
	billed := func(s *sources) { ordered(s); bill(1, half)(s); receipt(1, lines(web("50", "")))(s) }
	alone := func(s *sources) { bill(1, lines(freight("60.00")))(s) }
	cases := []struct {
		name    string
		setup   func(*sources)
		changes []func(*run)
		of      string // the record that is looked at; default PO
		verdict string // of it; default completed
		older   bool   // told as of an older version
		writes  bool
		says    string // in the story
		holds   string // in the order in the end
		only    string // approach
	}{
		{name: "a charge is mapped otherwise", setup: ordered, changes: []func(*run){charged("Carriage")}, older: true, holds: "Other charges"},
		{name: "a charge is mapped otherwise, and back", setup: ordered, changes: []func(*run){charged("Carriage"), charged("Other charges")}, holds: "Other charges"},
		{name: "an item is mapped otherwise", setup: ordered, changes: []func(*run){itemIs("BKL")}, older: true, holds: "WEB"},
		{name: "billed and received, a charge is mapped otherwise", setup: billed, changes: []func(*run){charged("Carriage")}, older: true, holds: "Other charges"},
		{name: "billed, an item is mapped otherwise", only: "INVOICE", setup: func(s *sources) { ordered(s); bill(1, half)(s) }, changes: []func(*run){itemIs("BKL")}, older: true, holds: "WEB"},
		{name: "a charge is mapped otherwise, and another bill comes", setup: billed,
			changes: []func(*run){charged("Carriage"), now(bill(2, lines(freight("60.00"))))}, older: true, writes: true, holds: "Other charges"},
		{name: "a charge is mapped otherwise, and the order is corrected", setup: ordered,
			changes: []func(*run){charged("Carriage"), now(order(lines(web("90", "216.00"), freight("60.00"))))}, writes: true,
			says: "posted under version 1 of the settings, anew under version 2", holds: "Carriage"},
		{name: "billed, a charge is mapped otherwise, and the order is corrected", setup: billed,
			changes: []func(*run){charged("Carriage"), now(order(lines(web("90", "216.00"), freight("60.00"))))}, verdict: "parked " + ParkOrderChanged, holds: "Other charges"},
		{name: "a charge is mapped otherwise, and the order is edited in Cin7", setup: ordered, changes: []func(*run){charged("Carriage"), edit(typo)},
			verdict: "parked " + ParkEditedInCin7, holds: "Other charges"},
		{name: "a charge is mapped otherwise, and the order is undone in Cin7", setup: ordered,
			changes: []func(*run){charged("Carriage"), edit(func(p *cin7test.Purchase) { p.Order.Status = cin7test.Draft })}, writes: true, holds: "Carriage"},
		{name: "without memory nobody knows what changed", setup: billed, changes: []func(*run){charged("Carriage"), func(r *run) { r.known = ties{} }},
			verdict: "parked " + ParkOrderChanged, holds: "Other charges"},
		{name: "a bill without an order, a charge is mapped otherwise", setup: alone, of: "B1", changes: []func(*run){charged("Carriage")}, older: true, holds: "Other charges"},
		{name: "a bill without an order, its order is edited in Cin7 too", setup: alone, of: "B1", changes: []func(*run){charged("Carriage"), edit(typo)},
			verdict: "parked " + ParkOrderChanged, older: true, holds: "Other charges"},
	}
	for _, c := range cases {
		for _, approach := range []string{"INVOICE", "STOCK"} {
			if c.only != "" && c.only != approach {
				continue
			}
			t.Run(c.name+"/"+approach, func(t *testing.T) {
				r := withFreight(t).start(&history{}, approach, func(tn *tenant.Tenant) { tn.Version = 1 })
				c.setup(&r.s)
				r.turn(t.Context())
				for name, v := range r.verdicts() {
					if v != "completed" {
						t.Fatalf("%s %s before anything changed: %v", name, v, r.texts())
					}
				}
				before := r.wire.writes
				for _, f := range c.changes {
					f(r)
					r.turn(t.Context())
				}
				writes := r.wire.writes - before
				if approach == "STOCK" && strings.Contains(c.name, "another bill") {
					c.writes = writes > 0 // a bill of charges alone has no receipt to go with
				}
				if (writes > 0) != c.writes {
					t.Errorf("%d writes, want some: %v: %s", writes, c.writes, strings.Join(r.story, "\n"))
				}
				of := firstOf(c.of, "PO")
				if got, want := r.verdicts()[of], firstOf(c.verdict, "completed"); got != want {
					t.Errorf("%s is %s, want %s: %v", of, got, want, r.texts())
				}
				older := ""
				for ref, text := range r.last.Older {
					if docName(ref) == of {
						older = text
					}
				}
				if (older != "") != c.older || c.older && !strings.Contains(older, "version 1") {
					t.Errorf("told as %q, want it told as of version 1: %v", older, c.older)
				}
				if story := strings.Join(r.story, "\n"); !strings.Contains(story, c.says) {
					t.Errorf("the story does not say %q:\n%s", c.says, story)
				}
				var holds []string
				for _, l := range r.have.Order.Lines {
					holds = append(holds, l.SKU)
				}
				for _, l := range r.have.Order.AdditionalCharges {
					holds = append(holds, l.Description)
				}
				if !strings.Contains(strings.Join(holds, ", "), c.holds) {
					t.Errorf("the order holds %v, want %s", holds, c.holds)
				}
			})
		}
	}
}
