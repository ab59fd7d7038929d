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
			got, ok := olderPosting(c.record, movedAccounts(c.versions))
			if d := cmp.Diff([]any{ok, got.Account, got.Now}, []any{c.want != "", c.want, c.now}); d != "" {
				t.Errorf("(-got +want)\n%s", d)
			}
		})
	}
}
