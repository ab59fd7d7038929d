package service

import (
	"context"
	"slices"
	"strconv"
	"strings"

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

// OlderPosting is a bill or credit that was posted to an account before the
// mapping of that account was changed. It stays as it is until somebody
// decides otherwise.
type OlderPosting struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Number   string `json:"number"`
	Vendor   string `json:"vendor"`
	Settings int64  `json:"settings"` // version that it was posted under
	Account  string `json:"account"`  // Cin7 code that it stands on
	Now      string `json:"now"`      // the one that the mapping says today, "" none
}

// mostOlder bounds the list of older postings.
const mostOlder = 1000

// MappingsOf reads the mapping of a tenant with its versions, and looks
// through the bills and credits for what older ones left behind.
func MappingsOf(ctx context.Context, rooms Rooms, t *tenant.Tenant) (*Mappings, error) {
	versions, err := rooms.Tenants.MappingVersions(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	out := &Mappings{Version: t.Version, Mapping: t.Sync.Mapping, Versions: versions, Older: []OlderPosting{}}
	moved := movedAccounts(versions)
	slices.Reverse(out.Versions)
	if len(moved) == 0 {
		return out, nil
	}
	for _, typ := range []string{"vendorbill", "vendorcredit"} {
		f := state.Filter{Type: typ, Limit: 1000}
		for {
			page, err := rooms.States.Tenant(t.ID).List(ctx, f)
			if err != nil {
				return nil, err
			}
			for _, r := range page.Records {
				if x, ok := olderPosting(r, moved); ok {
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

// move is a Cin7 account that a mapping left at a version.
type move struct {
	version  int64
	from, to string
}

// movedAccounts are the accounts that entries of the mapping left, in order.
func movedAccounts(versions []tenant.MappingVersion) []move {
	var out []move
	for _, v := range versions {
		for _, c := range v.Changes {
			if c.Table == "accounts" && c.From != "" {
				out = append(out, move{v.Version, c.From, c.To})
			}
		}
	}
	return out
}

// olderPosting says whether a record was posted to an account that the mapping
// has left since. It is pure.
func olderPosting(r state.Record, moved []move) (OlderPosting, bool) {
	posted, err := strconv.ParseInt(r.Facts[state.FactSettings], 10, 64)
	if err != nil {
		return OlderPosting{}, false
	}
	accounts := strings.Split(r.Facts[state.FactAccounts], ",")
	for _, m := range moved {
		if posted < m.version && slices.Contains(accounts, m.from) {
			return OlderPosting{Type: r.Type, ID: r.ID, Number: r.Facts[state.FactNumber], Vendor: r.Facts[state.FactParty], Settings: posted, Account: m.from, Now: m.to}, true
		}
	}
	return OlderPosting{}, false
}
