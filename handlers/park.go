package handlers

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons why a record is parked: it needs a person. docs/parked.md has a
// section for each.
const (
	ParkUnmappedAccount   = "unmapped_account"
	ParkUnmappedTax       = "unmapped_tax"
	ParkUnmappedTerm      = "unmapped_term"
	ParkUnknownSKU        = "unknown_sku"
	ParkUnknownCharge     = "unknown_charge"
	ParkUnknownLocation   = "unknown_location"
	ParkAmbiguousSupplier = "ambiguous_supplier"
	ParkCurrencyMismatch  = "currency_mismatch"
	ParkUnitMismatch      = "unit_mismatch"
	ParkUnbalanced        = "unbalanced"
	ParkPeriodLocked      = "period_locked"
	ParkOverReceipt       = "over_receipt"
	ParkGroupConflict     = "group_conflict"
	ParkOrderChanged      = "order_changed_after_authorise"
	ParkBillChanged       = "bill_changed_after_post"
	ParkVoidedAfterPost   = "voided_after_post"
	ParkEditedInCin7      = "edited_in_cin7"
	ParkNeedsApproval     = "needs_approval"
	ParkCin7Refused       = "cin7_refused"
	ParkNetSuiteHidden    = "netsuite_hidden"
	ParkTwoCandidates     = "two_candidates"
	ParkOutcomeUnknown    = "outcome_unknown"
	ParkStillFailing      = "still_failing"
	ParkPoison            = "poison"
)

// ParkReasons lists every reason that this version can give.
var ParkReasons = [...]string{
	ParkUnmappedAccount, ParkUnmappedTax, ParkUnmappedTerm, ParkUnknownSKU, ParkUnknownCharge, ParkUnknownLocation,
	ParkAmbiguousSupplier, ParkCurrencyMismatch, ParkUnitMismatch, ParkUnbalanced, ParkPeriodLocked, ParkOverReceipt, ParkGroupConflict,
	ParkOrderChanged, ParkBillChanged, ParkVoidedAfterPost, ParkEditedInCin7, ParkNeedsApproval, ParkCin7Refused,
	ParkNetSuiteHidden, ParkTwoCandidates, ParkOutcomeUnknown, ParkStillFailing, ParkPoison,
}

// The reasons why a record waits: it goes on by itself.
const (
	WaitApproval = "approval"    // NetSuite has not approved it yet
	WaitVendor   = "vendor"      // its vendor is parked or waits
	WaitOrder    = "order"       // its purchase order is parked or waits
	WaitReceipt  = "receipt"     // a bill waits for the goods
	WaitBill     = "bill"        // a receipt waits for the bill
	WaitBudget   = "budget"      // the Cin7 calls of this minute are spent
	WaitRetry    = "retry"       // an upstream did not answer
	WaitSettling = "settling"    // a write's outcome is not known yet
	WaitUpstream = "credentials" // an upstream refuses our credentials
	WaitPlanOnly = "plan_only"   // sync.mode is plan_only: what would be done is said
)

// WaitReasons lists every reason why a record may wait.
var WaitReasons = [...]string{
	WaitApproval, WaitVendor, WaitOrder, WaitReceipt, WaitBill, WaitBudget, WaitRetry, WaitSettling, WaitUpstream, WaitPlanOnly,
}

// Problem is why a record is parked: a sentence that says what is wrong, with
// names and amounts, and one that says what to do. It is an error so that the
// pure functions can return it.
type Problem struct {
	Reason  string
	Message string
	Fix     string

	also []string // further reasons, of problems that were joined
}

// reasons are all reasons of a problem, of which a record shows the first.
func (p *Problem) reasons() []string { return append([]string{p.Reason}, p.also...) }

func (p *Problem) Error() string { return p.Reason + ": " + p.Message }

func problem(reason, fix, format string, args ...any) *Problem {
	return &Problem{Reason: reason, Message: fmt.Sprintf(format, args...), Fix: fix + " (docs/parked.md#" + reason + ")"}
}

// Wait is why a record waits. Zero At waits for the next mark.
type Wait struct {
	Reason  string
	Message string
	At      time.Time
	Failed  bool // counts an attempt
}

func (w *Wait) Error() string { return w.Reason + ": " + w.Message }

// joinProblems makes one problem of several: the first one's reason, all
// messages. nil when there are none.
func joinProblems(ps []*Problem) *Problem {
	if len(ps) == 0 {
		return nil
	}
	if len(ps) == 1 {
		return ps[0]
	}
	out := *ps[0]
	out.also = nil
	var msgs, fixes []string
	seen := map[string]bool{}
	for _, p := range ps {
		msgs = append(msgs, p.Message)
		out.also = append(out.also, p.reasons()...)
		if !seen[p.Fix] {
			seen[p.Fix] = true
			fixes = append(fixes, p.Fix)
		}
	}
	out.Message, out.Fix = strings.Join(msgs, "; "), strings.Join(fixes, "; ")
	return &out
}

func isProblem(err error) bool {
	_, ok := asProblem(err)
	return ok
}

// asProblem and asWait unwrap the two ways a unit can stop.
func asProblem(err error) (*Problem, bool) {
	var p *Problem
	return p, errors.As(err, &p)
}

func asWait(err error) (*Wait, bool) {
	var w *Wait
	return w, errors.As(err, &w)
}
