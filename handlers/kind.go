package handlers

// kind is an operation: one call to Cin7 that changes something, in the words
// of state.Intent.Op.
type kind struct {
	name string
	// creates: it makes an object that nothing but a search finds. It is looked
	// for before the call, and after an uncertain answer looked for twice. All
	// other operations are on a known id: a read of it shows what they did.
	creates bool
	// counts: what it does counts, in the books, the stock or towards the
	// supplier. It goes only to the one purchase of its record: that there is
	// no second one is looked up first, once in a turn.
	counts bool
}

// kinds are all operations. Proofs of crashes and lost answers take their list
// from here, so an operation that is missing here is refused by write.
var kinds = [...]kind{
	{name: opCreateSupplier, creates: true},
	{name: opUpdateSupplier},
	{name: opCreatePurchase, creates: true},
	{name: opVoidPurchase},
	{name: opVoidStray},
	{name: opSetRate},
	{name: opPostOrder, counts: true},
	{name: opDraftInvoice},
	{name: opAuthoriseInvoice, counts: true},
	{name: opUndoPurchase, counts: true},
	{name: opUndoInvoice, counts: true},
	{name: opVoidInvoice, counts: true},
	{name: opDraftStock},
	{name: opDraftPutAway},
	{name: opPostStock, counts: true},
	{name: opReplaceStock, counts: true},
	{name: opVoidStock, counts: true},
	{name: opPostPutAway, counts: true},
	{name: opDraftCredit},
	{name: opAuthoriseCredit, counts: true},
	{name: opVoidCredit, counts: true},
	{name: opDraftJournal, creates: true},
	{name: opReplaceJournal},
	{name: opCompleteJournal, counts: true},
	{name: opUndoJournal, counts: true},
	{name: opVoidJournal, counts: true},
}

// kindOf finds an operation by its name.
func kindOf(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

// WriteOperations are the names of all operations: every call to Cin7 that
// changes something, as records and metrics tell of it.
func WriteOperations() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.name
	}
	return out
}
