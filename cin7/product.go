package cin7

import (
	"context"
	"net/url"
	"strings"
)

// manySKUs is from how many SKUs on the whole product list costs fewer calls
// than one look-up each.
const manySKUs = 6

// ProductsBySKU reads the products with exactly these SKUs (case folded):
// upper-case SKU -> product. Missing, deprecated and unfinished ones are
// absent. Cin7's filter is not exact, so answers are compared whole.
func (c *Client) ProductsBySKU(ctx context.Context, skus ...string) (map[string]Product, error) {
	wanted := map[string]bool{}
	for _, s := range skus {
		if s = strings.ToUpper(strings.TrimSpace(s)); s != "" {
			wanted[s] = true
		}
	}
	out := map[string]Product{}
	take := func(rows []Product) {
		for _, p := range rows {
			k := strings.ToUpper(strings.TrimSpace(p.SKU))
			if wanted[k] && (p.Status == "" || strings.EqualFold(p.Status, "Active")) {
				out[k] = p
			}
		}
	}
	if len(wanted) >= manySKUs {
		rows, err := list[Product](ctx, c, opListProducts, "product", "Products", nil)
		if err != nil {
			return nil, err
		}
		take(rows)
		return out, nil
	}
	for s := range wanted {
		rows, err := list[Product](ctx, c, opListProducts, "product", "Products", url.Values{"Sku": {s}})
		if err != nil {
			return nil, err
		}
		take(rows)
	}
	return out, nil
}

// ServiceProducts reads all active service products: the names that charges
// may have. Cin7 has no filter for the type.
func (c *Client) ServiceProducts(ctx context.Context) ([]Product, error) {
	rows, err := list[Product](ctx, c, opListProducts, "product", "Products", nil)
	if err != nil {
		return nil, err
	}
	var out []Product
	for _, p := range rows {
		if strings.EqualFold(p.Type, "Service") && strings.EqualFold(p.Status, "Active") {
			out = append(out, p)
		}
	}
	return out, nil
}
