package handlers

import (
	"context"
	"slices"

	"github.com/ml-connector/ml-connector/cin7"
)

// Names are what Cin7 calls the things that a mapping leads to, as far as a
// purchase may carry them.
type Names struct {
	Currency  string // base currency of the company
	Taxes     []string
	Terms     []string
	Locations []string
	Services  []string
}

// ReadNames reads Cin7's lists, one call for each, more where a list has many
// pages.
func ReadNames(ctx context.Context, c7 *cin7.Client) (*Names, error) {
	r := &reference{}
	for _, l := range lists() {
		if l.name == "accounts" {
			continue
		}
		if _, err := l.read(ctx, c7, r); err != nil {
			return nil, err
		}
	}
	n := &Names{Currency: r.Me.Currency}
	for _, x := range r.Taxes {
		if _, ok := r.purchaseTax(x.Name); ok {
			n.Taxes = append(n.Taxes, x.Name)
		}
	}
	for _, x := range r.Terms {
		if _, ok := r.term(x.Name); ok {
			n.Terms = append(n.Terms, x.Name)
		}
	}
	for _, x := range r.Locations {
		if _, ok := r.location(x.Name); ok {
			n.Locations = append(n.Locations, x.Name)
		}
	}
	for _, x := range r.Services {
		n.Services = append(n.Services, x.Name)
	}
	for _, list := range []*[]string{&n.Taxes, &n.Terms, &n.Locations, &n.Services} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return n, nil
}
