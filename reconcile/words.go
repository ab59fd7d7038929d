package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Title is a class in words.
func Title(class string) string {
	switch class {
	case Waiting:
		return "Waiting: not yet due"
	case Parked:
		return "Parked: held back until somebody decides"
	case Skipped:
		return "Left out on purpose"
	case ReceivedNotBilled:
		return "Received, bill not yet there"
	case Timing:
		return "On another date"
	case Rounding:
		return "Rounding"
	case Tax:
		return "Tax"
	case ExchangeRate:
		return "Exchange rate"
	case OlderMapping:
		return "Posted under an older mapping"
	case EditedInCin7:
		return "Changed in Cin7 by hand"
	case OnlyInCin7:
		return "Only in Cin7"
	case OnlyInNetSuite:
		return "Only in NetSuite"
	}
	return "Unexplained"
}

// ResultInWords is what came of a document, in words: its classes, or that it agrees.
func (d Document) ResultInWords() string {
	if d.Result == "equal" {
		return "agrees"
	}
	var out []string
	for c := range strings.SplitSeq(d.Result, ", ") {
		out = append(out, Title(c))
	}
	return strings.Join(out, "; ")
}

// Worth is the amount at the head of a difference: what it adds to the
// payables, else what stands on other accounts than it should.
func (x Difference) Worth() string { return x.worth("") }

// worth names the currency where it is not plain from what stands around.
func (x Difference) worth(currency string) string {
	amount := func(d decimal.Decimal) string {
		if currency == "" {
			return thousands(d.StringFixed(2))
		}
		return money(d) + " " + currency
	}
	if x.Goods != nil {
		return x.Goods.Difference.String() + " × " + x.Goods.SKU
	}
	if !x.Base.IsZero() || len(x.Lines) == 0 {
		return amount(x.Base)
	}
	moved := decimal.Zero
	for _, l := range x.Lines {
		if l.Base.IsPositive() {
			moved = moved.Add(l.Base)
		}
	}
	return amount(moved) + " between accounts"
}

// InWords is the dates of a document, both where they differ.
func (d Dated) InWords() string {
	if d.NetSuite != "" && d.Cin7 != "" && d.NetSuite != d.Cin7 {
		return d.NetSuite + " in NetSuite, " + d.Cin7 + " in Cin7"
	}
	return max(d.NetSuite, d.Cin7)
}

// docType is a type of document in words.
func docType(t string) string {
	switch t {
	case "vendorbill":
		return "Bill"
	case "vendorcredit":
		return "Credit"
	case "purchaseorder":
		return "Order"
	case "journal":
		return "Journal"
	}
	return "Ledger"
}

// How the books stand, in one word: Standing.
const (
	InStep = "in_step" // nothing differs without a reason, and nothing is parked
	Held   = "held"    // in step except for what is parked: somebody has to decide
	Apart  = "apart"   // something differs that needs a person
)

// Standing judges books by what a reconciliation found: what needs a person
// (in hundredths, or any count), and the parked documents. A difference that
// is only parked is explained, and yet it is no reason to stop looking.
func Standing(unexplained, parked int64) string {
	switch {
	case unexplained != 0:
		return Apart
	case parked != 0:
		return Held
	}
	return InStep
}

// Verdict is the report in one sentence.
func (p *Report) Verdict() string {
	parked := ""
	if p.Parked.Documents > 0 {
		parked = count(p.Parked.Documents, "parked document", "parked documents")
		if !p.Parked.Worth.IsZero() {
			parked += " worth " + p.Parked.Worth.StringFixed(2) + " " + p.BaseCurrency
		}
	}
	waits := "which somebody must decide about"
	if len(p.Parked.Reasons) > 0 {
		var why []string
		for _, r := range slices.Sorted(maps.Keys(p.Parked.Reasons)) {
			why = append(why, fmt.Sprintf("%s: %d", strings.ReplaceAll(r, "_", " "), p.Parked.Reasons[r]))
		}
		waits += " (" + strings.Join(why, ", ") + ")"
	}
	switch p.Standing {
	case Held:
		return "The books are in step except for " + parked + ", " + waits + "."
	case Apart:
		s := "The books do not tie out: " + count(p.NeedPerson, "difference needs", "differences need") + " a person"
		if parked != "" {
			s += ", besides " + parked + ", " + waits
		}
		return s + "."
	}
	if len(p.Differences) == 0 && len(p.Documents) == 0 && p.Goods.Orders == 0 {
		return "There is nothing to compare: neither system has a bill, a credit or a receipt in this period."
	}
	if len(p.Differences) == 0 {
		return "The books agree: no differences."
	}
	for _, c := range p.Classes {
		if c.Class == Waiting { // what it waits for may be a person: an approval in NetSuite
			return "The books tie out so far: every difference is explained, and " + count(c.Differences, "of them waits", "of them wait") + " for what it names."
		}
	}
	return "The books tie out: every difference is explained, and nobody has to act."
}

// actOn says what a class asks of whom.
func actOn(c ClassTotal) string {
	switch {
	case c.NeedsPerson:
		return "needs a person"
	case c.Class == Parked:
		return "needs a decision"
	}
	return ""
}
