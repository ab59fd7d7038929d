package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// HoldReasons are the reasons why a lane is held back as a whole: Cin7's calls
// are spent, an upstream does not answer, an upstream refuses our credentials.
// They begin the text of state.Held.
var HoldReasons = [...]string{WaitBudget, WaitRetry, WaitUpstream}

// Remaining is how many calls to Cin7 the tenant may send at once now, 0 to
// the burst, a started call rounded down. Asking spends none.
func (b *Budget) Remaining(ctx context.Context, t *tenant.Tenant, c tenant.Credentials) (int, error) {
	n, err := b.ask(ctx, "look", c.Cin7Key, t.Cin7.CallsPerMinute, 0, 0)
	if err != nil {
		return 0, fmt.Errorf("read the call budget of %s: %w", t.ID, err)
	}
	return int(n), nil
}

// LeftOfMinute is how many of a minute's calls to Cin7 the tenant has not used
// in the last 60 seconds; 0 while Cin7 has us pause. They are spread over the
// minute, so that not all of them may go at once. Asking spends none.
func (b *Budget) LeftOfMinute(ctx context.Context, t *tenant.Tenant, c tenant.Credentials) (int, error) {
	n, err := b.ask(ctx, "minute", c.Cin7Key, t.Cin7.CallsPerMinute, 0, 0)
	if err != nil {
		return 0, fmt.Errorf("read the call budget of %s: %w", t.ID, err)
	}
	return int(n), nil
}

// budgetKey names the limiter of an application key without showing the key.
func budgetKey(key secret.String) string {
	sum := sha256.Sum256([]byte(key.Reveal()))
	return "mlc:budget:{" + hex.EncodeToString(sum[:8]) + "}"
}

// unmappedName finds the accounts that lineAccounts names: each is followed by
// its amount and currency in brackets.
var unmappedName = regexp.MustCompile(`(?:NetSuite account |\), )(.+?) \(-?\d+\.\d\d [A-Z]{3}[;)]`)

// UnmappedAccounts are the NetSuite accounts that parked records name as
// matching no Cin7 account, each once.
func UnmappedAccounts(parked []state.Record) map[string]bool {
	out := map[string]bool{}
	for _, r := range parked {
		if r.Reason != ParkUnmappedAccount {
			continue
		}
		for _, m := range unmappedName.FindAllStringSubmatch(r.Message, -1) {
			out[m[1]] = true
		}
	}
	return out
}
