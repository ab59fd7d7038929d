package service

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/tenant"
)

// maxChart is more accounts than a chart of a company of this size has; a
// larger one makes suggestions slow and is likely an import gone wrong.
const maxChart = 5000

// names checks everything that the tenant's settings name in Cin7.
func (e Examination) names(ctx context.Context, f *findings, t *tenant.Tenant, c *cin7.Client) {
	chart, err := c.Accounts(ctx)
	if err != nil {
		f.unseen("Cin7 accounts", "%v", err)
	} else {
		accounts(f, t, chart)
	}
	if taxes, err := c.TaxRules(ctx); err != nil {
		f.unseen("Cin7 tax rules", "%v", err)
	} else {
		known := map[string]bool{}
		for _, x := range taxes {
			if x.IsActive && x.IsTaxForPurchase {
				known[fold(x.Name)] = true
			}
		}
		named(f, "Cin7 tax rules", "an active tax rule for purchases (Settings > Tax rules)", known, "sync.tax_rule", t.Sync.TaxRule, "sync.mapping.tax", t.Sync.Mapping.Tax)
	}
	if terms, err := c.PaymentTerms(ctx); err != nil {
		f.unseen("Cin7 payment terms", "%v", err)
	} else {
		known := map[string]bool{}
		for _, x := range terms {
			if x.IsActive {
				known[fold(x.Name)] = true
			}
		}
		named(f, "Cin7 payment terms", "an active payment term (Settings > Payment terms)", known, "sync.payment_term", t.Sync.PaymentTerm, "sync.mapping.terms", t.Sync.Mapping.Terms)
	}
	if locations, err := c.Locations(ctx); err != nil {
		f.unseen("Cin7 locations", "%v", err)
	} else {
		known := map[string]bool{}
		for _, x := range locations {
			top := x.ParentID == "" || cin7.SameID(x.ParentID, cin7.ZeroID)
			if !x.IsDeprecated && !x.Deprecated && top {
				known[fold(x.Name)] = true
			}
		}
		named(f, "Cin7 locations", "a location in use, no bin (Settings > Locations)", known, "sync.location", t.Sync.Location, "sync.mapping.locations", t.Sync.Mapping.Locations)
	}
	if len(t.Sync.Mapping.Charges) == 0 {
		return
	}
	if services, err := c.ServiceProducts(ctx); err != nil {
		f.unseen("Cin7 charges", "%v", err)
	} else {
		known := map[string]bool{}
		for _, x := range services {
			known[fold(x.Name)] = true
		}
		named(f, "Cin7 charges", "a product of type Service (Inventory > Products)", known, "", "", "sync.mapping.charges", t.Sync.Mapping.Charges)
	}
}

// fold is how names are compared.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// accounts checks the chart and what is mapped to it.
func accounts(f *findings, t *tenant.Tenant, chart []cin7.Account) {
	const name = "Cin7 accounts"
	active, all, creditors := map[string]bool{}, map[string]bool{}, false
	for _, a := range chart {
		all[fold(a.Code)] = true
		active[fold(a.Code)] = strings.EqualFold(a.Status, "ACTIVE")
		creditors = creditors || a.SystemAccountCode == "CREDITORS" || fold(a.SystemAccount) == "accounts payable"
	}
	good := true
	fail := func(fix, detail string, args ...any) {
		good = false
		f.fail(name, fix, detail, args...)
	}
	switch {
	case len(chart) == 0:
		fail("give the API application access to the chart, or set one up under Financials > Chart of accounts", "the chart is empty")
		return
	case len(chart) > maxChart:
		fail("archive the accounts that nobody uses", "the chart has %d accounts", len(chart))
	}
	if !creditors {
		fail("mark the creditors account as the system account Accounts payable in Cin7 Core", "no account is Accounts payable, which suppliers need")
	}
	for _, from := range slices.Sorted(maps.Keys(t.Sync.Mapping.Accounts)) {
		code := t.Sync.Mapping.Accounts[from]
		switch {
		case !all[fold(code)]:
			fail("correct sync.mapping.accounts, or add the account in Cin7", "%q is mapped to %q, which the chart does not have", from, code)
		case !active[fold(code)]:
			fail("activate the account in Cin7, or map to another one", "%q is mapped to %q, which is archived", from, code)
		}
	}
	if good {
		f.ok(name, "%d accounts, %d mapped", len(chart), len(t.Sync.Mapping.Accounts))
	}
}

// named checks that the names of a setting and of a mapping exist in Cin7.
func named(f *findings, name, want string, known map[string]bool, key, value, table string, mapping map[string]string) {
	good := true
	if key != "" && !known[fold(value)] {
		good = false
		f.fail(name, "name "+want+" in "+key+", or add it in Cin7", "%s is %q, which Cin7 does not have", key, value)
	}
	for _, from := range slices.Sorted(maps.Keys(mapping)) {
		if to := mapping[from]; !known[fold(to)] {
			good = false
			f.fail(name, "name "+want+" in "+table+", or add it in Cin7", "%s maps %q to %q, which Cin7 does not have", table, from, to)
		}
	}
	if good {
		f.ok(name, "all names exist")
	}
}
