package cin7

import (
	"context"
	"net/http"
)

// Me reads the account behind the credentials: the cheapest check of them.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var m Me
	err := c.do(ctx, request{op: opMe, method: http.MethodGet, path: "me"}, &m, func() bool { return m.Company != "" || m.Currency != "" })
	return m, err
}

// Accounts reads the whole chart of accounts. A single account is never
// probed by ?Code=: Cin7 answers a miss with 400 (contract section 4).
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	return list[Account](ctx, c, opAccounts, "ref/account", "AccountsList", nil)
}

// TaxRules reads all tax rules.
func (c *Client) TaxRules(ctx context.Context) ([]TaxRule, error) {
	return list[TaxRule](ctx, c, opTaxRules, "ref/tax", "TaxRuleList", nil)
}

// Locations reads all locations.
func (c *Client) Locations(ctx context.Context) ([]Location, error) {
	return list[Location](ctx, c, opLocations, "ref/location", "LocationList", nil)
}

// PaymentTerms reads all payment terms.
func (c *Client) PaymentTerms(ctx context.Context) ([]PaymentTerm, error) {
	return list[PaymentTerm](ctx, c, opPaymentTerms, "ref/paymentterm", "PaymentTermList", nil)
}
