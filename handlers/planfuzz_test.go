package handlers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A plan comes from a file that anybody may have edited: it is refused, or it
// is the plan that was made, to the last call.
func FuzzReadPlan(f *testing.F) {
	made := &Plan{Schema: PlanSchema, Tenant: "acme", Name: "Acme", Settings: 3, MadeAt: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), Asked: []string{"vendorbill:1"},
		Calls: []Call{{Number: 1, Record: "vendorbill:1", For: "vendorbill:1", Operation: "draft_invoice", Why: "bill 1", Method: "POST", Path: "advanced-purchase/invoice",
			Body: json.RawMessage(`{"TaskID":"{purchase}","Lines":[{"Price":12.50}]}`)}},
		Outcomes: []Outcome{{Record: "vendorbill:1", State: "completed"}}, Sources: []Source{{Record: "vendorbill:1", NetSuite: "a"}}}
	made.seal()
	good, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append(good, good...))
	f.Add(good[:len(good)/2])
	for _, s := range []string{"", "null", "{}", `{"schema":"ml-connector.plan/1"}`, `{"schema":"ml-connector.plan/1","hash":"x","calls":[{"body":{}}]}`, `{"calls":null,"Calls":[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := ReadPlan(file)
		if err != nil {
			return
		}
		if p.Hash == made.Hash {
			if len(p.Calls) != 1 || !p.Calls[0].same(made.Calls[0]) || p.Tenant != made.Tenant || p.Settings != made.Settings || !cmp.Equal(p.Sources, made.Sources) {
				t.Fatalf("another plan has the same hash: %+v", p)
			}
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := ReadPlan(again); err != nil || q.Hash != p.Hash {
			t.Fatalf("a plan that was read cannot be written and read: %v", err)
		}
	})
}
