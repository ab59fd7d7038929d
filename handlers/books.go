package handlers

import (
	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// What the tie-out and the account pages need to know of our rules.

// MatchAccount finds the Cin7 account of a NetSuite account as a bill line
// would; how is mapping, code, display name or name, alike what NumberAlike
// says of the two charts (docs/accounts.md).
func MatchAccount(t *tenant.Tenant, a netsuite.Account, chart []cin7.Account, alike bool) (code, how string, ok bool) {
	return matchAccount(a, t.Sync.Mapping.Accounts, chart, alike)
}

// NumberAlike reports whether both systems number their accounts after one
// plan, so that equal numbers are equal accounts.
func NumberAlike(all map[netsuite.ID]netsuite.Account, chart []cin7.Account) bool {
	return numberAlike(all, chart)
}

// PayableAccount is the code of the account that Cin7 marks as its creditors.
func PayableAccount(chart []cin7.Account) (code string, ok bool) {
	a, ok := (&reference{Chart: chart}).payable()
	return a.Code, ok
}

// BillNumber is the number that a bill has in Cin7: the vendor's, else
// NetSuite's.
func BillNumber(b netsuite.Bill) string { return billNumber(b) }

// Cin7SKU is the SKU that an item has in Cin7: by mapping, else NetSuite's name.
func Cin7SKU(t *tenant.Tenant, item netsuite.ID, sku string) string {
	return wantSKU(t, sourceLine{item: item, sku: sku})
}
