package service

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// Mappings is the mapping in force, how it came about, and what is posted
// under an older one.
type Mappings struct {
	Version  int64                   `json:"version"`
	Mapping  tenant.Mapping          `json:"mapping"`
	Versions []tenant.MappingVersion `json:"versions"` // newest first
	Older    []OlderPosting          `json:"older"`
	More     bool                    `json:"more"` // Older ends at its limit
}

// OlderPosting is a bill or credit that was posted to an account, or an order
// that was posted with a product, before the mapping of that was changed. It
// stays as it is until somebody decides otherwise.
type OlderPosting struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Number   string `json:"number"`
	Vendor   string `json:"vendor"`
	Settings int64  `json:"settings"`          // version that it was posted under
	Account  string `json:"account"`           // Cin7 code that it stands on, "" where it is a product
	Product  string `json:"product,omitempty"` // SKU or service of Cin7 that the order holds
	Now      string `json:"now"`               // what the mapping says today, "" none
}

// mostOlder bounds the list of older postings.
const mostOlder = 1000

// MappingsOf reads the mapping of a tenant with its versions, and looks
// through the orders, bills and credits for what older ones left behind.
func MappingsOf(ctx context.Context, rooms Rooms, t *tenant.Tenant) (*Mappings, error) {
	versions, err := rooms.Tenants.MappingVersions(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	out := &Mappings{Version: t.Version, Mapping: t.Sync.Mapping, Versions: versions, Older: []OlderPosting{}}
	accounts, products := movedAccounts(versions), movedProducts(versions)
	slices.Reverse(out.Versions)
	for _, typ := range []string{"purchaseorder", "vendorbill", "vendorcredit"} {
		if len(accounts) == 0 && !products || !products && typ == "purchaseorder" {
			continue // nothing of it can stand under an older one
		}
		f := state.Filter{Type: typ, Limit: 1000}
		for {
			page, err := rooms.States.Tenant(t.ID).List(ctx, f)
			if err != nil {
				return nil, err
			}
			for _, r := range page.Records {
				if x, ok := olderPosting(t, r, accounts); ok {
					if len(out.Older) == mostOlder {
						out.More = true
						return out, nil
					}
					out.Older = append(out.Older, x)
				}
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
	}
	return out, nil
}

// move is a change of an entry of the accounts' mapping, with what the entry
// says in the end.
type move struct {
	version       int64
	key, from, to string
	now           string
}

// movedAccounts are the changes of the accounts' mapping, in order. The first
// version of a mapping changes nothing that is posted.
func movedAccounts(versions []tenant.MappingVersion) []move {
	var out []move
	now := map[string]string{}
	for n, v := range versions {
		for _, c := range v.Changes {
			if c.Table != "accounts" {
				continue
			}
			now[c.Key] = c.To
			if n > 0 {
				out = append(out, move{version: v.Version, key: c.Key, from: c.From, to: c.To})
			}
		}
	}
	for i := range out {
		out[i].now = now[out[i].key]
	}
	return out
}

// movedProducts says that an entry for items or charges was changed since the
// first version of the mapping.
func movedProducts(versions []tenant.MappingVersion) bool {
	for n, v := range versions {
		if n > 0 && slices.ContainsFunc(v.Changes, func(c tenant.MappingChange) bool { return c.Table == "items" || c.Table == "charges" }) {
			return true
		}
	}
	return false
}

// olderPosting says whether a record stands on an account, or holds a product,
// that the mapping has left since it was posted. It is pure.
func olderPosting(t *tenant.Tenant, r state.Record, moved []move) (OlderPosting, bool) {
	posted, err := strconv.ParseInt(r.Facts[state.FactSettings], 10, 64)
	if err != nil {
		return OlderPosting{}, false
	}
	out := OlderPosting{Type: r.Type, ID: r.ID, Number: r.Facts[state.FactNumber], Vendor: r.Facts[state.FactParty], Settings: posted}
	if was, now, ok := handlers.ProductElsewhere(t, r.Facts[state.FactProducts]); ok && posted < t.Version {
		out.Product, out.Now = was, now
		return out, true
	}
	accounts := strings.Split(r.Facts[state.FactAccounts], ",")
	for _, m := range moved {
		if posted >= m.version {
			continue
		}
		code, known := codeOf(r.Facts[state.FactPosted], m.key)
		if !known { // the entry names its account by name
			code = m.from
		}
		if code != "" && code != m.now && slices.Contains(accounts, code) {
			out.Account, out.Now = code, m.now
			return out, true
		}
	}
	return OlderPosting{}, false
}

// codeOf reads state.FactPosted for a key of the mapping: the Cin7 code that
// the account was posted to, "" when the document does not use it. known is
// false for keys that are neither a number nor an id in it.
func codeOf(posted, key string) (code string, known bool) {
	if posted == "" {
		return "", false
	}
	numeric := strings.HasPrefix(key, "id:")
	for s := range strings.SplitSeq(posted, ",") {
		account, code, _ := strings.Cut(s, "=")
		id, number, _ := strings.Cut(account, "/")
		if "id:"+id == key || number != "" && number == key {
			return code, true
		}
	}
	if _, err := strconv.Atoi(key); err == nil {
		numeric = true
	}
	return "", numeric
}
