package handlers

import (
	"slices"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// MappingChange is what a new mapping does to the accounts in use.
type MappingChange struct {
	Before string          `json:"before"` // as Accounts.Sentence
	After  string          `json:"after"`
	Moves  []AccountChange `json:"moves"` // accounts whose Cin7 account changes
}

// AccountChange is one account that a new mapping sends elsewhere.
type AccountChange struct {
	ID     netsuite.ID `json:"netsuite_id"`
	Number string      `json:"number,omitempty"`
	Name   string      `json:"name"`
	From   string      `json:"from,omitempty"` // Cin7 code, "" unmapped
	To     string      `json:"to,omitempty"`
	Lines  int         `json:"lines"` // of the period that was looked at
}

// Compare says what changes with another mapping, before it counts. It is pure.
func (u *Usage) Compare(t *tenant.Tenant, to tenant.Mapping) MappingChange {
	other := *t
	other.Sync.Mapping = to
	before, after := u.Evaluate(t), u.Evaluate(&other)
	out := MappingChange{Before: before.Sentence(), After: after.Sentence(), Moves: []AccountChange{}}
	for _, a := range after.Accounts {
		i := slices.IndexFunc(before.Accounts, func(b AccountUse) bool { return b.ID == a.ID })
		if was := before.Accounts[i]; was.Code != a.Code {
			out.Moves = append(out.Moves, AccountChange{ID: a.ID, Number: a.Number, Name: a.Name, From: was.Code, To: a.Code, Lines: a.Lines})
		}
	}
	return out
}
