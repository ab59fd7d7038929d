package handlers

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// The kinds of state.FactProducts.
const (
	productItem   = "item"
	productCharge = "charge"
)

// orderProducts are the items and expense accounts of an order with the
// products of Cin7 that the mapping of the day gives them, in the form of
// state.FactProducts: <kind>:<internal id>/<number>/<name>=<SKU or name of the
// service>, comma separated, each text escaped as in a URL.
func orderProducts(t *tenant.Tenant, lines []netsuite.OrderLine) string {
	var out productList
	for _, l := range lines {
		if !l.Amount.IsZero() || !l.Quantity.IsZero() {
			out.add(t, l.Item, l.SKU, l.Account)
		}
	}
	return strings.Join(out, ",")
}

// billProducts are those of a bill without an order, whose lines are its order.
func billProducts(t *tenant.Tenant, lines []netsuite.BillLine) string {
	var out productList
	for _, l := range lines {
		if l.Kind != netsuite.LineTax && (!l.Amount.IsZero() || !l.Quantity.IsZero()) {
			out.add(t, l.Item, l.SKU, l.Account)
		}
	}
	return strings.Join(out, ",")
}

// productList is the entries of state.FactProducts, each once.
type productList []string

func (p *productList) add(t *tenant.Tenant, item netsuite.ID, sku string, a netsuite.Account) {
	kind, id, number, name, to := productCharge, a.ID, a.Number, a.Name, chargeName(t, a)
	if item != 0 {
		kind, id, number, name, to = productItem, item, "", sku, wantSKU(t, sourceLine{item: item, sku: sku})
	}
	s := kind + ":" + id.String() + "/" + url.QueryEscape(number) + "/" + url.QueryEscape(name) + "=" + url.QueryEscape(to)
	if !slices.Contains(*p, s) {
		*p = append(*p, s)
	}
}

// ProductElsewhere reads state.FactProducts: the first product that an order
// holds although the mapping gives its item or expense account another one
// today ("" none).
func ProductElsewhere(t *tenant.Tenant, products string) (was, now string, moved bool) {
	for s := range strings.SplitSeq(products, ",") {
		from, to, ok := strings.Cut(s, "=")
		kind, key, found := strings.Cut(from, ":")
		part := strings.Split(key, "/")
		id, err := netsuite.ParseID(part[0])
		if !ok || !found || err != nil || len(part) != 3 {
			continue // not of our making
		}
		number, name := unescaped(part[1]), unescaped(part[2])
		was = unescaped(to)
		switch kind {
		case productItem:
			now = wantSKU(t, sourceLine{item: id, sku: name})
		case productCharge:
			now = chargeName(t, netsuite.Account{ID: id, Number: number, Name: name})
		default:
			continue
		}
		if fold(was) != fold(now) {
			return was, now, true
		}
	}
	return "", "", false
}

func unescaped(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return out
}
