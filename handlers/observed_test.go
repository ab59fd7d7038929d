package handlers

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// What lineAccounts writes for people, UnmappedAccounts counts for the metric.
func TestUnmappedAccounts(t *testing.T) {
	line := func(id netsuite.ID, number, name, amount string) netsuite.BillLine {
		return netsuite.BillLine{ID: id, Account: netsuite.Account{ID: id, Number: number, Name: name, Type: "Expense"}, Amount: decimal.RequireFromString(amount)}
	}
	refs := &reference{Chart: []cin7.Account{{Code: "429", Name: "Sundry Penalty", Status: "ACTIVE", Class: "EXPENSE"}}}
	bill := netsuite.Bill{}
	bill.Currency = "USD"
	var parked []state.Record
	for _, lines := range [][]netsuite.BillLine{
		{line(1, "6990", "Sundry Penalties", "240.00"), line(2, "", "Mystery", "-60.00")},
		{line(3, "7000", "Fees (bank), other", "1.00"), line(1, "6990", "Sundry Penalties", "3.10")},
	} {
		_, ps := lineAccounts(&tenant.Tenant{}, refs, bill, lines)
		p := joinProblems(ps)
		parked = append(parked, state.Record{Reason: p.Reason, Message: p.Message})
	}
	parked = append(parked, state.Record{Reason: ParkUnbalanced, Message: "NetSuite account 1 X (2.00 USD)"})
	got := slices.Sorted(maps.Keys(UnmappedAccounts(parked)))
	want := []string{"6990 Sundry Penalties", "7000 Fees (bank), other", "Mystery (id:2)"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-), want (+):\n%s\nof %q", diff, parked)
	}
}

// Of a minute's calls, those are left that were not used in it; a pause leaves
// none.
func TestBudgetLeftOfMinute(t *testing.T) {
	b := NewBudget(redistest.Embedded(t))
	tn := &tenant.Tenant{}
	tn.Cin7.CallsPerMinute = 50
	creds := tenant.Credentials{Cin7Key: secret.New("k")}
	for spent := range 3 {
		for range 2 {
			if got, err := b.LeftOfMinute(t.Context(), tn, creds); err != nil || got != 50-spent {
				t.Errorf("after %d calls: got %d, %v", spent, got, err)
			}
		}
		if err := b.wait(t.Context(), creds.Cin7Key, 50, time.Now); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Refused(t.Context(), creds.Cin7Key, time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, err := b.LeftOfMinute(t.Context(), tn, creds); err != nil || got != 0 {
		t.Errorf("in a pause: got %d, %v", got, err)
	}
}

// Looking at the budget spends none of it. The limiter rounds a part of a call
// down.
func TestBudgetRemaining(t *testing.T) {
	b := NewBudget(redistest.Embedded(t))
	tn := &tenant.Tenant{}
	tn.Cin7.CallsPerMinute = 50
	creds := tenant.Credentials{Cin7Key: secret.New("k")}
	for spent := range 3 {
		for range 3 {
			if got, err := b.Remaining(t.Context(), tn, creds); err != nil || got < burst-spent-1 || got > burst {
				t.Errorf("after %d calls: got %d, %v, want at least %d", spent, got, err, burst-spent-1)
			}
		}
		if err := b.wait(t.Context(), creds.Cin7Key, 50, time.Now); err != nil {
			t.Fatal(err)
		}
	}
}
