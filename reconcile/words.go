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

// Verdict is the report in one sentence.
func (p *Report) Verdict() string {
	switch {
	case p.OK && len(p.Differences) == 0:
		return "The books agree: no differences."
	case p.OK:
		return "The books tie out: every difference is explained."
	}
	return "The books do not tie out: " + count(p.NeedPerson, "difference needs", "differences need") + " a person."
}
