package reconcile

// Title is a class in words.
func Title(class string) string {
	switch class {
	case Waiting:
		return "Waiting: not yet due"
	case Parked:
		return "Parked: needs a decision in the service"
	case Skipped:
		return "Left out on purpose"
	case ReceivedNotBilled:
		return "Received, not yet billed"
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
	InStep = "in_step" // nobody has to act
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
	if len(p.Differences) == 0 {
		return "The books agree: no differences."
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
