package console

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
	"github.com/ml-connector/ml-connector/tenant"
)

// words is a closed-set name for people: order_changed becomes order changed.
func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

// typeName is a record type as a bookkeeper calls it.
func typeName(s string) string {
	if n, ok := map[string]string{"vendor": "Vendor", "purchaseorder": "Purchase order", "itemreceipt": "Item receipt", "vendorbill": "Bill", "vendorcredit": "Vendor credit"}[s]; ok {
		return n
	}
	return s
}

// stateName is a record's state for people.
func stateName(s string) string {
	if n, ok := map[string]string{"completed": "In step", "pending": "To do", "running": "Under way", "skipped": "Left out"}[s]; ok {
		return n
	}
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// choice is what a setting of the tenant file chooses.
func choice(s string) string {
	if n, ok := map[string]string{
		"INVOICE": "the invoice, then the goods (INVOICE)", "STOCK": "the goods, then the invoice (STOCK)",
		"item_receipt": "as NetSuite's item receipts say", "bill_approved": "when the bill is approved", "bill_paid": "when the bill is paid", "never": "by people, not by the connector",
		"purchase": "a purchase of their own", "journal": "a journal", "skip": "nothing: they are left out",
		"park": "set aside (parked) for a person", "next_open_day": "posted on the next open day", "void_and_repost": "voided and posted again",
		"secret": "the secret", "allowlist": "an allowed address", "both": "the secret and an allowed address",
	}[s]; ok {
		return n
	}
	return words(s)
}

// secretName is a secret of the tenant file for people.
func secretName(key string) string {
	s := strings.NewReplacer("cin7.", "Cin7 ", "netsuite.", "NetSuite ", "webhook.secrets[0]", "Webhook secret 1", "webhook.secrets[1]", "Webhook secret 2").Replace(key)
	return words(s)
}

// howMatched is the rule by which an account found its Cin7 account.
func howMatched(how string) string {
	if n, ok := map[string]string{"mapping": "by this table", "code": "same number", "name": "same name", "display name": "same display name"}[how]; ok {
		return n
	}
	return how
}

// accountType is a type of a NetSuite account in the words of its screens.
func accountType(s string) string {
	if n, ok := map[string]string{"AcctPay": "Accounts payable", "AcctRec": "Accounts receivable", "COGS": "Cost of goods sold", "CredCard": "Credit card", "DeferExpense": "Deferred expense",
		"DeferRevenue": "Deferred revenue", "FixedAsset": "Fixed asset", "LongTermLiab": "Long term liability", "OthAsset": "Other asset", "OthCurrAsset": "Other current asset",
		"OthCurrLiab": "Other current liability", "OthExpense": "Other expense", "OthIncome": "Other income"}[s]; ok {
		return n
	}
	return s
}

// standing is a record's state as its pill shows it.
type standing struct{ Class, Name string }

// recordState is where a record stands. What NetSuite does not have is in step
// with nothing: it says so.
func recordState(r state.Record) standing {
	if absent(r) {
		return standing{"absent", "Not in NetSuite"}
	}
	return standing{string(r.State), stateName(string(r.State))}
}

func absent(r state.Record) bool {
	return r.State == queue.Completed && r.Reason == state.ReasonAbsent
}

// reasonName is a park or wait reason for people.
func reasonName(s string) string {
	if n, ok := reasonNames[s]; ok {
		return n
	}
	return words(s)
}

// reasonNames puts reasons in a clerk's words.
var reasonNames = map[string]string{
	"unmapped_account": "No Cin7 account for a NetSuite account", "unmapped_tax": "No Cin7 tax rule", "unmapped_term": "No Cin7 payment term",
	"unknown_sku": "No such product in Cin7", "unknown_charge": "No service product for an expense", "unknown_location": "No such location in Cin7",
	"ambiguous_supplier": "Several suppliers fit", "currency_mismatch": "Another currency than the supplier's", "unit_mismatch": "Units do not convert",
	"unbalanced": "The document does not add up", "period_locked": "The period is locked", "over_receipt": "More received than ordered",
	"group_conflict": "Cin7 cannot pair invoice and goods", "order_changed_after_authorise": "Order changed after it was authorised",
	"bill_changed_after_post": "Bill changed after it was posted", "voided_after_post": "Voided after it was posted", "edited_in_cin7": "Edited in Cin7 by hand",
	"needs_approval": "Waits for an approval", "cin7_refused": "Cin7 refused it", "netsuite_hidden": "NetSuite does not show it",
	"two_candidates": "Two Cin7 documents fit", "outcome_unknown": "Outcome of a call is unknown", "poison": "The program cannot work on it",
	"approval": "Not approved in NetSuite yet", "vendor": "Its vendor is not in step", "order": "Its order is not in step", "receipt": "Waits for the goods",
	"bill": "Waits for the bill", "budget": "The Cin7 calls of this minute are spent", "retry": "Tried again soon", "settling": "A call is being looked up",
	"credentials": "A system refuses our credentials", "still_failing": "Keeps failing", "plan_only": "A rehearsal: nothing is written", "operator": "Left out on purpose",
	state.ReasonAbsent: "NetSuite has no such record", "no_purchase_order": "Comes from no purchase order",
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes a whole number with a thin gap, which no locale misreads.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// query writes a query string of pairs, leaving empty values out.
func query(pairs ...any) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := fmt.Sprint(pairs[i+1]); v != "" {
			q.Set(fmt.Sprint(pairs[i]), v)
		}
	}
	return "?" + q.Encode()
}

// money is an amount with two decimals and a gap between thousands.
func money(d decimal.Decimal) string {
	s := d.StringFixed(2)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil { // longer than any ledger
		return sign + s
	}
	return sign + thousands(n) + "." + frac
}

// hundredths is an amount that is kept in hundredths, with its currency.
func hundredths(n int64, currency string) string {
	return strings.TrimSpace(money(decimal.New(n, -2)) + " " + currency)
}

// tab is an entry of a tenant's navigation.
type tab struct {
	URL, Name string
	Here      bool
}

func tabOf(t *tenant.Tenant, here, path, name string) tab {
	return tab{Base + "/t/" + t.ID + "/" + path, name, here == path}
}

// verdictPage is where the overview's verdict leads.
func verdictPage(g glance) string {
	switch {
	case strings.Contains(g.Verdict.Text, "a person"):
		return "parked"
	case strings.Contains(g.Verdict.Text, "books"):
		return "tie-out"
	case strings.Contains(g.Verdict.Text, "NetSuite"), g.Verdict.Text == "Behind", strings.HasPrefix(g.Verdict.Text, "Held"):
		return "runs"
	case strings.Contains(g.Verdict.Text, "redentials"), strings.Contains(g.Verdict.Text, "ertificate"), g.Verdict.Text == "Paused":
		return "settings"
	}
	return ""
}

func groupSum(groups []cause) int64 {
	n := int64(0)
	for _, g := range groups {
		n += int64(g.N)
	}
	return n
}

// missing names the accounts in use that find none in Cin7.
func missing(a Accounts) []string {
	var names []string
	for _, row := range a.Rows {
		if row.Cin7 == "" {
			names = append(names, row.Key+" "+row.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ")}
}

// hookClass is the colour of a webhook's verdict.
func hookClass(verdict string) string {
	switch verdict {
	case "accepted", "ignored":
		return "completed"
	}
	return "parked"
}

// minutes is how long something takes, for people.
func minutes(m float64) string {
	switch {
	case m < 1:
		return "less than a minute"
	case m < 120:
		return count(int64(m+0.5), "minute", "minutes")
	}
	return count(int64(m/60+0.5), "hour", "hours")
}

// lasting is a short time for people.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < time.Minute:
		return count(int64((d+time.Second/2)/time.Second), "second", "seconds")
	}
	return minutes(d.Minutes())
}
