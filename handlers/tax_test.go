package handlers

import (
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

func TestBillRule(t *testing.T) {
	vat, duty := netsuite.Account{ID: 51, Number: "2210", Name: "VAT on Purchases"}, netsuite.Account{ID: 52, Name: "Import VAT"}
	taxed := func(rows ...netsuite.BillLine) netsuite.Bill {
		return aBill(func(b *netsuite.Bill) {
			b.Lines = b.Lines[:2]
			for i, r := range rows {
				r.ID, r.Kind = netsuite.ID(10+i), netsuite.LineTax
				b.Lines = append(b.Lines, r)
			}
		})
	}
	cases := []struct {
		name    string
		mapping map[string]string
		bill    netsuite.Bill
		rule    string
		parks   string // words of the message
	}{
		{"no mapping", nil, taxed(netsuite.BillLine{Account: vat, Amount: dec("24")}), "Tax", ""},
		{"by the number of the tax account", map[string]string{"2210": "Reduced"}, taxed(netsuite.BillLine{Account: vat, Amount: dec("24")}), "Reduced", ""},
		{"by its id", map[string]string{"id:51": "Reduced"}, taxed(netsuite.BillLine{Account: vat, Amount: dec("24")}), "Reduced", ""},
		{"by its name", map[string]string{"Import VAT": "Reduced"}, taxed(netsuite.BillLine{Account: duty, Amount: dec("24")}), "Reduced", ""},
		{"two rows of one rule", map[string]string{"2210": "Reduced", "Import VAT": "Reduced"},
			taxed(netsuite.BillLine{Account: vat, Amount: dec("20")}, netsuite.BillLine{Account: duty, Amount: dec("4")}), "Reduced", ""},
		{"two rows of two rules", map[string]string{"2210": "Reduced"},
			taxed(netsuite.BillLine{Account: vat, Amount: dec("20")}, netsuite.BillLine{Account: duty, Amount: dec("4")}), "", `2210 VAT on Purchases (20.00 USD) to "Reduced", Import VAT (id:52) (4.00 USD) to "Tax"`},
		{"a row of nothing does not count", map[string]string{"2210": "Reduced"},
			taxed(netsuite.BillLine{Account: vat}, netsuite.BillLine{Account: duty, Amount: dec("4")}), "Tax", ""},
		{"no tax", map[string]string{"none": "Exempt"}, taxed(), "Exempt", ""},
		{"no tax, not mapped", nil, taxed(), "Tax", ""},
		{"a rule that Cin7 does not have", map[string]string{"2210": "Zero"}, taxed(netsuite.BillLine{Account: vat, Amount: dec("24")}), "", `"Zero"`},
		{"a rule for sales", map[string]string{"2210": "Sales only"}, taxed(netsuite.BillLine{Account: vat, Amount: dec("24")}), "", `"Sales only"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			refs := aReference()
			refs.Taxes = append(refs.Taxes, cin7.TaxRule{Name: "Reduced", IsActive: true, IsTaxForPurchase: true}, cin7.TaxRule{Name: "Exempt", IsActive: true, IsTaxForPurchase: true})
			got, p := billRule(aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Tax = c.mapping }), refs, "Tax", c.bill)
			switch {
			case c.parks == "" && (p != nil || got != c.rule):
				t.Errorf("got %q, %v, want %q", got, p, c.rule)
			case c.parks != "" && (p == nil || p.Reason != ParkUnmappedTax || !strings.Contains(p.Message, c.parks)):
				t.Errorf("got %q, %v, want it parked for %q", got, p, c.parks)
			}
		})
	}
}

// With SuiteTax NetSuite keeps no rows of tax: the rest of the total is tax if
// it is what the rule makes of the lines, and a hidden line if it is not.
func TestImpliedTax(t *testing.T) {
	cases := []struct{ name, percent, total, want string }{
		{"ten percent", "10", "330.00", "30"},
		{"a cent of rounding on two lines", "10", "330.01", "30.01"},
		{"more than rounding", "10", "330.03", "0"},
		{"a line that nobody shows", "10", "420.00", "0"},
		{"a rule without a percentage", "0", "330.00", "0"},
		{"nothing over", "10", "300.00", "0"},
		{"less than the lines", "10", "290.00", "0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			refs := aReference()
			refs.Taxes[0].TaxPercent = num(c.percent)
			b := aBill(func(b *netsuite.Bill) { b.Lines, b.Total = b.Lines[:2], dec(c.total) })
			if got := impliedTax(refs, "Tax", b); !got.Equal(dec(c.want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSuiteTax(t *testing.T) {
	var o distributor.Options
	o.NetSuite.SuiteTax = true
	s := newShop(t, o, nil)
	all(s)
	s.completed()
	if got, want := s.ledger(), "1200/2000 240.00, 1370/2000 24.00, 5100/2000 60.00, 1370/2000 6.00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
