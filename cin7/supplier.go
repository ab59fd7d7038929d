package cin7

import (
	"context"
	"net/http"
	"net/url"
)

// supplierEnvelope is the list that even POST and PUT answer with.
type supplierEnvelope struct{ SupplierList []Supplier }

// SuppliersNamed reads suppliers whose name starts with name, deprecated ones
// included; compare exactly afterwards. An empty name reads all.
func (c *Client) SuppliersNamed(ctx context.Context, name string) ([]Supplier, error) {
	q := url.Values{"IncludeDeprecated": {"true"}}
	if name != "" {
		q.Set("Name", name)
	}
	return list[Supplier](ctx, c, opListSuppliers, "supplier", "SupplierList", q)
}

// Supplier reads one supplier; ErrNotFound.
func (c *Client) Supplier(ctx context.Context, id string) (Supplier, error) {
	var got supplierEnvelope
	q := url.Values{"ID": {id}, "IncludeDeprecated": {"true"}}
	if err := c.do(ctx, request{op: opGetSupplier, method: http.MethodGet, path: "supplier", query: q}, &got, nil); err != nil {
		return Supplier{}, err
	}
	// A misspelt filter returns everything, so the row is picked by its id.
	for _, s := range got.SupplierList {
		if SameID(s.ID, id) {
			return s, nil
		}
	}
	return Supplier{}, &Error{Kind: ErrNotFound, Operation: opGetSupplier, Status: http.StatusOK, Messages: []string{"no supplier " + id}}
}

// CreateSupplier posts a supplier.
func (c *Client) CreateSupplier(ctx context.Context, s Supplier) (Supplier, error) {
	return c.writeSupplier(ctx, opCreateSupplier, http.MethodPost, s)
}

// UpdateSupplier puts a supplier; ID is required. Addresses and contacts
// without an ID are added, so send those of the last read with theirs.
func (c *Client) UpdateSupplier(ctx context.Context, s Supplier) (Supplier, error) {
	return c.writeSupplier(ctx, opUpdateSupplier, http.MethodPut, s)
}

func (c *Client) writeSupplier(ctx context.Context, op, method string, s Supplier) (Supplier, error) {
	var got supplierEnvelope
	err := c.do(ctx, request{op: op, method: method, path: "supplier", body: s}, &got,
		func() bool { return len(got.SupplierList) == 1 && got.SupplierList[0].ID != "" })
	if err != nil {
		return Supplier{}, err
	}
	return got.SupplierList[0], nil
}
