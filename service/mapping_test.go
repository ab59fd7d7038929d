package service

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// What stands on an account that the mapping has left is listed, however the
// account was found when it was posted.
func TestOlderPosting(t *testing.T) {
	change := func(version int64, key, from, to string) tenant.MappingVersion {
		return tenant.MappingVersion{Version: version, Changes: []tenant.MappingChange{{Table: "accounts", Key: key, From: from, To: to}}}
	}
	first := tenant.MappingVersion{Version: 1, Changes: []tenant.MappingChange{{Table: "accounts", Key: "5000", To: "429"}}}
	record := func(settings, accounts, posted string) state.Record {
		return state.Record{Ref: queue.Ref{Type: "vendorbill", ID: "7"}, Facts: map[string]string{state.FactSettings: settings, state.FactAccounts: accounts, state.FactPosted: posted}}
	}
	for name, c := range map[string]struct {
		record   state.Record
		versions []tenant.MappingVersion
		want     string // the code it stands on, "" when it is not listed
		now      string
	}{
		"entry changed":                     {record("1", "429", "161/5000=429"), []tenant.MappingVersion{first, change(2, "5000", "429", "465")}, "429", "465"},
		"entry removed":                     {record("1", "429", "161/5000=429"), []tenant.MappingVersion{first, change(2, "5000", "429", "")}, "429", ""},
		"entry added for one that matched":  {record("1", "1200,470", "161/6100=470,111/1200=1200"), []tenant.MappingVersion{first, change(2, "6100", "", "465")}, "470", "465"},
		"entry added by id":                 {record("1", "470", "161/6100=470"), []tenant.MappingVersion{first, change(2, "id:161", "", "465")}, "470", "465"},
		"entry by name":                     {record("1", "429", "161/=429"), []tenant.MappingVersion{first, change(2, "Office", "429", "465")}, "429", "465"},
		"changed and back":                  {record("1", "429", "161/5000=429"), []tenant.MappingVersion{first, change(2, "5000", "429", "465"), change(3, "5000", "465", "429")}, "", ""},
		"posted after the change":           {record("2", "465", "161/5000=465"), []tenant.MappingVersion{first, change(2, "5000", "429", "465")}, "", ""},
		"of an account it does not post to": {record("1", "429", "161/5000=429"), []tenant.MappingVersion{first, change(2, "6100", "470", "465")}, "", ""},
		"the first mapping":                 {record("0", "429", "161/5000=429"), []tenant.MappingVersion{first}, "", ""},
		"never posted":                      {record("", "429", "161/5000=429"), []tenant.MappingVersion{first, change(2, "5000", "429", "465")}, "", ""},
		"posted before accounts were kept":  {record("1", "429", ""), []tenant.MappingVersion{first, change(2, "5000", "429", "465")}, "429", "465"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := olderPosting(&tenant.Tenant{Version: 3}, c.record, movedAccounts(c.versions))
			if d := cmp.Diff([]any{ok, got.Account, got.Now}, []any{c.want != "", c.want, c.now}); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
		})
	}
}

// An order that holds another product than the mapping gives its item today is
// listed, however the mapping names the item.
func TestOlderOrder(t *testing.T) {
	record := func(settings, products string) state.Record {
		return state.Record{Ref: queue.Ref{Type: "purchaseorder", ID: "7"}, Facts: map[string]string{state.FactSettings: settings, state.FactProducts: products}}
	}
	const both = "item:2001//WEB-25%2FBLK%2C+wide=WEB-25%2FBLK%2C+wide,charge:151/5100/Freight+In=Inbound+freight"
	items := func(from, to string) tenant.Mapping {
		return tenant.Mapping{Items: map[string]string{from: to}, Charges: map[string]string{"5100": "Inbound freight"}}
	}
	for name, c := range map[string]struct {
		record   state.Record
		mapping  tenant.Mapping
		was, now string
		listed   bool
	}{
		"nothing changed":                 {record("1", both), items("OTHER", "X"), "", "", false},
		"item by name":                    {record("1", both), items("WEB-25/BLK, wide", "WEB"), "WEB-25/BLK, wide", "WEB", true},
		"item by id":                      {record("1", both), items("id:2001", "WEB"), "WEB-25/BLK, wide", "WEB", true},
		"item in other letters":           {record("1", both), items("id:2001", "web-25/blk, WIDE"), "", "", false},
		"charge by number":                {record("1", both), tenant.Mapping{Charges: map[string]string{"5100": "Carriage"}}, "Inbound freight", "Carriage", true},
		"charge by name":                  {record("1", both), tenant.Mapping{Charges: map[string]string{"Freight In": "Carriage"}}, "Inbound freight", "Carriage", true},
		"charge for all others":           {record("1", both), tenant.Mapping{Charges: map[string]string{"*": "Carriage"}}, "Inbound freight", "Carriage", true},
		"charge no longer":                {record("1", both), tenant.Mapping{}, "Inbound freight", "", true},
		"posted under this version":       {record("3", both), items("id:2001", "WEB"), "", "", false},
		"never posted":                    {record("", both), items("id:2001", "WEB"), "", "", false},
		"posted before they were kept":    {record("1", ""), items("id:2001", "WEB"), "", "", false},
		"kept in a form that is not ours": {record("1", "item:x/y=z,charge,=,item:1/2=3"), items("id:1", "WEB"), "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			today := &tenant.Tenant{Version: 3}
			today.Sync.Mapping = c.mapping
			got, ok := olderPosting(today, c.record, nil)
			if d := cmp.Diff([]any{ok, got.Product, got.Now, got.Account}, []any{c.listed, c.was, c.now, ""}); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
		})
	}
}
